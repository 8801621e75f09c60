"""Processes and threads of the JSON: where everything is drawn, and in which order."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from simcore.trace.perfetto.text import TimeScale, dumps
from simcore.trace.reader import Trace

#: Kinds of block from top to bottom, with what people call them.
_BLOCKS = {
    "bursts": "bursts",
    "chip": "chip",
    "control": "control",
    "A1": "draft engine (A1)",
    "A2": "verify engine (A2)",
    "dac": "row drivers",
    "dpu": "DPU",
    "attention": "attention unit",
    "sram": "SRAM port",
    "fabric_read": "fabric, read",
    "fabric_write": "fabric, write",
    "hbm": "HBM channel",
    "layer": "layer gate",
    "queue": "queue",
}
#: Processes that are no resource of the program.
_ALWAYS = ("bursts", "chip", "queue")


class Track(NamedTuple):
    """A process and a thread of it."""

    process: int
    thread: int


class Tracks:
    """The tracks of one export.

    Parameters
    ----------
    trace : Trace
        For the resources of its program.
    bursts : pyarrow.Table
        The bursts that are shown: each request has a track.

    Attributes
    ----------
    of_resource : mapping of str to Track
        By full name, such as `A1[0]`.
    of_request : mapping of int to Track
        By number.
    """

    def __init__(self, trace: Trace, bursts: pa.Table) -> None:
        resources = {str(name) for name in trace.program()["resource"].to_pylist()}
        names = sorted(resources, key=_place)
        kinds = {kind_of(name) for name in names}
        order = [*_BLOCKS, *sorted(kinds - set(_BLOCKS))]
        number = {kind: place for place, kind in enumerate(order, start=1)}
        self._processes = {
            kind: number[kind] for kind in order if kind in kinds or kind in _ALWAYS
        }
        threads = dict.fromkeys(order, 0)
        of_resource: dict[str, Track] = {}
        for name in names:
            kind = kind_of(name)
            threads[kind] += 1
            of_resource[name] = Track(number[kind], threads[kind])
        self.of_resource: Mapping[str, Track] = of_resource
        requests = np.unique(bursts["request"].to_numpy()).tolist()
        self.of_request: Mapping[int, Track] = {
            request: Track(number["bursts"], place)
            for place, request in enumerate(requests, start=1)
        }

    def process(self, kind: str) -> int:
        """Number of a process."""
        return self._processes[kind]

    def metadata(self, scale: TimeScale) -> Iterator[str]:
        """Names and order of all tracks, one event each."""
        note = " (1 ns shown = 1 ps)" if scale == "ps" else ""
        for kind, process in self._processes.items():
            label = _BLOCKS.get(kind, kind) + note
            yield _meta("process_name", Track(process, 0), {"name": label})
            yield _meta(
                "process_sort_index", Track(process, 0), {"sort_index": process}
            )
        threads = [
            *((f"request {n}", track) for n, track in self.of_request.items()),
            *self.of_resource.items(),
        ]
        for name, track in threads:
            yield _meta("thread_name", track, {"name": name})
            yield _meta("thread_sort_index", track, {"sort_index": track.thread})


def kind_of(resource: str) -> str:
    """`A1` of `A1[3]`."""
    return resource.partition("[")[0]


def _place(resource: str) -> tuple[str, int, str]:
    kind, _, index = resource.partition("[")
    digits = index.rstrip("]")
    return kind, int(digits) if digits.isdecimal() else -1, resource


def _meta(name: str, track: Track, args: Mapping[str, Any]) -> str:
    return dumps(
        {
            "ph": "M",
            "name": name,
            "pid": track.process,
            "tid": track.thread,
            "args": args,
        }
    )
