"""Each plausibility rule on both sides of its limits, and the shipped files."""

from __future__ import annotations

import math
from typing import Any

import pytest

from simcore.config import reference_values as ref
from simcore.config.accounting import AccountingConfig
from simcore.config.describe import load_libraries
from simcore.config.hardware import HardwareConfig
from simcore.config.load import load_hardware, load_scenario
from simcore.config.plausibility import (
    Finding,
    lint_hardware,
    lint_library,
    lint_scenario,
)
from simcore.config.shipped import library_files, shipped_files

ADC = "components.adc.12."
DAC = "components.dac.4."
SRAM, HBM, FABRIC = (f"memory.{name}." for name in ("sram", "hbm", "fabric"))


def plausible_chip() -> dict[str, Any]:
    """No rule finds anything in it."""
    adc = {"latency_ns_per_conversion": 10.0, "area_mm2_per_unit": 0.05}
    lanes = {"lanes": 64}
    return {
        "analog": {
            "xbar_size": 128,
            "dac_bits": 4,
            "num_columns_per_adc": 16,
            "adc": {"draft_bits": 4, "residual_bits": 12},
            "periphery": {
                "tia": {"energy_pj_per_op": 0.1, "latency_ns_per_op": 2.0},
                "snh": {"energy_pj_per_op": 0.1},
            },
        },
        "components": {
            "adc": {
                "4": {**adc, "energy_pj_per_conversion": 1.0},
                "12": {**adc, "energy_pj_per_conversion": 50.0},
            },
            "dac": {
                "4": {
                    "energy_pj_per_conversion": 0.3,
                    "latency_ns_per_conversion": 1.0,
                    "area_mm2_per_unit": 1e-5,
                }
            },
            "array": {
                "energy_pj_per_activation": 0.0025,
                "latency_ns_per_activation": 10.0,
                "area_mm2_per_weight": 5e-8,
            },
            "digital": {
                "clock_ghz": 1.0,
                "attention": {"energy_pj_per_mac": 1.0, **lanes},
                "softmax": {"energy_pj_per_mac": 4.0, **lanes},
                "elementwise": {"energy_pj_per_mac": 1.0, **lanes},
                "kv_cache": {"energy_pj_per_mac": 0.3, **lanes},
            },
        },
        "soc": {
            "buffers_add": {"energy_pj_per_op": 0.1},
            "control": {"energy_pj_per_token": 50.0},
        },
        "memory": {
            "sram": {
                "read_energy_pj_per_byte": 2.3,
                "write_energy_pj_per_byte": 2.3,
                "read_bandwidth_GBps": 100.0,
                "write_bandwidth_GBps": 100.0,
                "capacity_bytes": 2 * 1024 * 1024,
            },
            "hbm": {
                "read_energy_pj_per_byte": 30.0,
                "write_energy_pj_per_byte": 30.0,
                "read_bandwidth_GBps": 800.0,
                "read_latency_ns": 34.0,
            },
            "fabric": {
                "read_energy_pj_per_byte": 0.5,
                "write_energy_pj_per_byte": 0.5,
                "read_bandwidth_GBps": 1000.0,
            },
        },
        "leakage_power": {"sram_nw": 267_000_000, "arrays_nw": 5_000},
    }


def changed(path: str, value: Any) -> dict[str, Any]:
    chip = plausible_chip()
    *parents, last = path.split(".")
    target = chip
    for part in parents:
        target = target.setdefault(part, {})
    target[last] = value
    return chip


def found(chip: Any, accounting: AccountingConfig | None = None) -> list[Finding]:
    return lint_hardware(load_hardware(chip), accounting)


def test_nothing_is_found_in_a_plausible_chip() -> None:
    assert found(plausible_chip()) == []


#: Field, a value just inside its limit, and just outside; rule of the latter.
LIMITS = [
    ("adc_energy", ADC + "energy_pj_per_conversion", 7.0, 6.9),
    ("adc_energy", ADC + "energy_pj_per_conversion", 2160.0, 2161.0),
    ("adc_energy", "components.adc.4.energy_pj_per_conversion", 0.226, 0.225),
    ("adc_rate", ADC + "latency_ns_per_conversion", 10.0, 9.9),
    ("adc_rate", "components.adc.4.latency_ns_per_conversion", 0.3, 0.29),
    ("adc_area", ADC + "area_mm2_per_unit", 0.018, 0.0179),
    ("adc_area", "components.adc.4.area_mm2_per_unit", 0.000284, 0.000283),
    ("dac_energy", DAC + "energy_pj_per_conversion", 0.0148, 0.0147),
    ("dac_energy", DAC + "energy_pj_per_conversion", 1.45, 1.46),
    ("dac_latency", DAC + "latency_ns_per_conversion", 0.05, 0.049),
    ("tia_energy", "analog.periphery.tia.energy_pj_per_op", 0.02, 0.019),
    ("tia_energy", "analog.periphery.tia.energy_pj_per_op", 1.0, 1.1),
    ("tia_latency", "analog.periphery.tia.latency_ns_per_op", 1.0, 0.9),
    ("snh_energy", "analog.periphery.snh.energy_pj_per_op", 0.01, 0.009),
    ("snh_energy", "analog.periphery.snh.energy_pj_per_op", 0.51, 0.52),
    ("periphery_missing", "analog.periphery.snh.energy_pj_per_op", 0.01, 0.0),
    ("array_energy", "components.array.energy_pj_per_activation", 0.0005, 0.00049),
    ("array_energy", "components.array.energy_pj_per_activation", 0.02, 0.021),
    ("array_latency", "components.array.latency_ns_per_activation", 1.0, 0.99),
    ("array_latency", "components.array.latency_ns_per_activation", 2000.0, 2001.0),
    ("digital_energy", "components.digital.attention.energy_pj_per_mac", 0.077, 0.07),
    ("digital_energy", "components.digital.attention.energy_pj_per_mac", 1.6, 1.7),
    ("digital_energy", "components.digital.softmax.energy_pj_per_mac", 0.3, 0.29),
    ("digital_energy", "components.digital.elementwise.energy_pj_per_mac", 7.0, 7.1),
    ("digital_energy", "components.digital.kv_cache.energy_pj_per_mac", 0.5, 0.51),
    ("shift_add_energy", "soc.buffers_add.energy_pj_per_op", 0.02, 0.019),
    ("shift_add_energy", "soc.buffers_add.energy_pj_per_op", 2.25, 2.3),
    ("control_energy", "soc.control.energy_pj_per_token", 25.0, 24.0),
    ("sram_energy", SRAM + "read_energy_pj_per_byte", 0.921, 0.919),
    ("sram_energy", SRAM + "read_energy_pj_per_byte", 12.4, 12.5),
    ("sram_bandwidth", SRAM + "read_bandwidth_GBps", 42.7, 42.6),
    ("sram_bandwidth", SRAM + "read_bandwidth_GBps", 682.0, 683.0),
    ("sram_leakage", "leakage_power.sram_nw", 954_000, 953_000),
    ("sram_leakage", "leakage_power.sram_nw", 560_000_000, 561_000_000),
    ("sram_capacity", SRAM + "capacity_bytes", 2 * 1024 * 1024, None),
    ("hbm_energy", HBM + "read_energy_pj_per_byte", 24.0, 23.9),
    ("hbm_energy", HBM + "read_energy_pj_per_byte", 40.0, 40.1),
    ("hbm_bandwidth", HBM + "read_bandwidth_GBps", 256.0, 255.0),
    ("hbm_latency", HBM + "read_latency_ns", 28.0, 27.9),
    ("hbm_latency", HBM + "read_latency_ns", 600.0, 601.0),
    ("hbm_area", HBM + "area_mm2", 0.0, 1.0),
    ("fabric_energy", FABRIC + "read_energy_pj_per_byte", 0.15, 0.149),
    ("fabric_energy", FABRIC + "read_energy_pj_per_byte", 1.0, 1.01),
    ("fabric_bandwidth", FABRIC + "read_bandwidth_GBps", 800.0, 799.0),
    ("leakage_of_one_instance", "leakage_power.arrays_nw", 1000, 999),
    ("leakage_missing", "leakage_power.arrays_nw", 1000, 0),
]


@pytest.mark.parametrize(("rule", "path", "inside", "outside"), LIMITS)
def test_a_rule_finds_what_is_beyond_its_limit_and_nothing_else(
    rule: str, path: str, inside: Any, outside: Any
) -> None:
    assert found(changed(path, inside)) == []
    (finding,) = found(changed(path, outside))
    assert finding.rule == rule
    assert finding.why
    assert finding.source


#: Field, the last value that is a note, and the first that is a warning.
FAR = [
    (ADC + "energy_pj_per_conversion", 7 / 4, 7 / 4.1),
    (ADC + "latency_ns_per_conversion", 10 / 4, 10 / 4.1),
    (ADC + "area_mm2_per_unit", 0.018 / 10, 0.018 / 10.1),
    (HBM + "read_energy_pj_per_byte", 12.0, 11.9),
    (HBM + "area_mm2", 119.0, 120.0),
    (FABRIC + "read_energy_pj_per_byte", 4.0, 4.1),
    (SRAM + "read_bandwidth_GBps", 2730.0, 2740.0),
    ("components.digital.attention.energy_pj_per_mac", 6.4, 6.5),
]


@pytest.mark.parametrize(("path", "note", "warning"), FAR)
def test_far_outside_is_a_warning(path: str, note: float, warning: float) -> None:
    assert [f.level for f in found(changed(path, note))] == ["note"]
    assert [f.level for f in found(changed(path, warning))] == ["warning"]


def test_more_bandwidth_than_a_package_of_stacks_is_a_warning() -> None:
    chip = plausible_chip()
    chip["memory"]["fabric"]["read_bandwidth_GBps"] = 20_000.0
    chip["memory"]["hbm"]["read_bandwidth_GBps"] = 8 * 1229.0
    assert found(chip) == []
    chip["memory"]["hbm"]["read_bandwidth_GBps"] = 8 * 1229.0 + 1
    (finding,) = found(chip)
    assert (finding.level, finding.rule) == ("warning", "hbm_bandwidth")


def test_a_serial_latency_is_an_artefact_whatever_the_unit() -> None:
    chip = plausible_chip()
    chip["components"]["digital"]["softmax"] = {
        "energy_pj_per_mac": 4.0,
        "latency_ns_per_mac": 0.49,
    }
    assert found(chip) == []
    chip["components"]["digital"]["softmax"]["latency_ns_per_mac"] = 0.5
    (finding,) = found(chip)
    assert finding.rule == "serial_latency"
    assert finding.level == "warning"
    assert finding.path == "components.digital.softmax.latency_ns_per_mac"
    assert "write lanes and digital.clock_ghz instead" in finding.why
    # As slow through one lane and a slow clock: somebody chose that.
    chip["components"]["digital"]["softmax"] = {"energy_pj_per_mac": 4.0, "lanes": 1}
    assert found(chip) == []


def test_a_coefficient_of_many_features_is_told_once() -> None:
    chip = changed("components.digital.elementwise.energy_pj_per_mac", 20.0)
    assert [f.path for f in found(chip)] == [
        "components.digital.elementwise.energy_pj_per_mac"
    ]
    chip["components"]["digital"]["features"] = {
        "norm": {"energy_pj_per_mac": 3.1, "lanes": 4}
    }
    assert {f.path for f in found(chip)} == {
        "components.digital.elementwise.energy_pj_per_mac",
        "components.digital.features.norm.energy_pj_per_mac",
    }


PER_ARRAY = AccountingConfig(array_energy="per_array")
ARRAY = "components.array.energy_pj_per_activation"


def test_the_energy_of_an_array_taken_per_cell_is_recognised() -> None:
    (finding,) = found(changed(ARRAY, 40.96))
    assert finding.level == "warning"
    assert "looks like the energy of a whole array" in finding.why
    assert "accounting.array_energy: per_array" in finding.why
    assert found(changed(ARRAY, 40.96), PER_ARRAY) == []


def test_the_energy_of_a_cell_taken_per_array_is_recognised() -> None:
    (finding,) = found(changed(ARRAY, 0.0025), PER_ARRAY)
    assert finding.level == "warning"
    assert "looks like the energy of one cell" in finding.why
    assert "per_cell" in finding.why
    (weak,) = found(changed(ARRAY, 0.5), PER_ARRAY)
    assert "looks like" not in weak.why


def test_zero_means_not_counted_and_is_not_too_small() -> None:
    for path in (
        SRAM + "read_bandwidth_GBps",
        HBM + "read_bandwidth_GBps",
        "soc.control.energy_pj_per_token",
        "soc.buffers_add.energy_pj_per_op",
    ):
        assert found(changed(path, 0)) == []


def test_read_and_write_are_told_apart_only_when_they_differ() -> None:
    chip = changed(HBM + "read_energy_pj_per_byte", 1.0)
    assert [f.path for f in found(chip)] == ["memory.hbm.read_energy_pj_per_byte"]
    chip["memory"]["hbm"]["write_energy_pj_per_byte"] = 1.0
    assert [f.path for f in found(chip)] == ["memory.hbm.read_energy_pj_per_byte"]
    chip["memory"]["hbm"]["write_energy_pj_per_byte"] = 2.0
    assert len(found(chip)) == 2


def test_a_chip_of_costs_per_mac_is_judged_where_it_can_be() -> None:
    mac = {"energy_pj_per_mac": 1.0, "latency_ns_per_mac": 0.01}
    reads = ("analog_draft", "analog_full", "analog_verify_reuse")
    costs = dict.fromkeys([*reads, "digital_attention", "digital_elementwise"], mac)
    costs["digital_softmax"] = {"energy_pj_per_mac": 0.001, "latency_ns_per_mac": 2.0}
    costs["kv_cache"] = {"energy_pj_per_mac": 0.3, "latency_ns_per_mac": 0.01}
    costs["analog_weight_area"] = {"area_mm2_per_weight": 1e-8}
    findings = found({"costs": costs, "leakage_power": {"arrays_nw": 5000}})
    assert {(f.rule, f.path) for f in findings} == {
        ("digital_energy", "costs.digital_softmax.energy_pj_per_mac"),
        ("serial_latency", "costs.digital_softmax.latency_ns_per_mac"),
    }


# Shipped files.


def of_library(name: str) -> list[Finding]:
    analog = plausible_chip()["analog"]
    del analog["periphery"]
    return found({"library": name, "analog": analog, "memory": {}})


@pytest.mark.parametrize("name", ["puma_like_v1", "science_soc_v1"])
def test_the_implausible_libraries_are_flagged_and_it_is_said_why(name: str) -> None:
    warnings = {f.path: f for f in of_library(name) if f.level == "warning"}
    energy = warnings["components.adc_residual.energy_pj_per_conversion"]
    assert (energy.value, energy.low) == (0.37, 7.0)
    assert energy.why.startswith("19 to 57 times below what is published")
    assert "21 pJ for 44 parts at 1 to 100 MS/s" in energy.why
    assert "7 pJ for 11 parts at 0.1 to 3 GS/s" in energy.why
    assert "Murmann" in energy.source
    rate = warnings["components.adc_residual.latency_ns_per_conversion"]
    assert rate.why == (
        "12 bits at 8.33 GS/s: about 83 times faster than a 100 MS/s part"
    )
    assert "components.digital.attention.energy_pj_per_mac" in warnings


def test_the_round_memories_of_science_soc_are_flagged_too() -> None:
    warnings = {f.rule for f in of_library("science_soc_v1") if f.level == "warning"}
    assert {"hbm_energy", "fabric_energy", "tia_energy", "snh_energy"} <= warnings


def test_the_neurosim_library_has_plausible_converters_and_serial_digital() -> None:
    findings = of_library("science_adi9405_v1_neurosim")
    warnings = {f.rule for f in findings if f.level == "warning"}
    assert not {"adc_energy", "adc_rate", "adc_area"} & {f.rule for f in findings}
    assert {"serial_latency", "hbm_area", "leakage_of_one_instance"} <= warnings


def test_the_reference_chip_has_honest_notes_and_no_warning() -> None:
    findings = lint_hardware(load_hardware("residual-analog-22nm"))
    assert {f.level for f in findings} == {"note"}
    assert {f.rule for f in findings} == {
        "adc_area",
        "control_energy",
        "fabric_energy",
        "leakage_missing",
    }


@pytest.mark.parametrize("path", library_files(), ids=lambda path: path.stem)
def test_a_library_is_judged_whole_with_the_same_rules(path: Any) -> None:
    ((name, library),) = load_libraries(str(path)).items()
    assert library.config is not None
    whole = {(f.rule, f.why) for f in lint_library(library.config)}
    chip = {
        (f.rule, f.why)
        for f in of_library(name)
        # Not judged without an array size, and where nothing is written.
        if f.rule not in ("array_energy", "periphery_missing", "leakage_missing")
    }
    assert chip <= whole


def test_every_width_of_a_library_is_judged() -> None:
    library = load_libraries("puma_like_v1")["puma_like_v1"].config
    assert library is not None
    judged = {f.path.rpartition(".")[0] for f in lint_library(library)}
    assert {f"adc.{bits}" for bits in library.adc} <= judged
    assert {f"dac.{bits}" for bits in library.dac} <= judged


@pytest.mark.parametrize("name", shipped_files("scenario"))
def test_shipped_scenarios_have_no_warning(name: str) -> None:
    findings = lint_scenario(load_scenario(name))
    assert findings
    assert all(f.path.startswith(("hardware.", "accounting.")) for f in findings)
    assert [f for f in findings if f.level == "warning"] == []


@pytest.mark.parametrize(("parallelism", "told"), [("all", True), ("matrix", False)])
def test_an_ideal_bound_is_called_one(parallelism: str, told: bool) -> None:
    scenario = load_scenario("tiny", [f"accounting.tile_parallelism={parallelism}"])
    rules = [f.rule for f in lint_scenario(scenario)]
    assert ("tile_parallelism" in rules) is told


def test_warnings_come_first_and_are_plain_data() -> None:
    levels = [f.level for f in of_library("science_soc_v1")]
    assert levels == sorted(levels, reverse=True)
    assert of_library("science_soc_v1")[0].to_dict()["level"] == "warning"


def test_findings_do_not_change_with_what_the_numbers_are_said_to_be() -> None:
    plain = changed(ADC + "energy_pj_per_conversion", 0.37)
    said = changed(
        ADC + "energy_pj_per_conversion",
        {"value": 0.37, "status": "measured", "source": "trust me"},
    )
    assert found(plain) == found(said)
    assert isinstance(load_hardware(said), HardwareConfig)


# The reference figures.


def test_between_two_points_of_a_power_law_the_logarithm_is_straight() -> None:
    points = [(1.0, 2.0), (4.0, 8.0)]
    assert ref.along_power_law(points, 2.0) == pytest.approx(4.0)
    assert ref.along_power_law(points, 0.5) == 2.0
    assert ref.along_power_law(points, 9.0) == 8.0
    assert ref.along_bits([(0, 1.0), (2, 9.0)], 1) == pytest.approx(3.0)


@pytest.mark.parametrize(("kib", "energy"), [(8, 0.105), (2048, 2.3), (8192, 4.7)])
def test_sram_figures_are_read_at_their_own_capacity(kib: int, energy: float) -> None:
    points = [(k, pj) for k, pj, _, _ in ref.SRAM_22NM]
    assert math.isclose(ref.along_power_law(points, kib), energy)
