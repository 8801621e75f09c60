"""The compiled engine: its edges, its errors, and that a difference would show."""

from __future__ import annotations

import dataclasses
import importlib
import subprocess
import sys
from typing import Any

import numpy as np
import pytest
from both_engines import Input, by_kernel, by_reference, differences
from hand_table import CROSSWISE, Op, hand_program
from test_several_requests import random_program, shared_chip

from simcore.config.load import load_scenario
from simcore.engine import fast
from simcore.engine.fast import compiled, row_buffer, run
from simcore.engine.fast.engine import FastEngine
from simcore.errors import SimulationError
from simcore.program.burst import BurstProgram, scenario_program
from simcore.program.outcomes import BurstOutcome, OutcomeDraws, OutcomeTable
from simcore.program.table import OperationTable
from simcore.trace.hold_sums import HoldSums

GATE = "layer_gate"


def table_of(*requests: list[int], first: int = 0) -> OutcomeTable:
    """Requests given by the context lengths of their bursts."""
    return OutcomeTable.of(
        first,
        [[BurstOutcome(c, 0, 1) for c in contexts] for contexts in requests],
    )


def given_by(program: BurstProgram, outcomes: OutcomeTable, **more: Any) -> Any:
    """What both engines give, which is the same."""
    given = Input(program, outcomes, **more)
    assert not differences(given)
    return by_kernel(given)


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_random_graphs_give_the_same(first: int) -> None:
    for seed in range(first, first + 100):
        program, requests = random_program(seed)
        outcomes = OutcomeTable.of(seed, list(requests.values()))
        assert not differences(Input(program, outcomes)), seed


@pytest.mark.parametrize("streams", [1, 3, 20])
@pytest.mark.parametrize("schedule", ["serialized", "layer-pipelined", "prefetch"])
def test_requests_on_one_chip_give_the_same(schedule: str, streams: int) -> None:
    program = shared_chip(schedule)
    scenario = load_scenario("tiny", ["workload.draft_length=2"])
    outcomes = OutcomeDraws(scenario).table(range(7, 7 + streams))
    assert not differences(Input(program, outcomes, replication=3))


# -- instants --------------------------------------------------------------------------


def test_holds_of_no_duration_end_at_the_instant_they_start() -> None:
    ops = [Op("dpu[0]"), Op("dpu[0]", after=(0,)), Op("sram[0]", after=(1,))]
    given = given_by(hand_program(ops, {0: [0, 0, 0]}), table_of([0, 0], [0]))
    assert set(given.columns["rows.start_ps"]) == {0}
    # All at time 0: by request, burst and operation.
    assert given.columns["rows.request"] == [0] * 6 + [1] * 3
    assert given.columns["rows.burst"] == [0] * 3 + [1] * 3 + [0] * 3


def test_many_ends_at_one_instant_in_any_order_of_resources() -> None:
    ops = [
        *(Op(f"dpu[{i}]") for i in range(12)),
        *(Op(f"dpu[{11 - i}]", after=(i, (i + 5) % 12)) for i in range(12)),
        Op("hbm", after=tuple(range(12, 24))),
    ]
    times = {0: [7] * 12 + [3, 3, 0] * 4 + [1]}
    given_by(hand_program(ops, times), table_of([0, 0], [0], [0]))


def test_a_joint_hold_keeps_its_turn_against_younger_ones() -> None:
    ops = [
        Op("sram[0]"),
        Op(("A1[0]", "sram[0]")),
        Op("A1[0]"),
        Op("A1[0]", after=(0,)),
    ]
    given = given_by(hand_program(ops, {0: [9, 5, 2, 2]}), table_of([0]))
    rows = zip(given.columns["rows.op_id"], given.columns["rows.start_ps"], strict=True)
    assert dict(rows) == {0: 0, 1: 9, 2: 14, 3: 16}


# -- gates -----------------------------------------------------------------------------


@pytest.mark.parametrize("last", [0, 4])
def test_a_gate_is_open_until_the_last_of_its_legs_has_ended(last: int) -> None:
    ops = [
        Op("layer[0]", name=GATE),
        Op("dpu[0]", after=(0,)),
        Op("sram[0]", after=(1,), gate=0),
        Op("fabric_read[0]", after=(1,), gate=0),
        Op("layer[0]", name=GATE),
        Op("dpu[0]", after=(4,), gate=4),
    ]
    program = hand_program(ops, {0: [0, 3, last, 4, 0, last]})
    given = given_by(program, table_of([0], [0, 0]))
    row = given.columns["rows.op_id"].index(0)
    assert given.columns["rows.duration_ps"][row] == 7


def test_a_gate_that_closes_at_the_instant_it_opened() -> None:
    ops = [
        Op("layer[0]", name=GATE),
        Op("dpu[0]", after=(0,), gate=0),
        Op("layer[0]", name=GATE),
        Op("dpu[0]", after=(2,), gate=2),
    ]
    given_by(hand_program(ops, {0: [0] * 4}), table_of([0, 0], [0], [0]))


def test_a_gate_that_outlives_many_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Rows behind it wait for its duration, and the buffer grows."""
    monkeypatch.setattr(row_buffer, "CHUNK_ROWS", 8)
    ops = [
        Op("layer[0]", name=GATE),
        Op("hbm", after=(0,), gate=0),
        *(Op("dpu[0]", after=(i - 1,) if i > 2 else ()) for i in range(2, 60)),
    ]
    given = given_by(hand_program(ops, {0: [0, 1000, *[1] * 58]}), table_of([0, 0]))
    assert given.columns["rows.duration_ps"].count(1000) == 4


def test_chunks_are_of_one_size_and_not_written_to_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(row_buffer, "CHUNK_ROWS", 500)
    program = shared_chip("layer-pipelined")
    scenario = load_scenario("tiny", ["workload.draft_length=2"])
    chunks, copies = [], []

    def take(rows: Any) -> None:
        chunks.append(rows)
        copies.append([np.copy(column) for column in rows.integers()])

    FastEngine(program).simulate(OutcomeDraws(scenario).table(range(4)), take_rows=take)
    assert len(chunks) > 5
    for rows, kept in zip(chunks, copies, strict=True):
        assert 0 < len(rows.op_id) <= 504
        for column, copy in zip(rows.integers(), kept, strict=True):
            assert np.array_equal(column, copy)


# -- SRAM and slots --------------------------------------------------------------------


@pytest.mark.parametrize("capacity", [10, 25, 40, 1000])
def test_bursts_wait_for_room_in_the_order_of_age(capacity: int) -> None:
    program = hand_program(
        [Op("dpu[0]"), Op("sram[0]", after=(0,))],
        {c: [5 - c, 2] for c in range(4)},
        burst_bytes=10,
        capacity_bytes=capacity,
    )
    program.__dict__["cached_bytes_per_token"] = 5
    outcomes = table_of([0, 1, 2], [3, 0], [1, 1], [0], [2, 2], first=40)
    arrivals = {40: 4, 41: 2, 43: 2}
    found = differences(Input(program, outcomes, arrivals))
    assert not found


def test_room_for_more_bursts_in_flight_is_made_as_they_come(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run, "_FIRST_SLOTS", 1)
    program = shared_chip("layer-pipelined")
    scenario = load_scenario("tiny", ["workload.draft_length=2"])
    outcomes = OutcomeDraws(scenario).table(range(11))
    assert not differences(Input(program, outcomes, {3: 10, 4: 10**6}))


# -- errors ----------------------------------------------------------------------------


def error_of(program: BurstProgram, outcomes: OutcomeTable, **more: Any) -> str:
    given = Input(program, outcomes, **more)
    assert not differences(given)
    error = by_kernel(given).error
    assert error is not None
    return error


def test_a_deadlock_is_worded_by_the_reference() -> None:
    ops = [Op("dpu[0]", after=(1,), name="norm"), Op("hbm", after=(0,), name="read")]
    text = error_of(hand_program(ops, {0: [1, 1]}), table_of([0], [0]))
    assert text.startswith("SimulationError deadlock at t=0 ps: 2 unfinished requests")


def test_two_layers_entered_crosswise_hang() -> None:
    program = hand_program(CROSSWISE, {0: [0] * 8})
    assert "deadlock" in error_of(program, table_of([0]))


def test_a_reservation_beyond_the_capacity_hangs() -> None:
    program = hand_program(
        [Op("dpu[0]")], {0: [5], 1: [5]}, burst_bytes=10, capacity_bytes=100
    )
    program.__dict__["cached_bytes_per_token"] = 95
    text = error_of(program, table_of([0], [0, 1]))
    assert "request 1 burst 1 waits for 105 bytes of SRAM (0 of 100 held)" in text


def test_drafts_that_no_burst_follows_keep_their_room() -> None:
    program = hand_program([Op("dpu[0]")], {0: [5]}, burst_bytes=1)
    outcomes = OutcomeTable.of(0, [[BurstOutcome(0, 1, 1, ahead_survives=True)]])
    assert "0 unfinished requests" in error_of(program, outcomes)


def test_an_impossible_duration_is_refused_in_the_words_of_the_reference() -> None:
    program = scenario_program(load_scenario("tiny"))
    table = program.table
    base = table.duration[0].copy()
    base[5] = -1e9
    program.__dict__["table"] = dataclasses.replace(table)
    program.table.__dict__["duration"] = (base, *table.duration[1:])
    text = error_of(program, table_of([5]))
    assert text.startswith("ValueError a duration is negative, not a number, infinite")


def test_the_event_budget_counts_holds_that_ended() -> None:
    program = hand_program([Op("dpu[0]")], {0: [5]})
    engine = FastEngine(program, event_budget=3)
    engine.simulate(table_of([0, 0, 0]))
    message = r"^event budget of 3 events spent at t=20 ps$"
    with pytest.raises(SimulationError, match=message):
        engine.simulate(table_of([0] * 9))


def test_a_defect_of_the_kernel_would_be_called_one(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(run.Run, "is_complete", property(lambda _: False))
    program = hand_program([Op("dpu[0]")], {0: [5]})
    message = "stopped in replication 8, where the SimPy engine does not: a defect"
    with pytest.raises(SimulationError, match=message):
        FastEngine(program).simulate(table_of([0]), replication=8)


# -- sums ------------------------------------------------------------------------------


def test_sums_are_added_to_what_there_is() -> None:
    program = shared_chip("layer-pipelined")
    outcomes = table_of([5, 6], [7])
    once, twice = (HoldSums.empty(len(program.table)) for _ in range(2))
    engine = FastEngine(program)
    engine.simulate(outcomes, sums=once)
    for _ in range(2):
        engine.simulate(outcomes, sums=twice)
    assert once.bursts == 3
    assert twice.bursts == 6
    assert once.busy_ps.sum() > 0
    assert np.array_equal(2 * once.busy_ps, twice.busy_ps)
    assert np.array_equal(2 * once.wait_ps, twice.wait_ps)


# -- that a difference would show ------------------------------------------------------


def test_a_duration_that_is_a_picosecond_off_shows(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program = shared_chip("layer-pipelined")
    outcomes = table_of([5], [6])
    given = by_reference(Input(program, outcomes))
    true = OperationTable.duration.func  # type: ignore[attr-defined]

    def wrong(table: OperationTable) -> Any:
        base, *rest = true(table)
        base[20] += 0.001
        return base, *rest

    planted = dataclasses.replace(program)
    planted.__dict__["table"] = dataclasses.replace(program.table)
    planted.table.__dict__["duration"] = wrong(planted.table)
    found = given.differences(by_kernel(Input(planted, outcomes)))
    for name in ("bursts.end_ps", "rows.start_ps", "rows.duration_ps", "sums.busy_ps"):
        assert any(text.startswith(name) for text in found), name


@pytest.mark.parametrize(
    "name", ["bursts.wasted_verify_steps", "rows.activates", "sums.wait_ps", "partial"]
)
def test_every_kind_of_difference_has_a_name(name: str) -> None:
    given = Input(shared_chip("layer-pipelined"), table_of([5]))
    mine, theirs = by_reference(given), by_kernel(given)
    assert not mine.differences(theirs)
    theirs.columns[name] = [12345]
    assert [text.split()[0] for text in mine.differences(theirs)] == [name]


# -- compiled or not -------------------------------------------------------------------


PLAIN = """
import subprocess
import sys
sys.modules["numba"] = None
from simcore.config.load import load_scenario
from simcore.engine.fast.engine import FastEngine
from simcore.program.burst import scenario_program
from simcore.program.outcomes import OutcomeDraws
scenario = load_scenario("tiny")
outcomes = OutcomeDraws(scenario).table(range(2))
found = FastEngine(scenario_program(scenario, events=True)).simulate(outcomes)
print(found.end_ps.tolist())
"""


def test_without_numba_the_same_source_gives_the_same() -> None:
    command = [sys.executable, "-c", PLAIN]
    plain = subprocess.run(command, capture_output=True, text=True, check=True)
    scenario = load_scenario("tiny")
    outcomes = OutcomeDraws(scenario).table(range(2))
    program = scenario_program(scenario, events=True)
    quick = FastEngine(program).simulate(outcomes)
    assert plain.stdout.strip() == str(quick.end_ps.tolist())


def test_availability_is_that_of_numba(monkeypatch: pytest.MonkeyPatch) -> None:
    assert fast.available()
    monkeypatch.setattr(fast, "find_spec", lambda _: None)
    assert not fast.available()


def test_the_cache_knows_the_sources_of_the_whole_package() -> None:
    """numba itself would not look at the files of inlined functions."""
    kernel = importlib.import_module("simcore.engine.fast.kernel")
    enclosed = [cell.cell_contents for cell in kernel.advance.py_func.__closure__]
    assert enclosed == [compiled.source_digest()]


def test_loading_is_timed_once() -> None:
    program = shared_chip("serialized")
    first, second = FastEngine(program), FastEngine(program)
    assert first.compile_s == second.compile_s > 0
