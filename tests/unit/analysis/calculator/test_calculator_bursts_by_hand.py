"""Whole bursts, metrics, memory and area of tiny chips, worked out on paper."""

from __future__ import annotations

from typing import Any

import pytest
from calculator_cases import chip_of
from example_chips import (
    block,
    converter,
    legacy_chip,
    memory,
    per_mac,
    tiny_chip,
    tiny_model,
)

from simcore.analysis.calculator import Calculator, CalculatorReport, Speculation

Plain = dict[str, Any]

#: Of the tiny chip: a draft step of one layer, a verify step with reuse, a full read.
#: Executions are 6, 2 and 8 (qkv, wo, ffn), fills 2.75 and 4.75, periods 2 and 4 ns.
DRAFT_NS = 3 * 2.75 + 13 * 2
VERIFY_NS = 3 * 4.75 + 13 * 4
FULL_NS = VERIFY_NS
#: 16 executions: arrays 5 pJ each, DAC 4 x 1 pJ, ADCs 4 x 2 and 4 x 3 pJ.
DRAFT_PJ = 16 * (5 + 4 + 8)
VERIFY_PJ = 16 * (15 + 4 + 12)
FULL_PJ = 16 * (20 + 4 + 8 + 12)


def report(
    chip: Plain, k: int, committed: float, *lengths: int, **model: Any
) -> CalculatorReport:
    calculator = Calculator(chip_of(tiny_model(**model), chip))
    return calculator.report(Speculation(k, committed), lengths)


def test_a_burst_is_its_steps_one_after_the_other() -> None:
    point = report(tiny_chip(), 3, 2.5, 10).points[0]
    total = point.breakdown["total"].cost
    assert total == pytest.approx(
        (
            3 * (DRAFT_PJ + VERIFY_PJ) + FULL_PJ,
            3 * (DRAFT_NS + VERIFY_NS) + FULL_NS,
        )
    )
    assert point.burst_latency_ns == pytest.approx(total.latency_ns)
    assert point.metrics == pytest.approx(
        {
            "energy_pj_per_token": total.energy_pj / 2.5,
            "latency_ns_per_token": total.latency_ns / 2.5,
            "throughput_tokens_per_s": 2.5e9 / total.latency_ns,
            "tokens_per_joule": 2.5e12 / total.energy_pj,
        }
    )
    assert point.baseline_metrics["latency_ns_per_token"] == pytest.approx(FULL_NS)
    assert point.baseline_metrics["energy_pj_per_token"] == pytest.approx(FULL_PJ)
    assert point.ratio["energy_pj_per_token"] == pytest.approx(
        total.energy_pj / 2.5 / FULL_PJ
    )
    assert point.difference["energy_pj_per_token"] == pytest.approx(
        total.energy_pj / 2.5 - FULL_PJ
    )


def test_without_drafts_the_burst_is_the_baseline() -> None:
    found = report(tiny_chip(), 0, 1.0, 10)
    point = found.points[0]
    assert point.metrics == point.baseline_metrics
    assert set(point.ratio.values()) == {1.0}
    assert point.breakdown["draft"].cost == (0.0, 0.0)
    assert point.breakdown["total"].cost == pytest.approx((FULL_PJ, FULL_NS))
    assert found.break_even_prompt_length is None


def test_attention_grows_with_past_tokens_only() -> None:
    # Steps see 10, 11 | 10, 11 | 12 tokens. qk and pv: 4 operations a token, 4 units.
    chip = tiny_chip()
    features = chip["specs"]["digital_features"]
    features["attention_qk"] = per_mac(1.0, 8.0)
    features["attention_pv"] = per_mac(2.0, 0.0)
    features["attention_softmax"] = per_mac(0.0, 1.0)
    features["ffn_gate_multiply"] = per_mac(1.0, 1.0)
    features["kv_cache_update"] = per_mac(0.5, 0.0)
    chip["soc"]["attention_cim_units"] = 4
    point = report(chip, 2, 1.0, 10).points[0]
    draft, bonus = point.breakdown["draft"], point.breakdown["verify_bonus"]
    assert draft.features["attention_qk"].ops == 4 * (10 + 11)
    assert draft.stages["qk"] == (84.0, 84 * 8.0 / 4)
    assert draft.stages["pv"] == (168.0, 0.0)
    assert draft.components["attention_engine"] == (252.0, 168.0)
    # 2 heads; softmax is not shared by the units.
    assert bonus.stages["softmax"] == (0.0, 2 * 12.0)
    # Not gated: no gate multiply. Without memory KV updates are charged here.
    assert bonus.features["ffn_gate_multiply"].ops == 0
    assert bonus.stages["kv_cache"] == (4 * 0.5, 0.0)
    assert bonus.components["kv_cache"] == (2.0, 0.0)
    at_zero = report(chip, 0, 1.0, 0).points[0].breakdown["total"]
    assert at_zero.stages["qk"] == at_zero.stages["softmax"] == (0.0, 0.0)


def test_crossover_of_attention_and_the_rest() -> None:
    chip = tiny_chip()
    chip["specs"]["digital_features"]["attention_qk"] = per_mac(1.0, 0.0)
    crossover = report(chip, 0, 1.0, 1).attention_crossover
    # 4 pJ a token of context against a full read.
    assert crossover.energy_prompt_length == pytest.approx(FULL_PJ / 4)
    assert crossover.latency_prompt_length is None


def test_bursts_pay_control_and_setup_for_every_layer() -> None:
    chip = tiny_chip()
    chip["soc"]["control"].update(
        latency_ns_per_token=1.0, energy_pj_per_burst=2.0, latency_ns_per_burst=3.0
    )
    chip["soc"]["verify_setup"].update(
        energy_pj_per_burst=5.0, latency_ns_per_burst=7.0
    )
    point = report(chip, 2, 1.0, 1, n_layers=3).points[0]
    assert point.breakdown["draft"].stages["control"] == (0.0, 2 * 3 * 1.0)
    bonus = point.breakdown["verify_bonus"]
    assert bonus.stages["control"] == (3 * 7.0, 3 * (1.0 + 10.0))
    assert bonus.components["control"] == bonus.stages["control"]
    # The baseline pays the setup too.
    assert point.baseline_metrics["latency_ns_per_token"] == pytest.approx(
        3 * FULL_NS + 33.0
    )


def test_leakage_lasts_as_long_as_the_burst() -> None:
    chip = tiny_chip(leakage_power={"sram_nw": 3e6, "dac_nw": 1e6})
    point = report(chip, 1, 2.0, 5).points[0]
    dynamic = point.breakdown["total"].cost
    # 4e6 nW = 4 mW = 4 pJ/ns.
    assert point.leakage_energy_pj == pytest.approx(4 * dynamic.latency_ns)
    assert point.metrics["energy_pj_per_token"] == pytest.approx(
        (dynamic.energy_pj + 4 * dynamic.latency_ns) / 2
    )
    assert dynamic.energy_pj == pytest.approx(DRAFT_PJ + VERIFY_PJ + FULL_PJ)


def test_a_chip_that_costs_nothing_has_no_throughput_and_no_ratio() -> None:
    chip = legacy_chip()
    for cost in chip["costs"].values():
        if isinstance(cost, dict) and "energy_pj_per_mac" in cost:
            cost.update(energy_pj_per_mac=0.0, latency_ns_per_mac=0.0)
    point = report(chip, 1, 2.0, 5).points[0]
    assert set(point.metrics.values()) == {0.0}
    assert set(point.ratio.values()) == {None}
    assert set(point.difference.values()) == {0.0}


#: A token of the tiny model: 2 x 4 values of a byte, 2 heads x 2 scales of 2 bytes.
TOKEN_BYTES = 2 * 4 + 2 * 2 * 2


def test_bytes_of_a_burst() -> None:
    # K = 3 after 10 tokens: 3 + 3 + 1 steps, SRAM reads 0, 1, 2 | 0, 1, 2 | 3 tokens,
    # HBM reads 10 in every step, the commit writes 2.5.
    point = report(tiny_chip(memory=memory()), 3, 2.5, 10).points[0]
    b = TOKEN_BYTES
    assert point.breakdown["draft"].traffic_bytes == {
        "sram_read": 3 * b,
        "sram_write": 3 * b,
        "hbm_read": 30 * b,
        "hbm_write": 0,
        "fabric_read": 33 * b,
        "fabric_write": 3 * b,
    }
    assert point.breakdown["verify_bonus"].traffic_bytes == {
        "sram_read": 3 * b,
        "sram_write": b,
        "hbm_read": 10 * b,
        "hbm_write": 2.5 * b,
        "fabric_read": 13 * b,
        "fabric_write": 3.5 * b,
    }
    total = point.breakdown["total"].traffic_bytes
    assert total is not None
    assert total["hbm_read"] == 70 * b
    # Ownership of KV moves to the memories.
    assert point.breakdown["total"].features["kv_cache_update"].ops == 0


def test_formats_of_hbm_and_sram() -> None:
    kv = {
        "hbm": {"value_bytes_per_elem": 2, "scale_bytes": 0},
        "sram": {"value_bytes_per_elem": 1, "scales_per_token_per_head": 1},
    }
    point = report(tiny_chip(memory=memory(kv_cache=kv)), 1, 1.0, 10).points[0]
    bonus = point.breakdown["verify_bonus"].traffic_bytes
    assert bonus is not None
    assert bonus["hbm_write"] == 16
    assert bonus["sram_write"] == 8 + 2 * 2


def test_a_phase_pays_fixed_latencies_once() -> None:
    b = TOKEN_BYTES
    slow = memory(
        sram={
            "read_energy_pj_per_byte": 1.0,
            "write_energy_pj_per_byte": 2.0,
            "write_latency_ns": 300.0,
        },
        hbm={"read_bandwidth_GBps": 0.5, "read_latency_ns": 100.0},
        fabric={"read_latency_ns": 50.0, "write_bandwidth_GBps": 0.25},
    )
    point = report(tiny_chip(memory=slow), 3, 2.0, 10).points[0]
    draft = point.breakdown["draft"]
    # Reads: HBM 30 tokens at 0.5 B/ns and 100 ns. Writes: SRAM 300 ns against 3 tokens
    # at 0.25 B/ns over the fabric.
    reads, writes = 30 * b / 0.5 + 100, max(300.0, 3 * b / 0.25)
    movement = (3 * b * 1.0 + 3 * b * 2.0, reads + writes)
    assert draft.channels["movement"] == pytest.approx(movement)
    assert draft.stages["kv_cache"] == pytest.approx(movement)
    assert draft.components["hbm"] == pytest.approx((0.0, reads))
    assert draft.components["sram"] == pytest.approx((9 * b, 300.0))
    assert draft.components["fabric"] == pytest.approx((0.0, 50 + 3 * b / 0.25))
    assert draft.cost == pytest.approx(
        (3 * DRAFT_PJ + movement[0], 3 * DRAFT_NS + movement[1])
    )
    assert draft.channels["compute"] == pytest.approx((3 * DRAFT_PJ, 3 * DRAFT_NS))


def test_what_moves_no_bytes_costs_no_latency() -> None:
    slow = memory(hbm={"read_latency_ns": 100.0}, sram={"read_latency_ns": 9.0})
    point = report(tiny_chip(memory=slow), 0, 1.0, 0).points[0]
    assert point.breakdown["total"].channels["movement"].latency_ns == 0.0


def pipelined(chip: Plain) -> Plain:
    chip["soc"]["schedule"] = "layer-pipelined"
    return chip


def test_pipelined_verification_fills_then_follows_the_slowest_layer() -> None:
    point = report(pipelined(tiny_chip()), 3, 2.0, 10, n_layers=5).points[0]
    draft = 3 * 5 * DRAFT_NS
    # The first step crosses 5 layers; two drafted steps and the bonus step follow.
    assert point.burst_latency_ns == pytest.approx(
        draft + 5 * VERIFY_NS + 2 * VERIFY_NS + FULL_NS
    )
    # The breakdown and the baseline stay serialized.
    assert point.breakdown["verify_drafted"].cost.latency_ns == pytest.approx(
        3 * 5 * VERIFY_NS
    )
    assert point.baseline_metrics["latency_ns_per_token"] == pytest.approx(5 * FULL_NS)


def test_pipelined_steps_wait_for_memory_but_the_commit_is_left_out() -> None:
    # Reading 10 tokens of 3 layers from HBM takes 480 ns and more than a layer's
    # compute; writing what is committed would take 10,000 ns.
    b = 3 * TOKEN_BYTES
    slow = memory(hbm={"read_bandwidth_GBps": 1.0, "write_latency_ns": 1e4})
    chip = pipelined(tiny_chip(memory=slow))
    chip["soc"]["control"]["latency_ns_per_burst"] = 6.0
    point = report(chip, 2, 2.0, 10, n_layers=3).points[0]
    draft = 2 * 3 * DRAFT_NS + 2 * 10 * b
    assert 10 * b > FULL_NS + 6.0
    assert point.burst_latency_ns == pytest.approx(draft + 3 * VERIFY_NS + 3 * (10 * b))
    # Without memory the burst's control counts once, not once a layer.
    del chip["memory"]
    point = report(chip, 2, 2.0, 10, n_layers=3).points[0]
    assert point.burst_latency_ns == pytest.approx(
        2 * 3 * DRAFT_NS + 3 * VERIFY_NS + VERIFY_NS + FULL_NS + 6.0
    )


def test_area_by_component() -> None:
    # 8 tiles a layer, 2 layers: 16 tiles, 64 rows, 2 ADCs a tile and path.
    chip = tiny_chip(memory=memory(sram={"area_mm2": 32.0, "capacity_bytes": 64}))
    chip["memory"]["fabric"]["area_mm2"] = 0.5
    chip["memory"]["hbm"]["area_mm2"] = 70.0
    chip["analog"]["periphery"]["tia"] = block(area=0.25)
    chip["analog"]["periphery"]["input_registers"] = block(area=0.125)
    chip["analog"]["periphery"]["write_drivers"] = block(area=0.75)
    chip["soc"].update(attention_cim_units=3, attention_cim_mac_area_mm2_per_unit=0.1)
    chip["soc"]["buffers_add"]["area_mm2_per_unit"] = 9.0
    chip["specs"]["digital_overhead_area_mm2_per_layer"] = 0.3
    area = report(chip, 0, 1.0, 1, n_layers=2).area
    expected = {
        # 48 + 16 + 64 weights a layer.
        "arrays": 2 * 128 * 0.001,
        "dac": 64 * 0.01,
        "adc_draft": 32 * 0.1,
        "adc_residual": 32 * 0.2,
        # 4 arrays a weight: 64 arrays.
        "input_registers": 64 * 0.125,
        "tia": 64 * 0.25,
        "write_drivers": 64 * 0.75,
        "attention_cim_mac": 6 * 0.1,
        # 6 units of 16 elements of one byte at 0.5 mm2 a byte.
        "attention_cim_sram": 6 * 16 * 0.5,
        "sram": 32.0,
        "fabric": 0.5,
        "digital_overhead": 0.6,
    }
    found = {name: mm2 for name, mm2 in area.components.items() if mm2}
    assert found == pytest.approx(expected)
    assert area.on_chip == pytest.approx(sum(expected.values()))
    assert area.off_chip_hbm == 70.0
    assert area.stages == pytest.approx(
        {"qkv": 0.096, "wo": 0.032, "ffn": 0.128, "digital": 0.6}
    )


def test_area_of_arrays_is_per_array_where_that_is_known() -> None:
    chip = tiny_chip()
    chip["specs"]["array"]["area_mm2_per_array"] = 0.5
    # 3 tiles of 4 arrays.
    assert report(chip, 0, 1.0, 1).area.stages["qkv"] == pytest.approx(6.0)
    chip["specs"]["array"]["area_mm2_per_array"] = 0.0
    assert report(chip, 0, 1.0, 1).area.stages["qkv"] == pytest.approx(0.048)


def test_one_delta_dac_a_tile_the_wider_of_the_two() -> None:
    chip = tiny_chip()
    chip["specs"]["delta_dac"] = {
        "draft": {"bits": 8, **converter(0.0, 0.0, 0.5)},
        "verify": {"bits": 3, **converter(0.0, 0.0, 0.7)},
    }
    area = report(chip, 0, 1.0, 1).area
    assert area.components["dac"] == pytest.approx(32 * 0.01 + 8 * 0.5)


def test_area_of_a_legacy_chip() -> None:
    chip = legacy_chip(memory=memory(sram={"area_mm2": 2.0, "capacity_bytes": 1}))
    chip["soc"]["attention_cim_mac_area_mm2_per_unit"] = 5.0
    area = report(chip, 0, 1.0, 1).area
    found = {name: mm2 for name, mm2 in area.components.items() if mm2}
    assert found == {"arrays": 128 * 0.5, "sram": 2.0, "digital_overhead": 0.25}


def test_break_even_is_the_shortest_prompt_that_wins() -> None:
    # Attention costs nothing at 0 tokens, and speculation saves nothing on it; but a
    # chip that leaks saves energy with time, and only when pipelined.
    chip = pipelined(tiny_chip(leakage_power={"arrays_nw": 1e9}))
    chip["specs"]["digital_features"]["attention_softmax"] = per_mac(0.0, 1.0)
    lengths = [500, 0, 400, 10]
    found = report(chip, 5, 6.0, *lengths, n_layers=20)
    winners = [
        point.prompt_length
        for point in found.points
        if point.metrics["tokens_per_joule"]
        > point.baseline_metrics["tokens_per_joule"]
    ]
    assert winners
    assert found.break_even_prompt_length == min(winners)


def test_plain_data_carries_the_same_numbers() -> None:
    found = report(tiny_chip(memory=memory()), 2, 1.5, 3, 4)
    data = found.to_dict()
    assert data["draft_length"] == 2
    assert data["committed_tokens_per_burst"] == 1.5
    assert [point["prompt_length"] for point in data["points"]] == [3, 4]
    total = data["points"][1]["phases"]["total"]
    assert total["energy_pj"] == found.points[1].breakdown["total"].cost.energy_pj
    assert data["area_mm2"]["on_chip"] == found.area.on_chip
    assert "phases" not in found.to_dict(breakdown=False)["points"][0]
    assert data["feature_origins"]["attention_pv"] == "mapped:digital.attention"
