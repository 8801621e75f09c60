"""Prompt lengths on the command line: `64,128,256`, `64:4096:*2`, `64:256:+64`."""

from __future__ import annotations

import re
from collections.abc import Iterator

import typer

_LARGEST = 100_000_000
_MOST_POINTS = 1000
_RANGE = re.compile(r"([0-9]{1,9}):([0-9]{1,9}):([*+])([0-9]{1,9})")
_NUMBER = re.compile(r"[0-9]{1,9}")
_FORMS = "use a list (64,128,256) or a range (64:4096:*2, 64:256:+64)"


def parse_prompt_lengths(text: str, smallest: int = 1) -> list[int]:
    """Prompt lengths in the order given, each once.

    Parameters
    ----------
    text : str
        Numbers and ranges `first:last:*factor` or `first:last:+step`, by commas;
        the last value of a range is included when the range meets it.
    smallest : int
        Smallest length allowed, 0 or 1.

    Raises
    ------
    typer.BadParameter
        If a part cannot be read, or there are more than 1000 points.
    """
    found: dict[int, None] = {}
    for part in text.split(","):
        for length in _lengths(part.strip()):
            if not smallest <= length <= _LARGEST:
                raise _wrong(part, f"must be between {smallest} and {_LARGEST}")
            found[length] = None
            if len(found) > _MOST_POINTS:
                raise _wrong(part, f"more than {_MOST_POINTS} prompt lengths")
    return list(found)


def _lengths(part: str) -> Iterator[int]:
    if _NUMBER.fullmatch(part):
        yield int(part)
        return
    match = _RANGE.fullmatch(part)
    if match is None:
        raise _wrong(part, _FORMS)
    first, last, way, by = int(match[1]), int(match[2]), match[3], int(match[4])
    if first > last:
        raise _wrong(part, "the first must not be above the last")
    if by < 1 or (way == "*" and (by < 2 or first < 1)):
        raise _wrong(part, "it would never end")
    while first <= last:
        yield first
        first = first * by if way == "*" else first + by


def _wrong(part: str, why: str) -> typer.BadParameter:
    return typer.BadParameter(f"{part[:60]!r}: {why}", param_hint="--prompt-lengths")
