"""What a schedule is: a name, what it needs, and who waits for whom."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from simcore.program.operation import Operation
    from simcore.program.table import Cell

#: Predecessors of every operation, by op id.
Predecessors = list[tuple[int, ...]]


@dataclass(frozen=True)
class Layout:
    """The numbered operations of a burst before a schedule has linked them.

    Attributes
    ----------
    operations : sequence of Operation
        By op id.
    cells : sequence of Cell
        The layers of the steps, in program order.
    inside : sequence of tuple of int
        Predecessors of each operation inside its own cell.
    """

    operations: Sequence[Operation]
    cells: Sequence[Cell]
    inside: Sequence[tuple[int, ...]]

    def named(self, cell: Cell, name: str) -> tuple[int, ...]:
        """Operations called `name` in a cell."""
        return tuple(
            op
            for op in range(cell.first, cell.last + 1)
            if self.operations[op].name == name
        )


class SchedulePolicy(Protocol):
    """One schedule; stateless.

    Attributes
    ----------
    name : str
        As a scenario writes it.
    summary : str
        One line for people.
    pipelined : bool
        Whether verify steps follow each other through the layers, each layer working
        on one token at a time.
    drafts_ahead : bool
        Whether a burst drafts the next one while it verifies.
    kv_buffers : int
        Layers of cached KV that a burst keeps in SRAM.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def summary(self) -> str: ...  # noqa: D102
    @property
    def pipelined(self) -> bool: ...  # noqa: D102
    @property
    def drafts_ahead(self) -> bool: ...  # noqa: D102
    @property
    def kv_buffers(self) -> int: ...  # noqa: D102

    def link(self, layout: Layout) -> Predecessors:
        """Predecessors of every operation."""
        ...


def is_verify(cell: Cell) -> bool:
    """Whether a cell is part of a verify step; the setup of verification is no step."""
    return cell.phase.startswith("verify") and cell.step >= 0


def entries(cell: Cell) -> tuple[int, ...]:
    """What a predecessor holds back: the cell's gate, or its first operations."""
    return (cell.gate,) if cell.gate >= 0 else cell.entries
