"""Who goes first when several could: by age, never by SimPy's own sequence (A1)."""

from __future__ import annotations

import pytest
from hand_table import HoldKeeper, Op, hand_program, outcome, simulated

from simcore.engine.burst_run import BurstRun, hold_durations_ps
from simcore.engine.chip import Chip
from simcore.engine.clock import Clock
from simcore.engine.simulate import simulate_replication
from simcore.program.decisions import Cancellation

ELSEWHERE = "dpu[9]"


def test_the_longest_ready_goes_first() -> None:
    ops = [Op(ELSEWHERE), Op("hbm", after=(0,))]
    # Request 0 keeps HBM until 100; 2 is ready at 40, 1 only at 90.
    program = hand_program(ops, {0: [0, 100], 1: [50, 7], 2: [40, 9]})
    holds = simulated(program, {0: [0], 1: [2], 2: [1]})
    assert [holds[r, 0].ready[1] for r in range(3)] == [0, 40, 90]
    assert [holds[r, 0].start[1] for r in range(3)] == [0, 100, 109]


def test_an_older_operation_of_a_higher_request_goes_first() -> None:
    ops = [Op("dpu[0]"), Op("hbm", after=(0,))]
    times = {0: [0, 100], 1: [0, 1], 2: [30, 1]}
    # Request 1 is busy for 30 ps before its HBM leg; request 2 asks at 30 too, and
    # request 3, behind it on the DPU, not before.
    holds = simulated(hand_program(ops, times), {0: [0], 1: [2], 2: [1], 3: [1]})
    assert [holds[r, 0].ready[1] for r in range(4)] == [0, 30, 30, 30]
    assert [holds[r, 0].start[1] for r in range(4)] == [0, 100, 101, 102]


def test_equally_ready_requests_go_by_number() -> None:
    program = hand_program([Op("hbm")], {0: [5]})
    for order in ([0, 1, 2], [2, 1, 0], [1, 2, 0]):
        holds = simulated(program, {request: [0] for request in order})
        assert [holds[r, 0].start for r in range(3)] == [[0], [5], [10]]


def test_equally_ready_operations_of_a_burst_go_by_number() -> None:
    ops = [Op("hbm"), Op("dpu[0]"), Op("hbm"), Op("hbm")]
    holds = simulated(hand_program(ops, {0: [5, 1, 6, 7]}), {0: [0]})[0, 0]
    assert holds.start == [0, 0, 5, 11]


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_equally_ready_bursts_go_by_request_then_burst(order: tuple[int, ...]) -> None:
    """Launched in any sequence at one instant."""
    program = hand_program([Op("hbm")], {0: [5]})
    clock = Clock()
    chip = Chip(clock, program)
    keys = [(0, 3), (1, 0), (1, 1), (2, 0)]
    runs = {}
    for number in order:
        request, burst = keys[number]
        durations = hold_durations_ps(program.table, outcome(0))
        run = BurstRun(clock, program.table, request, burst, outcome(0), durations)
        runs[request, burst] = run
        chip.launch(run)
    clock.run()
    assert [runs[key].start_ps for key in keys] == [[0], [5], [10], [15]]


def test_a_waiting_hold_reserves_all_its_resources_against_younger_ones() -> None:
    ops = [
        Op("A2[0]"),
        Op(("A1[0]", "A2[0]")),
        Op("A1[0]"),
    ]
    holds = simulated(hand_program(ops, {0: [10, 5, 3]}), {0: [0]})[0, 0]
    # A1 is free from the start, but the joint hold is older.
    assert holds.start == [0, 10, 15]


def test_an_older_hold_is_not_hindered_by_a_younger_reservation() -> None:
    ops = [
        Op("A2[0]"),
        Op("A1[0]"),
        Op(("A1[0]", "A2[0]")),
    ]
    holds = simulated(hand_program(ops, {0: [10, 12, 5]}), {0: [0]})[0, 0]
    assert holds.start == [0, 0, 12]


def test_reservations_chain() -> None:
    """What waits for a reserved resource reserves its own as well."""
    ops = [
        Op("A1[0]"),
        Op(("A1[0]", "A2[0]")),
        Op(("A2[0]", "dac[0]")),
        Op("dac[0]"),
    ]
    holds = simulated(hand_program(ops, {0: [10, 4, 3, 2]}), {0: [0]})[0, 0]
    assert holds.start == [0, 10, 14, 17]


def test_a_reservation_ends_with_the_wait() -> None:
    ops = [
        Op("A2[0]"),
        Op(("A1[0]", "A2[0]")),
        Op("A1[0]", after=(1,)),
        Op("A2[0]", after=(1,)),
    ]
    holds = simulated(hand_program(ops, {0: [10, 5, 3, 2]}), {0: [0]})[0, 0]
    assert holds.start == [0, 10, 15, 15]


def test_resources_are_released_before_any_is_granted() -> None:
    """Two holds end and two begin at one instant, crosswise."""
    ops = [
        Op("A1[0]"),
        Op("A2[0]"),
        Op("A2[0]", after=(0,)),
        Op("A1[0]", after=(1,)),
        Op(("A1[0]", "A2[0]"), after=(2, 3)),
    ]
    holds = simulated(hand_program(ops, {0: [10, 10, 4, 4, 1]}), {0: [0]})[0, 0]
    assert holds.start == [0, 0, 10, 10, 14]


def test_an_arriving_hold_does_not_overtake_one_that_waits() -> None:
    ops = [Op(ELSEWHERE), Op("hbm", after=(0,))]
    # HBM is released at 50; request 2 arrives at that instant, request 1 waits.
    program = hand_program(ops, {0: [0, 50], 1: [20, 5], 2: [30, 5]})
    holds = simulated(program, {0: [0], 1: [1], 2: [2]})
    assert [holds[r, 0].ready[1] for r in range(3)] == [0, 20, 50]
    assert [holds[r, 0].start[1] for r in range(3)] == [0, 50, 55]


# -- holds of no duration ---------------------------------------------------------


def test_holds_of_no_duration_are_kept() -> None:
    ops = [Op("dpu[0]"), Op("hbm", after=(0,)), Op("dpu[0]", after=(1,))]
    holds = simulated(hand_program(ops, {0: [0, 0, 0], 1: [0, 4, 0]}), {0: [0, 1]})
    assert (holds[0, 0].start, holds[0, 0].duration) == ([0, 0, 0], [0, 0, 0])
    assert (holds[0, 1].start, holds[0, 1].duration) == ([0, 0, 4], [0, 4, 0])


def test_a_resource_serves_any_number_of_them_at_one_instant() -> None:
    program = hand_program([Op("hbm")], {0: [0], 1: [3]})
    holds = simulated(program, {0: [0], 1: [1], 2: [0], 3: [0]})
    assert [holds[r, 0].start for r in range(4)] == [[0], [0], [3], [3]]


def test_they_wait_for_a_busy_resource_like_any_other() -> None:
    ops = [Op("hbm"), Op("dpu[0]"), Op("hbm", after=(1,)), Op("dpu[0]", after=(2,))]
    holds = simulated(hand_program(ops, {0: [8, 3, 0, 1]}), {0: [0]})[0, 0]
    assert holds.ready == [0, 0, 3, 8]
    assert holds.start == [0, 0, 8, 8]


def test_what_they_make_ready_comes_after_what_was_ready_at_the_instant() -> None:
    """Holds that end release first; only then is a hold of no duration granted.

    At 5 both DPUs end. The HBM hold behind the second one is ready at once and is
    granted; the one behind a hold of no duration becomes ready only after that,
    although its number is lower.
    """
    ops = [
        Op("dpu[0]"),
        Op("dpu[1]"),
        Op("control[0]", after=(0,)),
        Op("hbm", after=(2,)),
        Op("hbm", after=(1,)),
    ]
    holds = simulated(hand_program(ops, {0: [5, 5, 0, 3, 4]}), {0: [0]})[0, 0]
    assert holds.ready == [0, 0, 5, 5, 5]
    assert holds.start == [0, 0, 5, 9, 5]


def test_a_gate_may_open_and_close_at_one_instant() -> None:
    ops = [Op("layer[0]", name="layer_gate"), Op("dpu[0]", after=(0,), gate=0)]
    holds = simulated(hand_program(ops, {0: [0, 0]}), {0: [0], 1: [0]})
    assert holds[0, 0].duration == holds[1, 0].duration == [0, 0]
    assert holds[1, 0].start == [0, 0]


# -- room and cancellation at one instant ------------------------------------------


def test_room_goes_by_age_among_all_who_ask_at_the_instant_of_its_release() -> None:
    """Request 1 ends at 5 by a hold of no duration, after all else at that instant.

    Request 2 has ended at 5 before it and waits for room with its next burst. What
    request 1 releases is for its own next burst all the same: equally old, and first
    by number.
    """
    ops = [Op("sram[0]"), Op("hbm", after=(0,)), Op("A1[0]", after=(1,))]
    times = {1: [2, 2, 0], 2: [1, 1, 3], 3: [40, 1, 1], 4: [1, 1, 1]}
    program = hand_program(ops, times, burst_bytes=10, capacity_bytes=20)
    bursts = simulate_replication(
        program,
        {1: [outcome(1), outcome(4)], 2: [outcome(2), outcome(4)], 3: [outcome(3)]},
        HoldKeeper(),
        arrivals_ps={1: 1, 3: 2},
    )
    spans = {(b.request, b.burst): (b.start_ps, b.end_ps) for b in bursts}
    assert spans[1, 0] == (1, 5)
    assert spans[2, 0] == (0, 5)
    assert spans[3, 0][0] == 5
    assert spans[1, 1][0] == 5
    assert spans[2, 1][0] > 5


def cancelled_at_10(
    ops: list[Op], times: list[int], cancelled: int, decides: int = 0
) -> BurstRun:
    """One burst; the end of one of its operations, at 10, cancels another."""
    program = hand_program(ops, {0: times})
    clock = Clock()
    chip = Chip(clock, program)
    decisions = (Cancellation(after=(decides,), operations=(cancelled,)),)
    durations = hold_durations_ps(program.table, outcome(0))
    run = BurstRun(clock, program.table, 0, 0, outcome(0), durations, decisions)
    chip.launch(run)
    clock.run()
    assert chip.waiting == []
    assert chip.in_flight == []
    return run


def test_a_reservation_ends_when_what_waits_is_cancelled() -> None:
    """Nothing is released at 10 that the younger hold needs: it was only reserved."""
    ops = [Op("dpu[0]"), Op("hbm"), Op(("hbm", "A2[0]")), Op("A2[0]")]
    run = cancelled_at_10(ops, [10, 50, 7, 5], cancelled=2)
    assert run.executed().tolist() == [True, True, False, True]  # type: ignore[union-attr]
    assert (run.ready_ps[3], run.start_ps[3]) == (0, 10)


def test_what_waits_behind_a_cancelled_hold_starts_when_the_block_is_free() -> None:
    ops = [Op("dpu[0]"), Op("hbm"), Op("hbm"), Op("hbm")]
    run = cancelled_at_10(ops, [10, 50, 7, 5], cancelled=2)
    assert run.start_ps[3] == 50


@pytest.mark.parametrize("decides", [0, 1])
def test_what_becomes_ready_at_the_instant_of_its_cancellation_never_starts(
    decides: int,
) -> None:
    """Two holds end at 10: one makes operation 2 ready, the other cancels it."""
    other = 1 - decides
    ops = [
        Op("dpu[0]"),
        Op("hbm"),
        Op("A1[0]", after=(other,)),
        Op("A1[0]", after=(decides,)),
    ]
    run = cancelled_at_10(ops, [10, 10, 7, 5], cancelled=2, decides=decides)
    assert run.executed().tolist() == [True, True, False, True]  # type: ignore[union-attr]
    assert run.start_ps[3] == 10


def test_an_operation_after_a_cancelled_one_becomes_ready_with_the_decision() -> None:
    ops = [Op("dpu[0]"), Op("hbm"), Op("hbm"), Op("A1[0]", after=(2,))]
    run = cancelled_at_10(ops, [10, 50, 7, 5], cancelled=2)
    assert (run.ready_ps[3], run.start_ps[3]) == (10, 10)
