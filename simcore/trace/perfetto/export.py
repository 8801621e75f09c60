"""Writes the JSON, a row group of the trace at a time."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa

from simcore.trace.folder import AtomicFile, writing
from simcore.trace.perfetto.counters import Counters, StaticPower
from simcore.trace.perfetto.flows import Flows
from simcore.trace.perfetto.holds import Holds, burst_slices
from simcore.trace.perfetto.text import TimeScale, dumps, time_text
from simcore.trace.perfetto.tracks import Tracks, kind_of
from simcore.trace.perfetto.window import Selection, Window
from simcore.trace.reader import Trace
from simcore.trace.schema import EVENTS_SCHEMA, WIDE_COLUMNS

#: Above this a browser takes its time.
LARGE_BYTES = 100_000_000

_LINES_PER_WRITE = 4096
_ROWS_AT_A_TIME = 16_384


def export_perfetto(
    trace: Trace,
    out: Path,
    *,
    bursts: tuple[int, int] | None = None,
    requests: tuple[int, int] | None = None,
    from_ps: int | None = None,
    to_ps: int | None = None,
    replication: int | None = None,
    max_slices: int = 1_000_000,
    time_scale: TimeScale = "us",
    report: Callable[[str], None] | None = None,
) -> int:
    """Write holds, waits, arrows and counters as Chrome trace JSON.

    Parameters
    ----------
    trace : Trace
        A run with events.
    out : Path
        JSON file; appears whole, replaced if it exists.
    bursts : tuple of int, optional
        First and last burst of every request, both included; None takes all.
    requests : tuple of int, optional
        First and last request, both included; of one replication.
    from_ps, to_ps : int, optional
        Time on the replication's clock; a hold that has some of it is shown whole.
    replication : int, optional
        Each replication has its own clock, so one is shown at a time: by default that
        of the first request.
    max_slices : int
        Refuse more slices (about 300 bytes each).
    time_scale : {"us", "ps"}
        "us" writes true microseconds with every picosecond in the decimals, of
        which the viewer keeps nanoseconds; "ps" shows each picosecond as 1 ns.
    report : callable, optional
        Told in words of a file that will be large.

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
    window = Window(trace, Selection(bursts, requests, from_ps, to_ps, replication))
    window.require_at_most(max_slices)
    if report is not None and window.estimated_bytes > LARGE_BYTES:
        report(large_file(window))
    write_perfetto(trace, window, out, time_scale)
    return window.n_slices


def large_file(window: Window) -> str:
    """That a file will be large, and which window would not be."""
    fewer = window.n_slices * LARGE_BYTES // window.estimated_bytes
    advice = window.smaller(fewer).partition(",")[0].rstrip(".")
    return (
        f"about {window.estimated_bytes / 1e6:.0f} MB, {window.n_slices:,} slices: a "
        f"browser will take its time. {advice} to stay below "
        f"{LARGE_BYTES // 10**6} MB."
    )


def write_perfetto(
    trace: Trace, window: Window, out: Path, time_scale: TimeScale = "us"
) -> None:
    """Write a window of a run; see `export_perfetto`.

    Parameters
    ----------
    trace : Trace
        The run of the window.
    window : Window
        What to show.
    out : Path
        JSON file; appears whole, replaced if it exists.
    time_scale : {"us", "ps"}
        How times are written.
    """
    lines = _lines(trace, window, time_scale)
    with AtomicFile(Path(out)) as file, writing(file.path):
        file.write(b'{"displayTimeUnit": "ns",\n"otherData": ')
        other = _other_data(trace, window, time_scale)
        file.write(dumps(other).encode() + b',\n"traceEvents": [\n')
        pending = [next(lines)]
        for line in lines:
            if len(pending) == _LINES_PER_WRITE:
                file.write("".join(pending).encode())
                pending.clear()
            pending.append(",\n" + line)
        file.write(("".join(pending) + "\n]}\n").encode())


def _lines(trace: Trace, window: Window, scale: TimeScale) -> Iterator[str]:
    """Events of the JSON, one a line; names of tracks first."""
    tracks = Tracks(trace, window.bursts)
    yield from tracks.metadata(scale)
    yield from burst_slices(window.bursts, tracks.of_request, scale)
    flows = Flows(window, tracks.of_resource)
    kinds = dict.fromkeys(kind_of(name) for name in tracks.of_resource)
    counters = Counters(
        window,
        list(kinds),
        StaticPower.of(trace.summary),
        tracks.process("chip"),
        scale,
    )
    yield from counters.from_bursts()
    waits = 0
    for events in _pieces(trace):
        shown, waiting = window.shows(events), window.shows_wait(events)
        seen = window.counts(events)
        used = shown | waiting | seen
        if not used.any():
            continue
        wide = trace.widen(events.filter(pa.array(used)), WIDE_COLUMNS)
        owner = (events["resource_index"].to_numpy() == 0)[used]
        shown, waiting = shown[used], waiting[used]
        drawn = wide.filter(pa.array(shown | waiting))
        flows.add(wide.filter(pa.array(shown)), owner[shown])
        holds = Holds(drawn, scale)
        both = shown[shown | waiting], waiting[shown | waiting]
        for row in np.flatnonzero(both[0]).tolist():
            yield holds.slice(row, tracks.of_resource)
        for row in np.flatnonzero(both[1]).tolist():
            waits += 1
            yield from holds.wait(row, tracks.process("queue"), waits)
        yield from counters.add(wide.filter(pa.array(seen[used])))
    yield from counters.rest()
    yield from flows.lines(scale)


def _pieces(trace: Trace) -> Iterator[pa.Table]:
    """The events, as many at a time as are quick and small as lists."""
    for events in trace.iter_events(EVENTS_SCHEMA.names):
        for first in range(0, events.num_rows, _ROWS_AT_A_TIME):
            yield events.slice(first, _ROWS_AT_A_TIME)


def _other_data(trace: Trace, window: Window, scale: TimeScale) -> dict[str, Any]:
    metadata = trace.program().schema.metadata or {}
    kept = {
        key.decode(): value.decode()
        for key, value in metadata.items()
        if key.startswith(b"simcore.")
    }
    if "scenario" in trace.run:
        kept["simcore.scenario"] = trace.run["scenario"]
    selection = window.selection
    first, last = selection.bursts or (0, _last_burst(window))
    shown = {
        "bursts": f"{first}-{last}",
        "requests": "-".join(map(str, selection.requests or ("all",))),
        "replication": str(window.replication),
        "counters": f"whole chip from {time_text(window.span.from_ps)} to "
        f"{time_text(window.span.to_ps)}",
        "power": "dynamic energy of holds over their time, plus static power",
        "time_scale": "true time" if scale == "us" else "1 ns shown = 1 ps",
    }
    return {**kept, **shown}


def _last_burst(window: Window) -> int:
    return int(window.bursts["burst"].to_numpy().max(initial=0))
