"""What is known exactly makes simulated estimates narrower: by how much, it is told.

How many bursts a request takes and what they commit has an exact expectation, whatever
the chip does; so has the latency its bursts would have on a chip of their own. Where a
sample has more bursts than expected its latency is high for that reason, and the
difference can be taken out (control variates). Where every burst is a request of its
own, the known probabilities of the accepted lengths weigh the lengths (stratification).

The plain estimate stays the headline, and checks against the closed form never use
this: an estimate that was moved towards an expectation proves nothing about it. A
control that equals the simulated latency is circular and is left out.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from simcore.analysis.burst_model import BurstModel
from simcore.analysis.expectation import ExpectedBursts
from simcore.analysis.run_rows import Columns, Ratio, RunRows
from simcore.analysis.statistics import ratio_estimate
from simcore.program.burst import BurstProgram

_FloatArray = npt.NDArray[np.float64]

#: With fewer independent units the coefficients would be guesses.
MIN_CLUSTERS = 10

#: Independent units for each control beyond the first few.
_CLUSTERS_PER_CONTROL = 4
_FIRST_CLUSTERS = 6

#: Strata of fewer bursts are joined with a neighbour.
_MIN_STRATUM = 5

#: Relative difference below which a control is the simulation itself: roundings of
#: holds to whole picoseconds, or hardly any wait.
_CIRCULAR = 1e-4

#: Share of a control's variation that the others must leave.
_NEW = 1e-9

#: Relative standard error below which nothing is left to estimate.
_DETERMINED = 1e-9

#: Metrics that the chip decides. Counts of tokens and bursts are known exactly.
METRICS = (
    "latency_ns_per_token",
    "throughput_tokens_per_s",
    "energy_pj_per_token",
    "tokens_per_joule",
    "burst_latency_ns",
    "request_latency_ns",
)


@dataclass(frozen=True, slots=True)
class Reduced:
    """One metric with less variance.

    Attributes
    ----------
    value, half_width : float
        The reduced estimate.
    plain_half_width : float
        Of the plain estimate over the same independent units.
    variance_reduction : float or None
        Plain variance over reduced variance; None where nothing is left of it.
    """

    value: float
    half_width: float
    plain_half_width: float
    variance_reduction: float | None


@dataclass(frozen=True)
class VarianceReduction:
    """Reduced estimates of a run, and how they were made.

    Attributes
    ----------
    method : str or None
        `control_variates` or `post_stratification`; None when there is none.
    clusters : int
        Independent units.
    controls : list of str
        Known quantities in use; for strata, the accepted length.
    circular : list of str
        Controls left out because they equal the simulation.
    strata : int or None
        How many, after joining small ones.
    reason : str
        Why there is no reduction; empty when there is.
    metrics : dict of str to Reduced
        By name.
    """

    method: str | None
    clusters: int
    controls: list[str] = field(default_factory=list)
    circular: list[str] = field(default_factory=list)
    strata: int | None = None
    reason: str = ""
    metrics: dict[str, Reduced] = field(default_factory=dict)

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def reduce_variance(
    program: BurstProgram,
    expected: ExpectedBursts,
    bursts: Columns,
    requests: Columns,
    confidence: float = 0.95,
) -> VarianceReduction:
    """Estimates that use what is known exactly of the bursts.

    Parameters
    ----------
    program : BurstProgram
        What every burst executed.
    expected : ExpectedBursts
        Of one request, under the acceptance the run drew from.
    bursts, requests : mapping of str to array_like
        Columns of the run, rows in any order.
    confidence : float
        Coverage of the intervals.

    Notes
    -----
    Control variates: with ``d = y - R x`` of each unit, controls C of known mean m
    and least-squares coefficients, ``mean y - b (mean C - m)`` replaces the mean, and
    for x alike; Student's quantile with n - q - 1. Strata: ``sum P(a) mean y_a``.

    References
    ----------
    Lavenberg and Welch, A perspective on the use of control variables to increase the
    efficiency of Monte Carlo simulations, Management Science 27 (1981) 322-335.
    Cochran, Sampling Techniques, 3rd ed., section 5A.9, for strata after sampling.
    """
    run = RunRows.of(bursts, requests)
    n = run.n_clusters
    if not expected.is_random:
        return VarianceReduction(None, n, reason="a replay draws nothing at random")
    if n < MIN_CLUSTERS:
        seen = f"{n} {run.clusters}" if n > 1 else f"1 {run.clusters[:-1]}"
        return VarianceReduction(None, n, reason=f"{seen}, fewer than {MIN_CLUSTERS}")
    ratios = {
        name: ratio
        for name, ratio in run.cluster_ratios(program).items()
        if name in METRICS and np.any(ratio.numerators) and np.any(ratio.denominators)
    }
    if run.n_bursts == n:
        return _stratified(run, expected, ratios, confidence)
    return _controlled(run, program, expected, ratios, confidence)


# Control variates.


def _controlled(
    run: RunRows,
    program: BurstProgram,
    expected: ExpectedBursts,
    ratios: dict[str, Ratio],
    confidence: float,
) -> VarianceReduction:
    n = run.n_clusters
    offered = _controls(run, program, expected)
    circular = []
    simulated_ns = run.by_replication(run.request["latency_ps"]) / 1000
    unloaded_ns, _ = offered["unloaded_latency_ns"]
    if np.all(np.abs(simulated_ns - unloaded_ns) <= _CIRCULAR * simulated_ns):
        circular.append("unloaded_latency_ns")
        del offered["unloaded_latency_ns"]
    most = (n - _FIRST_CLUSTERS) // _CLUSTERS_PER_CONTROL
    chosen = _independent_controls({k: c for k, (c, _) in offered.items()})[:most]
    if not chosen:
        return VarianceReduction(
            None, n, circular=circular, reason="no control varies between them"
        )
    controls = np.column_stack([offered[name][0] for name in chosen])
    means = np.array([offered[name][1] for name in chosen])
    return VarianceReduction(
        "control_variates",
        n,
        controls=chosen,
        circular=circular,
        metrics={
            name: _with_controls(ratio, controls, means, confidence)
            for name, ratio in ratios.items()
        },
    )


def _controls(
    run: RunRows, program: BurstProgram, expected: ExpectedBursts
) -> dict[str, tuple[_FloatArray, float]]:
    """Value in each unit, and exact expectation for one unit, of every control."""
    streams = run.n_requests / run.n_clusters
    burst = run.burst
    outcomes = list(expected.weights)
    contexts = np.array([o.context_length for o in outcomes], dtype=np.int64)
    committed = np.array([o.committed for o in outcomes], dtype=np.int64)
    alone_ns = sum(BurstModel(program).burst_ns(contexts, committed.astype(float)))
    weights = np.array(list(expected.weights.values()))
    # Everything that occurred can occur, so its latency is among those.
    base = int(committed.max()) + 1
    keys, first = np.unique(contexts * base + committed, return_index=True)
    seen = burst["context_length"].astype(np.int64) * base + burst["committed"]
    each_ns = np.asarray(alone_ns)[first][np.searchsorted(keys, seen)]

    def total(of_requests: npt.NDArray[Any]) -> _FloatArray:
        return run.by_replication(of_requests).astype(np.float64)

    return {
        "unloaded_latency_ns": (
            total(run.by_request(each_ns)),
            streams * math.fsum(weights * alone_ns),
        ),
        "bursts": (total(run.request["bursts"]), streams * expected.bursts),
        "committed_tokens": (
            total(run.request["tokens"]),
            streams * expected.committed,
        ),
    }


def _independent_controls(controls: dict[str, _FloatArray]) -> list[str]:
    """Those that vary, and not only as the ones before them do."""
    chosen: list[str] = []
    kept: list[_FloatArray] = []
    for name, values in controls.items():
        centred = values - values.mean()
        size = float(centred @ centred)
        if size <= _NEW**2 * float(values @ values):
            continue
        left = centred
        if kept:
            others = np.column_stack(kept)
            left = centred - others @ np.linalg.lstsq(others, centred, rcond=None)[0]
        if float(left @ left) > _NEW * size:
            chosen.append(name)
            kept.append(centred / math.sqrt(size))
    return chosen


def _with_controls(
    ratio: Ratio, controls: _FloatArray, means: _FloatArray, confidence: float
) -> Reduced:
    y, x = (np.asarray(part, dtype=np.float64) for part in ratio)
    n, q = controls.shape
    scale = controls.std(axis=0)
    centred = (controls - controls.mean(axis=0)) / scale
    excess = (controls.mean(axis=0) - means) / scale
    slopes = np.linalg.lstsq(centred, np.column_stack([y, x]), rcond=None)[0]
    top = float(y.mean() - excess @ slopes[:, 0])
    bottom = float(x.mean() - excess @ slopes[:, 1])
    value = top / bottom
    d = y - value * x
    left = d - d.mean() - centred @ (slopes[:, 0] - value * slopes[:, 1])
    inverse = np.linalg.inv(centred.T @ centred)
    share = 1 / n + float(excess @ inverse @ excess)
    error = math.sqrt(float(left @ left) / (n - q - 1) * share) / abs(bottom)
    return _reduced(ratio, value, error, n - q - 1, confidence)


# Strata.


def _stratified(
    run: RunRows,
    expected: ExpectedBursts,
    ratios: dict[str, Ratio],
    confidence: float,
) -> VarianceReduction:
    """Every burst is a request: weigh accepted lengths as they should occur."""
    accepted = run.burst["accepted"].astype(np.int64)
    shares: dict[int, float] = {}
    for outcome, weight in expected.weights.items():
        shares[outcome.accepted] = shares.get(outcome.accepted, 0.0) + weight
    strata = _joined(accepted, shares)
    if len(strata) < 2:
        return VarianceReduction(
            None, run.n_clusters, reason="every burst accepts the same"
        )
    of = np.digitize(accepted, [first for first, _ in strata[1:]])
    weights = np.array([share for _, share in strata])
    return VarianceReduction(
        "post_stratification",
        run.n_clusters,
        controls=["accepted"],
        strata=len(strata),
        metrics={
            name: _weighed(ratio, of, weights, confidence)
            for name, ratio in ratios.items()
        },
    )


def _joined(
    accepted: npt.NDArray[np.int64], shares: dict[int, float]
) -> list[tuple[int, float]]:
    """Lowest length and probability of each stratum, small ones joined."""
    counts = np.bincount(accepted, minlength=max(shares) + 1)
    strata: list[tuple[int, float]] = []
    seen, first, share = 0, min(shares), 0.0
    for length in sorted(shares):
        if not seen and not share:
            first = length
        seen += int(counts[length])
        share += shares[length]
        if seen >= _MIN_STRATUM:
            strata.append((first, share))
            seen, share = 0, 0.0
    if share and strata:
        first, before = strata.pop()
        strata.append((first, before + share))
    return strata


def _weighed(
    ratio: Ratio, of: npt.NDArray[np.int64], weights: _FloatArray, confidence: float
) -> Reduced:
    y, x = (np.asarray(part, dtype=np.float64) for part in ratio)
    counts = np.bincount(of, minlength=weights.size)

    def means(values: _FloatArray) -> _FloatArray:
        sums = np.bincount(of, weights=values, minlength=weights.size)
        return np.asarray(sums / counts, dtype=np.float64)

    bottom = math.fsum(weights * means(x))
    value = math.fsum(weights * means(y)) / bottom
    d = y - value * x
    left = d - means(d)[of]
    squares = np.bincount(of, weights=left * left, minlength=weights.size)
    variance = math.fsum(weights**2 * squares / (counts - 1) / counts)
    error = math.sqrt(variance) / abs(bottom)
    return _reduced(ratio, value, error, y.size - weights.size, confidence)


def _reduced(
    ratio: Ratio, value: float, error: float, freedom: int, confidence: float
) -> Reduced:
    plain = ratio_estimate(*ratio, confidence)
    assert plain.half_width is not None
    n = plain.n
    middle = (1 + confidence) / 2
    plain_error = plain.half_width / float(special.stdtrit(n - 1, middle))
    determined = error <= _DETERMINED * abs(value)
    return Reduced(
        value=value,
        half_width=float(special.stdtrit(freedom, middle)) * error,
        plain_half_width=plain.half_width,
        variance_reduction=None if determined else (plain_error / error) ** 2,
    )
