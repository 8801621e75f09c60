"""What must change, and how, when the input is changed in a known way (A10)."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import pytest

from simcore.analysis.estimate import estimate_scenario
from simcore.analysis.expectation import expected_bursts
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.engine.simulate import simulate_replication
from simcore.program.burst import build_burst_program, scenario_program
from simcore.program.outcomes import BurstOutcome, request_outcomes
from simcore.trace.recorder import NullRecorder

SCHEDULES = ("serialized", "layer-pipelined")
REUSE = ("reuse", "reread")


def tiny(*overrides: str) -> ScenarioConfig:
    """Its latencies are whole picoseconds, so that twice the time is exactly that."""
    return load_scenario("tiny", list(overrides))


def burst_ps(scenario: ScenarioConfig, accepted: int = 1, context: int = 40) -> int:
    program = scenario_program(scenario, events=True)
    outcome = BurstOutcome(context, accepted, accepted + 1)
    (times,) = simulate_replication(program, {0: [outcome]}, NullRecorder())
    return times.end_ps - times.start_ps


def changed(data: Any, change: dict[str, float]) -> Any:
    """Every number whose name ends in a key of `change`, times that factor."""
    if isinstance(data, dict):
        return {
            key: next(
                (
                    value * factor
                    for ending, factor in change.items()
                    if key.endswith(ending) and isinstance(value, float)
                ),
                changed(value, change),
            )
            for key, value in data.items()
        }
    return data


def with_hardware(scenario: ScenarioConfig, change: dict[str, float]) -> ScenarioConfig:
    hardware = scenario.hardware
    found = type(hardware).model_validate(changed(hardware.model_dump(), change))
    assert found != hardware
    return scenario.model_copy(update={"hardware": found})


LATENCIES = ("_ns", "_ns_per_op", "_ns_per_conversion", "_ns_per_activation")
PER_WORK = ("_ns_per_token", "_ns_per_burst")


@pytest.mark.parametrize("reuse", REUSE)
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_twice_every_latency_and_half_every_bandwidth_is_twice_the_time(
    schedule: str, reuse: str
) -> None:
    scenario = tiny(f"schedule={schedule}", f"hardware.reuse_policy={reuse}")
    slower = with_hardware(
        scenario,
        {**dict.fromkeys((*LATENCIES, *PER_WORK), 2.0), "_bandwidth_GBps": 0.5},
    )
    assert burst_ps(slower) == 2 * burst_ps(scenario)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_energy_does_not_change_time_and_time_does_not_change_energy(
    schedule: str,
) -> None:
    scenario = tiny(f"schedule={schedule}")
    energies = dict.fromkeys(
        (
            "_pj_per_op",
            "_pj_per_conversion",
            "_pj_per_activation",
            "_pj_per_byte",
            "_pj_per_token",
            "_pj_per_burst",
        ),
        3.0,
    )
    dearer = with_hardware(scenario, energies)
    assert burst_ps(dearer) == burst_ps(scenario)
    base = estimate_scenario(scenario).expectation.dynamic_energy_pj
    assert estimate_scenario(dearer).expectation.dynamic_energy_pj == pytest.approx(
        3 * base, rel=1e-12
    )
    slower = with_hardware(scenario, dict.fromkeys(LATENCIES, 2.0))
    assert estimate_scenario(slower).expectation.dynamic_energy_pj == base


@pytest.mark.parametrize("memory", ["sram", "hbm", "fabric"])
@pytest.mark.parametrize("schedule", SCHEDULES)
def test_unlimited_bandwidth_is_never_slower(schedule: str, memory: str) -> None:
    scenario = tiny(f"schedule={schedule}")
    unlimited = load_scenario(
        scenario,
        [
            f"hardware.memory.{memory}.{direction}_bandwidth_GBps=0"
            for direction in ("read", "write")
        ],
    )
    for accepted in range(4):
        assert burst_ps(unlimited, accepted) <= burst_ps(scenario, accepted)
    if memory == "hbm":
        assert burst_ps(unlimited) < burst_ps(scenario)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize(
    "slower",
    [
        "hardware.memory.hbm.read_latency_ns=33",
        "hardware.memory.sram.write_bandwidth_GBps=8",
        "hardware.soc.control.latency_ns_per_token=3",
        "hardware.soc.verify_setup.latency_ns_per_burst=9",
        "hardware.soc.buffers_add.latency_ns_per_op=2",
    ],
)
def test_a_slower_part_is_never_faster(schedule: str, slower: str) -> None:
    scenario = tiny(f"schedule={schedule}")
    assert burst_ps(load_scenario(scenario, [slower])) >= burst_ps(scenario)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_time_grows_with_the_context_and_with_what_is_committed(schedule: str) -> None:
    scenario = tiny(f"schedule={schedule}")
    by_context = [burst_ps(scenario, context=c) for c in (1, 2, 16, 17, 100)]
    assert by_context == sorted(set(by_context))
    by_accepted = [burst_ps(scenario, accepted=a) for a in range(4)]
    assert by_accepted == sorted(set(by_accepted))


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_accepting_every_draft_is_never_slower_per_token(schedule: str) -> None:
    scenario = tiny(f"schedule={schedule}")
    per_token = [burst_ps(scenario, a) / (a + 1) for a in range(4)]
    assert per_token == sorted(per_token, reverse=True)
    rates = [
        estimate_scenario(tiny(f"schedule={schedule}", f"acceptance.rate={rate}"))
        for rate in (0.0, 0.25, 0.5, 0.75, 1.0)
    ]
    latency = [e.metrics["latency_ns_per_token"] for e in rates]
    assert latency == sorted(latency, reverse=True)


def test_pipelining_never_takes_longer_than_serializing() -> None:
    for reuse in REUSE:
        serialized, pipelined = (
            tiny(f"schedule={schedule}", f"hardware.reuse_policy={reuse}")
            for schedule in SCHEDULES
        )
        assert burst_ps(pipelined) < burst_ps(serialized)


def test_schedules_do_the_same_work() -> None:
    energy = [
        estimate_scenario(tiny(f"schedule={s}")).expectation.energy_pj
        for s in SCHEDULES
    ]
    assert energy[0] == energy[1]


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_without_drafts_a_burst_is_the_baseline(schedule: str) -> None:
    none = tiny(f"schedule={schedule}", "workload.draft_length=0")
    some = estimate_scenario(tiny(f"schedule={schedule}"))
    found = estimate_scenario(none)
    baseline = some.verdict.baseline.metrics()
    assert found.metrics == pytest.approx(baseline, rel=1e-12)
    assert found.verdict.speedup == pytest.approx(1.0, rel=1e-12)
    assert found.verdict.break_even_committed_tokens == pytest.approx(1.0, rel=1e-12)


def test_one_layer_without_a_head_gains_nothing_from_pipelining() -> None:
    alone = [
        tiny(f"schedule={s}", "model.n_layers=1", "accounting.extra_features=off")
        for s in SCHEDULES
    ]
    assert scenario_program(alone[0]).verify[0].layers[1].positions == ()
    assert burst_ps(alone[0]) == burst_ps(alone[1])


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_names_change_nothing(schedule: str) -> None:
    scenario = tiny(f"schedule={schedule}")
    renamed = load_scenario(
        scenario, ["name=other", "model.name=other", "hardware.name=other"]
    )
    assert burst_ps(renamed) == burst_ps(scenario)
    assert expected_bursts(renamed) == expected_bursts(scenario)
    for request in range(5):
        assert request_outcomes(renamed, request) == request_outcomes(scenario, request)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_request_run_in_two_parts_takes_the_time_of_the_whole(schedule: str) -> None:
    scenario = tiny(f"schedule={schedule}")
    program = scenario_program(scenario)
    outcomes = request_outcomes(scenario, 0)
    assert len(outcomes) > 2
    whole = simulate_replication(program, {0: outcomes}, NullRecorder())
    for cut in range(1, len(outcomes)):
        first = simulate_replication(program, {0: outcomes[:cut]}, NullRecorder())
        second = simulate_replication(program, {0: outcomes[cut:]}, NullRecorder())
        assert first[-1].end_ps + second[-1].end_ps == whole[-1].end_ps


def test_more_sram_than_a_burst_needs_changes_nothing() -> None:
    scenario = tiny()
    needed = scenario_program(scenario).speculative_bytes
    for capacity in (needed, needed + 1, 10 * needed):
        roomy = tiny(f"hardware.memory.sram.capacity_bytes={capacity}")
        assert burst_ps(roomy) == burst_ps(scenario)


@pytest.mark.parametrize("schedule", SCHEDULES)
def test_a_longer_draft_adds_its_steps_and_no_others(schedule: str) -> None:
    scenario = tiny(f"schedule={schedule}")
    programs = [
        build_burst_program(scenario.model, scenario.hardware, k) for k in range(5)
    ]
    for k, (shorter, longer) in enumerate(pairwise(programs)):
        assert longer.draft[:k] == shorter.draft
        assert longer.verify[:k] == shorter.verify[:k]
        assert len(longer.draft) == k + 1
        assert len(longer.verify) == k + 2
        assert longer.commit == shorter.commit


@pytest.mark.parametrize("capacity", [4, 40])
def test_serialized_break_even_exceeds_what_a_burst_can_commit(capacity: int) -> None:
    """Without reuse, serialized speculation cannot win: C* > K + 1."""
    for k in range(1, 5):
        scenario = tiny(
            "schedule=serialized",
            f"workload.draft_length={k}",
            f"workload.prompt_length={capacity}",
        )
        verdict = estimate_scenario(scenario).verdict
        assert verdict.break_even_committed_tokens > k + 1
        assert verdict.speedup < 1
        assert verdict.dynamic_energy_ratio > 1
