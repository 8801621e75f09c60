"""Latency of a burst whose KV reads run one layer ahead of the compute, by formula.

Two chains advance side by side: compute, position after position, and KV reads, one
layer after another. With c counting the layers of all steps in order::

    read(c)    starts after  read(c-1)  and after  attention(c-2)  has freed its buffer
    compute(c) behind its read starts after  compute before it  and after  read(c)

Each leg waits for its resource (HBM, a port, a channel), which serves the chains in
the order in which they ask. Like the wavefront, this is a recursion over positions in
the order of readiness, for whole picoseconds and for unrounded times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from simcore.analysis.burst_latency import BurstLatency, Duration
from simcore.analysis.moment import START, Moment, later
from simcore.program.burst import BurstProgram, Step
from simcore.program.operation import HBM, LayerStep, Operation

_READS = ("kv_read", "kv_buffer_fill")
#: Last user of the buffered cache; the first of these that a layer has.
_LAST_USES = ("attention_pv", "attention_softmax", "attention_qk", "kv_unpack")

#: Duration and resources of one leg.
_Leg = tuple[float, tuple[tuple[str, int], ...]]


class _Position(NamedTuple):
    """One position of the chain of compute."""

    legs: tuple[_Leg, ...]
    drafts: bool
    #: Number of the read that must have ended before, or -1.
    needs: int = -1
    #: Number of the read whose buffer is free afterwards, or -1.
    frees: int = -1


def prefetched(
    program: BurstProgram,
    verify: Sequence[Step],
    context_length: int,
    duration: Duration,
    order: tuple[int, ...] | None = None,
) -> BurstLatency:
    """Draft and verify of one burst under schedule `prefetch`.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.
    verify : sequence of Step
        The verify steps that run.
    context_length : int
        L.
    duration : callable
        Whole ps or ns of an operation.
    order : tuple of int, optional
        Which chain goes next (0 compute, 1 reads), as an evaluation in whole ps
        found it (`BurstLatency.grants`).
    """
    chains = _Chains()
    for step in program.draft:
        chains.add(step, context_length, duration, drafts=True)
    chains.add_part(program.setup, 0, 0, duration, drafts=False)
    for step in verify:
        chains.add(step, context_length, duration, drafts=False)
    return chains.evaluate(order)


class _Chains:
    """Positions of compute, and KV reads, in order."""

    def __init__(self) -> None:
        self.compute: list[_Position] = []
        self.reads: list[tuple[_Leg, ...]] = []

    def add(
        self, step: Step, context_length: int, duration: Duration, *, drafts: bool
    ) -> None:
        """Append all layers of a step."""
        for layer, part in enumerate(step.layers):
            self.add_part(
                part, layer, context_length + step.index, duration, drafts=drafts
            )

    def add_part(
        self,
        part: LayerStep,
        layer: int,
        cached_tokens: int,
        duration: Duration,
        *,
        drafts: bool,
    ) -> None:
        """Append the positions of one layer."""
        context = part.context(cached_tokens)
        last_use = _last_use(part)
        needs = -1
        for number, legs in enumerate(part.positions):
            timed = tuple(_legs(legs, layer, context, duration))
            if legs[0].name in _READS:
                needs = len(self.reads)
                self.reads.append(timed)
                continue
            frees = len(self.reads) - 1 if number == last_use else -1
            self.compute.append(_Position(timed, drafts, needs, frees))
            needs = -1

    def evaluate(self, given: tuple[int, ...] | None) -> BurstLatency:
        """Advance both chains, the one that asks first going first."""
        free: dict[tuple[str, int], Moment] = {}
        read_end: list[Moment] = []
        freed: dict[int, Moment] = {}
        order: list[int] = []
        draft = now = START
        done = 0
        while done < len(self.compute):
            position = self.compute[done]
            asks: list[Moment | None] = [None, None]
            if position.needs < len(read_end):
                asks[0] = now
                if position.needs >= 0:
                    asks[0] = later(now, read_end[position.needs])
            number = len(read_end)
            if number < len(self.reads) and (number < 2 or number - 2 in freed):
                before = read_end[-1] if read_end else START
                asks[1] = later(before, freed.get(number - 2, START))
            chain = _first(asks) if given is None else given[len(order)]
            order.append(chain)
            ready = asks[chain]
            assert ready is not None
            if chain:
                read_end.append(_serve(self.reads[number], ready, free))
                continue
            now = _serve(position.legs, ready, free)
            done += 1
            if position.drafts:
                draft = now
            if position.frees >= 0:
                freed[position.frees] = now
        return BurstLatency(
            draft.time, now.time - draft.time, 0, now.holds, tuple(order)
        )


def _first(asks: Sequence[Moment | None]) -> int:
    """The chain that asks first; compute when both ask at once, as it is older."""
    compute, reads = asks
    if compute is None or reads is None:
        return int(compute is None)
    return int(reads[:2] < compute[:2])


def _serve(
    legs: tuple[_Leg, ...], ready: Moment, free: dict[tuple[str, int], Moment]
) -> Moment:
    """Run the legs of a position, each as soon as its resources are free."""
    end = ready
    for time, resources in legs:
        start = ready
        for resource in resources:
            start = later(start, free.get(resource, START))
        ended = start.after(time, 1, 0 if time else 1)
        for resource in resources:
            free[resource] = ended
        end = later(end, ended)
    return end


def _legs(
    legs: Sequence[Operation], layer: int, context: int, duration: Duration
) -> Iterator[_Leg]:
    for op in legs:
        kinds = op.resources
        resources = tuple((kind, -1 if kind == HBM else layer) for kind in kinds)
        yield duration(op, context, 0), resources


def _last_use(part: LayerStep) -> int:
    """Number of the position that frees the buffer; the last without attention."""
    for name in _LAST_USES:
        for number, legs in enumerate(part.positions):
            if legs[0].name == name:
                return number
    return len(part.positions) - 1
