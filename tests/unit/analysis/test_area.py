"""Area by hand for the toy chip, rule by rule."""

from __future__ import annotations

import pytest

from simcore.analysis.area import AreaReport, area_report
from simcore.config.load import load_hardware, load_model, load_scenario
from simcore.errors import ConfigError

# tiny: D 256, 8 query and 4 KV heads of 32, F 512, V 1024; tiles of 64 x 64.
QKV, WO, GATE_UP, DOWN, HEAD = 8 * 4, 4 * 4, 2 * 8 * 4, 4 * 8, 16 * 4
LAYERS = 2
TILES = LAYERS * (QKV + WO + GATE_UP + DOWN) + HEAD


def area(*settings: str) -> AreaReport:
    s = load_scenario("tiny", settings)
    return area_report(s.model, s.hardware, s.accounting, s.workload.draft_length)


def row(report: AreaReport, component: str) -> tuple[float, float]:
    (found,) = [r for r in report.rows if r.component == component]
    return found.units, pytest.approx(found.area_mm2, rel=1e-12)


def test_every_component_by_hand() -> None:
    found = area()
    assert found.tiles == {
        "qkv": LAYERS * QKV,
        "wo": LAYERS * WO,
        "gate_up": LAYERS * GATE_UP,
        "down": LAYERS * DOWN,
        "lm_head": HEAD,
    }
    # One more row of cells and drivers in every tile.
    assert row(found, "arrays") == (TILES, TILES * 64 * 65 * 5e-8)
    assert row(found, "dac") == (TILES * 65, TILES * 65 * 1e-5)
    assert row(found, "adc_draft") == (TILES * 4, TILES * 4 * 0.0005)
    assert row(found, "adc_residual") == (TILES * 4, TILES * 4 * 0.002)
    assert row(found, "buffers_add") == (TILES * 8, TILES * 8 * 0.0001)
    assert row(found, "digital_overhead") == (3, 0.3)
    assert row(found, "sram") == (1, 0.1)
    assert found.on_chip_mm2 == pytest.approx(
        TILES * (64 * 65 * 5e-8 + 65e-5 + 0.002 + 0.008 + 0.0008) + 0.3 + 0.1
    )
    assert found.off_chip_hbm_mm2 == 0


def test_switches_change_what_they_name() -> None:
    assert row(area("accounting.offset_row=off"), "arrays")[1] == (
        TILES * 64 * 64 * 5e-8
    )
    assert row(area("accounting.dac_banks=2"), "dac")[0] == 2 * TILES * 65
    for where in ("dpu", "excluded"):
        found = area(f"accounting.lm_head={where}")
        assert "lm_head" not in found.tiles
        layers = 3 if where == "dpu" else 2
        assert row(found, "digital_overhead")[0] == layers


def test_draft_results_take_area_only_under_reuse() -> None:
    assert "d_reg" not in {r.component for r in area().rows}
    found = area("hardware.reuse_policy=reuse")
    outputs = LAYERS * (512 + 256 + 1024 + 256)
    assert row(found, "d_reg") == (1, outputs * 2 * 3 * 0.1 / 65536)


def test_a_store_of_its_own_has_its_own_area() -> None:
    found = area(
        "hardware.reuse_policy=reuse",
        "hardware.memory.d_reg.area_mm2=0.3",
        "hardware.memory.d_reg.capacity_bytes=131072",
        "hardware.memory.d_reg.reference_capacity_bytes=65536",
    )
    assert row(found, "d_reg") == (1, 0.6)


def test_sram_area_is_as_given_or_scales_with_its_capacity() -> None:
    larger = "hardware.memory.sram.capacity_bytes=196608"
    assert row(area(larger), "sram") == (1, 0.1)
    # 0.1 mm2 for 64 KiB are 0.3 mm2 for 192 KiB.
    scaled = area(larger, "hardware.memory.sram.reference_capacity_bytes=65536")
    assert row(scaled, "sram") == (1, 0.3)
    (label,) = [r.label for r in scaled.rows if r.component == "sram"]
    assert label == "SRAM of 196,608 bytes, area scaled from 65,536"
    # The operand SRAM of the attention units keeps its density.
    cim = "accounting.attention=sram_cim"
    found = area(larger, "hardware.memory.sram.reference_capacity_bytes=65536", cim)
    assert (
        row(found, "attention_cim_sram")[1] == row(area(cim), "attention_cim_sram")[1]
    )


def test_the_reference_chip_scales_from_the_capacity_of_its_source() -> None:
    scenario = load_scenario(
        "qwen3-1.7b-k5", ["hardware.memory.sram.capacity_bytes=4194304"]
    )
    memory = scenario.hardware.memory
    assert memory is not None
    # CACTI gives 3.75 mm2 for 4 MiB: within 2 %.
    assert memory.sram.scaled_area_mm2 == pytest.approx(3.71)
    assert memory.sram.scaled_area_mm2 == pytest.approx(3.75, rel=0.02)


def test_a_reference_capacity_needs_a_capacity() -> None:
    with pytest.raises(ConfigError, match="needed beside it: capacity_bytes"):
        area(
            "hardware.memory.sram.capacity_bytes=null",
            "hardware.memory.sram.reference_capacity_bytes=65536",
        )


def test_operands_of_attention_take_area_when_they_are_written() -> None:
    unit = "hardware.soc.attention_cim_mac_area_mm2_per_unit=0.5"
    units = "hardware.soc.attention_cim_units=3"
    found = area(unit, units, "accounting.attention=sram_cim")
    assert row(found, "attention_cim_mac") == (6, 3.0)
    assert row(found, "attention_cim_sram") == (6, 6 * 64 * 64 * 0.1 / 65536)
    streamed = {r.component for r in area(unit, units).rows}
    assert "attention_cim_sram" not in streamed


def test_all_experts_are_on_the_chip_however_few_are_visited() -> None:
    moe = {
        "n_experts": 8,
        "experts_per_token": 2,
        "expert_d_ff": 64,
        "n_shared_experts": 1,
        "first_dense_layers": 1,
    }
    model = load_model(
        {
            "name": "experts",
            "n_layers": 3,
            "d_model": 128,
            "n_heads": 2,
            "d_ff": 256,
            "activation_bits": 8,
            "ffn_type": "swiglu",
            "moe": moe,
        }
    )
    accounting = load_scenario("tiny").accounting
    found = area_report(model, load_hardware("toy-ideal"), accounting, 3)
    dense, experts = 2 * 4 * 2, 2 * 9 * 1 * 2
    assert found.tiles["gate_up"] == dense + 2 * experts
    assert found.tiles["down"] == 2 * 4 + 2 * 9 * 2


def test_costs_per_mac_have_weights_and_nothing_to_convert() -> None:
    cost = {"energy_pj_per_mac": 1.0, "latency_ns_per_mac": 1.0}
    names = ("analog_draft", "analog_full", "analog_verify_reuse")
    names += ("digital_attention", "digital_softmax", "digital_elementwise")
    hardware = load_hardware(
        {
            "name": "legacy",
            "costs": {
                **dict.fromkeys((*names, "kv_cache"), cost),
                "analog_weight_area": {"area_mm2_per_weight": 1e-6},
            },
        }
    )
    tiny = load_scenario("tiny")
    found = area_report(tiny.model, hardware, tiny.accounting, 3)
    weights = LAYERS * (512 * 256 + 256 * 256 + 3 * 512 * 256) + 1024 * 256
    assert row(found, "arrays") == (weights, weights * 1e-6)
    assert found.tiles == {}
    assert "adc_draft" not in {r.component for r in found.rows}


def test_the_words_say_reticles_and_what_dominates() -> None:
    found = area()
    assert found.words == (
        "4.5 mm2 = 1 reticle of 858 mm2; 63 % is 8-bit ADCs, 4 per tile"
    )
    assert found.warning is None
    large = "hardware.components.adc_residual.area_mm2_per_unit=74"
    scenario = load_scenario(load_scenario("tiny"), [large])
    found = area_report(scenario.model, scenario.hardware, scenario.accounting, 3)
    assert found.words == (
        f"{found.on_chip_mm2:,.0f} mm2 = 122 reticles of 858 mm2; "
        "100 % is 8-bit ADCs, 4 per tile"
    )
    assert found.warning is not None
    assert found.warning.startswith("The chip needs 122 reticles: as one piece")
    assert found.to_dict()["components"][0]["component"] == "adc_residual"


def test_shares_add_up_and_the_largest_is_first() -> None:
    rows = area().to_dict()["components"]
    assert sum(r["share"] for r in rows) == pytest.approx(1)
    sizes = [r["area_mm2"] for r in rows]
    assert sizes == sorted(sizes, reverse=True)
    for r in rows:
        assert r["units"] * r["unit_area_mm2"] == pytest.approx(r["area_mm2"])
