"""A simulation that cannot go on, in words: who waits for what, and who has it."""

from __future__ import annotations

from simcore.engine.burst_run import PENDING, BurstRun
from simcore.engine.chip import Chip
from simcore.engine.hardware_block import Guest, Waiting

_MOST_NAMED = 8


def deadlock_text(chip: Chip, unfinished: int) -> str:
    """One line: causes first, then who waits for them.

    Parameters
    ----------
    chip : Chip
        When no event is left.
    unfinished : int
        Requests that have not ended.
    """
    reasons = [
        *_never_ending(chip),
        *_waiting_operations(chip),
        *_waiting_bursts(chip),
    ]
    named = "; ".join(reasons[:_MOST_NAMED])
    more = len(reasons) - _MOST_NAMED
    return (
        f"deadlock at t={chip.clock.now} ps: {unfinished} unfinished requests; "
        f"{named}" + (f"; and {more} more" if more > 0 else "")
    )


def _name(chip: Chip, request: int, burst: int, op: int) -> str:
    table = chip.table
    where = f"{table.phase[op]} step {table.step[op]} layer {table.layer[op]}"
    return f"request {request} burst {burst} {table.operations[op].name} ({where})"


def _never_ending(chip: Chip) -> list[str]:
    """Operations that wait for each other; not those behind one that asks."""
    asking = {(id(run), op) for *_, op, run in chip.waiting}
    found = []
    for run in chip.in_flight:
        behind = _behind(chip, run, {op for key, op in asking if key == id(run)})
        for op, left in enumerate(run.missing):
            if left <= 0 or run.state[op] != PENDING or op in behind:
                continue
            before = [
                chip.table.operations[other].name
                for other in chip.table.predecessors[op]
                if run.state[other] == PENDING
            ]
            found.append(
                f"{_name(chip, run.request, run.burst, op)} waits for operations that "
                f"never end: {', '.join(dict.fromkeys(before))}"
            )
    return found


def _behind(chip: Chip, run: BurstRun, asking: set[int]) -> set[int]:
    """Operations that come after one that waits for a resource, and that itself."""
    found, border = set(asking), list(asking)
    while border:
        for after in chip.table.successors[border.pop()]:
            if after not in found and run.state[after] == PENDING:
                found.add(after)
                border.append(after)
    return found


def _waiting_operations(chip: Chip) -> list[str]:
    found = []
    queue = chip.waiting
    for place, (_, _, request, burst, op, _) in enumerate(queue):
        needed = [_held(chip, r, queue[:place]) for r in chip.table.op_resources[op]]
        found.append(f"{_name(chip, request, burst, op)} waits for {', '.join(needed)}")
    return found


def _held(chip: Chip, resource: int, older: list[Waiting]) -> str:
    """A resource and who holds or has reserved it."""
    block = chip.blocks[resource]
    if isinstance(block.holder, Guest):
        return f"{block.name} held by {block.holder.value}"
    if block.holder is not None:
        run, op = block.holder
        return f"{block.name} held by {_name(chip, run.request, run.burst, op)}"
    for _, _, request, burst, op, _ in older:
        if resource in chip.table.op_resources[op]:
            return f"{block.name} reserved by {_name(chip, request, burst, op)}"
    return f"{block.name}, which is free"


def _waiting_bursts(chip: Chip) -> list[str]:
    holders = ", ".join(
        f"{n_bytes} by request {request} burst {burst}"
        for (request, burst), n_bytes in sorted(chip.sram.held.items())
    )
    held = f"{chip.sram.occupied_bytes} of {chip.sram.capacity_bytes} held"
    if holders:
        held += f": {holders}"
    return [
        f"request {waiting.request} burst {waiting.burst} waits for "
        f"{waiting.n_bytes} bytes of SRAM ({held})"
        for waiting in chip.sram.waiting
    ]
