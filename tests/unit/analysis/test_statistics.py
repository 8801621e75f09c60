"""Estimates, intervals and tests: worked examples and coverage."""

from __future__ import annotations

import math

import numpy as np
import pytest

from simcore.analysis.statistics import (
    Estimate,
    autocorrelation,
    bernstein_p,
    holm,
    lag_one_autocorrelation,
    mean_estimate,
    pairs_at_lag,
    quantile_estimate,
    ratio_estimate,
)


def test_ratio_of_sums_is_not_the_mean_of_ratios():
    latency, tokens = [10.0, 10.0, 40.0], [1, 2, 10]
    estimate = ratio_estimate(latency, tokens)
    # By hand: R = 60/13; d = y - R x = (70, 10, -80)/13, sum d^2 = 11400/169;
    # SE = sqrt(11400/169 / (2 * 3)) / (13/3); t(0.975, 2) = 4.302652730.
    assert estimate.value == pytest.approx(60 / 13, rel=1e-15)
    error = math.sqrt(11400 / 169 / 6) / (13 / 3)
    assert estimate.half_width == pytest.approx(4.302652730 * error, rel=1e-9)
    assert estimate.n == 3
    mean_of_ratios = np.mean(np.divide(latency, tokens))
    assert mean_of_ratios == pytest.approx(19 / 3)
    assert abs(mean_of_ratios - estimate.value) > 1.5


def test_ratio_of_one_cluster_has_no_interval():
    assert ratio_estimate([6.0], [4]) == Estimate(1.5, None, 1, 0.95)


def test_delta_interval_covers_while_the_mean_of_ratios_is_biased():
    # A request commits a geometric number of tokens and takes about 100, and 10 a
    # token: the truth is (100 + 10 E[tokens]) / E[tokens].
    rng = np.random.default_rng(20240607)
    expected_tokens = 5.0
    truth = (100 + 10 * expected_tokens) / expected_tokens
    covered = biased = 0
    studies = 1000
    for _ in range(studies):
        tokens = rng.geometric(1 / expected_tokens, size=200)
        latency = rng.exponential(100 + 10 * tokens)
        estimate = ratio_estimate(latency, tokens, confidence=0.95)
        covered += abs(estimate.value - truth) <= estimate.half_width
        biased += np.mean(latency / tokens) > truth * 1.2
    assert 930 <= covered <= 970
    assert biased == studies


def test_mean_interval_of_a_worked_example():
    estimate = mean_estimate([1.0, 2.0, 3.0, 4.0], confidence=0.9)
    # s^2 = 5/3, t(0.95, 3) = 2.353363435.
    assert estimate.value == 2.5
    assert estimate.half_width == pytest.approx(2.353363435 * math.sqrt(5 / 12))
    assert estimate.as_dict() == {
        "value": 2.5,
        "half_width": estimate.half_width,
        "n": 4,
        "confidence": 0.9,
    }
    assert mean_estimate([7.0]).half_width is None


def test_quantile_lies_between_the_tabulated_order_statistics():
    # Median of 10 values: the 2nd and 9th give 97.9 % (David and Nagaraja, 7.1).
    median = quantile_estimate(np.arange(10, 0, -1), 0.5)
    assert (median.value, median.low, median.high) == (5.0, 2.0, 9.0)
    high = quantile_estimate(np.arange(1, 11), 0.99)
    assert (high.value, high.high) == (10.0, None)
    low = quantile_estimate(np.arange(1, 11), 0.01)
    assert (low.value, low.low) == (1.0, None)
    assert median.as_dict()["q"] == 0.5


def test_quantile_interval_covers():
    rng = np.random.default_rng(7)
    truth = -math.log(0.05)
    covered = 0
    for _ in range(1000):
        estimate = quantile_estimate(rng.exponential(size=400), 0.95)
        covered += estimate.low <= truth <= estimate.high
    # At least 95 %, a little more as counts are whole.
    assert 940 <= covered <= 985


def test_autocorrelation_at_a_lag_pairs_values_that_far_apart():
    series = [np.array([0.0, 0.0, 1.0, 1.0] * 3), np.array([0.0, 1.0])]
    found = [autocorrelation(series, lag) for lag in (1, 2, 3, 4, 11)]
    assert found == pytest.approx([0.0, -1.0, -1 / 9, 1.0, -1.0])
    assert [pairs_at_lag([12, 2], lag) for lag in (1, 2, 11, 12)] == [12, 10, 1, 0]
    assert autocorrelation(series, 12) is None


def test_lag_one_autocorrelation_stays_inside_sequences():
    # Mean 0.5, variance 0.25; three pairs of each alternating sequence.
    assert lag_one_autocorrelation([[0, 1, 0, 1], [1, 0, 1, 0]]) == -1.0
    # Neighbours across the border of the two sequences would give -1/7 pairs more.
    assert lag_one_autocorrelation([[0, 0, 0], [1, 1, 1]]) == 1.0
    assert lag_one_autocorrelation([[2, 2, 2], [2]]) is None
    assert lag_one_autocorrelation([[1], [2], []]) is None
    rng = np.random.default_rng(3)
    noise = rng.normal(size=20_000)
    correlated = noise[1:] + 0.5 * noise[:-1]
    # MA(1) with 0.5: 0.5 / 1.25.
    assert lag_one_autocorrelation([correlated]) == pytest.approx(0.4, abs=0.02)


def test_holm_steps_down_as_in_the_worked_example():
    # Four tests at 5 %: 0.005 <= 0.0125, 0.01 <= 0.0167, 0.03 > 0.025: stop there,
    # although 0.04 <= 0.05.
    assert holm([0.01, 0.04, 0.03, 0.005], 0.05) == [True, False, False, True]
    assert holm([0.01, 0.02, 0.03, 0.005], 0.1) == [True, True, True, True]
    assert holm([0.0125, 0.9, 0.9, 0.9], 0.05) == [True, False, False, False]
    assert holm([], 0.05) == []


def test_holm_keeps_the_familywise_rate():
    rng = np.random.default_rng(5)
    families = [any(holm(rng.random(20).tolist(), 0.05)) for _ in range(2000)]
    assert 0.035 < np.mean(families) < 0.065


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ratio_estimate([1.0], [1, 2]), "1 numerators but 2 denominators"),
        (lambda: ratio_estimate([1.0, 2.0], [0, 0]), "denominators sum to 0"),
        (lambda: ratio_estimate([], []), "at least one value is needed"),
        (lambda: ratio_estimate([math.nan], [1]), "not a finite number"),
        (lambda: mean_estimate([1.0], confidence=1.0), "between 0 and 1, got 1.0"),
        (lambda: mean_estimate([[1.0]]), "in one dimension"),
        (lambda: quantile_estimate([1.0], 1.0), "q must be between 0 and 1, got 1.0"),
        (lambda: holm([1.5]), "a p value is not between 0 and 1"),
        (lambda: holm([math.nan]), "a p value is not between 0 and 1"),
        (lambda: holm([0.5], 0.0), "familywise must be between 0 and 1, got 0.0"),
    ],
)
def test_impossible_arguments_are_refused(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize("n", [1, 5, 40])
def test_bernstein_never_rejects_more_often_than_it_says(n: int) -> None:
    # A rare event, where a t test with n = 5 would be wildly wrong.
    rate, level, studies = 0.01, 0.05, 4000
    rng = np.random.default_rng(5)
    means = rng.binomial(n, rate, size=studies) / n
    rejected = [
        bernstein_p(mean - rate, rate * (1 - rate), 1 - rate, n) < level
        for mean in means
    ]
    assert np.mean(rejected) <= level


def test_bernstein_sees_a_real_difference() -> None:
    assert bernstein_p(0.2, 1.0, 3.0, 1000) < 1e-6
    assert bernstein_p(0.2, 1.0, 3.0, 10) > 0.1


def test_bernstein_without_variance_is_equality() -> None:
    assert bernstein_p(0.0, 0.0, 0.0, 3) == 1.0
    assert bernstein_p(1e-9, 0.0, 0.0, 3) == 0.0
