"""Queues, Little's law, head-of-line blocking and who waited for whom."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_run import Op, made_up, opened, simulated

from simcore.analysis.time import analyse_time, littles_law
from simcore.analysis.time.blockers import head_of_line_ps
from simcore.analysis.time.queues import queue_steps, queues_of

SCHEDULES = ["serialized", "layer-pipelined"]


@pytest.mark.parametrize("seed", range(20))
def test_the_queue_length_counts_what_is_ready_and_has_not_started(seed):
    rng = np.random.default_rng(seed)
    ready = rng.integers(0, 30, 12)
    start = ready + rng.integers(0, 6, 12)
    steps = queue_steps(ready, start)
    lengths = [int(np.sum((ready <= t) & (t < start))) for t in range(40)]
    place = np.searchsorted(steps.time_ps, np.arange(40), side="right") - 1
    found = np.where(place < 0, 0, steps.length[np.maximum(place, 0)])
    assert found.tolist() == lengths
    assert steps.integral_ps == sum(lengths)
    assert steps.longest == max(lengths)
    assert np.all(np.diff(steps.length, prepend=0) != 0)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("requests", [1, 6])
def test_littles_law_is_exact_on_every_queue_of_a_shared_chip(schedule, requests):
    trace = simulated(f"schedule={schedule}", requests=requests)
    check = littles_law(trace)
    assert check.holds
    assert check.measured == 0
    assert "0 of " in check.detail


def test_littles_law_covers_every_replication_gates_and_sram_room():
    trace = made_up(
        [Op("a"), Op("layer[0]", operation="layer_gate")],
        {0: [{0: (0, 2, 3), 1: (0, 0, 3)}], 5: [{0: (0, 0, 3), 1: (0, 0, 3)}]},
        bursts={(0, 0): {"ready_ps": 0}},
        replications={5: 2},
    )
    assert "0 of 6 queues broken" in littles_law(trace).detail
    names = [name for name, _, _ in queues_of(opened(trace).replication)]
    assert names == ["a", "layer[0]", "sram_room"]


def test_a_hold_that_starts_before_it_is_ready_breaks_littles_law():
    trace = made_up([Op("a")], {0: [{0: (4, 2, 5)}]})
    check = littles_law(trace)
    assert not check.holds
    assert "first at replication 0, a: shorter than empty" in check.detail


def test_mean_length_longest_and_mean_wait_by_hand():
    # Two wait for the one that holds `a` until 10; the second goes at 12.
    trace = made_up(
        [Op("a")],
        {0: [{0: (0, 0, 10)}], 1: [{0: (0, 10, 12)}], 2: [{0: (5, 12, 20)}]},
    )
    (queue,) = analyse_time(trace, n_bins=2).queues.values()
    assert queue["wait_ps"] == 10 + 7
    assert queue["mean_wait_ps"] == 17 / 3
    assert queue["mean_length"] == 17 / 20
    assert queue["longest"] == 2
    assert queue["waiting_holds"] == 2
    # 0..10: one from 0, another from 5; 10..20: one until 12.
    assert queue["mean_length_over_time"] == [1.5, 0.2]


def test_bursts_that_wait_for_sram_room_are_a_queue():
    trace = made_up([Op("a")], {0: [{0: (6, 6, 8)}]}, bursts={(0, 0): {"ready_ps": 2}})
    queue = analyse_time(trace).queues["sram_room"]
    assert queue["wait_ps"] == 4
    assert littles_law(trace).holds


#: Request 1 needs both and waits for `a`; request 2 needs `b`, which is free.
RESERVED = [Op("a"), Op("a b"), Op("b")]
RESERVED_TIMES = {
    0: [{0: (0, 0, 10)}],
    1: [{1: (1, 10, 12)}],
    2: [{2: (2, 12, 15)}],
}


def test_waiting_although_all_is_free_is_head_of_line_blocking():
    trace = made_up(RESERVED, RESERVED_TIMES)
    found = opened(trace)
    blocked = head_of_line_ps(found.replication)
    request = found.replication.bursts["request"][found.replication.slot]
    # From 2 to 10 `b` is free; from 10 request 1 really holds it.
    assert blocked[request == 2].tolist() == [8]
    assert not blocked[request != 2].any()
    result = analyse_time(trace)
    assert result.head_of_line == {"holds": 1, "wait_ps": 8}
    assert result.queues["b"]["head_of_line_ps"] == 8
    assert result.queues["b"]["head_of_line_holds"] == 1


def test_the_blocker_is_who_held_the_resource_until_the_start():
    found = opened(made_up(RESERVED, RESERVED_TIMES))
    n_ops = found.replication.structure.n_ops
    blocker = found.blockers.hold
    # Slots are requests here: hold of op 1 in slot 1 waits for op 0 in slot 0.
    assert blocker[1 * n_ops + 1] == 0 * n_ops + 0
    assert blocker[2 * n_ops + 2] == 1 * n_ops + 1
    assert np.count_nonzero(blocker >= 0) == 2


def test_a_wait_that_no_hold_explains_was_for_a_reservation():
    # Request 1 was cancelled while it waited: nobody held `b` until 7.
    times = {0: [{0: (0, 0, 10)}], 2: [{2: (2, 7, 9)}]}
    result = analyse_time(made_up(RESERVED, times))
    (cell,) = result.stalls["cells"]
    assert (cell["relation"], cell["blocking"], cell["wait_ps"]) == ("reserved", "", 5)
    assert result.request_paths["by_phase"]["waiting: reserved"] == 5


def test_of_two_blockers_the_own_one_comes_first():
    # The joint hold of request 0 waits for both, which end together.
    ops = [Op("a"), Op("b"), Op("a b")]
    times = {0: [{1: (0, 0, 5), 2: (0, 5, 6)}], 1: [{0: (0, 0, 5)}]}
    result = analyse_time(made_up(ops, times))
    (cell,) = result.stalls["cells"]
    assert (cell["relation"], cell["resource_kind"]) == ("own", "b")


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_the_matrix_of_stalls_sums_to_all_waits(schedule):
    trace = simulated(f"schedule={schedule}", requests=5)
    stalls = analyse_time(trace).stalls
    waits = sum(
        row["start_ps"] - row["ready_ps"]
        for row in trace.event_rows
        if row["resource_index"] == 0
    )
    assert stalls["total_ps"] == waits > 0
    assert sum(cell["wait_ps"] for cell in stalls["cells"]) == waits
    assert {cell["relation"] for cell in stalls["cells"]} >= {"own", "other"}


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_wait_of_a_shared_chip_has_a_blocker_that_ended_then(schedule):
    found = opened(simulated(f"schedule={schedule}", requests=5))
    holds, blocker = found.holds, found.blockers.hold
    waits = np.flatnonzero(holds.start_ps > holds.ready_ps)
    assert waits.size
    assert np.all(blocker[waits] >= 0)
    assert np.array_equal(holds.end_ps[blocker[waits]], holds.start_ps[waits])
    assert np.all(blocker[holds.start_ps == holds.ready_ps] == -1)
