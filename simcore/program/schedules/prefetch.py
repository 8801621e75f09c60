"""`prefetch`: the KV cache of the next layer is read under the compute of this one.

Serialized otherwise. The cache of two layers is in SRAM at a time: one that attention
works on, and one that fills. A read may start when the read before it has ended and
the buffer it fills is free, that is when attention two layers back has ended.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from simcore.program.schedules.policy import Layout, Predecessors
from simcore.program.schedules.serialized import Serialized

if TYPE_CHECKING:
    from simcore.program.table import Cell

#: Last operation that needs the buffered cache; the first that a program has counts.
_LAST_USES = ("attention_pv", "attention_softmax", "attention_qk", "kv_unpack")


@dataclass(frozen=True)
class Prefetch:
    """One hold after another, except that KV reads run one layer ahead."""

    name: str = "prefetch"
    summary: str = "serialized, and the next layer's KV is read under this one's work"
    pipelined: bool = False
    drafts_ahead: bool = False
    kv_buffers: int = 2

    def link(self, layout: Layout) -> Predecessors:
        """Take KV reads out of the chain of compute into a chain of their own."""
        predecessors = Serialized().link(layout)
        reads_before: tuple[int, ...] = ()
        #: The ends of attention of the last two cells, older first.
        uses: list[tuple[int, ...]] = []
        for cell in layout.cells:
            reads = layout.named(cell, "kv_read") + layout.named(cell, "kv_buffer_fill")
            if not reads:
                continue
            before = predecessors[reads[0]]
            for op in range(cell.first, cell.last + 1):
                if set(layout.inside[op]) & set(reads):
                    predecessors[op] = (*before, *reads)
            freed = uses[-2] if len(uses) >= 2 else ()
            for op in reads:
                predecessors[op] = (*reads_before, *freed)
            reads_before = reads
            uses.append(_last_use(layout, cell))
        return predecessors


def _last_use(layout: Layout, cell: Cell) -> tuple[int, ...]:
    for name in _LAST_USES:
        found = layout.named(cell, name)
        if found:
            return found
    return cell.exits
