"""A long transfer on an idle stack in one formula.

``linear = latency + bytes / (efficiency x peak)``; every refresh that falls into it
adds a stall, so with n refreshes ``duration = linear + n stall`` and
``n = linear // (tREFI - stall)``. The refresh is counted from the start of the transfer,
so that the duration is a pure function of its bytes.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcore.config.hbm import HbmChannelConfig
from simcore.program.hbm.timing import TRANSACTION_BYTES
from simcore.units import PS_PER_NS

_PSEUDO_CHANNELS = 2


@dataclass(frozen=True, slots=True)
class RefreshStall:
    """A stall for every `period_ps` of undisturbed transfer.

    Attributes
    ----------
    period_ps : int
        tREFI less the stall.
    stall_ps : int
        What one refresh costs.
    """

    period_ps: int
    stall_ps: int


@dataclass(frozen=True, slots=True)
class FastPath:
    """Time of a sequential transfer on idle stacks.

    Attributes
    ----------
    read_latency_ns, write_latency_ns : float
        From the request to the end of the first burst, bank closed, without the burst.
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
        servers = value("channels") * _PSEUDO_CHANNELS * config.stacks
        peak = servers * TRANSACTION_BYTES / value("burst_ns")
        stall = None
        if config.refresh == "all_bank":
            stall_ps = round(value("refresh_stall_ns") * PS_PER_NS)
            interval_ps = round(value("refresh_interval_ns") * PS_PER_NS)
            stall = RefreshStall(interval_ps - stall_ps, stall_ps)
        return cls(
            read_latency_ns=value("activate_to_read_ns")
            + value("read_latency_ns")
            + value("command_ns")
            + value("burst_ns"),
            write_latency_ns=value("activate_to_write_ns")
            + value("write_latency_ns")
            + value("burst_ns"),
            bytes_per_ns=peak * value("stream_efficiency"),
            stall=stall,
        )
