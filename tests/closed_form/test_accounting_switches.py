"""Every switch that events can follow moves the simulation and the formula together."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from generated_chips import Case, generated_case

from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composition import Composition
from simcore.analysis.crosscheck import conditional_row
from simcore.analysis.estimate import estimate_scenario
from simcore.analysis.expectation import ExpectedBursts
from simcore.analysis.ledger import Ledger
from simcore.config.accounting import CLOSED_FORM_ONLY, AccountingConfig
from simcore.config.load import load_scenario
from simcore.engine.simulate import simulate_replication
from simcore.experiments.run import simulate
from simcore.experiments.validate import validate
from simcore.program.outcomes import BurstOutcome
from simcore.trace.recorder import NullRecorder

#: Every value of every switch that has event semantics.
VALUES: dict[str, tuple[Any, ...]] = {
    "tile_parallelism": ("matrix", "serial", "all", 3),
    "periphery_latency": ("per_sample", "product"),
    "array_energy": ("per_cell", "per_array"),
    "attention_heads": ("gqa", "mha"),
    "head_dim": ("explicit", "derived"),
    "extra_features": ("on", "off"),
    "lm_head": ("analog", "dpu", "excluded"),
    "attention": ("streaming", "sram_cim"),
    "kv_commit_sram_read": ("on", "off"),
    "kv_read_sharing": ("per_step", "per_burst"),
    "dac_banks": (1, 2),
    "offset_row": ("on", "off"),
    "self_token": ("on", "off"),
    "burst_setup": ("once", "per_layer"),
    "baseline_setup": ("on", "off"),
    "power_gating": ("on", "off"),
}


def test_no_switch_is_forgotten() -> None:
    fields = set(AccountingConfig.model_fields) - {"profile"}
    assert set(VALUES) == fields - set(CLOSED_FORM_ONLY)


def switched_case(seed: int) -> Case:
    """A generated chip with every switch drawn at random."""
    draw = np.random.default_rng([seed, 31])
    case = generated_case(seed)
    switches = {n: v[int(draw.integers(len(v)))] for n, v in VALUES.items()}
    if case.model["d_model"] % case.model["n_heads"]:
        switches["head_dim"] = "explicit"
    return replace(case, accounting=switches)


class Durations(NullRecorder):
    """Keeps the durations of the last burst."""

    duration_ps: Any = None

    def record_burst(self, *burst: Any, **more: Any) -> None:
        self.duration_ps = burst[5]


@pytest.mark.parametrize("first", range(0, 300, 25))
def test_bursts_of_switched_chips_are_as_composed(first: int) -> None:
    for seed in range(first, first + 25):
        case = switched_case(seed)
        program = case.program()
        if not len(program.table):
            continue
        composition = Composition(program)
        outcome = case.outcome(seed % (case.draft_length + 1))
        recorder = Durations()
        (times,) = simulate_replication(program, {0: [outcome]}, recorder)
        row = conditional_row(
            composition,
            outcome,
            times.end_ps - times.start_ps,
            recorder.duration_ps,
        )
        assert row.holds, (seed, case.accounting, row)
        once = ExpectedBursts({outcome: 1.0})
        formula = request_expectation(program, once, composition)
        summed = Ledger(program).energy_pj(outcome.context_length, outcome.committed)
        assert formula.dynamic_energy_pj == pytest.approx(summed, rel=1e-12), seed


@pytest.mark.parametrize(
    "setting",
    [
        f"accounting.{name}={value}"
        for name, values in VALUES.items()
        for value in values[1:]
    ],
)
def test_a_switch_moves_simulation_and_formula_alike(setting: str) -> None:
    name, value = setting.removeprefix("accounting.").split("=")
    overrides = [setting]
    plain: list[str] = []
    if name == "dac_banks":
        # Shared drivers matter where the residual is read alone.
        plain = ["hardware.reuse_policy=reuse"]
    if name == "power_gating":
        # Only a serialized chip has arrays that idle while it drafts.
        plain = [
            "schedule=serialized",
            "hardware.leakage_power.adc_residual_nw=5e6",
        ]
    if name == "head_dim":
        plain = ["model.head_dim=8"]
    before, after = (
        simulate(load_scenario("tiny", [*plain, *more]), requests=2)
        for more in ([], overrides)
    )
    assert before.holds
    assert after.holds, [check for check in after.checks if not check.holds]
    assert str(after.summary["accounting"][name]) == value

    def spent(result: Any) -> tuple[float, ...]:
        bytes_moved = sum(sum(d.values()) for d in result.summary["bytes"].values())
        return (
            result.summary["leakage"]["energy_pj"],
            result.metrics["latency_ns_per_token"]["value"],
            result.summary["energy_pj"]["total"],
            bytes_moved,
        )

    moved = [
        not math.isclose(a, b) for a, b in zip(spent(before), spent(after), strict=True)
    ]
    formula = [
        result.summary["closed_form"]["metrics"]["leakage_energy_pj_per_token"]
        + result.summary["closed_form"]["request"]["latency_ns"]["total"]
        + result.summary["closed_form"]["request"]["energy_pj"]["total"]
        for result in (before, after)
    ]
    if name in ("dac_banks", "baseline_setup"):
        # With one request nobody waits for the drivers; the baseline is no event.
        assert not any(moved)
        return
    assert any(moved), "the switch changes nothing"
    assert formula[0] != formula[1]


def test_what_only_a_closed_form_can_follow_is_said() -> None:
    result = simulate(load_scenario("tiny", ["accounting=selfspec-calculator"]))
    said = " ".join(result.summary["warnings"])
    for name, (value, instead) in CLOSED_FORM_ONLY.items():
        assert f"accounting.{name}: {value} exists only in the closed form" in said
        assert instead in said
    assert result.holds


@pytest.mark.parametrize("schedule", ["serialized", "layer-pipelined"])
def test_the_compatible_profile_validates(schedule: str) -> None:
    overrides = ["accounting=selfspec-calculator", f"schedule={schedule}"]
    assert validate(load_scenario("tiny", overrides)).holds


def test_serialized_events_take_what_the_calculator_says_without_memory() -> None:
    scenario = load_scenario(
        "tiny", ["accounting=selfspec-calculator", "schedule=serialized"]
    )
    hardware = scenario.hardware.model_copy(update={"memory": None})
    scenario = scenario.model_copy(update={"hardware": hardware})
    estimate = estimate_scenario(scenario)
    program = estimate.program
    outcome = BurstOutcome(scenario.workload.prompt_length, 0, 1)
    (times,) = simulate_replication(program, {0: [outcome]}, NullRecorder())
    alone = request_expectation(program, ExpectedBursts({outcome: 1.0}))
    holds = Composition(program).burst_ps(outcome.context_length, 1).holds
    assert (times.end_ps - times.start_ps) / 1000 == pytest.approx(
        alone.total_latency_ns, abs=0.0005 * holds
    )
