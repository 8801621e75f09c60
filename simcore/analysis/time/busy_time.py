"""How much of the time resources are busy, at any time and in equal parts of a run.

Everything is a difference of one function, the busy time up to t, which is exact in
whole picoseconds; so the parts of a run sum to the whole.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from simcore.analysis.run_program import IntArray
from simcore.analysis.time.burst_structure import BurstStructure
from simcore.analysis.time.replication import Replication


class BusyTime:
    """Busy time up to t of one resource, or of several together.

    Parameters
    ----------
    start_ps, end_ps : ndarray of int64
        Holds in any order; time in which several overlap counts once.
    """

    def __init__(self, start_ps: IntArray, end_ps: IntArray) -> None:
        lasting = end_ps > start_ps
        start, end = start_ps[lasting], end_ps[lasting]
        order = np.argsort(start, kind="stable")
        start, end = start[order], np.maximum.accumulate(end[order])
        if start.size:
            # A new interval begins where all before have ended.
            first = np.ones(start.size, dtype=np.bool_)
            first[1:] = start[1:] > end[:-1]
            last = np.append(first[1:], True)
            start, end = start[first], end[last]
        self._start = start
        self._length = end - start
        self._before = np.concatenate(([0], np.cumsum(self._length)))

    def until(self, time_ps: IntArray) -> IntArray:
        """Busy time in [0, t) for each time, in ps."""
        if not self._start.size:
            return np.zeros(time_ps.shape, dtype=np.int64)
        place = np.searchsorted(self._start, time_ps, side="right") - 1
        inside = np.maximum(place, 0)
        part = np.minimum(time_ps - self._start[inside], self._length[inside])
        busy: IntArray = np.where(place < 0, 0, self._before[inside] + part)
        return busy


def busy_of(replication: Replication, resources: tuple[int, ...]) -> BusyTime:
    """Time in which at least one of some resources is held."""
    bounds = replication.resource_bounds
    rows = np.concatenate(
        [replication.by_resource[bounds[r] : bounds[r + 1]] for r in resources]
    )
    return BusyTime(replication.start_ps[rows], replication.end_ps[rows])


class UtilizationTally:
    """Adds up busy time over replications, each cut into equal parts.

    Parameters
    ----------
    structure : BurstStructure
        The program.
    n_bins : int
        Parts of a replication, >= 1.
    """

    def __init__(self, structure: BurstStructure, n_bins: int) -> None:
        self._structure = structure
        self._n_bins = n_bins
        self._busy_ps = np.zeros((len(structure.resources), n_bins), dtype=np.int64)
        self._bin_ps = np.zeros(n_bins, dtype=np.int64)

    def add(self, replication: Replication) -> None:
        """Take the holds of one replication."""
        horizon = replication.horizon_ps
        edges = np.array(
            [horizon * i // self._n_bins for i in range(self._n_bins + 1)],
            dtype=np.int64,
        )
        self._bin_ps += np.diff(edges)
        for resource in range(len(self._structure.resources)):
            until = busy_of(replication, (resource,)).until(edges)
            self._busy_ps[resource] += np.diff(until)

    @property
    def elapsed_ps(self) -> int:
        """Time of the chips, added over replications."""
        return int(self._bin_ps.sum())

    def busy_ps(self) -> dict[str, int]:
        """Busy time by resource, gates included."""
        total = self._busy_ps.sum(axis=1).tolist()
        return dict(zip(self._structure.resources, total, strict=True))

    def result(self) -> dict[str, Any]:
        """Utilization by resource and by kind, overall and over time.

        Returns
        -------
        dict
            `bin_ps`, `by_resource` (busy_ps, ratio), `by_resource_kind` (instances,
            busy_ps, mean ratio, the `busiest` instance with its ratio, and both over
            time), `bottleneck` (name of the busiest resource, its kind and ratio).
            Layers kept for a token are no work: they are listed, never named as the
            bottleneck.
        """
        structure, elapsed = self._structure, max(self.elapsed_ps, 1)
        width = np.maximum(self._bin_ps, 1)
        total = self._busy_ps.sum(axis=1)
        members: dict[str, list[int]] = defaultdict(list)
        for resource, kind in enumerate(structure.kind_of_resource.tolist()):
            members[structure.resource_kinds[kind]].append(resource)
        kinds = {}
        for kind, found in sorted(members.items()):
            # The first of equals, so that the name does not depend on anything else.
            busiest = max(found, key=lambda r: (int(total[r]), -r))
            of_kind = self._busy_ps[found]
            kinds[kind] = {
                "instances": len(found),
                "is_gate": bool(structure.gate_of_resource[found[0]]),
                "busy_ps": int(of_kind.sum()),
                "mean_ratio": int(of_kind.sum()) / (elapsed * len(found)),
                "busiest": structure.resources[busiest],
                "busiest_ratio": int(total[busiest]) / elapsed,
                "mean_ratio_over_time": (
                    of_kind.sum(axis=0) / (width * len(found))
                ).tolist(),
                "busiest_ratio_over_time": (self._busy_ps[busiest] / width).tolist(),
            }
        return {
            "elapsed_ps": self.elapsed_ps,
            "bin_ps": self._bin_ps.tolist(),
            "bottleneck": _bottleneck(kinds),
            "by_resource_kind": kinds,
            "by_resource": {
                name: {"busy_ps": int(busy), "ratio": int(busy) / elapsed}
                for name, busy in zip(structure.resources, total, strict=True)
            },
        }


def _bottleneck(kinds: dict[str, dict[str, Any]]) -> dict[str, Any] | None:
    working = [(kind, found) for kind, found in kinds.items() if not found["is_gate"]]
    if not working:
        return None
    kind, found = min(working, key=lambda item: (-item[1]["busiest_ratio"], item[0]))
    return {"name": found["busiest"], "kind": kind, "ratio": found["busiest_ratio"]}
