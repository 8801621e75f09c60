"""When intervals come from batches of bursts instead of independent units.

Requests on chips of their own, or replications where chips are shared, are
independent whatever happens inside them: with enough of them nothing else is needed.
With few, the bursts of long requests say more.
"""

from __future__ import annotations

import math
from dataclasses import replace
from functools import cached_property
from typing import Any

import numpy as np

from simcore.analysis.batch_means import MIN_BURSTS, BatchMeans, batch_means
from simcore.analysis.run_rows import Ratio, RunRows
from simcore.program.burst import BurstProgram

#: Independent units from which on their own interval is good.
ENOUGH_CLUSTERS = 20

#: Bursts a request must have on average: its end cuts one of them short.
_LONG_REQUEST_BURSTS = 20

#: Metrics with tokens above the line and what they cost below.
_PER_COST = frozenset({"throughput_tokens_per_s", "tokens_per_joule"})

#: The metric that stands for all where one answer is wanted.
_HEADLINE = "latency_ns_per_token"


class BurstBatches:
    """Batch means of the bursts of a run, where its clusters are too few.

    Parameters
    ----------
    run : RunRows
        The run.
    program : BurstProgram
        What every burst executed.
    confidence : float
        Coverage of the intervals.
    """

    def __init__(
        self, run: RunRows, program: BurstProgram, confidence: float = 0.95
    ) -> None:
        self._run = run
        self._program = program
        self._confidence = confidence
        self._found: dict[str, BatchMeans] = {}

    @cached_property
    def reason_not_used(self) -> str:
        """Why clusters give the intervals; empty when batches of bursts do."""
        run = self._run
        if run.n_clusters >= ENOUGH_CLUSTERS:
            return f"{self._seen} are enough"
        if run.n_bursts < MIN_BURSTS:
            return f"{run.n_bursts} bursts, fewer than {MIN_BURSTS}"
        if run.n_bursts < _LONG_REQUEST_BURSTS * run.n_requests:
            return f"requests of fewer than {_LONG_REQUEST_BURSTS} bursts on average"
        found = self._batch_means(_HEADLINE)
        return found.reason if found is not None else ""

    @property
    def are_used(self) -> bool:
        """Whether batches of bursts give the intervals."""
        return not self.reason_not_used

    def of(self, metric: str) -> BatchMeans | None:
        """Batch means of one metric, or None where they are not used or not defined."""
        return self._batch_means(metric) if self.are_used else None

    def as_dict(self) -> dict[str, Any]:
        """What intervals stand on, ready for JSON."""
        run = self._run
        return {
            "clusters": run.clusters,
            "n_clusters": run.n_clusters,
            "enough_clusters": ENOUGH_CLUSTERS,
            "batch_means": self.are_used,
            "reason": self.reason_not_used
            or f"{self._seen}, fewer than {ENOUGH_CLUSTERS}",
        }

    @property
    def _seen(self) -> str:
        n, clusters = self._run.n_clusters, self._run.clusters
        return f"1 {clusters[:-1]}" if n == 1 else f"{n} {clusters}"

    def _batch_means(self, metric: str) -> BatchMeans | None:
        ratio = self._ratios.get(metric)
        if ratio is None or not np.any(ratio.denominators):
            return None
        if metric not in self._found:
            y, x = ratio
            # Cost per token follows the context by a line; tokens per cost do not.
            if metric in _PER_COST:
                y, x = x, y
            order = self._run.time_order
            found = batch_means(
                y,
                x,
                trend=self._run.burst["context_length"][order],
                clock=self._run.burst["committed"][order],
                confidence=self._confidence,
            )
            if metric in _PER_COST and found.half_width is not None:
                rate = math.fsum(x) / math.fsum(y)
                found = replace(found, half_width=found.half_width * rate**2)
            self._found[metric] = found
        return self._found[metric]

    @cached_property
    def _ratios(self) -> dict[str, Ratio]:
        return self._run.burst_ratios(self._program)
