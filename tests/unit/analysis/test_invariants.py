"""Every invariant holds for a real run, and fails alone when its error is planted.

The run: three layers, two requests that share a chip and one that has its own, so
there are waits, and three row groups or thousands of them.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pyarrow as pa
import pytest

from simcore.analysis.check import Check
from simcore.analysis.invariants import check_trace
from simcore.analysis.ledger import Ledger
from simcore.analysis.metrics import summarize
from simcore.config.load import load_scenario
from simcore.engine.burst_table import BurstTable
from simcore.engine.simulate import simulate_replication
from simcore.experiments.rows import bursts_table, requests_table
from simcore.experiments.spending import Spending, SpendingRecorder
from simcore.program.burst import BurstProgram, build_burst_program
from simcore.program.outcomes import BurstOutcome, OutcomeTable
from simcore.trace.memory import MemoryRecorder
from simcore.trace.program_tables import energy_columns, program_columns
from simcore.trace.schema import (
    BURSTS_SCHEMA,
    EVENTS_ORDER,
    EVENTS_SCHEMA,
    PROGRAM_ENERGY_SCHEMA,
    PROGRAM_SCHEMA,
    REQUESTS_SCHEMA,
)
from simcore.trace.tables import table_of

TABLE_CHECKS = {
    "program_is_the_run",
    "bursts_in_order",
    "context_advances",
    "requests_add_up",
    "kv_slots",
    "sram_capacity",
    "spent_as_computed",
}
EVENT_CHECKS = {
    "littles_law",
    "holds_complete",
    "waits_not_negative",
    "predecessors_first",
    "durations_as_programmed",
    "gates_span_their_layer",
    "exclusive_holds",
    "rows_in_order",
    "burst_times",
    "energy_of_bursts",
    "bytes_of_bursts",
    "energy_in_summary",
    "busy_in_summary",
}
PROMPT = 16


@dataclass
class Run:
    """A run folder in memory, its tables as columns that can be edited."""

    program_columns: dict[str, Any]
    energy_columns: dict[str, Any]
    burst_rows: dict[str, Any]
    request_rows: dict[str, Any]
    event_rows: dict[str, Any]
    summary: dict[str, Any]
    has_events: bool = True
    rows_of_a_group: int = 10**6
    #: The manifest: what the checks read of the configuration has its defaults.
    run: dict[str, Any] = field(default_factory=dict)

    def program(self) -> pa.Table:
        return table_of(self.program_columns, PROGRAM_SCHEMA)

    def program_energy(self) -> pa.Table:
        return table_of(self.energy_columns, PROGRAM_ENERGY_SCHEMA)

    def bursts(self) -> pa.Table:
        return table_of(self.burst_rows, BURSTS_SCHEMA)

    def requests(self) -> pa.Table:
        return table_of(self.request_rows, REQUESTS_SCHEMA)

    def require_events(self) -> None:
        pass

    traced_bursts = bursts
    traced_requests = requests

    @property
    def has_every_event(self) -> bool:
        return self.has_events

    def iter_events(self, columns: list[str]) -> Iterator[pa.Table]:
        table = table_of(self.event_rows, EVENTS_SCHEMA).select(columns)
        for first in range(0, table.num_rows, self.rows_of_a_group):
            yield table.slice(first, self.rows_of_a_group)

    def sort_events(self) -> None:
        keys = [self.event_rows[name] for name in reversed(EVENTS_ORDER)]
        order = np.lexsort(keys)
        self.event_rows = {n: v[order] for n, v in self.event_rows.items()}

    def resource(self) -> np.ndarray:
        """Name of the resource of every event."""
        stride = 2
        names = np.empty(stride * (max(self.program_columns["op_id"]) + 1), dtype="U20")
        places = np.array(self.program_columns["op_id"]) * stride
        places += np.array(self.program_columns["resource_index"])
        names[places] = self.program_columns["resource"]
        events = self.event_rows
        return names[events["op_id"] * stride + events["resource_index"]]

    def operation(self) -> np.ndarray:
        """Name of the operation of every event."""
        names = np.empty(max(self.program_columns["op_id"]) + 1, dtype="U20")
        names[self.program_columns["op_id"]] = self.program_columns["operation"]
        return names[self.event_rows["op_id"]]


def make_program(schedule: str = "layer-pipelined", **sram: Any) -> BurstProgram:
    scenario = load_scenario("tiny")
    model = scenario.model.model_copy(
        update={"n_layers": 3, "layer_windows": (None, 18, None)}
    )
    hardware = scenario.hardware
    if sram:
        memory = hardware.memory
        memory = memory.model_copy(update={"sram": memory.sram.model_copy(update=sram)})
        hardware = hardware.model_copy(update={"memory": memory})
    return build_burst_program(model, hardware, 2, scenario.accounting, schedule)


def make_run(program: BurstProgram) -> Run:
    # Request 1 accepts 2 at the end but wants one token: two are discarded.
    accepted = {0: [2, 0, 1], 1: [0, 2], 2: [1, 2]}
    outcomes: dict[int, list[BurstOutcome]] = {}
    for request, lengths in accepted.items():
        context, outcomes[request] = PROMPT, []
        for number, a in enumerate(lengths):
            committed = 1 if (request, number) == (1, 1) else a + 1
            outcomes[request].append(BurstOutcome(context, a, committed))
            context += committed
    memory = MemoryRecorder(*program.table.rows)
    spending = Spending(Ledger(program))
    spending.expect(OutcomeTable.of(0, list(outcomes.values())))
    recorder = SpendingRecorder(spending, memory)
    shared = {request: outcomes[request] for request in (0, 1)}
    times = simulate_replication(program, shared, recorder, replication=0)
    times += simulate_replication(program, {2: outcomes[2]}, recorder, replication=1)
    rows = bursts_table(program, Ledger(program), BurstTable.of(times), spending.spent)
    bursts = rows.to_pydict()
    requests = requests_table(PROMPT, rows).to_pydict()
    events = memory.table()
    return Run(
        program_columns=program_columns(program.table),
        energy_columns=energy_columns(program.table),
        burst_rows=bursts,
        request_rows=requests,
        event_rows={
            name: np.array(events[name].to_pylist())
            if name == "activates"
            else events[name].to_numpy()
            for name in EVENTS_SCHEMA.names
        },
        summary=json.loads(
            json.dumps(summarize(program, bursts, requests, sums=spending.sums))
        ),
    )


@pytest.fixture(scope="module")
def program() -> BurstProgram:
    return make_program()


@pytest.fixture(scope="module")
def untouched(program: BurstProgram) -> Run:
    return make_run(program)


@pytest.fixture
def run(untouched: Run) -> Run:
    return copy.deepcopy(untouched)


def failing(checks: list[Check]) -> set[str]:
    return {check.name for check in checks if not check.holds}


@pytest.mark.parametrize("rows_of_a_group", [10**6, 997, 10])
def test_a_real_run_holds_whatever_the_row_groups(run, program, rows_of_a_group):
    run.rows_of_a_group = rows_of_a_group
    checks = check_trace(run, program)
    assert failing(checks) == set()
    assert {check.name for check in checks} == TABLE_CHECKS | EVENT_CHECKS
    waits = run.event_rows["start_ps"] - run.event_rows["ready_ps"]
    assert np.count_nonzero(waits) > 50
    texts = "\n".join(map(str, checks))
    assert "= 13 committed + 6 rejected + 2 discarded beyond the request" in texts


def test_serialized_runs_have_no_gates_to_check():
    program = make_program("serialized")
    checks = check_trace(make_run(program), program)
    assert failing(checks) == set()
    names = {check.name for check in checks}
    assert names == (TABLE_CHECKS | EVENT_CHECKS) - {"gates_span_their_layer"}


def test_a_run_without_events_is_checked_by_its_tables(run, program):
    run.has_events = False
    run.event_rows = {}
    checks = check_trace(run, program)
    assert failing(checks) == set()
    assert {check.name for check in checks} == TABLE_CHECKS


def test_the_summary_may_be_given_beside_the_run(run, program):
    summary, run.summary = run.summary, None
    assert failing(check_trace(run, program, summary)) == set()


# -- errors in events ---------------------------------------------------------------


def short_leg(run: Run) -> int:
    """An event whose end nothing waits for: a shorter leg of a transfer."""
    events = run.event_rows
    end = events["start_ps"] + events["duration_ps"]
    wait = events["start_ps"] - events["ready_ps"]
    legs = np.flatnonzero(
        (run.operation() == "kv_write") & (events["replication"] == 1) & (wait == 0)
    )
    for i in legs.tolist():
        same = legs[(events["ready_ps"][legs] == events["ready_ps"][i])]
        if end[i] + 1 < end[same].max():
            return i
    raise AssertionError("no short leg")


def swap_rows(run: Run) -> None:
    start, resource = run.event_rows["start_ps"], run.resource()
    i = int(np.flatnonzero((np.diff(start) > 0) & (resource[1:] != resource[:-1]))[5])
    for values in run.event_rows.values():
        values[[i, i + 1]] = values[[i + 1, i]]


def start_before_ready(run: Run) -> None:
    run.event_rows["start_ps"][short_leg(run)] -= 1
    run.sort_events()


def start_before_predecessor(run: Run) -> None:
    i = short_leg(run)
    run.event_rows["start_ps"][i] -= 1
    run.event_rows["ready_ps"][i] -= 1
    run.sort_events()


def ready_too_early(run: Run) -> None:
    waits = run.event_rows["start_ps"] - run.event_rows["ready_ps"]
    owners = np.flatnonzero((waits > 0) & (run.operation() == "kv_read"))
    run.event_rows["ready_ps"][owners[0]] -= 1


def ready_with_a_later_burst(run: Run) -> None:
    # A first operation is ready when its burst starts.
    events = run.event_rows
    roots = (events["replication"] == 1) & (events["burst"] == 0)
    roots &= (events["ready_ps"] == 0) & (events["resource_index"] == 0)
    roots &= run.operation() == "layer_gate"
    events["ready_ps"][roots] -= 1


def longer_hold(run: Run) -> None:
    run.event_rows["duration_ps"][short_leg(run)] += 1


def shorter_gate(run: Run) -> None:
    gates = np.flatnonzero(run.operation() == "layer_gate")
    run.event_rows["duration_ps"][gates[3]] -= 1


def overlap(run: Run) -> None:
    events = run.event_rows
    commits = np.flatnonzero(
        (run.operation() == "kv_commit")
        & (run.resource() == "hbm")
        & (events["replication"] == 1)
        & (events["burst"] == 0)
    )
    assert len(commits) == 3
    # The middle layer takes the HBM while the first holds it; the last ends as before.
    events["start_ps"][commits[1]] = events["start_ps"][commits[0]]
    run.sort_events()


def lost_row(run: Run) -> None:
    i = int(np.flatnonzero(run.event_rows["resource_index"] == 1)[7])
    run.event_rows = {n: np.delete(v, i) for n, v in run.event_rows.items()}


def torn_hold(run: Run) -> None:
    # One of two resources of a hold is taken for another time.
    events = run.event_rows
    second = np.flatnonzero(events["resource_index"] == 1)
    events["ready_ps"][second[4]] -= 1


def unknown_operation(run: Run) -> None:
    run.event_rows = {n: np.concatenate([v, v[-1:]]) for n, v in run.event_rows.items()}
    run.event_rows["op_id"][-1] = 10**6


def unknown_burst(run: Run) -> None:
    run.event_rows = {n: np.concatenate([v, v[-1:]]) for n, v in run.event_rows.items()}
    run.event_rows["burst"][-1] = 77


def lost_burst(run: Run) -> None:
    events = run.event_rows
    gone = (events["replication"] == 1) & (events["burst"] == 1)
    run.event_rows = {n: v[~gone] for n, v in events.items()}


# -- errors in tables ---------------------------------------------------------------


def add(table: str, column: str, row: int, amount: float) -> Callable[[Run], None]:
    def plant(run: Run) -> None:
        getattr(run, table)[column][row] += amount

    plant.__name__ = f"{table}_{column}"
    return plant


def scale(
    table: str, column: str, row: int, change: float = 1e-11
) -> Callable[[Run], None]:
    def plant(run: Run) -> None:
        getattr(run, table)[column][row] *= 1 + change

    plant.__name__ = f"{table}_{column}"
    return plant


def moved_phase(run: Run) -> None:
    run.burst_rows["draft_ps"][2] += 1
    run.burst_rows["verify_ps"][2] -= 1


def fewer_accepted(run: Run) -> None:
    # More committed than accepted plus the bonus.
    run.burst_rows["accepted"][0] -= 1
    run.burst_rows["wasted_verify_steps"][0] += 1


def other_draft_length(run: Run) -> None:
    run.burst_rows["k"][0] += 1
    run.burst_rows["wasted_verify_steps"][0] += 1


def lost_request(run: Run) -> None:
    run.request_rows = {n: v[:-1] for n, v in run.request_rows.items()}


def summary_stage(run: Run) -> None:
    run.summary["energy_pj"]["by_stage"]["ffn"] *= 1 + 1e-11


def summary_lost_component(run: Run) -> None:
    del run.summary["energy_pj"]["by_component"]["dac"]


def summary_total(run: Run) -> None:
    run.summary["energy_pj"]["total"] *= 1 + 1e-11


def summary_busy(run: Run) -> None:
    run.summary["busy_ps"]["by_resource"]["hbm"] += 1


def summary_busy_total(run: Run) -> None:
    run.summary["busy_ps"]["total"] -= 1


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        (swap_rows, {"rows_in_order"}),
        (
            start_before_ready,
            {"waits_not_negative", "predecessors_first", "littles_law"},
        ),
        (start_before_predecessor, {"predecessors_first"}),
        (ready_too_early, {"predecessors_first"}),
        (ready_with_a_later_burst, {"predecessors_first", "burst_times"}),
        (longer_hold, {"durations_as_programmed", "busy_in_summary"}),
        (shorter_gate, {"gates_span_their_layer", "busy_in_summary"}),
        (overlap, {"exclusive_holds"}),
        (lost_row, {"holds_complete", "busy_in_summary"}),
        (torn_hold, {"holds_complete"}),
        (unknown_operation, {"holds_complete", "littles_law"}),
        (unknown_burst, {"holds_complete", "littles_law"}),
        (
            lost_burst,
            {
                "holds_complete",
                "energy_of_bursts",
                "bytes_of_bursts",
                "energy_in_summary",
                "busy_in_summary",
            },
        ),
        (moved_phase, {"burst_times"}),
        (
            scale("burst_rows", "energy_pj", 3),
            {"energy_of_bursts", "spent_as_computed", "requests_add_up"},
        ),
        (
            add("burst_rows", "hbm_read_bytes", 3, 1),
            {"bytes_of_bursts", "spent_as_computed"},
        ),
        (
            add("burst_rows", "hbm_write_bytes", 3, 1),
            {"bytes_of_bursts", "spent_as_computed", "kv_slots"},
        ),
        (
            scale("energy_columns", "energy_pj_base", 0, 1e-3),
            {"program_is_the_run", "energy_of_bursts", "energy_in_summary"},
        ),
        (add("program_columns", "position", 3, 1), {"program_is_the_run"}),
        (add("request_rows", "prompt_length", 1, 1), {"context_advances"}),
        (add("request_rows", "tokens", 1, 1), {"requests_add_up"}),
        (add("request_rows", "bursts", 1, 1), {"requests_add_up"}),
        (add("request_rows", "latency_ps", 1, 1), {"requests_add_up"}),
        (scale("request_rows", "energy_pj", 1), {"requests_add_up"}),
        (lost_request, {"requests_add_up", "context_advances"}),
        (add("burst_rows", "wasted_verify_steps", 1, 1), {"kv_slots"}),
        (fewer_accepted, {"kv_slots"}),
        (other_draft_length, {"kv_slots"}),
        (summary_stage, {"energy_in_summary"}),
        (summary_lost_component, {"energy_in_summary"}),
        (summary_total, {"energy_in_summary"}),
        (summary_busy, {"busy_in_summary"}),
        (summary_busy_total, {"busy_in_summary"}),
    ],
)
def test_a_planted_error_fails_its_check(run, program, plant, expected):
    run.rows_of_a_group = 997
    plant(run)
    assert failing(check_trace(run, program)) == expected


@pytest.mark.parametrize(
    ("plant", "expected"),
    [
        # Burst 1 of request 0 starts before burst 0 has ended.
        (add("burst_rows", "start_ps", 1, -1), {"bursts_in_order"}),
        (add("burst_rows", "burst", 1, 5), {"bursts_in_order"}),
        (
            add("burst_rows", "context_length", 1, 1),
            {"context_advances", "spent_as_computed"},
        ),
        (
            add("burst_rows", "end_ps", 6, -(10**9)),
            {"bursts_in_order", "requests_add_up", "sram_capacity"},
        ),
    ],
)
def test_a_planted_error_fails_without_events(run, program, plant, expected):
    run.has_events = False
    plant(run)
    assert failing(check_trace(run, program)) == expected


def test_another_schedule_is_not_the_program_of_the_run(run):
    checks = check_trace(run, make_program("serialized"))
    assert failing(checks) == {"program_is_the_run"}


def test_two_bursts_at_once_need_room_for_two(run, program):
    room = program.speculative_bytes
    assert failing(check_trace(run, make_program(capacity_bytes=2 * room))) == set()
    checks = check_trace(run, make_program(capacity_bytes=2 * room - 1))
    assert failing(checks) == {"sram_capacity"}
    found = {check.name: check for check in checks}["sram_capacity"]
    assert (found.measured, found.bound) == (2 * room, 2 * room - 1)


def test_a_failing_check_says_where(run, program):
    overlap(run)
    start_before_ready(run)
    texts = {check.name: str(check) for check in check_trace(run, program)}
    first = texts["exclusive_holds"]
    assert first.startswith("FAIL exclusive_holds: measured 1, bound 0 (no two holds")
    assert "first at hbm: replication 1, request 2, burst 0, op_id" in first
    assert texts["kv_slots"].startswith("PASS kv_slots")


def test_a_hold_without_time_may_stand_at_a_border_but_not_inside(run, program):
    # Take the time from one control hold and move it around another of its block.
    events = run.event_rows
    control = np.flatnonzero(
        (run.resource() == "control[1]") & (events["replication"] == 1)
    )
    first, second = control[:2]
    duration = int(events["duration_ps"][first])
    assert duration > 1
    events["duration_ps"][second] = 0
    broken = {}
    for offset in (0, 1, duration):
        moved = copy.deepcopy(run)
        moved.event_rows["start_ps"][second] = events["start_ps"][first] + offset
        moved.sort_events()
        broken[offset] = "exclusive_holds" in failing(check_trace(moved, program))
    assert broken == {0: False, 1: True, duration: False}


def test_a_run_that_lost_its_events_is_not_complete(run, program):
    run.event_rows = {name: values[:0] for name, values in run.event_rows.items()}
    found = failing(check_trace(run, program))
    assert "holds_complete" in found
    assert "exclusive_holds" not in found
