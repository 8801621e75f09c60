"""Quantiles of values that depend on each other within clusters."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.analysis.clustered_quantile import clustered_quantile
from simcore.analysis.statistics import order_statistics, quantile_estimate


def test_copies_in_a_cluster_count_once() -> None:
    rng = np.random.default_rng(1)
    each = rng.random(400)
    copied = np.repeat(each, 25)
    clusters = np.repeat(np.arange(400), 25)
    found = clustered_quantile(copied, clusters, 0.5)
    alone = quantile_estimate(each, 0.5)
    naive = quantile_estimate(copied, 0.5)
    assert found.value == alone.value
    assert None not in (found.low, found.high, alone.low, alone.high)
    # About as wide as the one of 400 values, five times the one of 10,000.
    width = found.high - found.low  # type: ignore[operator]
    assert width == pytest.approx(alone.high - alone.low, rel=0.15)  # type: ignore[operator]
    assert width > 4 * (naive.high - naive.low)  # type: ignore[operator]
    assert found.n == 10_000
    assert found.method == "clusters"


def test_clusters_that_do_not_matter_cost_little() -> None:
    rng = np.random.default_rng(2)
    values = rng.random(4000)
    found = clustered_quantile(values, np.arange(4000) // 40, 0.5, method="requests")
    alone = quantile_estimate(values, 0.5)
    assert found.low is not None
    assert found.high is not None
    assert found.high - found.low < 1.4 * (alone.high - alone.low)  # type: ignore[operator]
    assert found.method == "requests"


def test_one_cluster_says_nothing_and_few_do_not_reach_the_tail() -> None:
    values = np.arange(100.0)
    one = clustered_quantile(values, np.zeros(100, dtype=int), 0.5)
    assert (one.value, one.low, one.high) == (49, None, None)
    few = clustered_quantile(np.sort(values), np.arange(100) // 20, 0.9)
    assert few.high is None


def test_values_all_equal_have_a_quantile_without_width() -> None:
    found = clustered_quantile(np.full(500, 7.0), np.arange(500) // 5, 0.5)
    assert (found.low, found.value, found.high) == (7, 7, 7)


def test_ranks_are_those_of_the_binomial() -> None:
    # P(B(10, 1/2) <= 1) = 0.0107, <= 2 already 0.0547: ranks 2 and 9.
    assert order_statistics(10, 0.5) == (2, 9)
    assert order_statistics(5, 0.99) == (4, None)
    assert order_statistics(1, 0.5) == (None, None)


def test_intervals_contain_the_truth_as_often_as_they_say() -> None:
    rng = np.random.default_rng(3)
    hits = naive_hits = 0
    clusters = np.arange(40 * 50) // 50
    for _ in range(400):
        # Half of the variance is the cluster's; the median is 0.
        values = np.repeat(rng.normal(size=40), 50) + rng.normal(size=2000)
        found = clustered_quantile(values, clusters, 0.5)
        assert found.low is not None
        assert found.high is not None
        hits += found.low <= 0 <= found.high
        naive = quantile_estimate(values, 0.5)
        naive_hits += naive.low <= 0 <= naive.high  # type: ignore[operator]
    assert hits / 400 >= 0.91
    assert naive_hits / 400 < 0.5
