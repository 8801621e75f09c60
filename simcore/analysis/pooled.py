"""Latency under the switches that only a closed form can follow.

``memory_latency: per_phase`` pools the traffic of a phase: each memory pays its fixed
latency once for reads and once for writes, the slowest memory counts, and nothing
overlaps compute. ``pipelined_latency: bottleneck_sum`` charges a layer-pipelined
verification the first step in full and the slowest layer of every further step, which
is no bound: it forgets that a slow last step must still cross all layers.

Both are choices of the public calculator; events run `per_access` and `wavefront`.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

from simcore.analysis.burst_latency import BurstLatency
from simcore.analysis.composition import Composition, duration_ns
from simcore.config.memory import MemoryTechnology
from simcore.program.burst import BurstProgram, Step
from simcore.program.operation import LayerStep, Operation

#: One layer's part at a context, how often it occurs, and the committed tokens.
_Piece = tuple[LayerStep, int, float]
_Pools = dict[tuple[str, str], float]


def is_pooled(program: BurstProgram) -> bool:
    """Whether the program's switches ask for this composition."""
    accounting = program.accounting
    return accounting.memory_latency == "per_phase" or (
        accounting.pipelined_latency == "bottleneck_sum" and program.policy.pipelined
    )


class PooledComposition(Composition):
    """Burst latency in ns by pooled phases; the integer composition is unchanged."""

    def burst_ns(
        self, context_length: int, committed: float, verify_steps: int | None = None
    ) -> BurstLatency:
        """Latency by phase; the commit is part of the bonus step, as in its pool.

        Pools know whole bursts only: `verify_steps` is not looked at.
        """
        program = self.program
        draft = self._phase(program.draft, context_length)
        setup = sum(
            duration_ns(op, context_length, 0)
            for legs in program.setup.positions
            for op in legs
        )
        drafted, bonus = program.verify[:-1], program.verify[-1:]
        commit = [(part, 0, committed) for part in program.commit]
        summed = program.accounting.pipelined_latency == "bottleneck_sum"
        if summed and program.policy.pipelined and drafted:
            verify = self._bottleneck_sum(context_length, setup)
            return BurstLatency(draft, verify, 0.0, 0)
        verify = setup + self._phase(drafted, context_length)
        verify += self._phase(bonus, context_length, commit)
        return BurstLatency(draft, verify, 0.0, 0)

    def _bottleneck_sum(self, context_length: int, setup: float) -> float:
        """First step in full, then the slowest layer or the memory of each step."""
        total = 0.0
        for step in self.program.verify:
            pieces = _pieces([step], context_length)
            memory = self._memory(pieces)
            if step.index == 0:
                total += _compute(pieces) + memory
                continue
            slowest = max(_compute([piece]) for piece in pieces)
            if step.phase == "verify_bonus":
                slowest += setup
            total += max(slowest, memory)
        return total

    def _phase(
        self, steps: Sequence[Step], context_length: int, more: Sequence[_Piece] = ()
    ) -> float:
        pieces = [*_pieces(steps, context_length), *more]
        return _compute(pieces) + self._memory(pieces)

    def _memory(self, pieces: Sequence[_Piece]) -> float:
        if self.program.accounting.memory_latency == "per_access":
            return _accesses(pieces)
        pools: _Pools = {}
        memory = self.program.hardware.memory
        for part, context, committed in pieces:
            for op in _operations(part, "movement"):
                if memory is None or op.owner not in ("sram", "hbm", "fabric"):
                    continue
                moved = op.read_bytes or op.write_bytes
                if not moved.at(context, committed):
                    continue  # a cache of no tokens is not accessed
                direction = "read" if op.read_bytes else "write"
                technology: MemoryTechnology = getattr(memory, op.owner)
                latency = getattr(technology, f"{direction}_latency_ns")
                time = float(op.ns_at(context, committed))
                key = (op.owner, direction)
                # The fixed latency once, on the first access that moves anything.
                pools.setdefault(key, latency)
                pools[key] += time - latency
        return sum(
            max((ns for (_, d), ns in pools.items() if d == direction), default=0.0)
            for direction in ("read", "write")
        )


def _pieces(steps: Iterable[Step], context_length: int) -> list[_Piece]:
    return [
        (part, part.context(context_length + step.index), 0.0)
        for step in steps
        for part in step.layers
    ]


def _operations(part: LayerStep, channel: str) -> Iterable[Operation]:
    return (op for legs in part.positions for op in legs if op.channel == channel)


def _compute(pieces: Iterable[_Piece]) -> float:
    return math.fsum(
        op.ns_at(context, committed)
        for part, context, committed in pieces
        for op in _operations(part, "compute")
    )


def _accesses(pieces: Iterable[_Piece]) -> float:
    """Transfers one after another, the legs of each side by side."""
    total = 0.0
    for part, context, committed in pieces:
        for legs in part.positions:
            times = [
                op.ns_at(context, committed) for op in legs if op.channel == "movement"
            ]
            total += max(times, default=0.0)
    return total
