"""Everything the page of a run shows, read from its folder and nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.analysis.time import TimeAnalysis, analyse_time
from simcore.analysis.time.burst_timeline import BurstTimeline, typical_burst_timeline
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.report.numbers import count
from simcore.trace.reader import Trace

#: Event rows after which no further replication is analysed: some ten seconds.
MAX_ROWS = 10_000_000
#: Equal parts of a run for what is shown over time.
N_BINS = 60

NO_EVENTS = (
    "The run kept no events, so this is not known. Run it again with trace: full to "
    "see it."
)
NO_BURSTS = (
    "The run kept totals only (trace: none), so this is not known. Run it again with "
    "trace: bursts or full to see it."
)

Columns = dict[str, npt.NDArray[np.int64]]

_BURST_COLUMNS = ("replication", "request", "accepted", "start_ps", "end_ps")


@dataclass(frozen=True)
class RunView:
    """A run as its page sees it.

    Attributes
    ----------
    scenario : ScenarioConfig
        As it was run.
    run, summary : dict
        Contents of run.json and summary.json.
    bursts : dict of str to ndarray of int64, or None
        Some columns of bursts.parquet; None when the run kept none.
    request_latency_ps : ndarray of int64 or None
        Of each request.
    sram : dict of str to ndarray of int64, or None
        Steps of the occupancy: `replication`, `time_ps`, `occupied_bytes`.
    analysis : TimeAnalysis or None
        None when the run kept no events.
    timeline : BurstTimeline or None
        The same.
    """

    scenario: ScenarioConfig
    run: dict[str, Any]
    summary: dict[str, Any]
    bursts: Columns | None
    request_latency_ps: npt.NDArray[np.int64] | None
    sram: Columns | None
    analysis: TimeAnalysis | None
    timeline: BurstTimeline | None

    @classmethod
    def of(cls, trace: Trace, *, max_rows: int = MAX_ROWS) -> RunView:
        """Read a run.

        Parameters
        ----------
        trace : Trace
            With or without events.
        max_rows : int
            See `analyse_time`.

        Raises
        ------
        TraceError
            If a file is damaged, or the events contradict the tables.
        """
        bursts = latency = sram = analysis = timeline = None
        if trace.has_bursts:
            bursts = _columns(trace.bursts(), _BURST_COLUMNS)
            latency = _integers(trace.requests()["latency_ps"])
            occupancy = trace.sram_occupancy()
            sram = _columns(occupancy, occupancy.column_names)
        if trace.has_events:
            analysis = analyse_time(trace, max_rows=max_rows, n_bins=N_BINS)
            timeline = typical_burst_timeline(trace)
        return cls(
            scenario=load_scenario(trace.run["config"]),
            run=trace.run,
            summary=trace.summary,
            bursts=bursts,
            request_latency_ps=latency,
            sram=sram,
            analysis=analysis,
            timeline=timeline,
        )

    @property
    def tokens(self) -> int:
        """Committed tokens of the run."""
        return int(self.summary["counts"]["tokens"])

    @property
    def analysed(self) -> str:
        """What of the run its events tell of; empty when that is all of it."""
        requests = int(self.summary["counts"]["requests"])
        if self.analysis is None or self.analysis.analysed_requests == requests:
            return ""
        return (
            f"Of the first {count(self.analysis.analysed_requests)} of "
            f"{count(requests)} requests."
        )


def _columns(table: Any, names: Sequence[str]) -> Columns:
    return {name: _integers(table[name]) for name in names}


def _integers(column: Any) -> npt.NDArray[np.int64]:
    found: npt.NDArray[np.int64] = column.to_numpy().astype(np.int64)
    return found
