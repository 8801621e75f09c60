"""Latency of a burst at many contexts at once, equal to that of `composition`.

Most of a layer takes the same time at every context, so what is left of it are a few
numbers between its HBM transfers. The wavefront is then replayed on whole arrays of
contexts in an order of HBM grants that was found for one of them. The order holds at
another context when the transfers, in whole picoseconds, become ready in that order
there too; where they do not, or two become ready at once and nothing says which the
engine sees first, another order is looked for by `composition`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property, reduce
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np

from simcore.analysis.composition import Composition
from simcore.analysis.context_sum import FloatArray, IntArray
from simcore.program.burst import BurstProgram, Step
from simcore.program.operation import HBM, LayerStep, Operation, layer_counts
from simcore.program.stall import RefreshStall
from simcore.units import PS_PER_NS

#: A time at one context, or at an array of them.
Time = Any
#: Up to so many contexts plain floats are quicker than arrays.
_FEW = 6
#: Orders of grants remembered for one program; each is tried on new contexts.
_MOST_ORDERS = 16
#: At a single context a look-up is quicker than to try more orders than these.
_TRIES_AT_ONE = 2
#: Single contexts whose verification time is remembered.
_MOST_KNOWN = 4096


class _Leg(NamedTuple):
    base: float
    per_token: float
    stall: RefreshStall | None = None

    @classmethod
    def of(cls, operation: Operation) -> _Leg:
        time = operation.duration_ns
        return cls(time.base, time.per_token, operation.stall)


@dataclass(frozen=True, slots=True)
class _Segment:
    """Part of a layer that ends with an HBM transfer, or with the layer.

    Attributes
    ----------
    fixed_ns, fixed_ps : float, int
        Positions that take the same time at every context.
    varying : tuple of tuple of _Leg
        Positions that do not.
    hbm : _Leg or None
        The transfer at the end.
    other : tuple of _Leg
        Legs beside the transfer.
    settled : bool
        Whether the last position before the transfer surely takes time.
    """

    fixed_ns: float
    fixed_ps: int
    varying: tuple[tuple[_Leg, ...], ...]
    hbm: _Leg | None = None
    other: tuple[_Leg, ...] = ()
    settled: bool = False


def _segments(part: LayerStep) -> tuple[_Segment, ...]:
    found: list[_Segment] = []
    fixed_ns, fixed_ps, settled = 0.0, 0, False
    varying: list[tuple[_Leg, ...]] = []
    for legs in part.positions:
        hbm = [op for op in legs if op.resources == (HBM,)]
        other = tuple(_Leg.of(op) for op in legs if op.resources != (HBM,))
        if hbm:
            found.append(
                _Segment(
                    fixed_ns,
                    fixed_ps,
                    tuple(varying),
                    _Leg.of(hbm[0]),
                    other,
                    settled,
                )
            )
            fixed_ns, fixed_ps, settled, varying = 0.0, 0, False, []
        elif any(leg.per_token for leg in other):
            varying.append(other)
            settled = False
        else:
            fixed_ns += max(float(_leg_ns(leg, 0)) for leg in other)
            picoseconds = max(_leg_ps(leg, 0) for leg in other)
            fixed_ps += picoseconds
            settled = picoseconds > 0
    found.append(_Segment(fixed_ns, fixed_ps, tuple(varying)))
    return tuple(found)


class _Arithmetic(NamedTuple):
    """How times are evaluated: in ns or in whole ps, for one context or for many."""

    leg: Callable[[_Leg, Time], Time]
    fixed: Callable[[_Segment], Time]
    later: Callable[[Time, Time], Time]

    def longest(self, legs: Sequence[_Leg], context: Time) -> Time:
        return reduce(self.later, (self.leg(leg, context) for leg in legs))

    def before(self, segment: _Segment, context: Time) -> Time:
        time = self.fixed(segment)
        for legs in segment.varying:
            time = time + self.longest(legs, context)
        return time


def _leg_ns(leg: _Leg, context: Time) -> Time:
    linear = leg.base + leg.per_token * context
    return linear if leg.stall is None else leg.stall.ns(linear)


def _leg_ps(leg: _Leg, context: int) -> Time:
    linear = round((leg.base + leg.per_token * context) * PS_PER_NS)
    return linear if leg.stall is None else leg.stall.ps(linear)


def _legs_ps(leg: _Leg, contexts: IntArray) -> Time:
    linear = np.rint((leg.base + leg.per_token * contexts) * PS_PER_NS)
    return linear if leg.stall is None else leg.stall.ps(linear)


def _fixed_ns(segment: _Segment) -> float:
    return segment.fixed_ns


def _fixed_ps(segment: _Segment) -> int:
    return segment.fixed_ps


_ONE_NS = _Arithmetic(_leg_ns, _fixed_ns, max)
_ONE_PS = _Arithmetic(_leg_ps, _fixed_ps, max)
_MANY_NS = _Arithmetic(_leg_ns, _fixed_ns, np.maximum)
_MANY_PS = _Arithmetic(_legs_ps, _fixed_ps, np.maximum)


class _Piece(NamedTuple):
    """One segment of a layer in the order in which a wavefront is evaluated."""

    step: int
    layer: int
    kind: int
    number: int
    first: bool
    last: bool
    transfers: bool
    settled: bool


@dataclass(frozen=True)
class _CompiledStep:
    """A step as kinds of layers, each compiled once.

    Attributes
    ----------
    index : int
        The step sees a context of L + index.
    kinds : tuple of (context cap, segments, how many layers)
        Distinct layers.
    layers : tuple of int
        Kind of each layer, the head last.
    """

    index: int
    kinds: tuple[tuple[int | None, tuple[_Segment, ...], int], ...]
    layers: tuple[int, ...]

    def contexts(self, kind: int, start: Time) -> Time:
        cap, context = self.kinds[kind][0], start + self.index
        if cap is None:
            return context
        many = isinstance(context, np.ndarray)
        return np.minimum(context, cap) if many else min(context, cap)

    def serial(self, start: Time, arithmetic: _Arithmetic) -> Time:
        """Time of the step alone on the chip."""
        total: Time = 0
        for kind, (_, segments, times) in enumerate(self.kinds):
            context = self.contexts(kind, start)
            for segment in segments:
                time = arithmetic.before(segment, context)
                if segment.hbm is not None:
                    legs = (segment.hbm, *segment.other)
                    time = time + arithmetic.longest(legs, context)
                total = total + times * time
        return total


class ContextLatency:
    """Burst latencies of one program in ns, `burst_ns` of `Composition` on arrays.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes; its switches must not pool phases.
    """

    def __init__(self, program: BurstProgram) -> None:
        self._program = program
        compiled: dict[int, tuple[_Segment, ...]] = {}

        def compile_step(step: Step) -> _CompiledStep:
            counted = layer_counts(step.layers)
            numbers = {id(part): i for i, (part, _) in enumerate(counted)}
            for part, _ in counted:
                if id(part) not in compiled:
                    compiled[id(part)] = _segments(part)
            return _CompiledStep(
                step.index,
                tuple(
                    (part.context_cap, compiled[id(part)], times)
                    for part, times in counted
                ),
                tuple(numbers[id(part)] for part in step.layers),
            )

        self._draft = [compile_step(step) for step in program.draft]
        self._verify = [compile_step(step) for step in program.verify]
        self._setup_ns = sum(
            max(op.duration_ns.base for op in legs) for legs in program.setup.positions
        )
        #: The one that held last is the last.
        self._orders: dict[tuple[int, ...], list[_Piece]] = {}
        self._known_ns: dict[int, float] = {}
        self._commits_ns: dict[float, float] = {}

    @cached_property
    def _composition(self) -> Composition:
        return Composition(self._program)

    def burst_ns(
        self, contexts: IntArray, committed: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draft, verify and commit time of bursts.

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
        starts, inverse = np.unique(contexts, return_inverse=True)
        draft = self._serial(self._draft, starts)
        verify = self._setup_ns + (
            self._serial(self._verify, starts)
            if not self._program.policy.pipelined
            else self._wavefront(starts)
        )
        values = np.asarray(committed, dtype=np.float64)
        sizes, which = np.unique(values, return_inverse=True)
        commit = np.array([self.commit_ns(float(size)) for size in sizes])
        return draft[inverse], verify[inverse], commit[which]

    def step_ns(self, step: Step, context_length: int) -> float:
        """Time of one step alone on the chip.

        Parameters
        ----------
        step : Step
            A step of the program.
        context_length : int
            Context at burst start.
        """
        steps = self._draft if step.phase == "draft" else self._verify
        return float(steps[step.index].serial(context_length, _ONE_NS))

    def commit_ns(self, committed: float) -> float:
        """All layers at once: HBM legs queue, other legs run side by side."""
        if committed not in self._commits_ns:
            hbm = other = 0.0
            for part, times in layer_counts(self._program.commit):
                for legs in part.positions:
                    for op in legs:
                        time = float(op.ns_at(0, committed))
                        if HBM in op.resources:
                            hbm += times * time
                        else:
                            other = max(other, time)
            self._commits_ns[committed] = max(hbm, other)
        return self._commits_ns[committed]

    def _serial(self, steps: Sequence[_CompiledStep], starts: IntArray) -> FloatArray:
        if starts.size <= _FEW:
            return np.array(
                [
                    float(sum(step.serial(start, _ONE_NS) for step in steps))
                    for start in starts.tolist()
                ]
            )
        total = np.zeros(starts.shape)
        for step in steps:
            total += step.serial(starts, _MANY_NS)
        return total

    # -- wavefront --------------------------------------------------------------

    def _wavefront(self, starts: IntArray) -> FloatArray:
        found = np.empty(starts.shape)
        if starts.size <= _FEW:
            for i, start in enumerate(starts.tolist()):
                found[i] = self._one(start)
            return found
        left = np.arange(starts.size)
        tried: set[tuple[int, ...]] = set()
        while left.size:
            grants = next((g for g in self._orders if g not in tried), None)
            if grants is None:
                # No known order is left: look one up in the middle of what remains.
                middle = int(left[left.size // 2])
                start = int(starts[middle])
                grants, exact = self._look_up(start)
                found[middle] = exact
                left = left[left != middle]
                if grants in tried or not left.size:
                    continue
            tried.add(grants)
            holds, ends = self._replay(grants, starts[left], _MANY_PS, _MANY_NS)
            found[left[holds]] = ends[holds]
            left = left[~holds]
        return found

    def _one(self, start: int) -> float:
        if start not in self._known_ns:
            if len(self._known_ns) == _MOST_KNOWN:
                self._known_ns.clear()
            self._known_ns[start] = self._try_orders(start)
        return self._known_ns[start]

    def _try_orders(self, start: int) -> float:
        for grants in list(self._orders)[: -_TRIES_AT_ONE - 1 : -1]:
            holds, end = self._replay(grants, start, _ONE_PS, _ONE_NS)
            if holds:
                self._orders[grants] = self._orders.pop(grants)
                return float(end)
        return self._look_up(start)[1]

    def _look_up(self, start: int) -> tuple[tuple[int, ...], float]:
        """Order of grants and verification time at one context, by `composition`."""
        grants = self._composition.burst_ps(start, 1).grants
        burst = self._composition.burst_ns(start, 1)
        if len(self._orders) < _MOST_ORDERS and grants not in self._orders:
            self._orders[grants] = self._pieces(grants)
        return grants, burst.verify - self._setup_ns

    def _pieces(self, grants: Sequence[int]) -> list[_Piece]:
        """Segments in an order that respects both the layers and the grants."""
        steps = self._verify
        n_layers = len(steps[0].layers)
        layer, number = [0] * len(steps), [0] * len(steps)
        through = [0] * n_layers
        pieces: list[_Piece] = []

        def add(step: int) -> _Segment:
            kind = steps[step].layers[layer[step]]
            segments = steps[step].kinds[kind][1]
            segment = segments[number[step]]
            pieces.append(
                _Piece(
                    step,
                    layer[step],
                    kind,
                    number[step],
                    first=number[step] == 0,
                    last=segment.hbm is None,
                    transfers=segment.hbm is not None,
                    settled=segment.settled,
                )
            )
            number[step] += 1
            return segment

        def may_run(step: int) -> bool:
            """Whether the next segment has no transfer and its layer is free."""
            at = layer[step]
            if at == n_layers or through[at] < step:
                return False
            kind = steps[step].layers[at]
            return steps[step].kinds[kind][1][number[step]].hbm is None

        def run_on(step: int) -> None:
            while may_run(step):
                add(step)
                through[layer[step]] += 1
                layer[step] += 1
                number[step] = 0
                if step + 1 < len(steps):
                    run_on(step + 1)

        for step in range(len(steps)):
            run_on(step)
        for step in grants:
            add(step)
            run_on(step)
        return pieces

    def _replay(
        self,
        grants: tuple[int, ...],
        start: Time,
        whole: _Arithmetic,
        exact: _Arithmetic,
    ) -> tuple[Any, Time]:
        """Whether an order of grants holds, and the verification time it gives."""
        order = self._orders.get(grants)
        if order is None:
            order = self._pieces(grants)
        ready: list[tuple[Time, int, bool]] = []
        self._evaluate(order, start, whole, ready)
        holds: Any = True
        for (a, step_a, settled_a), (b, step_b, settled_b) in pairwise(ready):
            # Of those that are ready at once the engine serves the older token.
            tie = step_a < step_b and settled_a and settled_b
            holds = holds & ((a <= b) if tie else (a < b))
        if holds is True and isinstance(start, np.ndarray):
            holds = np.ones(start.shape, dtype=np.bool_)
        if not np.any(holds):
            return holds, start
        return holds, self._evaluate(order, start, exact, [])

    def _evaluate(
        self,
        order: Sequence[_Piece],
        start: Time,
        arithmetic: _Arithmetic,
        ready: list[tuple[Time, int, bool]],
    ) -> Time:
        times: dict[tuple[int, int, int], tuple[Time, Time, Time]] = {}
        for number, compiled in enumerate(self._verify):
            for kind, (_, segments, _) in enumerate(compiled.kinds):
                context = compiled.contexts(kind, start)
                for i, segment in enumerate(segments):
                    hbm = other = None
                    if segment.hbm is not None:
                        hbm = arithmetic.leg(segment.hbm, context)
                        if segment.other:
                            other = arithmetic.longest(segment.other, context)
                    before = arithmetic.before(segment, context)
                    times[number, kind, i] = (before, hbm, other)
        later = arithmetic.later
        step_end: list[Time] = [0] * len(self._verify)
        layer_end: list[Time] = [0] * len(self._verify[0].layers)
        hbm_free: Time = 0
        for step, layer, kind, i, first, last, transfers, settled in order:
            now = later(step_end[step], layer_end[layer]) if first else step_end[step]
            before, hbm, other = times[step, kind, i]
            now = now + before
            if transfers:
                ready.append((now, step, settled))
                hbm_free = later(now, hbm_free) + hbm
                now = hbm_free if other is None else later(hbm_free, now + other)
            step_end[step] = now
            if last:
                layer_end[layer] = now
        return reduce(later, step_end)
