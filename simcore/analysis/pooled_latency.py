"""Latency of bursts by pooled phases at many contexts at once, as `pooled` has it.

Each phase is added up once: what computes, and for each memory and direction what it
serves, all linear in the context. An array of contexts is then a few multiplications.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import reduce

import numpy as np

from simcore.analysis.context_sum import (
    ContextSum,
    FloatArray,
    IntArray,
    Seen,
    seen_context,
)
from simcore.config.memory import MemoryTechnology
from simcore.program.burst import BurstProgram, Step
from simcore.program.cost import Cost
from simcore.program.operation import LayerStep, Operation, layer_counts

#: A layer's part, the context it sees, and how often it occurs.
_Piece = tuple[LayerStep, Seen, int]


@dataclass
class _Pool:
    """What a set of pieces computes and moves."""

    compute: ContextSum = field(default_factory=ContextSum)
    #: Time and bytes by memory and direction.
    memory: dict[tuple[str, str], tuple[ContextSum, ContextSum]] = field(
        default_factory=dict
    )
    #: Transfers of which the longest leg counts: legs, context seen, how often.
    transfers: list[tuple[tuple[Operation, ...], Seen, int]] = field(
        default_factory=list
    )


class PooledLatency:
    """Burst latencies of a program whose switches pool phases.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.
    """

    def __init__(self, program: BurstProgram) -> None:
        self._program = program
        accounting = program.accounting
        self._pooled = accounting.memory_latency == "per_phase"
        setup = sum(
            op.duration_ns.base for legs in program.setup.positions for op in legs
        )
        self._setup_ns = setup
        self._draft = self._pool(_pieces(program.draft))
        drafted, bonus = program.verify[:-1], program.verify[-1:]
        self._drafted = self._pool(_pieces(drafted))
        commit: list[_Piece] = [
            (part, (0, 0), times) for part, times in layer_counts(program.commit)
        ]
        self._bonus = self._pool([*_pieces(bonus), *commit])
        self._summed = bool(
            accounting.pipelined_latency == "bottleneck_sum"
            and program.policy.pipelined
            and drafted
        )
        self._steps: list[tuple[_Pool, list[ContextSum]]] = []
        if self._summed:
            for step in program.verify:
                pieces = list(_pieces([step]))
                alone = [self._pool([piece]).compute for piece in _single(pieces)]
                self._steps.append((self._pool(pieces), alone))

    def burst_ns(
        self, contexts: IntArray, committed: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draft, verify and commit time of bursts; the commit is part of verify.

        Parameters
        ----------
        contexts : ndarray of int, shape (n,)
            Contexts at burst start.
        committed : ndarray of float, shape (n,)
            Committed tokens.

        Returns
        -------
        tuple of ndarray of float, shape (n,)
            In ns.
        """
        draft = self._phase_ns(self._draft, contexts, 0.0)
        nothing = np.zeros(contexts.shape)
        if self._summed:
            return draft, self._bottleneck_sum_ns(contexts), nothing
        verify = self._setup_ns + self._phase_ns(self._drafted, contexts, 0.0)
        return draft, verify + self._phase_ns(self._bonus, contexts, committed), nothing

    def step_ns(self, step: Step, context_length: int) -> float:
        """Time of one step alone on the chip, each transfer with its latency.

        Parameters
        ----------
        step : Step
            A step of the program.
        context_length : int
            Context at burst start.
        """
        total = 0.0
        for part, times in layer_counts(step.layers):
            context = part.context(context_length + step.index)
            for legs in part.positions:
                total += times * max(float(op.ns_at(context)) for op in legs)
        return total

    def _bottleneck_sum_ns(self, contexts: IntArray) -> FloatArray:
        """First step in full, then the slowest layer or the memory of each step."""
        total = np.zeros(contexts.shape)
        for number, (pool, layers) in enumerate(self._steps):
            memory = self._memory_ns(pool, contexts, 0.0)
            if number == 0:
                total += pool.compute.at(contexts) + memory
                continue
            slowest = reduce(np.maximum, (layer.at(contexts) for layer in layers))
            if number == len(self._steps) - 1:
                slowest = slowest + self._setup_ns
            total += np.maximum(slowest, memory)
        return total

    def _phase_ns(
        self, pool: _Pool, contexts: IntArray, committed: FloatArray | float
    ) -> FloatArray:
        return pool.compute.at(contexts, committed) + self._memory_ns(
            pool, contexts, committed
        )

    def _memory_ns(
        self, pool: _Pool, contexts: IntArray, committed: FloatArray | float
    ) -> FloatArray:
        total = np.zeros(contexts.shape)
        for way in ("read", "write"):
            times = [
                # A cache of no tokens is not accessed.
                np.where(moved.at(contexts, committed), time.at(contexts, committed), 0)
                for (_, direction), (time, moved) in pool.memory.items()
                if direction == way
            ]
            if times:
                total += np.maximum(reduce(np.maximum, times), 0.0)
        for legs, seen, number in pool.transfers:
            context = seen_context(seen, contexts)
            durations = (op.ns_at(context, committed) for op in legs)
            total += number * np.maximum(reduce(np.maximum, durations), 0.0)
        return total

    def _pool(self, pieces: Iterable[_Piece]) -> _Pool:
        pool = _Pool()
        memory = self._program.hardware.memory
        for part, seen, times in pieces:
            for legs in part.positions:
                moving = tuple(op for op in legs if op.channel == "movement")
                for op in legs:
                    if op.channel == "compute":
                        pool.compute.add(op.duration_ns, seen, times)
                if not moving:
                    continue
                if not self._pooled:
                    pool.transfers.append((moving, seen, times))
                    continue
                for op in moving:
                    if memory is None or op.owner not in ("sram", "hbm", "fabric"):
                        continue
                    direction = "read" if op.read_bytes else "write"
                    technology: MemoryTechnology = getattr(memory, op.owner)
                    latency = getattr(technology, f"{direction}_latency_ns")
                    key = (op.owner, direction)
                    # The fixed latency once, with the first access of the phase.
                    if key not in pool.memory:
                        pool.memory[key] = (ContextSum(latency), ContextSum())
                    time, moved = pool.memory[key]
                    time.add(op.duration_ns + Cost(-latency), seen, times)
                    moved.add(op.read_bytes + op.write_bytes, seen, times)
        return pool


def _pieces(steps: Iterable[Step]) -> Iterator[_Piece]:
    for step in steps:
        for part, times in layer_counts(step.layers):
            yield part, (step.index, part.context_cap), times


def _single(pieces: Iterable[_Piece]) -> Iterator[_Piece]:
    return ((part, seen, 1) for part, seen, _ in pieces)
