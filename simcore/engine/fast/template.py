"""One burst on an idle chip: its times from its start on, and its part in the sums."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from simcore.engine.fast.arrays import Int8Array, Int32Array
from simcore.program.table import IntArray, OperationTable
from simcore.trace.hold_sums import HoldSums
from simcore.trace.recorder import BoolArray


class BurstKind(NamedTuple):
    """All that the times of a burst depend on."""

    context_length: int
    accepted: int
    committed: int
    ahead_survives: bool
    drafted_ahead: bool


class TemplateRows(NamedTuple):
    """Event rows of a burst in file order, times from its start on."""

    op_id: Int32Array
    resource_index: Int8Array
    ready_ps: IntArray
    start_ps: IntArray
    duration_ps: IntArray


@dataclass(frozen=True, eq=False)
class BurstTemplate:
    """A burst on an idle chip, times from its start on.

    Attributes
    ----------
    kind : BurstKind
        Which.
    draft_end_ps, verify_end_ps, commit_end_ps, end_ps : int
        As in `BurstTimes`.
    holds, wasted_verify_steps : int
        As in `BurstTimes`.
    executed : ndarray of bool or None, shape (n_operations,)
        Which operations ran; None when all did. Row activations are never counted.
    gate_ps : ndarray of int64
        How long each gate was closed, in the order of `OperationTable.gates`.
    waiting_ops, waits_ps : ndarray of int64
        Operations that waited, and how long.
    """

    kind: BurstKind
    draft_end_ps: int
    verify_end_ps: int
    commit_end_ps: int
    end_ps: int
    holds: int
    wasted_verify_steps: int
    executed: BoolArray | None
    gate_ps: IntArray
    waiting_ops: IntArray
    waits_ps: IntArray

    def add_to(self, sums: HoldSums, table: OperationTable, n_bursts: int) -> None:
        """Add the holds of so many bursts of this kind."""
        context, committed = self.kind.context_length, self.kind.committed
        busy = table.durations_ps(context, committed)
        busy[table.gates] = self.gate_ps
        seen = table.context(context)
        ran: IntArray = np.ones(len(table), dtype=np.int64)
        if self.executed is not None:
            ran = self.executed.astype(np.int64)
        sums.bursts += n_bursts
        sums.count += n_bursts * ran
        sums.context += n_bursts * ran * seen
        sums.committed += n_bursts * committed * ran
        sums.busy_ps += n_bursts * ran * busy
        sums.wait_ps[self.waiting_ops] += n_bursts * self.waits_ps
