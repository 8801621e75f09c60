"""Strict, bounded reading of YAML: plain data and the line of every value.

YAML 1.2 numbers and booleans only: `1e6` is a number; `on`, `off`, `yes`, `no`, dates
and `1:30` are text; `012` is refused. Anchors, aliases, tags, duplicate keys and a
second document are refused. Built from parser events, so that a hostile file is
stopped before it becomes large in memory.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterator
from typing import Any

import yaml

from simcore.config.document import Document, Path, Place, path_text
from simcore.errors import ConfigError, Problem, printable

MAX_BYTES = 1 << 20
MAX_NODES = 100_000
MAX_DEPTH = 50
#: Longest integer read, in digits; every range is far below.
MAX_DIGITS = 40

# libyaml where PyYAML was built with it: the same events, ten times faster.
_LOADER: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)

_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_INTEGER = re.compile(r"[-+]?(0|[1-9][0-9]*)\Z")
_LEADING_ZERO = re.compile(r"[-+]?0[0-9]+(\.[0-9]*)?([eE][-+]?[0-9]+)?\Z")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|[0-9]+(\.[0-9]*)?)([eE][-+]?[0-9]+)?\Z")
_NOT_FINITE = re.compile(r"([-+]?\.(inf|Inf|INF)|\.(nan|NaN|NAN))\Z")


class BadScalarError(ValueError):
    """A value that looks like a number but cannot be one."""

    def __init__(self, text: str, allowed: str, hint: str | None = None) -> None:
        super().__init__(allowed)
        self.text = text
        self.allowed = allowed
        self.hint = hint


def plain_scalar(text: str) -> str | int | float | bool | None:
    """Value of an unquoted YAML scalar.

    Parameters
    ----------
    text : str
        As written.

    Raises
    ------
    BadScalarError
        For leading zeros, infinities, NaN and numbers beyond what is read.
    """
    if text in _NULL:
        return None
    if text in _TRUE:
        return True
    if text in _FALSE:
        return False
    if _INTEGER.match(text):
        if len(text) > MAX_DIGITS:
            raise BadScalarError(text, f"must have at most {MAX_DIGITS} digits")
        return int(text)
    if _LEADING_ZERO.match(text):
        raise BadScalarError(
            text,
            "must not start with 0",
            "Drop the zeros for a number; quote it for text.",
        )
    if _FLOAT.match(text):
        return finite(float(text), text)
    if _NOT_FINITE.match(text):
        raise BadScalarError(text, "must be a finite number")
    return text


def finite(value: float, text: str) -> float:
    """`value`, with -0.0 made 0.0, or an error when it is not finite."""
    if not math.isfinite(value):
        raise BadScalarError(text, "must be a finite number")
    return value or 0.0


def as_written(text: str) -> str:
    """A number as the user wrote it, bounded, without quotes."""
    return printable(text).strip("'\"")


def read_yaml(text: str, file: str | None = None) -> Document:
    """Read one YAML document.

    Parameters
    ----------
    text : str
        Content of the file.
    file : str, optional
        File as the user named it, for problems.

    Returns
    -------
    Document
        Its `problems` hold what could be read around (duplicate keys, bad numbers).

    Raises
    ------
    ConfigError
        If the text is not YAML, is empty, is too large or uses what is refused.
    """
    if len(text) > MAX_BYTES:
        raise ConfigError([Problem("", file, message=_too("large", MAX_BYTES))])
    builder = _Builder(file)
    try:
        return builder.build(text)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        # The parser may stop one line beyond the last.
        last = len(text.splitlines())
        line = None if mark is None else min(mark.line + 1, last)
        what = error.problem or "cannot be parsed"
        message = f"not valid YAML: {_clean(what)}"
        if "nesting depth" in what:
            # PyYAML from 6.0.4 gives up by itself, before or after our own limit.
            message = _too("deep", MAX_DEPTH)
        raise ConfigError([Problem("", file, line, message=message)]) from None
    except yaml.YAMLError as error:
        what = _clean(str(getattr(error, "reason", "cannot be parsed")))
        raise ConfigError(
            [Problem("", file, message=f"not valid YAML: {what}")]
        ) from None


def _clean(text: str) -> str:
    # Parser messages quote the input; keep them short and free of control characters.
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= 80 else text[:77] + "..."


def _too(what: str, limit: int) -> str:
    unit = {"large": "characters", "many": "values", "deep": "levels"}[what]
    name = "many values" if what == "many" else what
    return f"too {name}: more than {limit} {unit}"


class _Builder:
    """Turns parser events into a document."""

    def __init__(self, file: str | None) -> None:
        self.document = Document(data=None, file=file)
        self.nodes = 0

    def fail(self, line: int, message: str, hint: str | None = None) -> ConfigError:
        file = self.document.file
        return ConfigError([Problem("", file, line, message=message, hint=hint)])

    def build(self, text: str) -> Document:
        events: Iterator[Any] = iter(yaml.parse(text, Loader=_LOADER))
        documents = 0
        for event in events:
            line = event.start_mark.line + 1
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.fail(line, "a second YAML document ('---')")
                self.document.data = self.value(next(events), events, ())
        if documents == 0:
            raise ConfigError(
                [Problem("", self.document.file, message="the file is empty")]
            )
        return self.document

    def value(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        line = event.start_mark.line + 1
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.fail(line, _too("many", MAX_NODES))
        if len(path) > MAX_DEPTH:
            raise self.fail(line, _too("deep", MAX_DEPTH))
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise self.fail(
                line, "anchors and aliases (& and *) are refused", "Repeat the value."
            )
        if event.tag is not None:
            raise self.fail(
                line, f"tags are refused; got {printable(event.tag)}", "Remove it."
            )
        self.document.places[path] = Place(self.document.file, line)
        if isinstance(event, yaml.MappingStartEvent):
            return self.mapping(events, path)
        if isinstance(event, yaml.SequenceStartEvent):
            return self.sequence(events, path)
        return self.scalar(event, path)

    def scalar(self, event: Any, path: Path) -> Any:
        text: str = event.value
        if not event.implicit[0]:  # quoted or block text
            return text
        try:
            return plain_scalar(text)
        except BadScalarError as error:
            self.problem(path, got=as_written(text), error=error)
            return None

    def sequence(self, events: Iterator[Any], path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := next(events), yaml.SequenceEndEvent):
            items.append(self.value(event, events, (*path, len(items))))
        return items

    def mapping(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        while not isinstance(event := next(events), yaml.MappingEndEvent):
            line = event.start_mark.line + 1
            if not isinstance(event, yaml.ScalarEvent):
                raise self.fail(line, "a key must be plain text")
            if event.anchor is not None or event.tag is not None:
                raise self.fail(line, "anchors and tags are refused")
            key: str = event.value
            place = (*path, key)
            if key not in result:
                result[key] = self.value(next(events), events, place)
                # The key's line, which for a block value is above its first value.
                self.document.places[place] = Place(self.document.file, line)
                continue
            first = self.document.place(place).line
            # Read past the second value; the first one stays.
            spare = _Builder(self.document.file)
            spare.nodes = self.nodes
            spare.value(next(events), events, place)
            self.nodes = spare.nodes
            self.document.problems.append(
                Problem(
                    path_text(place),
                    self.document.file,
                    line,
                    message=f"key given twice; first on line {first}",
                )
            )
        return result

    def problem(self, path: Path, got: str, error: BadScalarError) -> None:
        self.document.refused.add(path)
        self.document.problems.append(
            Problem(
                path_text(path),
                self.document.file,
                self.document.place(path).line,
                got=got,
                allowed=error.allowed,
                hint=error.hint,
            )
        )
