"""Every field that a configuration may have, read from the configuration classes.

One tree, from the top of a scenario: the files of model, hardware and acceptance hang
below the fields that name them. A `*` stands for a name that the user chooses, such as
the bits of a converter.
"""

from __future__ import annotations

import types
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simcore.config.acceptance import ACCEPTANCE_KINDS
from simcore.config.accounting import PROFILES
from simcore.config.base import RESOLVED_ONLY
from simcore.config.field_units import unit_of
from simcore.config.hardware import (
    FEATURES,
    ComponentsConfig,
    HardwareConfig,
    LeakagePowerConfig,
    PeripheryConfig,
    SocConfig,
)
from simcore.config.library import DEFAULT_LIBRARY, LibraryFile
from simcore.config.memory import MemoryConfig
from simcore.config.model import ModelConfig, ModelFile
from simcore.config.problems import expected_text
from simcore.config.scenario import ScenarioConfig, ScenarioFile

ANY = "*"

#: What only resolving makes; people see it in traces and in `simcore show`.
_RESOLVED = frozenset({ScenarioConfig, ModelConfig, ComponentsConfig})

#: Sections whose field does not name the class of what people write there.
_WRITTEN: dict[tuple[type[BaseModel], str], tuple[type[BaseModel], ...]] = {
    (ScenarioFile, "model"): (ModelFile, ModelConfig),
    (ScenarioFile, "hardware"): (HardwareConfig,),
    (ScenarioFile, "acceptance"): tuple(ACCEPTANCE_KINDS.values()),
    (HardwareConfig, "components"): (LibraryFile, ComponentsConfig),
    (LibraryFile, "analog_periphery"): (PeripheryConfig,),
    (LibraryFile, "soc"): (SocConfig,),
    (LibraryFile, "memory"): (MemoryConfig,),
    (LibraryFile, "leakage_power"): (LeakagePowerConfig,),
}

#: What a field that is left out becomes, where its class does not say it.
_FILLED_IN = {
    "name": "the file's name",
    "model.name": "the file's name",
    "hardware.name": "the file's name",
    "hardware.library": f"{DEFAULT_LIBRARY}, unless there are components",
    "hardware.components": "those of the library",
    "workload.draft_length": "the k of the acceptance",
    "schedule": "the hardware's soc.schedule",
}

#: What may be written instead of a mapping with one word in it.
_WORD_OR_MAPPING = {
    "accounting": f"a profile ({', '.join(PROFILES)})",
    "arrival": "a kind without numbers (all_at_once)",
}


@dataclass(frozen=True)
class FieldForm:
    """One meaning of a field.

    Attributes
    ----------
    meaning : str
        One sentence or more.
    allowed : str
        Type and range in words: `an integer between 0 and 1024`.
    choices : tuple of str
        Words that it may be; empty unless it is one of a few.
    default : str
        `required`, or what it is when left out.
    kind : str or None
        Kind of acceptance that has this form.
    """

    meaning: str
    allowed: str
    choices: tuple[str, ...]
    default: str
    kind: str | None = None


@dataclass(frozen=True)
class FieldEntry:
    """A field, or a section of fields.

    Attributes
    ----------
    path : str
        Dotted, from the top of a scenario.
    unit : str or None
        None for counts and words.
    forms : tuple of FieldForm
        One, except where kinds of acceptance differ.
    written : bool
        Whether people write it; else resolving fills it in.
    about : str
        What the class of a section says of itself.
    children : tuple of str
        Names of the fields of a section, `*` for any name.
    keys : tuple of str
        Names that a `*` may be, where they are known.
    owners : tuple of (class, str)
        Classes that have it, each with its name there.
    annotations : tuple
        Type of each of them, for checks of values.
    """

    path: str
    unit: str | None
    forms: tuple[FieldForm, ...]
    written: bool
    about: str
    children: tuple[str, ...]
    keys: tuple[str, ...]
    owners: tuple[tuple[type[BaseModel], str], ...]
    annotations: tuple[Any, ...]

    @property
    def parts(self) -> tuple[str, ...]:
        """The path in parts; the top has none."""
        return tuple(self.path.split(".")) if self.path else ()


@cache
def fields() -> Mapping[str, FieldEntry]:
    """Every field and section by path, a section before what is in it."""
    top = _Node((ScenarioFile, ScenarioConfig))
    return types.MappingProxyType({entry.path: entry for entry in _walk((), top)})


@dataclass(frozen=True)
class _Node:
    """What may stand somewhere: sections, or one section for each name."""

    classes: tuple[type[BaseModel], ...]
    named: bool = False
    keys: tuple[str, ...] = ()


def _walk(
    path: tuple[str, ...], node: _Node, written: bool = True
) -> Iterator[FieldEntry]:
    if not path:
        yield _entry((), (), node, written)
    if node.named:
        inner = _Node(node.classes)
        yield _entry((*path, ANY), (), inner, written)
        yield from _walk((*path, ANY), inner, written)
        return
    for name, owners in _members(node.classes).items():
        below = _merged([_node_of(model, key) for model, key, _ in owners])
        entry = _entry((*path, name), owners, below, written)
        yield entry
        if below is not None:
            yield from _walk((*path, name), below, entry.written)


_Owners = tuple[tuple[type[BaseModel], str, FieldInfo], ...]


def _members(classes: tuple[type[BaseModel], ...]) -> dict[str, _Owners]:
    found: dict[str, _Owners] = {}
    for model in classes:
        for key, info in model.model_fields.items():
            name = info.alias or key
            found[name] = (*found.get(name, ()), (model, key, info))
    return found


def _node_of(model: type[BaseModel], name: str) -> _Node | None:
    written = _WRITTEN.get((model, name))
    if written is not None:
        return _Node(written)
    return _node(model.model_fields[name].annotation)


def _node(annotation: Any) -> _Node | None:
    base = _plain(annotation)
    if isinstance(base, type) and issubclass(base, BaseModel):
        return _Node((base,))
    if get_origin(base) in (Union, types.UnionType):
        return _merged([_node(member) for member in get_args(base)])
    if get_origin(base) is dict:
        key, value = get_args(base)
        inner = _node(value)
        if inner is None:
            return None
        keys = get_args(key) if get_origin(key) is Literal else ()
        return _Node(inner.classes, named=True, keys=keys)
    return None


def _merged(nodes: list[_Node | None]) -> _Node | None:
    known = [node for node in nodes if node is not None]
    if not known:
        return None
    classes = dict.fromkeys(model for node in known for model in node.classes)
    keys = next((node.keys for node in known if node.keys), ())
    return _Node(tuple(classes), known[0].named, keys)


def _plain(annotation: Any) -> Any:
    while get_origin(annotation) is Annotated:
        annotation = get_args(annotation)[0]
    return annotation


def _entry(
    path: tuple[str, ...], owners: _Owners, node: _Node | None, written: bool
) -> FieldEntry:
    dotted = ".".join(path)
    # What is written hides what it is resolved to.
    own = tuple(o for o in owners if o[0] not in _RESOLVED) or owners
    written = written and all(
        model not in _RESOLVED and info.json_schema_extra != RESOLVED_ONLY
        for model, _, info in own
    )
    children: tuple[str, ...] = ()
    if node is not None:
        children = (ANY,) if node.named else tuple(_members(node.classes))
    keys = node.keys if node is not None else ()
    if path[-1:] in (("features",), ("digital_features",)):
        keys = FEATURES
    return FieldEntry(
        path=dotted,
        unit=None if children else unit_of(dotted),
        forms=_forms(dotted, own, owners) or (_unnamed(node),),
        written=written,
        about=_about(node),
        children=children,
        keys=keys,
        owners=tuple((model, key) for model, key, _ in owners),
        annotations=tuple(
            Annotated[info.annotation, *info.metadata, None] for _, _, info in own
        ),
    )


def _unnamed(node: _Node | None) -> FieldForm:
    """Form of the top, and of a section under a name of the user's."""
    return FieldForm(_about(node), "a mapping", (), "none")


def _forms(path: str, owners: _Owners, every: _Owners) -> tuple[FieldForm, ...]:
    kinds: dict[type[BaseModel], str] = {
        model: kind for kind, model in ACCEPTANCE_KINDS.items()
    }
    found = [
        FieldForm(
            meaning=_meaning(name, info, every),
            allowed=_allowed(model, name, info),
            choices=_choices(info.annotation),
            default=_default(path, info),
            kind=kinds.get(model) if name != "kind" else None,
        )
        for model, name, info in owners
    ]
    if len(found) == len(kinds) and all(model in kinds for model, _, _ in owners):
        if path.endswith(".kind"):
            return (_kind_form(),)
        if len({form.meaning for form in found}) == 1:
            first = found[0]
            return (
                FieldForm(first.meaning, first.allowed, first.choices, first.default),
            )
    return tuple(found) if found and found[0].kind is not None else tuple(found[:1])


def _meaning(name: str, info: FieldInfo, owners: _Owners) -> str:
    """Description; that of the resolved field where the written one says how only."""
    text = info.description or ""
    resolved = next((i.description for m, _, i in owners if m in _RESOLVED), None)
    if resolved and text.startswith("Default"):
        return resolved
    if resolved and (ScenarioFile, name) in _WRITTEN:
        return f"{resolved} {text}"
    return text


def _kind_form() -> FieldForm:
    lines = [
        f"{kind}: {_first_paragraph(model).rstrip('.')}"
        for kind, model in ACCEPTANCE_KINDS.items()
    ]
    kinds = tuple(ACCEPTANCE_KINDS)
    return FieldForm(
        f"Which kind of acceptance it is. {'; '.join(lines)}.",
        f"one of {', '.join(kinds)}",
        kinds,
        "required, except with a histogram",
    )


def _allowed(model: type[BaseModel], name: str, info: FieldInfo) -> str:
    if (model, name) in _WRITTEN:
        outer = model is ScenarioFile
        return "a path, a shipped name or a mapping" if outer else "a mapping"
    if name in _WORD_OR_MAPPING and model is ScenarioFile:
        return f"{_WORD_OR_MAPPING[name]}, or a mapping"
    return _with_elements(Annotated[info.annotation, *info.metadata, None])


def _with_elements(annotation: Any) -> str:
    """What a type allows, and what its elements or values are."""
    text = expected_text(annotation) or "anything"
    base = _plain(annotation)
    if get_origin(base) in (Union, types.UnionType):
        members = [m for m in get_args(base) if m is not type(None)]
        if len(members) == 1:
            null = " or null" if text.endswith(" or null") else ""
            return _with_elements(members[0]) + null
    if get_origin(base) is tuple:
        return f"{text}, each {_with_elements(get_args(base)[0])}"
    if get_origin(base) is dict and _node(base) is None:
        key, value = get_args(base)
        if value is not Any:
            return f"{text} of {_with_elements(key)} to {_with_elements(value)}"
    return text


def _choices(annotation: Any) -> tuple[str, ...]:
    base = _plain(annotation)
    if get_origin(base) in (Union, types.UnionType):
        members = [m for m in get_args(base) if m is not type(None)]
        base = _plain(members[0]) if len(members) == 1 else None
    if get_origin(base) is Literal:
        return tuple(str(value) for value in get_args(base))
    return ()


def _default(path: str, info: FieldInfo) -> str:
    if path in _FILLED_IN:
        return _FILLED_IN[path]
    if info.is_required():
        return "required"
    if info.default_factory is not None:
        made = info.get_default(call_default_factory=True)
        return "nothing" if isinstance(made, dict) else "its own defaults"
    value = info.default
    if value is None:
        return "null"
    if isinstance(value, bool):
        return str(value).lower()
    return (
        "nothing" if value == () else f"{value:g}" if _is_float(value) else str(value)
    )


def _is_float(value: Any) -> bool:
    return isinstance(value, float)


def _about(node: _Node | None) -> str:
    """First paragraph of what the class of a section says."""
    if node is None or node.classes[0] in ACCEPTANCE_KINDS.values():
        return ""
    return _first_paragraph(node.classes[0])


def _first_paragraph(model: type[BaseModel]) -> str:
    text = (model.__doc__ or "").partition("\n\n")[0]
    return " ".join(text.split()).replace("`", "")
