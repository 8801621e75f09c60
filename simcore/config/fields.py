"""Every field that a configuration may have, found by its path.

One tree, from the top of a scenario: the files of model, hardware and acceptance hang
below the fields that name them. A `*` stands for a name that the user chooses, such as
the bits of a converter. Everything here is read from the configuration classes.
"""

from __future__ import annotations

import re
import types
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from simcore.config.acceptance import ACCEPTANCE_KINDS
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
from simcore.config.problems import choices_text, did_you_mean, expected_text
from simcore.config.scenario import ScenarioConfig, ScenarioFile
from simcore.errors import ConfigError, Problem, printable

ANY = "*"
#: Longest path that is looked at, in characters and in parts.
_MAX_PATH, _MAX_PARTS = 400, 20

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

#: Other ways to begin a path.
_ALIASES = {"scenario": (), "library": ("hardware", "components")}


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


def fields() -> dict[str, FieldEntry]:
    """Every field and section by path, a section before what is in it."""
    return dict(_tree())


@cache
def _tree() -> dict[str, FieldEntry]:
    top = _Node((ScenarioFile, ScenarioConfig))
    return {entry.path: entry for entry in _walk((), top)}


def find_field(text: str) -> FieldEntry:
    """The field of a path.

    Parameters
    ----------
    text : str
        Dotted path from the top of a scenario or of a library; or the end of a path,
        when only one field ends so.

    Raises
    ------
    ConfigError
        If there is no such field, with names that are near.
    """
    tree = _tree()
    parts = [part for part in re.split(r"[.\[\]]+", text[:_MAX_PATH]) if part]
    parts = [part for part in parts[:_MAX_PARTS] if part != ANY or len(parts) > 1]
    if not parts:
        raise _unknown(text, tree[""], "", ())
    start = _ALIASES.get(parts[0]) if parts[0] not in tree[""].children else None
    wanted = [*start, *parts[1:]] if start is not None else parts
    entry = tree[""]
    for index, part in enumerate(wanted):
        below = _child(tree, entry, part)
        if below is None:
            if index == 0:
                return _by_end(text, parts)
            if part.isdecimal() and index == len(wanted) - 1 and not entry.children:
                return entry  # an element of a list, a bin of a histogram
            raise _unknown(text, entry, part, entry.children)
        entry = below
    return entry


def _child(
    tree: dict[str, FieldEntry], entry: FieldEntry, part: str
) -> FieldEntry | None:
    name = part if part in entry.children else ANY
    if name not in entry.children or (entry.keys and part not in (*entry.keys, name)):
        return None
    return tree[".".join((*entry.parts, name))]


def _by_end(text: str, parts: list[str]) -> FieldEntry:
    """The one field whose path ends so."""
    tree = _tree()
    if parts[-1].isdecimal() and len(parts) > 1:
        parts = parts[:-1]
    found = [
        entry for entry in tree.values() if entry.parts[-len(parts) :] == tuple(parts)
    ]
    # Libraries have the sections of the hardware; people mean the latter.
    short = [e for e in found if not e.path.startswith("hardware.components.")]
    found = short or found
    if len(found) == 1:
        return found[0]
    if found:
        raise ConfigError(
            [
                Problem(
                    printable(text).strip("'\""),
                    message="the name of several fields",
                    allowed=choices_text([entry.path for entry in found]),
                )
            ]
        )
    names = {entry.parts[-1]: None for entry in tree.values() if entry.parts}
    raise _unknown(text, tree[""], parts[-1], tuple(names))


def _unknown(
    text: str, entry: FieldEntry, part: str, names: tuple[str, ...]
) -> ConfigError:
    within = entry.path or "a scenario"
    known = entry.keys or tuple(
        name
        for name in entry.children
        if name != ANY and _tree()[".".join((*entry.parts, name))].written
    )
    has = f"{within} has: {', '.join(known)}" if known else f"{within} has no fields"
    return ConfigError(
        [
            Problem(
                printable(text).strip("'\""),
                message="there is no such field",
                allowed=has,
                hint=did_you_mean(part, names or known),
            )
        ]
    )


# The tree.


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
    kinds = {model: kind for kind, model in ACCEPTANCE_KINDS.items()}
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
        f"{kind}: {' '.join((model.__doc__ or '').split('.')[0].split())}"
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
    return expected_text(Annotated[info.annotation, *info.metadata, None]) or "anything"


def _choices(annotation: Any) -> tuple[str, ...]:
    base = _plain(annotation)
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
    if node is None or len(node.classes) > 1 and node.classes[0] not in _FIRST:
        return ""
    text = (node.classes[0].__doc__ or "").partition("\n\n")[0]
    return " ".join(text.split()).replace("`", "")


#: Classes that speak for the resolved ones beside them as well.
_FIRST = frozenset({ScenarioFile, ModelFile, LibraryFile})
