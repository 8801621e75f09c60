"""Sweeps over the draft length: measured means, and acceptances that serve any K."""

from __future__ import annotations

import pytest

from simcore.analysis.estimate import estimate_scenario
from simcore.analysis.k_sweep import acceptance_of_mean, sweep_draft_lengths
from simcore.analysis.variation import varied
from simcore.config.load import load_scenario
from simcore.errors import ConfigError


def test_measured_means_are_what_the_estimates_see() -> None:
    scenario = load_scenario("tiny", ["workload.max_tokens=1"])
    burst = {**dict(scenario.workload), "mode": "burst", "max_tokens": None}
    scenario = load_scenario({**dict(scenario), "workload": burst})
    means = {4: 2.25, 0: 0.0, 1: 0.5, 2: 1.0}
    swept = sweep_draft_lengths(scenario, means)
    assert swept.draft_lengths == (0, 1, 2, 4)
    for k, sweep in zip(swept.draft_lengths, swept.sweeps, strict=True):
        committed = sweep.metrics["committed_tokens_per_burst"][0]
        assert committed == pytest.approx(1 + means[k], rel=1e-15)
    assert acceptance_of_mean(4, 2.25).histogram == {2: 0.75, 3: 0.25}
    assert acceptance_of_mean(2, 1.0).histogram == {1: 1.0}


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("acceptance=position-replay-example",),
        ("acceptance=eagle-gsm8k-k5", "workload.draft_length=5"),
    ],
)
def test_points_equal_single_estimates(settings) -> None:
    scenario = load_scenario("tiny", settings)
    swept = sweep_draft_lengths(scenario, [3, 0, 1], [16, 200])
    points = swept.to_dict()["points"]
    assert [(p["draft_length"], p["prompt_length"]) for p in points] == [
        (k, n) for k in (0, 1, 3) for n in (16, 200)
    ]
    for point in points:
        alone = estimate_scenario(
            varied(
                scenario,
                draft_length=point["draft_length"],
                prompt_length=point["prompt_length"],
            )
        )
        assert point["metrics"] == pytest.approx(alone.metrics, rel=1e-12)


def test_the_best_are_the_largest_and_the_smaller_of_equals() -> None:
    swept = sweep_draft_lengths(load_scenario("tiny"), range(5), [16, 256])
    for i, best in enumerate(swept.best):
        for metric, found in (
            ("throughput_tokens_per_s", best.by_throughput),
            ("tokens_per_joule", best.by_tokens_per_joule),
        ):
            values = [float(s.metrics[metric][i]) for s in swept.sweeps]
            assert values[swept.draft_lengths.index(found)] == max(values)
    # Nothing costs anything: all are equal, at 0.
    free = load_scenario("tiny", ["accounting=selfspec-calculator"])
    means = {3: 0.0, 1: 0.0}
    tied = sweep_draft_lengths(free, means)
    first = tied.sweeps[0].metrics
    for sweep in tied.sweeps:
        sweep.metrics.update(first)
    assert tied.best[0].by_throughput == tied.best[0].by_tokens_per_joule == 1


def test_the_calculators_own_sweep_agrees() -> None:
    scenario = load_scenario("tiny", ["accounting=selfspec-calculator"])
    burst = {**dict(scenario.workload), "mode": "burst", "max_tokens": None}
    scenario = load_scenario({**dict(scenario), "workload": burst})
    document = sweep_draft_lengths(scenario, {1: 0.75, 3: 1.5}, [16, 64]).to_dict()
    theirs = {
        (p["draft_length"], p["prompt_length"]): p["metrics"]
        for p in document["calculator"]["points"]
    }
    assert len(theirs) == 4
    for point in document["points"]:
        expected = theirs[point["draft_length"], point["prompt_length"]]
        for name, value in expected.items():
            assert point["metrics"][name] == pytest.approx(value, rel=1e-9)
    assert document["calculator"]["best"] == document["best"]


@pytest.mark.parametrize(
    ("draft_lengths", "message"),
    [
        ([], "draft_lengths: must not be empty"),
        ([1, 1], "draft_lengths: 1 is there twice"),
        ({2: 2.5}, r"draft_lengths\[2\]: got 2.5; must be between 0 and the draft"),
        ({2: float("nan")}, r"draft_lengths\[2\]: got nan; must be between"),
    ],
)
def test_impossible_draft_lengths_are_refused(draft_lengths, message) -> None:
    with pytest.raises(ConfigError, match=message):
        sweep_draft_lengths(load_scenario("tiny"), draft_lengths)


def test_a_draft_longer_than_measured_is_refused() -> None:
    scenario = load_scenario("qwen3-1.7b-k5")
    with pytest.raises(ConfigError, match="must be at most 5, the k of the acceptance"):
        sweep_draft_lengths(scenario, [4, 6])
