"""The legacy form: costs per MAC instead of converters and a library."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from simcore.config.hardware import FEATURES, HardwareConfig
from simcore.config.load import (
    config_dict,
    config_sha256,
    load_hardware,
    load_scenario,
)

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]


def pair(energy: float) -> dict[str, float]:
    return {"energy_pj_per_mac": energy, "latency_ns_per_mac": energy / 4}


COSTS: Mapping = {
    "analog_draft": pair(1.0),
    "analog_full": pair(2.0),
    "analog_verify_reuse": pair(3.0),
    "digital_attention": pair(4.0),
    "digital_softmax": pair(5.0),
    "digital_elementwise": pair(6.0),
    "kv_cache": pair(7.0),
    "analog_weight_area": {"area_mm2_per_weight": 1e-9},
}


@pytest.fixture
def legacy() -> Mapping:
    return {"name": "old", "costs": copy.deepcopy(COSTS)}


def test_no_library_is_looked_up(legacy: Mapping) -> None:
    chip = load_hardware(legacy)
    assert (chip.analog, chip.components, chip.library) == (None, None, None)
    assert chip.costs is not None
    assert chip.costs.analog_full.energy_pj_per_mac == 2.0
    assert chip.costs.analog_full.latency_ns_per_mac == 0.5
    assert chip.costs.digital_overhead_area_mm2_per_layer == 0.0
    assert chip.soc.buffers_add.for_phase("draft") == (0.0, 0.0)


def test_everything_else_is_as_written(legacy: Mapping) -> None:
    legacy["soc"] = {"buffers_add": {"energy_pj_per_op": 0.5}}
    legacy["memory"] = {}
    legacy["leakage_power"] = {"hbm_nw": 9.0}
    chip = load_hardware(legacy)
    assert chip.soc.buffers_add.energy_pj_per_op == 0.5
    assert chip.memory is not None
    assert chip.memory.hbm.read_bandwidth_GBps == 0.0
    assert chip.leakage_power.hbm_nw == 9.0
    assert chip.origins["soc.buffers_add.energy_pj_per_op"] == "explicit"
    assert chip.origins["costs.kv_cache.energy_pj_per_mac"] == "explicit"
    assert chip.origins["costs.digital_overhead_area_mm2_per_layer"] == "default"
    assert chip.origins["leakage_power.dac_nw"] == "default"
    assert "analog" not in chip.origins


def test_every_feature_has_a_coefficient(legacy: Mapping) -> None:
    chip = load_hardware(legacy)
    found = {name: chip.digital_feature(name) for name in FEATURES}
    assert {
        name: (block.energy_pj_per_op, block.origin, block.status)
        for name, block in found.items()
    } == {
        "attention_qk": (4.0, "mapped:costs.digital_attention", "modeled"),
        "attention_pv": (4.0, "mapped:costs.digital_attention", "modeled"),
        "attention_softmax": (5.0, "mapped:costs.digital_softmax", "modeled"),
        "ffn_activation": (6.0, "mapped:costs.digital_elementwise", "modeled"),
        "ffn_gate_multiply": (6.0, "mapped:costs.digital_elementwise", "modeled"),
        "residual_add": (6.0, "mapped:costs.digital_elementwise", "proxy"),
        "norm": (6.0, "mapped:costs.digital_elementwise", "proxy"),
        "quantize": (6.0, "mapped:costs.digital_elementwise", "proxy"),
        "dequantize": (6.0, "mapped:costs.digital_elementwise", "proxy"),
        "rope": (6.0, "mapped:costs.digital_elementwise", "proxy"),
        "sampling": (6.0, "mapped:costs.digital_elementwise", "proxy"),
        "kv_pack": (7.0, "mapped:costs.kv_cache", "proxy"),
        "kv_unpack": (7.0, "mapped:costs.kv_cache", "proxy"),
        "kv_cache_update": (7.0, "mapped:costs.kv_cache", "modeled"),
    }
    assert all(
        block.latency_ns_per_op * 4 == block.energy_pj_per_op
        for block in found.values()
    )
    with pytest.raises(KeyError):
        chip.digital_feature("nrom")


def test_a_feature_of_its_own_wins(legacy: Mapping) -> None:
    legacy["costs"]["digital_features"] = {
        "norm": pair(8.0),
        "attention_qk": pair(9.0),
        "kv_cache_update": pair(10.0),
    }
    chip = load_hardware(legacy)
    norm = chip.digital_feature("norm")
    assert (norm.energy_pj_per_op, norm.latency_ns_per_op) == (8.0, 2.0)
    assert (norm.origin, norm.status) == (
        "explicit:costs.digital_features.norm",
        "modeled",
    )
    assert chip.digital_feature("attention_qk").energy_pj_per_op == 9.0
    assert chip.digital_feature("attention_pv").energy_pj_per_op == 4.0
    update = chip.digital_feature("kv_cache_update")
    assert update.origin == "explicit:costs.digital_features.kv_cache_update"
    pack = chip.digital_feature("kv_pack")
    assert (pack.energy_pj_per_op, pack.origin, pack.status) == (
        10.0,
        "mapped:costs.digital_features.kv_cache_update",
        "proxy",
    )


def test_features_of_a_chip_with_converters_are_asked_the_same_way(
    hardware: Mapping,
) -> None:
    chip = load_hardware(hardware)
    assert chip.components is not None
    for name in FEATURES:
        assert chip.digital_feature(name) is chip.components.digital.feature(name)


def test_the_resolved_form_loads_again(legacy: Mapping, scenario: Mapping) -> None:
    legacy["costs"]["digital_features"] = {"norm": pair(8.0)}
    chip = load_hardware(legacy)
    again = load_hardware(json.loads(json.dumps(config_dict(chip))))
    assert again == chip
    assert config_sha256(again) == config_sha256(chip)
    scenario["hardware"] = legacy
    whole = load_scenario(scenario)
    assert load_scenario(config_dict(whole)) == whole
    changed = load_scenario(whole, ["hardware.costs.kv_cache.energy_pj_per_mac=0.25"])
    assert changed.hardware.costs is not None
    assert changed.hardware.costs.kv_cache.energy_pj_per_mac == 0.25
    assert config_sha256(changed) != config_sha256(whole)


def test_costs_with_status_and_source(legacy: Mapping) -> None:
    note = {"value": 0.5, "status": "published", "source": "a table"}
    legacy["costs"]["kv_cache"]["energy_pj_per_mac"] = note
    chip = load_hardware(legacy)
    assert chip.costs is not None
    assert chip.costs.kv_cache.energy_pj_per_mac == 0.5
    known = chip.provenance["costs.kv_cache.energy_pj_per_mac"]
    assert (known.status, known.source) == ("published", "a table")


def test_null_is_as_good_as_absent(legacy: Mapping, hardware: Mapping) -> None:
    assert load_hardware({**legacy, "analog": None}).analog is None
    assert load_hardware({**hardware, "costs": None}).costs is None


def test_problems(legacy: Mapping, hardware: Mapping, errors: Errors) -> None:
    assert errors(load_hardware, {**hardware, "costs": COSTS})[:1] == [
        "costs: ambiguous: both analog and costs. Keep one of them: analog describes "
        "converters, costs is per MAC."
    ]
    assert errors(load_hardware, {"name": "x"}) == [
        "analog: missing; must provide either analog or costs."
    ]
    assert errors(load_hardware, {**legacy, "library": "puma_like_v1"}) == [
        "library: both costs and library. Costs per MAC are complete; remove it."
    ]
    legacy["costs"]["digital_features"] = {"nrom": pair(1.0)}
    (line,) = errors(load_hardware, legacy)
    assert line.startswith(
        "costs.digital_features.nrom: unknown feature; allowed: attention_qk, "
    )
    legacy["costs"] = {"kv_cache": {"energy_pj_per_mac": -1.0}, "colour": 1}
    lines = errors(load_hardware, legacy)
    assert "costs.analog_draft: missing; must be a mapping." in lines
    assert (
        "costs.kv_cache.energy_pj_per_mac: got -1.0; must be a number between 0 and "
        "1e+15." in lines
    )
    assert any(line.startswith("costs.colour: unknown field.") for line in lines)


def test_a_chip_built_in_python_has_one_form(legacy: Mapping) -> None:
    with pytest.raises(ValidationError, match="must provide either analog or costs"):
        HardwareConfig(name="x")
    costs = load_hardware(legacy).costs
    assert HardwareConfig(name="x", costs=costs).digital_feature("norm")
