"""One burst in flight: which operations are ready, started and still missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from simcore.engine.clock import Clock
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import OperationTable

if TYPE_CHECKING:
    from simcore.program.table import IntArray


def hold_durations_ps(table: OperationTable, outcome: BurstOutcome) -> list[int]:
    """Duration of every hold of a burst, by op_id: all the engine knows of costs."""
    durations: list[int] = table.durations_ps(
        outcome.context_length, outcome.committed
    ).tolist()
    return durations


class BurstRun:
    """State of one burst while its operations run.

    Attributes
    ----------
    ready_ps, start_ps, duration_ps : list of int
        By op_id; a layer gate's duration is known when it closes.
    missing : list of int
        Predecessors that have not ended yet.
    open_legs : dict
        For each layer gate in the table, the last operations that have not ended.
    remaining : int
        Operations that have not ended.
    done : Event
        Succeeds when the last operation has ended.
    """

    __slots__ = (
        "burst",
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
    )

    def __init__(
        self,
        clock: Clock,
        table: OperationTable,
        request: int,
        burst: int,
        outcome: BurstOutcome,
        duration_ps: list[int],
    ) -> None:
        n_operations = len(table)
        self.request = request
        self.burst = burst
        self.outcome = outcome
        self.launch_ps = int(clock.now)
        self.duration_ps = duration_ps
        self.ready_ps = [0] * n_operations
        self.start_ps = [0] * n_operations
        self.missing = [len(before) for before in table.predecessors]
        self.open_legs = {
            cell.gate: len(cell.exits) for cell in table.cells if cell.gate >= 0
        }
        self.remaining = n_operations
        self.done = clock.event()

    def arrays(self) -> tuple[IntArray, IntArray, IntArray]:
        """Ready, start and duration of every hold, in ps, by op_id."""
        return (
            np.array(self.ready_ps, dtype=np.int64),
            np.array(self.start_ps, dtype=np.int64),
            np.array(self.duration_ps, dtype=np.int64),
        )
