"""Requests that share a chip: granted by the rules, never two on one resource (A7)."""

from __future__ import annotations

from collections import defaultdict
from itertools import pairwise

import numpy as np
import pytest
from hand_table import HoldKeeper, Holds, Op, hand_program
from naive_scheduler import NaiveSchedule

from simcore.config.load import load_scenario
from simcore.engine.burst_controller import BurstTimes
from simcore.engine.simulate import simulate_replication
from simcore.program.burst import BurstProgram, scenario_program
from simcore.program.outcomes import BurstOutcome, request_outcomes

KINDS = ("A1[0]", "A2[0]", "dac[0]", "dpu[0]", "hbm", "sram[0]")


def random_program(seed: int) -> tuple[BurstProgram, dict[int, list[BurstOutcome]]]:
    """Any graph on few resources, with joint holds and holds of no duration."""
    rng = np.random.default_rng([seed, 99])
    n_ops = int(rng.integers(3, 14))
    ops: list[Op] = []
    for number in range(n_ops):
        held = rng.choice(KINDS, size=int(rng.integers(1, 4)), replace=False)
        before = [i for i in range(number) if rng.random() < 1.5 / n_ops]
        ops.append(Op(tuple(str(r) for r in held), tuple(before)))
    times = {
        context: [int(rng.integers(0, 4)) for _ in range(n_ops)] for context in range(4)
    }
    requests = {
        int(request): [
            BurstOutcome(int(rng.integers(0, 4)), 0, 1)
            for _ in range(int(rng.integers(1, 4)))
        ]
        for request in rng.choice(50, size=int(rng.integers(1, 5)), replace=False)
    }
    return hand_program(ops, times), requests


def shared_chip(schedule: str, *overrides: str) -> BurstProgram:
    scenario = load_scenario(
        "tiny", [f"schedule={schedule}", "workload.draft_length=2", *overrides]
    )
    return scenario_program(scenario, events=True)


def outcomes_of(requests: int) -> dict[int, list[BurstOutcome]]:
    scenario = load_scenario("tiny", ["workload.draft_length=2"])
    return {r: request_outcomes(scenario, r)[:2] for r in range(requests)}


def simulated(
    program: BurstProgram, requests: dict[int, list[BurstOutcome]]
) -> tuple[dict[tuple[int, int], Holds], list[BurstTimes]]:
    keeper = HoldKeeper()
    times = simulate_replication(program, requests, keeper)
    return keeper.holds, times


def assert_follows_the_rules(
    program: BurstProgram, requests: dict[int, list[BurstOutcome]]
) -> None:
    holds, _ = simulated(program, requests)
    naive = NaiveSchedule(program.table, requests).run()
    assert len(naive.end) == len(program.table) * len(holds)
    for (request, burst), found in holds.items():
        ops = range(len(program.table))
        keys = [(request, burst, op) for op in ops]
        assert found.ready == [naive.ready[key] for key in keys]
        assert found.start == [naive.start[key] for key in keys]
        assert found.end == [naive.end[key] for key in keys]


@pytest.mark.parametrize("first", range(0, 300, 60))
def test_random_graphs_are_granted_by_the_rules(first: int) -> None:
    for seed in range(first, first + 60):
        program, requests = random_program(seed)
        try:
            assert_follows_the_rules(program, requests)
        except AssertionError as error:
            raise AssertionError(f"random_program({seed})") from error


@pytest.mark.parametrize("reuse", ["reuse", "reread"])
@pytest.mark.parametrize("schedule", ["serialized", "layer-pipelined"])
def test_requests_on_one_chip_are_granted_by_the_rules(
    schedule: str, reuse: str
) -> None:
    program = shared_chip(schedule, f"hardware.reuse_policy={reuse}")
    assert_follows_the_rules(program, outcomes_of(3))


@pytest.mark.parametrize("schedule", ["serialized", "layer-pipelined"])
def test_no_resource_ever_holds_two_operations(schedule: str) -> None:
    program = shared_chip(schedule)
    holds, _ = simulated(program, outcomes_of(4))
    table = program.table
    spans = defaultdict(list)
    for burst in holds.values():
        for op, resources in enumerate(table.op_resources):
            for resource in resources:
                spans[resource].append((burst.start[op], burst.end[op]))
    assert len(spans) == len(table.resources)
    for resource, found in spans.items():
        for (_, end), (start, _) in pairwise(sorted(found)):
            assert start >= end, table.resources[resource]


@pytest.mark.parametrize("schedule", ["serialized", "layer-pipelined"])
def test_no_hold_starts_before_its_predecessors_have_ended(schedule: str) -> None:
    program = shared_chip(schedule)
    holds, times = simulated(program, outcomes_of(4))
    table = program.table
    launched = {(t.request, t.burst): t.start_ps for t in times}
    for key, burst in holds.items():
        for op, before in enumerate(table.predecessors):
            over = [
                burst.start[other]
                if table.operations[other].channel == "gate"
                else burst.end[other]
                for other in before
            ]
            assert burst.ready[op] == max(over, default=launched[key])
            assert burst.start[op] >= burst.ready[op]


def test_sharing_makes_requests_wait_and_finishes_them_sooner_than_one_by_one() -> None:
    program = shared_chip("layer-pipelined")
    outcomes = outcomes_of(3)
    _, together = simulated(program, outcomes)
    alone = [
        simulated(program, {request: bursts})[1][-1].end_ps
        for request, bursts in outcomes.items()
    ]
    end = max(times.end_ps for times in together)
    assert max(alone) < end < sum(alone)


def test_sram_for_one_burst_serves_requests_in_turn() -> None:
    roomy = shared_chip("layer-pipelined")
    needed = roomy.speculative_bytes
    capacity = f"hardware.memory.sram.capacity_bytes={2 * needed - 1}"
    program = shared_chip("layer-pipelined", capacity)
    _, times = simulated(program, outcomes_of(3))
    spans = sorted((t.start_ps, t.end_ps, t.request, t.burst) for t in times)
    for (_, end, *_), (start, *_) in pairwise(spans):
        assert start == end
    # Whoever has waited longest is next.
    turns = [(request, burst) for _, _, request, burst in spans]
    assert turns == [(0, 0), (1, 0), (2, 0), (0, 1), (1, 1), (2, 1)]


# -- what is recorded -------------------------------------------------------------


def test_every_burst_is_recorded_once_with_every_hold() -> None:
    program = shared_chip("layer-pipelined")
    requests = outcomes_of(3)
    keeper = HoldKeeper()
    times = simulate_replication(program, requests, keeper, replication=7)
    expected = {(r, b) for r, bursts in requests.items() for b in range(len(bursts))}
    assert set(keeper.holds) == expected
    assert [(t.request, t.burst) for t in times] == sorted(expected)
    assert {t.replication for t in times} == {7}
    assert keeper.ended == [7]
    table = program.table
    for (request, burst), holds in keeper.holds.items():
        assert len(holds.start) == len(table)
        outcome = requests[request][burst]
        durations = table.durations_ps(outcome.context_length, outcome.committed)
        for op, operation in enumerate(table.operations):
            if operation.channel != "gate":
                assert holds.duration[op] == durations[op]


def test_burst_times_are_those_of_its_holds() -> None:
    program = shared_chip("layer-pipelined")
    holds, times = simulated(program, outcomes_of(3))
    table = program.table
    for burst in times:
        found = holds[burst.request, burst.burst]
        by_phase = defaultdict(list)
        for op, phase in enumerate(table.phase):
            by_phase[phase.partition("_")[0]].append(found.end[op])
        assert burst.draft_end_ps == max(by_phase["draft"])
        assert burst.verify_end_ps == max(by_phase["verify"])
        assert burst.end_ps == max(by_phase["commit"])
        assert burst.start_ps == min(found.ready)


def test_a_watermark_never_promises_too_much() -> None:
    """No hold recorded later starts before what was promised."""
    promised = [0]

    class Watching(HoldKeeper):
        def record_burst(self, *columns, activates=None):  # type: ignore[no-untyped-def]
            super().record_burst(*columns)
            start_ps = columns[4]
            assert int(start_ps.min()) >= promised[-1]

        def flush_before(self, watermark_ps: int) -> None:
            promised.append(watermark_ps)

    simulate_replication(shared_chip("layer-pipelined"), outcomes_of(4), Watching())
    assert promised == sorted(promised)
    assert promised[-1] > 0


def test_the_same_input_gives_the_same_holds() -> None:
    program = shared_chip("layer-pipelined")
    requests = outcomes_of(3)
    first, times = simulated(program, requests)
    backwards = dict(reversed(requests.items()))
    again, times_again = simulated(shared_chip("layer-pipelined"), backwards)
    assert first == again
    assert times == times_again


def test_requests_in_other_replications_do_not_meet() -> None:
    program = shared_chip("layer-pipelined")
    requests = outcomes_of(2)
    _, (alone, *_) = simulated(program, {1: requests[1]})
    assert alone.start_ps == 0


def test_hundreds_of_requests_may_get_their_room_at_one_instant() -> None:
    program = hand_program([Op("dpu[0]")], {0: [5]}, burst_bytes=1)
    outcome = [BurstOutcome(0, 0, 1)]
    _, times = simulated(program, dict.fromkeys(range(500), outcome))
    assert {t.start_ps for t in times} == {0}
    assert [t.end_ps for t in times] == [5 * (n + 1) for n in range(500)]
