"""What bursts cancel, as arrays: a row for each kind of outcome that occurs."""

from __future__ import annotations

import numpy as np

from simcore.engine.fast.arrays import GATE_OP, ProgramArrays, VariantArrays
from simcore.program.burst import BurstProgram
from simcore.program.decisions import Cancellation, Decisions
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import IntArray

#: Accepted drafts, whether drafts ahead survive, whether there were drafts ahead.
Kind = tuple[int, bool, bool]


class Variants:
    """The cancellations of a program, laid out as kinds of outcomes are met.

    Parameters
    ----------
    program : BurstProgram
        What a burst may execute.
    arrays : ProgramArrays
        The same as numbers.
    """

    def __init__(self, program: BurstProgram, arrays: ProgramArrays) -> None:
        self._decisions = Decisions(program)
        self._gate_of = np.array(program.table.gate_of, dtype=np.int64)
        self._gates = arrays.gate[:, GATE_OP]
        self._row: dict[Kind, int] = {}
        self._ranges: list[list[int]] = []
        self._numbers: list[int] = []
        self.arrays = self._laid_out()

    def rows_of(
        self, accepted: IntArray, survives: IntArray, drafted: IntArray
    ) -> IntArray:
        """The row of each burst in `arrays`, shape (n_bursts,)."""
        kinds, of_burst = np.unique(
            np.stack([accepted, survives, drafted], axis=1), axis=0, return_inverse=True
        )
        known = len(self._row)
        rows = np.array(
            [self._row_of((a, bool(s), bool(d))) for a, s, d in kinds.tolist()],
            dtype=np.int64,
        )
        if len(self._row) > known:
            self.arrays = self._laid_out()
        found: IntArray = rows[of_burst.reshape(-1)]
        return found

    def _row_of(self, kind: Kind) -> int:
        if kind not in self._row:
            accepted, survives, drafted = kind
            outcome = BurstOutcome(0, accepted, 0, survives)
            self._add(self._decisions.of(outcome, drafted_ahead=drafted))
            self._row[kind] = len(self._row)
        return self._row[kind]

    def _add(self, cancellations: tuple[Cancellation, ...]) -> None:
        at_start = [op for c in cancellations if not c.after for op in c.operations]
        decided = [c for c in cancellations if c.after]
        # The kernel follows one decision a burst, which is all that policies make.
        assert len(decided) <= 1
        after = [op for c in decided for op in c.after]
        cut = [op for c in decided for op in c.operations]
        behind = np.unique(self._gate_of[cut]) if cut else np.zeros(0, dtype=np.int64)
        gates = np.flatnonzero(np.isin(self._gates, behind)).tolist()
        ranges: list[int] = []
        for part in (at_start, after, cut, gates):
            ranges.append(len(self._numbers))
            self._numbers += part
            ranges.append(len(self._numbers))
        self._ranges.append([*ranges, int(bool(cancellations))])

    def _laid_out(self) -> VariantArrays:
        return VariantArrays(
            np.array(self._ranges, dtype=np.int64).reshape(-1, 9),
            np.array(self._numbers, dtype=np.int32),
        )
