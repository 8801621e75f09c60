"""Swept fields on the command line: `workload.draft_length=0:8`, `schedule=a,b`."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from simcore.config.sweep import Scalar

_NUMBER = r"[-+]?[0-9]{1,15}(?:\.[0-9]{1,15})?"
_RANGE = re.compile(rf"({_NUMBER}):({_NUMBER})(?::([*+])({_NUMBER}))?")


def parse_grid(texts: Sequence[str]) -> dict[str, list[Scalar]]:
    """Values of each swept field, in the order given.

    Parameters
    ----------
    texts : sequence of str
        `KEY=V1,V2,...`; a value is read as YAML, `first:last` counts by one,
        `first:last:+step` and `first:last:*factor` as they say.

    Raises
    ------
    typer.BadParameter
        If a text cannot be read or a field is there twice.
    """
    grid: dict[str, list[Scalar]] = {}
    for text in texts:
        key, equals, written = text.partition("=")
        field = key.strip()
        if not equals or not field:
            raise _wrong(text, "must be KEY=V1,V2,..., e.g. workload.draft_length=0:8")
        if field in grid:
            raise _wrong(text, "the field is there twice; give all its values at once")
        values: list[Scalar] = []
        for part in written.split(","):
            values += _values(part.strip(), text)
        grid[field] = values
    return grid


def _values(part: str, text: str) -> list[Scalar]:
    from simcore.config.yaml_reader import BadScalarError, plain_scalar

    if not part:
        raise _wrong(text, "a value is missing; write null for none")
    match = _RANGE.fullmatch(part)
    if match is not None:
        return list(_range(match, text))
    try:
        return [plain_scalar(part)]
    except BadScalarError as error:
        raise _wrong(text, f"{part[:40]!r} {error.allowed}") from None


def _range(match: re.Match[str], text: str) -> Sequence[Scalar]:
    from pydantic import ValidationError

    from simcore.config.base import FieldIssues
    from simcore.config.sweep import SweepRange

    first, last, way, by = match.groups()
    document = {"from": _number(first), "to": _number(last)}
    document["factor" if way == "*" else "step"] = _number(by or "1")
    try:
        return SweepRange.model_validate(document).values()
    except ValidationError as error:
        raised = error.errors()[0].get("ctx", {}).get("error")
        issues = raised.issues if isinstance(raised, FieldIssues) else ()
        why = "; ".join(
            " ".join(p for p in (str(i.path[0]), i.allowed, i.hint) if p)
            for i in issues
        )
        raise _wrong(text, f"{match[0]!r}: {why}") from None


def _number(text: str) -> int | float:
    return float(text) if "." in text else int(text)


def _wrong(text: str, why: str) -> typer.BadParameter:
    return typer.BadParameter(f"{text[:60]!r}: {why}", param_hint="--grid")
