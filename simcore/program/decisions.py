"""What a burst's outcome cancels, and the operations whose end decides it.

A burst's table holds all that may run. Which part does not follows from the outcome:
the draft of a burst that was drafted ahead, verify steps behind a mismatch, drafts
ahead from a wrong guess. Only the moment is the engine's: holds that have started by
then run to their end.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from simcore.program.burst import BurstProgram
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import Cell
from simcore.program.verification import verification_named


@dataclass(frozen=True)
class Cancellation:
    """Operations that do not start any more once a decision has fallen.

    Attributes
    ----------
    after : tuple of int
        The decision falls when all of these have ended; empty: at burst start.
    operations : tuple of int
        What is cancelled, ascending.
    """

    after: tuple[int, ...]
    operations: tuple[int, ...]


class Decisions:
    """Cancellations of the bursts of one program.

    Parameters
    ----------
    program : BurstProgram
        What a burst may execute.
    """

    def __init__(self, program: BurstProgram) -> None:
        self._table = program.table
        self._draft_length = program.draft_length
        self._verification = verification_named(program.verification)
        self._of = lru_cache(maxsize=None)(self._decide)

    def of(
        self, outcome: BurstOutcome, *, drafted_ahead: bool
    ) -> tuple[Cancellation, ...]:
        """What burst `outcome` cancels.

        Parameters
        ----------
        outcome : BurstOutcome
            What it accepts, and whether its drafts ahead survive.
        drafted_ahead : bool
            Whether the burst before has drafted for this one.
        """
        return self._of(outcome.accepted, outcome.ahead_survives, drafted_ahead)

    def _decide(
        self, accepted: int, ahead_survives: bool, drafted_ahead: bool
    ) -> tuple[Cancellation, ...]:
        found = []
        if drafted_ahead:
            found.append(Cancellation((), _numbers(self._table.is_draft)))
        steps = self._verification.steps(accepted, self._draft_length)
        cancelled = self._verify_steps_from(steps)
        # A mismatch shows at the end of step a; that all are right, of step K.
        shown = min(accepted, self._draft_length)
        if not ahead_survives:
            cancelled += _numbers(self._table.is_ahead)
        if cancelled:
            found.append(Cancellation(self._end_of(shown), cancelled))
        return tuple(found)

    def _verify_steps_from(self, step: int) -> tuple[int, ...]:
        table = self._table
        return _numbers(table.is_verify & (table.step >= step))

    def _end_of(self, step: int) -> tuple[int, ...]:
        """Last operations of verify step `step`."""
        cells: list[Cell] = [
            cell
            for cell in self._table.cells
            if cell.phase.startswith("verify") and cell.step == step
        ]
        return cells[-1].exits


def _numbers(chosen: npt.NDArray[np.bool_]) -> tuple[int, ...]:
    """Op ids that are chosen, ascending."""
    return tuple(np.flatnonzero(chosen).tolist())
