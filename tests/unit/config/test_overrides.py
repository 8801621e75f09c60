from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from simcore.config.load import load_model, load_scenario

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]


def test_values_are_read_as_yaml(scenario: Mapping) -> None:
    loaded = load_scenario(
        scenario,
        [
            "workload.draft_length=3",
            "workload.draft_length = 4",
            "seed=7",
            "name='a=b'",
            "trace=bursts",
            "accounting.offset_row=off",
            "hardware.soc.control.energy_pj_per_token=1e3",
            "hardware.analog.adc.residual_bits=4",
            "model.draft_policy.per_layer.1.ffn=full",
            "acceptance.histogram.4=3",
            "description=",
        ],
    )
    assert loaded.workload.draft_length == 4
    assert loaded.seed == 7
    assert loaded.name == "a=b"
    assert loaded.trace == "bursts"
    assert loaded.accounting.offset_row == "off"
    assert loaded.hardware.soc.control.energy_pj_per_token == 1000.0
    adc = loaded.hardware.components.adc_residual
    assert adc.energy_pj_per_conversion == 0.25
    assert loaded.model.block_policy(1).ffn == "full"
    assert loaded.description is None


def test_they_reach_into_parts_that_are_files(write: Write, scenario: Mapping) -> None:
    write("parts/m.yaml", yaml.safe_dump(scenario["model"]))
    write("parts/h.yaml", yaml.safe_dump(scenario["hardware"]))
    scenario.update(model="m.yaml", hardware="h.yaml", accounting="physical")
    write("parts/s.json", json.dumps(scenario))
    loaded = load_scenario(
        "parts/s.json",
        [
            "model.activation_bits=8",
            "hardware.reuse_policy=reread",
            "accounting.self_token=off",
        ],
    )
    assert loaded.model.activation_bits == 8
    assert loaded.model.d_model == 64
    assert loaded.hardware.reuse_policy == "reread"
    assert loaded.accounting.self_token == "off"


def test_a_file_named_in_an_override_is_relative_to_the_shell(
    write: Write, scenario: Mapping
) -> None:
    write("other.yaml", yaml.safe_dump({**scenario["model"], "n_layers": 7}))
    write("parts/s.json", json.dumps(scenario))
    assert load_scenario("parts/s.json", ["model=other.yaml"]).model.n_layers == 7
    loaded = load_scenario("parts/s.json", ["model=other.yaml", "model.n_layers=3"])
    assert loaded.model.n_layers == 3


def test_a_library_file_in_an_override_is_relative_to_the_shell(
    write: Write, scenario: Mapping, library: Mapping
) -> None:
    write("mine.json", json.dumps({"lib": library}))
    del scenario["hardware"]["components"]
    write("parts/h.yaml", yaml.safe_dump(scenario["hardware"]))
    scenario["hardware"] = "h.yaml"
    write("parts/s.json", json.dumps(scenario))
    overrides = ["hardware.library=lib", "hardware.library_file=mine.json"]
    assert load_scenario("parts/s.json", overrides).hardware.library == "lib"


def test_an_annotated_number_is_replaced_whole(scenario: Mapping) -> None:
    scenario["hardware"]["analog"]["xbar_size"] = {
        "value": 128,
        "status": "assumed",
        "source": "x",
    }
    hardware = load_scenario(scenario, ["hardware.analog.xbar_size=64"]).hardware
    assert hardware.analog.xbar_size == 64
    assert hardware.provenance == {}


@pytest.mark.parametrize(
    ("override", "message"),
    [
        (
            "workload.draft_length=9",
            "override: workload.draft_length: got 9; must be at most 5, the k of",
        ),
        (
            "worklod.draft_length=3",
            "override: worklod: unknown field. Did you mean 'workload'?",
        ),
        (
            "workload.draft_lenght=3",
            "override: workload.draft_lenght: unknown field. Did you mean "
            "'draft_length'?",
        ),
        ("seed=012", "override: seed: got 012; must not start with 0."),
        ("seed=.nan", "override: seed: got .nan; must be a finite number."),
        ("seed=1_000", "override: seed: got '1_000'; must be an integer between 0"),
        ("seed", "override: got 'seed'; must be KEY=VALUE. For example"),
        ("=3", "override: got '=3'; must be KEY=VALUE."),
        ("a..b=3", "override: got 'a..b=3'; must be KEY=VALUE."),
        ("seed=[1]", "override: seed: got a list of 1 items; must be a single value."),
        ("seed={a: 1}", "override: seed: got a mapping with 1 keys; must be a single"),
        ("seed=[1", "override: seed: not valid YAML: "),
        ("seed=*a", "override: seed: anchors and aliases (& and *) are refused."),
        ("seed.x=1", "override: seed.x: 'x' is not below a mapping."),
        ("hardware.analog.adc.draft_bits=5", "override: hardware.analog.adc.draft_b"),
        ("x" * 500 + "=1", "override: 'xxxxxxx"),
    ],
)
def test_problems_of_an_override(
    scenario: Mapping, errors: Errors, override: str, message: str
) -> None:
    scenario["seed"] = 1
    (line,) = errors(load_scenario, scenario, [override])
    assert line.startswith(message)
    assert len(line) < 400


def test_overrides_and_the_file_are_reported_together(
    scenario: Mapping, errors: Errors
) -> None:
    scenario["trace"] = "nothing"
    lines = errors(load_scenario, scenario, ["seed=-1", "oops"])
    assert [line.split(";")[0] for line in lines] == [
        "trace: got 'nothing'",
        "override: got 'oops'",
        "override: seed: got -1",
    ]


def test_built_objects_cannot_be_overridden_inside(
    scenario: Mapping, errors: Errors
) -> None:
    scenario["model"] = load_model(scenario["model"])
    (line,) = errors(load_scenario, scenario, ["model.n_layers=3"])
    assert line == (
        "override: model.n_layers: model is an object that is already built. Give it "
        "as a file, a name or a mapping to override in it."
    )


def test_a_resolved_scenario_can_be_overridden_where_it_means_something(
    scenario: Mapping, errors: Errors
) -> None:
    whole = load_scenario(scenario)
    changed = load_scenario(
        whole, ["seed=9", "hardware.soc.control.energy_pj_per_token=5"]
    )
    assert changed.seed == 9
    assert changed.hardware.soc.control.energy_pj_per_token == 5.0
    path = "soc.control.energy_pj_per_token"
    assert whole.hardware.origins[path] == "default"
    assert changed.hardware.origins[path] == "explicit"
    (line,) = errors(load_scenario, whole, ["hardware.analog.dac_bits=8"])
    assert line == (
        "override: hardware.analog.dac_bits: its components were looked up already. "
        "Override it on the scenario file instead."
    )


def test_the_mapping_given_is_not_changed(scenario: Mapping) -> None:
    before = json.dumps(scenario)
    load_scenario(scenario, ["seed=5", "model.n_layers=1"])
    assert json.dumps(scenario) == before
    assert not Path("override").exists()
