"""Counters of the chip over time: who waits where, SRAM bytes, power.

Levels are step functions, exact at every picosecond. The events come in the order of
their starts, while a queue grows when a hold is ready, which is earlier by at most the
longest wait: changes are kept back so long and no longer, so memory does not grow with
the trace.

Power is the dynamic energy of each running hold spread evenly over its time, plus the
static power. Energy of holds without duration has no power and is not shown.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.trace.occupancy import sram_occupancy
from simcore.trace.perfetto.text import TimeScale, time_json
from simcore.trace.perfetto.tracks import kind_of
from simcore.trace.perfetto.window import IntArray, Span, Window

FloatArray = npt.NDArray[np.float64]

#: Columns of the wide view that the counters need.
WIDE_NEEDED = (
    "resource",
    "channel",
    "ready_ps",
    "start_ps",
    "duration_ps",
    "energy_pj",
)
_NW_PER_W = 10**9
_NW_PER_MW = 10**6
_POWER = "power"
_SRAM_ROOM = "SRAM room"


class StaticPower(NamedTuple):
    """Static power as the summary of a run charges it, in nW.

    Attributes
    ----------
    on_nw : float
        With everything on.
    drafting_nw : float
        While the chip drafts, when a part of it is off.
    mean_nw : float
        Over the whole run.
    """

    on_nw: float
    drafting_nw: float
    mean_nw: float

    @classmethod
    def of(cls, summary: Mapping[str, Any]) -> StaticPower:
        """From `summary.json`; nothing where it gives none."""
        leakage = summary.get("leakage") or {}
        on_nw, phases = leakage.get("power_nw", 0.0), leakage.get("by_phase", {})
        if not on_nw:
            return cls(0.0, 0.0, 0.0)
        total_ps = summary["elapsed_ps"]["total"]
        # 1 pJ in 1 ps is 1 W. Only the draft phase has parts that are off, so the
        # time of the others says how long drafting took.
        later_pj = phases["verify"] + phases["commit"]
        drafting_ps = total_ps - later_pj * _NW_PER_W / on_nw
        drafting_nw = on_nw
        if drafting_ps > 0:
            drafting_nw = phases["draft"] * _NW_PER_W / drafting_ps
        mean_nw = leakage["energy_pj"] * _NW_PER_W / total_ps if total_ps else on_nw
        return cls(on_nw, drafting_nw, mean_nw)

    def steps(self, bursts: pa.Table) -> tuple[IntArray, FloatArray]:
        """When it changes on a chip, and by how many nW, from 0 before its first burst.

        Parameters
        ----------
        bursts : pyarrow.Table
            All bursts of the chip. Where several requests share it their draft phases
            overlap, and the mean of the run is shown.
        """
        start = bursts["start_ps"].to_numpy()
        begin = np.zeros(min(start.size, 1), dtype=np.int64)
        if np.unique(bursts["request"].to_numpy()).size > 1:
            return begin, np.rint(np.full(begin.size, self.mean_nw))
        saved = np.rint(np.full(start.size, self.on_nw - self.drafting_nw))
        draft_end = start + bursts["draft_ps"].to_numpy()
        return (
            np.concatenate([begin, start, draft_end]),
            np.concatenate([np.rint(np.full(begin.size, self.on_nw)), -saved, saved]),
        )


class Counters:
    """Turns holds, in the order of their starts, into counter events.

    Parameters
    ----------
    window : Window
        The span and the longest wait.
    kinds : sequence of str
        Kinds of resource, each with a queue.
    static : StaticPower
        Of the run.
    process : int
        Where the counters are drawn.
    scale : {"us", "ps"}
        How times are written.
    """

    def __init__(
        self,
        window: Window,
        kinds: Sequence[str],
        static: StaticPower,
        process: int,
        scale: TimeScale,
    ) -> None:
        self._window = window
        self._static = static
        names = [*(f"queue of {kind}" for kind in (*kinds, _SRAM_ROOM)), _POWER]
        self._number = {name: place for place, name in enumerate(names)}
        self._heads = [
            f'{{"ph":"C","name":{json.dumps(name)},"pid":{process},"ts":'
            for name in [*names, "static power", "SRAM"]
        ]
        self._units = [*["holds"] * len(kinds), "bursts", "mW", "mW", "bytes"]
        self._steps = _Steps(len(names), window.span)
        self._scale = scale
        self._told: set[int] = set()

    def from_bursts(self) -> Iterator[str]:
        """SRAM bytes and static power, which the bursts alone say."""
        bursts = self._window.chip_bursts
        n_series = len(self._number)
        time, change = self._static.steps(bursts)
        alone = _Steps(n_series + 2, self._window.span)
        alone.add(time, n_series, change)
        held = sram_occupancy(bursts)
        level = held["occupied_bytes"].to_numpy()
        alone.add(held["time_ps"].to_numpy(), n_series + 1, np.diff(level, prepend=0))
        yield from self._lines(alone.rest())
        self._steps.add(time, self._number[_POWER], change)
        ready, start = (bursts[name].to_numpy() for name in ("ready_ps", "start_ps"))
        waits = ready < start
        self._queue(_SRAM_ROOM, ready[waits], start[waits])

    def add(self, wide: pa.Table) -> Iterator[str]:
        """Take the next holds; gives what can no longer change.

        Parameters
        ----------
        wide : pyarrow.Table
            Rows that `Window.counts`, with the columns `WIDE_NEEDED`.
        """
        if not wide.num_rows:
            return
        ready, start, duration = (
            wide[name].to_numpy() for name in ("ready_ps", "start_ps", "duration_ps")
        )
        self._queues(wide, ready, start)
        energy = wide["energy_pj"].to_numpy()
        spends = (energy > 0) & (duration > 0)
        power = np.rint(energy[spends] / duration[spends] * _NW_PER_W)
        series = self._number[_POWER]
        self._steps.add(start[spends], series, power)
        self._steps.add((start + duration)[spends], series, -power)
        final_ps = int(start[-1]) - self._window.longest_wait_ps
        yield from self._lines(self._steps.before(final_ps))

    def rest(self) -> Iterator[str]:
        """What is left when all holds are there."""
        yield from self._lines(self._steps.rest())

    def _queues(self, wide: pa.Table, ready: IntArray, start: IntArray) -> None:
        """A hold on several resources waits in the queue of each."""
        column = wide["resource"].combine_chunks()
        kinds = [kind_of(name) for name in column.dictionary.to_pylist()]
        code = column.indices.to_numpy()
        waits = ready < start
        for kind in dict.fromkeys(kinds[c] for c in np.unique(code[waits])):
            of_kind = np.array([name == kind for name in kinds])[code] & waits
            self._queue(kind, ready[of_kind], start[of_kind])

    def _queue(self, kind: str, ready: IntArray, start: IntArray) -> None:
        series, one = self._number[f"queue of {kind}"], np.ones(ready.size)
        self._steps.add(ready, series, one)
        self._steps.add(start, series, -one)

    def _lines(self, steps: tuple[IntArray, IntArray, FloatArray]) -> Iterator[str]:
        for time, series, level in zip(*(s.tolist() for s in steps), strict=True):
            unit = self._units[series]
            value = level / _NW_PER_MW if unit == "mW" else int(level)
            if series not in self._told:
                self._told.add(series)
                if time > self._window.span.from_ps:
                    yield self._line(series, self._window.span.from_ps, 0)
            yield self._line(series, time, value)

    def _line(self, series: int, time_ps: int, value: float) -> str:
        return (
            f"{self._heads[series]}{time_json(time_ps, self._scale)},"
            f'"args":{{"{self._units[series]}":{value!r}}}}}'
        )


class _Steps:
    """Changes of several levels, added in any order, told in the order of time.

    Levels are whole numbers in floats, which add up exactly below 2^53.
    """

    def __init__(self, n_series: int, span: Span) -> None:
        self._span = span
        self._level = np.zeros(n_series)
        self._time = np.zeros(0, dtype=np.int64)
        self._series = np.zeros(0, dtype=np.int64)
        self._change = np.zeros(0)

    def add(self, time_ps: IntArray, series: int, change: npt.NDArray[Any]) -> None:
        """Changes of one level; those before the span count at its beginning."""
        # The end of the span is not included: what changes there is not told.
        inside = time_ps < self._span.to_ps
        time = np.maximum(time_ps[inside], self._span.from_ps)
        self._time = np.concatenate([self._time, time])
        self._series = np.concatenate(
            [self._series, np.full(time.size, series, dtype=np.int64)]
        )
        self._change = np.concatenate([self._change, change[inside]])

    def rest(self) -> tuple[IntArray, IntArray, FloatArray]:
        """As `before` the end of time."""
        return self.before(self._span.to_ps)

    def before(self, time_ps: int) -> tuple[IntArray, IntArray, FloatArray]:
        """Times, series and new levels of all changes before a time, and forget them.

        A level is told once an instant, and only where it is another than before.
        """
        final = self._time < time_ps
        time, series = self._time[final], self._series[final]
        change = self._change[final]
        self._time, self._series = self._time[~final], self._series[~final]
        self._change = self._change[~final]
        order = np.lexsort([time, series])
        time, series, change = time[order], series[order], change[order]
        total = np.cumsum(change)
        # The sum runs on over all series: take off what it was at each one's first.
        first = np.searchsorted(series, series, side="left")
        level = total - total[first] + change[first] + self._level[series]
        last_of_instant = np.ones(time.size, dtype=np.bool_)
        last_of_instant[:-1] = (np.diff(time) != 0) | (np.diff(series) != 0)
        time, series = time[last_of_instant], series[last_of_instant]
        level = level[last_of_instant]
        before = np.empty(level.size)
        before[1:] = level[:-1]
        begins = np.ones(level.size, dtype=np.bool_)
        begins[1:] = np.diff(series) != 0
        before[begins] = self._level[series[begins]]
        self._level[series] = level
        told = level != before
        time, series, level = time[told], series[told], level[told]
        order = np.lexsort([series, time])
        return time[order], series[order], level[order]
