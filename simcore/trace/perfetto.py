"""A window of a run as Chrome trace JSON, for https://ui.perfetto.dev.

One process per kind of block, one thread per resource, one slice per hold; waits are
async slices of a process "queue", bursts are slices of a process "bursts". Perfetto
draws slices that overlap on a track apart: on a resource this would show a broken
promise of exclusivity.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pyarrow as pa

from simcore.errors import ConfigError, Problem
from simcore.trace.folder import AtomicFile, writing
from simcore.trace.reader import Trace
from simcore.trace.schema import EVENTS_SCHEMA, WIDE_COLUMNS

TimeScale = Literal["us", "ps"]

#: Kinds of block from top to bottom, with what people call them.
_BLOCKS = {
    "bursts": "bursts",
    "control": "control",
    "A1": "draft engine (A1)",
    "A2": "verify engine (A2)",
    "dpu": "DPU",
    "attention": "attention unit",
    "sram": "SRAM port",
    "fabric_read": "fabric, read",
    "fabric_write": "fabric, write",
    "hbm": "HBM channel",
    "layer": "layer gate",
    "queue": "queue",
}

_BYTES_PER_SLICE = 250
#: Written with every slice, and written only where they are not zero.
_ALWAYS = ("request", "burst", "step", "layer", "duration_ps")
_WHERE_NOT_ZERO = ("wait_ps", "read_bytes", "write_bytes", "energy_pj")
_LINES_PER_WRITE = 4096


class _Track(NamedTuple):
    process: int
    thread: int


def export_perfetto(
    trace: Trace,
    out: Path,
    *,
    bursts: tuple[int, int] | None = None,
    replication: int = 0,
    max_slices: int = 1_000_000,
    time_scale: TimeScale = "us",
) -> int:
    """Write holds and waits as Chrome trace JSON.

    Parameters
    ----------
    trace : Trace
        A run with events.
    out : Path
        JSON file; appears whole, replaced if it exists.
    bursts : tuple of int, optional
        First and last burst of every request, both included; None takes all.
    replication : int
        Each replication has its own clock, so one is shown at a time.
    max_slices : int
        Refuse more slices (about 250 bytes each).
    time_scale : {"us", "ps"}
        "us" writes true microseconds with every picosecond in the decimals, of
        which the viewer keeps nanoseconds; "ps" shows each picosecond as 1 ns.

    Returns
    -------
    int
        Slices written, one per hold and resource.

    Raises
    ------
    ConfigError
        If the window holds more than `max_slices` or no burst at all.
    TraceError
        If the run kept no events or a file is damaged.
    OutputError
        If the system refuses to write.
    """
    window = _Window(trace, replication, bursts)
    window.require_at_most(max_slices)
    lines = _lines(trace, window, time_scale)
    with AtomicFile(Path(out)) as file, writing(file.path):
        file.write(b'{"displayTimeUnit": "ns",\n"otherData": ')
        other = _other_data(trace, window, time_scale)
        file.write(_dumps(other).encode() + b',\n"traceEvents": [\n')
        pending = [next(lines)]
        for line in lines:
            if len(pending) == _LINES_PER_WRITE:
                file.write("".join(pending).encode())
                pending.clear()
            pending.append(",\n" + line)
        file.write(("".join(pending) + "\n]}\n").encode())
    return window.n_slices


class _Window:
    """The bursts shown, and how many slices they have."""

    def __init__(
        self, trace: Trace, replication: int, bursts: tuple[int, int] | None
    ) -> None:
        self.replication = replication
        trace.require_events()
        table = trace.bursts()
        chosen = table["replication"].to_numpy() == replication
        numbers = table["burst"].to_numpy()[chosen]
        self.first, self.last = bursts or (0, int(numbers.max(initial=0)))
        within = (numbers >= self.first) & (numbers <= self.last)
        if not within.any() and (bursts or replication or table.num_rows):
            n_bursts = int(numbers.max(initial=-1)) + 1
            problem = Problem(
                path="bursts",
                message=f"no burst in {self.first}-{self.last} of replication "
                f"{replication}",
                hint=f"It has {n_bursts} bursts a request, numbered from 0.",
            )
            raise ConfigError([problem])
        rows = np.flatnonzero(chosen)[within]
        self.bursts = table.take(rows)
        self._slices_of_burst = np.zeros(self.last + 1, dtype=np.int64)
        for events in trace.iter_events(["replication", "burst"]):
            shown = events["burst"].to_numpy()[self.mask(events)]
            self._slices_of_burst += np.bincount(shown, minlength=self.last + 1)
        self.n_slices = int(self._slices_of_burst.sum())

    def mask(self, events: pa.Table) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Rows of the events that are shown."""
        burst = events["burst"].to_numpy()
        shown = events["replication"].to_numpy() == self.replication
        shown &= (burst >= self.first) & (burst <= self.last)
        mask: np.ndarray[Any, np.dtype[np.bool_]] = shown
        return mask

    def require_at_most(self, max_slices: int) -> None:
        """Refuse a window that no viewer would open, and propose one."""
        if self.n_slices <= max_slices:
            return
        fitting = np.cumsum(self._slices_of_burst[self.first :]) <= max_slices
        last = self.first + int(fitting.sum()) - 1
        megabytes = self.n_slices * _BYTES_PER_SLICE // 10**6
        hint = (
            f"Choose bursts {self.first}-{last}, or raise the limit."
            if last >= self.first
            else "One burst alone is above the limit: raise it."
        )
        message = f"{self.n_slices} slices (about {megabytes} MB)"
        allowed = f"must be at most {max_slices}"
        raise ConfigError(
            [Problem(path="bursts", message=message, allowed=allowed, hint=hint)]
        )


def _lines(trace: Trace, window: _Window, scale: TimeScale) -> Iterator[str]:
    """Events of the JSON, one a line; names of tracks first."""
    tracks, process_of = _tracks(trace)
    yield from _metadata(tracks, process_of, scale)
    yield from _burst_slices(window.bursts, process_of["bursts"], scale)
    queue = process_of["queue"]
    waits = 0
    for events in trace.iter_events(EVENTS_SCHEMA.names):
        shown = events.filter(pa.array(window.mask(events)))
        if not shown.num_rows:
            continue
        holds = _Holds(trace.widen(shown, WIDE_COLUMNS), scale)
        yield from holds.slices(tracks)
        # A hold waits once, however many resources it takes.
        owner = shown["resource_index"].to_numpy() == 0
        for row in np.flatnonzero(owner & (holds.wait_ps > 0)):
            waits += 1
            yield from holds.wait(int(row), queue, waits)


class _Holds:
    """Some rows of the wide view as lists, which format fastest."""

    def __init__(self, wide: pa.Table, scale: TimeScale) -> None:
        self._scale = scale
        self.wait_ps = wide["wait_ps"].to_numpy()
        self._ready_ps: list[int] = wide["ready_ps"].to_numpy().tolist()
        self._start_ps: list[int] = wide["start_ps"].to_numpy().tolist()
        self._duration_ps: list[int] = wide["duration_ps"].to_numpy().tolist()
        names = (*_ALWAYS, *_WHERE_NOT_ZERO)
        self._values = {name: wide[name].to_pylist() for name in names}
        self._resource = _texts(wide["resource"])
        self._operation = [json.dumps(text) for text in _texts(wide["operation"])]
        self._labels = [
            f'"phase":{json.dumps(phase)},"stage":{json.dumps(stage)}'
            for phase, stage in zip(
                _texts(wide["phase"]), _texts(wide["stage"]), strict=True
            )
        ]
        self._channel = [json.dumps(text) for text in _texts(wide["channel"])]

    def slices(self, tracks: Mapping[str, _Track]) -> Iterator[str]:
        scale = self._scale
        for row, resource in enumerate(self._resource):
            track = tracks[resource]
            yield (
                f'{{"ph":"X","cat":{self._channel[row]},'
                f'"name":{self._operation[row]},'
                f'"pid":{track.process},"tid":{track.thread},'
                f'"ts":{_time(self._start_ps[row], scale)},'
                f'"dur":{_time(self._duration_ps[row], scale)},'
                f'"args":{{{self._arguments(row)}}}}}'
            )

    def wait(self, row: int, process: int, number: int) -> Iterator[str]:
        """Begin and end of one wait, named by what it waits for."""
        scale = self._scale
        name = json.dumps(f"wait {self._resource[row]}")
        head = f'"cat":"wait","name":{name},"id":"{number:#x}","pid":{process},"tid":0'
        yield (
            f'{{"ph":"b",{head},"ts":{_time(self._ready_ps[row], scale)},'
            f'"args":{{"operation":{self._operation[row]},{self._arguments(row)}}}}}'
        )
        yield f'{{"ph":"e",{head},"ts":{_time(self._start_ps[row], scale)}}}'

    def _arguments(self, row: int) -> str:
        parts = [self._labels[row]]
        for name in _ALWAYS:
            value = self._values[name][row]
            if value is not None:
                parts.append(f'"{name}":{value}')
        for name in _WHERE_NOT_ZERO:
            value = self._values[name][row]
            if value:
                # repr of a finite float is JSON.
                parts.append(f'"{name}":{value!r}')
        return ",".join(parts)


def _texts(column: Any) -> list[str]:
    """Texts of a dictionary column; each distinct text is built once."""
    dictionary = column.combine_chunks()
    names = dictionary.dictionary.to_pylist()
    return [names[code] for code in dictionary.indices.to_pylist()]


def _tracks(trace: Trace) -> tuple[dict[str, _Track], dict[str, int]]:
    """Process and thread of each resource, and the process of each kind."""
    resources = {str(name) for name in trace.program()["resource"].to_pylist()}
    names = sorted(resources, key=_place)
    kinds = {_kind(name) for name in names} - set(_BLOCKS)
    order = [*_BLOCKS, *sorted(kinds)]
    process_of = {kind: number for number, kind in enumerate(order, start=1)}
    tracks: dict[str, _Track] = {}
    threads = dict.fromkeys(order, 0)
    for name in names:
        kind = _kind(name)
        threads[kind] += 1
        tracks[name] = _Track(process_of[kind], threads[kind])
    used = {_kind(name) for name in names} | {"bursts", "queue"}
    return tracks, {kind: process_of[kind] for kind in order if kind in used}


def _kind(resource: str) -> str:
    """`A1` of `A1[3]`."""
    return resource.partition("[")[0]


def _place(resource: str) -> tuple[str, int, str]:
    kind, _, index = resource.partition("[")
    digits = index.rstrip("]")
    return kind, int(digits) if digits.isdecimal() else -1, resource


def _metadata(
    tracks: Mapping[str, _Track], process_of: Mapping[str, int], scale: TimeScale
) -> Iterator[str]:
    note = " (1 ns shown = 1 ps)" if scale == "ps" else ""
    for kind, process in process_of.items():
        label = _BLOCKS.get(kind, kind) + note
        yield _meta("process_name", process, 0, {"name": label})
        yield _meta("process_sort_index", process, 0, {"sort_index": process})
    for resource, track in tracks.items():
        yield _meta("thread_name", *track, {"name": resource})
        yield _meta("thread_sort_index", *track, {"sort_index": track.thread})


def _meta(name: str, process: int, thread: int, args: Mapping[str, Any]) -> str:
    return _dumps(
        {"ph": "M", "name": name, "pid": process, "tid": thread, "args": args}
    )


def _burst_slices(bursts: pa.Table, process: int, scale: TimeScale) -> Iterator[str]:
    requests = np.unique(bursts["request"].to_numpy()).tolist()
    thread_of = {request: 1 + place for place, request in enumerate(requests)}
    for request, thread in thread_of.items():
        yield _meta("thread_name", process, thread, {"name": f"request {request}"})
        yield _meta("thread_sort_index", process, thread, {"sort_index": thread})
    for row in bursts.to_pylist():
        head = (
            f'{{"ph": "X", "cat": "burst", "name": "burst {row["burst"]}", '
            f'"pid": {process}, "tid": {thread_of[row["request"]]}'
        )
        duration_ps = row["end_ps"] - row["start_ps"]
        yield (
            f'{head}, "ts": {_time(row["start_ps"], scale)}, '
            f'"dur": {_time(duration_ps, scale)}, "args": {_dumps(row)}}}'
        )


def _time(ps: int, scale: TimeScale) -> str:
    """Microseconds as exact decimals; a float would lose picoseconds."""
    if scale == "us":
        return f"{ps // 1_000_000}.{ps % 1_000_000:06d}"
    return f"{ps // 1_000}.{ps % 1_000:03d}"


def _other_data(trace: Trace, window: _Window, scale: TimeScale) -> dict[str, Any]:
    metadata = trace.program().schema.metadata or {}
    kept = {
        key.decode(): value.decode()
        for key, value in metadata.items()
        if key.startswith(b"simcore.")
    }
    shown = {
        "bursts": f"{window.first}-{window.last}",
        "replication": str(window.replication),
        "time_scale": "true time" if scale == "us" else "1 ns shown = 1 ps",
    }
    return {**kept, **shown}


def _dumps(value: Any) -> str:
    return json.dumps(value, allow_nan=False, sort_keys=isinstance(value, dict))
