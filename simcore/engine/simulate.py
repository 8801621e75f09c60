"""Simulate one replication: some requests on a chip of their own, clock from 0.

The 60 lines to read first: a chip, a controller for each request, run until no event
is left, and make sure that everything has ended.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from simpy.events import AllOf

from simcore.engine.burst_controller import BurstController, BurstTimes
from simcore.engine.chip import Chip
from simcore.engine.clock import DEFAULT_EVENT_BUDGET, Clock
from simcore.engine.deadlock import deadlock_text
from simcore.engine.guest import ChipProcess
from simcore.engine.hbm_channel import stack_transfers
from simcore.errors import SimulationError
from simcore.program.burst import BurstProgram
from simcore.program.decisions import Decisions
from simcore.program.jitter import Jitter
from simcore.program.outcomes import BurstOutcome
from simcore.trace.recorder import Recorder


def simulate_replication(
    program: BurstProgram,
    requests: Mapping[int, Sequence[BurstOutcome]],
    recorder: Recorder,
    *,
    replication: int = 0,
    arrivals_ps: Mapping[int, int] | None = None,
    jitter: Jitter | None = None,
    processes: Sequence[ChipProcess] = (),
    event_budget: int = DEFAULT_EVENT_BUDGET,
) -> list[BurstTimes]:
    """Run the requests of one replication to their end.

    Parameters
    ----------
    program : BurstProgram
        What every burst executes.
    requests : mapping of int to sequence of BurstOutcome
        The bursts of each request, in order.
    recorder : Recorder
        Takes every hold.
    replication : int
        Number written into the trace.
    arrivals_ps : mapping of int to int, optional
        When each request arrives; 0 for those not named.
    jitter : Jitter, optional
        Random durations of holds.
    processes : sequence of callable
        Processes that users wrote; the simulation ends with the last request.
    event_budget : int
        Most events of the simulation.

    Returns
    -------
    list of BurstTimes
        By request, then burst.

    Raises
    ------
    SimulationError
        If work is left when no event is (a deadlock), a delay is impossible, or the
        budget is spent.
    """
    clock = Clock(event_budget)
    chip = Chip(clock, program, stack_transfers(program, jitter))
    decisions = Decisions(program)
    controllers = [
        BurstController(
            chip,
            program,
            replication,
            request,
            outcomes,
            recorder,
            decisions,
            arrival_ps=(arrivals_ps or {}).get(request, 0),
            jitter=jitter,
        )
        for request, outcomes in sorted(requests.items())
    ]
    for process in processes:
        clock.process(process(chip))
    _run(clock, controllers, endless=bool(processes))
    unfinished = [c for c in controllers if not c.is_finished]
    if unfinished or chip.sram.held:
        raise SimulationError(deadlock_text(chip, len(unfinished)))
    recorder.end_replication(replication)
    return [times for controller in controllers for times in controller.bursts]


def _run(
    clock: Clock, controllers: Sequence[BurstController], *, endless: bool
) -> None:
    """Run until no event is left, or every request has ended."""
    if not endless:
        clock.run()
        return
    # A process of the user's may never end.
    all_ended = AllOf(clock, [controller.process for controller in controllers])
    while clock.peek() < math.inf and not all_ended.processed:
        clock.step()
