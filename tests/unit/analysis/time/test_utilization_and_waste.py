"""Utilization over time and wasted work, by hand and against the run's own sums."""

from __future__ import annotations

import math

import numpy as np
import pytest
from made_up_run import Op, made_up, opened, simulated

from simcore.analysis.time import analyse_time
from simcore.analysis.time.busy_time import BusyTime, UtilizationTally


@pytest.mark.parametrize("seed", range(20))
def test_busy_time_counts_every_instant_that_something_is_held(seed):
    rng = np.random.default_rng(seed)
    start = rng.integers(0, 40, 8)
    end = start + rng.integers(0, 6, 8)
    busy = BusyTime(start, end)
    held = [bool(np.any((start <= t) & (t < end))) for t in range(50)]
    expected = np.concatenate(([0], np.cumsum(held)))
    assert busy.until(np.arange(51)).tolist() == expected.tolist()


def test_without_holds_nothing_is_ever_busy():
    none = np.zeros(0, dtype=np.int64)
    assert BusyTime(none, none).until(np.array([0, 9])).tolist() == [0, 0]


def test_utilization_by_hand_in_two_halves():
    ops = [Op("a[0]"), Op("a[1]", (0,)), Op("hbm", (1,))]
    times = {0: (0, 0, 4), 1: (4, 4, 7), 2: (7, 7, 10)}
    found = analyse_time(made_up(ops, {0: [times]}), n_bins=2).utilization
    kind = found["by_resource_kind"]["a"]
    assert (kind["instances"], kind["busy_ps"]) == (2, 7)
    assert kind["mean_ratio"] == 7 / 20
    assert (kind["busiest"], kind["busiest_ratio"]) == ("a[0]", 0.4)
    assert kind["busiest_ratio_over_time"] == [0.8, 0.0]
    assert kind["mean_ratio_over_time"] == [0.5, 0.2]
    assert found["bottleneck"] == {"name": "a[0]", "kind": "a", "ratio": 0.4}
    assert found["by_resource"]["hbm"] == {"busy_ps": 3, "ratio": 0.3}


def test_a_layer_kept_for_a_token_is_never_the_bottleneck():
    ops = [Op("layer[0]", operation="layer_gate"), Op("dpu[0]", (0,))]
    found = analyse_time(made_up(ops, {0: [{0: (0, 0, 9), 1: (0, 0, 5)}]}))
    assert found.utilization["bottleneck"]["name"] == "dpu[0]"
    assert found.utilization["by_resource_kind"]["layer"]["is_gate"]


def test_the_parts_of_a_run_sum_to_all_busy_time_of_all_replications():
    trace = simulated(requests=3)
    replication = opened(trace).replication
    tally = UtilizationTally(replication.structure, 7)
    tally.add(replication)
    tally.add(replication)
    busy = dict.fromkeys(replication.structure.resources, 0)
    rows = zip(
        replication.resource, replication.end_ps - replication.start_ps, strict=True
    )
    for resource, duration in rows:
        busy[replication.structure.resources[resource]] += 2 * int(duration)
    assert tally.busy_ps() == busy
    assert tally.elapsed_ps == 2 * replication.horizon_ps


# -- wasted work ----------------------------------------------------------------------

#: K = 2: two drafts, three verify steps, one draft ahead.
BURST = [
    Op("a", (), "draft", 0),
    Op("a", (0,), "draft", 1),
    Op("b", (1,), "verify_bonus", None, None, "verify_setup"),
    Op("b", (2,), "verify_drafted", 0),
    Op("b", (3,), "verify_drafted", 1),
    Op("b", (4,), "verify_bonus", 2),
    Op("c", (5,), "commit", None),
    Op("a", (1,), "draft_ahead", 2),
]
#: Durations 1, 2, 4, ... so that every sum tells which operations it is of.
DURATION = [1 << i for i in range(len(BURST))]


def burst_times(begin: int, without: tuple[int, ...] = ()) -> dict[int, tuple]:
    times, now = {}, begin
    for op in range(7):
        if op not in without:
            times[op] = (now, now, now + DURATION[op])
            now += DURATION[op]
    if 7 not in without:
        times[7] = (begin + 3, begin + 3, begin + 3 + DURATION[7])
    return times


def wasted(accepted: int, committed: int, *, without: tuple[int, ...] = (7,)):
    columns = {"accepted": accepted, "committed": committed}
    trace = made_up(BURST, {0: [burst_times(0, without)]}, bursts={(0, 0): columns})
    return analyse_time(trace).wasted


def test_steps_after_the_first_rejected_token_are_wasted():
    found = wasted(0, 1)
    assert found["rejected_drafts"]["busy_ps"] == 1 + 2
    assert found["rejected_drafts"]["steps"] == 2
    assert found["verify_beyond"]["busy_ps"] == 16 + 32
    assert found["verify_beyond"]["energy_pj"] == 2.0
    assert found["discarded"]["steps"] == 0
    assert found["all"]["busy_ps"] == 51
    assert found["total"] == {"busy_ps": 127, "energy_pj": 7.0}


def test_when_all_is_accepted_and_wanted_nothing_is_wasted():
    assert wasted(2, 3)["all"]["busy_ps"] == 0


def test_tokens_beyond_the_end_of_the_request_are_discarded():
    found = wasted(2, 1)
    # Draft 1 and verify steps 1 and 2 gave tokens that nobody wanted any more.
    assert found["discarded"]["busy_ps"] == 2 + 16 + 32
    assert found["discarded"]["steps"] == 3
    assert found["all"]["busy_ps"] == found["discarded"]["busy_ps"]


def test_steps_that_never_ran_waste_nothing():
    assert wasted(0, 1, without=(4, 5, 7))["verify_beyond"]["steps"] == 0


@pytest.mark.parametrize("survives", [True, False])
def test_drafts_ahead_are_wasted_unless_the_next_burst_skips_its_own(survives):
    second = burst_times(200, (0, 1, 7) if survives else (7,))
    columns = {"accepted": 2, "committed": 3}
    trace = made_up(
        BURST,
        {0: [burst_times(0), second]},
        bursts={
            (0, 0): {**columns, "end_ps": 127},
            (0, 1): {**columns, "ready_ps": 127, "start_ps": 200},
        },
    )
    found = analyse_time(trace).wasted["cancelled_ahead"]
    assert found["busy_ps"] == (0 if survives else DURATION[7])
    assert found["steps"] == (0 if survives else 1)


def test_drafts_ahead_of_the_last_burst_are_wasted():
    found = wasted(2, 3, without=())
    assert found["cancelled_ahead"]["busy_ps"] == DURATION[7]


def test_waste_and_useful_work_are_all_busy_time_and_energy():
    trace = simulated(requests=3)
    total = analyse_time(trace).wasted["total"]
    busy = sum(
        row["duration_ps"]
        for row, gate in zip(trace.event_rows, _gates(trace), strict=True)
        if not gate
    )
    assert total["busy_ps"] == busy
    energy = trace.energy_table.to_pydict()
    base = math.fsum(energy["energy_pj_base"]) * len(trace.burst_rows)
    assert total["energy_pj"] > base


def _gates(trace):
    channel = {
        (row["op_id"], row["resource_index"]): row["channel"]
        for row in trace.program_table.to_pylist()
    }
    return [
        channel[row["op_id"], row["resource_index"]] == "gate"
        for row in trace.event_rows
    ]
