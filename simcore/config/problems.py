"""Pydantic's errors as problems a user can act on.

Each becomes file and line, path, what was got, what is allowed, and a hint. Pydantic's
own text is never used: it names classes, and it may print the input.
"""

from __future__ import annotations

import difflib
import re
import types
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Annotated, Any, Literal, TypeVar, Union, get_args, get_origin

import annotated_types
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from simcore.config.base import RESOLVED_ONLY, FieldIssue, FieldIssues
from simcore.config.document import MAX_PROBLEMS, Document, Path, path_text
from simcore.config.schedule_names import (
    REGISTER_FIRST,
    SHIPPED_SCHEDULES,
    registered_schedules,
)
from simcore.errors import Problem, printable

M = TypeVar("M", bound=BaseModel)


def validate(
    model: type[M],
    document: Document,
    prefix: Path = (),
    data: Mapping[str, Any] | None = None,
) -> tuple[M | None, list[Problem]]:
    """Check a document against a class.

    Parameters
    ----------
    model : type
        Configuration class.
    document : Document
        What the user wrote.
    prefix : Path
        Where the document stands in the whole, for the paths of problems.
    data : mapping, optional
        What to check when it was derived from the document; problems are still told
        where the document has them.

    Returns
    -------
    object or None
        The checked object, None when there are problems.
    list of Problem
        All of them, empty when the object is valid.
    """
    try:
        return model.model_validate(document.data if data is None else data), []
    except ValidationError as error:
        checked = document if data is None else replace(document, data=dict(data))
        return None, translate(model, checked, prefix, error)


def issue_problem(issue: FieldIssue, document: Document, prefix: Path = ()) -> Problem:
    """Make a `FieldIssue` a `Problem`, with the place it was written at."""
    path = _written_path(issue, document)
    place = document.place(path)
    return Problem(
        path=path_text((*prefix, *path)),
        file=place.file,
        line=place.line,
        message=issue.message,
        got=issue.got,
        allowed=issue.allowed,
        hint=issue.hint,
    )


def _written_path(issue: FieldIssue, document: Document) -> Path:
    path: Path = ()
    for part in issue.path:
        # Keys are written as text, also where the class wants integers.
        in_list = isinstance(document.get(*path), list)
        path = (*path, part if in_list else str(part))
    return path


def passable(
    document: Document, error: ValidationError, extensions: frozenset[str]
) -> tuple[list[Path], list[Path]]:
    """What the public calculator would not have looked at.

    Parameters
    ----------
    document : Document
        What was checked.
    error : ValidationError
        What is wrong with it.
    extensions : frozenset of str
        Top-level keys that only we read.

    Returns
    -------
    unknown : list of Path
        Keys that no class has.
    wrong : list of Path
        Extensions with a wrong value.
    """
    unknown: dict[Path, None] = {}
    wrong: dict[Path, None] = {}
    for detail in error.errors(include_url=False, include_input=False):
        raised = detail.get("ctx", {}).get("error")
        _, written, _ = _locate(detail, document.data)
        if detail["type"] == "extra_forbidden":
            unknown[written] = None
            continue
        paths = {written: False}
        if isinstance(raised, FieldIssues):
            paths = {
                _written_path(_under(written, issue), document): issue.ignorable
                for issue in raised.issues
            }
        for path, ignorable in paths.items():
            if ignorable:
                unknown[path] = None
            elif path and path[0] in extensions and path[0] in document.data:
                wrong[path[:1]] = None
    return list(unknown), list(wrong)


def did_you_mean(name: str, names: Iterable[str]) -> str | None:
    """`Did you mean 'x'?` for the closest of some names, None when none is close."""
    # One swapped pair makes a short name two thirds alike.
    cutoff = 0.65 if len(name) <= 4 else 0.7
    close = difflib.get_close_matches(name[:80], list(names), n=1, cutoff=cutoff)
    return f"Did you mean {printable(close[0])}?" if close else None


def shown(value: object) -> str:
    """`printable`, with YAML's spelling of true, false and null."""
    names = {True: "true", False: "false", None: "null"}
    if value is None or isinstance(value, bool):
        return names[value]
    return printable(value)


def choices_text(names: Sequence[str]) -> str:
    """`allowed: a, b`, bounded in number."""
    shown = ", ".join(names[:40]) + (", ..." if len(names) > 40 else "")
    return f"allowed: {shown}" if names else "there is none"


def translate(
    model: type[BaseModel], document: Document, prefix: Path, error: ValidationError
) -> list[Problem]:
    """Pydantic's error as problems; arguments as in `validate`."""
    problems: list[Problem] = []
    seen: set[tuple[Path, str]] = set()
    details = error.errors(include_url=False, include_input=False)
    for count, detail in enumerate(details):
        if len(problems) > MAX_PROBLEMS:
            # Nobody reads more, and a hostile file has a hundred thousand.
            last = problems[-1]
            message = f"... and {len(details) - count} more problems"
            problems.append(Problem("", last.file, last.line, message=message))
            break
        raised = detail.get("ctx", {}).get("error")
        path, written, is_key = _locate(detail, document.data)
        if isinstance(raised, FieldIssues):
            problems += [
                issue_problem(_under(written, issue), document, prefix)
                for issue in raised.issues[: MAX_PROBLEMS + 1]
            ]
            continue
        if written in document.refused:
            continue  # the reader has already said why
        # A union reports one error per member; one problem is enough.
        group = "field" if detail["type"] not in _PRESENCE else detail["type"]
        if (path, group) in seen:
            continue
        seen.add((path, group))
        problems.append(
            _problem(model, document, prefix, detail, (path, written, is_key))
        )
    return problems


_PRESENCE = {"missing", "extra_forbidden"}


def _under(base: Path, issue: FieldIssue) -> FieldIssue:
    return replace(issue, path=(*base, *issue.path))


def _locate(detail: ErrorDetails, data: Any) -> tuple[Path, Path, bool]:
    """Path of an error, the part of it that was written, and if it is about a key.

    Pydantic puts the names of union members and validators into `loc`; what is not in
    the data is one of those, unless it is the name of a missing field.
    """
    loc = detail["loc"]
    is_key = bool(loc) and loc[-1] == "[key]"
    written = _written(loc[:-1] if is_key else loc, data)
    if detail["type"] == "missing" and loc:
        return (*written, str(loc[-1])), written, False
    return written, written, is_key


def _written(loc: Path, data: Any) -> Path:
    path: list[str | int] = []
    value = data
    for part in loc:
        if isinstance(value, dict):
            # Keys are written as text, also where the class wants integers.
            key = part if part in value else str(part)
            if key in value:
                path.append(key)
                value = value[key]
        elif isinstance(value, list) and isinstance(part, int) and part < len(value):
            path.append(part)
            value = value[part]
    return tuple(path)


def _problem(
    model: type[BaseModel],
    document: Document,
    prefix: Path,
    detail: ErrorDetails,
    where: tuple[Path, Path, bool],
) -> Problem:
    path, written, is_key = where
    place = document.place(written)
    message = got = allowed = hint = None
    kind = detail["type"]
    expected = _expected(model, path)
    if kind == "missing":
        message = "missing"
        allowed = _allowed(expected)
    elif kind == "extra_forbidden":
        message = "unknown field"
        hint = _field_hint(model, path)
    elif is_key:
        message = f"key {printable(path[-1])}"
        allowed = "must be an integer" if path else None
    else:
        value = document.get(*written)
        got = shown(value)
        allowed = _allowed(expected) or _plain(detail)
        hint = _value_hint(value, expected)
    return Problem(
        path_text((*prefix, *path)), place.file, place.line, message, got, allowed, hint
    )


def near_field(model: type[BaseModel], path: Path) -> str | None:
    """A hint when the last key of a path is almost the name of a field."""
    names = _field_names(model, path)
    return did_you_mean(str(path[-1]), names) if names else None


def _field_hint(model: type[BaseModel], path: Path) -> str | None:
    names = _field_names(model, path)
    if not names:
        return None
    return near_field(model, path) or (
        f"Known: {', '.join(names[:25])}{', ...' if len(names) > 25 else ''}."
    )


def _field_names(model: type[BaseModel], path: Path) -> list[str]:
    """Fields that may stand beside the last key of a path."""
    fields = _model_of(_expected(model, path[:-1]))
    if fields is None:
        return []
    return [
        field.alias or name
        for name, field in fields.model_fields.items()
        if field.json_schema_extra != RESOLVED_ONLY
    ]


def _value_hint(value: Any, expected: Any) -> str | None:
    names = _literals(expected)
    if isinstance(value, str):
        if tuple(names) == SHIPPED_SCHEDULES:
            names += registered_schedules()
            return did_you_mean(value, names) or REGISTER_FIRST
        if names:
            return did_you_mean(value, names)
        if re.fullmatch(r"[-+]?[0-9][0-9_,.eExX]*", value[:60]):
            return "Write it as a plain number, without quotes, commas or underscores."
    if (
        isinstance(value, float)
        and value.is_integer()
        and abs(value) < 1e15
        and "integer" in (_allowed(expected) or "")
        and "number" not in (_allowed(expected) or "")
    ):
        return f"Write {int(value)}, without a point or exponent."
    if isinstance(value, bool) and {"on", "off"} <= set(names):
        return f"Write {'on' if value else 'off'}."
    return None


def _plain(detail: ErrorDetails) -> str:
    # Pydantic's fixed messages hold no input; used where no field describes more.
    return detail["msg"][:120].rstrip(".")


# What a class expects at a path: annotations, walked along the path.


def _expected(model: type[BaseModel], path: Path) -> Any:
    expected: Any = model
    for part in path:
        expected = _step(expected, part)
        if expected is None:
            return None
    return expected


def _step(expected: Any, part: str | int) -> Any:
    base, _ = _unwrap(expected)
    origin = get_origin(base)
    if origin in (Union, types.UnionType):
        steps = (_step(member, part) for member in get_args(base))
        return next((step for step in steps if step is not None), None)
    if isinstance(base, type) and issubclass(base, BaseModel):
        fields = {f.alias or name: f for name, f in base.model_fields.items()}
        field = fields.get(str(part))
        if field is None:
            return None
        # FieldInfo has taken the metadata out of the annotation.
        return Annotated[field.annotation, *field.metadata, None]
    if origin is dict:
        return get_args(base)[1]
    if origin is tuple:
        return get_args(base)[0]
    return None


def _unwrap(expected: Any) -> tuple[Any, tuple[Any, ...]]:
    metadata: tuple[Any, ...] = ()
    while get_origin(expected) is Annotated:
        expected, *more = get_args(expected)
        metadata += tuple(more)
    return expected, metadata


def _model_of(expected: Any) -> type[BaseModel] | None:
    base, _ = _unwrap(expected)
    if isinstance(base, type) and issubclass(base, BaseModel):
        return base
    if get_origin(base) in (Union, types.UnionType):
        return next((m for a in get_args(base) if (m := _model_of(a))), None)
    return None


def _literals(expected: Any) -> list[str]:
    base, _ = _unwrap(expected)
    if get_origin(base) is Literal:
        return [str(value) for value in get_args(base)]
    if get_origin(base) in (Union, types.UnionType):
        return [name for member in get_args(base) for name in _literals(member)]
    return []


def _allowed(expected: Any) -> str | None:
    """`allowed: a, b` or `must be an integer between 1 and 64`."""
    base, _ = _unwrap(expected)
    names = _literals(expected)
    described = expected_text(expected)
    if not described:
        return None
    if get_origin(base) is Literal:
        return choices_text(names)
    return f"must be {described}"


def expected_text(expected: Any) -> str:
    """What a type allows, in words: `an integer between 1 and 64`.

    Parameters
    ----------
    expected : type or annotation
        With its ranges; empty text when nothing can be said.
    """
    base, metadata = _unwrap(expected)
    origin = get_origin(base)
    if origin in (Union, types.UnionType):
        members = [m for m in get_args(base) if m is not type(None)]
        texts = [t for t in map(expected_text, members) if t]
        if len(members) < len(get_args(base)):
            texts.append("null")
        return " or ".join(dict.fromkeys(texts))
    if origin is Literal:
        return "one of " + ", ".join(str(name) for name in get_args(base))
    if base is bool:
        return "true or false"
    if base is int:
        return "an integer" + _range(metadata)
    if base is float:
        return "a number" + _range(metadata)
    if base is str:
        return "text" + _length(metadata, "characters") + _pattern(metadata)
    if origin is tuple:
        return "a list" + _length(metadata, "entries")
    if origin is dict or _model_of(base) is not None:
        return "a mapping"
    return ""


def _flat(metadata: Iterable[Any]) -> Iterable[Any]:
    for item in metadata:
        yield from getattr(item, "metadata", None) or (item,)


def _range(metadata: Iterable[Any]) -> str:
    low = high = None
    for item in _flat(metadata):
        if isinstance(item, annotated_types.Ge):
            low = item.ge
        elif isinstance(item, annotated_types.Le):
            high = item.le
    if low is not None and high is not None:
        return f" between {_number(low)} and {_number(high)}"
    return "" if low is None else f" >= {_number(low)}"


def _number(value: Any) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _pattern(metadata: Iterable[Any]) -> str:
    # The only pattern in use is the one of `base.Name` and `base.Text`.
    patterns = [getattr(item, "pattern", None) for item in _flat(metadata)]
    return " (no control characters)" if any(patterns) else ""


def _length(metadata: Iterable[Any], unit: str) -> str:
    low = high = None
    for item in _flat(metadata):
        if isinstance(item, annotated_types.MinLen):
            low = item.min_length
        elif isinstance(item, annotated_types.MaxLen):
            high = item.max_length
    if low and high is not None:
        return f" of {low} to {high} {unit}"
    if low:
        return f" of at least {low} {unit}"
    return "" if high is None else f" of at most {high} {unit}"
