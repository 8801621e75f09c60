"""From the files of another program to a checked acceptance, and its text as YAML."""

from __future__ import annotations

import json
import math
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import Any, get_args

from simcore.config.acceptance import AcceptanceConfig
from simcore.config.base import MAX_DRAFT_LENGTH
from simcore.config.document import raise_problems
from simcore.config.importers import prometheus
from simcore.config.importers.formats import (
    FORMATS,
    RECORD_FORMATS,
    TITLES,
    formats_of,
)
from simcore.config.importers.position_trace import replayed, replayed_bins
from simcore.config.importers.recording import (
    MEANING,
    Convention,
    ImportOptions,
    Reading,
    Recording,
    ReplayKind,
    bins_of,
)
from simcore.config.importers.records import InputFile, open_inputs, read_records
from simcore.config.load import load_acceptance
from simcore.config.problems import choices_text, did_you_mean
from simcore.config.yaml_reader import MAX_BYTES, MAX_NODES
from simcore.errors import ConfigError, Problem, printable

_WIDTH = 88
#: Values of a file that are not outcomes.
_OTHER_NODES = 20


@dataclass(frozen=True)
class Imported:
    """An acceptance that was imported.

    Attributes
    ----------
    format : str
        Name of the format.
    acceptance : acceptance object
        Checked, as `load_acceptance` gives it from the text.
    convention : str
        How the imported file counts.
    requests : int or None
        Requests it covers, where that is known.
    bursts : float or None
        Bursts, or the weight of all bins; None for positions.
    positions : int or None
        Token positions, when these are what was recorded.
    mean_accepted : float or None
        Accepted drafts of a burst, the bonus token excluded; None for positions.
    notes : tuple of str
        What the user should know, a sentence each; in the text as comments.
    text : str
        The YAML file.
    """

    format: str
    acceptance: AcceptanceConfig
    convention: Convention
    requests: int | None
    bursts: float | None
    positions: int | None
    mean_accepted: float | None
    notes: tuple[str, ...]
    text: str = field(repr=False)


def import_acceptance(
    format_name: str,
    paths: Sequence[str | PurePath],
    options: ImportOptions | None = None,
    *,
    source: str | None = None,
    label: str | None = None,
) -> Imported:
    """Read recordings of acceptance that another program wrote.

    Parameters
    ----------
    format_name : str
        One of `formats.FORMATS` but `huggingface`; `auto` looks into the first file.
    paths : sequence of path or str
        Files of one recording; they are added up.
    options : ImportOptions, optional
        What the files do not say.
    source : str, optional
        Where it was measured: model, drafter, task, machine.
    label : str, optional
        Caveat for reports.

    Raises
    ------
    ConfigError
        With every problem of the files and of the options.
    """
    options = ImportOptions() if options is None else options
    reading = Reading()
    _check_options(options, source, label, reading)
    inputs, problems = open_inputs([FilePath(path) for path in paths])
    reading.problems += problems
    name = format_name
    if name == "auto" and inputs:
        name = detected(inputs[0])
    raise_problems(reading.problems)
    if name not in TITLES or name == "huggingface":
        raise ConfigError([_no_format(name)])
    recording = _recording(name, inputs, options, reading)
    raise_problems(reading.problems)
    assert recording is not None  # there would be a problem
    content = _content(recording, options, reading)
    raise_problems(reading.problems)
    about = {
        "status": "measured",
        **({} if label is None else {"label": label}),
        "source": _source(name, inputs, recording, source),
    }
    text = _text(name, content, about, recording.notes)
    if len(text) > MAX_BYTES:
        raise ConfigError([_too_large(f"{MAX_BYTES} characters")])
    acceptance = load_acceptance({**content, **about})
    weights = content.get("histogram")
    if content["kind"] == "burst_replay":
        weights = bins_of(content["requests"])
    bursts = None if weights is None else math.fsum(weights.values())
    mean = None
    if weights is not None and bursts:
        mean = math.fsum(int(n) * w for n, w in weights.items()) / bursts
    positions = recording.positions
    return Imported(
        name,
        acceptance,
        recording.convention,
        recording.requests,
        bursts,
        None if positions is None else sum(map(len, positions)),
        mean,
        tuple(recording.notes),
        text,
    )


def detected(source: InputFile) -> str:
    """The one format that a file fits.

    Raises
    ------
    ConfigError
        If it fits none, or several.
    """
    found = formats_of(source)
    if len(found) == 1:
        return found[0]
    message = "fits several formats" if found else "of no format that is known"
    raise ConfigError(
        [
            Problem(
                "FORMAT",
                source.shown,
                message=message,
                allowed=choices_text(found or list(TITLES)),
                hint="Name the format in place of auto.",
            )
        ]
    )


def _no_format(name: str) -> Problem:
    return Problem(
        "FORMAT",
        got=printable(name),
        allowed=choices_text([n for n in FORMATS if n != "huggingface"]),
        hint=did_you_mean(name, FORMATS),
    )


def _check_options(
    options: ImportOptions, source: str | None, label: str | None, reading: Reading
) -> None:
    for name, value, allowed in (
        ("--convention", options.convention, get_args(Convention)),
        ("--kind", options.kind, get_args(ReplayKind)),
    ):
        if value is not None and value not in allowed:
            reading.option(
                name, got=printable(value), allowed=choices_text(list(allowed))
            )
    for name, number, low, high in (
        ("--draft-length", options.draft_length, 0, MAX_DRAFT_LENGTH),
        ("--records", options.records, 1, 10**9),
    ):
        if number is not None and not low <= number <= high:
            allowed_text = f"must be an integer between {low} and {high}"
            reading.option(name, got=printable(number), allowed=allowed_text)
    for name, text in (("--source", source), ("--label", label)):
        if text is not None and not (text.isprintable() and 0 < len(text) <= 1000):
            allowed_text = (
                "must be 1 to 1000 characters, none of them control characters"
            )
            reading.option(name, got=printable(text), allowed=allowed_text)


def _recording(
    name: str, inputs: list[InputFile], options: ImportOptions, reading: Reading
) -> Recording | None:
    entry = RECORD_FORMATS.get(name)
    takes = frozenset() if entry is None else entry.options
    for option, value in (("--records", options.records), ("--method", options.method)):
        if value is not None and option not in takes:
            message = f"format {name} has no such choice"
            reading.option(option, message=message)
    if entry is None:
        if len(inputs) > 1:
            reading.option(
                "FILE",
                got=f"{len(inputs)} files",
                allowed="must be one",
                hint="Counters run on: a later scrape contains the earlier one.",
            )
        if reading.problems:
            return None
        return prometheus.read(inputs[0], options, reading)
    records = []
    for source in inputs:
        found, problems = read_records(source, options.records, entry.keeps)
        records += found
        reading.problems += problems
        if not found and not problems:
            reading.problems.append(
                Problem("", source.shown, message="there is no record in it")
            )
    if reading.problems:
        return None
    recording = entry.read(records, options, reading)
    if recording is not None and not (recording.histogram or recording.positions):
        reading.option("FILE", message="no burst was recorded")
    return recording


def _content(
    recording: Recording, options: ImportOptions, reading: Reading
) -> dict[str, Any]:
    """The acceptance as a mapping, of the kind that was asked for or keeps most."""
    kinds: list[ReplayKind] = ["histogram"]
    if recording.positions is not None:
        kinds = ["position_replay", "burst_replay", "histogram"]
    elif recording.bursts is not None:
        kinds = ["burst_replay", "histogram"]
    kind = options.kind or kinds[0]
    if kind not in kinds:
        reading.option(
            "--kind",
            got=kind,
            allowed=choices_text(kinds),
            hint="The recording does not have the order of bursts."
            if kind == "burst_replay"
            else "The recording does not have every token position.",
        )
        return {}
    k, positions = recording.k, recording.positions
    if kind == "position_replay":
        if k is not None:
            reading.option(
                "--draft-length",
                message="a position replay has none",
                hint="Leave it out, or choose --kind histogram or burst_replay.",
            )
        return _bounded_requests({"kind": kind, "convention": "committed"}, positions)
    if k is None:
        reading.needs_draft_length("A trace of positions is replayed at one K.")
        return {}
    content: dict[str, Any] = {"kind": kind, "convention": "accepted", "k": k}
    bursts = recording.bursts if positions is None else replayed(positions, k)
    if kind == "burst_replay":
        return _bounded_requests(content, bursts)
    bins = recording.histogram
    if positions is not None:
        bins = replayed_bins(positions, k)
        recording.notes.append("The last burst of each request is left out.")
        if not bins:
            reading.option("FILE", message="no request has more than one burst")
    return {**content, "histogram": {n: _plain(bins[n]) for n in sorted(bins)}}


def _bounded_requests(
    content: dict[str, Any], requests: list[list[int]] | None
) -> dict[str, Any]:
    """Add the requests, if a file may hold so many values."""
    assert requests is not None  # the kind was possible
    left, fit = MAX_NODES - _OTHER_NODES, 0
    for request in requests:
        left -= len(request) + 1
        fit += left >= 0
    if left < 0:
        raise ConfigError([_too_large(f"{MAX_NODES} values", fit)])
    return {**content, "requests": requests}


def _too_large(limit: str, fit: int | None = None) -> Problem:
    first = "" if not fit else f" The first {fit} requests fit."
    return Problem(
        "--kind",
        message=f"the recording is larger than one acceptance file: more than {limit}",
        hint=f"Use --kind histogram, or --records N for a part.{first}",
    )


def _plain(weight: float) -> float:
    return int(weight) if weight == int(weight) else weight


def _source(
    name: str, inputs: list[InputFile], recording: Recording, stated: str | None
) -> str:
    files = ", ".join(f"{f.name} (sha256 {f.sha256[:12]})" for f in inputs[:3])
    if len(inputs) > 3:
        files += f" and {len(inputs) - 3} more files"
    text = f"{TITLES[name]}: {files}; counted there: {MEANING[recording.convention]}"
    return text if stated is None else f"{stated}. {text}"


# Text. Every value here is a number or checked text; written by hand so that a request
# is a line.


def _text(
    name: str,
    content: Mapping[str, Any],
    about: Mapping[str, str],
    notes: Sequence[str],
) -> str:
    convention: Convention = content["convention"]
    comments = [
        f"Imported by `simcore import {name}`. Here: {MEANING[convention]}.",
        *notes,
    ]
    lines = [
        line
        for comment in comments
        for line in textwrap.wrap(
            comment, _WIDTH, initial_indent="# ", subsequent_indent="#   "
        )
    ]
    for key, value in {**content, **about}.items():
        if isinstance(value, dict):
            lines += [f"{key}:", *(f"  {n}: {count!r}" for n, count in value.items())]
        elif isinstance(value, list):
            lines += [f"{key}:", *map(_request, value)]
        elif key in ("label", "source"):
            lines.append(f"{key}: {_quoted(value)}")
        else:
            lines.append(f"{key}: {value}")
    return "\n".join(lines) + "\n"


def _request(request: Sequence[int]) -> str:
    return f"  - [{', '.join(map(str, request))}]"


def _quoted(text: str) -> str:
    # JSON's quoting is YAML's, but for the pairs it makes of rare characters.
    return json.dumps(text, ensure_ascii=False)
