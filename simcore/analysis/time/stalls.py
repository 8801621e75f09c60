"""Who waited for whom, added up: the sum of the matrix is the sum of all waits."""

from __future__ import annotations

from collections import defaultdict
from typing import Any, NamedTuple

import numpy as np

from simcore.analysis.time.blockers import Blockers
from simcore.analysis.time.burst_structure import BurstStructure
from simcore.analysis.time.replication import HoldTimes, Replication

#: Whose hold was waited for; `reserved`: free, but kept for an older hold.
RELATIONS = ("own", "other", "reserved")


class Stall(NamedTuple):
    """One cell of the matrix: all waits of one kind of work for one kind of work.

    `blocking` is empty where the resource was only reserved. `holds` counts the
    holds that waited, `wait_ps` is the sum of their waits.
    """

    waiting: str
    resource_kind: str
    blocking: str
    relation: str
    holds: int
    wait_ps: int


class StallTally:
    """Adds up the waits of replications.

    Parameters
    ----------
    structure : BurstStructure
        The program.
    """

    def __init__(self, structure: BurstStructure) -> None:
        self._structure = structure
        self._cells: dict[int, list[int]] = defaultdict(lambda: [0, 0])

    @property
    def total_ps(self) -> int:
        """Sum of all waits."""
        return sum(wait_ps for _, wait_ps in self._cells.values())

    def add(
        self, replication: Replication, holds: HoldTimes, blockers: Blockers
    ) -> None:
        """Take the waits of one replication."""
        structure = self._structure
        wait = holds.start_ps - holds.ready_ps
        mine = np.flatnonzero(holds.present & (wait > 0))
        theirs = blockers.hold[mine]
        known = theirs >= 0
        n_ops, n_work = structure.n_ops, len(structure.work.names)
        request = replication.bursts["request"]
        other = request[mine // n_ops] != request[theirs // n_ops]
        relation = np.where(known, other, 2)
        blocking = np.where(known, structure.work.code[theirs % n_ops], n_work)
        kind = structure.kind_of_resource[blockers.resource[mine]]
        code = structure.work.code[mine % n_ops] * len(structure.resource_kinds) + kind
        code = (code * (n_work + 1) + blocking) * len(RELATIONS) + relation
        cells, place, counts = np.unique(code, return_inverse=True, return_counts=True)
        sums = np.zeros(cells.size, dtype=np.int64)
        np.add.at(sums, place.reshape(-1), wait[mine])
        for cell, count, waited in zip(
            cells.tolist(), counts.tolist(), sums.tolist(), strict=True
        ):
            self._cells[cell][0] += count
            self._cells[cell][1] += waited

    def stalls(self) -> list[Stall]:
        """The cells of the matrix, the longest waits first."""
        found = [self._named(*item) for item in self._cells.items()]
        return sorted(found, key=lambda stall: (-stall.wait_ps, *stall[:4]))

    def result(self) -> dict[str, Any]:
        """`total_ps` and all cells."""
        return {
            "total_ps": self.total_ps,
            "cells": [stall._asdict() for stall in self.stalls()],
        }

    def _named(self, cell: int, found: list[int]) -> Stall:
        structure = self._structure
        rest, relation = divmod(cell, len(RELATIONS))
        rest, blocking = divmod(rest, len(structure.work.names) + 1)
        waiting, kind = divmod(rest, len(structure.resource_kinds))
        names = (*structure.work.names, "")
        return Stall(
            names[waiting],
            structure.resource_kinds[kind],
            names[blocking],
            RELATIONS[relation],
            found[0],
            found[1],
        )
