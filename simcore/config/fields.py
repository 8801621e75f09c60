"""Finding a configuration field by what people call it."""

from __future__ import annotations

import re
from collections.abc import Mapping

from simcore.config.field_tree import ANY, FieldEntry, fields
from simcore.config.problems import choices_text, did_you_mean
from simcore.errors import ConfigError, Problem, printable

#: Longest path that is looked at, in characters and in parts.
_MAX_PATH, _MAX_PARTS = 400, 20

#: Files whose fields people name without saying so.
_PARTS = ("hardware", "model", "acceptance")

#: Other ways to begin a path.
_ALIASES = {"scenario": (), "library": ("hardware", "components")}


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
    tree = fields()
    parts = [part for part in re.split(r"[.\[\]]+", text[:_MAX_PATH]) if part]
    parts = [part for part in parts[:_MAX_PARTS] if part != ANY or len(parts) > 1]
    if not parts:
        raise _unknown(text, tree[""], "", ())
    wanted = _from_top(tree, parts)
    if wanted is None:
        return _by_end(text, parts)
    entry = tree[""]
    for index, part in enumerate(wanted):
        below = _child(tree, entry, part)
        if below is None:
            if part.isdecimal() and index == len(wanted) - 1 and not entry.children:
                return entry  # an element of a list, a bin of a histogram
            raise _unknown(text, entry, part, entry.children)
        entry = below
    return entry


def _from_top(tree: Mapping[str, FieldEntry], parts: list[str]) -> list[str] | None:
    """The path from the top of a scenario; None when it begins somewhere inside."""
    if parts[0] in tree[""].children:
        return parts
    if parts[0] in _ALIASES:
        return [*_ALIASES[parts[0]], *parts[1:]]
    if len(parts) > 1:
        for file in _PARTS:
            if parts[0] in tree[file].children:
                return [file, *parts]
    return None


def _child(
    tree: Mapping[str, FieldEntry], entry: FieldEntry, part: str
) -> FieldEntry | None:
    name = part if part in entry.children else ANY
    if name not in entry.children or (entry.keys and part not in (*entry.keys, name)):
        return None
    return tree[".".join((*entry.parts, name))]


def _by_end(text: str, parts: list[str]) -> FieldEntry:
    """The one field whose path ends so."""
    tree = fields()
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
        if name != ANY and fields()[".".join((*entry.parts, name))].written
    )
    has = f"{within} has: {', '.join(known)}" if known else f"{within} has no fields"
    return ConfigError(
        [
            Problem(
                printable(text).strip("'\""),
                message="there is no such field",
                allowed=has,
                hint=did_you_mean(part, [*names, *known]),
            )
        ]
    )
