"""Latency of one burst by formula: the integer composition and its float twin.

Operations of a layer add up, legs of a transfer take their maximum, layers add up; in
the layer-pipelined schedule the verify steps form a wavefront that shares one HBM.
Nothing here knows about events, resources or processes: the layers of the program are
composed directly, so that the simulation is checked by something else.

With pre the time in a layer before its HBM leg is ready, read that leg and post the
rest, the wavefront of step j through layer l is::

    s        = max(end(j, l-1), end(j-1, l))
    g        = max(s + pre, hbm_free);   hbm_free = g + read
    end(j,l) = max(hbm_free, s + pre + other legs) + post

evaluated in the order in which HBM legs become ready.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache

from simcore.analysis.burst_latency import BurstLatency, Duration
from simcore.analysis.moment import START, Moment, later
from simcore.analysis.prefetch_latency import prefetched
from simcore.program.burst import BurstProgram, Step
from simcore.program.operation import HBM, LayerStep, Operation, layer_counts
from simcore.program.verification import verification_named


def duration_ps(operation: Operation, context: int, committed: float) -> int:
    """Whole picoseconds of one hold, half to even."""
    return operation.ps_at(context, committed)


def duration_ns(operation: Operation, context: int, committed: float) -> float:
    """Unrounded nanoseconds of one hold."""
    return float(operation.ns_at(context, committed))


class Composition:
    """Burst latencies of one program by formula.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.
    """

    def __init__(self, program: BurstProgram) -> None:
        self.program = program
        self._verification = verification_named(program.verification)
        self._steps_ps = lru_cache(maxsize=None)(self._compose_steps_ps)
        self._steps_ns = lru_cache(maxsize=None)(self._compose_steps_ns)
        self._commit_ps = lru_cache(maxsize=None)(
            lambda committed: self._commit(duration_ps, committed)
        )
        self._commit_ns = lru_cache(maxsize=None)(
            lambda committed: self._commit(duration_ns, committed)
        )

    def verify_steps(self, accepted: int) -> int:
        """Verify steps that a burst runs which accepts so many drafts."""
        return self._verification.steps(accepted, self.program.draft_length)

    def burst_ps(
        self, context_length: int, committed: int, verify_steps: int | None = None
    ) -> BurstLatency:
        """Integer composition: what the event simulation must equal, to 0 ps.

        Parameters
        ----------
        verify_steps : int, optional
            Only so many verify steps, as `verify_steps` says; all by default.
        """
        steps = self._steps_ps(context_length, verify_steps)
        return _with_commit(steps, self._commit_ps(committed))

    def burst_ns(
        self, context_length: int, committed: float, verify_steps: int | None = None
    ) -> BurstLatency:
        """Unrounded composition in ns, HBM granted in the integer one's order."""
        steps = self._steps_ns(context_length, verify_steps)
        return _with_commit(steps, self._commit_ns(committed))

    def step_ns(self, step: Step, context_length: int) -> float:
        """Time of one step alone on the chip, in ns."""
        return _serial(step, context_length, duration_ns)[0]

    def busy_ps(
        self, context_length: int, committed: int
    ) -> dict[tuple[str, str], int]:
        """Summed hold durations of a burst by (phase, operation), each hold once."""
        busy: dict[tuple[str, str], int] = {}
        for phase, index, part, times in parts(self.program):
            context = part.context(context_length + index)
            for legs in part.positions:
                for op in legs:
                    ps = times * duration_ps(op, context, committed)
                    busy[phase, op.name] = busy.get((phase, op.name), 0) + ps
        return busy

    # -- composition ------------------------------------------------------------

    def _compose_steps_ps(
        self, context_length: int, verify_steps: int | None
    ) -> BurstLatency:
        return self._steps(context_length, duration_ps, None, verify_steps)

    def _compose_steps_ns(
        self, context_length: int, verify_steps: int | None
    ) -> BurstLatency:
        grants = self._steps_ps(context_length, verify_steps).grants
        return self._steps(context_length, duration_ns, grants, verify_steps)

    def _steps(
        self,
        context_length: int,
        duration: Duration,
        grants: tuple[int, ...] | None,
        verify_steps: int | None,
    ) -> BurstLatency:
        program = self.program
        verify = program.verify[:verify_steps]
        if program.policy.kv_buffers:
            return prefetched(program, verify, context_length, duration, grants)
        draft, holds = _serial_steps(program.draft, context_length, duration)
        setup, more = _serial_part(program.setup, context_length, duration)
        holds += more
        if not program.policy.pipelined:
            verified, more = _serial_steps(verify, context_length, duration)
            return BurstLatency(draft, setup + verified, 0, holds + more)
        wavefront = _Wavefront(verify, context_length, duration, grants)
        verified, more = wavefront.end()
        return BurstLatency(
            draft, setup + verified, 0, holds + more, tuple(wavefront.grants)
        )

    def _commit(self, duration: Duration, committed: float) -> tuple[float, int]:
        """All layers at once: HBM legs queue, other legs run side by side."""
        hbm: float = 0
        other: float = 0
        holds = 0
        for part in self.program.commit:
            for legs in part.positions:
                for op in legs:
                    time = duration(op, 0, committed)
                    if HBM in op.resources:
                        hbm += time
                        holds += 1
                    else:
                        other = max(other, time)
        return max(hbm, other), max(holds, 1)


def parts(program: BurstProgram) -> Iterator[tuple[str, int, LayerStep, int]]:
    """Distinct (phase, step index, layer part) of a burst and how often each occurs.

    The index counts as 0 where an operation belongs to no step.
    """
    for step in program.steps:
        for part, times in layer_counts(step.layers):
            yield step.phase, step.index, part, times
    yield "verify_bonus", 0, program.setup, 1
    for part, times in layer_counts(program.commit):
        yield "commit", 0, part, times


def _with_commit(steps: BurstLatency, commit: tuple[float, int]) -> BurstLatency:
    return BurstLatency(
        steps.draft, steps.verify, commit[0], steps.holds + commit[1], steps.grants
    )


def _serial_part(
    part: LayerStep, cached_tokens: int, duration: Duration
) -> tuple[float, int]:
    """Time and holds of one layer's part, legs of a position side by side."""
    context = part.context(cached_tokens)
    time: float = 0
    for legs in part.positions:
        time += max(duration(op, context, 0) for op in legs)
    return time, len(part.positions)


def _serial(step: Step, context_length: int, duration: Duration) -> tuple[float, int]:
    time: float = 0
    holds = 0
    for part, times in layer_counts(step.layers):
        one, count = _serial_part(part, context_length + step.index, duration)
        time += one * times
        holds += count * times
    return time, holds


def _serial_steps(
    steps: Sequence[Step], context_length: int, duration: Duration
) -> tuple[float, int]:
    each = [_serial(step, context_length, duration) for step in steps]
    return sum(time for time, _ in each), sum(holds for _, holds in each)


@dataclass(frozen=True)
class _Stretch:
    """Part of a layer that ends with an HBM transfer, or with the layer.

    `before` is private time of `holds` holds, the last `idle` of them without
    duration; then `hbm` and, side by side with it, `other` legs.
    """

    before: float
    holds: int
    idle: int
    hbm: float | None = None
    other: float = 0


def _stretches(
    part: LayerStep, cached_tokens: int, duration: Duration
) -> tuple[_Stretch, ...]:
    context = part.context(cached_tokens)
    found: list[_Stretch] = []
    before: float = 0
    holds = idle = 0
    for legs in part.positions:
        times = {op.resources: duration(op, context, 0) for op in legs}
        hbm = times.pop((HBM,), None)
        other = max(times.values(), default=0)
        if hbm is None:
            before += other
            holds += 1
            idle = 0 if other else idle + 1
        else:
            found.append(_Stretch(before, holds, idle, hbm, other))
            before, holds, idle = 0, 0, 0
    found.append(_Stretch(before, holds, idle))
    return tuple(found)


class _Wavefront:
    """Verify steps following each other through the layers, sharing one HBM."""

    def __init__(
        self,
        steps: Sequence[Step],
        context_length: int,
        duration: Duration,
        grants: tuple[int, ...] | None,
    ) -> None:
        self._cells = [
            _step_cells(step, context_length + step.index, duration) for step in steps
        ]
        self._layers = len(steps[0].layers)
        # When each step left its last finished layer, and each layer its last step.
        self._step_end = [START] * len(steps)
        self._layer_end = [START] * self._layers
        self._next_layer = [0] * len(steps)
        self._steps_through = [0] * self._layers
        self._stretch = [0] * len(steps)
        self._hbm_free = START
        # Step -> when its HBM leg became ready.
        self._waiting: dict[int, Moment] = {}
        self._given = grants
        self.grants: list[int] = []

    def end(self) -> tuple[float, int]:
        """Time and holds on the longest path until the last step has left."""
        for step in range(len(self._cells)):
            self._enter(step)
        while self._waiting:
            self._serve(self._next_request())
        return (
            max(moment.time for moment in self._step_end),
            max(moment.holds for moment in self._step_end),
        )

    def _next_request(self) -> int:
        """The leg that HBM serves next: the oldest of those ready when it is free."""
        if self._given is not None:
            return self._given[len(self.grants)]
        when = max(min(m[:2] for m in self._waiting.values()), self._hbm_free[:2])
        return min(
            (moment.time, step)
            for step, moment in self._waiting.items()
            if moment[:2] <= when
        )[1]

    def _enter(self, step: int) -> None:
        """Move a step into its next layers until it asks for HBM or must wait."""
        while self._next_layer[step] < self._layers:
            layer = self._next_layer[step]
            if self._steps_through[layer] < step:
                return
            self._stretch[step] = 0
            if not self._advance(
                step, later(self._step_end[step], self._layer_end[layer])
            ):
                return

    def _advance(self, step: int, now: Moment) -> bool:
        """Run up to the next HBM transfer; True when the layer is finished."""
        layer = self._next_layer[step]
        stretch = self._cells[step][layer][self._stretch[step]]
        now = now.after(stretch.before, stretch.holds, stretch.idle)
        if stretch.hbm is not None:
            self._waiting[step] = now
            return False
        self._step_end[step] = self._layer_end[layer] = now
        self._steps_through[layer] += 1
        self._next_layer[step] = layer + 1
        return True

    def _serve(self, step: int) -> None:
        self.grants.append(step)
        layer = self._next_layer[step]
        stretch = self._cells[step][layer][self._stretch[step]]
        ready = self._waiting.pop(step)
        hbm = stretch.hbm or 0
        granted = later(ready, self._hbm_free)
        self._hbm_free = granted.after(hbm, 1, 0 if hbm else 1)
        others = ready.after(stretch.other, 1, 0 if stretch.other else 1)
        self._stretch[step] += 1
        if self._advance(step, later(self._hbm_free, others)):
            self._enter(step)
            if step + 1 < len(self._cells):
                self._resume(step + 1)

    def _resume(self, step: int) -> None:
        """Let a step that waited for the layer before it go on."""
        while step < len(self._cells) and step not in self._waiting:
            layer = self._next_layer[step]
            self._enter(step)
            if self._next_layer[step] == layer:
                return
            step += 1


def _step_cells(
    step: Step, cached_tokens: int, duration: Duration
) -> list[tuple[_Stretch, ...]]:
    cells = {
        id(part): _stretches(part, cached_tokens, duration)
        for part, _ in layer_counts(step.layers)
    }
    return [cells[id(part)] for part in step.layers]
