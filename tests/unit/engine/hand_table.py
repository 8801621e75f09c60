"""Programs written by hand, operation by operation, and what the engine makes of them.

A burst's holds last what a table says for its context length, in whole picoseconds, so
each test gives every burst the times it needs.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np

from simcore.config.load import load_hardware, load_model
from simcore.engine.clock import DEFAULT_EVENT_BUDGET
from simcore.engine.simulate import simulate_replication
from simcore.program.burst import BurstProgram, build_burst_program
from simcore.program.operation import LAYER_GATE, Operation
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import Cell, IntArray, OperationTable


@dataclass(frozen=True)
class Op:
    """One operation: what it holds, after which others, and the gate it closes.

    `gate` is the op id of the layer gate that is released when this operation ends.
    """

    resources: tuple[str, ...] | str
    after: tuple[int, ...] = ()
    name: str = "work"
    gate: int = -1


#: Two layers that one token enters crosswise: each gate waits for the other.
CROSSWISE = (
    Op("layer[0]", name=LAYER_GATE),
    Op("layer[1]", name=LAYER_GATE),
    Op("layer[1]", after=(0,), name=LAYER_GATE),
    Op("layer[0]", after=(1,), name=LAYER_GATE),
    Op("dpu[0]", after=(2,), gate=2),
    Op("dpu[1]", after=(3,), gate=3),
    Op("hbm", after=(4,), gate=0),
    Op("hbm", after=(5,), gate=1),
)


@dataclass(frozen=True)
class HandTable(OperationTable):
    """A table whose durations are written down for each context length."""

    times: Mapping[int, Sequence[int]] = dataclasses.field(default_factory=dict)

    def durations_ps(self, context_length: int, committed: int) -> IntArray:
        return np.array(self.times[context_length], dtype=np.int64)


def hand_table(ops: Sequence[Op], times: Mapping[int, Sequence[int]]) -> HandTable:
    """The table of `ops`; `times` are the durations in ps by context length."""
    resources: dict[str, int] = {}
    operations, op_resources, cells = [], [], []
    for op in ops:
        held = (op.resources,) if isinstance(op.resources, str) else op.resources
        numbers = tuple(resources.setdefault(r, len(resources)) for r in held)
        op_resources.append(numbers)
        is_gate = op.name == LAYER_GATE
        kinds = tuple(r.partition("[")[0] for r in held)
        channel: Any = "gate" if is_gate else "compute"
        operations.append(Operation(op.name, "stage", kinds, channel, kinds[0]))
    for number, op in enumerate(ops):
        if op.name == LAYER_GATE:
            exits = tuple(i for i, other in enumerate(ops) if other.gate == number)
            behind = [i for i, other in enumerate(ops) if number in other.after]
            first, last = min(behind, default=0), max(exits, default=-1)
            cells.append(Cell("draft", 0, 0, number, (), exits, first, last))
    n = len(ops)
    zeros = np.zeros(n, dtype=np.int64)
    successors: list[list[int]] = [[] for _ in ops]
    for number, op in enumerate(ops):
        for other in op.after:
            successors[other].append(number)
    return HandTable(
        operations=tuple(operations),
        phase=("draft",) * n,
        step=zeros,
        layer=zeros,
        position=np.arange(n, dtype=np.int64),
        context_cap=zeros + 2**62,
        resources=tuple(resources),
        op_resources=tuple(op_resources),
        predecessors=tuple(op.after for op in ops),
        successors=tuple(tuple(after) for after in successors),
        closes_gate=tuple(op.gate for op in ops),
        cells=tuple(cells),
        times=times,
    )


@lru_cache(maxsize=1)
def _program() -> BurstProgram:
    return build_burst_program(load_model("tiny"), load_hardware("toy-ideal"), 1)


def hand_program(
    ops: Sequence[Op],
    times: Mapping[int, Sequence[int]],
    *,
    burst_bytes: int = 0,
    capacity_bytes: int | None = None,
) -> BurstProgram:
    """A program of the operations above that reserves `burst_bytes` of SRAM."""
    program = _program()
    memory = program.hardware.memory
    assert memory is not None
    sram = memory.sram.model_copy(update={"capacity_bytes": capacity_bytes})
    hardware = program.hardware.model_copy(
        update={"memory": memory.model_copy(update={"sram": sram})}
    )
    program = dataclasses.replace(
        program, hardware=hardware, speculative_bytes=burst_bytes
    )
    program.__dict__["table"] = hand_table(ops, times)
    return program


@dataclass(frozen=True)
class Holds:
    """When the operations of one burst were ready, started and ended, by op id."""

    ready: list[int]
    start: list[int]
    duration: list[int]

    @property
    def end(self) -> list[int]:
        return [s + d for s, d in zip(self.start, self.duration, strict=True)]


class HoldKeeper:
    """A recorder that keeps the holds of every burst, once."""

    def __init__(self) -> None:
        self.holds: dict[tuple[int, int], Holds] = {}
        self.ended: list[int] = []

    def record_burst(
        self,
        replication: int,
        request: int,
        burst: int,
        ready_ps: IntArray,
        start_ps: IntArray,
        duration_ps: IntArray,
        activates: object = None,
        executed: object = None,
    ) -> None:
        assert (request, burst) not in self.holds, "a burst is recorded once"
        self.holds[request, burst] = Holds(
            ready_ps.tolist(), start_ps.tolist(), duration_ps.tolist()
        )

    def flush_before(self, watermark_ps: int) -> None:
        pass

    def end_replication(self, replication: int) -> None:
        self.ended.append(replication)


def outcome(context_length: int) -> BurstOutcome:
    return BurstOutcome(context_length, 0, 1)


def simulated(
    program: BurstProgram,
    requests: Mapping[int, Sequence[int]],
    *,
    event_budget: int = DEFAULT_EVENT_BUDGET,
) -> dict[tuple[int, int], Holds]:
    """Run requests, each a list of the context lengths of its bursts."""
    keeper = HoldKeeper()
    simulate_replication(
        program,
        {r: [outcome(c) for c in contexts] for r, contexts in requests.items()},
        keeper,
        event_budget=event_budget,
    )
    return keeper.holds
