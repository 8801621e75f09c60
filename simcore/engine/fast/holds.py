"""Holds start, end and are cancelled, as `simcore.engine.chip` does it.

The code of an operation says where it stands: the number of predecessors that have not
ended, 0 when it is ready, or one of the numbers below.
"""

from __future__ import annotations

from simcore.engine.fast.arrays import (
    CLASS,
    CLOSES,
    COMMITTED,
    CONTEXT,
    CONTEXT_CAP,
    DECIDES,
    FIRST_AFTER,
    FIRST_BEHIND,
    FIRST_CUT,
    FIRST_GATE,
    FIRST_RESOURCE,
    FIRST_SUCCESSOR,
    FLAGS,
    FORKS,
    GATE,
    GATE_NUMBER,
    GATE_OP,
    JOINT,
    LAST_AFTER,
    LAST_BEHIND,
    LAST_CUT,
    LAST_GATE,
    LEVEL,
    RESOURCE,
    STEP,
    SUCCESSOR,
    TIMED,
    BurstArrays,
    Columns,
    ProgramArrays,
    VariantArrays,
)
from simcore.engine.fast.compiled import inlined, place
from simcore.engine.fast.heap import add_end
from simcore.engine.fast.queues import (
    key_of,
    look_at,
    op_of_key,
    request_of_key,
    withdraw,
)
from simcore.engine.fast.rows import add_rows
from simcore.engine.fast.state import (
    BURST_ROW,
    BUSY_PS,
    CANCELLED_OPS,
    COUNT,
    CURRENT_SLOT,
    FINISHED,
    GATE_ROW,
    GATE_START_PS,
    HELD,
    KEEPS_ROWS,
    NEVER,
    NEW_FROM,
    NEW_TO,
    NOW,
    OPEN_LEGS,
    PENDING_OP,
    PENDING_ROW,
    REMAINING,
    REQUEST,
    ROW_BASE,
    ROWS,
    SLOT_CANCELS,
    SLOT_VARIANT,
    SUM_COMMITTED,
    SUM_CONTEXT,
    UNDECIDED,
    State,
)

#: In progress, ended, cancelled; the last goes down as predecessors end. An operation
#: in progress whose end closes a gate early has `CLOSING` less the gate's number.
STARTED, ENDED, CLOSING, CANCELLED = -1, -2, -3, 1 << 30

#: Cancelled operations have codes above this.
_LOWEST_CANCELLED = 1 << 29


@inlined
def one_less(p: ProgramArrays, s: State, slot: int, op: int) -> None:
    """A predecessor of `op` has ended or was cancelled."""
    left = s.code[slot, op] - 1
    s.code[slot, op] = left
    if left == 0:
        s.newly[s.clock[NEW_TO]] = key_of(p, s, slot, op)
        s.clock[NEW_TO] += 1


@inlined
def _successors_go_on(p: ProgramArrays, s: State, slot: int, op: int) -> None:
    if not p.op[op, FLAGS] & FORKS:
        one_less(p, s, slot, place(p.op[op, SUCCESSOR]))
        return
    first, last = p.op[op, FIRST_SUCCESSOR], p.op[op + 1, FIRST_SUCCESSOR]
    for i in range(place(first), place(last)):
        one_less(p, s, slot, place(p.successor[i]))


@inlined
def _release(s: State, resource: int) -> None:
    s.unit[resource, HELD] = 0
    look_at(s, resource)


@inlined
def start_hold(
    p: ProgramArrays, s: State, rows: Columns, slot: int, op: int, ready_ps: int
) -> bool:
    """An operation gets its resources; False if its duration is impossible."""
    c = s.clock
    now = c[NOW]
    flags = p.op[op, FLAGS]
    if flags & JOINT:
        first, last = p.op[op, FIRST_RESOURCE], p.op[op + 1, FIRST_RESOURCE]
        for i in range(place(first), place(last)):
            s.unit[place(p.resource[i]), HELD] = 1
    else:
        s.unit[place(p.op[op, RESOURCE]), HELD] = 1
    s.code[slot, op] = STARTED
    duration = -1
    if flags & GATE:
        number = place(p.op[op, GATE_NUMBER])
        s.gate[slot, number, GATE_START_PS] = now
        s.gate[slot, number, GATE_ROW] = c[ROW_BASE] + c[ROWS]
        # A gate is a span: what it guards may start at once.
        _successors_go_on(p, s, slot, op)
    elif flags & TIMED:
        c[CURRENT_SLOT] = slot
        c[PENDING_OP] = op
        c[PENDING_ROW] = c[ROWS]
    else:
        duration = s.duration_ps[slot, place(p.op[op, CLASS])]
        if duration > NEVER - 1 - now:
            return False
        add_end(s, now + duration, (slot << 32) | op)
    if c[KEEPS_ROWS]:
        add_rows(p, s, rows, slot, op, ready_ps, duration)
    return True


@inlined
def end_hold(
    p: ProgramArrays,
    v: VariantArrays,
    b: BurstArrays,
    s: State,
    rows: Columns,
    slot: int,
    op: int,
) -> None:
    """Release what an ended hold occupied and make its successors ready."""
    c = s.clock
    flags = p.op[op, FLAGS]
    if flags & JOINT:
        first, last = p.op[op, FIRST_RESOURCE], p.op[op + 1, FIRST_RESOURCE]
        for i in range(place(first), place(last)):
            _release(s, place(p.resource[i]))
    else:
        _release(s, place(p.op[op, RESOURCE]))
    number = place(p.op[op, GATE_NUMBER]) if flags & CLOSES else -1
    if s.slot[slot, SLOT_CANCELS]:
        code = s.code[slot, op]
        if code <= CLOSING:
            number = CLOSING - code
    s.code[slot, op] = ENDED
    s.level_end_ps[slot, place(p.op[op, LEVEL])] = c[NOW]
    if number >= 0:
        s.gate[slot, number, OPEN_LEGS] -= 1
        if s.gate[slot, number, OPEN_LEGS] == 0:
            _close_gate(p, s, rows, slot, number)
    if flags & DECIDES and s.slot[slot, UNDECIDED] > 0:
        _decide(p, v, b, s, rows, slot, op)
    _successors_go_on(p, s, slot, op)
    s.slot[slot, REMAINING] -= 1
    if s.slot[slot, REMAINING] == 0:
        s.finished[c[FINISHED]] = slot
        c[FINISHED] += 1


@inlined
def _close_gate(
    p: ProgramArrays, s: State, rows: Columns, slot: int, number: int
) -> None:
    c = s.clock
    op = place(p.gate[number, GATE_OP])
    duration = c[NOW] - s.gate[slot, number, GATE_START_PS]
    if c[KEEPS_ROWS]:
        rows.duration_ps[s.gate[slot, number, GATE_ROW] - c[ROW_BASE]] = duration
    s.sums[op, BUSY_PS] += duration
    s.code[slot, op] = ENDED
    s.level_end_ps[slot, place(p.op[op, LEVEL])] = c[NOW]
    s.slot[slot, REMAINING] -= 1
    _release(s, place(p.op[op, RESOURCE]))


@inlined
def _decide(
    p: ProgramArrays,
    v: VariantArrays,
    b: BurstArrays,
    s: State,
    rows: Columns,
    slot: int,
    op: int,
) -> None:
    """Cancel what the outcome cancels if `op` is the last end that it waits for."""
    ranges = v.ranges[s.slot[slot, SLOT_VARIANT]]
    for i in range(ranges[FIRST_AFTER], ranges[LAST_AFTER]):
        if v.numbers[i] == op:
            s.slot[slot, UNDECIDED] -= 1
    if s.slot[slot, UNDECIDED] == 0:
        cancel(
            p,
            v,
            b,
            s,
            rows,
            slot,
            (ranges[FIRST_CUT], ranges[LAST_CUT]),
            (ranges[FIRST_GATE], ranges[LAST_GATE]),
        )


@inlined
def cancel(
    p: ProgramArrays,
    v: VariantArrays,
    b: BurstArrays,
    s: State,
    rows: Columns,
    slot: int,
    ops: tuple[int, int],
    gates: tuple[int, int],
) -> None:
    """Keep what has not started from starting; let what has started end."""
    given = b.given[s.slot[slot, BURST_ROW]]
    n_cut = 0
    for i in range(ops[0], ops[1]):
        op = place(v.numbers[i])
        code = s.code[slot, op]
        if code < 0 or code > _LOWEST_CANCELLED:
            continue
        if code == 0:
            withdraw(p, s, slot, op)
        s.code[slot, op] = CANCELLED
        s.cut[n_cut] = op
        n_cut += 1
        # Sums were made as if all would run.
        of_op = place(p.op[op, CLASS])
        s.sums[op, COUNT] -= 1
        s.sums[op, SUM_CONTEXT] -= min(
            given[CONTEXT] + p.class_whole[of_op, STEP],
            p.class_whole[of_op, CONTEXT_CAP],
        )
        s.sums[op, SUM_COMMITTED] -= given[COMMITTED]
        s.sums[op, BUSY_PS] -= s.duration_ps[slot, of_op]
    s.slot[slot, REMAINING] -= n_cut
    s.slot[slot, CANCELLED_OPS] += n_cut
    _forget_new(s, slot)
    for i in range(gates[0], gates[1]):
        number = place(v.numbers[i])
        if s.code[slot, p.gate[number, GATE_OP]] == STARTED:
            _close_early(p, s, rows, slot, number)
    for i in range(n_cut):
        op = place(s.cut[i])
        _successors_go_on(p, s, slot, op)


@inlined
def _forget_new(s: State, slot: int) -> None:
    """Drop cancelled operations of a burst from those that became ready."""
    c = s.clock
    kept = c[NEW_FROM]
    own = s.slot[slot, REQUEST]
    for i in range(c[NEW_FROM], c[NEW_TO]):
        key = s.newly[i]
        if request_of_key(key) == own and s.code[slot, op_of_key(key)] != 0:
            continue
        s.newly[kept] = key
        kept += 1
    c[NEW_TO] = kept


@inlined
def _close_early(
    p: ProgramArrays, s: State, rows: Columns, slot: int, number: int
) -> None:
    """A gate whose layer was cut short opens when what is in progress has ended."""
    in_progress = 0
    for op in range(p.gate[number, FIRST_BEHIND], p.gate[number, LAST_BEHIND] + 1):
        code = s.code[slot, op]
        if code == STARTED or code <= CLOSING:
            s.code[slot, op] = CLOSING - number
            in_progress += 1
    s.gate[slot, number, OPEN_LEGS] = in_progress
    if in_progress == 0:
        _close_gate(p, s, rows, slot, number)
