"""Stopping at a precision: not before it is there, and not because of luck."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.analysis.sequential import (
    GROWTH,
    MIN_CLUSTERS,
    first_look,
    latency_precision,
    precision,
)
from simcore.analysis.statistics import ratio_estimate


def test_the_width_is_that_of_the_ratio() -> None:
    rng = np.random.default_rng(1)
    y, x = rng.gamma(4, 1, 200), rng.integers(5, 9, 200)
    found = precision(y, x, 0.01)
    plain = ratio_estimate(y, x)
    assert plain.half_width is not None
    assert found.relative_half_width == pytest.approx(plain.half_width / plain.value)
    assert not found.is_reached
    # Half-widths shrink with the root of the number.
    needed = 200 * (found.relative_half_width / 0.01) ** 2
    assert found.clusters + found.more_clusters == pytest.approx(needed, rel=0.01)
    # The need is a guess, so it is approached by halves.
    assert found.next_look == 300


def test_what_was_said_to_be_needed_is_about_enough() -> None:
    rng = np.random.default_rng(2)
    y = rng.gamma(4, 1, 10_000)
    early = precision(y[:400], np.ones(400), 0.02)
    enough = early.clusters + early.more_clusters
    later = precision(y[:enough], np.ones(enough), 0.02)
    assert later.relative_half_width == pytest.approx(0.02, rel=0.1)


def test_a_reached_target_ends_the_run() -> None:
    found = precision(np.tile([9.9, 10.1], 50), np.ones(100), 0.05)
    assert found.is_reached
    assert (found.more_clusters, found.next_look) == (0, 100)
    assert found.as_dict()["is_reached"] is True


@pytest.mark.parametrize("n", [1, 2, 29])
def test_few_units_never_reach_it_however_alike_they_are(n: int) -> None:
    found = precision(np.full(n, 3.0), np.ones(n), 0.5)
    assert not found.is_reached
    assert found.clusters + found.more_clusters == MIN_CLUSTERS
    assert found.next_look == MIN_CLUSTERS
    assert (found.relative_half_width is None) is (n == 1)


def test_units_that_do_not_vary_reach_it_after_the_least_number() -> None:
    assert precision(np.full(30, 3.0), np.ones(30), 0.001).is_reached


def test_a_ratio_of_zero_has_no_relative_width() -> None:
    found = precision(np.zeros(100), np.ones(100), 0.1)
    assert found.relative_half_width is None
    assert not found.is_reached


def test_requests_of_one_chip_are_one_unit() -> None:
    rng = np.random.default_rng(3)
    latency, tokens = rng.integers(900, 1100, 80), np.full(80, 10)
    requests = {
        "replication": np.arange(80) // 2,
        "latency_ps": latency,
        "tokens": tokens,
    }
    found = latency_precision(requests, 0.01)
    pairs = precision(
        latency.reshape(40, 2).sum(axis=1), tokens.reshape(40, 2).sum(axis=1), 0.01
    )
    assert found == pairs
    assert found.clusters == 40


def test_the_first_look_is_at_half_of_what_is_likely_needed() -> None:
    assert first_look(0.01) == MIN_CLUSTERS
    # (1.96 x 0.5 / 0.01)^2 / 2
    assert first_look(0.01, spread=0.5) == 4802
    assert first_look(0.5, spread=0.1) == MIN_CLUSTERS


@pytest.mark.parametrize(
    ("target", "least", "message"),
    [(0.0, 30, "between 0 and 1, got 0.0"), (0.1, 1, "min_clusters must be >= 2")],
)
def test_impossible_arguments_are_refused(
    target: float, least: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        precision([1.0, 2.0], [1.0, 1.0], target, min_clusters=least)


def test_stopping_keeps_the_coverage() -> None:
    # Skewed values: a small spread seen early goes with a mean that is too low.
    rng = np.random.default_rng(4)
    hits, ends, studies = 0, [], 500
    for _ in range(studies):
        y = rng.exponential(1.0, 4000)
        n = MIN_CLUSTERS
        while not (found := precision(y[:n], np.ones(n), 0.1)).is_reached:
            assert n < found.next_look <= np.ceil(GROWTH * n)
            n = found.next_look
        assert found.relative_half_width is not None
        assert found.relative_half_width <= 0.1
        hits += abs(found.value - 1) <= found.relative_half_width * found.value
        ends.append(n)
    # Three standard errors of 0.95 in 500 are 0.03.
    assert hits / studies > 0.92
    # (1.96 / 0.1)^2 units would do.
    assert np.mean(ends) == pytest.approx(384, rel=0.15)
