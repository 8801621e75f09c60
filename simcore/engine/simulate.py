"""Simulate one replication: some requests on a chip of their own, clock from 0.

The 60 lines to read first: a chip, a controller for each request, run until no event
is left, and make sure that everything has ended.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from simcore.engine.burst_controller import BurstController, BurstTimes
from simcore.engine.burst_run import PENDING
from simcore.engine.chip import Chip, TransferTiming
from simcore.engine.clock import DEFAULT_EVENT_BUDGET, Clock
from simcore.engine.hbm_channel import StackTransfers
from simcore.errors import SimulationError
from simcore.program.burst import BurstProgram
from simcore.program.decisions import Decisions
from simcore.program.jitter import Jitter
from simcore.program.outcomes import BurstOutcome
from simcore.trace.recorder import Recorder

_MOST_NAMED = 8


def simulate_replication(
    program: BurstProgram,
    requests: Mapping[int, Sequence[BurstOutcome]],
    recorder: Recorder,
    *,
    replication: int = 0,
    arrivals_ps: Mapping[int, int] | None = None,
    jitter: Jitter | None = None,
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
    chip = Chip(clock, program, _transfers(program, jitter))
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
    clock.run()
    unfinished = [c for c in controllers if not c.is_finished]
    if unfinished or chip.sram.held:
        raise SimulationError(_deadlock(chip, unfinished))
    recorder.end_replication(replication)
    return [times for controller in controllers for times in controller.bursts]


def _transfers(program: BurstProgram, jitter: Jitter | None) -> TransferTiming | None:
    """What times HBM transfers as they start; None where the program does."""
    memory = program.hardware.memory
    if not program.times_transfers or memory is None or memory.hbm.in_use is None:
        return None
    return StackTransfers(program, memory.hbm.in_use, jitter)


def _deadlock(chip: Chip, unfinished: Sequence[BurstController]) -> str:
    """Who waits for what, and who holds it."""
    table = chip.table

    def what(request: int, burst: int, op: int) -> str:
        where = f"{table.phase[op]} step {table.step[op]} layer {table.layer[op]}"
        return f"request {request} burst {burst} {table.operations[op].name} ({where})"

    reasons = []
    for _, _, request, burst, op, _ in chip.waiting:
        held = []
        for resource in table.op_resources[op]:
            block = chip.blocks[resource]
            if block.holder is None:
                held.append(block.name)
            else:
                run, holder = block.holder
                by = what(run.request, run.burst, holder)
                held.append(f"{block.name} held by {by}")
        reasons.append(f"{what(request, burst, op)} waits for {', '.join(held)}")
    if not chip.waiting:
        for run in chip.in_flight:
            never = [
                op
                for op, left in enumerate(run.missing)
                if left > 0 and run.state[op] == PENDING
            ]
            reasons += [
                f"{what(run.request, run.burst, op)} waits for operations that never "
                "end"
                for op in never[:_MOST_NAMED]
            ]
    # A burst that waits for room is named after what keeps its holders from ending.
    for waiting in chip.sram.waiting:
        holders = ", ".join(
            f"{n_bytes} by request {request} burst {burst}"
            for (request, burst), n_bytes in sorted(chip.sram.held.items())
        )
        reasons.append(
            f"request {waiting.request} burst {waiting.burst} waits for "
            f"{waiting.n_bytes} bytes of SRAM ({chip.sram.occupied_bytes} of "
            f"{chip.sram.capacity_bytes} held" + (f": {holders})" if holders else ")")
        )
    named = "; ".join(reasons[:_MOST_NAMED])
    more = len(reasons) - _MOST_NAMED
    return (
        f"deadlock at t={chip.clock.now} ps: {len(unfinished)} unfinished requests; "
        f"{named}" + (f"; and {more} more" if more > 0 else "")
    )
