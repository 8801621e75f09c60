from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from pydantic import ValidationError

from simcore.config import sources
from simcore.config.accounting import AccountingConfig
from simcore.config.load import (
    config_dict,
    config_sha256,
    load_acceptance,
    load_hardware,
    load_model,
    load_scenario,
)
from simcore.config.scenario import ScenarioConfig, scenario_warnings

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]


def test_the_defaults_of_a_scenario(scenario: Mapping) -> None:
    loaded = load_scenario(scenario)
    assert loaded.name == "small"
    assert loaded.schedule == "serialized"
    assert loaded.verification == "full_burst"
    assert loaded.seed == 1
    assert loaded.trace == "auto"
    assert loaded.accounting == AccountingConfig()
    assert loaded.workload.mode == "generation"
    assert loaded.workload.requests == 1
    # The histogram's k.
    assert loaded.workload.draft_length == 5
    assert loaded.warnings == ()


def test_the_schedule_defaults_to_the_hardwares(scenario: Mapping) -> None:
    scenario["hardware"]["soc"] = {"schedule": "layer-pipelined"}
    assert load_scenario(scenario).schedule == "layer-pipelined"
    scenario["schedule"] = "serialized"
    assert load_scenario(scenario).schedule == "serialized"


def test_accounting_is_a_profile_or_switches(scenario: Mapping) -> None:
    scenario["accounting"] = "physical"
    assert load_scenario(scenario).accounting == AccountingConfig()
    scenario["accounting"] = {"profile": "physical", "offset_row": "off"}
    assert load_scenario(scenario).accounting.offset_row == "off"
    scenario["accounting"] = {"tile_parallelism": 16}
    assert load_scenario(scenario).accounting.tile_parallelism == 16


def test_parts_are_files_relative_to_the_scenario(
    write: Write, scenario: Mapping
) -> None:
    write("parts/model.yaml", yaml.safe_dump(scenario["model"]))
    write("parts/chip.yaml", yaml.safe_dump(scenario["hardware"]))
    write("parts/stats.json", json.dumps(scenario["acceptance"]))
    inline = load_scenario(scenario)
    del scenario["name"]
    scenario.update(
        model="../parts/model.yaml",
        hardware="../parts/chip.yaml",
        acceptance="../parts/stats.json",
    )
    write("scenarios/by-file.yaml", yaml.safe_dump(scenario))
    loaded = load_scenario("scenarios/by-file.yaml")
    assert loaded.name == "by-file"
    assert loaded.model == inline.model
    assert loaded.hardware == inline.hardware
    assert loaded.acceptance == inline.acceptance


def test_parts_are_shipped_names(
    write: Write, scenario: Mapping, errors: Errors, monkeypatch: pytest.MonkeyPatch
) -> None:
    write("shipped/toy-chip.yaml", yaml.safe_dump(scenario["hardware"]))

    def shipped(kind: str) -> dict[str, Path]:
        return {"toy-chip": Path("shipped/toy-chip.yaml")}

    monkeypatch.setattr(sources, "shipped_files", shipped)
    monkeypatch.setattr(sources, "shown_path", str)
    scenario["hardware"] = "toy-chip"
    assert load_scenario(scenario).hardware.name == "chip"
    assert load_hardware("toy-chip").name == "chip"
    assert errors(load_hardware, "toy-chp") == [
        "no hardware of this name is shipped; got 'toy-chp'; allowed: toy-chip. "
        "Did you mean 'toy-chip'?"
    ]
    assert errors(load_hardware, "zzz") == [
        "no hardware of this name is shipped; got 'zzz'; allowed: toy-chip. "
        "For a file, give its path."
    ]
    assert errors(load_hardware, "toy-chip.yaml") == [
        "toy-chip.yaml: file not found. Did you mean the shipped hardware 'toy-chip'?"
    ]
    write("s.yaml", "# one\nhardware: toy-chp\nmodel: 5\nacceptance:\n  file: ''\n")
    assert errors(load_scenario, "s.yaml") == [
        "s.yaml:2: hardware: no hardware of this name is shipped; got 'toy-chp'; "
        "allowed: toy-chip. Did you mean 'toy-chip'?",
        "s.yaml:2: workload: missing; must be a mapping.",
        "s.yaml:3: model: got 5; must be a mapping.",
        "s.yaml:5: acceptance.file: got ''; must be a path or a shipped name.",
    ]


def test_a_file_without_a_suffix_is_found_too(write: Write, model: Mapping) -> None:
    write("some-model", yaml.safe_dump(model))
    assert load_model("some-model").name == "toy"
    assert load_model(Path("some-model")).name == "toy"


def test_built_objects_pass_through(scenario: Mapping) -> None:
    whole = load_scenario(scenario)
    assert load_scenario(whole) is whole
    built = load_scenario(
        {
            **scenario,
            "model": load_model(scenario["model"]),
            "hardware": load_hardware(scenario["hardware"]),
            "acceptance": load_acceptance(scenario["acceptance"]),
            "accounting": AccountingConfig(),
            "workload": whole.workload,
        }
    )
    assert built == whole
    assert load_model(whole.model) is whole.model
    assert load_acceptance(whole.acceptance) is whole.acceptance


def test_resolved_scenarios_load_to_an_equal_object(scenario: Mapping) -> None:
    scenario["model"]["draft_policy"] = {"per_layer": {"1": {"wo": "full"}}}
    scenario["acceptance"]["label"] = "proxy: different drafter"
    whole = load_scenario(scenario)
    text = json.dumps(config_dict(whole))
    assert load_scenario(json.loads(text)) == whole


def test_an_override_on_a_file_that_is_no_mapping(
    write: Write, scenario: Mapping, errors: Errors
) -> None:
    write("m.yaml", "- 1")
    scenario["model"] = {"file": "m.yaml", "n_layers": 3}
    assert errors(load_scenario, scenario) == [
        "m.yaml:1: model: got a list of 1 items; must be a mapping."
    ]


def test_the_hash_sees_results_and_not_provenance(scenario: Mapping) -> None:
    first = load_scenario(scenario)
    assert len(config_sha256(first)) == 64
    assert config_sha256(first) == config_sha256(load_scenario(config_dict(first)))
    other = load_scenario({**scenario, "seed": 2})
    assert config_sha256(other) != config_sha256(first)
    scenario["hardware"]["analog"]["xbar_size"] = {
        "value": 128,
        "status": "assumed",
        "source": "x",
    }
    assert config_sha256(load_scenario(scenario)) == config_sha256(first)
    scenario["hardware"]["analog"]["xbar_size"] = 64
    assert config_sha256(load_scenario(scenario)) != config_sha256(first)
    assert (
        config_sha256(first.model)
        == hashlib.sha256(
            json.dumps(
                config_dict(first.model), sort_keys=True, separators=(",", ":")
            ).encode()
        ).hexdigest()
    )


def test_the_hash_is_the_same_in_every_process(write: Write, scenario: Mapping) -> None:
    write("s.json", json.dumps(scenario))
    program = (
        "from simcore.config.load import config_sha256, load_scenario;"
        "print(config_sha256(load_scenario('s.json')))"
    )
    path = os.pathsep.join([str(Path(sources.__file__).parents[2]), *sys.path])
    found = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": path},
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
        for seed in ("0", "1")
    }
    assert found == {config_sha256(load_scenario("s.json"))}


# Rules between the parts.


def test_a_smaller_draft_length_is_accepted_with_a_warning(scenario: Mapping) -> None:
    scenario["workload"]["draft_length"] = 3
    (warning,) = load_scenario(scenario).warnings
    assert warning == (
        "draft_length 3 is below the k = 5 of the acceptance: min(a, 3) is used, "
        "which is biased; a position replay serves any draft_length."
    )


def test_a_chain_is_biased_at_a_smaller_draft_length_and_idle_in_mode_burst(
    scenario: Mapping,
) -> None:
    chain = {"kind": "markov", "k": 1, "transitions": [[3, 1], [1, 3]]}
    scenario["acceptance"] = chain
    scenario["workload"] = {"mode": "burst", "prompt_length": 16, "draft_length": 0}
    biased, idle = load_scenario(scenario).warnings
    assert biased.startswith("draft_length 0 is below the k = 1 of the acceptance")
    assert idle == (
        "In mode burst every burst is the first of its request: bursts do not depend "
        "on each other, whatever acceptance.transitions says."
    )


def test_a_prompt_beyond_the_models_positions_is_a_warning(scenario: Mapping) -> None:
    scenario["model"]["max_position_embeddings"] = 20
    (warning,) = scenario_warnings(load_scenario(scenario))
    assert warning == (
        "prompt_length + max_tokens = 24 is beyond the model's "
        "max_position_embeddings (20)."
    )


@pytest.mark.parametrize(
    ("acceptance", "draft_length"),
    [
        ({"kind": "geometric", "rate": 0.5}, 9),
        ({"kind": "position_replay", "requests": [[1]]}, 9),
        ({"kind": "fixed", "accepted": 3}, 3),
        ({"k": 5, "histogram": {"0": 1}}, 5),
        ({"kind": "burst_replay", "k": 5, "requests": [[5]]}, 0),
    ],
)
def test_draft_lengths_an_acceptance_serves(
    scenario: Mapping, acceptance: Mapping, draft_length: int
) -> None:
    scenario["acceptance"] = acceptance
    scenario["workload"]["draft_length"] = draft_length
    assert load_scenario(scenario).workload.draft_length == draft_length


@pytest.mark.parametrize("limit", [26, None])
def test_a_context_that_just_fits(scenario: Mapping, limit: int | None) -> None:
    scenario["hardware"]["memory"] = {"kv_cache": {"max_context_tokens": limit}}
    # burst: 20 + 5 + 1; generation: 13 + 8 + 5
    scenario["workload"] = {"mode": "burst", "prompt_length": 20}
    assert load_scenario(scenario).workload.max_tokens is None
    scenario["workload"] = {"prompt_length": 13, "max_tokens": 8}
    assert load_scenario(scenario).workload.max_tokens == 8


PROBLEMS: list[tuple[Mapping, str]] = [
    (
        {"workload.draft_length": 6},
        "workload.draft_length: got 6; must be at most 5, the k of the acceptance. "
        "Nothing is known beyond it; measure at a larger k.",
    ),
    (
        {
            "acceptance": {"kind": "burst_replay", "k": 2, "requests": [[1]]},
            "workload.draft_length": 3,
        },
        "workload.draft_length: got 3; must be at most 2, the k of the acceptance.",
    ),
    (
        {
            "acceptance": {"kind": "fixed", "accepted": 4},
            "workload.draft_length": 3,
        },
        "acceptance.accepted: got 4; must be at most workload.draft_length (3).",
    ),
    (
        {"acceptance": {"kind": "geometric", "rate": 0.5}},
        "workload.draft_length: missing; must be an integer between 0 and 1024.",
    ),
    (
        {"workload.draft_length": -1},
        "workload.draft_length: got -1; must be an integer between 0 and 1024.",
    ),
    (
        {"workload.max_tokens": None},
        "workload.max_tokens: missing; required with mode 'generation'.",
    ),
    (
        {"workload.mode": "burst"},
        "workload.max_tokens: got 8; must be absent with mode 'burst'. A burst is "
        "one request; use workload.requests.",
    ),
    (
        {"workload.mode": "burts"},
        "workload.mode: got 'burts'; allowed: generation, burst. Did you mean 'burst'?",
    ),
    (
        {"workload.prompt_length": 0},
        "workload.prompt_length: got 0; must be an integer between 1 and 100000000.",
    ),
    (
        {"workload.requests": 1e9},
        "workload.requests: got 1000000000.0; must be an integer between 1 and "
        "100000000. Write 1000000000, without a point or exponent.",
    ),
    (
        {"hardware.memory": {"kv_cache": {"max_context_tokens": 28}}},
        "workload.prompt_length: Max context capacity exceeded; got prompt_length + "
        "max_tokens + draft_length = 29; must be at most "
        "hardware.memory.kv_cache.max_context_tokens (28).",
    ),
    (
        {
            "hardware.memory": {"kv_cache": {"max_context_tokens": 25}},
            "workload": {"mode": "burst", "prompt_length": 20},
        },
        "workload.prompt_length: Max context capacity exceeded; got prompt_length + "
        "draft_length + 1 = 26; must be at most "
        "hardware.memory.kv_cache.max_context_tokens (25).",
    ),
    (
        {"model.sliding_window": 6},
        "model.sliding_window: got 6; must be > draft_length + 1 (6).",
    ),
    (
        {
            "model.d_model": 60,
            "model.head_dim": 8,
            "accounting": {"head_dim": "derived"},
        },
        "accounting.head_dim: got 'derived'; needs d_model (60) that must be "
        "divisible by n_heads (8). Use explicit.",
    ),
    (
        {"seed": -1},
        "seed: got -1; must be an integer between 0 and 9223372036854775807",
    ),
    ({"seed": 2**63}, "seed: got 9223372036854775808; must be an integer between 0"),
    (
        {"schedule": "pipelined"},
        "schedule: got 'pipelined'; must be one of serialized, layer-pipelined, "
        "prefetch, overlap or null. Did you mean 'layer-pipelined'?",
    ),
    (
        {"trace": "ful"},
        "trace: got 'ful'; allowed: auto, none, bursts, sample, full. Did you mean "
        "'full'?",
    ),
    (
        {"verification": "stop_at_once"},
        "verification: got 'stop_at_once'; allowed: full_burst, stop_at_mismatch.",
    ),
    (
        {"accounting": "physicall"},
        "accounting.profile: got 'physicall'; allowed: physical, selfspec-calculator. "
        "Did you mean 'physical'?",
    ),
    (
        {"accounting": {"offset_row": True}},
        "accounting.offset_row: got true; allowed: on, off. Write on.",
    ),
    (
        {"accounting": {"tile_parallelism": "fast"}},
        "accounting.tile_parallelism: got 'fast'; must be one of serial, matrix, all "
        "or an integer between 1 and 1000000.",
    ),
    (
        {"model": {"file": 5}},
        "model.file: got 5; must be a path or a shipped name.",
    ),
    ({"accounting": 5}, "accounting: got 5; must be a mapping."),
    ({"stream": 4}, "stream: unknown field. Did you mean 'streams'?"),
    ({"streams": 0}, "streams: got 0; must be an integer between 1 and 100000."),
    (
        {"streams": 3, "workload.requests": 4},
        "workload.requests: got 4; must be a multiple of streams (3).",
    ),
    ({"arrival": "now"}, "arrival.kind: got 'now'; allowed: all_at_once, poisson"),
    ({"arrival": {"kind": "poisson"}}, "arrival.rate_per_s: missing; required with"),
    (
        {"arrival": {"rate_per_s": 5.0}},
        "arrival.rate_per_s: got 5.0; must be absent with kind 'all_at_once'.",
    ),
    (
        {"arrival": {"kind": "trace", "times_ns": [1.0, 2.0]}},
        "arrival.times_ns: got 2 times; must be one time for each of streams (1)",
    ),
    ({"jitter_cv": -1}, "jitter_cv: got -1; must be a number between 0 and 10."),
    (
        {"schedule": "overlap", "accounting": "selfspec-calculator"},
        "schedule: got 'overlap'; must be serialized or layer-pipelined with profile",
    ),
    ({"workload": 5}, "workload: got 5; must be a mapping."),
    ({"model": None}, "model: got null; must be a mapping."),
    ({"name": ""}, "name: got ''; must be text of 1 to 200 characters"),
]


@pytest.mark.parametrize(("change", "message"), PROBLEMS)
def test_problems_of_a_scenario(
    scenario: Mapping, errors: Errors, change: Mapping, message: str
) -> None:
    for dotted, value in change.items():
        *above, last = dotted.split(".")
        target = scenario
        for key in above:
            target = target[key]
        target[last] = value
    (line,) = errors(load_scenario, scenario)
    assert line.startswith(message)


def test_a_missing_part_is_told(scenario: Mapping, errors: Errors) -> None:
    for part in ("model", "hardware", "acceptance", "workload"):
        rest = {key: value for key, value in scenario.items() if key != part}
        (line,) = errors(load_scenario, rest)
        assert line.startswith(f"{part}: missing")


def test_every_problem_of_every_file_comes_in_one_error(
    write: Write, scenario: Mapping, errors: Errors
) -> None:
    write(
        "m.yaml",
        "n_layers: 2\nd_model: 64\nn_heads: 8\nactivation_bits: 12\n"
        "sliding_window: 4\n",
    )
    hardware = scenario["hardware"]
    hardware["analog"]["adc"]["draft_bits"] = 7
    write("h.json", json.dumps(hardware, indent=1))
    write("a.json", '{"k": 5,\n "histogram": {"6": 1}}')
    write(
        "s.yaml",
        "model: m.yaml\nhardware: h.json\nacceptance: a.json\n"
        "workload:\n  prompt_length: 16\n  max_token: 8\n  draft_length: 3\n"
        "seed: on\nseed: 4\nextras: {}\n",
    )
    lines = errors(load_scenario, "s.yaml")
    assert [line.split(";")[0] for line in lines] == [
        "a.json:2: acceptance.histogram.6: histogram bin 6 is out of range",
        "h.json:52: hardware.analog.adc.draft_bits: Requested "
        "analog.adc.draft_bits=7 is not in the library",
        "s.yaml:6: workload.max_token: unknown field. Did you mean 'max_tokens'?",
        "s.yaml:8: seed: got 'on'",
        "s.yaml:9: seed: key given twice",
        "s.yaml:10: extras: unknown field. Known: description, accounting, workload, "
        "verification, streams, arrival, jitter_cv, seed, trace, trace_requests, "
        "shard_replications, engine, name, model, hardware, acceptance, schedule, "
        "sweep.",
    ]
    # With the rest in order, rules between files are told in the file to change.
    write("a.json", '{"k": 5, "histogram": {"5": 1}}')
    hardware["analog"]["adc"]["draft_bits"] = 4
    write("h.json", json.dumps(hardware))
    write(
        "s.yaml",
        "model: m.yaml\nhardware: h.json\nacceptance: a.json\nseed: -1\n"
        "workload: {prompt_length: 16, max_tokens: 8, draft_length: 3}\n",
    )
    assert [line.split(";")[0] for line in errors(load_scenario, "s.yaml")] == [
        "m.yaml:5: model.sliding_window: got 4",
        "s.yaml:4: seed: got -1",
    ]


def test_a_file_that_cannot_be_read_is_told_where_it_is_named(
    write: Write, errors: Errors
) -> None:
    write("folder/x.txt", "")
    write("bad.json", b"\xff")
    write(
        "s.yaml",
        "model: nothing.yaml\nhardware: ./folder\nacceptance: bad.json\n"
        "workload: {prompt_length: 1, max_tokens: 1}\n",
    )
    assert errors(load_scenario, "s.yaml") == [
        "s.yaml:1: model: nothing.yaml: file not found.",
        "s.yaml:2: hardware: folder: is a folder, not a file.",
        "s.yaml:3: acceptance: bad.json: not UTF-8 text (byte 0).",
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("- 1", "s.yaml:1: got a list of 1 items; must be a mapping."),
        ("null", "s.yaml:1: got null; must be a mapping."),
        ("hello", "s.yaml:1: got 'hello'; must be a mapping."),
        ("", "s.yaml: the file is empty."),
    ],
)
def test_a_scenario_that_is_no_mapping(
    write: Write, errors: Errors, content: str, message: str
) -> None:
    write("s.yaml", content)
    assert errors(load_scenario, "s.yaml") == [message]


@pytest.mark.parametrize("source", [None, 5, b"x", ["a"]])
def test_what_cannot_be_loaded(errors: Errors, source: object) -> None:
    (line,) = errors(load_scenario, source)
    assert line.startswith("cannot load a scenario; got ")
    assert line.endswith("must be a path, a shipped name or a mapping.")


def test_direct_construction_checks_the_parts_too(scenario: Mapping) -> None:
    whole = load_scenario(scenario)
    fields = {name: getattr(whole, name) for name in ScenarioConfig.model_fields}
    workload = whole.workload.model_copy(update={"draft_length": 6})
    with pytest.raises(ValidationError, match="must be at most 5"):
        ScenarioConfig.model_validate({**fields, "workload": workload})
