"""What part of a run is shown, how large that is, and what to show when it is too much.

A hold is shown when its burst and its request are chosen and some of it lies in the
chosen time; it is shown whole. Counters are of the whole chip in the window's span.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.errors import ConfigError, Problem
from simcore.trace.perfetto.text import time_text
from simcore.trace.reader import Trace

IntArray = npt.NDArray[np.int64]
BoolArray = npt.NDArray[np.bool_]

#: Measured on exports of the shipped scenarios: JSON of a slice with its share of
#: counters, and of a wait.
BYTES_PER_SLICE = 300
BYTES_PER_WAIT = 500

_COLUMNS = (
    "replication",
    "request",
    "burst",
    "resource_index",
    "ready_ps",
    "start_ps",
    "duration_ps",
)


@dataclass(frozen=True)
class Selection:
    """What to show; what is None is not limited.

    Attributes
    ----------
    bursts : tuple of int, optional
        First and last burst of every request, both included.
    requests : tuple of int, optional
        First and last request, both included.
    from_ps, to_ps : int, optional
        Time on the replication's clock, the end not included.
    replication : int, optional
        Each replication has its own clock, so one is shown at a time; that of the
        first request by default.
    """

    bursts: tuple[int, int] | None = None
    requests: tuple[int, int] | None = None
    from_ps: int | None = None
    to_ps: int | None = None
    replication: int | None = None

    @property
    def is_timed(self) -> bool:
        """Whether the time is limited."""
        return self.from_ps is not None or self.to_ps is not None


class Span(NamedTuple):
    """A stretch of a replication's clock, the end not included."""

    from_ps: int
    to_ps: int


class Window:
    """The part of a run that a selection chooses.

    Parameters
    ----------
    trace : Trace
        A run with events.
    selection : Selection
        What to show.

    Attributes
    ----------
    replication : int
        Whose clock is shown.
    bursts : pyarrow.Table
        Rows of the bursts that are shown.
    chip_bursts : pyarrow.Table
        All bursts of the replication, for the counters.
    span : Span
        Time that the counters cover.
    n_slices, n_waits : int
        What will be drawn, layer gates included.
    longest_wait_ps : int
        Of any hold of the replication.

    Raises
    ------
    ConfigError
        If nothing is chosen, or requests of several replications.
    TraceError
        If the run kept no events or a file is damaged.
    """

    def __init__(self, trace: Trace, selection: Selection) -> None:
        self.selection = selection
        _require_order(selection)
        trace.require_events()
        # Of a sample, the other bursts have no holds to show.
        table = trace.traced_bursts()
        self.replication = _replication(table, selection)
        own = table["replication"].to_numpy() == self.replication
        self.chip_bursts = table.filter(pa.array(own))
        self.bursts = self.chip_bursts.filter(pa.array(self._chosen(self.chip_bursts)))
        if not self.bursts.num_rows and (selection != Selection() or table.num_rows):
            kept = int(table["replication"].to_numpy().max(initial=-1)) + 1
            raise ConfigError(
                [_nothing(self.chip_bursts, self.replication, selection, kept)]
            )
        self.span = self._span()
        self.n_slices = self.n_waits = self.longest_wait_ps = 0
        self._slices_of_burst = np.zeros(
            int(self.chip_bursts["burst"].to_numpy().max(initial=-1)) + 1,
            dtype=np.int64,
        )
        self._starts = _Starts()
        for events in trace.iter_events(_COLUMNS):
            self._count(events)

    @property
    def estimated_bytes(self) -> int:
        """Size of the JSON, within a third or so."""
        return self.n_slices * BYTES_PER_SLICE + self.n_waits * BYTES_PER_WAIT

    def shows(self, events: pa.Table) -> BoolArray:
        """Rows of the events that are slices."""
        start = events["start_ps"].to_numpy()
        end = start + events["duration_ps"].to_numpy()
        return self._chosen_keys(events) & self._meets(start, end)

    def shows_wait(self, events: pa.Table) -> BoolArray:
        """Rows of the events whose wait is shown; a hold waits once, with its owner."""
        ready, start = events["ready_ps"].to_numpy(), events["start_ps"].to_numpy()
        shown = self._chosen_keys(events) & self._meets(ready, start)
        shown &= (events["resource_index"].to_numpy() == 0) & (ready < start)
        return shown

    def counts(self, events: pa.Table) -> BoolArray:
        """Rows of the events that the counters see, chosen or not."""
        end = events["start_ps"].to_numpy() + events["duration_ps"].to_numpy()
        seen: BoolArray = events["replication"].to_numpy() == self.replication
        seen &= events["ready_ps"].to_numpy() < self.span.to_ps
        seen &= end >= self.span.from_ps
        return seen

    def require_at_most(self, max_slices: int) -> None:
        """Refuse a window that no viewer would open, and propose one.

        Raises
        ------
        ConfigError
            If it has more slices.
        """
        if self.n_slices <= max_slices:
            return
        megabytes = self.estimated_bytes // 10**6
        raise ConfigError(
            [
                Problem(
                    path="time" if self.selection.is_timed else "bursts",
                    message=f"{self.n_slices} slices (about {megabytes} MB)",
                    allowed=f"must be at most {max_slices}",
                    hint=self.smaller(max_slices),
                )
            ]
        )

    def smaller(self, max_slices: int) -> str:
        """A window with at most so many slices, in words."""
        first = 0 if self.selection.bursts is None else self.selection.bursts[0]
        if not self.selection.is_timed:
            fitting = np.cumsum(self._slices_of_burst[first:]) <= max_slices
            last = first + int(fitting.sum()) - 1
            if last >= first:
                return f"Choose bursts {first}-{last}, or raise the limit."
        begin = self.span.from_ps
        end = self._starts.before(max_slices)
        if end <= begin:
            return "One burst alone is above the limit: raise it."
        return (
            f"Choose the time from {time_text(begin)} to {time_text(end)}, or raise "
            "the limit."
        )

    def _chosen(self, bursts: pa.Table) -> BoolArray:
        start, end = (bursts[name].to_numpy() for name in ("start_ps", "end_ps"))
        return self._chosen_keys(bursts) & self._meets(start, end)

    def _chosen_keys(self, rows: pa.Table) -> BoolArray:
        shown: BoolArray = rows["replication"].to_numpy() == self.replication
        for name, limits in (
            ("burst", self.selection.bursts),
            ("request", self.selection.requests),
        ):
            if limits is not None:
                number = rows[name].to_numpy()
                shown &= (number >= limits[0]) & (number <= limits[1])
        return shown

    def _meets(self, start: IntArray, end: IntArray) -> BoolArray:
        """Whether stretches have some of the chosen time, or lie in it as a point."""
        meets = np.ones(start.size, dtype=np.bool_)
        if self.selection.to_ps is not None:
            meets &= start < self.selection.to_ps
        if self.selection.from_ps is not None:
            meets &= (end > self.selection.from_ps) | (start >= self.selection.from_ps)
        return meets

    def _span(self) -> Span:
        start, end = (self.bursts[name].to_numpy() for name in ("start_ps", "end_ps"))
        from_ps, to_ps = self.selection.from_ps, self.selection.to_ps
        begin = int(start.min()) if start.size else 0
        last = int(end.max(initial=begin)) + 1
        # What is chosen by time may begin before any chosen burst does.
        return Span(
            begin if from_ps is None else max(from_ps, 0),
            last if to_ps is None else min(to_ps, last),
        )

    def _count(self, events: pa.Table) -> None:
        shown = self.shows(events)
        burst = events["burst"].to_numpy()[shown]
        self._slices_of_burst += np.bincount(
            burst, minlength=self._slices_of_burst.size
        )
        self._starts.add(events["start_ps"].to_numpy()[shown])
        self.n_slices += int(shown.sum())
        self.n_waits += int(self.shows_wait(events).sum())
        own = events["replication"].to_numpy() == self.replication
        wait = events["start_ps"].to_numpy() - events["ready_ps"].to_numpy()
        self.longest_wait_ps = max(self.longest_wait_ps, int(wait[own].max(initial=0)))


class _Starts:
    """Starts of the slices in their order, thinned out: to cut after so many."""

    _EVERY = 64

    def __init__(self) -> None:
        self._n = 0
        self._kept: list[IntArray] = []

    def add(self, start_ps: IntArray) -> None:
        """Take the next slices."""
        first = -self._n % self._EVERY
        self._kept.append(start_ps[first :: self._EVERY].copy())
        self._n += start_ps.size

    def before(self, n: int) -> int:
        """A time before which at most `n` slices start."""
        kept = np.concatenate(self._kept) if self._kept else np.zeros(0, dtype=np.int64)
        place = n // self._EVERY
        return int(kept[place]) if place < kept.size else 0


def _require_order(selection: Selection) -> None:
    """Refuse a time that ends before it begins."""
    begin, end = selection.from_ps or 0, selection.to_ps
    if end is not None and end <= begin:
        raise ConfigError(
            [
                Problem(
                    path="time",
                    got=f"from {time_text(begin)} to {time_text(end)}",
                    allowed="must end after it begins",
                )
            ]
        )


def _replication(bursts: pa.Table, selection: Selection) -> int:
    """The replication that is shown.

    Raises
    ------
    ConfigError
        If the requests are of another one, or of several.
    """
    given, requests = selection.replication, selection.requests
    if requests is None:
        return given or 0
    number = bursts["request"].to_numpy()
    chosen = (number >= requests[0]) & (number <= requests[1])
    found = np.unique(bursts["replication"].to_numpy()[chosen]).tolist()
    if len(found) > 1:
        raise ConfigError(
            [
                Problem(
                    path="requests",
                    message=f"requests {requests[0]}-{requests[1]} are of "
                    f"{len(found)} replications, each with a clock of its own",
                    hint="Choose requests of one replication: streams of them share "
                    "a chip.",
                )
            ]
        )
    if given is None:
        return int(found[0]) if found else 0
    return given


def _nothing(
    bursts: pa.Table, replication: int, selection: Selection, n_kept: int
) -> Problem:
    """That nothing is chosen, and what there is."""
    numbers = bursts["burst"].to_numpy()
    n_bursts = int(numbers.max(initial=-1)) + 1
    what = "no burst"
    if selection.bursts is not None:
        what += " in {}-{}".format(*selection.bursts)
    if selection.requests is not None:
        what += " of requests {}-{},".format(*selection.requests)
    what += f" of replication {replication}"
    if selection.is_timed:
        end = selection.to_ps
        what += f" from {time_text(selection.from_ps or 0)}"
        what += f" to {'its end' if end is None else time_text(end)}"
    hint = f"Events were kept of {n_kept} replications, numbered from 0"
    if n_bursts:
        hint = f"It has {n_bursts} bursts a request, numbered from 0"
        requests = bursts["request"].to_numpy()
        last = time_text(int(bursts["end_ps"].to_numpy().max()))
        hint += f", of requests {requests.min()}-{requests.max()}, and ends at {last}"
    return Problem(
        path="time" if selection.is_timed and n_bursts else "bursts",
        message=what,
        hint=f"{hint}.",
    )
