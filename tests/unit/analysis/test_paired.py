"""Two runs with common random numbers: the difference is known better than either."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composed_run import composed_run
from simcore.analysis.paired import ComparedRun, Comparison, compare_runs
from simcore.analysis.statistics import mean_estimate
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.experiments.plan import plan_run

LATENCY = "latency_ns_per_token"


def scenario(*overrides: str) -> ScenarioConfig:
    return load_scenario("tiny", ["workload.requests=60", *overrides])


def run(of: ScenarioConfig) -> ComparedRun:
    return ComparedRun(plan_run(of).program, *composed_run(of))


def compare(*overrides: str, streams: tuple[int, int] = (1, 1)) -> Comparison:
    sides = []
    for side, of in zip(streams, (scenario(), scenario(*overrides)), strict=True):
        program, bursts, requests = run(of)
        for columns in (bursts, requests):
            columns["replication"] = columns["request"] // side
        sides.append(ComparedRun(program, bursts, requests))
    return compare_runs(*sides)


@pytest.fixture(scope="module")
def paired() -> Comparison:
    return compare("workload.prompt_length=64")


def test_common_random_numbers_make_the_difference_sharp(paired: Comparison) -> None:
    assert paired.paired
    assert (paired.unit, paired.units) == ("requests", (60, 60))
    latency = paired.metrics[LATENCY]
    assert latency.correlation is not None
    assert latency.correlation > 0.99
    alone = compare("workload.prompt_length=64", "workload.requests=59")
    assert not alone.paired
    assert alone.reason == "the runs have different requests (60 and 59)"
    assert alone.metrics[LATENCY].correlation is None
    assert latency.difference.half_width is not None
    assert alone.metrics[LATENCY].difference.half_width is not None
    assert (
        latency.difference.half_width < alone.metrics[LATENCY].difference.half_width / 4
    )


def test_difference_and_ratio_are_those_of_the_values(paired: Comparison) -> None:
    for metric in paired.metrics.values():
        assert metric.difference.value == pytest.approx(metric.second - metric.first)
        if metric.ratio is not None and metric.first:
            assert metric.ratio.value == pytest.approx(metric.second / metric.first)
    # The same bursts in both runs: no difference, and no doubt about it.
    tokens = paired.metrics["committed_tokens_per_burst"]
    assert (tokens.difference.value, tokens.difference.half_width) == (0, 0)
    assert tokens.correlation == pytest.approx(1)


def test_with_equal_denominators_it_is_the_interval_of_the_differences() -> None:
    sides = [run(scenario()), run(scenario("workload.prompt_length=64"))]
    found = compare_runs(*sides, confidence=0.9).metrics["request_latency_ns"]
    latency = [np.asarray(side.requests["latency_ps"]) / 1000 for side in sides]
    expected = mean_estimate(latency[1] - latency[0], 0.9)
    assert found.difference.value == pytest.approx(expected.value)
    assert found.difference.half_width == pytest.approx(expected.half_width)
    correlation = np.corrcoef(latency)[0, 1]
    assert found.correlation == pytest.approx(correlation)


def test_without_pairs_the_variances_add() -> None:
    sides = [run(scenario()), run(scenario("seed=2", "workload.requests=40"))]
    found = compare_runs(*sides).metrics["request_latency_ns"]
    errors = [
        np.std(np.asarray(side.requests["latency_ps"]) / 1000, ddof=1) ** 2 / n
        for side, n in zip(sides, (60, 40), strict=True)
    ]
    # Welch: about 80 degrees of freedom.
    assert found.difference.half_width == pytest.approx(
        1.99 * math.sqrt(sum(errors)), rel=0.01
    )


@pytest.mark.parametrize(
    ("streams", "unit", "n"),
    [
        ((1, 4), "replications", 15),
        ((4, 1), "replications", 15),
        ((3, 3), "replications", 20),
        ((4, 6), "groups of requests", 5),
    ],
)
def test_groups_that_share_no_chip_are_compared(
    streams: tuple[int, int], unit: str, n: int
) -> None:
    found = compare("workload.prompt_length=64", streams=streams)
    assert found.paired
    assert (found.unit, found.units) == (unit, (n, n))
    assert found.metrics[LATENCY].difference.half_width is not None
    assert "throughput_tokens_per_s" in found.metrics


def test_one_request_each_gives_values_without_intervals() -> None:
    one = run(scenario("workload.requests=1"))
    found = compare_runs(one, one)
    assert found.metrics[LATENCY].difference.half_width is None
    assert found.metrics[LATENCY].correlation is None
    assert found.as_dict()["metrics"][LATENCY]["ratio"]["value"] == 1


def test_a_confidence_must_be_one() -> None:
    one = run(scenario())
    with pytest.raises(ValueError, match="between 0 and 1, got 95"):
        compare_runs(one, one, confidence=95)


def test_intervals_contain_the_truth_as_often_as_they_say() -> None:
    sides = [scenario("workload.max_tokens=32")]
    sides.append(load_scenario(sides[0], ["acceptance.rate=0.7"]))
    plans = [plan_run(side) for side in sides]
    truth = [
        request_expectation(plan.program, plan.expected).metrics()[LATENCY]
        for plan in plans
    ]
    hits = {"difference": 0, "ratio": 0}
    for seed in range(200):
        runs: list[Any] = [
            ComparedRun(
                plan.program, *composed_run(side.model_copy(update={"seed": seed}))
            )
            for plan, side in zip(plans, sides, strict=True)
        ]
        found = compare_runs(*runs).metrics[LATENCY]
        assert found.ratio is not None
        assert found.difference.half_width is not None
        assert found.ratio.half_width is not None
        off = abs(found.difference.value - (truth[1] - truth[0]))
        hits["difference"] += off <= found.difference.half_width
        off = abs(found.ratio.value - truth[1] / truth[0])
        hits["ratio"] += off <= found.ratio.half_width
    # Four standard errors of 0.95 in 200 are 0.06.
    assert hits["difference"] / 200 > 0.89
    assert hits["ratio"] / 200 > 0.89
