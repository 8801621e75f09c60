"""Every field of every configuration class is found, has a meaning and an example."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path

import pytest
from pydantic import BaseModel, TypeAdapter, ValidationError

import simcore
import simcore.config
from simcore.config.base import FrozenConfig
from simcore.config.field_examples import example_of
from simcore.config.field_tree import FieldEntry, fields
from simcore.config.field_uses import all_uses, use_of
from simcore.config.fields import find_field
from simcore.errors import ConfigError

TREE = fields()
WRITTEN = [e for e in TREE.values() if e.written and e.path and not e.children]
PACKAGE = Path(simcore.__file__).parent


def config_classes() -> list[type[BaseModel]]:
    for module in pkgutil.iter_modules(simcore.config.__path__, "simcore.config."):
        importlib.import_module(module.name)
    found, waiting = [], [FrozenConfig]
    while waiting:
        below = waiting.pop().__subclasses__()
        found += below
        waiting += below
    # A class that only gives its fields to others is walked through those.
    return [m for m in found if m.__module__.startswith("simcore.config")]


def is_base(model: type[BaseModel]) -> bool:
    return model.__name__.startswith("_") or bool(model.__subclasses__())


def fits(entry: FieldEntry, value: object) -> bool:
    for annotation in entry.annotations:
        try:
            TypeAdapter(annotation).validate_python(value)
        except ValidationError:
            continue
        return True
    return False


def test_every_field_of_every_class_is_in_the_tree():
    reached = {owner for entry in TREE.values() for owner in entry.owners}
    missing = [
        f"{model.__name__}.{name}"
        for model in config_classes()
        if not is_base(model)
        for name in model.model_fields
        if (model, name) not in reached
    ]
    assert missing == []


def test_the_walk_sees_the_classes_that_matter():
    names = {model.__name__ for model in config_classes()}
    assert {
        "HardwareConfig",
        "LeakagePowerConfig",
        "HbmChannelConfig",
        "ModelFile",
        "ScenarioFile",
        "AccountingConfig",
        "ArrivalConfig",
        "PositionReplayAcceptance",
        "LibraryFile",
    } <= names


@pytest.mark.parametrize("path", [path for path in TREE if path])
def test_a_field_says_what_it_means_and_is_found_by_its_path(path):
    entry = find_field(path)
    assert entry is TREE[path]
    for form in entry.forms:
        assert form.meaning
        assert len(f"{form.meaning} {entry.about}".split()) > 1
        assert form.allowed
        assert form.default


@pytest.mark.parametrize("entry", WRITTEN, ids=lambda entry: entry.path)
def test_an_example_is_a_value_that_the_field_takes(entry):
    example = example_of(entry)
    assert example is not None
    assert fits(entry, example.value), example


def test_a_wrong_example_would_be_noticed():
    entry = find_field("workload.draft_length")
    assert not fits(entry, -1)
    assert not fits(entry, "five")
    assert fits(entry, 5)


def test_examples_come_from_shipped_files_with_their_source():
    example = example_of(find_field("hardware.memory.sram.read_energy_pj_per_byte"))
    assert example is not None
    assert example.file == "hardware/residual-analog-22nm.yaml"
    assert example.status == "derived"
    assert "CACTI 7" in (example.source or "")
    shipped = sum(example_of(e).file is not None for e in WRITTEN)  # type: ignore[union-attr]
    assert shipped > 0.6 * len(WRITTEN)


def test_uses_name_modules_that_are_there():
    for use in all_uses():
        assert use.effect
        for module in use.modules:
            assert (PACKAGE / module).is_file(), module


def test_every_use_is_that_of_some_field():
    reached = {use_of(path) for path in TREE}
    assert [use for use in all_uses() if use not in reached] == []


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("scenario.seed", "seed"),
        ("draft_length", "workload.draft_length"),
        ("memory.hbm.model", "hardware.memory.hbm.model"),
        ("library.adc.8", "hardware.components.adc.*"),
        (
            "hardware.components.adc.8.area_mm2_per_unit",
            "hardware.components.adc.*.area_mm2_per_unit",
        ),
        ("layer_windows[0]", "model.layer_windows"),
        ("acceptance.histogram.3", "acceptance.histogram"),
        ("leakage_power.tia_nw", "hardware.leakage_power.tia_nw"),
    ],
)
def test_other_ways_to_name_a_field(text, path):
    assert find_field(text).path == path


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "workload.draft_lenght",
            "workload.draft_lenght: there is no such field; workload has: mode, "
            "prompt_length, draft_length, max_tokens, requests. Did you mean "
            "'draft_length'?",
        ),
        (
            "hardware.components.digital.features.nrm",
            "kv_unpack, rope, sampling, kv_cache_update. Did you mean 'norm'?",
        ),
        ("draft_lenght", "Did you mean 'draft_length'?"),
        ("seed.more", "seed.more: there is no such field; seed has no fields."),
        ("", "a scenario has: "),
        ("*", "a scenario has: "),
        ("..", "a scenario has: "),
        (
            "energy_pj_per_conversion",
            "energy_pj_per_conversion: the name of several fields; allowed: "
            "hardware.components.adc.*.energy_pj_per_conversion, ",
        ),
        ("\x1b[31m" * 1000, "there is no such field"),
    ],
)
def test_what_is_no_field_is_told_with_what_there_is(text, message):
    with pytest.raises(ConfigError) as caught:
        find_field(text)
    assert message in str(caught.value)
    assert "\x1b" not in str(caught.value)
    assert len(str(caught.value)) < 4000


def test_kinds_of_acceptance_keep_their_own_meaning():
    forms = find_field("acceptance.requests").forms
    assert [form.kind for form in forms] == ["burst_replay", "position_replay"]
    assert "bonus excluded" in forms[0].meaning
    assert "bonus included" in forms[1].meaning
    assert find_field("acceptance.label").forms[0].kind is None


def test_defaults_are_those_of_the_classes_or_of_the_loader():
    def default(path: str) -> str:
        return find_field(path).forms[0].default

    assert default("workload.prompt_length") == "required"
    assert default("workload.draft_length") == "the k of the acceptance"
    assert default("accounting.lm_head") == "analog"
    assert default("jitter_cv") == "0"
    assert default("model.rotary") == "true"
    assert default("hardware.memory.hbm.capacity_bytes") == "null"


def test_what_resolving_fills_in_is_said_to_be_written_by_nobody():
    assert not find_field("hardware.provenance").written
    assert not find_field("hardware.components.adc_draft").written
    assert find_field("hardware.components.adc").written
