"""The burst program of a run folder as arrays by operation, for walks over its holds.

An operation holds one or several resources; gates (channel `gate`) are containers
that keep a layer for a token and are no work themselves.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from simcore.analysis.run_program import BoolArray, FloatArray, IntArray, ProgramRows
from simcore.trace.wide import energy_by_operation

#: Drafts of the next burst, made beside the verification of this one.
DRAFT_AHEAD = "draft_ahead"
_GATE = "gate"


@dataclass(frozen=True)
class Labels:
    """A label for each operation, as a number into its names."""

    names: tuple[str, ...]
    code: IntArray

    @classmethod
    def of(cls, values: list[str]) -> Labels:
        """Number the values in order of their first appearance."""
        names = tuple(dict.fromkeys(values))
        place = {name: i for i, name in enumerate(names)}
        return cls(names, np.array([place[v] for v in values], dtype=np.int64))


class BurstStructure:
    """What the operations of a burst are, hold, and follow.

    Parameters
    ----------
    program, program_energy : pyarrow.Table
        Tables of the run.

    Attributes
    ----------
    rows : ProgramRows
        One entry for each operation and resource.
    n_ops : int
        Operations of a burst, by op_id.
    is_gate, is_ahead : ndarray of bool, shape (n_ops,)
        Containers, and drafts of the next burst.
    step : ndarray of int64, shape (n_ops,)
        Step of each operation; 0 where it has none.
    phase, stage, operation, kinds, work : Labels
        `kinds` names all resource kinds an operation holds, for example `A1+A2`;
        `work` is `phase operation`.
    resource_sets : tuple of tuple of int
        Different sets of resources that operations hold; `set_of_op` numbers them.
    kind_of_resource : ndarray of int64
        Kind of each resource, a number into `resource_kinds`.
    """

    def __init__(self, program: pa.Table, program_energy: pa.Table) -> None:
        self.rows = rows = ProgramRows(program, program_energy)
        self.n_ops = rows.n_operations
        owner = rows.owner
        by_op: dict[str, list[Any]] = {
            name: [values[row] for row in owner.tolist()]
            for name, values in rows.labels.items()
        }
        self.layer = by_op["layer"]
        self.step = rows.step[owner]
        self.is_gate = np.array([c == _GATE for c in by_op["channel"]], dtype=np.bool_)
        self.row_is_gate = self.is_gate[rows.op]
        phases = by_op["phase"]
        self.is_ahead = np.array([p == DRAFT_AHEAD for p in phases], dtype=np.bool_)
        self.phase = Labels.of(phases)
        self.stage = Labels.of(by_op["stage"])
        self.operation = Labels.of(by_op["operation"])
        self.work = Labels.of(
            [f"{p} {o}" for p, o in zip(phases, by_op["operation"], strict=True)]
        )
        self.resources: list[str] = rows.resources
        kinds = [name.partition("[")[0] for name in self.resources]
        self.resource_kinds = tuple(dict.fromkeys(kinds))
        self.kind_of_resource = Labels.of(kinds).code
        held: list[list[int]] = [[] for _ in range(self.n_ops)]
        for op, resource in zip(rows.op.tolist(), rows.resource.tolist(), strict=True):
            held[op].append(resource)
        self.first_resource = rows.resource[owner]
        sets = [tuple(resources) for resources in held]
        self.resource_sets = tuple(dict.fromkeys(sets))
        place = {resources: i for i, resources in enumerate(self.resource_sets)}
        self.set_of_op = np.array([place[s] for s in sets], dtype=np.int64)
        self.kinds = Labels.of(["+".join(kinds[r] for r in s) for s in sets])
        self.energy_pj: FloatArray = energy_by_operation(program_energy, self.n_ops)
        order = np.argsort(rows.after, kind="stable")
        self.after, self.before = rows.after[order], rows.before[order]

    @cached_property
    def gate_members(self) -> dict[int, IntArray]:
        """Operations inside each gate, by the gate's op_id."""
        cells: dict[tuple[Any, ...], list[int]] = {}
        keys = list(
            zip(self.phase.code.tolist(), self.step.tolist(), self.layer, strict=True)
        )
        for op, key in enumerate(keys):
            if not self.is_gate[op]:
                cells.setdefault(key, []).append(op)
        return {
            gate: np.array(cells.get(keys[gate], []), dtype=np.int64)
            for gate in np.flatnonzero(self.is_gate).tolist()
        }

    @cached_property
    def predecessors(self) -> list[IntArray]:
        """Operations that each one waits for, by op_id."""
        ends = np.searchsorted(self.after, np.arange(self.n_ops + 1))
        return [
            self.before[first:last]
            for first, last in zip(ends[:-1].tolist(), ends[1:].tolist(), strict=True)
        ]

    @cached_property
    def dependency_order(self) -> IntArray:
        """All op_ids, predecessors first."""
        if np.all(self.before < self.after):
            return np.arange(self.n_ops)
        left = np.bincount(self.after, minlength=self.n_ops).tolist()
        following: list[list[int]] = [[] for _ in range(self.n_ops)]
        for after, before in zip(
            self.after.tolist(), self.before.tolist(), strict=True
        ):
            following[before].append(after)
        order = [op for op in range(self.n_ops) if not left[op]]
        for op in order:
            for other in following[op]:
                left[other] -= 1
                if not left[other]:
                    order.append(other)
        return np.array(order, dtype=np.int64)

    @cached_property
    def gate_of_resource(self) -> BoolArray:
        """Which resources are layers kept for a token, by resource number."""
        found = np.zeros(len(self.resources), dtype=np.bool_)
        found[self.rows.resource[self.row_is_gate]] = True
        return found
