"""Room for event rows, and their way out in chunks that nothing can change any more."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.engine.fast.arrays import Columns
from simcore.engine.fast.state import INSTANT_ROW, ROW_BASE, ROWS
from simcore.program.table import IntArray
from simcore.trace.holds import EventRows

#: Rows of a chunk.
CHUNK_ROWS = 1 << 16

_DTYPES = (np.int32, np.int32, np.int32, np.int8, *[np.int64] * 3, np.int32)


class RowBuffer:
    """Takes rows from the kernel and hands them on.

    Parameters
    ----------
    take_rows : callable or None
        Takes `EventRows`; None when no rows are made.
    counts_activates : bool
        Whether rows carry row activations.
    n_resources : int
        Most rows between two looks at the room that is left.
    """

    def __init__(
        self,
        take_rows: Callable[[EventRows], None] | None,
        *,
        counts_activates: bool,
        n_resources: int,
    ) -> None:
        self._take_rows = take_rows
        self._counts_activates = counts_activates
        wanted = max(CHUNK_ROWS, 4 * n_resources)
        self.columns = _columns(0 if take_rows is None else wanted)

    def hand_on(self, clock: IntArray, replication: int, *, all_rows: bool) -> None:
        """Hand on the rows before the oldest open gate, and make room for more."""
        if self._take_rows is None:
            return
        n_rows = int(clock[ROWS])
        end = n_rows
        if not all_rows:
            open_rows = np.flatnonzero(self.columns.duration_ps[:n_rows] < 0)
            end = int(min([clock[INSTANT_ROW], *open_rows[:1]]))
        capacity = len(self.columns.op_id)
        # A small part of a large buffer would keep all of it alive: copied, so that
        # the buffer serves again.
        copies = 2 * end < capacity
        if end:
            self._take_rows(self._chunk(end, replication, copies=copies))
        left = n_rows - end
        # What is kept must not be moved over and over.
        grows = 2 * left > capacity
        fresh = self.columns
        if grows or not copies:
            fresh = _columns(2 * capacity if grows else capacity)
        for name in Columns._fields:
            kept = getattr(self.columns, name)[end:n_rows].copy()
            getattr(fresh, name)[:left] = kept
        self.columns = fresh
        clock[ROWS] = left
        clock[ROW_BASE] += end
        clock[INSTANT_ROW] -= end

    def _chunk(self, end: int, replication: int, *, copies: bool) -> EventRows:
        columns = self.columns
        if copies:
            columns = Columns._make(column[:end].copy() for column in columns)
        return EventRows(
            replication,
            columns.request[:end],
            columns.burst[:end],
            columns.op_id[:end],
            columns.resource_index[:end],
            columns.ready_ps[:end],
            columns.start_ps[:end],
            columns.duration_ps[:end],
            columns.activates[:end] if self._counts_activates else None,
        )


def _columns(n_rows: int) -> Columns:
    """Columns in one block of memory, widest first.

    An allocator keeps one large block for the next of its size, and gives many smaller
    ones back to the system, which then has to clear their pages again.
    """
    dtypes = [np.dtype(dtype) for dtype in _DTYPES]
    n_rows += -n_rows % 8
    block = np.empty(n_rows * sum(dtype.itemsize for dtype in dtypes), dtype=np.uint8)
    columns: dict[int, npt.NDArray[Any]] = {}
    first = 0
    for i in sorted(range(len(dtypes)), key=lambda i: -dtypes[i].itemsize):
        last = first + n_rows * dtypes[i].itemsize
        columns[i] = block[first:last].view(dtypes[i])
        first = last
    return Columns._make(columns[i] for i in range(len(dtypes)))
