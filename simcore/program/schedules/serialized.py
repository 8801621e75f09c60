"""`serialized`: one layer of one step after another."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.program.schedules.policy import Layout, Predecessors, entries


@dataclass(frozen=True)
class Serialized:
    """Every hold waits for the one before; only legs of a transfer run together."""

    name: str = "serialized"
    summary: str = "one hold after another"
    pipelined: bool = False
    drafts_ahead: bool = False
    kv_buffers: int = 0

    def link(self, layout: Layout) -> Predecessors:
        """Chain the cells; all layers commit side by side after verification."""
        predecessors = list(layout.inside)
        previous: tuple[int, ...] = ()
        verified: tuple[int, ...] = ()
        for cell in layout.cells:
            before = verified if cell.phase == "commit" else previous
            for op in entries(cell):
                predecessors[op] = before
            previous = cell.exits
            if cell.phase != "commit":
                verified = cell.exits
        return predecessors
