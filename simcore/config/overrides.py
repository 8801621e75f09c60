"""`KEY=VALUE` on top of a scenario: the same checks as if it stood in the file."""

from __future__ import annotations

from collections.abc import Sequence

from pydantic import BaseModel

from simcore.config.document import Document, Path, Place
from simcore.config.yaml_reader import read_yaml
from simcore.errors import ConfigError, Problem, printable

#: File name that problems of an override carry.
OVERRIDE = "override"
_PLACE = Place(OVERRIDE)

#: Sections that a scenario may give as one name; an override below makes it a mapping.
_SHORT_FORMS = {
    "model": "file",
    "hardware": "file",
    "acceptance": "file",
    "accounting": "profile",
    "arrival": "kind",
}


def apply_overrides(
    document: Document, overrides: Sequence[str]
) -> tuple[set[Path], list[Problem]]:
    """Write overrides into a scenario document, in their order.

    Parameters
    ----------
    document : Document
        A mapping at the top; changed in place.
    overrides : sequence of str
        `KEY=VALUE` with dots in the key and a YAML scalar as the value.

    Returns
    -------
    set of Path
        What was written.
    list of Problem
        Overrides that cannot be applied.
    """
    written: set[Path] = set()
    problems: list[Problem] = []
    for text in overrides:
        try:
            path, value = _parse(text)
            put_override(document, path, value)
        except ConfigError as error:
            problems += error.problems
        else:
            written.add(path)
    return written, problems


def _parse(text: object) -> tuple[Path, Document]:
    key, equals, written = str(text).partition("=")
    path = tuple(key.strip().split("."))
    if not equals or not all(path):
        raise _error(
            "",
            got=printable(text),
            allowed="must be KEY=VALUE",
            hint="For example workload.draft_length=3.",
        )
    shown = printable(key.strip(), 60).strip("'\"")
    if not written.strip():
        value = Document(data=None)
    else:
        try:
            value = read_yaml(written, OVERRIDE)
        except ConfigError as error:
            raise _error(shown, message=error.problems[0].message) from None
    if value.problems:
        raise ConfigError(
            [
                Problem(shown, OVERRIDE, got=p.got, allowed=p.allowed, hint=p.hint)
                for p in value.problems
            ]
        )
    if isinstance(value.data, dict | list):
        raise _error(shown, got=printable(value.data), allowed="must be a single value")
    return path, Document(data=value.data, places={(): Place(OVERRIDE)})


def put_override(document: Document, path: Path, value: Document) -> None:
    """Write one value into a scenario document, below a short form as well.

    Parameters
    ----------
    document : Document
        A mapping at the top; changed in place.
    path : Path
        Keys from the top.
    value : Document
        A single value and the place it was written at.

    Raises
    ------
    ConfigError
        If something on the way is not a mapping.
    """
    place = value.place(())
    short = _SHORT_FORMS.get(str(path[0]))
    if short is not None and len(path) > 1:
        here = document.get(path[0])
        if isinstance(here, BaseModel):
            raise _error(
                ".".join(map(str, path)),
                place=place,
                message=f"{path[0]} is an object that is already built",
                hint="Give it as a file, a name or a mapping to override in it.",
            )
        if isinstance(here, str):
            there = document.place((path[0],))
            document.put(
                (path[0],), Document({short: here}, {(): there, (short,): there})
            )
    try:
        document.put(path, value)
    except TypeError as error:
        raise _error(
            ".".join(map(str, path))[:100],
            place=place,
            message=f"{printable(error.args[0])} is not below a mapping",
        ) from None


def _error(
    path: str,
    *,
    place: Place = _PLACE,
    message: str | None = None,
    got: str | None = None,
    allowed: str | None = None,
    hint: str | None = None,
) -> ConfigError:
    return ConfigError(
        [Problem(path, place.file, place.line, message, got, allowed, hint)]
    )
