"""An interval for a ratio of sums over bursts that depend on each other.

Neighbouring bursts are put into batches long enough for the batches to be nearly
independent; what correlation is left between them widens the interval. This is for
runs with too few independent units: one long request, or one shared chip.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

_FloatArray = npt.NDArray[np.float64]

#: Fewer batches make a wide interval of random width.
MIN_BATCHES = 20

#: Fewer bursts say too little of how they depend on each other.
MIN_BURSTS = 2 * MIN_BATCHES

#: Correlation times a run must span. A run that is shorter gives no honest interval.
MIN_CORRELATION_TIMES = 20

#: More batches make the interval hardly narrower; longer ones see correlations, of
#: either sign, that reach farther.
_MAX_BATCHES = 64

#: A batch is long enough when the correlation of neighbours is below so many of its
#: standard errors: a strict test, as missing a correlation costs more than a batch.
_PASSES_BELOW = 0.8

#: Each trial has batches so much longer than the last one.
_GROWTH = 1.5

#: Deviations below this share of the largest term are roundings.
_ROUNDING = 1e-12


@dataclass(frozen=True, slots=True)
class BatchMeans:
    """Half-width of an interval by batch means, and what it stands on.

    Attributes
    ----------
    half_width : float or None
        None when the run is too short for an honest interval.
    batches : int
        How many.
    batch_length : int
        Bursts in each; what is left over stays out at the start.
    autocorrelation : float or None
        Lag 1, of single bursts; None when they do not vary.
    correlation_time : float or None
        Variance of the mean over that of as many independent bursts: about so many
        bursts in a row are worth one. None when they do not vary.
    reason : str
        Why there is no interval; empty when there is one.
    """

    half_width: float | None
    batches: int
    batch_length: int
    autocorrelation: float | None
    correlation_time: float | None
    reason: str = ""


def batch_means(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    trend: npt.ArrayLike | None = None,
    clock: npt.ArrayLike | None = None,
    confidence: float = 0.95,
) -> BatchMeans:
    """Interval of ``sum y / sum x`` over bursts in time order.

    With ``d = y - R x``, 64 batches grow until the means of d over neighbouring
    batches are not noticeably correlated, or until there are 20. Their variance is
    multiplied by ``(1 + r) / (1 - r)``, r >= 0 the correlation that is left, and the
    quantile is Student's for the number of batches.

    Parameters
    ----------
    numerators, denominators : array_like of float, shape (n_bursts,)
        What each burst adds above and below the line.
    trend : array_like of float, shape (n_bursts,), optional
        Known cause of slow change that every run goes through alike, such as the
        context length: ``y - R x`` may follow it by a straight line, which is then no
        variance.
    clock : array_like of float, shape (n_bursts,), optional
        How far each burst carries the trend, such as committed tokens; default: the
        denominators.
    confidence : float
        Coverage, between 0 and 1.

    Raises
    ------
    ValueError
        If the lengths differ or the denominators sum to 0.

    Notes
    -----
    The bursts are taken as one stationary sequence. Where requests end, one burst is
    cut short; many bursts to a request make that negligible.

    References
    ----------
    Law, Simulation Modeling and Analysis, 5th ed., section 9.5.3. Fishman and
    Yarberry, An implementation of the batch means method, INFORMS J. Computing 9
    (1997) 296-310. Tafazzoli and Wilson, Skart, IIE Transactions 43 (2011) 110-128,
    for the correction of what correlation is left.
    """
    y = np.asarray(numerators, dtype=np.float64)
    x = np.asarray(denominators, dtype=np.float64)
    if y.shape != x.shape:
        raise ValueError(f"{y.size} numerators but {x.size} denominators")
    total = math.fsum(x)
    if total == 0:
        raise ValueError("the denominators sum to 0")
    if y.size < MIN_BURSTS:
        return BatchMeans(
            None, 0, 0, None, None, f"{y.size} bursts, fewer than {MIN_BURSTS}"
        )
    d = y - x * (math.fsum(y) / total)
    if trend is not None:
        along = x if clock is None else np.asarray(clock, dtype=np.float64)
        d = around_a_trend(d, np.asarray(trend, dtype=np.float64), along)
    n, single = d.size, float(d @ d) / d.size
    if math.sqrt(single) <= _ROUNDING * float(np.abs(y).max(initial=0.0)):
        return BatchMeans(0.0, n, 1, None, None)
    length = _batch_length(d)
    means = _means(d, length)
    r = min(0.99, max(0.0, _lag_one(means)))
    variance = float(np.var(means, ddof=1)) / means.size * (1 + r) / (1 - r)
    time = variance * n / single
    found = BatchMeans(
        half_width=float(special.stdtrit(means.size - 1, (1 + confidence) / 2))
        * math.sqrt(variance)
        / abs(total / n),
        batches=int(means.size),
        batch_length=length,
        autocorrelation=_lag_one(d),
        correlation_time=time,
    )
    if n >= MIN_CORRELATION_TIMES * time:
        return found
    return BatchMeans(
        None,
        found.batches,
        length,
        found.autocorrelation,
        time,
        f"{n} bursts are only about {n / time:.0f} correlation times, fewer than "
        f"{MIN_CORRELATION_TIMES}",
    )


def around_a_trend(
    d: _FloatArray, trend: _FloatArray, clock: _FloatArray
) -> _FloatArray:
    """What deviations leave beside a straight line along the clock.

    A run that goes through the same trend has the same sum of ``clock f(trend)``, but
    for the steps it takes, whatever the function f: that much is not random.

    Parameters
    ----------
    d : ndarray of float, shape (n,)
        Deviations, of sum 0.
    trend, clock : ndarray of float, shape (n,)
        See `batch_means`.
    """
    reach = float(np.ptp(trend))
    if not reach:
        return d
    t = (trend - trend.mean()) / reach
    first, second = math.fsum(clock * t), math.fsum(clock * t * t)
    system = np.array([[math.fsum(clock), first], [first, second]])
    if abs(np.linalg.det(system)) <= _ROUNDING * system[0, 0] ** 2:
        return d
    level, slope = np.linalg.solve(system, [math.fsum(d), math.fsum(d * t)])
    left: _FloatArray = d - clock * (level + slope * t)
    return left


def _batch_length(d: _FloatArray) -> int:
    length = -(-d.size // _MAX_BATCHES)
    while True:
        means = _means(d, length)
        # In units of its standard error, and without its bias of -1/n.
        if _lag_one(means) * math.sqrt(means.size) <= _PASSES_BELOW:
            return length
        longer = max(length + 1, int(length * _GROWTH))
        if d.size // longer < MIN_BATCHES:
            return d.size // MIN_BATCHES
        length = longer


def _means(d: _FloatArray, length: int) -> _FloatArray:
    batches = d.size // length
    means: _FloatArray = d[d.size - batches * length :].reshape(batches, length).mean(1)
    return means


def _lag_one(values: _FloatArray) -> float:
    """Correlation of neighbours, corrected for its bias of about -1/n."""
    centred = values - values.mean()
    square = float(centred @ centred)
    if not square:
        return 0.0
    return float(centred[1:] @ centred[:-1]) / square + 1 / values.size
