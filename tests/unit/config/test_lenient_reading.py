"""Files of the public calculator load unchanged; what it ignores is told."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from simcore.config.load import (
    config_dict,
    config_sha256,
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.config.scenario import scenario_warnings
from simcore.errors import ConfigError

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]

COMPATIBLE = {"profile": "selfspec-calculator"}


@pytest.fixture
def burst(scenario: Mapping) -> Mapping:
    """One burst under the compatible profile."""
    scenario["accounting"] = dict(COMPATIBLE)
    scenario["workload"] = {"mode": "burst", "prompt_length": 16}
    return scenario


# What is passed over.


def test_unknown_keys_of_a_model(model: Mapping, write: Write, errors: Errors) -> None:
    written = {**model, "n_layer": 3, "draft_policy": {"default": {"mlp": "full"}}}
    path = write("m.json", json.dumps(written, indent=1))
    warnings: list[str] = []
    loaded = load_model(path, lenient=True, warnings=warnings)
    assert loaded == load_model(model)
    assert warnings == [
        "m.json:10: draft_policy.default.mlp: ignored, as the public calculator does; "
        "got 'full'.",
        "m.json:7: n_layer: ignored, as the public calculator does; got 3. Did you "
        "mean 'n_layers'?",
    ]
    assert len(errors(load_model, path)) == 2


def test_extensions_are_read_and_wrong_ones_are_passed_over(model: Mapping) -> None:
    warnings: list[str] = []
    loaded = load_model({**model, "n_kv_heads": 2}, lenient=True, warnings=warnings)
    assert (loaded.n_kv_heads, warnings) == (2, [])
    wrong = {**model, "n_kv_heads": 3, "vocab_size": "many", "rotary": "on"}
    loaded = load_model(wrong, lenient=True, warnings=warnings)
    assert (loaded.n_kv_heads, loaded.vocab_size, loaded.rotary) == (8, None, True)
    assert warnings == [
        "vocab_size: ignored, as the public calculator does; got 'many'.",
        "n_kv_heads: ignored, as the public calculator does; got 3.",
    ]


def test_unknown_keys_of_a_chip_and_of_its_library(
    hardware: Mapping, library: Mapping, write: Write
) -> None:
    plain = {**hardware, "library": "lib", "library_file": "l.json"}
    del plain["components"]
    write("l.json", json.dumps({"lib": library}))
    write("chip.json", json.dumps(plain))
    expected = load_hardware("chip.json")
    noisy = copy.deepcopy(library)
    noisy["colour"] = 1
    noisy["soc"] = {"schedule": "layer-pipelined", "noise": 1}
    noisy["memory"] = {"kv_cache": {}}
    noisy["digital"]["features"] = {"nrom": {"energy_pj_per_mac": 1}}
    noisy["digital"]["features"]["nrom"]["latency_ns_per_mac"] = 1
    write("l.json", json.dumps({"lib": noisy}))
    plain["analog"]["xbar_siz"] = 1
    plain["origins"] = {}
    plain["name"] = 7
    write("chip.json", json.dumps(plain))
    warnings: list[str] = []
    loaded = load_hardware("chip.json", lenient=True, warnings=warnings)
    assert loaded == expected
    paths = [line.split(": ")[1] for line in warnings]
    assert paths == [
        "origins",
        "name",
        "lib.digital.features.nrom",
        "lib.colour",
        "lib.soc.schedule",
        "lib.memory.kv_cache",
        "analog.xbar_siz",
        "soc.noise",
    ]
    assert warnings[6] == (
        "chip.json:1: analog.xbar_siz: ignored, as the public calculator does; got 1. "
        "Did you mean 'xbar_size'?"
    )
    with pytest.raises(ConfigError):
        load_hardware("chip.json")


def test_a_library_beside_costs(hardware: Mapping) -> None:
    pair = {"energy_pj_per_mac": 1, "latency_ns_per_mac": 1}
    names = ["analog_draft", "analog_full", "analog_verify_reuse", "kv_cache"]
    names += [f"digital_{name}" for name in ("attention", "softmax", "elementwise")]
    costs: Mapping = dict.fromkeys(names, pair)
    costs["analog_weight_area"] = {"area_mm2_per_weight": 0}
    costs["digital_features"] = {"nrom": pair, "attention_qk": pair}
    warnings: list[str] = []
    chip = {"costs": costs, "library": "nowhere", "library_file": "nowhere.json"}
    loaded = load_hardware(chip, lenient=True, warnings=warnings)
    assert loaded.costs is not None
    assert list(loaded.costs.digital_features) == ["attention_qk"]
    assert [line.split(":")[0] for line in warnings] == [
        "library",
        "library_file",
        "costs.digital_features.nrom",
    ]


def test_unknown_keys_of_statistics(stats: Mapping) -> None:
    warnings: list[str] = []
    noisy = {**stats, "counts_kind": "bursts", "source": 5}
    assert load_acceptance(noisy, lenient=True, warnings=warnings) == load_acceptance(
        stats
    )
    assert [line.split(":")[0] for line in warnings] == ["counts_kind", "source"]


def test_warnings_are_bounded_in_number_and_text(model: Mapping) -> None:
    warnings: list[str] = []
    noise = {f"\x1b{n}" * 500: "\x1b" * 5000 for n in range(60_000)}
    load_model({**model, **noise}, lenient=True, warnings=warnings)
    assert warnings[-1] == "... and 59950 more are ignored."
    assert len(warnings) == 51
    assert all(len(line) < 500 and line.isprintable() for line in warnings)


# Numbers as text.


def test_numbers_are_converted_as_the_public_calculator_does(
    model: Mapping, hardware: Mapping, stats: Mapping
) -> None:
    assert load_model({**model, "n_layers": "2"}, lenient=True) == load_model(model)
    assert load_model({**model, "d_model": 64.0}, lenient=True) == load_model(model)
    expected = load_acceptance(stats)
    stats["k"] = "5"
    stats["histogram"]["5"] = "9"
    assert load_acceptance(stats, lenient=True) == expected
    hardware["analog"]["delta_readout"] = {"draft": {"enabled": True}}
    expected_chip = load_hardware(hardware)
    hardware["analog"]["dac_bits"] = "4"
    hardware["analog"]["adc"] = {"draft_bits": 4.0, "residual_bits": "12"}
    hardware["analog"]["delta_readout"] = {"draft": {"enabled": "yes"}}
    assert load_hardware(hardware, lenient=True) == expected_chip


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"n_layers": "two"}, "n_layers: got 'two'; must be an integer between"),
        ({"n_layers": 2.5}, "n_layers: got 2.5; must be an integer between"),
        ({"n_layers": "0"}, "n_layers: got '0'; must be an integer between 1"),
        ({"n_layers": None}, "n_layers: got null; must be an integer between"),
        ({"name": 5}, "name: got 5; must be text"),
        ({"ffn_type": "MLP"}, "ffn_type: got 'MLP'; allowed: mlp, swiglu."),
    ],
)
def test_what_it_does_not_take_is_refused(
    model: Mapping, errors: Errors, change: Mapping, message: str
) -> None:
    (line,) = errors(load_model, {**model, **change}, lenient=True)
    assert line.startswith(message)


# Scenarios.


def test_the_profile_reads_leniently_by_itself(burst: Mapping, errors: Errors) -> None:
    burst["model"]["colour"] = "red"
    burst["hardware"]["colour"] = "blue"
    burst["acceptance"]["k"] = "5"
    burst["sede"] = 3
    loaded = load_scenario(burst)
    assert loaded.load_warnings == (
        "model.colour: ignored, as the public calculator does; got 'red'.",
        "hardware.colour: ignored, as the public calculator does; got 'blue'.",
        "sede: ignored, as the public calculator does; got 3. Did you mean 'seed'?",
    )
    assert scenario_warnings(loaded)[:3] == list(loaded.load_warnings)
    assert loaded.warnings == tuple(scenario_warnings(loaded))
    for accounting in ("selfspec-calculator", loaded.accounting):
        assert load_scenario({**burst, "accounting": accounting}) == loaded
    burst["accounting"] = "physical"
    assert len(errors(load_scenario, burst)) == 4
    asked = load_scenario(burst, lenient=True)
    assert asked.load_warnings == loaded.load_warnings


def test_warnings_survive_a_round_trip_and_are_not_hashed(burst: Mapping) -> None:
    clean = load_scenario(burst)
    burst["model"]["colour"] = "red"
    loaded = load_scenario(burst)
    assert loaded != clean
    assert load_scenario(config_dict(loaded)) == loaded
    assert load_scenario(loaded, ["seed=1"]) == loaded
    assert config_sha256(loaded) == config_sha256(clean)


def test_the_profile_may_come_from_an_override(burst: Mapping) -> None:
    burst["accounting"] = "physical"
    burst["colour"] = 1
    (warning,) = load_scenario(
        burst, ["accounting.profile=selfspec-calculator"]
    ).load_warnings
    assert warning.startswith("colour: ignored")


def test_a_prompt_of_length_zero(burst: Mapping, errors: Errors) -> None:
    burst["workload"]["prompt_length"] = 0
    assert load_scenario(burst).workload.prompt_length == 0
    burst["accounting"] = "physical"
    assert errors(load_scenario, burst) == [
        "workload.prompt_length: got 0; must be an integer between 1 and 100000000."
    ]


@pytest.mark.parametrize(("profile", "bonus"), [("physical", 1), (None, 0)])
def test_the_bonus_token_in_the_context_limit(
    burst: Mapping, errors: Errors, profile: str | None, bonus: int
) -> None:
    burst["accounting"] = profile or "selfspec-calculator"
    limit = 16 + 5 + bonus
    burst["hardware"]["memory"] = {"kv_cache": {"max_context_tokens": limit}}
    load_scenario(burst)
    burst["workload"]["prompt_length"] = 17
    (line,) = errors(load_scenario, burst)
    assert line == (
        "workload.prompt_length: Max context capacity exceeded; got prompt_length + "
        f"draft_length{' + 1' * bonus} = {limit + 1}; must be at most "
        f"hardware.memory.kv_cache.max_context_tokens ({limit})."
    )


# Section 13 of the formulas: every cause, in words its users look for.

ANALOG = {
    "xbar_size": 128,
    "num_columns_per_adc": 16,
    "dac_bits": 4,
    "adc": {"draft_bits": 4, "residual_bits": 12},
}


def changed(base: Mapping, path: str, value: object) -> Mapping:
    """A copy with one value set, or removed when it is `...`."""
    data = copy.deepcopy(base)
    *sections, key = path.split(".")
    target = data
    for section in sections:
        target = target.setdefault(section, {})
    if value is ...:
        del target[key]
    else:
        target[key] = value
    return data


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        *((key, ..., key) for key in ("n_layers", "d_model", "activation_bits")),
        *((key, 0, key) for key in ("n_layers", "n_heads", "activation_bits", "d_ff")),
        ("ffn_type", "glu", "ffn_type"),
        ("draft_policy.default.qkv", "half", "draft_policy.default.qkv"),
        ("ffn_expansion", 0.5, "ffn_expansion"),
        ("draft_policy.per_layer.2", {"qkv": "full"}, "invalid layer index"),
        ("draft_policy.per_layer.-1", {"qkv": "full"}, "invalid layer index"),
        ("d_model", 65, "must be divisible by n_heads"),
        ("ffn_expansion", None, "Either d_ff or ffn_expansion"),
    ],
)
def test_refused_models(
    model: Mapping, errors: Errors, path: str, value: object, words: str
) -> None:
    (line,) = errors(load_model, changed(model, path, value), lenient=True)
    assert words in line


@pytest.mark.parametrize(
    ("path", "value", "words"),
    [
        ("reuse_policy", "again", "reuse_policy: Invalid hardware config; got 'again'"),
        ("soc.schedule", "x", "soc.schedule: Invalid hardware config; got 'x'"),
        ("soc.attention_cim_units", 0, "soc.attention_cim_units: Invalid hardware"),
        ("memory.hbm.read_latency_ns", -1, "read_latency_ns: Invalid hardware config"),
        ("analog.xbar_size", ..., "analog.xbar_size: Invalid hardware config: missing"),
        ("costs", {}, "ambiguous"),
        ("analog", ..., "must provide either"),
        (
            "analog.num_columns_per_adc",
            48,
            "must be divisible by analog.num_columns_per_adc",
        ),
        (
            "analog.adc.num_columns_per_adc",
            {"draft": 48, "residual": 16},
            "must be divisible by analog.adc.num_columns_per_adc.draft",
        ),
        (
            "analog.adc.num_columns_per_adc",
            {"draft": 16, "residual": 48},
            "must be divisible by analog.adc.num_columns_per_adc.residual",
        ),
        (
            "library",
            "puma",
            "Unknown hardware library 'puma'; allowed: puma_like_v1, puma_like_v2, ",
        ),
        (
            "analog.adc.draft_bits",
            7,
            "Requested analog.adc.draft_bits=7 is not in the library; Available ADC "
            "bits: 3, 4, ",
        ),
        (
            "analog.adc.residual_bits",
            "7",
            "Requested analog.adc.residual_bits=7 is not in the library; Available "
            "ADC bits: 3, 4, ",
        ),
        (
            "analog.dac_bits",
            3,
            "Requested analog.dac_bits=3 is not in the library; Available DAC bits: ",
        ),
        *(
            (
                f"analog.delta_readout.{phase}",
                {"enabled": True, "dac_bits": 3},
                f"Requested analog.delta_readout.{phase}.dac_bits=3 is not in the "
                "library; Available DAC bits: 1, 2, 4, ",
            )
            for phase in ("draft", "verify")
        ),
        ("library_file", "nowhere.json", "Library source file not found"),
    ],
)
def test_refused_chips(
    errors: Errors, write: Write, path: str, value: object, words: str
) -> None:
    chip = changed({"analog": ANALOG}, path, value)
    write("chip.json", json.dumps(chip, indent=1))
    lines = errors(load_hardware, "chip.json", lenient=True)
    assert words in lines[0]
    assert lines[0].startswith("chip.json:")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('{"lib": ', "Invalid library JSON"),
        ("lib: 1", "Invalid library JSON"),
        ("[1]", "top-level JSON must be an object"),
        ('{"lib": 5}', "lib: got 5; must be a mapping"),
        (
            '{"lib": {"adc": {}, "dac": {}}}',
            "missing required sections: array, digital",
        ),
    ],
)
def test_refused_libraries(
    hardware: Mapping, errors: Errors, write: Write, text: str, words: str
) -> None:
    del hardware["components"]
    write("l.json", text)
    hardware |= {"library": "lib", "library_file": "l.json"}
    write("chip.json", json.dumps(hardware))
    (line,) = errors(load_hardware, "chip.json", lenient=True)
    assert line.startswith("l.json:1: ")
    assert words in line


@pytest.mark.parametrize(
    ("bits", "words"),
    [
        ("four", "other.adc.four: non-integer bit key 'four'; must be an integer > 0."),
        ("0", "other.adc.0: non-positive bit key '0'; must be an integer > 0."),
        ("-4", "other.adc.-4: non-positive bit key '-4'; must be an integer > 0."),
    ],
)
def test_every_library_of_a_file_is_looked_at(
    hardware: Mapping,
    library: Mapping,
    errors: Errors,
    write: Write,
    bits: str,
    words: str,
) -> None:
    del hardware["components"]
    other = changed(library, f"adc.{bits}", library["adc"]["4"])
    write("l.json", json.dumps({"lib": library, "other": other}))
    hardware |= {"library": "lib", "library_file": "l.json"}
    write("chip.json", json.dumps(hardware))
    assert errors(load_hardware, "chip.json", lenient=True) == [f"l.json:1: {words}"]


@pytest.mark.parametrize(
    ("data", "words"),
    [
        ({"histogram": {"0": 1}}, "k: missing"),
        ({"k": -1, "histogram": {"0": 1}}, "k: got -1"),
        ({"k": 2, "histogram": {}}, "must not be empty"),
        ({"k": 2, "histogram": {"3": 1}}, "out of range"),
        ({"k": 2, "histogram": {"-1": 1}}, "out of range"),
        ({"k": 2, "histogram": {"0": -1}}, "non-negative"),
        ({"k": 2, "histogram": {"0": -0.5, "1": 3}}, "non-negative"),
        ({"k": 2, "histogram": {"0": 0}}, "sum must be > 0"),
        ({"k": 2}, "histogram sum must be > 0"),
    ],
)
def test_refused_statistics(errors: Errors, data: Mapping, words: str) -> None:
    (line,) = errors(load_acceptance, data, lenient=True)
    assert words in line


@pytest.mark.parametrize("name", ["stats.txt", "stats", "stats.csv"])
def test_statistics_of_another_suffix(
    errors: Errors, write: Write, burst: Mapping, name: str
) -> None:
    write(name, '{"k": 1, "histogram": {"0": 1}}')
    suffix = Path(name).suffix
    words = f"Unsupported stats format '{suffix}'; allowed: .yaml, .yml, .json."
    assert errors(load_acceptance, Path(name)) == [f"{name}: {words}"]
    burst["acceptance"] = f"./{name}"
    assert errors(load_scenario, burst) == [f"acceptance: {name}: {words}"]


def test_a_negative_prompt(burst: Mapping, errors: Errors) -> None:
    burst["workload"]["prompt_length"] = -1
    (line,) = errors(load_scenario, burst)
    assert line == (
        "workload.prompt_length: got -1; must be an integer between 0 and 100000000. "
        "It needs l_prompt >= 0."
    )
