"""Control variates and strata: honest, narrower, never circular, never in validate."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from run_of_shards import rows

from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composed_run import composed_run
from simcore.analysis.expectation import expected_bursts
from simcore.analysis.statistics import ratio_estimate
from simcore.analysis.variance_reduction import (
    MIN_CLUSTERS,
    VarianceReduction,
    reduce_variance,
)
from simcore.config.load import load_scenario
from simcore.experiments import run_record
from simcore.experiments.plan import plan_run
from simcore.experiments.run import simulate
from simcore.experiments.validate import validate

LATENCY = "latency_ns_per_token"
BURST = ("workload.mode=burst", "workload.max_tokens=null")


def reduced(*overrides: str) -> VarianceReduction:
    plan, bursts, requests = rows(*overrides)
    return reduce_variance(plan.program, plan.expected, bursts, requests)


def test_a_generation_of_128_tokens_uses_the_known_number_of_bursts() -> None:
    scenario = load_scenario(
        "qwen3-1.7b-k5", ["workload.requests=40", "workload.max_tokens=128"]
    )
    plan = plan_run(scenario)
    bursts, requests = composed_run(scenario)
    found = reduce_variance(plan.program, plan.expected, bursts, requests)
    assert found.method == "control_variates"
    # Tokens are the same in every request, so they are no control.
    assert found.controls == ["bursts"]
    # What the formula says of these very bursts is what was simulated.
    assert found.circular == ["unloaded_latency_ns"]
    latency = found.metrics[LATENCY]
    assert latency.variance_reduction is not None
    assert latency.variance_reduction > 20
    truth = request_expectation(plan.program, plan.expected).metrics()[LATENCY]
    assert abs(latency.value - truth) < 2 * latency.half_width
    plain = ratio_estimate(requests["latency_ps"] / 1000, requests["tokens"])
    assert latency.plain_half_width == pytest.approx(plain.half_width)
    ratio = (latency.plain_half_width / latency.half_width) ** 2
    # But for the quantiles of Student's distribution.
    assert latency.variance_reduction == pytest.approx(ratio, rel=0.02)


def test_eight_streams_use_the_latency_that_the_bursts_would_have_alone() -> None:
    found = reduced("streams=8", "workload.requests=160", "workload.max_tokens=5")
    assert found.clusters == 20
    assert found.controls == ["unloaded_latency_ns", "bursts"]
    assert found.circular == []
    latency = found.metrics[LATENCY]
    assert latency.variance_reduction is not None
    assert latency.variance_reduction > 1.5
    assert latency.half_width < latency.plain_half_width


def test_with_jitter_the_unloaded_latency_is_not_the_simulation() -> None:
    found = reduced("workload.requests=40", "jitter_cv=0.3")
    assert "unloaded_latency_ns" in found.controls
    assert found.circular == []


def test_single_bursts_are_weighed_by_the_known_probabilities() -> None:
    plan, bursts, requests = rows(*BURST, "workload.requests=120", "jitter_cv=0.2")
    found = reduce_variance(plan.program, plan.expected, bursts, requests)
    assert found.method == "post_stratification"
    accepted = np.asarray(bursts["accepted"])
    p = {o.accepted: w for o, w in plan.expected.weights.items()}
    # Lengths 1 and 2 are rare: joined where fewer than five bursts have them.
    counts = np.bincount(accepted, minlength=4)
    assert found.strata == int((counts >= 5).sum())
    if found.strata == 4:
        latency = np.asarray(requests["latency_ps"]) / 1000
        top = sum(p[a] * latency[accepted == a].mean() for a in p)
        bottom = sum(p[a] * (a + 1) for a in p)
        assert found.metrics[LATENCY].value == pytest.approx(top / bottom, rel=1e-12)
    assert found.metrics[LATENCY].variance_reduction > 10  # type: ignore[operator]


def test_where_the_accepted_length_decides_all_no_variance_is_left() -> None:
    scenario = load_scenario("tiny", [*BURST, "workload.requests=200"])
    plan = plan_run(scenario)
    found = reduce_variance(plan.program, plan.expected, *composed_run(scenario))
    truth = request_expectation(plan.program, plan.expected).metrics()
    latency = found.metrics[LATENCY]
    assert latency.variance_reduction is None
    assert latency.value == pytest.approx(truth[LATENCY], rel=1e-9)
    assert latency.plain_half_width > 0


@pytest.mark.parametrize(
    ("overrides", "reason"),
    [
        (("workload.requests=9",), "9 requests, fewer than 10"),
        (("workload.requests=1",), "1 request, fewer than 10"),
        (("streams=2", "workload.requests=4"), "2 replications, fewer than 10"),
        (
            ("workload.requests=12", "acceptance=burst-replay-example"),
            "a replay draws nothing at random",
        ),
        (
            ("workload.requests=12", "acceptance.rate=1.0"),
            "no control varies between them",
        ),
        (
            (*BURST, "workload.requests=12", "acceptance.rate=1.0"),
            "every burst accepts the same",
        ),
    ],
)
def test_where_there_is_none_it_says_why(
    overrides: tuple[str, ...], reason: str
) -> None:
    found = reduced(*overrides)
    assert found.method is None
    assert found.reason == reason
    assert found.metrics == {}
    assert MIN_CLUSTERS == 10


def test_the_plain_estimate_stays_the_headline() -> None:
    result = simulate(load_scenario("tiny", ["workload.requests=30"]))
    plain = result.metrics[LATENCY]
    found = result.summary["variance_reduction"]["metrics"][LATENCY]
    assert plain["value"] != found["value"]
    assert plain["half_width"] == found["plain_half_width"]
    assert result.summary["input_uncertainty"] is None


def test_validate_never_uses_it(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = validate("tiny").to_dict()

    calls = []

    def planted(*_: Any, **__: Any) -> VarianceReduction:
        calls.append("run")
        return VarianceReduction(None, 0, reason="planted")

    monkeypatch.setattr(run_record, "reduce_variance", planted)
    assert validate("tiny").to_dict() == honest
    assert calls


def test_reduced_intervals_contain_the_truth_as_often_as_they_say() -> None:
    base = load_scenario("tiny", ["workload.requests=30", "workload.max_tokens=48"])
    plan = plan_run(base)
    truth = request_expectation(plan.program, expected_bursts(base)).metrics()[LATENCY]
    hits = plain_hits = 0
    for seed in range(200):
        scenario = base.model_copy(update={"seed": seed})
        bursts, requests = composed_run(scenario)
        found = reduce_variance(plan.program, plan.expected, bursts, requests)
        latency = found.metrics[LATENCY]
        hits += abs(latency.value - truth) <= latency.half_width
        plain = ratio_estimate(requests["latency_ps"] / 1000, requests["tokens"])
        plain_hits += abs(plain.value - truth) <= plain.half_width  # type: ignore[operator]
    # Four standard errors of 0.95 in 200 are 0.06.
    assert hits / 200 > 0.89
    assert plain_hits / 200 > 0.89
