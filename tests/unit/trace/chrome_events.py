"""A strict reader of the Chrome trace event format, as far as we write it.

It follows the format's document ("Trace Event Format", Google) and what
ui.perfetto.dev makes of it: an event that the viewer would drop, move to an overflow
track or tie to the wrong slice is an error here.
"""

from __future__ import annotations

import json
from bisect import bisect_right
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

Event = dict[str, Any]

_KEYS = {
    "M": {"name", "pid", "tid", "args"},
    "X": {"name", "cat", "pid", "tid", "ts", "dur", "args"},
    "b": {"name", "cat", "id", "pid", "tid", "ts", "args"},
    "e": {"name", "cat", "id", "pid", "tid", "ts"},
    "s": {"name", "cat", "id", "pid", "tid", "ts", "bp"},
    "t": {"name", "cat", "id", "pid", "tid", "ts", "bp"},
    "f": {"name", "cat", "id", "pid", "tid", "ts", "bp"},
    "C": {"name", "pid", "ts", "args"},
}
_NAMES = {
    "process_name": "name",
    "thread_name": "name",
    "process_sort_index": "sort_index",
    "thread_sort_index": "sort_index",
}


class FormatError(AssertionError):
    """The file is not what a viewer expects."""


def read_events(path: Path) -> tuple[dict[str, Any], list[Event]]:
    """The document and its events, all rules checked.

    Raises
    ------
    FormatError
        Naming the first event that breaks one.
    """
    try:
        document: dict[str, Any] = json.loads(
            path.read_text(encoding="utf-8"),
            parse_float=Decimal,
            parse_constant=_refuse,
            object_pairs_hook=_no_twins,
        )
    except ValueError as error:
        raise FormatError(str(error)) from error
    if set(document) != {"displayTimeUnit", "otherData", "traceEvents"}:
        raise FormatError(f"parts {sorted(document)}")
    events: list[Event] = document["traceEvents"]
    check(events)
    return document, events


def check(events: list[Event]) -> None:
    """Check every rule of some events; see `read_events`."""
    for event in events:
        _check_fields(event)
    _check_names(events)
    _check_nesting(events)
    _check_pairs(events)
    _check_flows(events)
    _check_counters(events)


def _refuse(constant: str) -> None:
    raise ValueError(f"{constant} is no JSON")


def _no_twins(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a key stands twice")
    return found


def _check_fields(event: Event) -> None:
    kind = event.get("ph")
    if kind not in _KEYS:
        raise FormatError(f"unknown kind {kind!r}")
    if set(event) != _KEYS[kind] | {"ph"}:
        raise FormatError(f"fields of {event}")
    for name in ("pid", "tid"):
        if name in event and not isinstance(event[name], int):
            raise FormatError(f"{name} of {event}")
    for name in ("ts", "dur"):
        value = event.get(name, 0)
        if isinstance(value, bool | str) or value < 0:
            raise FormatError(f"{name} of {event}")
    if not isinstance(event["name"], str) or not event["name"]:
        raise FormatError(f"name of {event}")
    if event.get("bp", "e") != "e":
        raise FormatError(f"bp of {event}")


def _check_names(events: list[Event]) -> None:
    """Every track has one name, given before anything is drawn."""
    named: dict[tuple[str, int, int], Any] = {}
    drawing = False
    for event in events:
        drawing = drawing or event["ph"] != "M"
        if event["ph"] != "M":
            continue
        if drawing or event["name"] not in _NAMES:
            raise FormatError(f"metadata {event}")
        if set(event["args"]) != {_NAMES[event["name"]]}:
            raise FormatError(f"metadata {event}")
        key = event["name"], event["pid"], event["tid"]
        if key in named:
            raise FormatError(f"named twice: {event}")
        named[key] = event["args"]
    for event in events:
        if event["ph"] == "M":
            continue
        if ("process_name", event["pid"], 0) not in named:
            raise FormatError(f"a process without a name: {event}")
        on_thread = event["ph"] in "Xstf"
        if on_thread and ("thread_name", event["pid"], event["tid"]) not in named:
            raise FormatError(f"a thread without a name: {event}")


def _tracks(events: list[Event]) -> dict[tuple[int, int], list[Event]]:
    tracks = defaultdict(list)
    for event in events:
        if event["ph"] == "X":
            tracks[event["pid"], event["tid"]].append(event)
    for slices in tracks.values():
        slices.sort(key=lambda e: (e["ts"], -e["dur"]))
    return tracks


def _check_nesting(events: list[Event]) -> None:
    """Slices on a track lie inside each other or apart."""
    for slices in _tracks(events).values():
        open_until: list[Any] = []
        for event in slices:
            begin, end = event["ts"], event["ts"] + event["dur"]
            while open_until and open_until[-1] <= begin:
                open_until.pop()
            if open_until and end > open_until[-1]:
                raise FormatError(f"reaches out of the slice around it: {event}")
            open_until.append(end)


def _check_pairs(events: list[Event]) -> None:
    """Every async slice begins once and ends once, not before it begins."""
    begun: dict[tuple[Any, ...], Event] = {}
    ended = set()
    for event in events:
        if event["ph"] not in "be":
            continue
        key = event["cat"], event["id"], event["pid"], event["name"]
        if event["ph"] == "b":
            if key in begun:
                raise FormatError(f"begun twice: {event}")
            begun[key] = event
        else:
            if key not in begun or key in ended or event["ts"] < begun[key]["ts"]:
                raise FormatError(f"ends what is not open: {event}")
            ended.add(key)
    if set(begun) != ended:
        raise FormatError(f"never ended: {sorted(set(begun) - ended)[0]}")


def _check_flows(events: list[Event]) -> None:
    """A flow is s, any number of t, then f, in time, each inside a slice."""
    tracks = _tracks(events)
    starts = {key: [e["ts"] for e in slices] for key, slices in tracks.items()}
    flows = defaultdict(list)
    for event in events:
        if event["ph"] not in "stf":
            continue
        flows[event["cat"], event["name"], event["id"]].append(event)
        key = event["pid"], event["tid"]
        place = bisect_right(starts.get(key, []), event["ts"]) - 1
        around = tracks[key][place] if place >= 0 else None
        if around is None or not event["ts"] < around["ts"] + around["dur"]:
            raise FormatError(f"tied to no slice: {event}")
    if len({id for *_, id in flows}) != len(flows):
        raise FormatError("two flows have one id")
    for key, chain in flows.items():
        kinds = "".join(event["ph"] for event in chain)
        if kinds != "s" + "t" * (len(chain) - 2) + "f" or len(chain) < 2:
            raise FormatError(f"flow {key} is {kinds!r}")
        times = [event["ts"] for event in chain]
        if times != sorted(times):
            raise FormatError(f"flow {key} goes back in time")


def _check_counters(events: list[Event]) -> None:
    """A counter has one value with its unit, and its times ascend."""
    last: dict[tuple[int, str], Event] = {}
    for event in events:
        if event["ph"] != "C":
            continue
        key = event["pid"], event["name"]
        if len(event["args"]) != 1:
            raise FormatError(f"values of {event}")
        ((unit, value),) = event["args"].items()
        if isinstance(value, bool | str) or value < 0:
            raise FormatError(f"value of {event}")
        if key in last and event["ts"] <= last[key]["ts"]:
            raise FormatError(f"does not come after the one before: {event}")
        if key in last and unit not in last[key]["args"]:
            raise FormatError(f"another unit than before: {event}")
        last[key] = event
