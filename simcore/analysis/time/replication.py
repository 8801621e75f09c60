"""The holds of one replication at a time, as numpy arrays.

A replication is one chip with its own clock, so nothing here looks at two of them.
Columns that older runs lack have their plain meaning: a burst without `ready_ps`
could start when it did, a request without `arrival_ps` arrived when it started.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import pyarrow as pa

from simcore.analysis.run_program import BoolArray, IntArray, integers
from simcore.analysis.time.burst_structure import BurstStructure
from simcore.errors import TraceError
from simcore.trace.reader import Trace

_EVENT_COLUMNS = (
    "replication",
    "request",
    "burst",
    "op_id",
    "resource_index",
    "ready_ps",
    "start_ps",
    "duration_ps",
)
_BURST_COLUMNS = (
    "replication",
    "request",
    "burst",
    "accepted",
    "committed",
    "context_length",
    "start_ps",
    "end_ps",
)


@dataclass(frozen=True)
class RunTables:
    """Bursts and requests of a run, with the columns that older runs lack.

    Attributes
    ----------
    structure : BurstStructure
        The program.
    bursts, requests : dict of str to ndarray of int64
        Columns; bursts also have `ready_ps`, requests `arrival_ps`.
    """

    structure: BurstStructure
    bursts: dict[str, IntArray]
    requests: dict[str, IntArray]

    @classmethod
    def of(cls, trace: Trace) -> RunTables:
        """Read the tables of a run."""
        trace.require_events()
        bursts, requests = trace.traced_bursts(), trace.traced_requests()
        found = {name: integers(bursts[name]) for name in _BURST_COLUMNS}
        found["ready_ps"] = _column_or(bursts, "ready_ps", "start_ps")
        asked = ("replication", "request", "start_ps", "end_ps")
        of_requests = {name: integers(requests[name]) for name in asked}
        of_requests["arrival_ps"] = _column_or(requests, "arrival_ps", "start_ps")
        structure = BurstStructure(trace.program(), trace.program_energy())
        return cls(structure, found, of_requests)

    @property
    def replications(self) -> list[int]:
        """Numbers of the replications, ascending."""
        numbers: list[int] = np.unique(self.bursts["replication"]).tolist()
        return numbers


def _column_or(table: pa.Table, name: str, otherwise: str) -> IntArray:
    if name not in table.column_names:
        return integers(table[otherwise])
    column: Any = table[name]
    found, plain = integers(column, -1), integers(table[otherwise])
    return np.where(integers(column.is_null().cast(pa.int8())) > 0, plain, found)


class Replication:
    """Event rows of one replication, and its holds by burst and operation.

    Rows keep the order of the file (start, request, burst, op_id). A hold is one
    (burst, operation) whatever it holds; its number is ``slot * n_ops + op_id``,
    with `slot` the row of its burst in `bursts`.

    Attributes
    ----------
    number : int
        Replication.
    structure : BurstStructure
        The program.
    bursts, requests : dict of str to ndarray of int64
        The rows of this replication.
    slot, op, program_row : ndarray of int64, shape (n_rows,)
        Burst, operation and program row of each event row.
    ready_ps, start_ps, end_ps : ndarray of int64, shape (n_rows,)
        Times of each event row.
    activates : ndarray of int64, shape (n_rows,)
        HBM activations; 0 where there are none.
    """

    def __init__(self, number: int, tables: RunTables, events: pa.Table) -> None:
        self.number = number
        self.structure = tables.structure
        rows = self.structure.rows
        self.bursts = _only(tables.bursts, number)
        self.requests = _only(tables.requests, number)
        columns = {name: integers(events[name]) for name in _EVENT_COLUMNS[1:]}
        self.op = columns["op_id"]
        self.slot = self._slots(columns["request"], columns["burst"])
        place = self.op * rows.stride + columns["resource_index"]
        if self.op.size and (
            self.op.min() < 0
            or columns["resource_index"].min() < 0
            or columns["resource_index"].max() >= rows.stride
            or place.max() >= rows.number.size
        ):
            raise TraceError("events: a row is not in program.parquet")
        self.program_row = rows.number[place]
        if np.any(self.program_row < 0):
            raise TraceError("events: a row is not in program.parquet")
        self.ready_ps = columns["ready_ps"]
        self.start_ps = columns["start_ps"]
        self.end_ps = self.start_ps + columns["duration_ps"]
        self.activates = integers(events["activates"], 0)

    def _slots(self, request: IntArray, burst: IntArray) -> IntArray:
        code = (self.bursts["request"] << 31) + self.bursts["burst"]
        if np.any(np.diff(code) <= 0):
            raise TraceError("bursts.parquet is not sorted by its keys")
        wanted = (request << 31) + burst
        slot = np.searchsorted(code, wanted)
        slot[slot == code.size] = 0
        if wanted.size and (not code.size or np.any(code[slot] != wanted)):
            raise TraceError("events: a row is not in bursts.parquet")
        return slot

    @property
    def n_slots(self) -> int:
        """Bursts of the replication."""
        return int(self.bursts["burst"].size)

    @cached_property
    def resource(self) -> IntArray:
        """Resource number of each event row."""
        number: IntArray = self.structure.rows.resource[self.program_row]
        return number

    @cached_property
    def hold(self) -> IntArray:
        """Hold number of each event row."""
        return self.slot * self.structure.n_ops + self.op

    @cached_property
    def is_owner(self) -> BoolArray:
        """The one row of each hold that stands for all its resources."""
        owner: BoolArray = self.structure.rows.index[self.program_row] == 0
        return owner

    @cached_property
    def by_resource(self) -> IntArray:
        """Event rows by resource; the rows of one resource in order of time."""
        # Few resources fit 16 bits, which numpy sorts by radix.
        narrow = np.min_scalar_type(max(len(self.structure.resources), 1))
        return np.argsort(self.resource.astype(narrow), kind="stable")

    @cached_property
    def resource_bounds(self) -> IntArray:
        """Where each resource begins in `by_resource`, and where the last ends."""
        n = len(self.structure.resources)
        return np.searchsorted(self.resource[self.by_resource], np.arange(n + 1))

    @cached_property
    def horizon_ps(self) -> int:
        """When the last hold has ended."""
        return int(self.end_ps.max(initial=0))

    @cached_property
    def makespan_ps(self) -> int:
        """When the last request has ended."""
        return int(self.requests["end_ps"].max(initial=0))


class HoldTimes:
    """Times of every hold by its number; absent operations are not `present`.

    Attributes
    ----------
    present : ndarray of bool, shape (n_slots * n_ops,)
        Holds that are in the trace; cancelled and skipped ones are not.
    ready_ps, start_ps, end_ps : ndarray of int64, same shape
        Zero where absent.
    """

    def __init__(self, replication: Replication) -> None:
        size = replication.n_slots * replication.structure.n_ops
        owner = replication.is_owner
        hold = replication.hold[owner]
        self.present = np.zeros(size, dtype=np.bool_)
        self.present[hold] = True
        self.ready_ps, self.start_ps, self.end_ps = (
            _scattered(size, hold, times[owner])
            for times in (
                replication.ready_ps,
                replication.start_ps,
                replication.end_ps,
            )
        )


def _scattered(size: int, place: IntArray, values: IntArray) -> IntArray:
    array = np.zeros(size, dtype=np.int64)
    array[place] = values
    return array


def _only(columns: dict[str, IntArray], number: int) -> dict[str, IntArray]:
    mine = columns["replication"] == number
    return {name: values[mine] for name, values in columns.items()}


def iter_replications(
    trace: Trace, tables: RunTables, only: int | None = None
) -> Iterator[Replication]:
    """Replications one after another, ascending.

    Parameters
    ----------
    trace : Trace
        A run that kept its events.
    tables : RunTables
        Its tables.
    only : int, optional
        This replication alone.

    Raises
    ------
    TraceError
        If the run kept no events, or they do not fit its tables.
    """
    pending: list[pa.Table] = []
    current = -1
    for table in trace.iter_events([*_EVENT_COLUMNS, "activates"]):
        number = integers(table["replication"])
        borders = np.flatnonzero(np.diff(number)) + 1
        starts = [0, *borders.tolist()]
        for first, last in zip(starts, [*starts[1:], table.num_rows], strict=True):
            if first == last:
                continue
            here = int(number[first])
            if here != current:
                if pending:
                    yield Replication(current, tables, pa.concat_tables(pending))
                    pending = []
                if here < current:
                    raise TraceError("events are not sorted by replication")
                current = here
            if only is not None and current > only:
                return
            if only is None or current == only:
                pending.append(table.slice(first, last - first))
    if pending:
        yield Replication(current, tables, pa.concat_tables(pending))
