"""The critical path partitions the time of a request exactly, and blames rightly."""

from __future__ import annotations

import numpy as np
import pytest
from made_up_run import MadeUpTrace, Op, Opened, made_up, opened, simulated

from simcore.analysis.time import analyse_time
from simcore.analysis.time.critical_path import CAUSES, CriticalPath, PathFinder
from simcore.analysis.time.path_shares import PathShares
from simcore.errors import TraceError

CHIPS = [
    ("schedule=serialized",),
    ("schedule=layer-pipelined",),
    ("schedule=layer-pipelined", "hardware.reuse_policy=reuse"),
    ("schedule=layer-pipelined", "hardware.memory.sram.capacity_bytes=2000"),
    ("schedule=layer-pipelined", "workload.draft_length=0"),
]


def story(found: Opened, path: CriticalPath) -> list[tuple[object, ...]]:
    """Cause, begin, end, op_id, and request of the blocker where there is one."""
    n_ops = found.replication.structure.n_ops
    request = found.replication.bursts["request"]
    lines: list[tuple[object, ...]] = []
    for cause, begin, end, hold, blocker in zip(
        path.cause.tolist(),
        path.begin_ps.tolist(),
        path.end_ps.tolist(),
        path.hold.tolist(),
        path.blocker.tolist(),
        strict=True,
    ):
        line: tuple[object, ...] = (CAUSES[cause], begin, end, hold % n_ops)
        lines.append(line if blocker < 0 else (*line, int(request[blocker // n_ops])))
    return lines


def assert_partition(path: CriticalPath, begin: int, end: int) -> None:
    assert path.begin_ps[0] == begin
    assert path.end_ps[-1] == end
    assert np.array_equal(path.begin_ps[1:], path.end_ps[:-1])
    assert np.all(path.length_ps > 0)


@pytest.mark.parametrize("requests", [1, 4])
@pytest.mark.parametrize("chip", CHIPS, ids=" ".join)
def test_segments_partition_every_request_and_burst_exactly(chip, requests):
    found = opened(simulated(*chip, requests=requests))
    replication, finder = found.replication, found.finder
    for row in range(requests):
        of = {name: int(c[row]) for name, c in replication.requests.items()}
        path = finder.request(of["request"])
        assert_partition(path, of["arrival_ps"], of["end_ps"])
    for row in range(replication.n_slots):
        of = {name: int(c[row]) for name, c in replication.bursts.items()}
        path = finder.burst(of["request"], of["burst"])
        assert_partition(path, of["ready_ps"], of["end_ps"])
    across = PathFinder(found.replication, found.holds, found.blockers, across=True)
    assert_partition(across.makespan(), 0, replication.makespan_ps)


@pytest.mark.parametrize("chip", CHIPS, ids=" ".join)
def test_work_is_of_the_request_and_waits_are_for_who_held_the_resource(chip):
    found = opened(simulated(*chip, requests=4))
    replication, holds = found.replication, found.holds
    n_ops = replication.structure.n_ops
    request_of = replication.bursts["request"]
    sets, set_of = (
        replication.structure.resource_sets,
        replication.structure.set_of_op,
    )
    waited = set()
    for request in range(4):
        path = found.finder.request(request)
        for i, cause in enumerate(path.cause.tolist()):
            hold, blocker = int(path.hold[i]), int(path.blocker[i])
            waited.add(CAUSES[cause])
            assert request_of[hold // n_ops] == request
            span = (path.begin_ps[i], path.end_ps[i])
            if CAUSES[cause] == "work":
                assert span == (holds.start_ps[hold], holds.end_ps[hold])
                assert not replication.structure.is_gate[hold % n_ops]
            elif CAUSES[cause] == "other_request":
                assert span == (holds.ready_ps[hold], holds.start_ps[hold])
                assert request_of[blocker // n_ops] != request
                assert holds.end_ps[blocker] == holds.start_ps[hold]
                resource = int(path.resource[i])
                assert resource in sets[set_of[hold % n_ops]]
                assert resource in sets[set_of[blocker % n_ops]]
    # With room for one burst in the SRAM nobody meets at any other resource.
    crowded = any("sram" in override for override in chip)
    assert waited == {"work", "sram_room" if crowded else "other_request"}


def test_followed_through_all_requests_the_makespan_is_work_alone():
    found = opened(simulated("schedule=layer-pipelined", requests=5))
    across = PathFinder(found.replication, found.holds, found.blockers, across=True)
    path = across.makespan()
    assert {CAUSES[cause] for cause in path.cause.tolist()} == {"work"}
    n_ops = found.replication.structure.n_ops
    slots = path.hold // n_ops
    assert np.unique(found.replication.bursts["request"][slots]).size > 1


def test_every_breakdown_sums_to_the_whole():
    trace = simulated("schedule=layer-pipelined", requests=4)
    result = analyse_time(trace)
    for shares in (result.makespan_path, result.chip_path, result.request_paths):
        for name in ("stage", "phase", "resource_kinds", "operation"):
            assert sum(shares[f"by_{name}"].values()) == shares["total_ps"]
        waits = sum(wait["wait_ps"] for wait in shares["waits"])
        assert shares["work_ps"] + waits == shares["total_ps"]
    ends = [row["end_ps"] for row in trace.request_rows]
    assert result.elapsed_ps == result.chip_path["total_ps"] == max(ends)
    assert result.request_paths["total_ps"] == sum(ends)


@pytest.mark.parametrize("requests", [1, 3])
@pytest.mark.parametrize(
    ("kind", "prefix"),
    [
        ("hbm", "hardware.memory.hbm."),
        ("sram", "hardware.memory.sram."),
        ("fabric_write", "hardware.memory.fabric."),
    ],
)
def test_a_faster_resource_saves_no_more_than_its_bound(kind, prefix, requests):
    faster = [
        f"{prefix}{way}_{what}"
        for way in ("read", "write")
        for what in ("bandwidth_GBps=1e9", "latency_ns=0")
    ]
    slow = analyse_time(simulated(requests=requests))
    fast = analyse_time(simulated(*faster, requests=requests))
    saved = slow.elapsed_ps - fast.elapsed_ps
    most = slow.chip_path["savings"][kind]["at_most_ps"]
    if kind == "fabric_write":
        # Reads go over the fabric as well.
        most += slow.chip_path["savings"].get("fabric_read", {"at_most_ps": 0})[
            "at_most_ps"
        ]
    assert 0 < saved <= most


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("schedule", ["serialized", "layer-pipelined"])
def test_the_partition_is_exact_whatever_operations_are_absent(schedule, seed):
    trace = simulated(f"schedule={schedule}", requests=3)
    rng = np.random.default_rng(seed)
    last = {}
    for row in trace.event_rows:
        key = row["request"], row["burst"]
        last[key] = max(last.get(key, 0), row["op_id"])
    keys = {(r["request"], r["burst"], r["op_id"]) for r in trace.event_rows}
    # Commits stay: they say when the burst ends.
    absent = {
        key for key in sorted(keys) if rng.random() < 0.4 and key[2] < last[key[:2]] - 6
    }
    trace.event_rows = [
        row
        for row in trace.event_rows
        if (row["request"], row["burst"], row["op_id"]) not in absent
    ]
    found = opened(trace)
    assert not found.holds.present.all()
    for request in range(3):
        path = found.finder.request(request)
        end = int(found.replication.requests["end_ps"][request])
        assert_partition(path, 0, end)
        n_ops = found.replication.structure.n_ops
        assert np.all(found.holds.present[path.hold])
        assert np.all(
            found.replication.bursts["request"][path.hold // n_ops] == request
        )
    result = analyse_time(trace)
    assert sum(result.chip_path["by_stage"].values()) == result.elapsed_ps


# -- by hand ------------------------------------------------------------------------

CHAIN = [Op("a"), Op("b", (0,), stage="qk"), Op("a", (1,), stage="pv")]


def test_holds_one_after_another_are_all_work():
    found = opened(made_up(CHAIN, {0: [{0: (0, 0, 3), 1: (3, 3, 5), 2: (5, 5, 9)}]}))
    assert story(found, found.finder.request(0)) == [
        ("work", 0, 3, 0),
        ("work", 3, 5, 1),
        ("work", 5, 9, 2),
    ]


def test_of_parallel_predecessors_the_one_that_ended_last_is_on_the_path():
    ops = [Op("a"), Op("b"), Op("c", (0, 1))]
    found = opened(made_up(ops, {0: [{0: (0, 0, 3), 1: (0, 0, 7), 2: (7, 7, 8)}]}))
    assert story(found, found.finder.request(0)) == [
        ("work", 0, 7, 1),
        ("work", 7, 8, 2),
    ]


def test_a_wait_for_another_request_is_waiting_and_the_path_goes_on_before_it():
    two = {
        0: [{0: (0, 0, 10), 1: (10, 10, 11), 2: (11, 11, 12)}],
        1: [{0: (0, 12, 14), 1: (14, 14, 15), 2: (15, 15, 20)}],
    }
    two[1] = [{0: (0, 10, 11), 1: (11, 11, 15), 2: (15, 15, 20)}]
    found = opened(made_up(CHAIN, two))
    assert story(found, found.finder.request(1)) == [
        ("other_request", 0, 10, 0, 0),
        ("work", 10, 11, 0),
        ("work", 11, 15, 1),
        ("work", 15, 20, 2),
    ]


def test_a_wait_for_the_own_request_is_the_time_of_what_was_waited_for():
    # Both are ready at once on one resource: the second comes after the first.
    ops = [Op("a"), Op("b", (0,)), Op("b", (0,), stage="qk")]
    times = {0: (0, 0, 2), 1: (2, 2, 6), 2: (2, 6, 7)}
    found = opened(made_up(ops, {0: [times]}))
    assert story(found, found.finder.request(0)) == [
        ("work", 0, 2, 0),
        ("work", 2, 6, 1),
        ("work", 6, 7, 2),
    ]


GATED = [
    Op("layer[0]", (), "verify_drafted", 0, 0, "layer_gate", "gate"),
    Op("dpu[0]", (0,), "verify_drafted", 0, 0),
    Op("hbm", (1,), "verify_drafted", 0, 0),
    Op("layer[0]", (), "verify_bonus", 1, 0, "layer_gate", "gate"),
    Op("dpu[0]", (3,), "verify_bonus", 1, 0),
]


def test_who_waits_at_a_gate_comes_after_the_last_work_of_the_token_inside():
    times = {
        0: (0, 0, 9), 1: (0, 0, 4), 2: (4, 4, 9), 3: (0, 9, 11), 4: (9, 9, 11),
    }  # fmt: skip
    found = opened(made_up(GATED, {0: [times]}))
    assert story(found, found.finder.request(0)) == [
        ("work", 0, 4, 1),
        ("work", 4, 9, 2),
        ("work", 9, 11, 4),
    ]


def test_a_layer_held_by_another_request_is_waited_for_at_the_gate():
    one = {0: (0, 0, 9), 1: (0, 0, 4), 2: (4, 4, 9)}
    two = {0: (0, 9, 12), 1: (9, 9, 10), 2: (10, 10, 12)}
    found = opened(made_up(GATED, {0: [one], 1: [two]}))
    assert story(found, found.finder.request(1)) == [
        ("other_request", 0, 9, 0, 0),
        ("work", 9, 10, 1),
        ("work", 10, 12, 2),
    ]


def test_bursts_follow_each_other_and_wait_for_sram_room_and_admission():
    trace = made_up(
        [Op("a")],
        {0: [{0: (5, 5, 8)}, {0: (11, 11, 12)}]},
        bursts={(0, 0): {"ready_ps": 4}, (0, 1): {"ready_ps": 8}},
        arrivals={0: 3},
    )
    found = opened(trace)
    assert story(found, found.finder.request(0)) == [
        ("admission", 3, 4, 0),
        ("sram_room", 4, 5, 0),
        ("work", 5, 8, 0),
        ("sram_room", 8, 11, 0),
        ("work", 11, 12, 0),
    ]
    assert story(found, found.finder.burst(0, 1)) == [
        ("sram_room", 8, 11, 0),
        ("work", 11, 12, 0),
    ]
    assert story(found, found.finder.makespan())[0] == ("not_arrived", 0, 3, 0)
    result = analyse_time(trace)
    assert result.makespan_path["by_phase"] == {
        "draft": 4, "waiting: sram_room": 4, "waiting: not_arrived": 3,
        "waiting: admission": 1,
    }  # fmt: skip
    # What has not arrived cannot be waited for.
    assert result.makespan_path["waiting_ps"] == 5


def test_older_runs_without_the_new_columns_start_where_their_bursts_do():
    trace = made_up([Op("a")], {0: [{0: (5, 5, 8)}, {0: (8, 8, 9)}]})
    assert "ready_ps" not in trace.bursts().column_names
    assert "arrival_ps" not in trace.requests().column_names
    found = opened(trace)
    assert story(found, found.finder.request(0)) == [
        ("work", 5, 8, 0),
        ("work", 8, 9, 0),
    ]


VERIFY = [
    Op("a", (), "verify_drafted", 0, 0),
    Op("b", (), "verify_drafted", 1, 0),
    Op("c", (1,), "verify_bonus", 2, 0),
    Op("d", (2,), "commit", None, 0),
]


def test_after_a_cancellation_the_path_goes_on_with_what_ended_then():
    # Step 0 finds the mismatch at 10; steps 1 and 2 never finish their work.
    times = {0: (0, 0, 10), 1: (0, 0, 6), 3: (10, 10, 12)}
    found = opened(made_up(VERIFY, {0: [times]}))
    assert story(found, found.finder.request(0)) == [
        ("work", 0, 10, 0),
        ("work", 10, 12, 3),
    ]


def test_what_nothing_explains_is_until_work_was_cancelled():
    times = {1: (0, 0, 6), 3: (9, 9, 12)}
    found = opened(made_up(VERIFY, {0: [times]}))
    assert story(found, found.finder.request(0)) == [
        ("work", 0, 6, 1),
        ("cancelled", 6, 9, 3),
        ("work", 9, 12, 3),
    ]


def test_a_predecessor_that_still_runs_after_the_cancellation_is_not_followed():
    times = {0: (0, 0, 10), 1: (0, 0, 11), 3: (10, 10, 12)}
    found = opened(made_up(VERIFY, {0: [times]}))
    assert story(found, found.finder.request(0))[0] == ("work", 0, 10, 0)


AHEAD = [
    Op("a"),
    Op("b", (0,), "verify_bonus", 1, 0),
    Op("c", (1,), "commit", None, 0),
    Op("a", (0,), "draft_ahead", 0, 0),
]


def test_drafts_ahead_that_survive_explain_when_the_next_burst_verifies():
    first = {0: (0, 0, 2), 1: (2, 2, 5), 2: (5, 5, 6), 3: (2, 2, 8)}
    # Its draft was skipped: it verifies once the drafts ahead have ended.
    second = {1: (8, 8, 11), 2: (11, 11, 12)}
    bursts = {(0, 0): {"end_ps": 6}, (0, 1): {"start_ps": 6, "ready_ps": 6}}
    found = opened(made_up(AHEAD, {0: [first, second]}, bursts=bursts))
    assert story(found, found.finder.request(0)) == [
        ("work", 0, 2, 0),
        ("work", 2, 8, 3),
        ("work", 8, 11, 1),
        ("work", 11, 12, 2),
    ]
    # What ran before the burst could start is not of the burst.
    assert story(found, found.finder.burst(0, 1))[0] == ("work", 6, 8, 3)


def test_drafts_ahead_that_last_beyond_the_end_are_not_on_the_path():
    times = {0: (0, 0, 2), 1: (2, 2, 5), 2: (5, 5, 6), 3: (2, 2, 8)}
    found = opened(made_up(AHEAD, {0: [times]}, bursts={(0, 0): {"end_ps": 6}}))
    assert story(found, found.finder.request(0))[-1] == ("work", 5, 6, 2)


def test_holds_without_duration_do_not_lead_in_a_circle():
    ops = [Op("a b"), Op("a", (0,)), Op("b", (1,)), Op("a", (2,))]
    times = {0: (0, 0, 0), 1: (0, 0, 0), 2: (0, 0, 4), 3: (4, 4, 4)}
    found = opened(
        made_up(ops, {0: [times], 1: [times | {2: (0, 4, 5), 3: (5, 5, 5)}]})
    )
    assert story(found, found.finder.request(1)) == [
        ("other_request", 0, 4, 2, 0),
        ("work", 4, 5, 2),
    ]


def test_events_that_do_not_explain_the_end_are_refused():
    trace = made_up(
        [Op("a"), Op("a", (0,))],
        {0: [{0: (0, 0, 5), 1: (5, 5, 7)}]},
        bursts={(0, 0): {"start_ps": 2, "ready_ps": 2}},
    )
    with pytest.raises(TraceError, match="contradict the order of the program"):
        opened(trace)


def test_unknown_requests_and_bursts_are_refused():
    found = opened(made_up([Op("a")], {3: [{0: (0, 0, 1)}]}))
    with pytest.raises(TraceError, match="request 0 is not in replication 0"):
        found.finder.request(0)
    with pytest.raises(TraceError, match="request 3 has no burst 1"):
        found.finder.burst(3, 1)


def test_shares_name_the_resources_held_together_and_leave_gates_out():
    ops = [*GATED[:2], Op("A1[0] A2[0]", (1,), "verify_drafted", 0, 0)]
    times = {0: (0, 0, 9), 1: (0, 0, 4), 2: (4, 4, 9)}
    found = opened(made_up(ops, {0: [times]}))
    shares = PathShares(found.replication.structure)
    shares.add(found.replication, found.finder.request(0))
    assert shares.by("resource_kinds") == {"A1+A2": 5, "dpu": 4}
    savings = shares.savings()
    assert {kind: entry["hold_ps"] for kind, entry in savings.items()} == {
        "A1": 5, "A2": 5, "dpu": 4,
    }  # fmt: skip


def test_waits_are_told_by_the_work_that_held_the_resource():
    two = {
        0: [{0: (0, 0, 10), 1: (10, 10, 11), 2: (11, 11, 12)}],
        1: [{0: (0, 10, 11), 1: (11, 11, 15), 2: (15, 15, 20)}],
    }
    result = analyse_time(made_up(CHAIN, two))
    assert result.request_paths["waits"] == [
        {
            "resource_kind": "a",
            "cause": "other_request",
            "blocking": "draft work",
            "wait_ps": 10,
        }
    ]
    assert result.request_paths["waits_by_blocking_request"] == {"0": 10}


def test_a_trace_is_read_in_any_portions() -> None:
    whole = simulated(requests=2)
    small = MadeUpTrace(**{**whole.__dict__, "rows_at_once": 37})
    assert analyse_time(whole) == analyse_time(small)
