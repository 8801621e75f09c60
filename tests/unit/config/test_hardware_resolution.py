from __future__ import annotations

import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simcore.config import hardware_resolution
from simcore.config.hardware import Provenance
from simcore.config.load import config_dict, load_hardware, load_scenario

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]

MEMORY = {
    "sram": {"read_energy_pj_per_byte": 1.0, "capacity_bytes": 1024},
    "hbm": {"read_bandwidth_GBps": 100.0},
}


@pytest.fixture
def chip(
    write: Write, hardware: Mapping, library: Mapping
) -> Callable[..., tuple[str, Mapping]]:
    """Write a library and a chip that uses it; return the chip's path and content."""

    def make(more_library: Mapping, more_chip: Mapping) -> tuple[str, Mapping]:
        hardware.pop("components", None)
        written = {**hardware, "library": "lib", "library_file": "l.json", **more_chip}
        content = {"lib": {**library, **more_library}, "other": library}
        write("l.json", json.dumps(content, indent=1))
        return write("chip.json", json.dumps(written, indent=1)), written

    return make


def test_components_are_looked_up_by_width(hardware: Mapping) -> None:
    chip = load_hardware(hardware)
    assert chip.components.adc_draft.energy_pj_per_conversion == 0.25
    assert chip.components.adc_residual.energy_pj_per_conversion == 2.0
    assert chip.components.dac.energy_pj_per_conversion == 0.125
    assert chip.components.array.arrays_per_weight == 1
    assert chip.components.array.area_mm2_per_array is None
    assert chip.library is None
    assert chip.memory is None


def test_coarse_coefficients_stand_in_for_features(hardware: Mapping) -> None:
    digital = load_hardware(hardware).components.digital
    expected = {
        "attention_qk": (1.0, "mapped:digital.attention", "modeled"),
        "attention_pv": (1.0, "mapped:digital.attention", "modeled"),
        "attention_softmax": (2.0, "mapped:digital.softmax", "modeled"),
        "ffn_activation": (3.0, "mapped:digital.elementwise", "modeled"),
        "ffn_gate_multiply": (3.0, "mapped:digital.elementwise", "modeled"),
        "residual_add": (3.0, "mapped:digital.elementwise", "proxy"),
        "norm": (3.0, "mapped:digital.elementwise", "proxy"),
        "quantize": (3.0, "mapped:digital.elementwise", "proxy"),
        "dequantize": (3.0, "mapped:digital.elementwise", "proxy"),
        "kv_pack": (4.0, "mapped:digital.kv_cache", "proxy"),
        "kv_unpack": (4.0, "mapped:digital.kv_cache", "proxy"),
        "rope": (3.0, "mapped:digital.elementwise", "proxy"),
        "sampling": (3.0, "mapped:digital.elementwise", "proxy"),
        "kv_cache_update": (4.0, "mapped:digital.kv_cache", "modeled"),
    }
    found = {
        name: (block.energy_pj_per_op, block.origin, block.status)
        for name, block in digital.features.items()
    }
    assert found == expected


def test_a_feature_of_its_own_wins_and_is_modeled(hardware: Mapping) -> None:
    hardware["components"]["digital"]["features"] = {
        "norm": {"energy_pj_per_mac": 7.0, "latency_ns_per_mac": 0.25},
        "kv_cache_update": {"energy_pj_per_mac": 8.0, "latency_ns_per_mac": 0.25},
    }
    digital = load_hardware(hardware).components.digital
    norm = digital.feature("norm")
    assert (norm.energy_pj_per_op, norm.latency_ns_per_op) == (7.0, 0.25)
    assert (norm.origin, norm.status) == ("explicit:digital.features.norm", "modeled")
    pack = digital.feature("kv_pack")
    assert (pack.energy_pj_per_op, pack.status) == (8.0, "proxy")
    assert pack.origin == "mapped:digital.features.kv_cache_update"


def test_lanes_and_a_clock_give_the_latency(hardware: Mapping) -> None:
    digital = hardware["components"]["digital"]
    digital["attention"] = {"energy_pj_per_mac": 1.0, "lanes": 8}
    digital["clock_ghz"] = 2.0
    block = load_hardware(hardware).components.digital.feature("attention_qk")
    # 8 operations per cycle of 0.5 ns.
    assert block.latency_ns_per_op == 0.0625
    assert block.lanes == 8


def test_explicit_beats_library_beats_default(
    chip: Callable[..., tuple[str, Mapping]],
) -> None:
    path, _ = chip(
        {
            "soc": {
                "control": {"energy_pj_per_token": 5.0, "latency_ns_per_token": 6.0},
                "attention_cim_storage_bits_per_element": 8,
            },
            "analog_periphery": {"tia": {"energy_pj_per_op": 1.5}},
            "memory": MEMORY,
            "leakage_power": {"arrays_nw": 3.0, "dac_nw": 4.0},
        },
        {
            "soc": {
                "control": {"energy_pj_per_token": 0.0},
                "attention_cim_storage_bits_per_element": None,
            },
            "memory": {"sram": {"capacity_bytes": None, "area_mm2": 2.0}},
            "leakage_power": {"dac_nw": 0.5},
        },
    )
    loaded = load_hardware(path)
    assert loaded.soc.control.energy_pj_per_token == 0.0
    assert loaded.soc.control.latency_ns_per_token == 6.0
    assert loaded.soc.attention_cim_storage_bits_per_element is None
    assert loaded.analog.periphery.tia.energy_pj_per_op == 1.5
    assert loaded.memory is not None
    assert loaded.memory.sram.read_energy_pj_per_byte == 1.0
    assert loaded.memory.sram.capacity_bytes is None
    assert loaded.memory.sram.area_mm2 == 2.0
    assert loaded.memory.hbm.read_bandwidth_GBps == 100.0
    assert loaded.memory.hbm.write_bandwidth_GBps == 0.0
    assert loaded.leakage_power.arrays_nw == 3.0
    assert loaded.leakage_power.dac_nw == 0.5
    origins = loaded.origins
    assert origins["soc.control.energy_pj_per_token"] == "explicit"
    assert origins["soc.control.latency_ns_per_token"] == "library lib"
    assert origins["soc.control.energy_pj_per_burst"] == "default"
    assert origins["memory.sram.read_energy_pj_per_byte"] == "library lib"
    assert origins["components.adc_draft.energy_pj_per_conversion"] == "library lib"
    assert origins["components.array.arrays_per_weight"] == "default"
    assert origins["analog.xbar_size"] == "explicit"


def test_a_librarys_memory_needs_a_memory_section(
    chip: Callable[..., tuple[str, Mapping]],
) -> None:
    path, written = chip({"memory": MEMORY}, {})
    assert load_hardware(path).memory is None
    Path(path).write_text(json.dumps({**written, "memory": {}}))
    memory = load_hardware(path).memory
    assert memory is not None
    assert memory.sram.capacity_bytes == 1024


def test_a_librarys_phase_override_beats_the_base_of_the_yaml(
    chip: Callable[..., tuple[str, Mapping]],
) -> None:
    path, _ = chip(
        {
            "soc": {
                "buffers_add": {
                    "energy_pj_per_op": 1.0,
                    "latency_ns_per_op": 2.0,
                    "draft": {"latency_ns_per_op": 0.1},
                }
            }
        },
        {"soc": {"buffers_add": {"latency_ns_per_op": 9.0}}},
    )
    adders = load_hardware(path).soc.buffers_add
    assert adders.for_phase("draft") == (1.0, 0.1)
    assert adders.for_phase("verify") == (1.0, 9.0)


def test_the_default_library_is_the_shipped_puma(
    hardware: Mapping, library: Mapping, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shipped = tmp_path / "shipped.json"
    shipped.write_text(json.dumps({"puma_like_v1": library}))
    monkeypatch.setattr(hardware_resolution, "library_files", lambda: [shipped])
    monkeypatch.setattr(hardware_resolution, "shown_path", str)
    del hardware["components"]
    for written in (hardware, {**hardware, "library": None}):
        assert load_hardware(written).library == "puma_like_v1"
    shipped.write_text("{")
    with pytest.raises(Exception, match="not valid JSON"):
        load_hardware(hardware)


def test_annotated_numbers_become_provenance(hardware: Mapping) -> None:
    def known(value: float, status: str) -> Mapping:
        return {"value": value, "status": status, "source": f"about {value}"}

    hardware["analog"]["xbar_size"] = known(128, "assumed")
    hardware["soc"] = {"control": {"energy_pj_per_token": known(2.5, "derived")}}
    components = hardware["components"]
    components["adc"]["4"]["energy_pj_per_conversion"] = known(0.226, "published")
    components["digital"]["attention"] = {
        "energy_pj_per_mac": known(1.3, "derived"),
        "lanes": known(4096, "assumed"),
    }
    components["digital"]["clock_ghz"] = known(1.0, "assumed")
    components["leakage_power"] = {"sram_nw": known(5.0, "measured")}
    chip = load_hardware(hardware)
    assert chip.analog.xbar_size == 128
    assert chip.soc.control.energy_pj_per_token == 2.5
    assert chip.components.adc_draft.energy_pj_per_conversion == 0.226
    statuses = {path: item.status for path, item in chip.provenance.items()}
    features = "components.digital.features"
    assert statuses == {
        "analog.xbar_size": "assumed",
        "soc.control.energy_pj_per_token": "derived",
        "components.adc_draft.energy_pj_per_conversion": "published",
        f"{features}.attention_qk.energy_pj_per_op": "derived",
        f"{features}.attention_qk.latency_ns_per_op": "assumed",
        f"{features}.attention_qk.lanes": "assumed",
        f"{features}.attention_pv.energy_pj_per_op": "derived",
        f"{features}.attention_pv.latency_ns_per_op": "assumed",
        f"{features}.attention_pv.lanes": "assumed",
        "leakage_power.sram_nw": "measured",
    }
    assert chip.provenance["analog.xbar_size"] == Provenance(
        status="assumed", source="about 128"
    )
    assert chip.origins["components.adc_draft.energy_pj_per_conversion"] == "explicit"
    assert chip.origins["leakage_power.sram_nw"] == "explicit"


def test_a_library_may_vouch_for_its_numbers_by_pattern_or_as_a_whole(
    chip: Callable[..., tuple[str, Mapping]],
) -> None:
    path, _ = chip(
        {
            "_about": "All of it. Status: derived. Nothing else.",
            "source_map": {"adc.*": "converter survey"},
            "source_notes": {"tool": 65},
            "leakage_power": {"dac_nw": 1.0},
        },
        {},
    )
    provenance = load_hardware(path).provenance
    energy = "energy_pj_per_conversion"
    assert provenance[f"components.adc_draft.{energy}"] == Provenance(
        status="derived", source="converter survey"
    )
    assert provenance[f"components.dac.{energy}"] == Provenance(
        status="derived", source="All of it. Status: derived. Nothing else."
    )
    assert "leakage_power.dac_nw" in provenance
    assert "leakage_power.arrays_nw" not in provenance


def test_resolved_hardware_loads_to_an_equal_object(
    chip: Callable[..., tuple[str, Mapping]],
) -> None:
    path, _ = chip(
        {"_about": "x", "memory": MEMORY, "analog_periphery": {"mux": {}}},
        {"memory": {}, "soc": {"schedule": "layer-pipelined"}},
    )
    loaded = load_hardware(path)
    assert load_hardware(json.loads(json.dumps(config_dict(loaded)))) == loaded
    assert load_hardware(loaded) is loaded


# Problems.


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"analog": {"adc": {"draft_bits": 7}}},
            "analog.adc.draft_bits: Requested analog.adc.draft_bits=7 is not in the "
            "library; Available ADC bits: 4, 12.",
        ),
        (
            {"analog": {"adc": {"residual_bits": 7}}},
            "analog.adc.residual_bits: Requested analog.adc.residual_bits=7 is not in "
            "the library; Available ADC bits: 4, 12.",
        ),
        (
            {"analog": {"dac_bits": 9}},
            "analog.dac_bits: Requested analog.dac_bits=9 is not in the library; "
            "Available DAC bits: 4.",
        ),
        (
            {"analog": {"dac_bits": "4"}},
            "analog.dac_bits: got '4'; must be an integer between 1 and 64. Write it",
        ),
        (
            {"analog": {"xbar_size": 100}},
            "analog.xbar_size: got 100; must be divisible by "
            "analog.num_columns_per_adc (16).",
        ),
        (
            {"analog": {"delta_readout": {"draft": {"enabled": 1}}}},
            "analog.delta_readout.draft.enabled: got 1; must be true or false.",
        ),
        (
            {"library": "x"},
            "library: both components and library. Keep one of them.",
        ),
        (
            {"library_file": "x.json"},
            "library_file: both components and library_file. Keep one of them.",
        ),
        (
            {"reuse_policy": "reuses"},
            "reuse_policy: got 'reuses'; allowed: reuse, reread. Did you mean 'reuse'?",
        ),
        (
            {"soc": {"schedule": "layer_pipelined"}},
            "soc.schedule: got 'layer_pipelined'; allowed: serialized, "
            "layer-pipelined, prefetch, overlap. Did you mean 'layer-pipelined'?",
        ),
        (
            {"soc": {"attention_cim_units": 0}},
            "soc.attention_cim_units: got 0; must be an integer between 1 and 1000000.",
        ),
        (
            {"memory": {"hbm": {"read_latency_ns": -5}}},
            "memory.hbm.read_latency_ns: got -5; must be a number between 0 and 1e+15.",
        ),
        (
            {"memory": {"hbm": {"read_bandwith_GBps": 5}}},
            "memory.hbm.read_bandwith_GBps: unknown field. Did you mean "
            "'read_bandwidth_GBps'?",
        ),
        (
            {"memory": {"hbm": {"capacity_bytes": 0}}},
            "memory.hbm.capacity_bytes: got 0; must be an integer between 1 and "
            "1000000000000000 or null.",
        ),
        (
            {"leakage_power": {"arrays_nw": float("inf")}},
            "leakage_power.arrays_nw: got inf; must be a finite number.",
        ),
        (
            {"origins": {}},
            "origins: unknown field. Write {value, status, source} in place of a",
        ),
        (
            {"soc": {"control": {"energy_pj_per_token": {"value": 1.0}}}},
            "soc.control.energy_pj_per_token.status: missing; allowed: measured, "
            "published, derived, assumed.",
        ),
        (
            {"components": {"adc": {"four": {}}}},
            "components.adc.four: key 'four'; must be an integer.",
        ),
        (
            {"components": {"adc": {"0": {"energy_pj_per_conversion": 1.0}}}},
            "components.adc.0.latency_ns_per_conversion: missing; must be a number",
        ),
        (
            {"components": {"soc": {"schedule": "serialized"}}},
            "components.soc.schedule: cannot come from a library.",
        ),
        (
            {"components": {"memory": {"kv_cache": {}}}},
            "components.memory.kv_cache: cannot come from a library.",
        ),
        (
            {"components": {"digital": {"attention": {"energy_pj_per_mac": 1.0}}}},
            "components.digital.attention.latency_ns_per_mac: give either "
            "latency_ns_per_mac or lanes.",
        ),
        (
            {"components": {"digital": {"elementwise": None}}},
            "components.digital.elementwise: missing; needed by ffn_activation.",
        ),
        (
            {"components": {"digital": {"clock_ghz": 0}}},
            "components.digital.clock_ghz: got 0; must be a number between 1e-06 and "
            "1000 or null.",
        ),
        (
            {"components": {"colour": 1}},
            "components.colour: unknown field. Known:",
        ),
    ],
)
def test_problems_of_a_chip(
    hardware: Mapping, errors: Errors, change: Mapping, message: str
) -> None:
    def merge(base: Mapping, more: Mapping) -> Mapping:
        merged = dict(base)
        for key, value in more.items():
            here = merged.get(key)
            both = isinstance(here, dict) and isinstance(value, dict) and value
            merged[key] = merge(here, value) if both else value
        return merged

    # A coefficient replaces the one that is there, so that its fields are alone.
    attention = change.get("components", {}).get("digital", {}).get("attention")
    if attention is not None:
        hardware["components"]["digital"].pop("attention")
    lines = errors(load_hardware, merge(hardware, change))
    assert lines[0].startswith(message), lines
    assert all(line.isprintable() for line in lines)


def test_an_unknown_feature_and_lanes_without_a_clock(
    hardware: Mapping, errors: Errors
) -> None:
    hardware["components"]["digital"]["features"] = {
        "nrom": {"energy_pj_per_mac": 1.0, "lanes": 8},
        "rope": {"energy_pj_per_mac": 1.0, "lanes": 8},
    }
    first, second = errors(load_hardware, hardware)
    assert first.startswith("components.digital.features.nrom: unknown feature; ")
    assert first.endswith("Did you mean 'norm'?")
    assert second == (
        "components.digital.features.rope.lanes: needs digital.clock_ghz."
    )


def test_a_library_that_is_not_there(
    chip: Callable[..., tuple[str, Mapping]], errors: Errors
) -> None:
    path, _ = chip({}, {"library": "othre"})
    (line,) = errors(load_hardware, path)
    assert line == (
        "chip.json:12: library: Unknown hardware library 'othre'; allowed: lib, "
        "other. Did you mean 'other'?"
    )
    Path("l.json").unlink()
    (line,) = errors(load_hardware, path)
    assert line == (
        "chip.json:13: library_file: Library source file not found: l.json."
    )
    Path("l.json").write_text("[]")
    assert errors(load_hardware, path) == [
        "l.json:1: top-level JSON must be an object of libraries; got a list of 0 "
        "items."
    ]
    Path("l.json").write_text("{}")
    (line,) = errors(load_hardware, path)
    assert "Unknown hardware library 'othre'; there is none." in line
    Path("l.json").write_text('{\n"othre": {"adc": {}, "dac": 5}}')
    assert errors(load_hardware, path) == [
        "l.json:2: othre: missing required sections: array, digital."
    ]


def test_a_library_file_that_is_not_json_is_told_in_its_own_lines(
    chip: Callable[..., tuple[str, Mapping]], errors: Errors
) -> None:
    path, _ = chip({}, {})
    Path("l.json").write_text('{"lib":\n x}')
    assert errors(load_hardware, path) == [
        "l.json:2: Invalid library JSON: expected a value, found 'x}'."
    ]
    path, _ = chip({}, {"library": 5})
    assert errors(load_hardware, path) == [
        "chip.json:12: library: got 5; must be text of 1 to 200 characters (no "
        "control characters) or null."
    ]


def test_problems_inside_a_library_are_told_in_its_file(
    chip: Callable[..., tuple[str, Mapping]], errors: Errors
) -> None:
    path, _ = chip({"leakage_power": {"dac_nw": -1.0, "dca_nw": 1.0}, "extra": 1}, {})
    lines = errors(load_hardware, path)
    assert [line.split(" ", 1)[1] for line in lines] == [
        "lib.extra: unknown field. Known: _about, adc, dac, array, digital, "
        "analog_periphery, soc, memory, leakage_power, source_map, source_notes.",
    ]
    path, _ = Path("chip.json"), None
    content = json.loads(Path("l.json").read_text())
    del content["lib"]["extra"]
    Path("l.json").write_text(json.dumps(content, indent=1))
    lines = errors(load_hardware, path)
    assert [line.split(" ", 1)[1] for line in lines] == [
        "leakage_power.dac_nw: got -1.0; must be a number between 0 and 1e+15.",
        "leakage_power.dca_nw: unknown field. Did you mean 'dac_nw'?",
    ]
    assert all(line.startswith("l.json:") for line in lines)


@pytest.mark.parametrize(
    "file", ["../l.json", "/etc/hostname", "sub/../../l.json", "link.json", "a\x00b"]
)
def test_a_library_file_stays_in_its_folder(
    chip: Callable[..., tuple[str, Mapping]], errors: Errors, file: str
) -> None:
    _, written = chip({}, {"library_file": file})
    folder = Path("inner")
    folder.mkdir()
    (folder / "link.json").symlink_to(Path("l.json").resolve())
    path = folder / "chip.json"
    path.write_text(json.dumps(written))
    line = errors(load_hardware, path)[0]
    assert "must stay in the folder of the hardware file" in line
    assert line.isprintable()


def test_outside_is_possible_when_allowed(
    chip: Callable[..., tuple[str, Mapping]], scenario: Mapping
) -> None:
    _, written = chip({}, {"library_file": "../l.json"})
    Path("inner").mkdir()
    path = Path("inner/chip.json")
    path.write_text(json.dumps(written))
    assert load_hardware(path, allow_outside=True).library == "lib"
    scenario["hardware"] = str(path)
    loaded = load_scenario(scenario, allow_outside=True)
    assert loaded.hardware.library_file == "../l.json"


def test_a_library_file_is_found_beside_the_chip_wherever_the_scenario_is(
    chip: Callable[..., tuple[str, Mapping]], scenario: Mapping
) -> None:
    path, _ = chip({}, {})
    Path("chips").mkdir()
    shutil.move("l.json", "chips/l.json")
    shutil.move(path, "chips/chip.json")
    scenario["hardware"] = "chips/chip.json"
    assert load_scenario(scenario).hardware.library == "lib"
    # Laid over the file by the scenario, it is relative to the scenario.
    shutil.copy("chips/l.json", "mine.json")
    scenario["hardware"] = {"file": "chips/chip.json", "library_file": "mine.json"}
    assert load_scenario(scenario).hardware.library_file == "mine.json"


def test_too_many_annotations_are_refused(hardware: Mapping, errors: Errors) -> None:
    number = {"value": 1, "status": "assumed", "source": "x"}
    hardware["soc"] = {f"k{n}": number for n in range(5001)}
    lines = errors(load_hardware, hardware)
    assert lines[0] == "more than 5000 numbers with status and source."


def test_hardware_that_is_no_mapping(write: Write, errors: Errors) -> None:
    write("h.yaml", "- 1\n")
    assert errors(load_hardware, "h.yaml") == [
        "h.yaml:1: got a list of 1 items; must be a mapping."
    ]
