"""Schedules and verification policies, by hand and against each other."""

from __future__ import annotations

from typing import get_args

import numpy as np
import pytest
from hand_table import HoldKeeper

from simcore.config.load import config_dict, load_scenario
from simcore.config.scenario import ScenarioConfig, Schedule
from simcore.engine.burst_controller import BurstTimes
from simcore.engine.simulate import simulate_replication
from simcore.errors import ProgramError
from simcore.program.burst import BurstProgram, scenario_program
from simcore.program.outcomes import BurstOutcome, OutcomeDraws
from simcore.program.schedules import SCHEDULES
from simcore.program.verification import VERIFICATIONS

REUSE = ("hardware.reuse_policy=reuse", "accounting.dac_banks=2")


class Keeper(HoldKeeper):
    """Keeps which operations ran as well."""

    def __init__(self) -> None:
        super().__init__()
        self.executed: dict[tuple[int, int], np.ndarray | None] = {}

    def record_burst(self, *columns, **more) -> None:  # type: ignore[no-untyped-def]
        super().record_burst(*columns[:6])
        self.executed[columns[1], columns[2]] = columns[7]


def tiny(*overrides: str) -> ScenarioConfig:
    return load_scenario("tiny", ["workload.draft_length=3", *overrides])


def run(
    program: BurstProgram, outcomes: list[BurstOutcome]
) -> tuple[Keeper, list[BurstTimes]]:
    keeper = Keeper()
    times = simulate_replication(program, {0: outcomes}, keeper)
    return keeper, times


def test_the_names_of_policies_are_those_a_scenario_may_use() -> None:
    shipped = get_args(Schedule)[0]
    assert tuple(s.name for s in SCHEDULES) == get_args(shipped)
    field = ScenarioConfig.model_fields["verification"]
    assert tuple(v.name for v in VERIFICATIONS) == field.annotation.__args__
    assert VERIFICATIONS[0].name == field.default


# -- prefetch ------------------------------------------------------------------------


@pytest.mark.parametrize("bandwidth_gbps", [0.5, 4.0, 1000.0])
def test_prefetch_hides_reads_up_to_the_compute_they_run_under(bandwidth_gbps) -> None:
    """Two layers by hand: read 0 hides under what is before it, read 1 between."""
    scenario = load_scenario(
        "tiny",
        [
            f"hardware.memory.hbm.read_bandwidth_GBps={bandwidth_gbps}",
            "accounting.extra_features=off",
            "workload.draft_length=0",
        ],
    )
    context = 64
    latency = {}
    for schedule in ("serialized", "prefetch"):
        program = scenario_program(load_scenario(scenario, [f"schedule={schedule}"]))
        _, (times,) = run(program, [BurstOutcome(context, 0, 1)])
        latency[schedule] = times.verify_end_ps - times.start_ps
    table = scenario_program(load_scenario(scenario, ["schedule=serialized"])).table
    duration = table.durations_ps(context, 1)
    pre, read, post = ([0, 0] for _ in range(3))
    setup = 0
    for cell in table.cells:
        if cell.phase == "commit":
            continue
        behind = False
        for position in range(table.position[cell.last] + 1):
            ops = [
                op
                for op in range(cell.first, cell.last + 1)
                if table.position[op] == position
            ]
            time = max(int(duration[op]) for op in ops)
            if cell.step < 0:
                setup += time
            elif table.operations[ops[0]].name == "kv_read":
                read[cell.layer] += time
                behind = True
            else:
                (post if behind else pre)[cell.layer] += time
    assert latency["serialized"] == setup + sum(pre) + sum(read) + sum(post)
    before_0 = setup + pre[0]
    between = post[0] + pre[1]
    # Read 1 follows read 0 at once; what is not hidden is waited for.
    behind_0 = max(before_0, read[0])
    behind_1 = max(behind_0 + between, read[0] + read[1])
    assert latency["prefetch"] == behind_1 + post[1]
    hidden = latency["serialized"] - latency["prefetch"]
    assert hidden > 0
    if read[0] <= before_0 and read[1] <= between:
        assert hidden == read[0] + read[1]
    if read[0] >= before_0 and read[1] >= between:
        assert hidden == before_0 + between


def test_buffers_that_do_not_fit_are_refused_and_named() -> None:
    with pytest.raises(ProgramError) as caught:
        scenario_program(
            tiny("schedule=prefetch", "hardware.memory.sram.capacity_bytes=4000")
        )
    text = str(caught.value)
    assert "bytes of speculative KV (2 layers x 4 tokens)" in text
    assert "bytes of double buffers for the KV of two layers" in text
    assert "but the SRAM has 4000; use a shorter context" in text


# -- stop at mismatch ----------------------------------------------------------------


@pytest.mark.parametrize("accepted", range(4))
def test_serialized_verification_stops_behind_the_step_that_shows_a_mismatch(
    accepted: int,
) -> None:
    program = scenario_program(
        tiny("schedule=serialized", "verification=stop_at_mismatch")
    )
    keeper, (times,) = run(program, [BurstOutcome(16, accepted, accepted + 1)])
    executed = keeper.executed[0, 0]
    table = program.table
    ran = np.ones(len(table), bool) if executed is None else executed
    steps = {int(table.step[op]) for op in np.flatnonzero(ran & table.is_verify)}
    assert steps - {-1} == set(range(accepted + 1))
    assert times.wasted_verify_steps == 0
    assert ran[~table.is_verify].all()


@pytest.mark.parametrize("accepted", range(3))
def test_a_wavefront_cancels_exactly_the_holds_that_have_not_started(
    accepted: int,
) -> None:
    outcome = [BurstOutcome(16, accepted, accepted + 1)]
    settings = ("schedule=layer-pipelined", "model.n_layers=5")
    full, (whole,) = run(scenario_program(tiny(*settings)), outcome)
    program = scenario_program(tiny(*settings, "verification=stop_at_mismatch"))
    cut, (times,) = run(program, outcome)
    table = program.table
    ran = cut.executed[0, 0]
    decided = times.verify_end_ps
    later = table.is_verify & (table.step > accepted)
    start = np.array(full.holds[0, 0].start)
    assert np.array_equal(ran[later], start[later] < decided)
    assert 0 < ran[later].sum() < later.sum()
    # What has started runs as it would have; the commit follows the decision.
    kept = (
        ran
        & ~table.is_commit
        & (np.array([o.channel for o in table.operations]) != "gate")
    )
    for name in ("ready", "start", "end"):
        before = np.array(getattr(full.holds[0, 0], name))
        assert np.array_equal(
            np.array(getattr(cut.holds[0, 0], name))[kept], before[kept]
        )
    commits = np.flatnonzero(table.is_commit)
    assert {cut.holds[0, 0].ready[op] for op in commits.tolist()} == {decided}
    assert times.end_ps < whole.end_ps
    steps = {int(table.step[op]) for op in np.flatnonzero(ran & later)}
    assert times.wasted_verify_steps == len(steps) > 0


# -- overlap -------------------------------------------------------------------------


def always(k: int) -> dict:
    """Every draft and every guess is right."""
    return {"kind": "position_replay", "requests": [[k + 5] * 200]}


def test_overlap_is_never_slower_than_without_it_when_guesses_hit() -> None:
    base = config_dict(load_scenario("tiny"))
    for layers, prompt in ((1, 4), (2, 16), (4, 64)):
        base["model"] |= {"n_layers": layers, "layer_windows": [None] * layers}
        scenario = load_scenario(
            {**base, "acceptance": always(3)},
            [
                *REUSE,
                "workload.draft_length=3",
                "workload.max_tokens=40",
                f"workload.prompt_length={prompt}",
            ],
        )
        end, guess_ps, ahead_ps = {}, 0, 0
        for schedule in ("layer-pipelined", "overlap"):
            one = load_scenario(scenario, [f"schedule={schedule}"])
            program = scenario_program(one)
            outcomes = OutcomeDraws(one).request(0)
            keeper, times = run(program, outcomes)
            end[schedule] = times[-1].commit_end_ps
            if schedule == "overlap":
                assert [t.drafted_ahead for t in times] == [False] + [True] * 9
                assert [o.ahead_survives for o in outcomes] == [True] * 9 + [False]
                table = program.table
                for (_, burst), holds in keeper.holds.items():
                    duration = np.array(holds.duration)
                    ahead = duration * table.is_ahead
                    guess_ps += int(ahead[table.step == 3].sum())
                    if burst == 9:
                        ahead_ps = int(ahead.sum())
        assert end["overlap"] <= end["layer-pipelined"] + guess_ps + ahead_ps
        assert end["overlap"] < end["layer-pipelined"]


def test_overlap_tells_what_it_drafted_in_vain() -> None:
    base = config_dict(load_scenario("tiny"))
    scenario = load_scenario(
        {**base, "acceptance": {"kind": "fixed", "accepted": 0}},
        [*REUSE, "schedule=overlap", "workload.draft_length=3"],
    )
    program = scenario_program(scenario)
    outcomes = OutcomeDraws(scenario).request(0)
    assert not any(o.ahead_survives for o in outcomes)
    keeper, times = run(program, outcomes)
    ahead = program.table.is_ahead
    for (_, burst), executed in keeper.executed.items():
        assert executed is not None
        started = int((executed & ahead).sum())
        assert 0 < started < int(ahead.sum()), burst
        # A cancelled chain ends with the hold that was in progress.
        end = np.array(keeper.holds[0, burst].end)
        assert end[executed].max() == times[burst].end_ps
        assert not times[burst].drafted_ahead


@pytest.mark.parametrize(
    ("override", "missing"),
    [
        ("hardware.reuse_policy=reread", "hardware.reuse_policy: reuse"),
        ("accounting.dac_banks=1", "accounting.dac_banks: 2"),
    ],
)
def test_overlap_is_refused_where_it_is_not_legal(override: str, missing: str) -> None:
    with pytest.raises(ProgramError, match="schedule overlap needs") as caught:
        scenario_program(tiny("schedule=overlap", *REUSE, override))
    assert missing in str(caught.value)


def test_verification_goes_before_drafts_ahead() -> None:
    """No verify hold waits for a draft ahead that was granted at that instant."""
    base = config_dict(load_scenario("tiny"))
    scenario = load_scenario(
        {**base, "acceptance": always(3)},
        [*REUSE, "schedule=overlap", "workload.draft_length=3"],
    )
    program = scenario_program(scenario)
    table = program.table
    keeper, _ = run(program, OutcomeDraws(scenario).request(0))
    checked = 0
    for burst, holds in keeper.holds.items():
        ran = keeper.executed[burst]
        ran = np.ones(len(table), bool) if ran is None else ran
        for op in np.flatnonzero(ran & table.is_verify).tolist():
            if holds.start[op] == holds.ready[op]:
                continue
            for other in np.flatnonzero(ran & table.is_ahead).tolist():
                shared = set(table.op_resources[op]) & set(table.op_resources[other])
                if shared and holds.ready[op] < holds.start[other] < holds.start[op]:
                    raise AssertionError((burst, op, other))
            checked += 1
    assert checked
