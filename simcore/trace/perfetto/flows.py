"""Arrows from the drafts of a burst to its verification and on to its commit.

The arrow leaves the last hold of the draft, touches the first and the last hold of the
verification, and ends at the first hold of the commit. A phase that a burst does not
have, because K is 0 or the burst before drafted for it, is passed over.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import numpy as np
import pyarrow as pa

from simcore.trace.perfetto.holds import texts
from simcore.trace.perfetto.text import TimeScale, time_json
from simcore.trace.perfetto.tracks import Track
from simcore.trace.perfetto.window import BoolArray, IntArray, Window

#: Where arrows touch, in their order: phase, and whether its last hold counts.
_STOPS = (("draft", True), ("verify", False), ("verify", True), ("commit", False))
_UNKNOWN = -1


class Flows:
    """Finds the holds that the arrows of bursts touch.

    Parameters
    ----------
    window : Window
        The bursts; one that the chosen time cuts has no arrow.
    tracks : mapping of str to Track
        By resource.
    """

    def __init__(self, window: Window, tracks: Mapping[str, Track]) -> None:
        selection, bursts = window.selection, window.bursts
        start, end = (bursts[name].to_numpy() for name in ("start_ps", "end_ps"))
        whole = np.ones(start.size, dtype=np.bool_)
        if selection.from_ps is not None:
            whole &= start >= selection.from_ps
        if selection.to_ps is not None:
            whole &= end <= selection.to_ps
        self._bursts = bursts.filter(pa.array(whole))
        # Bursts are sorted by replication, request and burst; one replication is here.
        self._code = _code(self._bursts)
        self._tracks = tracks
        shape = (len(_STOPS), self._code.size)
        self._start = np.full(shape, _UNKNOWN, dtype=np.int64)
        self._end = np.full(shape, _UNKNOWN, dtype=np.int64)
        self._track: list[list[Track | None]] = [
            [None] * self._code.size for _ in _STOPS
        ]

    def add(self, wide: pa.Table, owner: BoolArray) -> None:
        """Take the next slices, in the order of their starts.

        Parameters
        ----------
        wide : pyarrow.Table
            Rows of the wide view that are shown.
        owner : ndarray of bool
            Rows of the resource that owns the hold.
        """
        start, duration = (
            wide[name].to_numpy() for name in ("start_ps", "duration_ps")
        )
        # A viewer cannot tie an arrow to a slice without length.
        usable = owner & (duration > 0) & _is_not(wide["channel"], "gate")
        code = _code(wide)
        place = np.minimum(
            np.searchsorted(self._code, code), max(self._code.size - 1, 0)
        )
        usable &= bool(self._code.size)
        if self._code.size:
            usable &= self._code[place] == code
        for stop, (phase, last) in enumerate(_STOPS):
            rows = np.flatnonzero(usable & _starts_with(wide["phase"], phase))
            if rows.size:
                self._take(stop, rows, place[rows], start, start + duration, last, wide)

    def lines(self, scale: TimeScale) -> Iterator[str]:
        """The arrows of every burst that has two phases to tie together."""
        for column, row in enumerate(self._bursts.select(["burst"]).to_pylist()):
            stops = [
                (int(self._start[stop, column]), track)
                for stop, tracks in enumerate(self._track)
                if (track := tracks[column]) is not None
            ]
            # The only hold of a verification is its first and its last.
            stops = list(dict.fromkeys(stops))
            if len(stops) < 2:
                continue
            kinds = ["s", *["t"] * (len(stops) - 2), "f"]
            for kind, (start_ps, track) in zip(kinds, stops, strict=True):
                yield (
                    f'{{"ph":"{kind}","cat":"burst","name":"burst {row["burst"]}",'
                    f'"id":{column + 1},"pid":{track.process},"tid":{track.thread},'
                    f'"ts":{time_json(start_ps, scale)},"bp":"e"}}'
                )

    def _take(
        self,
        stop: int,
        rows: IntArray,
        place: IntArray,
        start: IntArray,
        end: IntArray,
        last: bool,
        wide: pa.Table,
    ) -> None:
        """Keep the first row of each burst by start, or the last by end."""
        order = (
            np.lexsort([rows, end[rows], place])
            if last
            else np.argsort(place, kind="stable")
        )
        rows, place = rows[order], place[order]
        chosen = np.ones(rows.size, dtype=np.bool_)
        if last:
            chosen[:-1] = np.diff(place) != 0
        else:
            chosen[1:] = np.diff(place) != 0
        rows, place = rows[chosen], place[chosen]
        known = self._start[stop, place] != _UNKNOWN
        better = end[rows] >= self._end[stop, place] if last else ~known
        rows, place = rows[better], place[better]
        self._start[stop, place], self._end[stop, place] = start[rows], end[rows]
        resources = texts(wide["resource"].take(pa.array(rows)))
        for column, resource in zip(place.tolist(), resources, strict=True):
            self._track[stop][column] = self._tracks[resource]


def _code(rows: pa.Table) -> IntArray:
    """One number for request and burst, both below 2^31."""
    code: IntArray = (rows["request"].to_numpy().astype(np.int64) << 31) + rows[
        "burst"
    ].to_numpy()
    return code


def _starts_with(column: pa.ChunkedArray, text: str) -> BoolArray:
    dictionary = column.combine_chunks()
    names = dictionary.dictionary.to_pylist()
    wanted = np.array([name.startswith(text) for name in names], dtype=np.bool_)
    found: BoolArray = wanted[dictionary.indices.to_numpy()]
    return found


def _is_not(column: pa.ChunkedArray, text: str) -> BoolArray:
    return ~_starts_with(column, text)
