"""Two runs compared: the difference and the ratio of every metric, with intervals.

Runs that draw the same words for the same request (common random numbers) are compared
request by request: what chance does to both cancels. How far it does is told by the
correlation. Where the requests differ the runs are taken as independent.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
from scipy import special

from simcore.analysis.run_rows import Columns, IntArray, Ratio, RunRows, sums
from simcore.program.burst import BurstProgram

_FloatArray = npt.NDArray[np.float64]


class ComparedRun(NamedTuple):
    """One side of a comparison.

    Attributes
    ----------
    program : BurstProgram
        What its bursts executed.
    bursts, requests : mapping of str to array_like
        Columns of its tables, rows in any order.
    """

    program: BurstProgram
    bursts: Columns
    requests: Columns


@dataclass(frozen=True, slots=True)
class Interval:
    """A value and its interval; None where there are too few units."""

    value: float
    half_width: float | None


@dataclass(frozen=True, slots=True)
class MetricDifference:
    """One metric of two runs.

    Attributes
    ----------
    first, second : float
        Value of each run.
    difference, ratio : Interval
        Second minus first, and second over first; the ratio is None where the first
        is 0.
    correlation : float or None
        Of what the paired units deviate in both runs; None without pairs or where
        one of the runs does not vary.
    """

    first: float
    second: float
    difference: Interval
    ratio: Interval | None
    correlation: float | None


@dataclass(frozen=True)
class Comparison:
    """Two runs, metric by metric.

    Attributes
    ----------
    paired : bool
        Whether units of both runs were compared one by one.
    unit : str
        What is taken as independent: `requests`, `replications`, or `groups of
        requests` where the runs share chips among different requests.
    units : tuple of int
        How many of each run.
    confidence : float
        Coverage of the intervals.
    reason : str
        Why the runs are not paired; empty when they are.
    metrics : dict of str to MetricDifference
        By name.
    """

    paired: bool
    unit: str
    units: tuple[int, int]
    confidence: float
    reason: str = ""
    metrics: dict[str, MetricDifference] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def compare_runs(
    first: ComparedRun, second: ComparedRun, confidence: float = 0.95
) -> Comparison:
    """Differences and ratios of the metrics of two runs.

    Parameters
    ----------
    first, second : ComparedRun
        The runs; the second is compared with the first.
    confidence : float
        Coverage of the intervals, between 0 and 1.

    Notes
    -----
    With ``d = (y - R x) / mean x`` of each unit in each run, the difference varies as
    ``d2 - d1`` and the ratio Q as ``(d2 - Q d1) / R1``, pair by pair; without pairs
    the variances add and Welch's degrees of freedom are used. Unpaired intervals are
    too wide, never too narrow, for runs that share some of their random numbers.

    References
    ----------
    Law, Simulation Modeling and Analysis, 5th ed., sections 10.2 and 11.2.
    """
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")
    runs = [RunRows.of(run.bursts, run.requests) for run in (first, second)]
    programs = first.program, second.program
    reason = _why_not_paired(*runs)
    if reason:
        ratios = [
            run.cluster_ratios(program)
            for run, program in zip(runs, programs, strict=True)
        ]
        units = runs[0].n_clusters, runs[1].n_clusters
        unit = (
            runs[0].clusters
            if runs[0].clusters == runs[1].clusters
            else "independent units"
        )
    else:
        groups = _common_groups(*(run.replication_of_request for run in runs))
        ratios = [
            _by_group(run, program, groups)
            for run, program in zip(runs, programs, strict=True)
        ]
        n = int(groups.max()) + 1
        units, unit = (n, n), _unit(runs, n)
    return Comparison(
        paired=not reason,
        unit=unit,
        units=units,
        confidence=confidence,
        reason=reason,
        metrics={
            name: _difference(ratios[0][name], ratios[1][name], not reason, confidence)
            for name in ratios[0]
            if name in ratios[1]
        },
    )


def _why_not_paired(first: RunRows, second: RunRows) -> str:
    # By chip, then by number: chips take requests in the order of their numbers.
    ours, theirs = first.request["request"], second.request["request"]
    if np.array_equal(ours, theirs):
        return ""
    return f"the runs have different requests ({ours.size} and {theirs.size})"


def _unit(runs: list[RunRows], n: int) -> str:
    for run in runs:
        if n == run.n_clusters:
            return run.clusters
    return "groups of requests"


def _common_groups(first: IntArray, second: IntArray) -> IntArray:
    """Smallest groups of requests that no chip of either run reaches across.

    Parameters
    ----------
    first, second : ndarray of int64, shape (n_requests,)
        Chip of each request in both runs, requests in the same order.
    """
    group = np.arange(first.size)
    while True:
        joined = group
        for chips in (first, second):
            lowest = np.full(int(chips.max()) + 1, first.size, dtype=np.int64)
            np.minimum.at(lowest, chips, joined)
            joined = lowest[chips]
        if np.array_equal(joined, group):
            numbers: IntArray = np.unique(group, return_inverse=True)[1].reshape(-1)
            return numbers
        group = joined


def _by_group(
    run: RunRows, program: BurstProgram, groups: IntArray
) -> dict[str, Ratio]:
    """Every metric, one entry for each group of requests."""
    n = int(groups.max()) + 1
    of_chip = np.zeros(run.n_clusters, dtype=np.int64)
    of_chip[run.replication_of_request] = groups
    return {
        **_summed(run.request_ratios(), groups, n),
        **_summed(run.replication_ratios(program), of_chip, n),
    }


def _summed(ratios: dict[str, Ratio], groups: IntArray, n: int) -> dict[str, Ratio]:
    return {
        name: Ratio(*(sums(part, groups, n) for part in ratio))
        for name, ratio in ratios.items()
    }


class _Side(NamedTuple):
    """A ratio, and what each unit deviates from it, in the ratio's own unit."""

    value: float
    deviations: _FloatArray

    @classmethod
    def of(cls, ratio: Ratio) -> _Side:
        y, x = (np.asarray(part, dtype=np.float64) for part in ratio)
        total = math.fsum(x)
        if not total:
            return cls(0.0, np.zeros(y.size))
        value = math.fsum(y) / total
        return cls(value, (y - value * x) / (total / x.size))

    @property
    def variance(self) -> float:
        """Of the ratio."""
        n = self.deviations.size
        return math.fsum(self.deviations**2) / (n - 1) / n


def _difference(
    first: Ratio, second: Ratio, paired: bool, confidence: float
) -> MetricDifference:
    a, b = _Side.of(first), _Side.of(second)
    quotient = b.value / a.value if a.value else None

    def width(scale: float, share: float) -> float | None:
        """Half-width of ``scale (second - share first)``."""
        if min(a.deviations.size, b.deviations.size) < 2:
            return None
        if paired:
            both = _Side(0.0, b.deviations - share * a.deviations)
            variance, freedom = both.variance, float(both.deviations.size - 1)
        else:
            parts = [(share**2 * a.variance, a), (b.variance, b)]
            variance = math.fsum(v for v, _ in parts)
            weighed = math.fsum(v * v / (s.deviations.size - 1) for v, s in parts)
            freedom = variance**2 / weighed if weighed else 1.0
        t = float(special.stdtrit(freedom, (1 + confidence) / 2))
        return abs(scale) * t * math.sqrt(variance)

    return MetricDifference(
        first=a.value,
        second=b.value,
        difference=Interval(b.value - a.value, width(1.0, 1.0)),
        ratio=(
            None
            if quotient is None
            else Interval(quotient, width(1 / a.value, quotient))
        ),
        correlation=_correlation(a, b) if paired else None,
    )


def _correlation(a: _Side, b: _Side) -> float | None:
    squares = math.fsum(a.deviations**2) * math.fsum(b.deviations**2)
    # What is left of values that are all equal is rounding.
    least = 1e-24 * (a.value * b.value * a.deviations.size) ** 2
    if squares <= least:
        return None
    return math.fsum(a.deviations * b.deviations) / math.sqrt(squares)
