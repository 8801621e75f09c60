"""Schedules: in which order the layers of the steps of a burst may run.

Inside a layer operations always run one position after the other. A schedule links
the layers ("cells") of draft, setup, verify and commit; `layer-pipelined` also gives
every cell a gate, so that a layer works on one token at a time (`table.py`).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from simcore.program.table import Cell


def link(
    schedule: str, cells: Sequence[Cell], inside: Sequence[tuple[int, ...]]
) -> list[tuple[int, ...]]:
    """Predecessors of every operation.

    Parameters
    ----------
    schedule : {"serialized", "layer-pipelined"}
        `serialized`: one cell after another. `layer-pipelined`: draft steps one after
        another, then all verify steps start together and follow each other through
        the layers, kept in order by the gates.
    cells : sequence of Cell
        In program order.
    inside : sequence of tuple of int
        Predecessors of each operation inside its own cell.

    Returns
    -------
    list of tuple of int
        One for each operation.
    """
    predecessors = [tuple(before) for before in inside]
    pipelined = schedule == "layer-pipelined"
    # Where the cell before ended, and what all verify steps wait for when pipelined.
    previous: tuple[int, ...] = ()
    verify_start: tuple[int, ...] = ()
    last_verified: tuple[int, ...] = ()
    previous_step = ("", 0)
    for cell in cells:
        step = (cell.phase, cell.step)
        before = previous
        if cell.phase == "commit":
            # All layers commit side by side once verification has ended.
            before = last_verified
        elif pipelined and _is_verify(cell) and step != previous_step:
            before = verify_start
        for op in (cell.gate,) if cell.gate >= 0 else cell.entries:
            predecessors[op] = before
        previous, previous_step = cell.exits, step
        if cell.phase != "commit":
            last_verified = cell.exits
            if not _is_verify(cell):
                verify_start = cell.exits
    return predecessors


def _is_verify(cell: Cell) -> bool:
    # The setup of verification is no step: its index is negative.
    return cell.phase.startswith("verify") and cell.step >= 0
