"""Quantiles of values that depend on each other within clusters."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy import special

from simcore.analysis.statistics import (
    QuantileEstimate,
    order_statistics,
    ratio_estimate,
)

_FloatArray = npt.NDArray[np.float64]


def clustered_quantile(
    values: npt.ArrayLike,
    clusters: npt.ArrayLike,
    q: float,
    confidence: float = 0.95,
    method: str = "clusters",
) -> QuantileEstimate:
    """A quantile whose interval knows that values of a cluster are alike.

    The share of values at or below the quantile varies between clusters; how much more
    than for independent values says how many independent values these are worth. The
    interval is that of so many, between order statistics. One cluster gives none.

    Parameters
    ----------
    values : array_like of float, shape (n,)
        At least one, finite.
    clusters : array_like of int, shape (n,)
        Number of the cluster of each value, from 0, none left out.
    q : float
        Between 0 and 1.
    confidence : float
        Coverage, between 0 and 1.
    method : str
        What the clusters are, for the result.

    References
    ----------
    Korn and Graubard, Confidence intervals for proportions with small expected number
    of positive counts estimated from survey data, Survey Methodology 24 (1998)
    193-201; Woodruff, J. Am. Stat. Assoc. 47 (1952) 635-646.
    """
    x = np.asarray(values, dtype=np.float64)
    of = np.asarray(clusters, dtype=np.int64)
    n, count = x.size, int(of.max(initial=-1)) + 1
    value = float(np.quantile(x, q, method="inverted_cdf"))
    if count < 2:
        return QuantileEstimate(value, None, None, q, n, confidence, method)
    sizes = np.bincount(of, minlength=count)
    worth = min(
        _independent(x <= value, of, sizes, confidence),
        _independent(x < value, of, sizes, confidence),
    )
    low, high = order_statistics(max(1, math.floor(worth)), q, confidence)
    ordered, each = np.sort(x), n / max(1, math.floor(worth))
    return QuantileEstimate(
        value,
        None if low is None else float(ordered[math.floor((low - 1) * each)]),
        None if high is None else float(ordered[min(n, math.ceil(high * each)) - 1]),
        q,
        n,
        confidence,
        method,
    )


def _independent(
    is_below: npt.NDArray[np.bool_],
    clusters: npt.NDArray[np.int64],
    sizes: npt.NDArray[np.int64],
    confidence: float,
) -> float:
    """How many independent values tell the share below as well."""
    n = int(sizes.sum())
    below = np.bincount(clusters, weights=is_below, minlength=sizes.size)
    share = ratio_estimate(below, sizes, confidence)
    if not 0 < share.value < 1 or not share.half_width:
        # All on one side, or as many in each cluster: nothing contradicts n.
        return float(n)
    error = share.half_width / float(special.ndtri((1 + confidence) / 2))
    return min(float(n), share.value * (1 - share.value) / error**2)
