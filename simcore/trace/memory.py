"""A recorder that keeps the event rows in memory, for checks and tests."""

from __future__ import annotations

import numpy.typing as npt
import pyarrow as pa

from simcore.trace.holds import EventBuffer, EventRows, HoldExpansion
from simcore.trace.tables import events_batch


class MemoryRecorder(EventBuffer):
    """Gives the events as the table that a run folder would hold.

    Parameters
    ----------
    row_op, row_resource_index : array_like of int, shape (n_rows,)
        The two columns of the program's rows.
    """

    def __init__(
        self, row_op: npt.ArrayLike, row_resource_index: npt.ArrayLike
    ) -> None:
        self._kept: list[EventRows] = []
        super().__init__(HoldExpansion(row_op, row_resource_index), self._kept.append)

    def table(self) -> pa.Table:
        """Rows of every replication that has ended, as `EVENTS_SCHEMA`."""
        return events_batch(self._kept)
