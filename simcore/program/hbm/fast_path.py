"""A long transfer on an idle stack in one formula.

``linear = latency + bytes / (efficiency x peak)``; every refresh that falls into it
adds a stall, so with n refreshes ``duration = linear + n stall`` and
``n = max(linear - stall, 0) // (tREFI - stall)``. The first refresh is tREFI after the
start of the transfer, so that the duration is a pure function of its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcore.config.hbm import HbmChannelConfig
from simcore.program.stall import RefreshStall
from simcore.units import PS_PER_NS


@dataclass(frozen=True, slots=True)
class FastPath:
    """Time of a sequential transfer on idle stacks.

    Attributes
    ----------
    read_latency_ns, write_latency_ns : float
        From the request to the end of the first burst, bank closed.
    bytes_per_ns : float
        Rate of all stacks together (= GB/s).
    stall : RefreshStall or None
        None without refresh.
    """

    read_latency_ns: float
    write_latency_ns: float
    bytes_per_ns: float
    stall: RefreshStall | None

    @classmethod
    def of(cls, config: HbmChannelConfig) -> FastPath:
        """From the numbers of a channel."""
        value = config.value
        stall = None
        if config.refresh == "all_bank":
            stall_ps = round(value("refresh_stall_ns") * PS_PER_NS)
            interval_ps = round(value("refresh_interval_ns") * PS_PER_NS)
            stall = RefreshStall(interval_ps - stall_ps, stall_ps)
        return cls(
            read_latency_ns=config.unloaded_read_ns,
            write_latency_ns=config.unloaded_write_ns,
            bytes_per_ns=config.bytes_per_ns,
            stall=stall,
        )

    def duration_ps(self, n_bytes: int, *, is_write: bool) -> int:
        """Whole ps of a transfer of `n_bytes` over all stacks."""
        latency = self.write_latency_ns if is_write else self.read_latency_ns
        linear = round((latency + n_bytes * (1 / self.bytes_per_ns)) * PS_PER_NS)
        return linear if self.stall is None else int(self.stall.ps(linear))
