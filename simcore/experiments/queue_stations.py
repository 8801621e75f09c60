"""Queues of theory made of the engine's own parts: the only file that knows how.

A station sends customers through a block or through the SRAM of a chip. Nothing here
orders a queue, starts a service or measures a wait: the chip's grants do that, and this
file writes down what happened. A clock process is a generator that yields the engine's
alarms, so SimPy stays out of sight.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Protocol, cast

import numpy as np

from simcore.config.hardware import HardwareConfig
from simcore.engine.burst_run import BurstRun
from simcore.engine.chip import Chip
from simcore.engine.clock import Alarm, Clock
from simcore.program.burst import BurstProgram
from simcore.program.operation import HBM, Operation
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import OperationTable

#: What a burst commits is of no interest here.
_OUTCOME = BurstOutcome(context_length=0, accepted=0, committed=1)


@dataclass
class Visits:
    """What happened to the customers of one run, in whole picoseconds.

    Attributes
    ----------
    ready_ps, start_ps, end_ps : list of int
        When each customer joined the queue, began and ended service, by number.
    event_ps, event_step : list of int
        Every arrival (+1) and departure (-1) as it went by on the clock.
    """

    ready_ps: list[int]
    start_ps: list[int]
    end_ps: list[int]
    event_ps: list[int] = field(default_factory=list)
    event_step: list[int] = field(default_factory=list)

    @classmethod
    def of(cls, customers: int) -> Visits:
        """Nothing has happened yet; -1 stands for what never happens."""
        return cls([-1] * customers, [-1] * customers, [-1] * customers)

    def count(self, now_ps: int, step: int) -> None:
        """A customer has come (+1) or gone (-1)."""
        self.event_ps.append(now_ps)
        self.event_step.append(step)


class Station(Protocol):
    """A queue with its servers: customers go in, visits come out."""

    @property
    def servers(self) -> int:
        """Customers it can serve at once."""
        ...

    def serve(self, arrival_ps: Sequence[int], service_ps: Sequence[int]) -> Visits:
        """Let customers arrive at their times, each to be served for its time."""
        ...


class BlockStation:
    """One server: the `hbm` block behind the chip's grants.

    A customer is a burst of one operation, launched when it arrives.
    """

    servers = 1

    def serve(self, arrival_ps: Sequence[int], service_ps: Sequence[int]) -> Visits:
        """As `Station.serve`."""
        clock, visits = Clock(), Visits.of(len(arrival_ps))
        chip = _chip(clock, None)

        def leave(run: BurstRun, _: object) -> None:
            visits.count(clock.now, -1)
            visits.ready_ps[run.request] = run.ready_ps[0]
            visits.start_ps[run.request] = run.start_ps[0]
            visits.end_ps[run.request] = clock.now

        def arrive(customer: int) -> None:
            # A list of one: the holds of the burst by op_id.
            duration_ps = [service_ps[customer]]
            run = BurstRun(clock, chip.table, customer, 0, _OUTCOME, duration_ps)
            run.done.callbacks.append(partial(leave, run))
            visits.count(clock.now, 1)
            chip.launch(run)

        clock.process(_arrivals(clock, arrival_ps, arrive))
        clock.run()
        return visits


@dataclass(frozen=True)
class BufferStation:
    """Several servers: SRAM of `servers` bytes that the chip grants.

    A customer reserves one byte and keeps it for its service time.
    """

    servers: int

    def serve(self, arrival_ps: Sequence[int], service_ps: Sequence[int]) -> Visits:
        """As `Station.serve`."""
        clock, visits = Clock(), Visits.of(len(arrival_ps))
        chip = _chip(clock, self.servers)

        def leave(customer: int, _: object) -> None:
            visits.count(clock.now, -1)
            visits.end_ps[customer] = clock.now
            chip.release((customer, 0))

        def begin(customer: int) -> None:
            visits.start_ps[customer] = clock.now
            alarm = Alarm(clock)
            alarm.callbacks.append(partial(leave, customer))
            alarm.set(service_ps[customer])

        def arrive(customer: int) -> None:
            visits.count(clock.now, 1)
            visits.ready_ps[customer] = clock.now
            chip.reserve((customer, 0), 1, partial(begin, customer))

        clock.process(_arrivals(clock, arrival_ps, arrive))
        clock.run()
        return visits


class _Arrive(Protocol):
    def __call__(self, customer: int) -> None: ...


def _arrivals(
    clock: Clock, arrival_ps: Sequence[int], arrive: _Arrive
) -> Generator[Alarm, object, None]:
    for customer, time_ps in enumerate(arrival_ps):
        alarm = Alarm(clock)
        alarm.set(time_ps - clock.now)
        yield alarm
        arrive(customer)


@dataclass(frozen=True)
class _Sram:
    capacity_bytes: int | None


@dataclass(frozen=True)
class _Memory:
    sram: _Sram


@dataclass(frozen=True)
class _Hardware:
    memory: _Memory


@dataclass(frozen=True)
class _Program:
    """As much of a burst program as a chip asks for."""

    table: OperationTable
    hardware: HardwareConfig


def _chip(clock: Clock, capacity_bytes: int | None) -> Chip:
    """A chip whose bursts are one operation on `hbm`."""
    zero = np.zeros(1, dtype=np.int64)
    table = OperationTable(
        operations=(Operation("service", "stage", (HBM,), "movement", HBM),),
        phase=("draft",),
        step=zero,
        layer=zero,
        position=zero,
        context_cap=zero,
        resources=(HBM,),
        op_resources=((0,),),
        predecessors=((),),
        successors=((),),
        closes_gate=(-1,),
        cells=(),
    )
    hardware = cast(HardwareConfig, _Hardware(_Memory(_Sram(capacity_bytes))))
    return Chip(clock, cast(BurstProgram, _Program(table, hardware)))
