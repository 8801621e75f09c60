"""Listens to the engine and adds up what every burst spends, hold by hold."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from simcore.analysis.ledger import Ledger
from simcore.analysis.operation_sums import OperationSums
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import IntArray
from simcore.trace.recorder import BoolArray, Int32Array, Recorder


class Spent(NamedTuple):
    """What one burst of which not every hold ran has spent."""

    energy_pj: float
    traffic_bytes: dict[tuple[str, str], int]
    event_rows: int


class SpendingRecorder:
    """Hands every hold on to another recorder and keeps sums.

    Parameters
    ----------
    ledger : Ledger
        Costs of the program.
    recorder : Recorder
        Takes the holds after they were added up.

    Attributes
    ----------
    sums : OperationSums
        Of all bursts so far.
    spent : dict
        By (request, burst), of bursts that do not spend what their program says:
        holds were cancelled, or row activations counted.
    """

    def __init__(self, ledger: Ledger, recorder: Recorder) -> None:
        table = ledger.table
        self.sums = OperationSums.empty(table)
        self.spent: dict[tuple[int, int], Spent] = {}
        self._ledger = ledger
        self._recorder = recorder
        self._outcomes: Mapping[int, Sequence[BurstOutcome]] = {}
        self._rows_of_op = [len(resources) for resources in table.op_resources]
        self.flush_before = recorder.flush_before
        self.end_replication = recorder.end_replication

    def expect(self, outcomes: Mapping[int, Sequence[BurstOutcome]]) -> None:
        """Tell what the bursts of the requests that run next accept."""
        self._outcomes = outcomes

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
        outcome = self._outcomes[request][burst]
        context, committed = outcome.context_length, outcome.committed
        self.sums.add(
            context, committed, start_ps - ready_ps, duration_ps, activates, executed
        )
        if executed is not None or activates is not None:
            energy, traffic = self._ledger.spent(
                context, committed, executed, activates
            )
            rows = self._rows_of_op
            n_rows = sum(rows)
            if executed is not None:
                n_rows = sum(
                    n for n, ran in zip(rows, executed.tolist(), strict=True) if ran
                )
            self.spent[request, burst] = Spent(energy, traffic, n_rows)
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
