"""Event rows as the kernel writes them: in order of time, sorted within an instant."""

from __future__ import annotations

from simcore.engine.fast.arrays import (
    FIRST_RESOURCE,
    FLAGS,
    GATE,
    GATE_NUMBER,
    Columns,
    ProgramArrays,
)
from simcore.engine.fast.compiled import inlined
from simcore.engine.fast.state import (
    BURST_NUMBER,
    FIRST_REQUEST,
    GATE_ROW,
    INSTANT_ROW,
    NOW,
    REQUEST,
    ROW_BASE,
    ROWS,
    SLOT,
    UNSORTED,
    State,
)


@inlined
def add_rows(
    p: ProgramArrays,
    s: State,
    rows: Columns,
    slot: int,
    op: int,
    ready_ps: int,
    duration_ps: int,
) -> None:
    """A hold starts now: a row for each of its resources."""
    c = s.clock
    row = c[ROWS]
    first, last = p.op[op, FIRST_RESOURCE], p.op[op + 1, FIRST_RESOURCE]
    for i in range(first, last):
        rows.request[row] = c[FIRST_REQUEST] + s.slot[slot, REQUEST]
        rows.burst[row] = s.slot[slot, BURST_NUMBER]
        rows.op_id[row] = op
        rows.resource_index[row] = i - first
        rows.ready_ps[row] = ready_ps
        rows.start_ps[row] = c[NOW]
        rows.duration_ps[row] = duration_ps
        rows.activates[row] = 0
        if row > c[INSTANT_ROW] and _comes_before(rows, row, row - 1):
            c[UNSORTED] = 1
        row += 1
    c[ROWS] = row


@inlined
def _comes_before(rows: Columns, a: int, b: int) -> bool:
    """Whether row `a` belongs before row `b` of the same instant."""
    first, second = rows.request[a], rows.request[b]
    if first == second:
        first, second = rows.burst[a], rows.burst[b]
    if first == second:
        first, second = rows.op_id[a], rows.op_id[b]
    if first == second:
        return int(rows.resource_index[a]) < int(rows.resource_index[b])
    return int(first) < int(second)


@inlined
def _swap(rows: Columns, a: int, b: int) -> None:
    rows.request[a], rows.request[b] = rows.request[b], rows.request[a]
    rows.burst[a], rows.burst[b] = rows.burst[b], rows.burst[a]
    rows.op_id[a], rows.op_id[b] = rows.op_id[b], rows.op_id[a]
    index = rows.resource_index[a]
    rows.resource_index[a] = rows.resource_index[b]
    rows.resource_index[b] = index
    rows.ready_ps[a], rows.ready_ps[b] = rows.ready_ps[b], rows.ready_ps[a]
    rows.duration_ps[a], rows.duration_ps[b] = rows.duration_ps[b], rows.duration_ps[a]
    rows.activates[a], rows.activates[b] = rows.activates[b], rows.activates[a]


@inlined
def end_instant(p: ProgramArrays, s: State, rows: Columns) -> None:
    """No row of this instant follows: bring those that there are into order."""
    c = s.clock
    if c[UNSORTED]:
        c[UNSORTED] = 0
        _sort(rows, c[INSTANT_ROW], c[ROWS])
        for row in range(c[INSTANT_ROW], c[ROWS]):
            op = rows.op_id[row]
            if rows.duration_ps[row] < 0 and p.op[op, FLAGS] & GATE:
                slot = s.request[rows.request[row] - c[FIRST_REQUEST], SLOT]
                s.gate[slot, p.op[op, GATE_NUMBER], GATE_ROW] = c[ROW_BASE] + row
    c[INSTANT_ROW] = c[ROWS]


@inlined
def _sort(rows: Columns, first: int, last: int) -> None:
    """Shell's sort: in place, and quick where little is out of order."""
    gap = 1
    while 9 * gap < last - first:
        gap = 3 * gap + 1
    while gap > 0:
        for i in range(first + gap, last):
            j = i
            while j - gap >= first and _comes_before(rows, j, j - gap):
                _swap(rows, j, j - gap)
                j -= gap
        gap //= 3
