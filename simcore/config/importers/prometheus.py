"""vLLM's Prometheus counters of speculative decoding: survival by draft position.

`vllm:spec_decode_num_accepted_tokens_per_pos{position="i"}` is the number of bursts
whose draft i was accepted, so that differences of neighbours are a histogram. The
counters run from the start of the server.
"""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from itertools import pairwise

from simcore.config.base import MAX_DRAFT_LENGTH
from simcore.config.importers.recording import ImportOptions, Reading, Recording
from simcore.config.importers.records import InputFile
from simcore.errors import Problem, printable

_PREFIX = "vllm:spec_decode_num_"
_DRAFTS = "drafts"
_DRAFTED = "draft_tokens"
_ACCEPTED = "accepted_tokens"
_PER_POSITION = "accepted_tokens_per_pos"
_NAMES = (_DRAFTS, _DRAFTED, _ACCEPTED, _PER_POSITION)

# Possessive: no line takes more than one pass.
_LABEL = re.compile(
    r'[ \t,]*+([a-zA-Z_][a-zA-Z0-9_]*+)[ \t]*+=[ \t]*+"((?:[^"\\]|\\.)*+)"'
)
_END_OF_LABELS = re.compile(r"[ \t,]*+\}")
_LARGEST = 10**15


@dataclass
class _Counters:
    """Counters summed over engines."""

    totals: dict[str, int] = field(default_factory=dict)
    positions: dict[int, int] = field(default_factory=dict)
    models: dict[str, int] = field(default_factory=dict)


def recognises(source: InputFile) -> bool:
    """Whether a text has these counters."""
    return re.search(rf"^{_PREFIX}", source.text, re.MULTILINE) is not None


def read(
    source: InputFile, options: ImportOptions, reading: Reading
) -> Recording | None:
    """Histogram of all bursts of a server; None when there are problems."""
    counters = _counters(source, reading)
    if reading.problems:
        return None
    if options.convention == "committed":
        reading.option(
            "--convention",
            got="committed",
            allowed="must be accepted",
            hint=f"{_PREFIX}{_PER_POSITION} counts accepted drafts by position.",
        )
    if len(counters.models) > 1:
        names = ", ".join(printable(name) for name in sorted(counters.models)[:10])
        reading.problems.append(
            Problem(
                "model_name",
                source.shown,
                message=f"counters of several models: {names}",
                hint="Keep the lines of one.",
            )
        )
    missing = [name for name in (_DRAFTS, _ACCEPTED) if name not in counters.totals]
    if not counters.positions:
        missing.append(_PER_POSITION)
    reading.problems += [
        Problem(
            f"{_PREFIX}{name}",
            source.shown,
            message="missing",
            hint="vLLM writes it when speculative decoding is on.",
        )
        for name in missing
    ]
    if reading.problems:
        return None
    return _recording(source, counters, options, reading)


def _recording(
    source: InputFile, counters: _Counters, options: ImportOptions, reading: Reading
) -> Recording | None:
    def wrong(name: str, got: object, allowed: str, hint: str | None = None) -> None:
        path = f"{_PREFIX}{name}"
        reading.problems.append(
            Problem(path, source.shown, got=str(got), allowed=allowed, hint=hint)
        )

    totals = counters.totals
    k = len(counters.positions)
    if set(counters.positions) != set(range(k)):
        listed = ", ".join(map(str, sorted(counters.positions)[:20]))
        wrong(_PER_POSITION, f"positions {listed}", "must be 0 to K - 1, all of them")
        return None
    drafts = totals[_DRAFTS]
    survivors = [drafts, *(counters.positions[n] for n in range(k)), 0]
    if not drafts:
        wrong(_DRAFTS, 0, "must be > 0", "No burst was counted yet.")
    for position, (before, after) in enumerate(pairwise(survivors)):
        if after > before:
            wrong(
                f'{_PER_POSITION}{{position="{position}"}}',
                after,
                f"must be at most {before}: a draft counts after all before it",
                "Are these the counters of one moment?",
            )
    accepted = sum(survivors[1:])
    if totals[_ACCEPTED] != accepted:
        bonus = totals[_ACCEPTED] == accepted + drafts
        wrong(
            _ACCEPTED,
            totals[_ACCEPTED],
            f"must be {accepted}, the sum over positions",
            "It counts the bonus tokens, the positions do not." if bonus else None,
        )
    drafted = totals.get(_DRAFTED, drafts * k)
    if drafted > drafts * k:
        wrong(_DRAFTED, drafted, f"must be at most K x drafts ({k} x {drafts})")
    k = reading.draft_length(k, options) or k
    if reading.problems:
        return None
    notes = ["The counters run from the start of the server, its warm-up included."]
    if drafted < drafts * k:
        notes.append(
            f"{drafted / drafts:.4g} drafts a burst on average, not {k}: the end of a "
            "shorter draft counts as a rejection."
        )
    bins = {n: float(survivors[n] - survivors[n + 1]) for n in range(k + 1)}
    return Recording("accepted", k, {n: c for n, c in bins.items() if c}, notes=notes)


def _counters(source: InputFile, reading: Reading) -> _Counters:
    counters = _Counters()
    seen: dict[tuple[str, frozenset[tuple[str, str]]], int] = {}
    for number, line in enumerate(source.text.split("\n"), start=1):
        if not line.startswith(_PREFIX) or reading.full:
            continue
        sample = _sample(line)
        if sample is None:
            _line_problem(source, number, reading, "not a Prometheus sample")
            continue
        name, labels, text = sample
        if name not in _NAMES:
            continue  # `_created`, and what later versions count
        key = (name, frozenset(labels.items()))
        if key in seen:
            message = f"counted twice; first on line {seen[key]}"
            _line_problem(source, number, reading, message, name)
            continue
        seen[key] = number
        value = _count(text)
        position = _position(labels) if name == _PER_POSITION else 0
        if value is None:
            allowed = "must be a whole number >= 0"
            _line_problem(source, number, reading, None, name, text, allowed)
        elif position is None:
            allowed = f"must have a position between 0 and {MAX_DRAFT_LENGTH - 1}"
            got = labels.get("position", "none")
            _line_problem(source, number, reading, None, name, got, allowed)
        elif name == _PER_POSITION:
            at = counters.positions
            at[position] = at.get(position, 0) + value
        else:
            counters.totals[name] = counters.totals.get(name, 0) + value
        if "model_name" in labels:
            counters.models[labels["model_name"]] = number
    return counters


def _sample(line: str) -> tuple[str, dict[str, str], str] | None:
    """Name without prefix and suffix, labels and value of a line."""
    name, brace, rest = line.strip().partition("{")
    labels: dict[str, str] = {}
    if brace:
        at = 0
        while match := _LABEL.match(rest, at):
            labels[match[1]] = match[2]
            at = match.end()
        end = _END_OF_LABELS.match(rest, at)
        if end is None:
            return None
        words = rest[end.end() :].split()
    else:
        name, *words = line.split()
    if len(words) not in (1, 2):  # a time stamp may follow
        return None
    return name.strip().removeprefix(_PREFIX).removesuffix("_total"), labels, words[0]


def _count(text: str) -> int | None:
    try:
        value = float(text[:40])
    except ValueError:
        return None
    if not math.isfinite(value) or not 0 <= value <= _LARGEST or value % 1:
        return None
    return int(value)


def _position(labels: dict[str, str]) -> int | None:
    text = labels.get("position", "")
    if not re.fullmatch(r"[0-9]{1,4}", text) or int(text) >= MAX_DRAFT_LENGTH:
        return None
    return int(text)


def _line_problem(
    source: InputFile,
    number: int,
    reading: Reading,
    message: str | None,
    name: str | None = None,
    got: str | None = None,
    allowed: str | None = None,
) -> None:
    reading.problems.append(
        Problem(
            "" if name is None else f"{_PREFIX}{name}",
            source.shown,
            number,
            message,
            None if got is None else printable(got),
            allowed,
        )
    )
