"""Queues: who waits at a resource, how many, how long; Little's law exactly.

At time t a hold waits when ready <= t < start. A hold on several resources waits in
the queue of each. Bursts that wait for SRAM room are a queue of their own.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import numpy as np

from simcore.analysis.check import Check
from simcore.analysis.run_program import IntArray
from simcore.analysis.time.burst_structure import BurstStructure
from simcore.analysis.time.replication import (
    Replication,
    RunTables,
    iter_replications,
)
from simcore.trace.reader import Trace

#: Name of the queue of bursts that wait for room in the SRAM buffer.
SRAM_ROOM = "sram_room"


class QueueSteps(NamedTuple):
    """Queue length as a step function.

    Attributes
    ----------
    time_ps : ndarray of int64
        When the length changes, strictly ascending.
    length : ndarray of int64
        Length from that time on; the last one is 0.
    """

    time_ps: IntArray
    length: IntArray

    @property
    def integral_ps(self) -> int:
        """Length times time, over all time, exactly."""
        return int((self.length[:-1] * np.diff(self.time_ps)).sum())

    @property
    def longest(self) -> int:
        """Most that wait at once."""
        return int(self.length.max(initial=0))


def queue_steps(ready_ps: IntArray, start_ps: IntArray) -> QueueSteps:
    """Queue length over time of holds that are ready and have not started.

    Parameters
    ----------
    ready_ps, start_ps : ndarray of int64
        Of each hold, in any order; those that start at once do not count.
    """
    waits = ready_ps != start_ps
    comes, goes = ready_ps[waits], start_ps[waits]
    time, place = np.unique(np.concatenate([comes, goes]), return_inverse=True)
    change = np.zeros(time.size, dtype=np.int64)
    place = place.reshape(-1)
    np.add.at(change, place[: comes.size], 1)
    np.add.at(change, place[comes.size :], -1)
    # Only where the length changes: one that comes may replace one that goes.
    changes = change != 0
    return QueueSteps(time[changes], np.cumsum(change)[changes])


def queues_of(replication: Replication) -> Iterator[tuple[str, IntArray, IntArray]]:
    """Every queue of a replication: name, ready and start of what passed it."""
    bounds = replication.resource_bounds
    for resource, name in enumerate(replication.structure.resources):
        rows = replication.by_resource[bounds[resource] : bounds[resource + 1]]
        yield name, replication.ready_ps[rows], replication.start_ps[rows]
    bursts = replication.bursts
    yield SRAM_ROOM, bursts["ready_ps"], bursts["start_ps"]


def littles_law(trace: Trace) -> Check:
    """Little's law of every queue of every replication, as integers.

    The integral of the queue length, taken from the sorted steps of its changes,
    equals the sum of the waits; no queue is ever shorter than empty.

    Parameters
    ----------
    trace : Trace
        A run that kept its events.

    Returns
    -------
    Check
        Measured: the largest difference in ps; bound 0.
    """
    tables = RunTables.of(trace)
    worst, broken, n_queues, first = 0, 0, 0, ""
    for replication in iter_replications(trace, tables):
        for name, ready, start in queues_of(replication):
            n_queues += 1
            steps = queue_steps(ready, start)
            off = abs(steps.integral_ps - int((start - ready).sum()))
            negative = bool(np.any(steps.length < 0))
            worst = max(worst, off)
            if off or negative:
                broken += 1
                why = "shorter than empty" if negative else f"off by {off} ps"
                place = f"replication {replication.number}, {name}: {why}"
                first = first or f"; first at {place}"
    detail = (
        "largest difference in ps of the integral of the queue length from the sum "
        f"of waits; {broken} of {n_queues} queues broken{first}"
    )
    return Check("littles_law", broken == 0, worst, 0, detail)


class QueueTally:
    """Adds up queues over replications, by resource.

    Parameters
    ----------
    structure : BurstStructure
        The program.
    n_bins : int
        Equal parts of a replication over which mean lengths are given.
    """

    def __init__(self, structure: BurstStructure, n_bins: int) -> None:
        self._names = [*structure.resources, SRAM_ROOM]
        self._n_bins = n_bins
        n = len(self._names)
        self._passed = np.zeros(n, dtype=np.int64)
        self._waited = np.zeros(n, dtype=np.int64)
        self._wait_ps = np.zeros(n, dtype=np.int64)
        self._longest = np.zeros(n, dtype=np.int64)
        self._in_bins = np.zeros((n, n_bins), dtype=np.int64)
        self._bin_ps = np.zeros(n_bins, dtype=np.int64)
        self._blocked = np.zeros((2, n), dtype=np.int64)

    def add(self, replication: Replication, blocked_ps: IntArray | None = None) -> None:
        """Take the queues of one replication.

        Parameters
        ----------
        replication : Replication
            Its holds.
        blocked_ps : ndarray of int64, shape (n_rows,), optional
            Head-of-line blocking of each event row.
        """
        horizon = replication.horizon_ps
        edges = np.array(
            [horizon * i // self._n_bins for i in range(self._n_bins + 1)],
            dtype=np.int64,
        )
        self._bin_ps += np.diff(edges)
        for i, (_, ready, start) in enumerate(queues_of(replication)):
            wait = start - ready
            self._passed[i] += ready.size
            self._waited[i] += int(np.count_nonzero(wait))
            self._wait_ps[i] += int(wait.sum())
            if wait.any():
                steps = queue_steps(ready, start)
                self._longest[i] = max(int(self._longest[i]), steps.longest)
                self._in_bins[i] += np.diff(_integral_until(steps, edges))
        if blocked_ps is not None:
            rows = np.flatnonzero(blocked_ps)
            np.add.at(self._blocked[0], replication.resource[rows], 1)
            np.add.at(self._blocked[1], replication.resource[rows], blocked_ps[rows])

    def result(self) -> dict[str, dict[str, Any]]:
        """By resource, those only at which something waited.

        Returns
        -------
        dict
            `holds`, `waiting_holds`, `wait_ps` (sum), `mean_wait_ps` (over all
            holds), `mean_length`, `longest`, `mean_length_over_time`,
            `head_of_line_holds` and `head_of_line_ps`.
        """
        elapsed = max(int(self._bin_ps.sum()), 1)
        width = np.maximum(self._bin_ps, 1)
        return {
            name: {
                "holds": int(self._passed[i]),
                "waiting_holds": int(self._waited[i]),
                "wait_ps": int(self._wait_ps[i]),
                "mean_wait_ps": int(self._wait_ps[i]) / int(self._passed[i]),
                "mean_length": int(self._wait_ps[i]) / elapsed,
                "longest": int(self._longest[i]),
                "mean_length_over_time": (self._in_bins[i] / width).tolist(),
                "head_of_line_holds": int(self._blocked[0, i]),
                "head_of_line_ps": int(self._blocked[1, i]),
            }
            for i, name in enumerate(self._names)
            if self._waited[i]
        }


def _integral_until(steps: QueueSteps, time_ps: IntArray) -> IntArray:
    """Length times time up to each of some times."""
    area = np.concatenate(([0], np.cumsum(steps.length[:-1] * np.diff(steps.time_ps))))
    place = np.searchsorted(steps.time_ps, time_ps, side="right") - 1
    inside = np.maximum(place, 0)
    part = steps.length[inside] * (time_ps - steps.time_ps[inside])
    total: IntArray = np.where(place < 0, 0, area[inside] + part)
    return total
