"""The critical path: which holds, and which waits, made a request this long.

The path is walked back from the last hold's end. Its segments partition the time
from the arrival of the request to its end exactly, in whole picoseconds.
"""

from __future__ import annotations

from array import array
from dataclasses import dataclass
from typing import Final

import numpy as np

from simcore.analysis.run_program import IntArray
from simcore.analysis.time.blockers import Blockers
from simcore.analysis.time.path_links import PathLinks
from simcore.analysis.time.replication import HoldTimes, Replication
from simcore.errors import TraceError

#: Why time passes on a path. `work`: a hold of the request runs. `other_request`: a
#: resource is held by another request. `reserved`: it is free or was freed by nobody,
#: but kept for an older hold. `sram_room`: the burst waits for room in the SRAM
#: buffer. `admission`: the request has arrived and its first burst may not start yet.
#: `not_arrived`: before the arrival, in the makespan of a replication only.
#: `cancelled`: until work was cancelled or skipped that nothing else explains.
CAUSES: Final = (
    "work",
    "other_request",
    "reserved",
    "sram_room",
    "admission",
    "not_arrived",
    "cancelled",
)
(
    _WORK,
    _OTHER,
    _RESERVED,
    _ROOM,
    _ADMISSION,
    _NOT_ARRIVED,
    _CANCELLED,
) = range(len(CAUSES))


@dataclass(frozen=True)
class CriticalPath:
    """Segments of a path in order of time; each begins where the one before ends.

    Attributes
    ----------
    cause : ndarray of int64
        Why the time passes, a number into `CAUSES`.
    begin_ps, end_ps : ndarray of int64
        Of each segment; none is empty.
    hold : ndarray of int64
        Hold number of the work, or of what waits.
    blocker : ndarray of int64
        Hold number of the other request's hold; -1 elsewhere.
    resource : ndarray of int64
        Resource that is waited for, by number; -1 where none is.
    """

    cause: IntArray
    begin_ps: IntArray
    end_ps: IntArray
    hold: IntArray
    blocker: IntArray
    resource: IntArray

    @property
    def length_ps(self) -> IntArray:
        """Duration of each segment."""
        length: IntArray = self.end_ps - self.begin_ps
        return length

    @property
    def total_ps(self) -> int:
        """Sum of the segments."""
        return int(self.length_ps.sum())

    def since(self, time_ps: int) -> CriticalPath:
        """The part of the path after a time."""
        kept = self.end_ps > time_ps
        return CriticalPath(
            self.cause[kept],
            np.maximum(self.begin_ps[kept], time_ps),
            self.end_ps[kept],
            self.hold[kept],
            self.blocker[kept],
            self.resource[kept],
        )


class PathFinder:
    """Finds the critical paths of the bursts and requests of one replication.

    Parameters
    ----------
    replication : Replication
        Event rows.
    holds : HoldTimes
        The same as holds.
    blockers : Blockers
        Who made each hold wait.
    across : bool
        Follow waits into the other requests that held the resource: only `makespan`
        has a meaning then, and its work is that of all requests.
    """

    def __init__(
        self,
        replication: Replication,
        holds: HoldTimes,
        blockers: Blockers,
        *,
        across: bool = False,
    ) -> None:
        self._replication = replication
        self._holds = holds
        self._blockers = blockers
        self._across = across
        self._links = PathLinks(replication, holds, blockers, across=across)
        # As compact as numpy's, and read one by one as fast as a list.
        self._before = array("q", self._links.before.tobytes())
        self._paths: dict[int, CriticalPath] = {}

    def request(self, request: int) -> CriticalPath:
        """Path of a request, from its arrival to its end.

        Raises
        ------
        TraceError
            If the request is not in the replication, or its events do not fit.
        """
        if request in self._paths:
            return self._paths[request]
        row = self._row_of(request)
        requests = self._replication.requests
        slots = np.flatnonzero(self._replication.bursts["request"] == request)
        if not slots.size:
            raise TraceError(f"request {request} has no burst")
        begin, end = int(requests["arrival_ps"][row]), int(requests["end_ps"][row])
        path = self._walk(int(slots[-1]), begin, end)
        self._paths[request] = path
        return path

    def burst(self, request: int, burst: int) -> CriticalPath:
        """Path of a burst, from when it could have started to its end.

        Raises
        ------
        TraceError
            If the burst is not in the replication, or its events do not fit.
        """
        bursts = self._replication.bursts
        found = np.flatnonzero(
            (bursts["request"] == request) & (bursts["burst"] == burst)
        )
        if not found.size:
            raise TraceError(f"request {request} has no burst {burst}")
        slot = int(found[0])
        begin, end = int(bursts["ready_ps"][slot]), int(bursts["end_ps"][slot])
        return self._walk(slot, begin, end)

    def makespan(self) -> CriticalPath:
        """Path of the request that ends last, from the start of the replication.

        Of several that end together, the one of the smallest number.
        """
        requests = self._replication.requests
        if not requests["request"].size:
            raise TraceError(f"replication {self._replication.number} has no request")
        last = int(np.argmax(requests["end_ps"]))
        number = int(requests["request"][last])
        if self._across:
            # Back to the arrival of whichever request the path leads to.
            slots = np.flatnonzero(self._replication.bursts["request"] == number)
            path = self._walk(int(slots[-1]), None, int(requests["end_ps"][last]))
        else:
            path = self.request(number)
        if not path.total_ps or not path.begin_ps[0]:
            return path
        return CriticalPath(
            np.concatenate(([_NOT_ARRIVED], path.cause)),
            np.concatenate(([0], path.begin_ps)),
            np.concatenate((path.begin_ps[:1], path.end_ps)),
            np.concatenate((path.hold[:1], path.hold)),
            np.concatenate(([_NO_HOLD], path.blocker)),
            np.concatenate(([_NO_HOLD], path.resource)),
        )

    def _row_of(self, request: int) -> int:
        found = np.flatnonzero(self._replication.requests["request"] == request)
        if not found.size:
            raise TraceError(
                f"request {request} is not in replication {self._replication.number}"
            )
        return int(found[0])

    def _walk(self, slot: int, begin_ps: int | None, end_ps: int) -> CriticalPath:
        """The path back from the last hold of a burst; exact from begin to end.

        Without a beginning, from the arrival of the request the path leads to.
        """
        last = self._links.last_hold(slot, end_ps)
        chain = self._chain(last, 0 if begin_ps is None else begin_ps)
        if not chain.size:
            raise TraceError(f"a burst that ends at {end_ps} ps has no holds")
        path = self._segments(chain, end_ps)
        if begin_ps is None:
            begin_ps = int(path.begin_ps[0]) if path.begin_ps.size else end_ps
        path = path.since(begin_ps)
        exact = path.total_ps == end_ps - begin_ps and bool(
            np.all(path.begin_ps[1:] == path.end_ps[:-1])
        )
        if not exact:
            raise TraceError(
                f"the holds of replication {self._replication.number} do not explain "
                f"the time from {begin_ps} to {end_ps} ps; simcore validate tells more"
            )
        return path

    def _chain(self, last: int, begin_ps: int) -> IntArray:
        """Holds of the path from the last to the first."""
        before, found, number = self._before, [], last
        most = len(before)
        while number >= 0:
            found.append(number)
            if len(found) > most:
                raise TraceError("the holds of a path follow each other in a circle")
            number = before[number]
        chain = np.array(found, dtype=np.int64)
        if not chain.size:
            return chain
        # What ended before the path begins adds nothing, but for the first.
        kept = int(np.count_nonzero(self._links.top_ps[chain] > begin_ps))
        return chain[: max(kept, 1) + 1] if begin_ps else chain

    def _segments(self, chain: IntArray, end_ps: int) -> CriticalPath:
        """All segments of a chain: after each hold a gap, the hold, its wait."""
        links, holds = self._links, self._holds
        n_ops = self._replication.structure.n_ops
        bursts = self._replication.bursts
        slot = chain // n_ops
        top, resume = links.top_ps[chain], links.resume_ps[chain]
        start = holds.start_ps[chain]
        # From where the path comes down to each hold.
        above = np.concatenate(([end_ps], resume[:-1]))
        leaves = links.leaves_burst[chain]
        burst_start = np.where(leaves, bursts["start_ps"][slot], resume)
        burst_ready = np.where(leaves, bursts["ready_ps"][slot], resume)
        above[1:] = np.where(leaves[:-1], burst_ready[:-1], above[1:])
        request_row = np.searchsorted(
            self._replication.requests["request"], bursts["request"][slot[-1]]
        )
        arrival = int(self._replication.requests["arrival_ps"][request_row])
        # At the start of the request what is left is waiting for admission.
        arrived = burst_ready.copy()
        if links.before[chain[-1]] < 0:
            arrived[-1] = min(arrival, int(burst_ready[-1]))
        blocker = self._blockers.hold[chain]
        waited = np.where(blocker >= 0, _OTHER, _RESERVED)
        none = np.full(chain.size, _NO_HOLD, dtype=np.int64)
        work_begin = np.minimum(start, top)
        resource = self._blockers.resource[chain]
        # A gap is of the hold that comes after it.
        later = np.concatenate((chain[:1], chain[:-1]))
        layers = [
            (np.full_like(chain, _CANCELLED), top, above, later, none, none),
            (np.full_like(chain, _WORK), work_begin, top, chain, none, none),
            (waited, resume, start, chain, blocker, resource),
            (np.full_like(chain, _CANCELLED), burst_start, resume, chain, none, none),
            (np.full_like(chain, _ROOM), burst_ready, burst_start, chain, none, none),
            (np.full_like(chain, _ADMISSION), arrived, burst_ready, chain, none, none),
        ]
        cause, begin, end, hold, theirs, resources = (
            # Backwards, so that time runs forwards.
            np.stack(column)[::-1, ::-1].T.reshape(-1)
            for column in zip(*layers, strict=True)
        )
        kept = end > begin
        return CriticalPath(
            cause[kept],
            begin[kept],
            end[kept],
            hold[kept],
            theirs[kept],
            resources[kept],
        )


_NO_HOLD = -1
