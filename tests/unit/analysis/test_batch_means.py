"""Batch means: what they are, when there are none, and that they cover."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
import pytest
from scipy import special

from simcore.analysis.batch_means import (
    MIN_BATCHES,
    MIN_BURSTS,
    around_a_trend,
    batch_means,
)


def persistent(
    keep: float, n: int, rng: np.random.Generator
) -> npt.NDArray[np.float64]:
    """Uniform values 0..5, each kept from the last with a chance: AR(1) alike."""
    drawn = rng.integers(0, 6, size=n).astype(float)
    place = np.where(rng.random(n) < keep, 0, np.arange(n))
    kept: npt.NDArray[np.float64] = drawn[np.maximum.accumulate(place)]
    return kept


def test_without_correlation_it_is_the_interval_of_the_batches() -> None:
    y = np.tile([1.0, 5.0, 2.0, 4.0, 3.0], 16)[:64]
    found = batch_means(y, np.full(64, 2.0))
    assert (found.batches, found.batch_length) == (64, 1)
    error = np.std(y, ddof=1) / 8 / 2
    assert found.half_width == pytest.approx(special.stdtrit(63, 0.975) * error)
    assert found.autocorrelation is not None
    assert found.autocorrelation < 0.1
    assert found.reason == ""


def test_what_is_left_over_stays_out_at_the_start() -> None:
    rng = np.random.default_rng(2)
    y = rng.random(130)
    # Batches of 3 bursts: 43, one burst is left over.
    found = batch_means(y, np.ones(130))
    assert (found.batches, found.batch_length) == (43, 3)
    shifted = batch_means(np.concatenate([[y[0]], y[1:]]), np.ones(130))
    assert shifted == found


def test_correlation_makes_batches_long_and_the_interval_wide() -> None:
    rng = np.random.default_rng(3)
    y = persistent(0.9, 8000, rng)
    found = batch_means(y, np.ones(y.size))
    naive = 1.96 * y.std() / math.sqrt(y.size)
    assert found.half_width is not None
    assert found.autocorrelation == pytest.approx(0.9, abs=0.03)
    # Variance of the mean grows by (1 + 0.9) / (1 - 0.9) = 19.
    assert 10 < (found.half_width / naive) ** 2 < 35
    assert found.correlation_time == pytest.approx(19, rel=0.5)
    assert found.batch_length * found.batches <= y.size
    assert found.batches >= MIN_BATCHES


def test_a_known_trend_is_no_variance() -> None:
    rng = np.random.default_rng(4)
    tokens = rng.integers(1, 7, size=2000).astype(float)
    context = np.cumsum(tokens)
    latency = tokens * (1.0 + context / context[-1]) + rng.normal(0, 0.1, 2000)
    plain = batch_means(latency, tokens)
    known = batch_means(latency, tokens, context)
    # Taken as chance, the trend is a correlation without end.
    assert plain.half_width is None
    assert known.half_width is not None
    assert known.half_width < 0.01
    d = latency - tokens * (latency.sum() / tokens.sum())
    left = around_a_trend(d, context, tokens)
    assert math.fsum(left) == pytest.approx(0, abs=1e-8)
    assert math.fsum(left * context) == pytest.approx(0, abs=1e-4)
    # Without a change there is nothing to take out.
    assert around_a_trend(d, np.ones(2000), tokens) is d


def test_how_many_bursts_see_which_context_is_chance() -> None:
    # Cost of a burst follows the context exactly; what varies is where bursts are.
    means, widths = [], []
    for seed in range(40):
        rng = np.random.default_rng(seed)
        tokens = 1 + persistent(0.9, 4000, rng)
        context = np.cumsum(tokens)
        tokens, context = tokens[context < 8000], context[context < 8000]
        found = batch_means(context, np.ones(context.size), context, tokens)
        assert found.half_width is not None
        means.append(context.mean())
        widths.append(found.half_width)
    assert np.mean(widths) == pytest.approx(2 * np.std(means), rel=0.3)


def test_a_run_that_is_too_short_gives_no_interval_and_says_why() -> None:
    few = batch_means(np.arange(39.0), np.ones(39))
    assert few.half_width is None
    assert few.reason == f"39 bursts, fewer than {MIN_BURSTS}"
    rng = np.random.default_rng(5)
    y = persistent(0.98, 400, rng)
    short = batch_means(y, np.ones(400))
    assert short.half_width is None
    assert short.reason.startswith("400 bursts are only about ")
    assert short.reason.endswith(" correlation times, fewer than 20")


def test_bursts_that_do_not_vary_are_known_exactly() -> None:
    found = batch_means(np.full(100, 3.0), np.full(100, 2.0))
    assert found.half_width == 0
    assert found.autocorrelation is None
    assert found.correlation_time is None


@pytest.mark.parametrize(
    ("y", "x", "message"),
    [([1.0], [1.0, 2.0], "1 numerators but 2"), ([1.0], [0.0], "sum to 0")],
)
def test_impossible_arguments_are_refused(
    y: list[float], x: list[float], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        batch_means(y, x)


@pytest.mark.parametrize(("keep", "bursts"), [(0.0, 400), (0.85, 2500)])
def test_intervals_contain_the_truth_as_often_as_they_say(
    keep: float, bursts: int
) -> None:
    rng = np.random.default_rng(6)
    hits = 0
    for _ in range(300):
        y = persistent(keep, bursts, rng)
        found = batch_means(y, np.ones(bursts))
        assert found.half_width is not None
        hits += abs(y.mean() - 2.5) <= found.half_width
    # Four standard errors of a share of 0.95 are 0.05.
    assert hits / 300 >= 0.90
    # The interval of independent bursts would miss most of the time.
    if keep:
        y = persistent(keep, bursts, rng)
        found = batch_means(y, np.ones(bursts))
        assert found.half_width is not None
        assert found.half_width > 2 * 1.96 * y.std() / math.sqrt(bursts)
