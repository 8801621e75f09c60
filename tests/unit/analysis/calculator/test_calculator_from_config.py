"""From loaded files to the calculator, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from calculator_cases import chip_of

from simcore.analysis.calculator import calculate
from simcore.analysis.calculator.from_config import calculator_input
from simcore.config.acceptance import HistogramAcceptance
from simcore.config.hardware import HardwareConfig
from simcore.config.load import load_acceptance, load_hardware, load_model
from simcore.config.model import ModelConfig
from simcore.errors import ConfigError

DATA = Path(__file__).resolve().parents[5] / "shared" / "data"
ORACLE = DATA / "oracle" / "closed_form_public.jsonl"
EXAMPLES = DATA / "peer_examples"

needs_recordings = pytest.mark.skipif(
    not ORACLE.is_file(), reason="the recorded outputs are not beside the checkout"
)


def _cases() -> list[dict[str, Any]]:
    if not ORACLE.is_file():
        return []
    return [json.loads(line) for line in ORACLE.read_text("utf-8").splitlines()]


def _load(case: dict[str, Any]) -> tuple[ModelConfig, HardwareConfig]:
    """As a user would: from what was written, not from what it was resolved to."""
    inputs = case["inputs"]
    written = inputs["hardware_yaml"]
    if "library_file" in written:
        hardware = load_hardware(EXAMPLES / case["tags"][1])
    else:
        hardware = load_hardware(written)
    return load_model(inputs["model_yaml"]), hardware


@needs_recordings
@pytest.mark.parametrize(
    "case",
    [case for case in _cases() if case["kind"] != "error"],
    ids=lambda case: case["id"],
)
def test_files_resolve_to_what_was_recorded(case: dict[str, Any]) -> None:
    model, hardware = _load(case)
    found = calculator_input(model, hardware)
    wanted = chip_of(case["inputs"]["model"], case["inputs"]["hardware"])
    mapping = case["outputs"].get("dpu_feature_mapping")
    if mapping is not None:
        origins = {name: feature.origin for name, feature in found.features.items()}
        assert origins == mapping
    assert {name: f.rate for name, f in found.features.items()} == {
        name: f.rate for name, f in wanted.features.items()
    }
    for field in ("model", "analog", "memory", "leakage_power", "schedule"):
        assert getattr(found, field) == getattr(wanted, field), field
    # A null phase override is written as an empty mapping in the recordings.
    blank = {"draft": {}, "verify": {}}
    assert {**found.soc.model_dump(exclude_none=True)["buffers_add"], **blank} == {
        **wanted.soc.model_dump(exclude_none=True)["buffers_add"],
        **blank,
    }
    for phase in ("draft", "verify"):
        adds = found.soc.buffers_add
        assert adds.for_phase(phase) == wanted.soc.buffers_add.for_phase(phase)
    rest = {"buffers_add"}
    assert found.soc.model_dump(exclude=rest) == wanted.soc.model_dump(exclude=rest)
    assert found.reuses_draft == wanted.reuses_draft
    assert (
        found.digital_overhead_area_mm2_per_layer
        == wanted.digital_overhead_area_mm2_per_layer
    )


@needs_recordings
@pytest.mark.parametrize(
    "case",
    [case for case in _cases() if case["kind"] == "error"],
    ids=lambda case: case["id"],
)
def test_recorded_refusals(case: dict[str, Any]) -> None:
    assert case["outputs"]["error"]["stage"] == "estimate"
    assert "Max context capacity exceeded" in case["outputs"]["error"]["message"]
    # Loading succeeds: it is the estimate that is refused.
    model, hardware = _load(case)
    acceptance = load_acceptance(case["inputs"]["stats"])
    with pytest.raises(ConfigError, match="Max context capacity exceeded"):
        calculate(model, hardware, acceptance, [case["inputs"]["l_prompt"]])


MODEL = {
    "name": "small",
    "n_layers": 2,
    "d_model": 64,
    "n_heads": 8,
    "activation_bits": 12,
}
HARDWARE = {
    "name": "small",
    "library": "science_adi9405_v1_neurosim",
    "memory": {"kv_cache": {"max_context_tokens": 100}},
    "analog": {
        "xbar_size": 128,
        "num_columns_per_adc": 16,
        "dac_bits": 4,
        "adc": {"draft_bits": 4, "residual_bits": 12},
    },
}
LEGACY = {
    "name": "legacy",
    "costs": {
        **{
            name: {"energy_pj_per_mac": i * 0.25, "latency_ns_per_mac": i * 0.5}
            for i, name in enumerate(
                (
                    "analog_draft",
                    "analog_full",
                    "analog_verify_reuse",
                    "digital_attention",
                    "digital_softmax",
                    "digital_elementwise",
                    "kv_cache",
                )
            )
        },
        "analog_weight_area": {"area_mm2_per_weight": 0.5},
        "digital_features": {
            "attention_pv": {"energy_pj_per_mac": 7.0, "latency_ns_per_mac": 8.0}
        },
    },
}
ACCEPTANCE = HistogramAcceptance(k=5, histogram={5: 1.0})


def test_contexts_are_counted_without_the_bonus_token() -> None:
    # 95 + 5 drafts fit into 100; the bonus token is not counted.
    model, hardware = load_model(MODEL), load_hardware(HARDWARE)
    calculate(model, hardware, ACCEPTANCE, [95])
    with pytest.raises(ConfigError) as caught:
        calculate(model, hardware, ACCEPTANCE, [95, 96, 97])
    assert str(caught.value).splitlines() == [
        "workload.prompt_length: Max context capacity exceeded; got prompt_length + "
        f"draft_length = {length + 5}; must be at most "
        "hardware.memory.kv_cache.max_context_tokens (100)."
        for length in (96, 97)
    ] + ["2 problems. Nothing was run."]


def test_prompts_may_be_empty_but_not_negative() -> None:
    model, hardware = load_model(MODEL), load_hardware(HARDWARE)
    assert calculate(model, hardware, ACCEPTANCE, [0]).points[0].prompt_length == 0
    with pytest.raises(ConfigError, match=r"got -1; must be >= 0\."):
        calculate(model, hardware, ACCEPTANCE, [-1])
    with pytest.raises(ConfigError, match="prompt_lengths: must not be empty"):
        calculate(model, hardware, ACCEPTANCE, [])


def test_heads_must_divide_the_width() -> None:
    model = load_model({**MODEL, "n_heads": 6, "head_dim": 16})
    with pytest.raises(ConfigError, match=r"must be divisible by n_heads \(6\)"):
        calculate(model, load_hardware(HARDWARE), ACCEPTANCE, [1])


def test_grouped_heads_and_head_dim_are_not_looked_at() -> None:
    hardware = load_hardware(HARDWARE)
    plain = calculate(load_model(MODEL), hardware, ACCEPTANCE, [7])
    grouped = load_model({**MODEL, "n_kv_heads": 2, "head_dim": 32, "vocab_size": 99})
    found = calculate(grouped, hardware, ACCEPTANCE, [7])
    assert found.to_dict() == plain.to_dict()


def test_layers_are_grouped_by_policy() -> None:
    policy = {"default": {"wo": "full"}, "per_layer": {"1": {"qkv": "full"}, "3": {}}}
    model = load_model({**MODEL, "n_layers": 5, "draft_policy": policy})
    chip = calculator_input(model, load_hardware(HARDWARE))
    # What an entry leaves out is draft, not the default policy's value.
    assert chip.model.layers == {
        ("draft", "full", "draft"): 3,
        ("full", "draft", "draft"): 1,
        ("draft", "draft", "draft"): 1,
    }
    assert chip.model.n_layers == 5


def test_schedule_of_the_call_beats_that_of_the_hardware() -> None:
    model, hardware = load_model(MODEL), load_hardware(HARDWARE)
    serialized = calculate(model, hardware, ACCEPTANCE, [7])
    pipelined = calculate(model, hardware, ACCEPTANCE, [7], schedule="layer-pipelined")
    assert (serialized.schedule, pipelined.schedule) == (
        "serialized",
        "layer-pipelined",
    )
    assert pipelined.points[0].burst_latency_ns < serialized.points[0].burst_latency_ns


def test_delta_readout_has_a_dac_for_each_enabled_phase() -> None:
    analog = {
        **HARDWARE["analog"],  # type: ignore[dict-item]
        "delta_readout": {"draft": {"enabled": True}, "verify": {"dac_bits": 3}},
    }
    hardware = load_hardware({**HARDWARE, "analog": analog})
    chip = calculator_input(load_model(MODEL), hardware)
    draft = chip.analog.draft_delta_dac  # type: ignore[union-attr]
    assert draft is not None
    assert hardware.components is not None
    assert (draft.bits, draft.spec) == (4, hardware.components.dac)
    assert chip.analog.verify_delta_dac is None  # type: ignore[union-attr]


def test_legacy_costs() -> None:
    report = calculate(load_model(MODEL), load_hardware(LEGACY), ACCEPTANCE, [10])
    bonus = report.points[0].breakdown["verify_bonus"]
    # analog_full: 0.25 pJ and 0.5 ns a MAC; 2 layers of 3 x 64 x 64.
    assert bonus.stages["qkv"] == (2 * 3 * 64 * 64 * 0.25, 2 * 3 * 64 * 64 * 0.5)
    # 15 tokens of context x 64 x 2 layers.
    assert bonus.stages["pv"] == (1920 * 7.0, 1920 * 8.0)
    assert bonus.stages["qk"] == (1920 * 0.75, 1920 * 1.5)
    assert report.feature_origins == {
        "attention_qk": "mapped:costs.digital_attention",
        "attention_softmax": "mapped:costs.digital_softmax",
        "attention_pv": "explicit:costs.digital_features.attention_pv",
        "ffn_activation": "mapped:costs.digital_elementwise",
        "ffn_gate_multiply": "mapped:costs.digital_elementwise",
        "kv_cache_update": "mapped:costs.kv_cache",
    }
    assert bonus.counts is None
