"""Static energy by phase, and what is gated while the chip drafts."""

from __future__ import annotations

import pytest

from simcore.analysis.leakage import idle_in_draft, leakage_report
from simcore.config.load import load_scenario
from simcore.program.burst import BurstProgram, scenario_program

POWERS = tuple(
    f"hardware.leakage_power.{name}_nw={power}"
    for name, power in {
        "arrays": 4000,
        "adc_residual": 2000,
        "adc_draft": 1000,
        "sram": 0,
        "hbm": 500,
    }.items()
)
LATENCY = {"draft": 3.0e6, "verify": 5.0e6, "commit": 1.0e6}
#: Tiles of the two layers over all tiles, as in test_area.
DRAFTED = 288 / 352


def program(*settings: str) -> BurstProgram:
    return scenario_program(load_scenario("tiny", [*POWERS, *settings]))


def test_arrays_and_residual_adcs_are_gated_in_a_serialized_draft() -> None:
    found = leakage_report(program("schedule=serialized"), LATENCY)
    rows = {row.component: row for row in found.rows}
    assert list(rows) == ["arrays", "adc_residual", "adc_draft"]
    arrays, residual = 1 - 0.75 * DRAFTED, 1 - DRAFTED
    assert rows["arrays"].powered == {
        "draft": pytest.approx(arrays),
        "verify": 1.0,
        "commit": 1.0,
    }
    # 1 nW for 1 ns is 1e-6 pJ.
    assert rows["arrays"].energy_pj["draft"] == pytest.approx(4000 * 3 * arrays)
    assert rows["adc_residual"].energy_pj["draft"] == pytest.approx(2000 * 3 * residual)
    assert rows["adc_draft"].energy_pj == pytest.approx(
        {"draft": 3000, "verify": 5000, "commit": 1000}
    )
    saved = 3 * (4000 * 0.75 * DRAFTED + 2000 * DRAFTED)
    assert found.gated_energy_pj == pytest.approx(found.ungated_energy_pj - saved)


def test_hbm_stands_apart_and_is_never_gated() -> None:
    found = leakage_report(program("schedule=serialized"), LATENCY)
    assert "hbm" not in {row.component for row in found.rows}
    assert found.background_power_nw == 500
    assert found.background_energy_pj == pytest.approx(500 * 9)
    assert found.ungated_energy_pj == pytest.approx(7500 * 9)


def test_nothing_is_gated_in_a_pipeline() -> None:
    found = leakage_report(program(), LATENCY)
    assert found.gated_energy_pj == pytest.approx(found.ungated_energy_pj)


def test_blocks_that_draft_on_all_arrays_are_not_gated() -> None:
    policy = [
        f"model.draft_policy.default.{block}=full" for block in ("qkv", "wo", "ffn")
    ]
    serialized = "schedule=serialized"
    assert idle_in_draft(program(serialized, *policy), "adc_residual") == 0
    # Without gate, up and down: 48 of 144 tiles a layer.
    partly = idle_in_draft(program(serialized, policy[2]), "adc_residual")
    assert partly == pytest.approx(2 * 48 / 352)
    assert idle_in_draft(program(serialized), "adc_draft") == 0


def test_the_report_charges_what_the_metrics_charge() -> None:
    from simcore.analysis.estimate import estimate_scenario

    scenario = load_scenario("tiny", [*POWERS, "schedule=serialized"])
    estimate = estimate_scenario(scenario)
    found = estimate.to_dict()["leakage"]
    assert found["gated_energy_pj"] == pytest.approx(
        estimate.expectation.leakage_energy_pj, rel=1e-12
    )
    assert found["gated_energy_pj"] < found["ungated_energy_pj"]
    assert found["instances"].startswith("one of each component")


def test_without_gating_everything_leaks_all_the_time() -> None:
    from simcore.analysis.estimate import estimate_scenario

    scenario = load_scenario(
        "tiny", [*POWERS, "schedule=serialized", "accounting.power_gating=off"]
    )
    estimate = estimate_scenario(scenario)
    found = estimate.to_dict()["leakage"]
    assert found["gated_energy_pj"] == pytest.approx(found["ungated_energy_pj"])
    assert estimate.expectation.leakage_energy_pj == pytest.approx(
        found["ungated_energy_pj"]
    )


def test_powers_of_one_instance_are_counted_like_the_area() -> None:
    from simcore.analysis.estimate import estimate_scenario

    powers = [
        "hardware.leakage_power.adc_draft_nw=2",
        "hardware.leakage_power.control_nw=5",
        "hardware.leakage_power.sram_nw=7",
    ]
    scenario = load_scenario("tiny", [*powers, "hardware.leakage_per=instance"])
    estimate = estimate_scenario(scenario)
    units = {row.component: row.units for row in estimate.area.rows}
    found = {
        row["component"]: row["power_nw"]
        for row in estimate.to_dict()["leakage"]["components"]
    }
    assert found["adc_draft"] == 2 * units["adc_draft"]
    assert found["control"] == 5 * scenario.model.n_layers
    assert found["sram"] == 7


def test_static_power_of_the_sram_scales_with_its_capacity() -> None:
    found = leakage_report(
        program(
            "hardware.leakage_power.sram_nw=300",
            "hardware.memory.sram.capacity_bytes=196608",
            "hardware.memory.sram.reference_capacity_bytes=65536",
        ),
        LATENCY,
    )
    (sram,) = [row for row in found.rows if row.component == "sram"]
    assert sram.power_nw == pytest.approx(900)


def test_what_has_no_static_power_is_named() -> None:
    found = leakage_report(program(), LATENCY)
    assert found.not_given[:2] == ("dac", "attention_engine")
    assert "arrays" not in found.not_given
    assert found.to_dict()["not_given"] == list(found.not_given)
