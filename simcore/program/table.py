"""The burst as numbered operations: what engines execute and the trace refers to.

`op_id` counts operations in program order (step, layer, position, leg); equal ready
times are granted in that order. Durations are evaluated for a whole burst at once.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt

from simcore.program.cost import Cost
from simcore.program.operation import HBM, LAYER_GATE, LayerStep, Operation
from simcore.program.schedules import Layout, link
from simcore.program.stall import refreshes_met
from simcore.units import PS_PER_NS, ps_from_ns

if TYPE_CHECKING:
    from simcore.program.burst import BurstProgram

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_NO_CAP = np.iinfo(np.int64).max

_GATE = Operation(
    name=LAYER_GATE, stage="gate", resources=("layer",), channel="gate", owner="layer"
)


class Cell(NamedTuple):
    """Where the operations of one layer of one step stand in the table.

    `gate` is the op id that keeps the layer for this token, or -1; `entries` and
    `exits` are the legs of the first and last position; `first`..`last` are the op ids
    of all of them, without the gate.
    """

    phase: str
    step: int
    layer: int
    gate: int
    entries: tuple[int, ...]
    exits: tuple[int, ...]
    first: int = 0
    last: int = -1


@dataclass(frozen=True)
class OperationTable:
    """Operations of one burst in op_id order, all arrays of length n_operations.

    Attributes
    ----------
    operations : tuple of Operation
        What each op is.
    phase : tuple of str
        Phase of each op.
    step, layer, position : ndarray of int64
        Step index, layer (-1 where none), order inside the layer's step.
    context_cap : ndarray of int64
        Sliding window bound of the context.
    resources : tuple of str
        Names of all resources, for example `A1[0]`, `hbm`.
    op_resources : tuple of tuple of int
        Resources each op holds at once; the first owns energy and bytes.
    predecessors, successors : tuple of tuple of int
        Dependencies under the schedule.
    closes_gate : tuple of int
        The gate op that is released when this op and its legs have ended, or -1.
    cells : tuple of Cell
        The layers of the steps in program order.
    """

    operations: tuple[Operation, ...]
    phase: tuple[str, ...]
    step: IntArray
    layer: IntArray
    position: IntArray
    context_cap: IntArray
    resources: tuple[str, ...]
    op_resources: tuple[tuple[int, ...], ...]
    predecessors: tuple[tuple[int, ...], ...]
    successors: tuple[tuple[int, ...], ...]
    closes_gate: tuple[int, ...]
    cells: tuple[Cell, ...]

    @classmethod
    def of(cls, program: BurstProgram) -> OperationTable:
        """Number the operations of `program` and link them by its schedule."""
        return _Numbering(program).table()

    def __len__(self) -> int:
        return len(self.operations)

    @cached_property
    def gates(self) -> IntArray:
        """Op ids of the layer gates, which are spans without a cost of their own."""
        return np.array(
            [i for i, op in enumerate(self.operations) if op.name == LAYER_GATE],
            dtype=np.int64,
        )

    @cached_property
    def is_gate(self) -> bytes:
        """Which ops keep a layer, 1 or 0 each."""
        return bytes(op.channel == "gate" for op in self.operations)

    @cached_property
    def n_awaited(self) -> tuple[int, ...]:
        """How many operations each op waits for, or 1, the launch of the burst."""
        return tuple(len(before) or 1 for before in self.predecessors)

    @cached_property
    def is_ahead(self) -> npt.NDArray[np.bool_]:
        """Which ops draft ahead."""
        return np.array([p == "draft_ahead" for p in self.phase], dtype=np.bool_)

    @cached_property
    def is_commit(self) -> npt.NDArray[np.bool_]:
        """Which ops commit."""
        return np.array([p == "commit" for p in self.phase], dtype=np.bool_)

    @cached_property
    def is_draft(self) -> npt.NDArray[np.bool_]:
        """Which ops draft."""
        return np.array([p == "draft" for p in self.phase], dtype=np.bool_)

    @cached_property
    def is_verify(self) -> npt.NDArray[np.bool_]:
        """Which ops verify, the setup of the burst included."""
        return np.array([p.startswith("verify") for p in self.phase], dtype=np.bool_)

    @cached_property
    def duration(self) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Duration coefficients in ns: base, per token, per committed token."""
        return coefficients([op.duration_ns for op in self.operations])

    @cached_property
    def gate_of(self) -> tuple[int, ...]:
        """The gate that each op stands behind, a gate itself included, or -1."""
        gates = [-1] * len(self.operations)
        for gate, ops in self.behind_gate.items():
            for op in ops:
                gates[op] = gate
        return tuple(gates)

    @cached_property
    def behind_gate(self) -> dict[int, tuple[int, ...]]:
        """Ops of the layer that each gate keeps, the gate itself included."""
        return {
            cell.gate: (cell.gate, *range(cell.first, cell.last + 1))
            for cell in self.cells
            if cell.gate >= 0
        }

    def context(self, context_length: int) -> IntArray:
        """Cached tokens each op sees in a burst that starts at `context_length`."""
        return np.minimum(context_length + self.step, self.context_cap)

    def durations_ps(self, context_length: int, committed: int) -> IntArray:
        """Duration of every hold of one burst, whole picoseconds, rounded once.

        Parameters
        ----------
        context_length : int
            L, KV entries in HBM at burst start.
        committed : int
            Tokens the burst commits.
        """
        linear = ps_from_ns(self._linear_ns(context_length, committed))
        period, stall = self.stalls
        met: IntArray = refreshes_met(linear, period, stall)
        return linear + stall * met

    def durations_ns(self, context_length: int, committed: int) -> FloatArray:
        """Unrounded duration of every hold of one burst; see `durations_ps`."""
        linear = self._linear_ns(context_length, committed)
        period, stall = self.stalls
        met: IntArray = refreshes_met(ps_from_ns(linear), period, stall)
        return linear + stall / PS_PER_NS * met

    def _linear_ns(self, context_length: int, committed: int) -> FloatArray:
        base, per_token, per_committed = self.duration
        context = self.context(context_length)
        linear: FloatArray = base + per_token * context + per_committed * committed
        return linear

    @cached_property
    def stalls(self) -> tuple[IntArray, IntArray]:
        """Refresh period and stall of every op in ps; no stall where there is none."""
        found = [op.stall for op in self.operations]
        period = [_NO_CAP if stall is None else stall.period_ps for stall in found]
        stall_ps = [0 if stall is None else stall.stall_ps for stall in found]
        return np.array(period, dtype=np.int64), np.array(stall_ps, dtype=np.int64)

    @cached_property
    def rows(self) -> tuple[npt.NDArray[np.int32], npt.NDArray[np.int8]]:
        """Trace rows of a burst: op_id and resource index, one a resource held."""
        counts = np.array([len(r) for r in self.op_resources], dtype=np.int64)
        op = np.repeat(np.arange(len(self), dtype=np.int32), counts)
        starts = np.repeat(np.cumsum(counts) - counts, counts)
        index = (np.arange(len(op)) - starts).astype(np.int8)
        return op, index

    @cached_property
    def row_resource(self) -> IntArray:
        """Resource number of every trace row of a burst."""
        flat = [r for resources in self.op_resources for r in resources]
        return np.array(flat, dtype=np.int64)


def coefficients(costs: Sequence[Cost]) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Columns base, per_token, per_committed of many costs."""
    table = np.array(
        [(c.base, c.per_token, c.per_committed) for c in costs], dtype=np.float64
    ).reshape(-1, 3)
    return table[:, 0].copy(), table[:, 1].copy(), table[:, 2].copy()


class _Numbering:
    """Walks the program once and lays out its operations."""

    def __init__(self, program: BurstProgram) -> None:
        self._program = program
        self._gated = program.policy.pipelined
        self._operations: list[Operation] = []
        self._phase: list[str] = []
        self._where: list[tuple[int, int, int, int]] = []
        self._resource_ids: dict[str, int] = {}
        self._op_resources: list[tuple[int, ...]] = []
        self._inside: list[tuple[int, ...]] = []
        self._cells: list[Cell] = []

    def table(self) -> OperationTable:
        program = self._program
        for step in program.draft:
            for layer, part in enumerate(step.layers):
                self._add(step.phase, step.index, layer, part, gated=self._gated)
        # Its own step is that of the whole burst; it costs nothing a token.
        self._add("verify_bonus", -1, -1, program.setup, gated=False)
        for step in program.verify:
            for layer, part in enumerate(step.layers):
                self._add(step.phase, step.index, layer, part, gated=self._gated)
        for step in program.ahead:
            # A chain of its own: there is never a second token ahead to keep apart.
            for layer, part in enumerate(step.layers):
                self._add(step.phase, step.index, layer, part, gated=False)
        for layer, part in enumerate(program.commit):
            self._add("commit", -1, layer, part, gated=False)
        layout = Layout(self._operations, self._cells, self._inside)
        predecessors = link(program.policy, layout)
        where = np.array(self._where, dtype=np.int64).reshape(-1, 4)
        return OperationTable(
            operations=tuple(self._operations),
            phase=tuple(self._phase),
            step=where[:, 0].copy(),
            layer=where[:, 1].copy(),
            position=where[:, 2].copy(),
            context_cap=where[:, 3].copy(),
            resources=tuple(self._resource_ids),
            op_resources=tuple(self._op_resources),
            predecessors=tuple(predecessors),
            successors=_invert(predecessors),
            closes_gate=self._closing(),
            cells=tuple(self._cells),
        )

    def _add(
        self, phase: str, step: int, layer: int, part: LayerStep, *, gated: bool
    ) -> None:
        if not part.positions:
            return
        cap = _NO_CAP if part.context_cap is None else part.context_cap
        gate = -1
        if gated:
            gate = self._number(_GATE, phase, (step, layer, -1, cap), ())
        before: tuple[int, ...] = () if gate < 0 else (gate,)
        entries: tuple[int, ...] = ()
        first = len(self._operations)
        for position, legs in enumerate(part.positions):
            where = (step, layer, position, cap)
            numbers = tuple(self._number(op, phase, where, before) for op in legs)
            entries = entries or numbers
            before = numbers
        last = len(self._operations) - 1
        self._cells.append(Cell(phase, step, layer, gate, entries, before, first, last))

    def _number(
        self,
        op: Operation,
        phase: str,
        where: tuple[int, int, int, int],
        inside: tuple[int, ...],
    ) -> int:
        layer = max(where[1], 0)
        names = [kind if kind == HBM else f"{kind}[{layer}]" for kind in op.resources]
        ids = self._resource_ids
        self._operations.append(op)
        self._phase.append(phase)
        self._where.append(where)
        self._op_resources.append(tuple(ids.setdefault(n, len(ids)) for n in names))
        self._inside.append(inside)
        return len(self._operations) - 1

    def _closing(self) -> tuple[int, ...]:
        closes = [-1] * len(self._operations)
        for cell in self._cells:
            if cell.gate >= 0:
                for op in cell.exits:
                    closes[op] = cell.gate
        return tuple(closes)


def _invert(predecessors: Sequence[tuple[int, ...]]) -> tuple[tuple[int, ...], ...]:
    successors: list[list[int]] = [[] for _ in predecessors]
    for op, before in enumerate(predecessors):
        for other in before:
            successors[other].append(op)
    return tuple(tuple(after) for after in successors)
