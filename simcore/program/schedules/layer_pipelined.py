"""`layer-pipelined`: verify steps follow each other through the layers."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.program.schedules.policy import Layout, Predecessors, entries, is_verify


@dataclass(frozen=True)
class LayerPipelined:
    """Draft steps one after another, then all verify steps start together.

    A gate keeps every layer for one token, which also keeps the steps in order: gates
    that become ready together are granted in program order.
    """

    name: str = "layer-pipelined"
    summary: str = "a verify step enters a layer as soon as the one before has left it"
    pipelined: bool = True
    drafts_ahead: bool = False
    kv_buffers: int = 0

    def link(self, layout: Layout) -> Predecessors:
        """Chain draft steps; let every verify step wait for the end of drafting."""
        predecessors = list(layout.inside)
        previous: tuple[int, ...] = ()
        # What all verify steps wait for, and what the commit waits for.
        verify_start: tuple[int, ...] = ()
        verified: tuple[int, ...] = ()
        previous_step = ("", 0)
        for cell in layout.cells:
            if cell.phase == "draft_ahead":
                continue
            step = (cell.phase, cell.step)
            before = previous
            if cell.phase == "commit":
                before = verified
            elif is_verify(cell) and step != previous_step:
                before = verify_start
            for op in entries(cell):
                predecessors[op] = before
            previous, previous_step = cell.exits, step
            if cell.phase != "commit":
                verified = cell.exits
                if not is_verify(cell):
                    verify_start = cell.exits
        return predecessors
