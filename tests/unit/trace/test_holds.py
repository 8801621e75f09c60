"""Do holds of operations become the right rows in the right order?"""

from __future__ import annotations

import numpy as np
import pytest
from synthetic_run import N_OPERATIONS, ROW_INDEX, ROW_OP, holds, rows_of

from simcore.trace.holds import HoldExpansion
from simcore.trace.memory import MemoryRecorder
from simcore.trace.recorder import NullRecorder, Recorder
from simcore.trace.schema import EVENTS_ORDER, EVENTS_SCHEMA


def i64(*values: int) -> np.ndarray:
    return np.array(values, dtype=np.int64)


def recorded(recorder: Recorder, order: list[tuple[int, int]], flush: bool) -> None:
    """Two requests that overlap; request 1 runs 50 ps behind request 0."""
    for place, (request, burst) in enumerate(order):
        ready, start, duration = holds((request, burst), burst * 60_000 + request * 50)
        recorder.record_burst(0, request, burst, ready, start, duration)
        if flush:
            rest = [b for _, b in order[place + 1 :]]
            recorder.flush_before(min(rest, default=9) * 60_000)
    recorder.end_replication(0)


def test_rows_are_sorted_by_start_request_burst_operation_and_resource() -> None:
    memory = MemoryRecorder(ROW_OP, ROW_INDEX)
    recorded(memory, [(0, 0), (1, 0), (0, 1), (1, 1)], flush=False)
    rows = rows_of(memory.table(), *EVENTS_ORDER)
    assert rows == sorted(rows)
    assert len(rows) == 4 * ROW_OP.size


def test_equal_starts_are_ordered_by_request_then_burst_then_operation() -> None:
    memory = MemoryRecorder([0, 1], [0, 0])
    for request, burst in ((1, 0), (0, 1), (0, 0)):
        memory.record_burst(0, request, burst, i64(5, 5), i64(5, 5), i64(0, 0))
    memory.end_replication(0)
    assert rows_of(memory.table(), "request", "burst", "op_id") == [
        (0, 0, 0), (0, 0, 1), (0, 1, 0), (0, 1, 1), (1, 0, 0), (1, 0, 1),
    ]  # fmt: skip


@pytest.mark.parametrize("flush", [False, True])
def test_order_of_recording_and_flushing_do_not_change_the_rows(flush: bool) -> None:
    orders = [[(0, 0), (1, 0), (0, 1), (1, 1)], [(1, 0), (0, 0), (1, 1), (0, 1)]]
    tables = []
    for order in orders:
        memory = MemoryRecorder(ROW_OP, ROW_INDEX)
        recorded(memory, order, flush)
        tables.append(memory.table().combine_chunks())
    whole = MemoryRecorder(ROW_OP, ROW_INDEX)
    recorded(whole, orders[0], flush=False)
    assert tables[0].equals(tables[1])
    assert tables[0].equals(whole.table().combine_chunks())


def test_a_hold_on_several_resources_is_one_row_each_with_equal_times() -> None:
    memory = MemoryRecorder([0, 1, 1, 1], [0, 0, 1, 2])
    memory.record_burst(3, 2, 1, i64(0, 4), i64(0, 9), i64(4, 6))
    memory.end_replication(3)
    table = memory.table()
    assert table.schema.equals(EVENTS_SCHEMA)
    assert rows_of(table, *EVENTS_SCHEMA.names) == [
        (3, 2, 1, 0, 0, 0, 0, 4, None),
        (3, 2, 1, 1, 0, 4, 9, 6, None),
        (3, 2, 1, 1, 1, 4, 9, 6, None),
        (3, 2, 1, 1, 2, 4, 9, 6, None),
    ]


def test_activates_are_counted_once_per_hold() -> None:
    memory = MemoryRecorder([0, 0, 1], [0, 1, 0])
    counts = np.array([7, 2], dtype=np.int32)
    memory.record_burst(0, 0, 0, i64(0, 1), i64(0, 1), i64(1, 1), counts)
    memory.end_replication(0)
    assert memory.table()["activates"].to_pylist() == [7, 0, 2]


def test_a_span_longer_than_its_burst_keeps_its_own_duration() -> None:
    memory = MemoryRecorder([0, 1, 2], [0, 0, 0])
    memory.record_burst(0, 0, 0, i64(0, 0, 10), i64(0, 0, 10), i64(30, 10, 20))
    memory.flush_before(5)
    memory.end_replication(0)
    assert rows_of(memory.table(), "op_id", "start_ps", "duration_ps") == [
        (0, 0, 30), (1, 0, 10), (2, 10, 20),
    ]  # fmt: skip


def test_flushing_hands_on_only_what_starts_before_the_watermark() -> None:
    memory = MemoryRecorder([0, 1], [0, 0])
    memory.record_burst(0, 0, 0, i64(0, 10), i64(0, 10), i64(10, 5))
    memory.flush_before(10)
    assert memory.table()["start_ps"].to_pylist() == [0]
    memory.end_replication(0)
    assert memory.table()["start_ps"].to_pylist() == [0, 10]


def test_a_program_without_operations_gives_no_rows() -> None:
    memory = MemoryRecorder([], [])
    memory.record_burst(0, 0, 0, i64(), i64(), i64())
    memory.end_replication(0)
    assert memory.table().num_rows == 0


def test_the_null_recorder_fits_the_protocol_and_keeps_nothing() -> None:
    recorder: Recorder = NullRecorder()
    recorded(recorder, [(0, 0), (1, 0)], flush=True)
    assert vars(recorder) == {}


@pytest.mark.parametrize(
    ("op", "index", "message"),
    [
        ([0, 2], [0, 0], "operation 1 holds no resource"),
        ([0, 0], [0, 2], "must be 0, 1, 2"),
        ([0, 0], [0, 0], "must be 0, 1, 2"),
        ([-1, 0], [0, 0], "must not be negative"),
        ([0, 1], [0], "same length"),
    ],
)
def test_rows_that_do_not_number_the_resources_are_refused(
    op: list[int], index: list[int], message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        HoldExpansion(op, index)


def test_program_rows_may_come_in_any_order() -> None:
    hold, index = HoldExpansion([1, 0, 1], [1, 0, 0]).rows(np.array([1, 0], dtype="i4"))
    assert hold is not None
    assert hold.tolist() == [0, 0, 1]
    assert index.tolist() == [0, 1, 0]


def test_a_burst_before_the_promised_time_is_refused() -> None:
    memory = MemoryRecorder([0], [0])
    memory.flush_before(100)
    with pytest.raises(ValueError, match="starts at 99 ps, before the promised 100 ps"):
        memory.record_burst(0, 0, 0, i64(0), i64(99), i64(1))
    memory.record_burst(0, 0, 0, i64(0), i64(100), i64(1))


def test_a_new_replication_starts_its_clock_at_zero() -> None:
    memory = MemoryRecorder([0], [0])
    for replication in (0, 1):
        memory.record_burst(replication, 0, 0, i64(0), i64(0), i64(1))
        memory.flush_before(50)
        memory.end_replication(replication)
    assert memory.table()["replication"].to_pylist() == [0, 1]


def test_replications_out_of_turn_are_refused() -> None:
    memory = MemoryRecorder([0], [0])
    memory.record_burst(1, 0, 0, i64(0), i64(0), i64(1))
    for other in (0, 2):
        with pytest.raises(ValueError, match=f"replication {other} is out of turn"):
            memory.record_burst(other, 0, 0, i64(0), i64(0), i64(1))
    memory.end_replication(1)
    with pytest.raises(ValueError, match="replication 1 is out of turn"):
        memory.record_burst(1, 0, 0, i64(0), i64(0), i64(1))


@pytest.mark.parametrize(
    ("ready", "start", "duration", "message"),
    [
        (i64(2), i64(1), i64(1), "starts before it is ready"),
        (i64(0), i64(1), i64(-1), "negative length"),
        (i64(0, 0), i64(0, 0), i64(0, 0), "shape"),
        (i64(0), np.array([0.5]), i64(1), "start_ps must be int64"),
    ],
)
def test_impossible_holds_are_refused(
    ready: np.ndarray, start: np.ndarray, duration: np.ndarray, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        MemoryRecorder([0], [0]).record_burst(0, 0, 0, ready, start, duration)


def test_a_burst_recorded_twice_is_refused() -> None:
    memory = MemoryRecorder(ROW_OP, ROW_INDEX)
    arrays = holds((0, 0))
    assert arrays[0].shape == (N_OPERATIONS,)
    memory.record_burst(0, 0, 0, *arrays)
    with pytest.raises(ValueError, match="burst 0 of request 0 is recorded twice"):
        memory.record_burst(0, 0, 0, *arrays)


def test_activates_for_some_bursts_only_are_refused() -> None:
    memory = MemoryRecorder([0], [0])
    memory.record_burst(0, 0, 0, i64(0), i64(0), i64(1), np.array([1], dtype="i4"))
    memory.record_burst(0, 0, 1, i64(0), i64(0), i64(1))
    with pytest.raises(ValueError, match="for every burst or for none"):
        memory.end_replication(0)
