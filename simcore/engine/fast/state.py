"""What the kernel remembers between two calls, and how room for it is made."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from simcore.engine.fast.arrays import (
    FIRST_RESOURCE,
    Int32Array,
    ProgramArrays,
)
from simcore.errors import SimulationError
from simcore.program.table import IntArray

#: A time that never comes.
NEVER = 2**63 - 1

#: Places in `State.clock`.
(
    NOW,
    STAGE,
    ENDED_HOLDS,
    EVENT_BUDGET,
    HEAP_SIZE,
    HOLE,
    NEW_FROM,
    NEW_TO,
    FINISHED,
    FINISHED_NEXT,
    TOLD,
    CHANGED,
    LAUNCHING,
    FREE_RECORD,
    USED_RECORDS,
    FREE_SLOTS,
    ARRIVED,
    SRAM_CAPACITY,
    SRAM_OCCUPIED,
    SRAM_FIRST,
    SRAM_WAITING,
    SRAM_HOLDERS,
    BURSTS_DONE,
    CURRENT_SLOT,
    PENDING_OP,
    PENDING_PS,
    PENDING_ROW,
    ROWS,
    ROW_BASE,
    INSTANT_ROW,
    UNSORTED,
    KEEPS_ROWS,
    TELLS_ALL,
    TELLS_CUT,
    GIVEN_DURATIONS,
    COMMIT_LEVEL,
    DRAFT_LENGTH,
    RECORD_SHIFT,
    FIRST_REQUEST,
    SRAM_CHANGED,
) = range(40)

#: Columns of `State.slot`.
(
    REQUEST,
    BURST_ROW,
    BURST_NUMBER,
    REMAINING,
    UNDECIDED,
    CANCELLED_OPS,
    SLOT_VARIANT,
    SLOT_CANCELS,
    LAUNCH_PS,
) = range(9)

#: Columns of `State.gate`.
OPEN_LEGS, GATE_START_PS, GATE_ROW = range(3)

#: Columns of `State.request`: first burst, how many, the next, slot, SRAM bytes held,
#: when the next burst was ready.
FIRST_BURST, N_BURSTS, NEXT_BURST, SLOT, HELD_BYTES, NEXT_READY_PS = range(6)

#: Columns of `State.unit`: whether it works, the oldest and the youngest node of its
#: queue, and whether the queue is in the list `changed`.
HELD, HEAD, TAIL, IS_CHANGED = range(4)

#: Columns of `State.sums`.
COUNT, SUM_CONTEXT, SUM_COMMITTED, BUSY_PS = range(4)


class State(NamedTuple):
    """Everything that changes.

    `heap_ps` and `heap_who` are a binary heap of the ends of holds; `unit` has a row
    for each resource. `changed` lists resources whose queue may go on, `newly` holds
    operations that became ready and have not been looked at.

    A record is an operation that waits. It has a node in the queue of each of its
    resources: node number = record number << `RECORD_SHIFT` + place of the resource.
    `code`, `duration_ps`, `level_end_ps` and `gate` are by slot:
    a burst takes one when it starts and gives it back when it ends.
    """

    clock: IntArray
    heap_ps: IntArray
    heap_who: IntArray
    unit: Int32Array
    changed: Int32Array
    newly: IntArray
    record_ready_ps: IntArray
    record_key: IntArray
    node_next: Int32Array
    node_before: Int32Array
    finished: Int32Array
    launching: Int32Array
    free_slots: Int32Array
    cut: Int32Array
    slot: IntArray
    code: Int32Array
    duration_ps: IntArray
    level_end_ps: IntArray
    gate: IntArray
    request: IntArray
    arrival: IntArray
    sram_queue: IntArray
    sums: IntArray
    wait_ps: IntArray
    class_busy_ps: IntArray
    class_context: IntArray


def new_state(
    arrays: ProgramArrays,
    n_resources: int,
    n_levels: int,
    bursts: IntArray,
    arrival_ps: IntArray,
    n_slots: int,
) -> State:
    """Nothing has happened yet.

    Parameters
    ----------
    bursts, arrival_ps : ndarray of int64, shape (n_requests,)
        How many bursts every request has, and when it arrives.
    n_slots : int
        Bursts in flight for which there is room.
    """
    n_ops, n_requests = len(arrays.missing), len(bursts)
    request = np.zeros((n_requests, 6), dtype=np.int64)
    request[:, FIRST_BURST] = np.cumsum(bursts) - bursts
    request[:, N_BURSTS] = bursts
    request[:, SLOT] = -1
    order = np.argsort(arrival_ps, kind="stable")
    clock = np.zeros(40, dtype=np.int64)
    clock[FREE_RECORD] = -1
    clock[PENDING_OP] = -1
    return State(
        clock=clock,
        # A walk looks at the children of the last end, and they are not there.
        heap_ps=np.full(2 * n_resources + 3, NEVER, dtype=np.int64),
        heap_who=np.zeros(2 * n_resources + 3, dtype=np.int64),
        unit=np.tile(np.array([0, -1, -1, 0], dtype=np.int32), (n_resources, 1)),
        changed=np.empty(n_resources, dtype=np.int32),
        cut=np.empty(n_ops, dtype=np.int32),
        request=request,
        arrival=np.stack([arrival_ps[order], order], axis=1),
        sram_queue=np.empty(n_requests, dtype=np.int64),
        sums=np.zeros((n_ops, 4), dtype=np.int64),
        wait_ps=np.zeros(n_ops, dtype=np.int64),
        class_busy_ps=np.zeros(len(arrays.class_ns), dtype=np.int64),
        class_context=np.zeros(len(arrays.class_ns), dtype=np.int64),
        **_by_slot(arrays, n_levels, 0, n_slots, clock),
    )


def with_more_slots(state: State, arrays: ProgramArrays, n_slots: int) -> State:
    """The same with room for `n_slots` bursts in flight."""
    before = len(state.slot)
    larger = _by_slot(arrays, state.level_end_ps.shape[1], before, n_slots, state.clock)
    for name, array in larger.items():
        old = getattr(state, name)
        if name != "free_slots":
            array[: len(old)] = old
    return state._replace(**larger)


def _by_slot(
    arrays: ProgramArrays, n_levels: int, before: int, n_slots: int, clock: IntArray
) -> dict[str, np.ndarray]:
    """Arrays that grow with the number of slots; unused memory is never touched."""
    n_ops, n_gates = len(arrays.missing), len(arrays.gate)
    most = int(np.diff(arrays.op[:, FIRST_RESOURCE]).max())
    clock[RECORD_SHIFT] = (most - 1).bit_length()
    n_nodes = n_slots * n_ops << int(clock[RECORD_SHIFT])
    if n_nodes >= 2**31:
        raise SimulationError(
            f"{n_slots} bursts of {n_ops} operations in flight at once are too many"
        )
    # Last in, first out: as few slots as possible are ever touched.
    free = np.empty(n_slots, dtype=np.int32)
    free[: n_slots - before] = np.arange(n_slots - 1, before - 1, -1)
    clock[FREE_SLOTS] = n_slots - before
    return {
        "newly": np.empty(n_slots * n_ops, dtype=np.int64),
        "record_ready_ps": np.empty(n_slots * n_ops, dtype=np.int64),
        "record_key": np.empty(n_slots * n_ops, dtype=np.int64),
        "node_next": np.empty(n_nodes, dtype=np.int32),
        "node_before": np.empty(n_nodes, dtype=np.int32),
        "finished": np.empty(n_slots, dtype=np.int32),
        "launching": np.empty(n_slots, dtype=np.int32),
        "free_slots": free,
        "slot": np.empty((n_slots, 9), dtype=np.int64),
        "code": np.empty((n_slots, n_ops), dtype=np.int32),
        "duration_ps": np.empty((n_slots, len(arrays.class_ns)), dtype=np.int64),
        "level_end_ps": np.empty((n_slots, n_levels), dtype=np.int64),
        "gate": np.empty((n_slots, n_gates, 3), dtype=np.int64),
    }
