"""Answer files of Spec-Bench, EAGLE and Medusa: the length of every burst in order.

A line is a question: `choices[].accept_lengths` runs over all turns, `decoding_steps`
(or, 0-based, `idxs`) says how many bursts each turn has, `new_tokens` how many tokens
each turn has. Most writers count the bonus token; `new_tokens` shows whether one did.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Annotated

from pydantic import Field

from simcore.config.base import AS_TUPLE, FieldIssue
from simcore.config.document import Document, Path
from simcore.config.importers.recording import (
    MEANING,
    Convention,
    Count,
    Foreign,
    ImportOptions,
    Length,
    Reading,
    Recording,
    bins_of,
)

_Counts = Annotated[tuple[Count, ...], AS_TUPLE]


class _Choice(Foreign):
    accept_lengths: Annotated[tuple[Length, ...], AS_TUPLE]
    decoding_steps: _Counts | None = None
    idxs: _Counts | None = None
    new_tokens: _Counts | None = None


class _Record(Foreign):
    choices: Annotated[
        tuple[dict[str, object], ...],
        AS_TUPLE,
        Field(min_length=1, max_length=1024),
    ]


@dataclass
class _Found:
    """Turns of all questions, as the file counts, and where they are."""

    turns: list[tuple[int, ...]] = field(default_factory=list)
    places: list[tuple[Document, Path, int]] = field(default_factory=list)
    empty: int = 0
    new_tokens: int | None = 0


def recognises(record: Document) -> bool:
    """Whether a record is a question with burst lengths or burst counts."""
    first = record.get("choices", 0)
    names = {"accept_lengths", "decoding_steps", "idxs"}
    return isinstance(first, dict) and bool(names & first.keys())


def read(
    records: Sequence[Document], options: ImportOptions, reading: Reading
) -> Recording | None:
    """Bursts of every turn; None when there are problems."""
    found = _Found()
    for record in records:
        if reading.full:
            break
        if reading.check(_Record, record) is None:
            continue
        for n in range(len(record.get("choices"))):
            place: Path = ("choices", n)
            part = record.section(*place)
            choice = reading.check(_Choice, part, place)
            if choice is not None:
                _add(found, choice, part, place, reading)
    if reading.problems or not records:
        return None
    if not found.turns:
        reading.option("FILE", message="no burst in any answer")
        return None
    convention, shown = _convention(found, options, reading)
    if convention == "committed":
        _refuse_zeros(found, reading)
    if reading.problems or convention is None:
        return None
    bonus = 1 if convention == "committed" else 0
    bursts = [[length - bonus for length in turn] for turn in found.turns]
    notes = [shown] if shown else []
    if found.empty:
        notes.append(f"{found.empty} turns without a burst are left out.")
    k = _draft_length(found, bursts, bonus, options, reading)
    notes.append(
        "The last burst of a turn is kept as recorded; the end of the answer may have "
        "cut it. If the drafts were trees, K is their depth."
    )
    return Recording(
        convention,
        k,
        bins_of(bursts),
        bursts=bursts,
        requests=len(bursts),
        notes=notes,
    )


def _add(
    found: _Found, choice: _Choice, part: Document, place: Path, reading: Reading
) -> None:
    """Split the bursts of a choice into its turns."""
    lengths = choice.accept_lengths
    steps = _steps(choice)
    if steps is None:
        name = "idxs" if choice.decoding_steps is None else "decoding_steps"
        issue = FieldIssue(
            (name,),
            message=f"{sum(getattr(choice, name))} steps in all",
            allowed=f"must be {len(lengths)}, as accept_lengths has",
        )
        reading.tell(part, [issue], place)
        return
    at = 0
    for count in steps:
        turn = lengths[at : at + count]
        if turn:
            found.turns.append(turn)
            found.places.append((part, (*place, "accept_lengths"), at))
        else:
            found.empty += 1
        at += count
    if choice.new_tokens is None:
        found.new_tokens = None
    elif found.new_tokens is not None:
        found.new_tokens += sum(choice.new_tokens)


def _steps(choice: _Choice) -> tuple[int, ...] | None:
    """Bursts of each turn; None when they are not as many as there are lengths."""
    total = len(choice.accept_lengths)
    candidates: list[tuple[int, ...]] = []
    if choice.decoding_steps is not None:
        candidates = [choice.decoding_steps]
    elif choice.idxs is not None:
        # EAGLE writes the last index of a turn; some of its descendants, the count.
        candidates = [tuple(n + 1 for n in choice.idxs), choice.idxs]
    else:
        candidates = [(total,)]
    return next((steps for steps in candidates if sum(steps) == total), None)


def _convention(
    found: _Found, options: ImportOptions, reading: Reading
) -> tuple[Convention | None, str | None]:
    """How the file counts, as its tokens show or as the user states."""
    shown: Convention | None = None
    why = "The file has no new_tokens"
    if found.new_tokens is not None:
        bursts = sum(map(len, found.turns))
        surplus = found.new_tokens - sum(map(sum, found.turns))
        # The token of the prompt's own step, and one past the end, may be in or out.
        slack = len(found.turns)
        fits: list[Convention] = []
        if abs(surplus) <= slack:
            fits.append("committed")
        if abs(surplus - bursts) <= slack:
            fits.append("accepted")
        shown = fits[0] if len(fits) == 1 else None
        why = (
            f"The sum of accept_lengths is {-surplus:+} from new_tokens, and there are "
            f"{bursts} bursts, which fits {'both' if fits else 'neither'}"
        )
    stated = options.convention
    if stated is None and shown is None:
        reading.needs_convention(why)
        return None, None
    if stated is not None and shown is not None and stated != shown:
        reading.option(
            "--convention",
            got=stated,
            allowed=f"must be {shown}",
            hint=f"new_tokens shows that accept_lengths counts {MEANING[shown]}.",
        )
        return None, None
    told = None
    if shown is not None:
        told = f"new_tokens shows that accept_lengths counts {MEANING[shown]}."
    return stated or shown, told


def _refuse_zeros(found: _Found, reading: Reading) -> None:
    for turn, (part, path, start) in zip(found.turns, found.places, strict=True):
        if reading.full:
            return
        issues = [
            FieldIssue(
                ("accept_lengths", start + n),
                got="0",
                allowed="a burst commits at least the bonus token",
                hint="If these are accepted drafts: --convention accepted.",
            )
            for n, length in enumerate(turn)
            if length == 0
        ]
        reading.tell(part, issues[:50], path[:-1])


def _draft_length(
    found: _Found,
    bursts: Sequence[Sequence[int]],
    bonus: int,
    options: ImportOptions,
    reading: Reading,
) -> int | None:
    most = max(max(request) for request in bursts)
    k = options.draft_length
    if k is None:
        reading.needs_draft_length(
            f"The format does not say it; the most that a burst accepted is {most}."
        )
        return None
    for request, (part, path, start) in zip(bursts, found.places, strict=True):
        if max(request) <= k or reading.full:
            continue
        issues = [
            FieldIssue(
                ("accept_lengths", start + n),
                got=str(accepted + bonus),
                allowed=f"must be at most {k + bonus} at K = {k}",
                hint=_above_hint(bursts, k, most, bonus),
            )
            for n, accepted in enumerate(request)
            if accepted > k
        ]
        reading.tell(part, issues[:50], path[:-1])
    return k


def _above_hint(bursts: Sequence[Sequence[int]], k: int, most: int, bonus: int) -> str:
    least = min(min(request) for request in bursts)
    if not bonus and most == k + 1 and least > 0:
        return "The bonus token seems to be counted: --convention committed."
    return f"The most that a burst accepted is {most}: --draft-length {most}?"
