"""What the bursts of a shard spend, added up while the engine reports them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

import numpy as np

from simcore.analysis.ledger import Ledger
from simcore.analysis.operation_sums import OperationSums
from simcore.program.outcomes import BurstOutcome, OutcomeTable
from simcore.program.table import IntArray
from simcore.trace.recorder import BoolArray, Int32Array, NullRecorder, Recorder

#: Patterns of holds whose spending is remembered.
_REMEMBERED = 1024


class Spent(NamedTuple):
    """What one burst of which not every hold ran has spent."""

    energy_pj: float
    traffic_bytes: dict[tuple[str, str], int]
    event_rows: int


class Spending:
    """Sums over bursts, and what single bursts spent that are not whole.

    Parameters
    ----------
    ledger : Ledger
        Costs of the program.

    Attributes
    ----------
    sums : OperationSums
        Of all bursts so far.
    spent : dict
        By (request, burst), of bursts that do not spend what their program says:
        holds were cancelled, or row activations counted.
    """

    def __init__(self, ledger: Ledger) -> None:
        table = ledger.table
        self.sums = OperationSums(table)
        self.spent: dict[tuple[int, int], Spent] = {}
        self._ledger = ledger
        self._outcomes: Mapping[int, Sequence[BurstOutcome]] = {}
        self._rows_of_op = np.array([len(held) for held in table.op_resources])
        self._of_pattern = lru_cache(maxsize=_REMEMBERED)(self._spent_by)

    def expect(self, outcomes: OutcomeTable) -> None:
        """Tell what the bursts of the requests that run next accept."""
        self._outcomes = outcomes.by_request()

    def outcome(self, request: int, burst: int) -> BurstOutcome:
        """What a burst accepts."""
        return self._outcomes[request][burst]

    def add_partial(
        self,
        request: int,
        burst: int,
        executed: BoolArray | None,
        activates: Int32Array | None,
    ) -> None:
        """Note what one burst spent that was cut short or counts activations."""
        outcome = self.outcome(request, burst)
        context, committed = outcome.context_length, outcome.committed
        if activates is None and executed is not None:
            # The same holds are cut short again and again.
            found = self._of_pattern(context, committed, executed.tobytes())
        else:
            found = self._spent(context, committed, executed, activates)
        self.spent[request, burst] = found

    def _spent_by(self, context: int, committed: int, executed: bytes) -> Spent:
        ran = np.frombuffer(executed, dtype=np.bool_)
        return self._spent(context, committed, ran, None)

    def _spent(
        self,
        context: int,
        committed: int,
        executed: BoolArray | None,
        activates: Int32Array | None,
    ) -> Spent:
        energy, traffic = self._ledger.spent(context, committed, executed, activates)
        rows = self._rows_of_op
        n_rows = rows.sum() if executed is None else rows[executed].sum()
        return Spent(energy, traffic, int(n_rows))


class SpendingRecorder:
    """Hands every hold on to another recorder and adds it up.

    Parameters
    ----------
    spending : Spending
        Where sums go.
    recorder : Recorder, optional
        Takes the holds after they were added up.
    """

    def __init__(self, spending: Spending, recorder: Recorder | None = None) -> None:
        self._spending = spending
        self._recorder = recorder or NullRecorder()
        self.flush_before = self._recorder.flush_before
        self.end_replication = self._recorder.end_replication

    def record_burst(
        self,
        replication: int,
        request: int,
        burst: int,
        ready_ps: IntArray,
        start_ps: IntArray,
        duration_ps: IntArray,
        activates: Int32Array | None = None,
        executed: BoolArray | None = None,
    ) -> None:
        """Take the holds of one burst; see `Recorder.record_burst`."""
        outcome = self._spending.outcome(request, burst)
        self._spending.sums.add(
            outcome.context_length,
            outcome.committed,
            start_ps - ready_ps,
            duration_ps,
            activates,
            executed,
        )
        if executed is not None or activates is not None:
            self._spending.add_partial(request, burst, executed, activates)
        self._recorder.record_burst(
            replication,
            request,
            burst,
            ready_ps,
            start_ps,
            duration_ps,
            activates,
            executed,
        )
