"""Operations that wait: a queue for each resource, ordered by age.

Age is (drafts ahead last, ready, request, op_id). The first, third and fourth make up
the key of an operation; a request has one burst in flight, so its number is not needed.
"""

from __future__ import annotations

from simcore.engine.fast.arrays import (
    AHEAD,
    FIRST_RESOURCE,
    FLAGS,
    JOINT,
    RESOURCE,
    ProgramArrays,
)
from simcore.engine.fast.compiled import inlined, place
from simcore.engine.fast.state import (
    CHANGED,
    FREE_RECORD,
    HEAD,
    HELD,
    IS_CHANGED,
    NOW,
    RECORD_SHIFT,
    REQUEST,
    TAIL,
    USED_RECORDS,
    State,
)

#: Where the parts of a key stand; op ids and requests are smaller than 2^30.
_AHEAD_BIT, _REQUEST_BIT = 62, 32
_REQUEST_MASK, _OP_MASK = (1 << 30) - 1, (1 << 32) - 1


@inlined
def key_of(p: ProgramArrays, s: State, slot: int, op: int) -> int:
    """The key of an operation of the burst in `slot`."""
    ahead = 1 if p.op[op, FLAGS] & AHEAD else 0
    request = place(s.slot[slot, REQUEST])
    return (ahead << _AHEAD_BIT) | (request << _REQUEST_BIT) | op


@inlined
def op_of_key(key: int) -> int:
    """The op_id in a key."""
    return place(key)


@inlined
def request_of_key(key: int) -> int:
    """The request in a key."""
    return place(key >> _REQUEST_BIT) & _REQUEST_MASK


@inlined
def is_older(ready: int, key: int, other_ready: int, other_key: int) -> bool:
    """Whether one operation goes before another."""
    ahead, other_ahead = key >> _AHEAD_BIT, other_key >> _AHEAD_BIT
    if ahead != other_ahead:
        return ahead < other_ahead
    if ready != other_ready:
        return ready < other_ready
    return key < other_key


@inlined
def may_start(p: ProgramArrays, s: State, key: int) -> bool:
    """Whether nothing is in the way of an operation that became ready just now."""
    op = op_of_key(key)
    if not p.op[op, FLAGS] & JOINT:
        return _lets_start(s, place(p.op[op, RESOURCE]), key)
    first, last = p.op[op, FIRST_RESOURCE], p.op[op + 1, FIRST_RESOURCE]
    for i in range(place(first), place(last)):
        if not _lets_start(s, place(p.resource[i]), key):
            return False
    return True


@inlined
def _lets_start(s: State, resource: int, key: int) -> bool:
    """Whether a resource is free and none that waits for it is older."""
    if s.unit[resource, HELD]:
        return False
    node = s.unit[resource, HEAD]
    if node < 0:
        return True
    record = place(node >> s.clock[RECORD_SHIFT])
    return not is_older(
        s.record_ready_ps[record], s.record_key[record], s.clock[NOW], key
    )


@inlined
def first_may_start(p: ProgramArrays, s: State, record: int) -> bool:
    """Whether a record stands first in all of its queues and its resources are free."""
    op, shift = op_of_key(s.record_key[record]), s.clock[RECORD_SHIFT]
    first, last = p.op[op, FIRST_RESOURCE], p.op[op + 1, FIRST_RESOURCE]
    for i in range(place(first), place(last)):
        unit = s.unit[place(p.resource[i])]
        if unit[HELD] or unit[HEAD] < 0 or unit[HEAD] >> shift != record:
            return False
    return True


@inlined
def enqueue(p: ProgramArrays, s: State, key: int) -> None:
    """Let an operation that became ready just now wait for its resources."""
    c = s.clock
    record, shift, now = c[FREE_RECORD], c[RECORD_SHIFT], c[NOW]
    if record >= 0:
        c[FREE_RECORD] = s.node_next[record << shift]
    else:
        record = c[USED_RECORDS]
        c[USED_RECORDS] = record + 1
    s.record_ready_ps[record] = now
    s.record_key[record] = key
    op, node = op_of_key(key), record << shift
    first, last = p.op[op, FIRST_RESOURCE], p.op[op + 1, FIRST_RESOURCE]
    for i in range(place(first), place(last)):
        resource = place(p.resource[i])
        # Nearly always the youngest of all.
        before = s.unit[resource, TAIL]
        after = -1
        while before >= 0:
            other = place(before >> shift)
            if is_older(s.record_ready_ps[other], s.record_key[other], now, key):
                break
            after = before
            before = s.node_before[before]
        s.node_before[node] = before
        s.node_next[node] = after
        if before >= 0:
            s.node_next[before] = node
        else:
            s.unit[resource, HEAD] = node
        if after >= 0:
            s.node_before[after] = node
        else:
            s.unit[resource, TAIL] = node
        node += 1


@inlined
def dequeue(p: ProgramArrays, s: State, record: int) -> None:
    """Take a record out of its queues; any change of who is first may matter."""
    op, shift = op_of_key(s.record_key[record]), s.clock[RECORD_SHIFT]
    node = record << shift
    first, last = p.op[op, FIRST_RESOURCE], p.op[op + 1, FIRST_RESOURCE]
    for i in range(place(first), place(last)):
        resource = place(p.resource[i])
        before, after = s.node_before[node], s.node_next[node]
        if before >= 0:
            s.node_next[before] = after
        else:
            s.unit[resource, HEAD] = after
        if after >= 0:
            s.node_before[after] = before
        else:
            s.unit[resource, TAIL] = before
        node += 1
    s.node_next[record << shift] = s.clock[FREE_RECORD]
    s.clock[FREE_RECORD] = record


@inlined
def look_at(s: State, resource: int) -> None:
    """Look at the queue of a resource when grants are next given."""
    if s.unit[resource, HEAD] >= 0 and not s.unit[resource, IS_CHANGED]:
        s.unit[resource, IS_CHANGED] = 1
        s.changed[s.clock[CHANGED]] = resource
        s.clock[CHANGED] += 1


@inlined
def withdraw(p: ProgramArrays, s: State, slot: int, op: int) -> None:
    """Take a cancelled operation out of the queues, if it waits in them."""
    first = p.op[op, FIRST_RESOURCE]
    shift, key = s.clock[RECORD_SHIFT], key_of(p, s, slot, op)
    node = s.unit[p.resource[first], HEAD]
    while node >= 0:
        record = place(node >> shift)
        if s.record_key[record] == key:
            dequeue(p, s, record)
            for i in range(first, p.op[op + 1, FIRST_RESOURCE]):
                look_at(s, place(p.resource[i]))
            return
        node = s.node_next[node]
