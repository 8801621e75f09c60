"""Draft lengths on the command line: `0,2,4`, `0:8`, or `2=1.31,4=1.96` with means."""

from __future__ import annotations

import re

import typer

_LARGEST = 1024
_MOST = 256
_RANGE = re.compile(r"([0-9]{1,4})(?::([0-9]{1,4}))?")
_MEASURED = re.compile(r"([0-9]{1,4})=([0-9]{1,4}(?:\.[0-9]{1,17})?)")
_FORMS = (
    "use a list (0,2,4), a range (0:8), or each with the mean number of accepted "
    "drafts measured at it (2=1.31,4=1.96)"
)


def parse_draft_lengths(text: str) -> list[int] | dict[int, float]:
    """Draft lengths, with their measured means where these are given.

    Parameters
    ----------
    text : str
        Numbers and ranges `first:last` by commas, or `K=MEAN` by commas.

    Raises
    ------
    typer.BadParameter
        If a part cannot be read, is there twice, or is too large.
    """
    means: dict[int, float] = {}
    lengths: dict[int, None] = {}
    for part in (piece.strip() for piece in text.split(",")):
        measured = _MEASURED.fullmatch(part)
        ranged = _RANGE.fullmatch(part)
        if measured is not None:
            found = [int(measured[1])]
            means[found[0]] = float(measured[2])
        elif ranged is not None:
            first, last = int(ranged[1]), int(ranged[2] or ranged[1])
            if first > last:
                raise _wrong(part, "the first must not be above the last")
            found = list(range(first, min(last, first + _MOST) + 1))
        else:
            raise _wrong(part, _FORMS)
        for k in found:
            if k > _LARGEST:
                raise _wrong(part, f"must be at most {_LARGEST}")
            if k in lengths:
                raise _wrong(part, f"{k} is there twice")
            lengths[k] = None
        if len(lengths) > _MOST:
            raise _wrong(part, f"more than {_MOST} draft lengths")
    if not means:
        return list(lengths)
    if len(means) < len(lengths):
        raise _wrong(text, "give a mean for every draft length or for none")
    return means


def _wrong(part: str, why: str) -> typer.BadParameter:
    return typer.BadParameter(f"{part[:60]!r}: {why}", param_hint="--k-sweep")
