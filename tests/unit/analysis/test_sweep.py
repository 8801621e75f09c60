"""A sweep is the same as one estimate after the other."""

from __future__ import annotations

import math

import pytest

from simcore.analysis.estimate import estimate_scenario
from simcore.analysis.sweep import COMPARED, estimate_sweep
from simcore.config.load import load_scenario
from simcore.errors import ConfigError

LENGTHS = [64, 1, 17, 300]


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("schedule=serialized",),
        ("accounting=selfspec-calculator",),
        ("acceptance=position-replay-example",),
        ("hardware.reuse_policy=reuse", "workload.draft_length=1"),
        ("workload.draft_length=0",),
    ],
)
def test_a_sweep_equals_single_estimates(settings) -> None:
    scenario = load_scenario("tiny", settings)
    sweep = estimate_sweep(scenario, LENGTHS)
    points = list(sweep.points())
    assert [point["prompt_length"] for point in points] == LENGTHS
    for length, point in zip(LENGTHS, points, strict=True):
        alone = estimate_scenario(scenario, length)
        base = alone.verdict.baseline.metrics()
        assert point["metrics"] == pytest.approx(alone.metrics, rel=1e-12)
        assert point["baseline_metrics"] == pytest.approx(base, rel=1e-12)
        assert point["speedup"] == pytest.approx(alone.verdict.speedup, rel=1e-12)
        assert point["break_even_committed_tokens"] == pytest.approx(
            alone.verdict.break_even_committed_tokens, rel=1e-12
        )
        power = alone.verdict.break_even_power_w
        if power is None:
            assert math.isnan(point["break_even_power_w"])
        else:
            assert point["break_even_power_w"] == pytest.approx(power, rel=1e-9)
        for name in COMPARED:
            ratio = alone.metrics[name] / base[name]
            assert point["ratio"][name] == pytest.approx(ratio, rel=1e-12)
            difference = alone.metrics[name] - base[name]
            assert point["difference"][name] == pytest.approx(
                difference, rel=1e-9, abs=1e-12 * abs(base[name])
            )


def test_break_even_in_both_meanings() -> None:
    # Static power makes time worth energy: short prompts gain first.
    power = "hardware.leakage_power.sram_nw=1e15"
    slow_adc = "hardware.components.adc_residual.latency_ns_per_conversion=800"
    scenario = load_scenario(load_scenario("tiny"), [power, slow_adc])
    sweep = estimate_sweep(scenario, [1024, 16, 64])
    ratios = sweep.ratio["tokens_per_joule"].tolist()
    winners = [n for n, r in zip(sweep.prompt_lengths, ratios, strict=True) if r > 1]
    assert winners
    found = sweep.to_dict()["break_even"]
    assert found["tokens_per_joule_prompt_length"] == min(winners)
    assert found["attention_exceeds_linear"]["latency"]["first_above"] > 1
    nobody = estimate_sweep(load_scenario("tiny"), [16, 64])
    assert nobody.break_even_prompt_length is None


def test_only_the_compatible_profile_has_the_calculators_report() -> None:
    plain = estimate_sweep(load_scenario("tiny"), LENGTHS).to_dict()
    assert plain["calculator"] is None
    assert plain["calculator_absent"] == "the accounting profile is physical"
    profile = load_scenario("tiny", ["accounting=selfspec-calculator"])
    found = estimate_sweep(profile, LENGTHS).to_dict()["calculator"]
    assert [point["prompt_length"] for point in found["points"]] == LENGTHS
    changed = load_scenario(profile, ["accounting.offset_row=on"])
    assert estimate_sweep(changed, LENGTHS).to_dict()["calculator_absent"] == (
        "switches differ from the profile: offset_row"
    )
    replayed = load_scenario(profile, ["acceptance=position-replay-example"])
    absent = estimate_sweep(replayed, LENGTHS).to_dict()["calculator_absent"]
    assert absent.startswith("a position replay has no mean")


def test_prompts_that_are_not_possible_are_refused() -> None:
    with pytest.raises(ConfigError, match="Max context capacity exceeded"):
        estimate_sweep(load_scenario("tiny"), [16, 99999])
    with pytest.raises(ConfigError, match=r"workload\.prompt_length: got 0"):
        estimate_sweep(load_scenario("tiny"), [0, 16])
    with pytest.raises(ValueError, match="must not be empty"):
        estimate_sweep(load_scenario("tiny"), [])
