"""The JSON Schemas: tracked, named by the files they describe, and true of them."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from jsonschema import Draft7Validator

from simcore.config.files import read_document
from simcore.config.json_schema import (
    SCHEMA_KINDS,
    SchemaKind,
    file_name,
    json_schema,
    schema_text,
)
from simcore.config.shipped import data_root, library_files, shipped_files

ROOT = data_root()
SHIPPED: list[tuple[SchemaKind, Path]] = [
    (kind, path)
    for kind in ("model", "hardware", "acceptance", "scenario")
    for path in shipped_files(kind).values()
] + [("library", path) for path in library_files()]
MARK = "# yaml-language-server: $schema="


def problems(kind: SchemaKind, data: Any) -> list[str]:
    validator = Draft7Validator(json_schema(kind))
    return [
        f"{'.'.join(map(str, e.absolute_path))}: {e.message[:200]}"
        for e in validator.iter_errors(data)
    ]


def shipped(kind: SchemaKind, name: str) -> Any:
    return read_document(shipped_files(kind)[name]).data  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", SCHEMA_KINDS)
def test_the_tracked_schema_is_what_the_classes_say(kind: SchemaKind) -> None:
    tracked = (ROOT / "schemas" / file_name(kind)).read_text(encoding="utf-8")
    hint = "stale: run `simcore schema --out schemas --force`"
    assert json.loads(tracked) == json_schema(kind), hint
    assert tracked == schema_text(kind), hint


@pytest.mark.parametrize("kind", SCHEMA_KINDS)
def test_a_schema_is_one_and_every_reference_is_in_it(kind: SchemaKind) -> None:
    schema = json_schema(kind)
    Draft7Validator.check_schema(schema)
    for definition in schema["definitions"].values():
        Draft7Validator.check_schema(definition)
    used = {item for key, item in walk(schema) if key == "$ref"}
    assert used == {f"#/definitions/{name}" for name in schema["definitions"]}


def walk(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield key, item
            yield from walk(item)
    elif isinstance(value, list):
        for item in value:
            yield from walk(item)


@pytest.mark.parametrize(("kind", "path"), SHIPPED, ids=lambda x: getattr(x, "stem", x))
def test_every_shipped_file_holds_against_its_schema(
    kind: SchemaKind, path: Path
) -> None:
    assert problems(kind, read_document(path).data) == []


@pytest.mark.parametrize(
    ("kind", "path"),
    [pair for pair in SHIPPED if pair[1].suffix == ".yaml"],
    ids=lambda x: getattr(x, "stem", x),
)
def test_every_shipped_yaml_names_its_schema_in_the_first_line(
    kind: SchemaKind, path: Path
) -> None:
    first = path.read_text(encoding="utf-8").splitlines()[0]
    assert first.startswith(MARK)
    target = (path.parent / first.removeprefix(MARK)).resolve()
    assert target == (ROOT / "schemas" / file_name(kind)).resolve()


@pytest.mark.parametrize("kind", SCHEMA_KINDS)
def test_every_field_has_a_description_and_physical_ones_a_unit(
    kind: SchemaKind,
) -> None:
    schema = json_schema(kind)
    for place in (schema, *schema["definitions"].values()):
        for name, field in place.get("properties", {}).items():
            if name != "value":
                assert field.get("description") or "$ref" in field, name
            if "_pj" in name or "_ns" in name or "_mm2" in name:
                assert field["x-unit"], name


def test_units_and_ranges_are_those_of_the_classes() -> None:
    schema = json_schema("hardware")
    memory = schema["definitions"]["MemoryTechnology"]["properties"]
    assert memory["read_energy_pj_per_byte"]["x-unit"] == "pJ/byte"
    assert memory["read_bandwidth_GBps"]["x-unit"] == "GB/s"
    latency = schema["definitions"]["ConverterSpec"]["properties"]
    name = latency["latency_ns_per_conversion"]["allOf"][0]["$ref"]
    number = schema["definitions"][name.rpartition("/")[2]]["anyOf"][0]
    assert number == {"type": "number", "minimum": 0, "maximum": 1e15}


ANALOG = {
    "xbar_size": 128,
    "dac_bits": 4,
    "num_columns_per_adc": 16,
    "adc": {"draft_bits": 4, "residual_bits": 12},
}


@pytest.mark.parametrize(
    ("number", "holds"),
    [
        (0.25, True),
        ({"value": 0.25, "status": "published", "source": "a table"}, True),
        (-0.25, False),
        ({"value": -0.25, "status": "published", "source": "a table"}, False),
        ({"value": 0.25, "status": "guessed", "source": "a table"}, False),
        ({"value": 0.25, "status": "published"}, False),
        ({"value": 0.25, "status": "assumed", "source": "x", "unit": "pJ"}, False),
        ("0.25", False),
    ],
)
def test_a_hardware_number_may_say_where_it_is_from(number: Any, holds: bool) -> None:
    chip = {"analog": ANALOG, "soc": {"control": {"energy_pj_per_token": number}}}
    assert (problems("hardware", chip) == []) is holds


def test_a_number_of_a_model_may_not() -> None:
    model = copy.deepcopy(shipped("model", "tiny"))
    model["n_layers"] = {"value": 2, "status": "assumed", "source": "x"}
    assert problems("model", model)


@pytest.mark.parametrize(
    ("chip", "holds"),
    [
        ({"analog": ANALOG}, True),
        ({"library": "puma_like_v1"}, False),
        ({"analog": ANALOG, "libary": "puma_like_v1"}, False),
        ({"analog": ANALOG, "provenance": {}}, False),
        ({"analog": ANALOG, "memory": {"kv_cache": {"hbm": {}}}}, True),
        ({"analog": {**ANALOG, "dac_bits": 0}}, False),
        ({"analog": ANALOG, "leakage_power": {"tia_nw": 1}}, True),
    ],
)
def test_a_chip_as_written_needs_one_form_and_known_names(
    chip: dict[str, Any], holds: bool
) -> None:
    assert (problems("hardware", chip) == []) is holds


def test_what_a_library_cannot_set_is_refused_there() -> None:
    library = copy.deepcopy(shipped("hardware", "toy-ideal"))["components"]
    assert problems("library", {"mine": library}) == []
    library["soc"]["schedule"] = "serialized"
    assert problems("library", {"mine": library})
    del library["soc"]["schedule"]
    library["memory"]["kv_cache"] = {}
    assert problems("library", {"mine": library})
    del library["memory"]["kv_cache"]
    library["adc"]["four"] = library["adc"]["4"]
    assert problems("library", {"mine": library})


@pytest.mark.parametrize(
    ("acceptance", "holds"),
    [
        ({"k": 2, "histogram": {"0": 1, "2": 3.5}}, True),
        ({"kind": "histogram", "k": 2, "histogram": {"0": 1}}, True),
        ({"kind": "fixed", "accepted": 2}, True),
        ({"accepted": 2}, False),
        ({"rate": 0.5}, False),
        ({"kind": "geometric", "rate": 1.5}, False),
        ({"kind": "burst_replay", "k": 3, "requests": [[]]}, False),
        ({"kind": "burst_replay", "k": 3, "requests": [[1, 3]]}, True),
        ({"kind": "markov", "k": 1, "transitions": [[1, 2], [3, 4]]}, True),
        ({"kind": "markov", "k": 1, "transitions": [1, 2]}, False),
    ],
)
def test_acceptance_is_told_apart_by_kind(acceptance: Any, holds: bool) -> None:
    assert (problems("acceptance", acceptance) == []) is holds


@pytest.mark.parametrize(
    ("change", "holds"),
    [
        ({}, True),
        ({"model": shipped("model", "tiny")}, True),
        ({"model": {"file": "m.yaml", "activation_bits": 8}}, True),
        ({"model": {"file": "m.yaml", "activation_bit": 8}}, False),
        ({"model": {"model_type": "llama", "hidden_size": 64}}, True),
        ({"model": 3}, False),
        ({"hardware": {"analog": ANALOG}}, True),
        ({"hardware": {"file": "h.yaml", "analog": {"dac_bits": 2}}}, True),
        ({"hardware": {"file": "h.yaml", "analogue": {}}}, False),
        ({"hardware": shipped("hardware", "residual-analog-22nm")}, True),
        ({"acceptance": {"kind": "fixed", "accepted": 1}}, True),
        ({"acceptance": {"file": "a.yaml", "rate": 0.5}}, True),
        ({"acceptance": ""}, False),
        ({"accounting": "selfspec-calculator"}, True),
        ({"accounting": {"profile": "physical", "tile_parallelism": 4}}, True),
        ({"accounting": "phisical"}, False),
        ({"accounting": {"tile_parallelism": "some"}}, False),
        ({"schedule": "parallel"}, False),
        ({"workload": {"prompt_length": 8, "max_tokens": 8}}, True),
        ({"workload": {"max_tokens": 8}}, False),
    ],
)
def test_a_scenario_names_its_parts_or_holds_them(
    change: dict[str, Any], holds: bool
) -> None:
    assert (problems("scenario", {**shipped("scenario", "tiny"), **change}) == []) is (
        holds
    )
