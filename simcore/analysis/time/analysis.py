"""Everything about the time of a run, in one pass over its replications.

Memory is that of one replication. Runs of very many events are analysed up to a
number of event rows; what was left out is said in the result.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simcore.analysis.run_program import IntArray
from simcore.analysis.time.blockers import find_blockers, head_of_line_ps
from simcore.analysis.time.busy_time import UtilizationTally
from simcore.analysis.time.critical_path import CAUSES, CriticalPath, PathFinder
from simcore.analysis.time.path_shares import PathShares
from simcore.analysis.time.queues import QueueTally
from simcore.analysis.time.replication import (
    HoldTimes,
    Replication,
    RunTables,
    iter_replications,
)
from simcore.analysis.time.stalls import StallTally
from simcore.analysis.time.wasted_work import WasteTally
from simcore.errors import ConfigError, Problem
from simcore.trace.reader import Trace

#: Event rows after which no further replication is analysed: half a minute or less.
MAX_ROWS = 30_000_000

#: Equal parts of a replication for what is given over time.
N_BINS = 10


@dataclass(frozen=True)
class TimeAnalysis:
    """Why a run took as long as it did.

    Attributes
    ----------
    n_requests, n_replications : int
        Of the run.
    analysed_requests, analysed_replications : int
        Of those, how many were analysed: the first ones.
    elapsed_ps : int
        Makespans of the analysed replications, added.
    utilization : dict
        See `UtilizationTally.result`.
    queues : dict
        See `QueueTally.result`.
    head_of_line : dict
        `holds` that waited while all their resources were free, and for how long
        (`wait_ps`); a hold on several resources counts once.
    makespan_path : dict
        Shares of the critical paths of the replications: those of the requests that
        ended last; see `PathShares.result`. Sums to `elapsed_ps`.
    chip_path : dict
        The same with waits followed into the requests that held the resource: work of
        all requests, back to the start. Sums to `elapsed_ps` as well; with one request
        at a time it is `makespan_path`.
    request_paths : dict
        The same over all requests; sums to their latencies.
    stalls : dict
        See `StallTally.result`.
    wasted : dict
        See `WasteTally.result`.
    """

    n_requests: int
    n_replications: int
    analysed_requests: int
    analysed_replications: int
    elapsed_ps: int
    utilization: dict[str, Any]
    queues: dict[str, Any]
    head_of_line: dict[str, int]
    makespan_path: dict[str, Any]
    chip_path: dict[str, Any]
    request_paths: dict[str, Any]
    stalls: dict[str, Any]
    wasted: dict[str, Any]

    @property
    def is_complete(self) -> bool:
        """Whether every request was analysed."""
        return self.analysed_requests == self.n_requests

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        names = self.__dataclass_fields__
        return {name: getattr(self, name) for name in names}


@dataclass(frozen=True)
class RequestPath:
    """The critical path of one request, or of one of its bursts.

    Attributes
    ----------
    replication, request : int
        Where it is.
    burst : int or None
        The burst, if only one was asked for.
    begin_ps, end_ps : int
        From arrival (of a burst: from when it could start) to the end.
    shares : dict
        See `PathShares.result`.
    segments : list of dict
        The longest stretches of the path, in order of time; see `stretches`.
    """

    replication: int
    request: int
    burst: int | None
    begin_ps: int
    end_ps: int
    shares: dict[str, Any]
    segments: list[dict[str, Any]]

    def as_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        names = self.__dataclass_fields__
        return {name: getattr(self, name) for name in names}


def analyse_time(
    trace: Trace, *, max_rows: int = MAX_ROWS, n_bins: int = N_BINS
) -> TimeAnalysis:
    """Analyse where the time of a run went.

    Parameters
    ----------
    trace : Trace
        A run that kept its events.
    max_rows : int
        No further replication is begun once this many event rows were analysed.
    n_bins : int
        Equal parts of a replication for what is given over time.

    Returns
    -------
    TimeAnalysis
        Of all requests, or of the first ones.

    Raises
    ------
    TraceError
        If the run kept no events, or they contradict its tables.
    """
    tables = RunTables.of(trace)
    structure = tables.structure
    utilization = UtilizationTally(structure, n_bins)
    queues = QueueTally(structure, n_bins)
    stalls = StallTally(structure)
    waste = WasteTally(structure)
    makespan, chip, paths = (PathShares(structure) for _ in range(3))
    head_of_line = {"holds": 0, "wait_ps": 0}
    n_rows = n_requests = n_replications = 0
    for replication in iter_replications(trace, tables):
        holds = HoldTimes(replication)
        blockers = find_blockers(replication, holds)
        blocked = head_of_line_ps(replication)
        utilization.add(replication)
        queues.add(replication, blocked)
        stalls.add(replication, holds, blockers)
        waste.add(replication, holds)
        owned = blocked[replication.is_owner]
        head_of_line["holds"] += int(np.count_nonzero(owned))
        head_of_line["wait_ps"] += int(owned.sum())
        finder = PathFinder(replication, holds, blockers)
        last = finder.makespan()
        makespan.add(replication, last)
        if replication.requests["request"].size > 1:
            across = PathFinder(replication, holds, blockers, across=True)
            last = across.makespan()
        chip.add(replication, last)
        for request in replication.requests["request"].tolist():
            paths.add(replication, finder.request(request))
        n_rows += replication.op.size
        n_requests += replication.requests["request"].size
        n_replications += 1
        if n_rows >= max_rows:
            break
    return TimeAnalysis(
        n_requests=int(tables.requests["request"].size),
        n_replications=len(tables.replications),
        analysed_requests=n_requests,
        analysed_replications=n_replications,
        elapsed_ps=makespan.total_ps,
        utilization=utilization.result(),
        queues=queues.result(),
        head_of_line=head_of_line,
        makespan_path=makespan.result(),
        chip_path=chip.result(),
        request_paths=paths.result(),
        stalls=stalls.result(),
        wasted=waste.result(),
    )


def path_of(
    trace: Trace, request: int, burst: int | None = None, *, most: int = 100
) -> RequestPath:
    """The critical path of one request or burst.

    Parameters
    ----------
    trace : Trace
        A run that kept its events.
    request : int
        Number of the request in the run.
    burst : int, optional
        Only this burst of it.
    most : int
        Most stretches that are listed.

    Raises
    ------
    ConfigError
        If the run has no such request or burst.
    TraceError
        If the run kept no events, or they contradict its tables.
    """
    tables = RunTables.of(trace)
    number = _replication_of(tables, request, burst)
    for replication in iter_replications(trace, tables, only=number):
        holds = HoldTimes(replication)
        finder = PathFinder(replication, holds, find_blockers(replication, holds))
        path = (
            finder.request(request) if burst is None else finder.burst(request, burst)
        )
        shares = PathShares(tables.structure)
        shares.add(replication, path)
        return RequestPath(
            replication=number,
            request=request,
            burst=burst,
            begin_ps=int(path.begin_ps[0]) if path.total_ps else 0,
            end_ps=int(path.end_ps[-1]) if path.total_ps else 0,
            shares=shares.result(),
            segments=stretches(replication, path, most),
        )
    raise _unknown("--request", f"request {request} has no events")


def stretches(
    replication: Replication, path: CriticalPath, most: int
) -> list[dict[str, Any]]:
    """The longest stretches of a path, in order of time.

    Neighbouring work of one step of a burst is one stretch, and so are neighbouring
    waits of one step for the same work of another request.

    Parameters
    ----------
    replication : Replication
        Where the path is.
    path : CriticalPath
        The path.
    most : int
        How many at most.
    """
    structure, n_ops = replication.structure, replication.structure.n_ops
    request, burst = replication.bursts["request"], replication.bursts["burst"]
    op, slot = path.hold % n_ops, path.hold // n_ops
    theirs = np.where(path.blocker >= 0, structure.work.code[path.blocker % n_ops], -1)
    key = np.stack(
        [path.cause, structure.phase.code[op], structure.step[op], slot, theirs]
    )
    first = np.ones(path.cause.size, dtype=np.bool_)
    first[1:] = np.any(key[:, 1:] != key[:, :-1], axis=0)
    begins = np.flatnonzero(first)
    last = np.append(begins[1:], path.cause.size) - 1
    length = path.end_ps[last] - path.begin_ps[begins]
    longest = np.sort(np.argsort(-length, kind="stable")[:most])
    found = []
    for i in longest.tolist():
        at = int(begins[i])
        entry: dict[str, Any] = {
            "cause": CAUSES[path.cause[at]],
            "begin_ps": int(path.begin_ps[at]),
            "end_ps": int(path.end_ps[last[i]]),
            "burst": int(burst[slot[at]]),
            "phase": structure.phase.names[structure.phase.code[op[at]]],
            "step": int(structure.step[op[at]]),
        }
        if path.resource[at] >= 0:
            entry["resource"] = structure.resources[path.resource[at]]
        if path.blocker[at] >= 0:
            holder = int(path.blocker[at])
            entry["held_by_request"] = int(request[holder // n_ops])
            entry["held_by"] = structure.work.names[structure.work.code[holder % n_ops]]
        found.append(entry)
    return found


def _replication_of(tables: RunTables, request: int, burst: int | None) -> int:
    found: IntArray = np.flatnonzero(tables.requests["request"] == request)
    n_requests = int(tables.requests["request"].size)
    if not found.size:
        raise _unknown("--request", f"the run has {n_requests} requests, from 0")
    number = int(tables.requests["replication"][found[0]])
    mine = tables.bursts["request"] == request
    mine &= tables.bursts["replication"] == number
    bursts = tables.bursts["burst"][mine]
    if burst is not None and burst not in bursts:
        raise _unknown("--burst", f"request {request} has {bursts.size} bursts, from 0")
    return number


def _unknown(option: str, message: str) -> ConfigError:
    return ConfigError([Problem(path=option, message=message)])
