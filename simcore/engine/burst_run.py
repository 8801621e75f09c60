"""One burst in flight: which operations are ready, started, ended or cancelled."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from simcore.engine.clock import Clock
from simcore.program.decisions import Cancellation
from simcore.program.jitter import Jitter
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import IntArray, OperationTable
from simcore.units import MAX_TIME_PS, PS_PER_NS

#: States of an operation. Ready ones that wait for a grant are still `PENDING`.
PENDING, STARTED, ENDED, CANCELLED = range(4)

#: Predecessors that a cancelled operation is said to wait for: more than there are.
NEVER = 1 << 40


def hold_durations_ps(
    table: OperationTable,
    outcome: BurstOutcome,
    request: int = 0,
    burst: int = 0,
    jitter: Jitter | None = None,
) -> list[int]:
    """Duration of every hold of a burst, by op_id: all the engine knows of costs."""
    durations: list[int] = duration_array_ps(
        table, outcome, request, burst, jitter
    ).tolist()
    return durations


def duration_array_ps(
    table: OperationTable,
    outcome: BurstOutcome,
    request: int = 0,
    burst: int = 0,
    jitter: Jitter | None = None,
) -> IntArray:
    """As `hold_durations_ps`, shape (n_operations,)."""
    context, committed = outcome.context_length, outcome.committed
    if jitter is None:
        return table.durations_ps(context, committed)
    factors = jitter.factors(request, burst, len(table))
    scaled = table.durations_ns(context, committed) * factors * PS_PER_NS
    # An absurd cost times a large factor must not leave the clock's range.
    jittered: IntArray = np.rint(np.minimum(scaled, MAX_TIME_PS)).astype(np.int64)
    return jittered


class BurstRun:
    """State of one burst while its operations run.

    Attributes
    ----------
    ready_ps, start_ps, duration_ps : list of int
        By op_id; a layer gate's duration is known when it closes.
    state : bytearray
        By op_id: `PENDING`, `STARTED`, `ENDED` or `CANCELLED`.
    missing : list of int
        Predecessors that have neither ended nor been cancelled; of an operation
        without any, the launch of the burst.
    open_legs : dict
        For each layer gate in the table, the last operations that have not ended.
    closing : dict
        Operations in progress whose end closes a gate early, because the rest of
        their layer was cancelled: op_id to gate.
    cancellations : sequence of Cancellation
        What the burst's outcome cancels, and after which ends.
    activates : dict
        HBM row activations of transfers, by op_id, where they are counted.
    remaining : int
        Operations that have neither ended nor been cancelled.
    done : Event
        Succeeds when nothing remains.
    """

    __slots__ = (
        "activates",
        "burst",
        "cancellations",
        "closing",
        "done",
        "duration_ps",
        "launch_ps",
        "missing",
        "open_legs",
        "outcome",
        "ready_ps",
        "remaining",
        "request",
        "start_ps",
        "state",
        "undecided",
    )

    def __init__(
        self,
        clock: Clock,
        table: OperationTable,
        request: int,
        burst: int,
        outcome: BurstOutcome,
        duration_ps: list[int],
        cancellations: Sequence[Cancellation] = (),
    ) -> None:
        n_operations = len(table)
        self.request = request
        self.burst = burst
        self.outcome = outcome
        self.launch_ps = int(clock.now)
        self.duration_ps = duration_ps
        self.ready_ps = [0] * n_operations
        self.start_ps = [0] * n_operations
        self.state = bytearray(n_operations)
        self.missing = list(table.n_awaited)
        self.open_legs = {
            cell.gate: len(cell.exits) for cell in table.cells if cell.gate >= 0
        }
        self.closing: dict[int, int] = {}
        self.cancellations = cancellations
        # For each operation whose end may decide, the decisions it is part of.
        self.undecided: dict[int, list[list[int]]] = {}
        for number, cancellation in enumerate(cancellations):
            decision = [number, len(cancellation.after)]
            for op in cancellation.after:
                self.undecided.setdefault(op, []).append(decision)
        self.activates: dict[int, int] = {}
        self.remaining = n_operations
        self.done = clock.event()

    def arrays(self) -> tuple[IntArray, IntArray, IntArray]:
        """Ready, start and duration of every hold, in ps, by op_id."""
        return (
            np.array(self.ready_ps, dtype=np.int64),
            np.array(self.start_ps, dtype=np.int64),
            np.array(self.duration_ps, dtype=np.int64),
        )

    def executed(self) -> npt.NDArray[np.bool_] | None:
        """Which operations ran, by op_id; None when all did."""
        if not self.cancellations:
            return None
        ran: npt.NDArray[np.bool_] = (
            np.frombuffer(bytes(self.state), dtype=np.uint8) == ENDED
        )
        return ran
