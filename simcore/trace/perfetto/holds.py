"""Holds as slices, waits as async slices, bursts as slices of their requests."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

import pyarrow as pa

from simcore.trace.perfetto.text import TimeScale, dumps, time_json
from simcore.trace.perfetto.tracks import Track

#: Written with every slice, and written only where they are not zero.
_ALWAYS = ("request", "burst", "step", "layer", "duration_ps")
_WHERE_NOT_ZERO = ("wait_ps", "read_bytes", "write_bytes", "energy_pj")


class Holds:
    """Some rows of the wide view as lists, which format fastest.

    Parameters
    ----------
    wide : pyarrow.Table
        All columns of the wide view.
    scale : {"us", "ps"}
        How times are written.
    """

    def __init__(self, wide: pa.Table, scale: TimeScale) -> None:
        self._scale = scale
        self._ready_ps: list[int] = wide["ready_ps"].to_numpy().tolist()
        self._start_ps: list[int] = wide["start_ps"].to_numpy().tolist()
        self._duration_ps: list[int] = wide["duration_ps"].to_numpy().tolist()
        names = (*_ALWAYS, *_WHERE_NOT_ZERO)
        self._values = {name: wide[name].to_pylist() for name in names}
        self._resource = texts(wide["resource"])
        self._operation = [json.dumps(text) for text in texts(wide["operation"])]
        self._labels = [
            f'"phase":{json.dumps(phase)},"stage":{json.dumps(stage)}'
            for phase, stage in zip(
                texts(wide["phase"]), texts(wide["stage"]), strict=True
            )
        ]
        self._channel = [json.dumps(text) for text in texts(wide["channel"])]

    def slice(self, row: int, tracks: Mapping[str, Track]) -> str:
        """One hold on one resource."""
        track, scale = tracks[self._resource[row]], self._scale
        return (
            f'{{"ph":"X","cat":{self._channel[row]},'
            f'"name":{self._operation[row]},'
            f'"pid":{track.process},"tid":{track.thread},'
            f'"ts":{time_json(self._start_ps[row], scale)},'
            f'"dur":{time_json(self._duration_ps[row], scale)},'
            f'"args":{{{self._arguments(row)}}}}}'
        )

    def wait(self, row: int, process: int, number: int) -> Iterator[str]:
        """Begin and end of one wait, named by what it waits for."""
        scale = self._scale
        name = json.dumps(f"wait {self._resource[row]}")
        head = f'"cat":"wait","name":{name},"id":"{number:#x}","pid":{process},"tid":0'
        yield (
            f'{{"ph":"b",{head},"ts":{time_json(self._ready_ps[row], scale)},'
            f'"args":{{"operation":{self._operation[row]},{self._arguments(row)}}}}}'
        )
        yield f'{{"ph":"e",{head},"ts":{time_json(self._start_ps[row], scale)}}}'

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


def texts(column: Any) -> list[str]:
    """Texts of a dictionary column; each distinct text is built once."""
    dictionary = column.combine_chunks()
    names = dictionary.dictionary.to_pylist()
    return [names[code] for code in dictionary.indices.to_pylist()]


def burst_slices(
    bursts: pa.Table, tracks: Mapping[int, Track], scale: TimeScale
) -> Iterator[str]:
    """One slice a burst on the track of its request, with its whole row.

    Parameters
    ----------
    bursts : pyarrow.Table
        The bursts that are shown.
    tracks : mapping of int to Track
        By request.
    scale : {"us", "ps"}
        How times are written.
    """
    for row in bursts.to_pylist():
        track = tracks[row["request"]]
        duration_ps = row["end_ps"] - row["start_ps"]
        yield (
            f'{{"ph": "X", "cat": "burst", "name": "burst {row["burst"]}", '
            f'"pid": {track.process}, "tid": {track.thread}, '
            f'"ts": {time_json(row["start_ps"], scale)}, '
            f'"dur": {time_json(duration_ps, scale)}, "args": {dumps(row)}}}'
        )
