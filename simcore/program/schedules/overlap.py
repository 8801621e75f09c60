"""`overlap`: the next burst is drafted on array 1 while this one verifies.

Legal where draft and verify share nothing but row drivers of their own: verification
reuses stored draft results, so that it reads arrays 2..4 only, and there are two banks
of row drivers. Digital units, memories and fabric are shared; verification goes first.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcore.program.schedules.layer_pipelined import LayerPipelined
from simcore.program.schedules.policy import Layout, Predecessors, entries


@dataclass(frozen=True)
class Overlap:
    """`layer-pipelined`, with a chain of draft-ahead steps beside verification.

    The first of them runs on the last drafted token and guesses the bonus token; the
    others draft the next burst from that guess.
    """

    name: str = "overlap"
    summary: str = (
        "layer-pipelined, and array 1 drafts the next burst while the others verify"
    )
    pipelined: bool = True
    drafts_ahead: bool = True
    kv_buffers: int = 0

    def link(self, layout: Layout) -> Predecessors:
        """Start drafting ahead when the last draft step of the burst has ended."""
        predecessors = LayerPipelined().link(layout)
        previous: tuple[int, ...] = ()
        for cell in layout.cells:
            if cell.phase not in ("draft", "draft_ahead"):
                continue
            if cell.phase == "draft_ahead":
                for op in entries(cell):
                    predecessors[op] = previous
            previous = cell.exits
        return predecessors
