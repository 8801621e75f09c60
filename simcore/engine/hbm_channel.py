"""The HBM of the chip: one half-duplex channel that every layer shares."""

from __future__ import annotations

from typing import Protocol

from simcore.config.hbm import HbmChannelConfig
from simcore.engine.hardware_block import HardwareBlock
from simcore.program.burst import BurstProgram
from simcore.program.hbm.fast_path import FastPath
from simcore.program.hbm.placement import Placement
from simcore.program.hbm.stack import HbmStack
from simcore.program.jitter import Jitter
from simcore.program.operation import HBM
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import FloatArray

#: A stack that has been idle for so long has closed its rows.
IDLE_PS = 100_000


class TransferringBurst(Protocol):
    """As much of a burst as the timing of its transfers depends on."""

    @property
    def request(self) -> int: ...  # noqa: D102
    @property
    def burst(self) -> int: ...  # noqa: D102
    @property
    def outcome(self) -> BurstOutcome: ...  # noqa: D102


class HbmChannel(HardwareBlock):
    """One transfer at a time, read or write."""

    __slots__ = ()


class StackTransfers:
    """Times every HBM transfer by the state of the stack when it starts.

    Where several requests share the chip, transfers follow each other with open rows,
    change direction, and meet refreshes at absolute times: those go through the state
    machine. A read on a stack that has been idle takes the fast path.

    Parameters
    ----------
    program : BurstProgram
        What bursts execute.
    config : HbmChannelConfig
        The channel of its hardware.
    jitter : Jitter, optional
        Random factors on top.
    """

    def __init__(
        self,
        program: BurstProgram,
        config: HbmChannelConfig,
        jitter: Jitter | None = None,
    ) -> None:
        self._table = program.table
        self._stack = HbmStack(config)
        self._fast = FastPath.of(config)
        self._placement = Placement(program, self._stack.map.n_transactions)
        self._jitter = jitter
        self._factors: dict[tuple[int, int], FloatArray] = {}
        self._free_ps = -IDLE_PS

    def is_timed(self, op: int) -> bool:
        """Whether operation `op` is a transfer."""
        return HBM in self._table.operations[op].resources

    def start(self, now_ps: int, run: TransferringBurst, op: int) -> tuple[int, int]:
        """Duration in ps of a transfer that starts now, and its row activations."""
        operation = self._table.operations[op]
        outcome, step = run.outcome, int(self._table.step[op])
        context = int(
            min(outcome.context_length + step, int(self._table.context_cap[op]))
        )
        read = round(operation.read_bytes.at(context, outcome.committed))
        written = round(operation.write_bytes.at(context, outcome.committed))
        n_bytes = read + written
        if now_ps - self._free_ps >= IDLE_PS and not written:
            duration = self._fast.duration_ps(n_bytes, is_write=False)
            activates = self._stack.pass_over(now_ps + duration, n_bytes)
        else:
            address = self._placement.address(run, op)
            end, activates = self._stack.transfer(
                now_ps, address, n_bytes, is_write=bool(written)
            )
            duration = end - now_ps
        if self._jitter is not None:
            duration = round(duration * self._factor(self._jitter, run, op))
        self._free_ps = now_ps + duration
        return duration, activates

    def _factor(self, jitter: Jitter, run: TransferringBurst, op: int) -> float:
        key = run.request, run.burst
        if key not in self._factors:
            # Bursts of a request come in order: the one before has ended.
            self._factors.pop((run.request, run.burst - 1), None)
            self._factors[key] = jitter.factors(*key, len(self._table))
        return float(self._factors[key][op])


def stack_transfers(
    program: BurstProgram, jitter: Jitter | None
) -> StackTransfers | None:
    """What times HBM transfers as they start; None where the program does."""
    memory = program.hardware.memory
    if not program.times_transfers or memory is None or memory.hbm.in_use is None:
        return None
    return StackTransfers(program, memory.hbm.in_use, jitter)
