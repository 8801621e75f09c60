"""From holds of operations to sorted event rows: one row per hold and resource.

Knows nothing of files; the writer and the recorder in memory both sit on it.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simcore.trace.recorder import BoolArray, Int32Array, Int64Array

Int8Array = npt.NDArray[np.int8]


class EventRows(NamedTuple):
    """Consecutive event rows of one replication, in file order; equal lengths."""

    replication: int
    request: Int32Array
    burst: Int32Array
    op_id: Int32Array
    resource_index: Int8Array
    ready_ps: Int64Array
    start_ps: Int64Array
    duration_ps: Int64Array
    activates: Int32Array | None

    def integers(self) -> tuple[npt.NDArray[np.signedinteger[Any]], ...]:
        """Columns from request to duration, in the order of the schema."""
        return (
            self.request,
            self.burst,
            self.op_id,
            self.resource_index,
            self.ready_ps,
            self.start_ps,
            self.duration_ps,
        )


class HoldExpansion:
    """How many resources each operation holds.

    Parameters
    ----------
    row_op : array_like of int, shape (n_rows,)
        op_id of every row of the program, in any order.
    row_resource_index : array_like of int, shape (n_rows,)
        Number of the resource within the operation's hold.

    Raises
    ------
    ValueError
        If an operation below the highest op_id has no row, or the resources of one
        are not numbered 0, 1, 2, ...
    """

    def __init__(
        self, row_op: npt.ArrayLike, row_resource_index: npt.ArrayLike
    ) -> None:
        op = np.asarray(row_op, dtype=np.int64)
        index = np.asarray(row_resource_index, dtype=np.int64)
        if op.ndim != 1 or op.shape != index.shape:
            raise ValueError("row_op and row_resource_index must be 1-D, same length")
        if op.size and op.min() < 0:
            raise ValueError("op_id must not be negative")
        counts = np.bincount(op)
        if op.size and counts.min() == 0:
            raise ValueError(f"operation {int(counts.argmin())} holds no resource")
        numbers = np.arange(op.size) - np.repeat(np.cumsum(counts) - counts, counts)
        if not np.array_equal(index[np.lexsort((index, op))], numbers):
            raise ValueError("the resources of an operation must be 0, 1, 2, ...")
        self.n_operations = int(counts.size)
        self._rows_per_operation = counts
        self._one_each = bool(np.all(counts == 1))

    def rows(self, op_id: Int32Array) -> tuple[Int64Array | None, Int8Array]:
        """Rows of holds given in order.

        Parameters
        ----------
        op_id : ndarray of int32, shape (n_holds,)
            Operation of each hold.

        Returns
        -------
        tuple
            Index of the hold of every row (None: each hold is one row) and the
            resource_index of every row.
        """
        if self._one_each:
            return None, np.zeros(op_id.size, dtype=np.int8)
        counts = self._rows_per_operation[op_id]
        first = np.cumsum(counts) - counts
        hold = np.repeat(np.arange(op_id.size), counts)
        return hold, (np.arange(hold.size) - first[hold]).astype(np.int8)


class _Holds(NamedTuple):
    """Holds of one burst that are not written yet; op_id ascending."""

    op_id: Int32Array
    ready_ps: Int64Array
    start_ps: Int64Array
    duration_ps: Int64Array
    activates: Int32Array | None

    def where(self, chosen: npt.NDArray[np.bool_]) -> _Holds:
        activates = None if self.activates is None else self.activates[chosen]
        return _Holds(
            self.op_id[chosen],
            self.ready_ps[chosen],
            self.start_ps[chosen],
            self.duration_ps[chosen],
            activates,
        )


class EventBuffer:
    """Collects bursts and hands on their rows in the order of the file.

    Parameters
    ----------
    expansion : HoldExpansion
        Rows of each operation.
    sink : callable
        Takes `EventRows` in file order.
    """

    def __init__(
        self, expansion: HoldExpansion, sink: Callable[[EventRows], None]
    ) -> None:
        self._expansion = expansion
        self._sink = sink
        self._op_id = np.arange(expansion.n_operations, dtype=np.int32)
        self._waiting: dict[tuple[int, int], _Holds] = {}
        self._replication: int | None = None
        self._ended = -1
        self._watermark_ps = 0

    def record_burst(
        self,
        replication: int,
        request: int,
        burst: int,
        ready_ps: Int64Array,
        start_ps: Int64Array,
        duration_ps: Int64Array,
        activates: Int32Array | None = None,
        executed: BoolArray | None = None,
    ) -> None:
        """Keep one burst; see `Recorder.record_burst`.

        Raises
        ------
        ValueError
            If the arrays or the order of calls break the protocol.
        """
        self._enter(replication)
        holds = _Holds(self._op_id, ready_ps, start_ps, duration_ps, activates)
        self._check_shapes(holds, executed)
        if executed is not None:
            holds = holds.where(executed)
        self._check_times(holds)
        if (request, burst) in self._waiting:
            raise ValueError(f"burst {burst} of request {request} is recorded twice")
        self._waiting[request, burst] = holds

    def flush_before(self, watermark_ps: int) -> None:
        """Hand on every row that starts before `watermark_ps`."""
        self._watermark_ps = max(self._watermark_ps, watermark_ps)
        self._hand_on(self._watermark_ps)

    def end_replication(self, replication: int) -> None:
        """Hand on what is left of a replication."""
        self._enter(replication)
        self._hand_on(None)
        self._replication = None
        self._ended = replication
        self._watermark_ps = 0

    def require_ended(self) -> None:
        """Raise ValueError if the last replication has not been ended."""
        if self._replication is not None:
            raise ValueError(f"replication {self._replication} has not ended")

    def _enter(self, replication: int) -> None:
        if self._replication is None and replication > self._ended:
            self._replication = replication
        if replication != self._replication:
            raise ValueError(
                f"replication {replication} is out of turn: replications are recorded "
                "one after another, ascending"
            )

    def _check_shapes(self, holds: _Holds, executed: BoolArray | None) -> None:
        shape = (self._expansion.n_operations,)
        if executed is not None and (
            executed.shape != shape or executed.dtype != np.bool_
        ):
            raise ValueError(f"executed must be bool of shape {shape}")
        for name, part in zip(holds._fields[1:], holds[1:], strict=True):
            wanted = np.int32 if name == "activates" else np.int64
            if part is not None and (part.shape != shape or part.dtype != wanted):
                raise ValueError(f"{name} must be {wanted.__name__} of shape {shape}")

    def _check_times(self, holds: _Holds) -> None:
        if not holds.op_id.size:
            return
        if holds.duration_ps.min() < 0 or (holds.start_ps < holds.ready_ps).any():
            raise ValueError("a hold starts before it is ready or has negative length")
        if holds.start_ps.min() < self._watermark_ps:
            raise ValueError(
                f"a hold starts at {int(holds.start_ps.min())} ps, before the "
                f"promised {self._watermark_ps} ps"
            )

    def _hand_on(self, before_ps: int | None) -> None:
        taken: list[tuple[tuple[int, int], _Holds]] = []
        for key in sorted(self._waiting):
            holds = self._waiting.pop(key)
            if before_ps is not None:
                early = holds.start_ps < before_ps
                if not early.all():
                    self._waiting[key] = holds.where(~early)
                    holds = holds.where(early)
            if holds.op_id.size:
                taken.append((key, holds))
        if taken:
            self._sink(self._sorted_rows(taken))

    def _sorted_rows(
        self, taken: Sequence[tuple[tuple[int, int], _Holds]]
    ) -> EventRows:
        parts = [holds for _, holds in taken]
        lengths = [holds.op_id.size for holds in parts]
        start = np.concatenate([holds.start_ps for holds in parts])
        # The parts stand in the order (request, burst, op_id), so a stable sort by
        # time completes the order of the file.
        order = np.argsort(start, kind="stable")
        op_id = np.concatenate([holds.op_id for holds in parts])[order]
        hold, resource_index = self._expansion.rows(op_id)
        if hold is not None:
            order, op_id = order[hold], op_id[hold]
        keys = np.array([key for key, _ in taken], dtype=np.int32)
        owner = keys if len(taken) == 1 else np.repeat(keys, lengths, axis=0)[order]
        n_rows = order.size
        assert self._replication is not None
        return EventRows(
            self._replication,
            np.broadcast_to(owner[:, 0], n_rows),
            np.broadcast_to(owner[:, 1], n_rows),
            op_id,
            resource_index,
            np.concatenate([holds.ready_ps for holds in parts])[order],
            start[order],
            np.concatenate([holds.duration_ps for holds in parts])[order],
            self._activates(parts, order, resource_index),
        )

    @staticmethod
    def _activates(
        parts: Sequence[_Holds], order: Int64Array, resource_index: Int8Array
    ) -> Int32Array | None:
        given = [holds.activates for holds in parts if holds.activates is not None]
        if not given:
            return None
        if len(given) != len(parts):
            raise ValueError("activates must be given for every burst or for none")
        # Counted once per hold: on the owner's row.
        values = np.concatenate(given)[order]
        return np.where(resource_index == 0, values, 0).astype(np.int32)
