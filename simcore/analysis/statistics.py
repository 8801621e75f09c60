"""Estimates with honest intervals, and tests that count how often they are made.

A cost per token is a ratio of sums, never the mean of ratios: requests and bursts that
commit few tokens would count too much. Bursts of one request depend on each other, so
the independent unit is the request: one entry, one cluster.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy import special

#: Spread, relative to the mean, below which values count as all equal: rounding.
_EQUAL_SPREAD = 1e-12

#: Relative difference below which a value without spread equals what is expected.
_EQUAL = 1e-9


@dataclass(frozen=True, slots=True)
class Estimate:
    """A value with its two-sided confidence interval ``value +- half_width``.

    Attributes
    ----------
    value : float
        The estimate.
    half_width : float or None
        None when fewer than two independent units were seen.
    n : int
        Independent units.
    confidence : float
        Coverage of the interval.
    """

    value: float
    half_width: float | None
    n: int
    confidence: float

    def as_dict(self) -> dict[str, float | None]:
        """The fields by name, ready for JSON."""
        return {
            "value": self.value,
            "half_width": self.half_width,
            "n": self.n,
            "confidence": self.confidence,
        }


@dataclass(frozen=True, slots=True)
class QuantileEstimate:
    """A quantile between two order statistics.

    Attributes
    ----------
    value : float
        Smallest value that at least a share `q` of the values does not exceed.
    low, high : float or None
        Interval of the quantile; None where the values do not reach far enough.
    q : float
        Which quantile, 0 < q < 1.
    n : int
        Values.
    confidence : float
        Coverage of the interval, at least.
    method : str
        What the interval takes as independent.
    """

    value: float
    low: float | None
    high: float | None
    q: float
    n: int
    confidence: float
    method: str = "independent values"

    def as_dict(self) -> dict[str, float | str | None]:
        """The fields by name, ready for JSON."""
        return {
            "value": self.value,
            "low": self.low,
            "high": self.high,
            "q": self.q,
            "n": self.n,
            "confidence": self.confidence,
            "method": self.method,
        }


def ratio_estimate(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    confidence: float = 0.95,
) -> Estimate:
    """Ratio of sums over independent clusters, with the delta-method interval.

    ``R = sum y / sum x``, and with ``d = y - R x`` its standard error is
    ``sqrt(sum d^2 / ((n - 1) n)) / mean x``; the quantile is Student's with n - 1.

    Parameters
    ----------
    numerators, denominators : array_like of float, shape (n_clusters,)
        Sums over each cluster, for example latency and tokens of each request.
    confidence : float
        Coverage, between 0 and 1.

    Raises
    ------
    ValueError
        If the lengths differ, there is no cluster, a value is not finite, the
        denominators sum to 0, or `confidence` is not between 0 and 1.

    References
    ----------
    Cochran, Sampling Techniques, 3rd ed., section 2.11.
    """
    _check_confidence(confidence)
    y, x = _vector(numerators), _vector(denominators)
    if y.size != x.size:
        raise ValueError(f"{y.size} numerators but {x.size} denominators")
    total = math.fsum(x)
    if total == 0:
        raise ValueError("the denominators sum to 0")
    ratio = math.fsum(y) / total
    half_width = None
    if y.size > 1:
        error = _standard_error(y - ratio * x) / abs(total / x.size)
        half_width = _t_quantile(y.size, confidence) * error
    return Estimate(ratio, half_width, int(y.size), confidence)


def mean_estimate(values: npt.ArrayLike, confidence: float = 0.95) -> Estimate:
    """Mean of independent values with Student's interval.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        At least one, finite.
    confidence : float
        Coverage, between 0 and 1.

    Raises
    ------
    ValueError
        If there is no value, one is not finite, or `confidence` is out of range.
    """
    _check_confidence(confidence)
    x = _vector(values)
    mean = math.fsum(x) / x.size
    half_width = None
    if x.size > 1:
        half_width = _t_quantile(x.size, confidence) * _standard_error(x - mean)
    return Estimate(mean, half_width, int(x.size), confidence)


def quantile_estimate(
    values: npt.ArrayLike, q: float, confidence: float = 0.95
) -> QuantileEstimate:
    """A quantile with the interval between two order statistics.

    The number of independent values at or below the quantile is binomial(n, q),
    whatever their distribution; the interval therefore covers at least `confidence`.
    It is None on a side where n values do not reach.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        At least one, finite.
    q : float
        Between 0 and 1.
    confidence : float
        Coverage, between 0 and 1.

    Raises
    ------
    ValueError
        If there is no value, one is not finite, or `q` or `confidence` is out of
        range.

    References
    ----------
    David and Nagaraja, Order Statistics, 3rd ed., section 7.1.
    """
    x = np.sort(_vector(values))
    n = int(x.size)
    low, high = order_statistics(n, q, confidence)
    return QuantileEstimate(
        value=float(np.quantile(x, q, method="inverted_cdf")),
        low=None if low is None else float(x[low - 1]),
        high=None if high is None else float(x[high - 1]),
        q=q,
        n=n,
        confidence=confidence,
    )


def order_statistics(
    n: int, q: float, confidence: float = 0.95
) -> tuple[int | None, int | None]:
    """Which of n independent values in order bound a quantile.

    Parameters
    ----------
    n : int
        Values, >= 1.
    q, confidence : float
        Between 0 and 1.

    Returns
    -------
    tuple of int or None
        Ranks from 1; None on a side where n values do not reach.
    """
    _check_confidence(confidence)
    if not 0 < q < 1:
        raise ValueError(f"q must be between 0 and 1, got {q}")
    tail = (1 - confidence) / 2
    at_most = special.bdtr(np.arange(n + 1), n, q)
    low = int(np.searchsorted(at_most, tail))
    high = int(np.searchsorted(at_most, 1 - tail)) + 1
    return low if low >= 1 else None, high if high <= n else None


def lag_one_autocorrelation(sequences: Iterable[npt.ArrayLike]) -> float | None:
    """Correlation of neighbours inside sequences; see `autocorrelation`."""
    series = [np.asarray(sequence, dtype=np.float64) for sequence in sequences]
    return autocorrelation(series, 1)


def pairs_at_lag(lengths: Iterable[int], lag: int) -> int:
    """How many pairs of values, `lag` apart, sequences of these lengths have."""
    return sum(max(length - lag, 0) for length in lengths)


def autocorrelation(
    series: Sequence[npt.NDArray[np.float64]], lag: int
) -> float | None:
    """Correlation of values `lag` apart inside sequences, pooled over the sequences.

    Parameters
    ----------
    series : sequence of ndarray of float64
        For example the accepted lengths of the bursts of each request, in order.
    lag : int
        Distance, >= 1.

    Returns
    -------
    float or None
        Mean product of the deviations of such pairs over the variance, deviations
        from the mean of all values. None when there is no pair or all values are
        equal.
    """
    pairs = pairs_at_lag((s.size for s in series), lag)
    if not pairs:
        return None
    everything = np.concatenate(series)
    mean = math.fsum(everything) / everything.size
    variance = math.fsum((everything - mean) ** 2) / everything.size
    if math.sqrt(variance) <= _EQUAL_SPREAD * abs(mean):
        return None
    products = (
        float((s[lag:] - mean) @ (s[:-lag] - mean)) for s in series if s.size > lag
    )
    return math.fsum(products) / pairs / variance


def bernstein_p(difference: float, variance: float, reach: float, n: int) -> float:
    """Bound on the chance that a mean of n lies at least `difference` off its truth.

    Bernstein's inequality for independent values with this variance that never lie
    farther than `reach` from their mean; holds for every n, also for rare events.

    Parameters
    ----------
    difference : float
        Distance of the sample mean from the true mean.
    variance, reach : float
        Of one value, both known.
    n : int
        Number of values, >= 1.

    Returns
    -------
    float
        1 when the means are equal, 0 when they differ although nothing can vary.

    References
    ----------
    Boucheron, Lugosi, Massart, Concentration Inequalities, Corollary 2.11.
    """
    if n < 1:
        raise ValueError("n must be >= 1")
    distance = abs(difference)
    if not distance:
        return 1.0
    spread = 2 * (variance + reach * distance / 3)
    if not spread:
        return 0.0
    return min(1.0, 2 * math.exp(-n * distance * distance / spread))


def holm(p_values: Sequence[float], familywise: float = 0.05) -> list[bool]:
    """Which hypotheses to reject so that any false rejection stays below a chance.

    Step down: the smallest p is compared with ``familywise / m``, the next with
    ``familywise / (m - 1)``, and so on until one is not rejected.

    Parameters
    ----------
    p_values : sequence of float
        One for each test of the family, 0..1.
    familywise : float
        Chance of one or more false rejections, between 0 and 1.

    Returns
    -------
    list of bool
        In the order given; True: rejected.

    Raises
    ------
    ValueError
        If a p value is not in 0..1, or `familywise` is out of range.

    References
    ----------
    Holm, A simple sequentially rejective multiple test procedure, Scand. J.
    Statistics 6 (1979) 65-70.
    """
    if not 0 < familywise < 1:
        raise ValueError(f"familywise must be between 0 and 1, got {familywise}")
    if not all(0 <= p <= 1 for p in p_values):
        raise ValueError("a p value is not between 0 and 1")
    rejected = [False] * len(p_values)
    order = sorted(range(len(p_values)), key=lambda i: p_values[i])
    for rank, test in enumerate(order):
        if p_values[test] > familywise / (len(order) - rank):
            break
        rejected[test] = True
    return rejected


def _vector(values: npt.ArrayLike) -> npt.NDArray[np.float64]:
    x = np.asarray(values, dtype=np.float64)
    if x.ndim != 1 or x.size == 0:
        raise ValueError("at least one value is needed, in one dimension")
    if not bool(np.all(np.isfinite(x))):
        raise ValueError("a value is not a finite number")
    return x


def _check_confidence(confidence: float) -> None:
    if not 0 < confidence < 1:
        raise ValueError(f"confidence must be between 0 and 1, got {confidence}")


def _standard_error(deviations: npt.NDArray[np.float64]) -> float:
    n = deviations.size
    return math.sqrt(math.fsum(deviations**2) / (n - 1) / n)


def _t_quantile(n: int, confidence: float) -> float:
    return float(special.stdtrit(n - 1, (1 + confidence) / 2))
