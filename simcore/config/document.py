"""A file's content as plain data, with the place each value was written at.

Readers make documents, `problems` looks places up in them. Mapping keys are always
text: `0` and `"0"` are the same key, and the classes that want integer keys convert.
"""

from __future__ import annotations

import copy
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simcore.errors import ConfigError, Problem, printable

#: Keys and list indices from the top of a document.
Path = tuple[str | int, ...]

#: More problems than this in one input are counted, not listed.
MAX_PROBLEMS = 50

_MAX_PATH_CHARACTERS = 200


@dataclass(frozen=True)
class Place:
    """Where a value was written: file as the user named it, and 1-based line."""

    file: str | None = None
    line: int | None = None


@dataclass
class Document:
    """Plain data and the place of every value in it.

    Attributes
    ----------
    data : object
        Nested dict, list, str, int, float, bool and None.
    places : dict of Path to Place
        A value without an entry is where its parent is.
    file : str or None
        The file as the user named it; None for data given in Python.
    problems : list of Problem
        Found while reading, each at a value that is still in `data`.
    refused : set of Path
        Values that `problems` already complains about.
    """

    data: Any
    places: dict[Path, Place] = field(default_factory=dict)
    file: str | None = None
    problems: list[Problem] = field(default_factory=list)
    refused: set[Path] = field(default_factory=set)

    def place(self, path: Path) -> Place:
        """Where the value at `path`, or its nearest ancestor, was written."""
        for end in range(len(path), -1, -1):
            place = self.places.get(path[:end])
            if place is not None:
                return place
        return Place(self.file)

    def get(self, *path: str | int) -> Any:
        """Value at a path, or None when there is none."""
        value = self.data
        for part in path:
            if isinstance(value, dict):
                value = value.get(part)
            elif isinstance(value, list) and isinstance(part, int):
                value = value[part] if part < len(value) else None
            else:
                return None
        return value

    def section(self, *path: str | int) -> Document:
        """Copy of the value at a path as a document of its own."""
        part = Document(data=None, file=self.file)
        part.put((), self, path)
        part.places.setdefault((), self.place(path))
        return part

    def put(self, path: Path, source: Document, at: Path = ()) -> None:
        """Copy the value at `at` in `source` to `path`, making mappings on the way.

        Raises
        ------
        TypeError
            If something on the way is not a mapping.
        """
        value = copy.deepcopy(source.get(*at))
        if path:
            target = self.data
            for depth, part in enumerate(path[:-1]):
                if not isinstance(target, dict):
                    raise TypeError(part)
                if part not in target:
                    target[part] = {}
                    self.places[path[: depth + 1]] = source.place(at)
                target = target[part]
            if not isinstance(target, dict):
                raise TypeError(path[-1])
            self._forget(path)
            target[path[-1]] = value
        else:
            self._forget(path)
            self.data = value
        for below in _paths(value):
            place = source.places.get((*at, *below))
            if place is not None:
                self.places[(*path, *below)] = place
            if (*at, *below) in source.refused:
                self.refused.add((*path, *below))

    def remove(self, path: Path) -> None:
        """Forget the value at a path, if there is one."""
        parent = self.get(*path[:-1])
        if isinstance(parent, dict) and path[-1] in parent:
            self._forget(path)
            del parent[path[-1]]

    def _forget(self, path: Path) -> None:
        for below in _paths(self.get(*path)):
            self.places.pop((*path, *below), None)
            self.refused.discard((*path, *below))

    def overlay(self, path: Path, top: Document, at: Path = ()) -> None:
        """Merge the value at `at` in `top` into `path`; `top` wins, key by key."""
        there = top.get(*at)
        if not isinstance(self.get(*path), dict) or not isinstance(there, dict):
            self.put(path, top, at)
            return
        for key in there:
            self.overlay((*path, key), top, (*at, key))


def _paths(value: Any) -> Iterator[Path]:
    """Paths of a value and of everything in it."""
    yield ()
    items: Iterable[tuple[str | int, Any]] = ()
    if isinstance(value, dict):
        items = value.items()
    elif isinstance(value, list):
        items = enumerate(value)
    for key, item in items:
        for below in _paths(item):
            yield (key, *below)


def path_text(path: Path) -> str:
    """`a.b[3].c`, bounded and without control characters."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            plain = part.isascii() and part.isprintable() and 0 < len(part) <= 60
            key = part if plain else printable(part, 60)
            text += f".{key}" if text else key
        if len(text) > _MAX_PATH_CHARACTERS:
            return text[:_MAX_PATH_CHARACTERS] + "..."
    return text


def bounded(problems: list[Problem]) -> list[Problem]:
    """At most `MAX_PROBLEMS` problems; the last one counts the rest."""
    if len(problems) <= MAX_PROBLEMS:
        return problems
    rest = len(problems) - MAX_PROBLEMS
    kept = problems[:MAX_PROBLEMS]
    last = kept[-1]
    return [
        *kept,
        Problem("", last.file, last.line, message=f"... and {rest} more problems"),
    ]


def raise_problems(problems: list[Problem]) -> None:
    """Raise one `ConfigError` with every problem, if there is any."""
    if problems:
        raise ConfigError(bounded(list(dict.fromkeys(problems))))
