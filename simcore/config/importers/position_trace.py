"""Position traces of SpecDecode-Bench: what a burst at every position would commit.

A line is a request; `acc_NAME.acc_len[p]` is how many tokens a burst that starts after
generated token p commits, the bonus token included, for the drafter NAME. Such a trace
serves every draft length.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

from pydantic import Field

from simcore.config.base import AS_TUPLE, FieldIssue
from simcore.config.document import Document
from simcore.config.importers.recording import (
    Foreign,
    ImportOptions,
    Length,
    Reading,
    Recording,
    bins_of,
)
from simcore.config.problems import choices_text, did_you_mean
from simcore.errors import printable

_PREFIX = "acc_"
_FIELD = "acc_len"


class _Trace(Foreign):
    acc_len: Annotated[tuple[Length, ...], AS_TUPLE, Field(min_length=1)]


def recognises(record: Document) -> bool:
    """Whether a record has a trace."""
    return bool(_methods(record))


def keeps(key: str) -> bool:
    """Whether a key is of use; the tokens beside the traces are large."""
    return key.startswith(_PREFIX)


def read(
    records: Sequence[Document], options: ImportOptions, reading: Reading
) -> Recording | None:
    """Positions of every request; None when there are problems."""
    method = _method(records, options, reading)
    if method is None:
        return None
    key = f"{_PREFIX}{method}"
    bonus = 1 if options.convention == "accepted" else 0
    positions = []
    for record in records:
        if reading.full:
            break
        if not isinstance(record.get(key), dict):
            issue = FieldIssue((key,), message="missing", allowed="must be a mapping")
            reading.tell(record, [issue])
            continue
        part = record.section(key)
        trace = reading.check(_Trace, part, (key,))
        if trace is None:
            continue
        if not bonus and 0 in trace.acc_len:
            issue = FieldIssue(
                (_FIELD, trace.acc_len.index(0)),
                got="0",
                allowed="a burst commits at least the bonus token",
                hint="If these are accepted drafts: --convention accepted.",
            )
            reading.tell(part, [issue], (key,))
        positions.append([length + bonus for length in trace.acc_len])
    if reading.problems:
        return None
    if bonus and not any(1 in request for request in positions):
        reading.option(
            "--convention",
            got="accepted",
            allowed="must be committed",
            hint="At no position a burst accepts 0, so the bonus token is in acc_len.",
        )
        return None
    return Recording(
        options.convention or "committed",
        options.draft_length,
        positions=positions,
        requests=len(positions),
        notes=[f"Drafter {_shown(method)}."],
    )


def replayed(positions: Sequence[Sequence[int]], k: int) -> list[list[int]]:
    """Accepted drafts of the bursts that draft length K makes of a trace.

    Parameters
    ----------
    positions : sequence
        Per request and position, committed tokens.
    k : int
        Draft length.
    """
    replays = []
    for request in positions:
        at, bursts = 0, []
        while at < len(request):
            committed = min(request[at], k + 1)
            bursts.append(committed - 1)
            at += committed
        replays.append(bursts)
    return replays


def replayed_bins(positions: Sequence[Sequence[int]], k: int) -> dict[int, float]:
    """Histogram of the same, without last bursts: the end of a request cuts them."""
    return bins_of(request[:-1] for request in replayed(positions, k))


def _methods(record: Document) -> list[str]:
    if not isinstance(record.data, dict):
        return []
    return [
        key.removeprefix(_PREFIX)
        for key, value in record.data.items()
        if key.startswith(_PREFIX) and isinstance(value, dict) and _FIELD in value
    ]


def _method(
    records: Sequence[Document], options: ImportOptions, reading: Reading
) -> str | None:
    names = sorted({name for record in records for name in _methods(record)})
    if not names:
        reading.option(
            "FILE",
            message="no record has a trace",
            allowed=f"must have {_PREFIX}NAME.{_FIELD}",
        )
        return None
    if options.method is None and len(names) > 1:
        reading.option(
            "--method",
            message="missing; the file has several drafters",
            allowed=choices_text([_shown(name) for name in names]),
        )
        return None
    if options.method is not None and options.method not in names:
        reading.option(
            "--method",
            got=printable(options.method),
            allowed=choices_text([_shown(name) for name in names]),
            hint=did_you_mean(options.method, names),
        )
        return None
    return options.method or names[0]


def _shown(name: str) -> str:
    plain = name.isascii() and name.isprintable() and 0 < len(name) <= 60
    return name if plain else printable(name, 60)
