"""What critical paths consist of: shares by stage, phase, resource and operation.

Every breakdown sums to the whole, with what is no work under the name of its cause.
"""

from __future__ import annotations

from collections import defaultdict
from typing import Any

import numpy as np

from simcore.analysis.run_program import IntArray
from simcore.analysis.time.burst_structure import BurstStructure, Labels
from simcore.analysis.time.critical_path import CAUSES, CriticalPath
from simcore.analysis.time.replication import Replication

_WORK = CAUSES.index("work")
_OTHER = CAUSES.index("other_request")
_RESERVED = CAUSES.index("reserved")
_NOT_ARRIVED = CAUSES.index("not_arrived")

_BREAKDOWNS = ("stage", "phase", "resource_kinds", "operation")


class PathShares:
    """Adds up critical paths.

    Parameters
    ----------
    structure : BurstStructure
        The program.

    Attributes
    ----------
    total_ps : int
        Length of all paths.
    n_paths : int
        How many.
    """

    def __init__(self, structure: BurstStructure) -> None:
        self._structure = structure
        self.total_ps = 0
        self.n_paths = 0
        self._by_op = np.zeros(structure.n_ops, dtype=np.int64)
        self._by_cause = np.zeros(len(CAUSES), dtype=np.int64)
        self._waits: dict[tuple[int, int, int], int] = defaultdict(int)
        self._waits_of_request: dict[int, int] = defaultdict(int)

    def add(self, replication: Replication, path: CriticalPath) -> None:
        """Take one path."""
        structure, length = self._structure, path.length_ps
        self.total_ps += path.total_ps
        self.n_paths += 1
        np.add.at(self._by_cause, path.cause, length)
        works = path.cause == _WORK
        np.add.at(self._by_op, path.hold[works] % structure.n_ops, length[works])
        waits = (path.cause == _OTHER) | (path.cause == _RESERVED)
        request = replication.bursts["request"]
        for blocker, resource, ps in zip(
            path.blocker[waits].tolist(),
            path.resource[waits].tolist(),
            length[waits].tolist(),
            strict=True,
        ):
            kind = int(structure.kind_of_resource[resource])
            known = blocker >= 0
            op = blocker % structure.n_ops if known else -1
            work = int(structure.work.code[op]) if known else -1
            self._waits[kind, work, _OTHER if known else _RESERVED] += ps
            if known:
                slot = blocker // structure.n_ops
                self._waits_of_request[int(request[slot])] += ps

    @property
    def work_ps(self) -> int:
        """Time in which the request's own holds ran."""
        return int(self._by_cause[_WORK])

    def by(self, breakdown: str) -> dict[str, int]:
        """One breakdown in ps, largest first; it sums to `total_ps`.

        Parameters
        ----------
        breakdown : {"stage", "phase", "resource_kinds", "operation"}
            How work is named; waiting is named by its cause, with `waiting: ` before.
        """
        labels: dict[str, Labels] = {
            "stage": self._structure.stage,
            "phase": self._structure.phase,
            "resource_kinds": self._structure.kinds,
            "operation": self._structure.operation,
        }
        found = _sums(labels[breakdown], self._by_op)
        for cause, ps in enumerate(self._by_cause.tolist()):
            if cause != _WORK and ps:
                found[f"waiting: {CAUSES[cause]}"] = ps
        return _largest_first(found)

    def waits(self) -> list[dict[str, Any]]:
        """Waits for resources by what is waited for, the longest first."""
        structure = self._structure
        found = [
            {
                "resource_kind": structure.resource_kinds[kind],
                "cause": CAUSES[cause],
                "blocking": structure.work.names[work] if work >= 0 else "",
                "wait_ps": ps,
            }
            for (kind, work, cause), ps in self._waits.items()
        ]
        return sorted(
            found,
            key=lambda w: (-w["wait_ps"], w["resource_kind"], w["blocking"]),
        )

    @property
    def waiting_ps(self) -> int:
        """Time in which the path waits for what other work may end sooner."""
        return self.total_ps - self.work_ps - int(self._by_cause[_NOT_ARRIVED])

    def savings(self) -> dict[str, dict[str, Any]]:
        """What a faster resource of each kind can save at most.

        Returns
        -------
        dict
            By kind of resource, largest first, layers kept for a token left out:
            `hold_ps`, work on the path that holds one (with others, perhaps);
            `at_most_ps`, that and all waits, since what is waited for may hold one
            as well; both as ratios of the whole. Without these the rest of the path
            is still there, as long as the order of work stays.
        """
        structure = self._structure
        found: dict[str, dict[str, Any]] = {}
        whole = max(self.total_ps, 1)
        is_gate = structure.gate_of_resource
        for kind, name in enumerate(structure.resource_kinds):
            holds = np.array(
                [
                    any(
                        structure.kind_of_resource[r] == kind and not is_gate[r]
                        for r in resources
                    )
                    for resources in structure.resource_sets
                ],
                dtype=np.bool_,
            )
            held = int(self._by_op[holds[structure.set_of_op]].sum())
            if held:
                at_most = held + self.waiting_ps
                found[name] = {
                    "hold_ps": held,
                    "hold_ratio": held / whole,
                    "at_most_ps": at_most,
                    "at_most_ratio": at_most / whole,
                }
        return dict(
            sorted(found.items(), key=lambda item: (-item[1]["hold_ps"], item[0]))
        )

    def result(self) -> dict[str, Any]:
        """All breakdowns in ps, the waits by blocker, and the savings."""
        return {
            "paths": self.n_paths,
            "total_ps": self.total_ps,
            "work_ps": self.work_ps,
            "waiting_ps": self.waiting_ps,
            **{f"by_{name}": self.by(name) for name in _BREAKDOWNS},
            "waits": self.waits(),
            "waits_by_blocking_request": {
                str(request): ps
                for request, ps in sorted(self._waits_of_request.items())
            },
            "savings": self.savings(),
        }


def _sums(labels: Labels, by_op: IntArray) -> dict[str, int]:
    sums = np.zeros(len(labels.names), dtype=np.int64)
    np.add.at(sums, labels.code, by_op)
    return {
        name: ps for name, ps in zip(labels.names, sums.tolist(), strict=True) if ps
    }


def _largest_first(found: dict[str, int]) -> dict[str, int]:
    return dict(sorted(found.items(), key=lambda item: (-item[1], item[0])))
