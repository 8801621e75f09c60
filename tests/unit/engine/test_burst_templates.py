"""Bursts simulated once for each kind give what the SimPy engine gives for each."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from both_engines import (
    Given,
    Input,
    burst_lists,
    by_reference,
    row_lists,
    sum_lists,
)
from hand_table import Op, hand_program

from simcore.analysis.operation_sums import OperationSums
from simcore.config.load import load_scenario
from simcore.engine.fast import templates
from simcore.engine.fast.template import BurstKind
from simcore.engine.fast.templates import BurstTemplates
from simcore.errors import SimulationError
from simcore.program.burst import BurstProgram, scenario_program
from simcore.program.outcomes import BurstOutcome, OutcomeDraws, OutcomeTable
from simcore.trace.hold_sums import HoldSums
from simcore.trace.holds import EventRows

OVERLAP = ("hardware.reuse_policy=reuse", "accounting.dac_banks=2")
SCHEDULES = {
    "serialized": (),
    "layer-pipelined": (),
    "prefetch": (),
    "overlap": OVERLAP,
}


def alone(schedule: str, *overrides: str) -> tuple[BurstProgram, OutcomeDraws]:
    scenario = load_scenario(
        "tiny",
        [
            f"schedule={schedule}",
            *SCHEDULES[schedule],
            "workload.draft_length=3",
            "workload.max_tokens=24",
            # Drafts ahead survive often.
            "acceptance.kind=geometric",
            "acceptance.rate=0.9",
            *overrides,
        ],
    )
    return scenario_program(scenario, events=True), OutcomeDraws(scenario)


def of_request(outcomes: OutcomeTable, i: int) -> OutcomeTable:
    last = int(outcomes.bursts[: i + 1].sum())
    part = slice(last - int(outcomes.bursts[i]), last)
    return OutcomeTable(
        outcomes.first_request + i,
        outcomes.bursts[i : i + 1],
        outcomes.context_length[part],
        outcomes.accepted[part],
        outcomes.committed[part],
        outcomes.ahead_survives[part],
    )


def by_replication(
    program: BurstProgram,
    outcomes: OutcomeTable,
    arrivals: np.ndarray,
    first_replication: int,
) -> tuple[dict[str, Any], dict[Any, Any]]:
    """What the SimPy engine gives, one replication a request, put together."""
    columns: dict[str, Any] = {}
    partial: dict[Any, Any] = {}
    for i in range(len(outcomes.bursts)):
        request = outcomes.first_request + i
        given = by_reference(
            Input(
                program,
                of_request(outcomes, i),
                {request: int(arrivals[i])},
                replication=first_replication + i,
            )
        )
        assert given.error is None
        partial |= given.columns.pop("partial")
        for name, values in given.columns.items():
            if name.endswith("dtype") or values is None:
                columns[name] = values
            elif name.startswith("sums.") and name in columns:
                columns[name] = (np.array(columns[name]) + values).tolist()
            elif name in columns:
                columns[name] += values
            else:
                columns[name] = values
    return columns, partial


def differences(
    program: BurstProgram,
    outcomes: OutcomeTable,
    arrivals: np.ndarray | None = None,
    first_replication: int | None = None,
) -> list[str]:
    rows: list[EventRows] = []
    sums = HoldSums.empty(len(program.table))
    one_by_one = BurstTemplates(program)
    bursts = one_by_one.simulate(
        outcomes,
        first_replication=first_replication,
        arrivals_ps=arrivals,
        sums=sums,
        take_rows=rows.append,
    )
    columns, partial = by_replication(
        program,
        outcomes,
        np.zeros(len(outcomes.bursts), dtype=int) if arrivals is None else arrivals,
        outcomes.first_request if first_replication is None else first_replication,
    )
    mine = {**burst_lists(bursts), **row_lists(rows), **sum_lists(sums)}
    found = Given(columns).differences(Given(mine))
    kinds, of_burst = one_by_one.kinds(outcomes)
    for i, number in enumerate(of_burst.tolist()):
        executed = one_by_one.of(*kinds[number]).executed
        key = int(bursts.request[i]), int(bursts.burst[i])
        wanted = partial[key][0][1] if key in partial else None
        if (None if executed is None else executed.tolist()) != wanted:
            found.append(f"executed of {key}")
    return found


@pytest.mark.parametrize("verification", ["full_burst", "stop_at_mismatch"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_every_schedule_gives_the_same(schedule: str, verification: str) -> None:
    program, draws = alone(schedule, f"verification={verification}")
    outcomes = draws.table(range(3, 8))
    assert not differences(program, outcomes)


def test_drafts_ahead_that_survive_are_among_them() -> None:
    _, draws = alone("overlap")
    assert draws.table(range(3, 8)).ahead_survives.sum() >= 3


def test_a_channel_with_refreshes_gives_the_same() -> None:
    program, draws = alone(
        "layer-pipelined",
        "hardware.memory.hbm.model=channel",
        "hardware.memory.hbm.channel.preset=HBM2",
        "workload.prompt_length=4000",
        "hardware.memory.hbm.channel.refresh_interval_ns=60",
        "hardware.memory.hbm.channel.refresh_stall_ns=20",
        "hardware.memory.sram.capacity_bytes=100000",
    )
    table = program.table
    linear_ps = np.rint(table._linear_ns(4000, 1) * 1000)
    assert (table.durations_ps(4000, 1) > linear_ps).any(), "no refresh is met"
    assert not differences(program, draws.table(range(2)))


def test_replications_count_from_where_they_are_told_and_requests_arrive() -> None:
    program, draws = alone("layer-pipelined")
    arrivals = np.array([0, 17, 123_456_789, 5])
    assert not differences(program, draws.table(range(4)), arrivals, 11)


def test_rows_that_were_dropped_are_made_again(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(templates, "_KEPT_ROWS", 1000)
    monkeypatch.setattr(templates, "_CHUNK_ROWS", 1500)
    program, draws = alone("overlap")
    assert not differences(program, draws.table(range(4)))


def test_a_chunk_belongs_to_one_replication(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(templates, "_CHUNK_ROWS", 1500)
    program, draws = alone("layer-pipelined")
    outcomes = draws.table(range(3))
    chunks: list[EventRows] = []
    BurstTemplates(program).simulate(outcomes, take_rows=chunks.append)
    assert len(chunks) > 6
    for rows in chunks:
        assert len(rows.op_id) > 0
        assert set(rows.request.tolist()) == {rows.replication}


def test_a_burst_is_simulated_once_for_its_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    program, _ = alone("serialized")
    simulated: list[BurstKind] = []
    true = BurstTemplates._simulated

    def counted(self: BurstTemplates, kind: BurstKind, **more: bool) -> Any:
        simulated.append(kind)
        return true(self, kind, **more)

    monkeypatch.setattr(BurstTemplates, "_simulated", counted)
    same = [BurstOutcome(9, 2, 3), BurstOutcome(12, 2, 3), BurstOutcome(9, 2, 3)]
    BurstTemplates(program).simulate(OutcomeTable.of(0, [same, same, same]))
    assert sorted(simulated) == [(9, 2, 3, False, False), (12, 2, 3, False, False)]


# -- errors ----------------------------------------------------------------------------


def error_of(program: BurstProgram, outcomes: OutcomeTable) -> str:
    with pytest.raises(SimulationError) as caught:
        BurstTemplates(program).simulate(outcomes)
    return str(caught.value)


def test_the_first_replication_that_does_not_fit_is_named() -> None:
    program = hand_program(
        [Op("dpu[0]")], {0: [5], 1: [5]}, burst_bytes=10, capacity_bytes=100
    )
    program.__dict__["cached_bytes_per_token"] = 95
    good, bad = BurstOutcome(0, 0, 1), BurstOutcome(1, 0, 1)
    outcomes = OutcomeTable.of(5, [[good], [good, bad], [bad]])
    text = error_of(program, outcomes)
    wanted = by_reference(Input(program, of_request(outcomes, 1))).error
    assert f"SimulationError {text}" == wanted
    assert "request 6 burst 1 waits for 105 bytes of SRAM (0 of 100 held)" in text


def test_a_burst_that_inherits_its_room_needs_no_more() -> None:
    """Its own context would not fit; it works in the room of the burst before."""
    program, _ = alone("overlap")
    program = dataclasses.replace(program, cached_bytes_per_token=1)
    memory = program.hardware.memory
    assert memory is not None
    sram = memory.sram.model_copy(update={"capacity_bytes": program.sram_bytes(9)})
    memory = memory.model_copy(update={"sram": sram})
    program = dataclasses.replace(
        program, hardware=program.hardware.model_copy(update={"memory": memory})
    )
    first, second = BurstOutcome(9, 3, 4, ahead_survives=True), BurstOutcome(13, 0, 1)
    assert not differences(program, OutcomeTable.of(0, [[first, second]]))
    text = error_of(program, OutcomeTable.of(0, [[second]]))
    assert "request 0 burst 0 waits for" in text


def test_operations_that_wait_for_each_other_hang() -> None:
    ops = [Op("dpu[0]", after=(1,), name="norm"), Op("hbm", after=(0,), name="read")]
    program = hand_program(ops, {0: [1, 1]})
    text = error_of(program, OutcomeTable.of(4, [[BurstOutcome(0, 0, 1)]]))
    assert text.startswith("deadlock at t=0 ps: 1 unfinished requests; request 4 burst")
    with pytest.raises(SimulationError, match="deadlock at t=0 ps"):
        BurstTemplates(program).of(0, 0, 1)


def test_drafts_that_no_burst_follows_keep_their_room() -> None:
    program = hand_program([Op("dpu[0]")], {0: [5]}, burst_bytes=1)
    outcomes = OutcomeTable.of(0, [[BurstOutcome(0, 1, 1, ahead_survives=True)]])
    assert "0 unfinished requests" in error_of(program, outcomes)


def test_transfers_timed_by_the_state_of_the_memory_are_refused() -> None:
    scenario = load_scenario(
        "tiny",
        [
            "streams=2",
            "workload.requests=2",
            "hardware.memory.hbm.model=channel",
            "hardware.memory.hbm.channel.preset=HBM3",
        ],
    )
    program = scenario_program(scenario, events=True)
    assert program.times_transfers
    with pytest.raises(ValueError, match="timed as they start"):
        BurstTemplates(program)


# -- that a difference would show ------------------------------------------------------


def test_a_template_of_another_kind_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    program, draws = alone("layer-pipelined")
    true = BurstTemplates._simulated

    def planted(self: BurstTemplates, kind: BurstKind, **more: bool) -> Any:
        other = kind._replace(context_length=kind.context_length + 1)
        found = true(self, other, **more)
        assert found is not None
        return dataclasses.replace(found, kind=kind)

    monkeypatch.setattr(BurstTemplates, "_simulated", planted)
    found = differences(program, draws.table(range(1)))
    assert any(text.startswith("bursts.end_ps") for text in found)


def test_sums_of_many_bursts_are_those_of_each() -> None:
    program, _ = alone("layer-pipelined")
    template = BurstTemplates(program).of(9, 2, 3)
    sums = HoldSums.empty(len(program.table))
    template.add_to(sums, program.table, 3)
    each = OperationSums(program.table)
    tally = OperationSums.of_tally(program.table, {(9, 3): 3})
    assert sums.bursts == 3
    assert each.bursts == 0
    assert np.array_equal(sums.context, tally.context)
    assert np.array_equal(sums.committed, tally.committed)
    gates = program.table.gates
    assert np.array_equal(
        np.delete(sums.busy_ps, gates), np.delete(tally.busy_ps, gates)
    )
    assert (sums.busy_ps[gates] > 0).all()
