"""JSON Schema of the files as people write them, for editors and other tools.

Generated from the configuration classes, so that ranges and descriptions are theirs.
Draft 7: the newest one that editors understand whole. What a schema cannot say (rules
between fields) is still checked when the file is loaded.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any, Literal, get_args

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, models_json_schema
from pydantic_core import core_schema

from simcore.config.acceptance import ACCEPTANCE_KINDS
from simcore.config.accounting import PROFILES, AccountingConfig
from simcore.config.field_units import unit_of
from simcore.config.hardware import FEATURES, HardwareConfig
from simcore.config.library import LibraryFile
from simcore.config.model import ModelFile
from simcore.config.scenario import ScenarioFile

SchemaKind = Literal["model", "hardware", "acceptance", "scenario", "library"]
#: The kinds of files that have a schema.
SCHEMA_KINDS: tuple[SchemaKind, ...] = get_args(SchemaKind)

_DRAFT = "http://json-schema.org/draft-07/schema#"
_REF = "#/definitions/"
_STATUSES = ("measured", "published", "derived", "assumed")

Schema = dict[str, Any]

#: What the loader takes from the scenario's or hardware's own sections only.
_NOT_IN_A_LIBRARY = {
    "soc": ("schedule", "attention_cim_units"),
    "memory": ("kv_cache",),
}


def file_name(kind: SchemaKind) -> str:
    """Name of the file that holds a schema."""
    return f"{kind}.schema.json"


def schema_text(kind: SchemaKind) -> str:
    """A schema as it is written to a file."""
    return json.dumps(json_schema(kind), indent=1, sort_keys=False) + "\n"


def json_schema(kind: SchemaKind) -> Schema:
    """Schema of one kind of file.

    Parameters
    ----------
    kind : str
        One of `SCHEMA_KINDS`.

    Returns
    -------
    dict
        With every definition it refers to.
    """
    definitions, top = _TOPS[kind]()
    definitions = {
        name: definitions[name] for name in sorted(_reached(top, definitions))
    }
    whole = {
        "$schema": _DRAFT,
        "title": f"simcore {kind}",
        **top,
        "definitions": definitions,
    }
    finished: Schema = _finished(whole)
    return finished


# The kinds.


def _model() -> tuple[Schema, Schema]:
    definitions = _generated(ModelFile)
    return definitions, _taken(definitions, "ModelFile")


def _acceptance() -> tuple[Schema, Schema]:
    classes = list(ACCEPTANCE_KINDS.values())
    definitions = _generated(*classes)
    for tag, model in ACCEPTANCE_KINDS.items():
        # A stats.json has no kind: a histogram is recognised by its key.
        if tag != "histogram":
            definitions[model.__name__].setdefault("required", []).append("kind")
    return definitions, {
        "description": "How many drafted tokens a burst accepts.",
        "anyOf": [{"$ref": _REF + model.__name__} for model in classes],
    }


def _hardware() -> tuple[Schema, Schema]:
    definitions = _generated(HardwareConfig, LibraryFile)
    top = _taken(definitions, "HardwareConfig")
    top["description"] = "One accelerator, as written."
    fields = top["properties"]
    fields["components"] = {
        "description": "Components of this chip, in the shape of one library.",
        "$ref": f"{_REF}LibraryFile",
    }
    fields["name"]["description"] = "Name in reports; default: the file's name."
    top.pop("required", None)
    top["anyOf"] = [{"required": ["analog"]}, {"required": ["costs"]}]
    _open_library(definitions)
    annotated: Schema = {}
    for schema in (top, *definitions.values()):
        _annotate(schema, annotated)
    return {**definitions, **annotated}, top


def _library() -> tuple[Schema, Schema]:
    definitions, _ = _hardware()
    return definitions, {
        "description": "Component libraries by name.",
        "type": "object",
        "additionalProperties": {"$ref": f"{_REF}LibraryFile"},
    }


def _scenario() -> tuple[Schema, Schema]:
    definitions = _generated(ScenarioFile, AccountingConfig)
    top = _taken(definitions, "ScenarioFile")
    fields = top["properties"]
    parts = {"model": _model, "hardware": _hardware, "acceptance": _acceptance}
    for name, make in parts.items():
        own, inline = make()
        definitions |= own
        definitions[name] = inline
        over = _laid_over(inline, own)
        definitions[f"{name}_of_file"] = over
        fields[name] = {
            "description": fields[name]["description"],
            "anyOf": [
                {
                    "type": "string",
                    "minLength": 1,
                    "description": "A shipped name, or a path relative to this file.",
                },
                {"$ref": _REF + name},
                {"$ref": f"{_REF}{name}_of_file"},
            ],
        }
    fields["model"]["anyOf"].append(
        {
            "description": "The content of a Hugging Face config.json.",
            "type": "object",
            "required": ["model_type"],
        }
    )
    fields["accounting"] = {
        "description": "Modelling switches: a profile, or a mapping of switches.",
        "anyOf": [
            {"enum": list(PROFILES)},
            {"$ref": f"{_REF}AccountingConfig"},
        ],
    }
    fields["arrival"] = {
        "description": fields["arrival"]["description"],
        "anyOf": [
            {"enum": definitions["ArrivalConfig"]["properties"]["kind"]["enum"]},
            {"$ref": f"{_REF}ArrivalConfig"},
        ],
    }
    # Left out, it is the k of the acceptance.
    workload = definitions["WorkloadConfig"]
    workload["required"].remove("draft_length")
    length = workload["properties"]["draft_length"]
    bounds = {key: length.pop(key) for key in ("type", "minimum", "maximum")}
    length["anyOf"] = [bounds, {"type": "null"}]
    return definitions, top


_TOPS: dict[SchemaKind, Callable[[], tuple[Schema, Schema]]] = {
    "model": _model,
    "hardware": _hardware,
    "acceptance": _acceptance,
    "scenario": _scenario,
    "library": _library,
}


def _laid_over(inline: Schema, definitions: Schema) -> Schema:
    """A file, and values that replace some of its own."""
    one = "properties" in inline
    alternatives = (
        [inline]
        if one
        else [definitions[each.removeprefix(_REF)] for each in _references(inline)]
    )
    fields: Schema = {}
    for alternative in alternatives:
        for name, field in alternative["properties"].items():
            # A part of a section is enough here, and fields may belong to any kind.
            whole = any(
                definitions[reached].get("required")
                for reached in _reached(field, definitions)
            )
            about = {"description": field.get("description", "")}
            fields[name] = field if one and not whole else about
    file = {"type": "string", "minLength": 1, "description": "Path or shipped name."}
    return {
        "description": "A file, and values laid over its own.",
        "type": "object",
        "properties": {"file": file, **fields},
        "required": ["file"],
        "additionalProperties": False,
    }


# From the classes to schemas.


class _Generator(GenerateJsonSchema):
    """Adds what keys that are numbers look like in a file."""

    def dict_schema(self, schema: core_schema.DictSchema) -> Schema:
        made = super().dict_schema(schema)
        if schema.get("keys_schema", {}).get("type") == "int":
            made["propertyNames"] = {"pattern": "^-?(0|[1-9][0-9]{0,8})$"}
        return made


def _generated(*models: type[BaseModel]) -> Schema:
    _, generated = models_json_schema(
        [(model, "validation") for model in models],
        ref_template=_REF + "{model}",
        schema_generator=_Generator,
    )
    definitions: Schema = generated["$defs"]
    for schema in definitions.values():
        _tidy(schema)
    return definitions


def _tidy(schema: Schema) -> None:
    """Without titles and what nobody writes, and with the units."""
    schema.pop("title", None)
    fields = schema.get("properties", {})
    for name in [n for n, field in fields.items() if field.get("resolvedOnly")]:
        del fields[name]
    for name, field in fields.items():
        field.pop("title", None)
        unit = unit_of(name)
        if unit is not None:
            field["x-unit"] = unit


def _taken(definitions: Schema, name: str) -> Schema:
    """A definition that becomes the top of a schema."""
    top: Schema = copy.deepcopy(definitions[name])
    return top


def _open_library(definitions: Schema) -> None:
    """Give the library's sections the shape of the hardware's own."""
    fields = definitions["LibraryFile"]["properties"]
    sections = {
        "analog_periphery": "PeripheryConfig",
        "soc": "SocConfig",
        "memory": "MemoryConfig",
        "leakage_power": "LeakagePowerConfig",
    }
    for section, model in sections.items():
        made = copy.deepcopy(definitions[model])
        for name in _NOT_IN_A_LIBRARY.get(section, ()):
            del made["properties"][name]
        definitions[f"Library_{section}"] = made
        fields[section] = {
            "description": fields[section]["description"],
            "$ref": f"{_REF}Library_{section}",
        }
    definitions["CoefficientBlock"]["anyOf"] = [
        {"required": ["latency_ns_per_mac"]},
        {"required": ["lanes"]},
    ]
    for model, table in (
        ("DigitalLibrary", "features"),
        ("LegacyCostsConfig", "digital_features"),
    ):
        definitions[model]["properties"][table]["propertyNames"] = {
            "enum": list(FEATURES)
        }


# Numbers with status and source.


def _annotate(schema: Schema, made: Schema) -> None:
    """Let every number of an object also be `{value, status, source}`."""
    for name, field in schema.get("properties", {}).items():
        schema["properties"][name] = _with_annotation(field, made)


def _with_annotation(field: Schema, made: Schema) -> Schema:
    if "anyOf" in field:
        choices = [_with_annotation(choice, made) for choice in field["anyOf"]]
        return {**field, "anyOf": choices}
    if field.get("type") not in ("integer", "number"):
        return field
    about: Schema = {
        key: field[key] for key in ("description", "default", "x-unit") if key in field
    }
    number = {key: value for key, value in field.items() if key not in about}
    name = _number_name(number)
    made[name] = {
        "anyOf": [
            number,
            {
                "description": "A number with where it comes from.",
                "type": "object",
                "properties": {
                    "value": number,
                    "status": {
                        "enum": list(_STATUSES),
                        "description": "How far it can be trusted.",
                    },
                    "source": {
                        "type": "string",
                        "description": "Paper and table, data sheet, or reasoning.",
                    },
                },
                "required": ["value", "status", "source"],
                "additionalProperties": False,
            },
        ]
    }
    return {**about, "$ref": _REF + name}


def _number_name(number: Schema) -> str:
    """Name of a range, the same for the same range."""
    bounds = [
        f"{'' if key in ('minimum', 'maximum') else key + '_'}{bound}"
        for key, bound in sorted(number.items(), reverse=True)
        if key != "type"
    ]
    return "_".join([str(number["type"]), *bounds]).replace("+", "")


# References.


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        for key, item in value.items():
            if key == "$ref" and isinstance(item, str):
                yield item.removeprefix(_REF)
            else:
                yield from _references(item)
    elif isinstance(value, list):
        for item in value:
            yield from _references(item)


def _reached(top: Schema, definitions: Schema) -> set[str]:
    found: set[str] = set()
    waiting = list(_references(top))
    while waiting:
        name = waiting.pop()
        if name not in found:
            found.add(name)
            waiting += _references(definitions[name])
    return found


def _finished(value: Any) -> Any:
    """The same in the words of draft 7."""
    if isinstance(value, list):
        return [_finished(item) for item in value]
    if not isinstance(value, dict):
        return value
    made = {key: _finished(item) for key, item in value.items()}
    if made.get("type") == "array" and "minLength" in made:
        # Pydantic's word when a list is made a tuple first.
        made["minItems"] = made.pop("minLength")
    if "$ref" in made and len(made) > 1:
        # Draft 7 ignores what stands beside a reference.
        made["allOf"] = [{"$ref": made.pop("$ref")}]
    return made
