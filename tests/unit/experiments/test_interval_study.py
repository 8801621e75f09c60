"""Intervals contain the truth as often as they say, for independent bursts and not."""

from __future__ import annotations

import pytest

from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composed_run import composed_run
from simcore.analysis.composition import Composition
from simcore.analysis.expectation import expected_bursts
from simcore.config.load import load_scenario
from simcore.experiments.interval_study import (
    METRIC,
    interval_study,
    study_scenarios,
)
from simcore.experiments.run import simulate
from simcore.program.burst import scenario_program

KEEP = 0.85
SCENARIOS = study_scenarios(load_scenario("qwen3-1.7b-k5"), KEEP)


def test_a_composed_run_is_the_simulated_run() -> None:
    scenario = load_scenario("tiny", ["workload.requests=12"])
    bursts, requests = composed_run(scenario)
    simulated = simulate(scenario, cross_check=False)
    latency = requests["latency_ps"].sum() / requests["tokens"].sum() / 1000
    assert simulated.metrics[METRIC]["value"] == pytest.approx(latency, rel=1e-6)
    energy = bursts["energy_pj"].sum() / requests["tokens"].sum()
    dynamic = simulated.metrics["dynamic_energy_pj_per_token"]["value"]
    assert dynamic == pytest.approx(energy, rel=1e-12)
    assert simulated.summary["counts"]["bursts"] == bursts["burst"].size


def test_the_truth_is_the_expectation_by_composition() -> None:
    scenario = SCENARIOS["chain, 40 requests"]
    program = scenario_program(scenario)
    expected = request_expectation(
        program, expected_bursts(scenario), Composition(program)
    )
    assert interval_study(scenario, 1).truth == pytest.approx(
        expected.metrics()[METRIC], rel=1e-12
    )


def test_requests_are_independent_where_bursts_are_not() -> None:
    found = interval_study(SCENARIOS["chain, 40 requests"], 25)
    assert found.methods == {"requests": 25}
    assert found.made == {"headline": 25, "naive": 25, "reduced": 25}
    assert found.autocorrelation == pytest.approx(KEEP, abs=0.05)
    # As if bursts were independent, intervals are three times too narrow.
    assert found.coverage("naive") < 0.7 < 0.8 < found.coverage("headline")
    assert found.relative_width["headline"] > 2 * found.relative_width["naive"]
    assert found.relative_width["reduced"] < found.relative_width["headline"] / 4


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_coverage_of_a_thousand_studies(name: str) -> None:
    found = interval_study(SCENARIOS[name], 1000)
    assert found.made["headline"] == 1000
    assert 0.93 <= found.coverage("headline") <= 0.97
    if "one request" in name:
        assert found.methods == {"batch_means": 1000}
        # At least 200 correlation times of the chain, (1 + 0.85) / (1 - 0.85) bursts.
        assert found.bursts > 200 * (1 + KEEP) / (1 - KEEP)
    else:
        assert found.methods == {"requests": 1000}
        assert 0.93 <= found.coverage("reduced") <= 0.97
    if "chain" in name:
        assert found.coverage("naive") < 0.7


@pytest.mark.slow
@pytest.mark.parametrize(
    "metric",
    [
        "burst_latency_ns",
        "committed_tokens_per_burst",
        "tokens_per_joule",
        "wasted_verify_steps_per_burst",
    ],
)
def test_coverage_of_other_metrics_from_batches(metric: str) -> None:
    found = interval_study(SCENARIOS["chain, one request"], 1000, metric)
    assert found.methods == {"batch_means": 1000}
    assert 0.93 <= found.coverage("headline") <= 0.97
