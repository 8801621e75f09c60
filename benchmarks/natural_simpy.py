"""The bursts of a program as a competent user would first write them in SimPy.

A process for each token and request, a `simpy.Resource` for each block of the chip, a
`simpy.Container` for its SRAM, and plain ``with resource.request()`` around each hold.
It shares the costs of operations with simcore and nothing else: no table, no engine.
What it executes is the same, hold for hold. Who goes first where several wait is not:
every queue is first come, first served, ties in the order in which SimPy resumes.

It stands for schedules without drafts ahead that verify whole bursts, and for memory
without a bank state machine; others are refused.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from typing import Any, NamedTuple

import simpy

from simcore.program.burst import BurstProgram
from simcore.program.operation import HBM, LAYER_GATE, LayerStep, Operation
from simcore.program.outcomes import BurstOutcome

Process = Generator[simpy.Event, Any, None]


class Hold(NamedTuple):
    """An operation and what it occupies."""

    operation: Operation
    resources: tuple[simpy.Resource, ...]


class Layer(NamedTuple):
    """One layer of one step: holds in order, those of a position at the same time."""

    part: LayerStep
    positions: tuple[tuple[Hold, ...], ...]
    gate: simpy.Resource | None


class Step(NamedTuple):
    """One token through all layers."""

    index: int
    layers: tuple[Layer, ...]


class NaturalModel:
    """Requests that share one chip, each a process that runs its bursts in turn.

    Parameters
    ----------
    program : BurstProgram
        What every burst executes.

    Attributes
    ----------
    holds : int
        Holds that have ended so far, layer gates included.
    """

    def __init__(self, program: BurstProgram) -> None:
        if (
            program.schedule not in ("serialized", "layer-pipelined")
            or program.verification != "full_burst"
            or program.times_transfers
        ):
            raise ValueError("the natural model does not know this program")
        self.env = simpy.Environment()
        self.holds = 0
        self._program = program
        self._pipelined = program.schedule == "layer-pipelined"
        self._resources: dict[str, simpy.Resource] = {}
        memory = program.hardware.memory
        capacity = memory.sram.capacity_bytes if memory else None
        self._sram = capacity and simpy.Container(self.env, capacity, init=capacity)
        self._draft = [self._step(s.index, s.layers) for s in program.draft]
        self._setup = self._layer(program.setup, 0, gated=False)
        self._verify = [self._step(s.index, s.layers) for s in program.verify]
        self._commit = [
            self._layer(part, number, gated=False)
            for number, part in enumerate(program.commit)
        ]

    def run(self, requests: Mapping[int, Sequence[BurstOutcome]]) -> int:
        """Simulate all bursts of all requests; returns the end in ps."""
        for outcomes in requests.values():
            self.env.process(self._request(outcomes))
        self.env.run()
        return int(self.env.now)

    # -- what there is ----------------------------------------------------------

    def _step(self, index: int, layers: Sequence[LayerStep]) -> Step:
        return Step(
            index,
            tuple(
                self._layer(part, number, gated=self._pipelined)
                for number, part in enumerate(layers)
                if part.positions
            ),
        )

    def _layer(self, part: LayerStep, number: int, *, gated: bool) -> Layer:
        positions = tuple(
            tuple(Hold(op, self._occupied(op, number)) for op in legs)
            for legs in part.positions
        )
        gate = self._resource(f"{LAYER_GATE}[{number}]") if gated else None
        return Layer(part, positions, gate)

    def _occupied(self, op: Operation, layer: int) -> tuple[simpy.Resource, ...]:
        return tuple(
            self._resource(kind if kind == HBM else f"{kind}[{layer}]")
            for kind in op.resources
        )

    def _resource(self, name: str) -> simpy.Resource:
        if name not in self._resources:
            self._resources[name] = simpy.Resource(self.env, capacity=1)
        return self._resources[name]

    # -- what happens -----------------------------------------------------------

    def _request(self, outcomes: Sequence[BurstOutcome]) -> Process:
        for outcome in outcomes:
            needed = self._program.sram_bytes(outcome.context_length)
            if self._sram is None or not needed:
                yield from self._burst(outcome)
                continue
            yield self._sram.get(needed)
            yield from self._burst(outcome)
            yield self._sram.put(needed)

    def _burst(self, outcome: BurstOutcome) -> Process:
        env, start = self.env, outcome.context_length
        for step in self._draft:
            yield from self._token(step, start)
        yield from self._operations(self._setup, 0, 0)
        if self._pipelined:
            yield env.all_of(
                [env.process(self._token(step, start)) for step in self._verify]
            )
        else:
            for step in self._verify:
                yield from self._token(step, start)
        yield env.all_of(
            [
                env.process(self._operations(layer, 0, outcome.committed))
                for layer in self._commit
            ]
        )

    def _token(self, step: Step, start: int) -> Process:
        for layer in step.layers:
            context = layer.part.context(start + step.index)
            if layer.gate is None:
                yield from self._operations(layer, context, 0)
                continue
            with layer.gate.request() as turn:
                yield turn
                yield from self._operations(layer, context, 0)
            self.holds += 1

    def _operations(self, layer: Layer, context: int, committed: int) -> Process:
        env = self.env
        for legs in layer.positions:
            holds = [self._hold(leg, context, committed) for leg in legs]
            if len(holds) == 1:
                yield from holds[0]
            else:
                yield env.all_of([env.process(hold) for hold in holds])

    def _hold(self, hold: Hold, context: int, committed: int) -> Process:
        duration = hold.operation.ps_at(context, committed)
        if len(hold.resources) == 1:
            with hold.resources[0].request() as turn:
                yield turn
                yield self.env.timeout(duration)
        else:
            with ExitStack() as stack:
                # Asked for at one instant, so that no two holds wait for each other.
                turns = [stack.enter_context(r.request()) for r in hold.resources]
                yield self.env.all_of(turns)
                yield self.env.timeout(duration)
        self.holds += 1
