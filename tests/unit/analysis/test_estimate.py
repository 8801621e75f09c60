"""One estimate: its sections, the compatible accounting, and repeated calls."""

from __future__ import annotations

import pytest

from simcore.analysis.burst_model import (
    baseline_burst_model,
    forget_burst_models,
    scenario_burst_model,
)
from simcore.analysis.calculator import calculate
from simcore.analysis.estimate import estimate, estimate_scenario
from simcore.config.hardware import ControlConfig, VerifySetupConfig
from simcore.config.load import (
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.errors import ConfigError, ProgramError

MODEL, CHIP = load_model("tiny"), load_hardware("toy-ideal")
ACCEPTANCE = load_acceptance("eagle-gsm8k-k5")
STATS = {"k": 2, "histogram": {"0": 1, "1": 1, "2": 2}}


#: Burst control and verify setup take no time here.
NO_SETUP = CHIP.model_copy(
    update={
        "soc": CHIP.soc.model_copy(
            update={
                "control": ControlConfig(latency_ns_per_token=2.0),
                "verify_setup": VerifySetupConfig(energy_pj_per_burst=4.0),
            }
        )
    }
)


@pytest.mark.parametrize("prompt_length", [0, 1, 128])
@pytest.mark.parametrize(
    ("schedule", "chip"),
    [
        ("serialized", CHIP),
        ("layer-pipelined", NO_SETUP),
        ("layer-pipelined", CHIP),
    ],
)
def test_the_compatible_accounting_carries_the_calculators_report(
    schedule, chip, prompt_length
) -> None:
    found = estimate(
        MODEL,
        chip,
        ACCEPTANCE,
        prompt_length,
        accounting="selfspec-calculator",
        schedule=schedule,
    )
    theirs = calculate(MODEL, chip, ACCEPTANCE, [prompt_length], schedule=schedule)
    document = found.to_dict()
    assert document["calculator"] == theirs.to_dict()
    assert document["calculator_absent"] is None
    (point,) = document["calculator"]["points"]
    assert set(point["phases"]) == {"draft", "verify_drafted", "verify_bonus", "total"}
    # Both ways to the same number, without shared code.
    for name, value in point["metrics"].items():
        assert found.metrics[name] == pytest.approx(value, rel=1e-9)
    baseline = found.verdict.baseline.metrics()
    for name, value in point["baseline_metrics"].items():
        assert baseline[name] == pytest.approx(value, rel=1e-9)


def test_files_of_the_calculator_are_read_leniently() -> None:
    model = {
        "name": "m",
        "n_layers": 1,
        "d_model": 64,
        "n_heads": 4,
        "activation_bits": 8,
        "not_a_field": 1,
    }
    found = estimate(model, CHIP, STATS, 8, accounting="selfspec-calculator")
    assert any("not_a_field" in warning for warning in found.warnings)
    with pytest.raises(ConfigError, match="not_a_field: unknown field"):
        estimate(model, CHIP, STATS, 8)


def test_a_prompt_of_nothing_is_only_for_the_compatible_profile() -> None:
    with pytest.raises(ConfigError, match=r"workload\.prompt_length: got 0"):
        estimate(MODEL, CHIP, STATS, 0)


def test_the_sections_of_an_estimate() -> None:
    document = estimate(MODEL, CHIP, STATS, 32).to_dict()
    assert document["calculator"] is None
    assert document["area"]["reticles"] == 1
    assert document["hbm_capacity"] == {
        "longest_context_tokens": 35,
        # 2 layers x 35 tokens x (2 x 4 x 32 + 2 x 4 x 2) bytes.
        "kv_bytes": 2 * 35 * 272,
        "embedding_bytes": 1024 * 256 * 2,
        "lm_head_bytes": 0,
        "needed_bytes": 2 * 35 * 272 + 1024 * 256 * 2,
        "capacity_bytes": 1 << 30,
        "fits": True,
    }
    assert {row["moved"] for row in document["movement"]} >= {
        "KV cache",
        "attention scores",
    }
    assert document["attention_exceeds_linear"]["latency"]["first_above"] == 464


def test_too_small_an_hbm_is_told() -> None:
    scenario = load_scenario("tiny", ["hardware.memory.hbm.capacity_bytes=1000"])
    found = estimate_scenario(scenario)
    assert found.to_dict()["hbm_capacity"]["fits"] is False
    needed = 2 * 32 * 272 + 1024 * 256 * 2
    assert found.warnings[-1] == (
        f"HBM must hold {needed:,} bytes at a context of 32 tokens, but has 1,000."
    )


def test_a_window_bounds_what_hbm_holds() -> None:
    found = estimate_scenario(load_scenario("tiny", ["model.sliding_window=8"]))
    assert found.hbm_capacity is not None
    assert found.hbm_capacity.kv_bytes == 2 * 8 * 272


def test_a_pipeline_has_a_period_and_a_latency_of_its_own() -> None:
    found = estimate_scenario(load_scenario("tiny"))
    pipeline = found.pipeline
    assert pipeline is not None
    assert pipeline.end_to_end_latency_ns == pytest.approx(
        found.step_ns["verify_drafted"]
    )
    assert pipeline.bound_by == "layer"
    assert pipeline.token_period_ns < pipeline.end_to_end_latency_ns
    slow = load_scenario("tiny", ["hardware.memory.hbm.read_bandwidth_GBps=0.5"])
    filled = estimate_scenario(slow).pipeline
    assert filled is not None
    # 2 layers x 16 tokens x 272 bytes and an embedding row of 512, 3 accesses.
    hbm_ns = (2 * 16 * 272 + 512) / 0.5 + 3 * 32
    assert (filled.bound_by, filled.token_period_ns) == ("hbm", pytest.approx(hbm_ns))
    serial = estimate_scenario(load_scenario("tiny", ["schedule=serialized"]))
    assert serial.pipeline is None
    assert serial.to_dict()["pipeline"] is None


def test_another_prompt_length_of_a_scenario_is_the_scenario_loaded_with_it() -> None:
    scenario = load_scenario("tiny")
    again = load_scenario("tiny", ["workload.prompt_length=77"])
    assert estimate_scenario(scenario, 77).metrics == estimate_scenario(again).metrics


def test_models_are_kept_for_the_same_objects_only() -> None:
    forget_burst_models()
    scenario = load_scenario("tiny")
    kept = scenario_burst_model(scenario)
    assert scenario_burst_model(scenario) is kept
    base = baseline_burst_model(kept.program)
    assert baseline_burst_model(kept.program) is base
    other = load_scenario("tiny", ["hardware.soc.control.latency_ns_per_token=900"])
    assert scenario_burst_model(other) is not kept
    slower = estimate_scenario(other).metrics["latency_ns_per_token"]
    assert slower > estimate_scenario(scenario).metrics["latency_ns_per_token"]
    forget_burst_models()
    assert scenario_burst_model(scenario) is not kept


def test_a_kept_model_does_not_hide_that_a_longer_cache_does_not_fit() -> None:
    settings = ["accounting.kv_read_sharing=per_burst"]
    scenario = load_scenario("tiny", settings)
    estimate_scenario(scenario)
    with pytest.raises(ProgramError, match="verify steps share at 2015 tokens"):
        estimate_scenario(scenario, 2000)
