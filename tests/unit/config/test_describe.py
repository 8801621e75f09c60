"""What kind a file is, and where each value of a configuration came from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from simcore.config.describe import DescribedValue, describe, kinds_of, load_libraries
from simcore.config.field_units import unit_of
from simcore.config.shipped import library_files, shipped_files
from simcore.errors import ConfigError

SHIPPED: list[tuple[Any, Path]] = [
    (kind, path)
    for kind in ("model", "hardware", "acceptance", "scenario")
    for path in shipped_files(kind).values()  # type: ignore[arg-type]
] + [("library", path) for path in library_files()]


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=lambda x: getattr(x, "stem", x))
def test_a_shipped_file_is_recognised_by_its_content_and_by_its_name(
    kind: str, path: Path
) -> None:
    assert kinds_of(str(path)) == [kind]
    assert kind in kinds_of(path.stem)


def test_a_name_of_two_things_has_the_scenario_first() -> None:
    assert kinds_of("tiny") == ["scenario", "model"]
    assert kinds_of("nothing-of-this-name") == []


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("{model_type: llama, hidden_size: 64}", ["model"]),
        ("{costs: {}}", ["hardware"]),
        ("{k: 2, histogram: {0: 1}}", ["acceptance"]),
        ("{kind: fixed, accepted: 1}", ["acceptance"]),
        ("{mine: {adc: {}, array: {}}}", ["library"]),
        ("{mine: 3}", []),
        ("[1, 2]", []),
        ("{model: [", []),
    ],
)
def test_a_file_is_told_by_its_keys(
    text: str, kinds: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "file.yaml"
    path.write_text(text)
    assert kinds_of(str(path)) == kinds


def values_of(kind: Any, source: Any, *overrides: str) -> dict[str, DescribedValue]:
    (found,) = describe(kind, str(source), overrides)
    return {value.path: value for value in found.values}


def written(tmp_path: Path, content: Any, name: str = "file.yaml") -> Path:
    path = tmp_path / name
    path.write_text(json.dumps(content))
    return path


def test_values_of_a_model_are_explicit_derived_or_default(tmp_path: Path) -> None:
    model = {"n_layers": 2, "d_model": 64, "n_heads": 4, "activation_bits": 8}
    values = values_of("model", written(tmp_path, model))
    origins = {path: value.origin for path, value in values.items()}
    assert origins["n_layers"] == "explicit"
    assert origins["n_kv_heads"] == origins["d_ff"] == origins["name"] == "derived"
    assert origins["ffn_type"] == origins["draft_policy.default.qkv"] == "default"
    assert values["head_dim"].value == 16


def test_what_a_family_implies_is_derived(tmp_path: Path) -> None:
    config = {
        "model_type": "llama",
        "hidden_size": 64,
        "num_hidden_layers": 2,
        "num_attention_heads": 4,
        "intermediate_size": 128,
    }
    values = values_of("model", written(tmp_path, config, "config.json"))
    assert values["d_model"].origin == "explicit"
    assert values["ffn_type"].origin == "derived"


def test_values_of_hardware_carry_status_and_source(tmp_path: Path) -> None:
    chip = {
        "library": "science_adi9405_v1_neurosim",
        "analog": {
            "xbar_size": {"value": 128, "status": "published", "source": "a paper"},
            "dac_bits": 4,
            "num_columns_per_adc": 16,
            "adc": {"draft_bits": 4, "residual_bits": 12},
        },
    }
    values = values_of("hardware", written(tmp_path, chip))
    size = values["analog.xbar_size"]
    assert (size.origin, size.status, size.source) == (
        "explicit",
        "published",
        "a paper",
    )
    assert values["analog.dac_bits"].status is None
    assert values["analog.dac_bits"].is_number
    energy = values["components.adc_residual.energy_pj_per_conversion"]
    assert energy.origin == "library science_adi9405_v1_neurosim"
    assert energy.status == "derived"
    assert energy.unit == "pJ/conversion"
    assert "NeuroSim" in (energy.source or "")
    assert values["soc.attention_cim_units"].origin == "default"
    assert not values["soc.attention_cim_units"].is_number
    assert values["name"].origin == "derived"
    assert values["library"].origin == "explicit"
    assert not values["library"].is_number


def test_a_latency_from_lanes_is_derived_and_has_their_status() -> None:
    values = values_of("hardware", "residual-analog-22nm")
    block = "components.digital.features.norm."
    assert values[block + "lanes"].origin == "explicit"
    assert values[block + "latency_ns_per_op"].origin == "derived"
    assert values[block + "latency_ns_per_op"].status == "assumed"


def test_values_of_a_scenario_come_from_its_files_its_profile_and_the_shell() -> None:
    values = values_of(
        "scenario",
        "qwen3-1.7b-k5",
        "workload.prompt_length=64",
        "model.activation_bits=8",
        "accounting.lm_head=dpu",
    )
    assert values["workload.prompt_length"].origin == "--set"
    assert values["model.activation_bits"].origin == "--set"
    assert values["accounting.lm_head"].origin == "--set"
    assert values["accounting.dac_banks"].origin == "profile physical"
    assert values["accounting.profile"].origin == "explicit"
    assert values["model.n_layers"].origin == "explicit"
    assert values["model.layer_windows"].origin == "derived"
    assert values["hardware.analog.xbar_size"].status == "assumed"
    assert values["acceptance.kind"].origin == "derived"
    assert values["verification"].origin == "default"


def test_a_scenario_left_short_derives_name_schedule_and_draft_length(
    tmp_path: Path,
) -> None:
    scenario = {
        "model": "tiny",
        "hardware": "toy-ideal",
        "acceptance": "eagle-gsm8k-k4",
        "workload": {"prompt_length": 8, "max_tokens": 8},
    }
    values = values_of("scenario", written(tmp_path, scenario))
    for path in ("name", "schedule", "workload.draft_length"):
        assert values[path].origin == "derived"
    assert values["workload.draft_length"].value == 4
    assert values["accounting.profile"].origin == "default"


def test_a_wrong_file_has_the_problems_of_its_loader(tmp_path: Path) -> None:
    path = written(tmp_path, {"n_layers": -1, "d_model": 64, "n_heads": 4})
    with pytest.raises(ConfigError, match="n_layers"):
        describe("model", str(path))


def test_a_library_is_found_by_name_or_file_and_checked(tmp_path: Path) -> None:
    assert list(load_libraries("puma_like_v1")) == ["puma_like_v1"]
    with pytest.raises(ConfigError, match="Did you mean 'puma_like_v1'"):
        load_libraries("puma_like_v3"[:-1] + "11")
    path = written(tmp_path, {"mine": {"adc": {}, "array": {}}})
    with pytest.raises(ConfigError, match=r"mine\.digital"):
        load_libraries(str(path))
    for content in ([1], {}):
        with pytest.raises(ConfigError, match="must be a mapping of libraries"):
            load_libraries(str(written(tmp_path, content)))


@pytest.mark.parametrize(
    ("name", "unit"),
    [
        ("a.energy_pj_per_op", "pJ/op"),
        ("read_bandwidth_GBps", "GB/s"),
        ("latency_ns_per_conversion", "ns/conversion"),
        ("arrays_nw", "nW"),
        ("area_mm2", "mm2"),
        ("clock_ghz", "GHz"),
        ("capacity_bytes", "bytes"),
        ("value_bytes_per_elem", "bytes/elem"),
        ("dac_bits", "bits"),
        ("workload.prompt_length", "tokens"),
        ("n_layers", None),
        ("lanes", None),
    ],
)
def test_the_unit_of_a_field_is_in_its_name(name: str, unit: str | None) -> None:
    assert unit_of(name) == unit


def test_the_sections_of_a_library_are_checked_as_well(tmp_path: Path) -> None:
    library = json.loads(library_files()[0].read_text(encoding="utf-8"))
    (name,) = library
    library[name]["soc"] = {"control": {"energy_pj_per_tok": 1}}
    library[name]["leakage_power"] = {"tia_nw": -1}
    with pytest.raises(ConfigError) as caught:
        load_libraries(str(written(tmp_path, library)))
    assert [problem.path for problem in caught.value.problems] == [
        f"{name}.soc.control.energy_pj_per_tok",
        f"{name}.leakage_power.tia_nw",
    ]
