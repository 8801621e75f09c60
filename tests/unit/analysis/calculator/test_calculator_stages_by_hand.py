"""One analog stage at a time, worked out on paper.

The tiny chip has 4 x 4 crossbars and two slices an activation. The qkv matrix of the
tiny model is 12 x 4: 3 tiles, 6 executions, 12 outputs in 3 output tiles. In every
mode the DACs drive 6 x 4 = 24 rows.
"""

from __future__ import annotations

from typing import Any

import pytest
from calculator_cases import chip_of
from example_chips import block, converter, legacy_chip, tiny_chip, tiny_model

from simcore.analysis.calculator.modes import StepKind
from simcore.analysis.calculator.steps import StepCost, step_cost

Plain = dict[str, Any]


def tiny_step(kind: StepKind, chip: Plain, policy: str = "draft") -> StepCost:
    """A step of the tiny model, of which qkv is drafted by `policy`."""
    model = tiny_model(draft_policy={"default": {"qkv": policy}})
    return step_cost(chip_of(model, chip), kind)


def with_adder(chip: Plain, energy: float, latency: float) -> Plain:
    chip["soc"]["buffers_add"].update(block(energy, latency))
    return chip


def qkv_components(
    kind: StepKind, chip: Plain, policy: str = "draft"
) -> dict[str, tuple[float, float]]:
    """Components of qkv alone: the whole step less the step without qkv's share.

    wo is 4 x 4 (1 tile) and ffn is 8 x 4 and 4 x 8 (4 tiles): with all blocks read the
    same way they are 5 tiles beside qkv's 3.
    """
    model = tiny_model(
        draft_policy={"default": dict.fromkeys(("qkv", "wo", "ffn"), policy)}
    )
    step = step_cost(chip_of(model, chip), kind)
    return {
        name: (cost.energy_pj * 3 / 8, cost.latency_ns * 3 / 8)
        for name, cost in step.components.items()
        if cost != (0.0, 0.0)
    }


def test_draft_reads_array_one_with_the_draft_converter() -> None:
    # arrays 6 x 5 pJ; DAC 24 x 1 pJ; draft ADC 24 x 2 pJ. An ADC scans 2 columns of
    # 1 ns: fill 0.5 + 0.25 + 2, then 5 more periods of 2 ns.
    step = tiny_step("draft", tiny_chip())
    assert step.stages["qkv"] == (30 + 24 + 48, 2.75 + 5 * 2)
    assert qkv_components("draft", tiny_chip()) == {
        "arrays": (30, 6 * 0.25),
        "dac": (24, 6 * 0.5),
        "adc_draft": (48, 6 * 2),
    }


def test_verification_with_reuse_reads_the_other_three_arrays() -> None:
    # arrays 18 x 5 pJ; DAC 24; residual ADC 24 x 3 pJ, 2 columns of 2 ns.
    step = tiny_step("verify_drafted", tiny_chip())
    assert step.stages["qkv"] == (90 + 24 + 72, 4.75 + 5 * 4)


def test_full_read_scans_both_paths_at_once() -> None:
    # arrays 24 x 5 pJ; DAC 24; ADCs 48 + 72. The residual path (4 ns) hides the draft
    # path (2 ns); the 6 x 4 ns of scanning are shared 2 : 4.
    step = tiny_step("verify_bonus", tiny_chip())
    assert step.stages["qkv"] == (120 + 24 + 48 + 72, 4.75 + 5 * 4)
    components = qkv_components("verify_bonus", tiny_chip())
    assert components["adc_draft"] == pytest.approx((48, 8))
    assert components["adc_residual"] == pytest.approx((72, 16))


def test_reread_verifies_drafted_tokens_in_full() -> None:
    chip = tiny_chip(reuse_policy="reread")
    assert tiny_step("verify_drafted", chip) == tiny_step("verify_bonus", chip)


def test_a_full_block_drafts_in_full_and_is_not_read_again_on_reuse() -> None:
    chip = with_adder(tiny_chip(), 0.1, 0.5)
    full = tiny_step("verify_bonus", chip).stages["qkv"]
    assert tiny_step("draft", chip, policy="full").stages["qkv"] == full
    again = qkv_components("verify_drafted", chip, policy="full")
    # Nothing at all: no additions either.
    assert again == {}


def test_a_full_block_drafts_with_the_slices_of_verification() -> None:
    chip = tiny_chip()
    chip["soc"].update(draft_activation_bits=2, verify_activation_bits=8)
    # 1 slice and 4 slices: 3 and 12 executions.
    assert tiny_step("draft", chip).stages["qkv"].latency_ns == 2.75 + 2 * 2
    full = tiny_step("draft", chip, policy="full").stages["qkv"]
    assert full.latency_ns == 4.75 + 11 * 4


def test_additions_hide_behind_the_stream() -> None:
    # Drafting converts 24 samples: 2.4 pJ. Adding 2 columns takes 1 ns, less than the
    # period of 2 ns: only the last execution's additions are seen. wo adds 2 x 4
    # samples and 1 ns, ffn 8 x 4 samples and 1 ns.
    step = tiny_step("draft", with_adder(tiny_chip(), 0.1, 0.5))
    assert step.stages["buffers_add"] == pytest.approx((0.1 * (24 + 8 + 32), 3.0))


def test_slow_additions_outlast_the_stream() -> None:
    # 2 columns of 1.5 ns: 3 ns against a period of 2 ns, 1 ns more per execution:
    # 3 + 5 for qkv's 6 executions, 3 + 1 for wo's 2, 3 + 7 for ffn's 8.
    step = tiny_step("draft", with_adder(tiny_chip(), 0.0, 1.5))
    assert step.stages["buffers_add"].latency_ns == pytest.approx(8 + 4 + 10)


def test_reuse_ends_with_adding_the_stored_draft() -> None:
    # 24 samples and the 12 outputs; 1 ns at the end of the stream and then 3 output
    # tiles of 2 columns of 0.5 ns. wo: 8 + 4, 1 + 1 ns; ffn: 32 + 8 + 4, 1 + 3 ns.
    step = tiny_step("verify_drafted", with_adder(tiny_chip(), 0.1, 0.5))
    samples = (24 + 12) + (8 + 4) + (32 + 12)
    assert step.stages["buffers_add"] == pytest.approx((0.1 * samples, 4 + 2 + 4))


def test_additions_have_a_price_for_each_phase() -> None:
    chip = with_adder(tiny_chip(), 0.1, 0.5)
    chip["soc"]["buffers_add"]["draft"] = {"energy_pj_per_op": 0.0}
    chip["soc"]["buffers_add"]["verify"] = {"latency_ns_per_op": 0.0}
    assert tiny_step("draft", chip).stages["buffers_add"] == (0.0, 3.0)
    verify = tiny_step("verify_bonus", chip).stages["buffers_add"]
    assert verify == pytest.approx((0.1 * 2 * (24 + 8 + 32), 0.0))


def test_stream_periphery_multiplies_the_scan_time() -> None:
    # 4 ns of scanning x 1.5 "ns per operation" = 6: a product of two times, as the
    # public calculator has it.
    chip = tiny_chip()
    chip["analog"]["periphery"]["tia"] = block(energy=0.5, latency=1.5)
    step = tiny_step("verify_bonus", chip)
    assert step.stages["qkv"].latency_ns == 6.75 + 5 * 6
    # 48 samples of both paths.
    assert qkv_components("verify_bonus", chip)["tia"] == (24.0, 6 * 6)
    chip["analog"]["periphery"]["tia"] = block(latency=0.9)
    assert tiny_step("verify_bonus", chip).stages["qkv"].latency_ns == 4.75 + 5 * 4


def test_registers_serve_every_active_array() -> None:
    # 4 arrays: 4 x 4 inputs and 4 x 8 outputs an execution.
    chip = tiny_chip()
    chip["analog"]["periphery"]["input_registers"] = block(0.5, 0.125)
    chip["analog"]["periphery"]["output_registers"] = block(0.25, 0.5)
    components = qkv_components("verify_bonus", chip)
    assert components["input_registers"] == (6 * 16 * 0.5, 6 * 16 * 0.125)
    assert components["output_registers"] == (6 * 32 * 0.25, 6 * 32 * 0.5)
    # The output registers (16 ns) outlast the scan.
    step = tiny_step("verify_bonus", chip)
    assert step.stages["qkv"].latency_ns == (2 + 0.5 + 0.25 + 16) + 5 * 16


def test_switches_and_drivers_are_steps_of_their_own() -> None:
    chip = tiny_chip()
    chip["analog"]["periphery"]["subarray_switches"] = block(0.5, 0.125)
    chip["analog"]["periphery"]["write_drivers"] = block(0.25, 8.0)
    components = qkv_components("verify_drafted", chip)
    assert components["subarray_switches"] == (18 * 0.5, 6 * 0.125)
    assert components["write_drivers"] == (24 * 0.25, 6 * 8.0)
    step = tiny_step("verify_drafted", chip)
    assert step.stages["qkv"].latency_ns == (4.75 + 0.125 + 8) + 5 * 8


def test_delta_readout_adds_one_conversion_a_tile() -> None:
    chip = tiny_chip()
    chip["specs"]["delta_dac"] = {"verify": {"bits": 3, **converter(7.0, 4.5, 0.3)}}
    # 6 delta conversions; 4.5 ns outlasts the scan of 4 ns.
    step = tiny_step("verify_drafted", chip)
    assert step.stages["qkv"] == (90 + 24 + 6 * 7 + 72, (4.5 + 0.25 + 4) + 5 * 4.5)
    assert qkv_components("verify_drafted", chip)["dac"] == (24 + 42, 6 * 4.5)
    # Drafting has none, be the block drafted in full.
    assert tiny_step("draft", chip, "full") == tiny_step("draft", tiny_chip(), "full")


def test_counts_of_a_step() -> None:
    # 8 tiles x 2 slices = 16 executions in all.
    assert tiny_step("verify_bonus", tiny_chip()).counts == {
        "array_activations": 64,
        "dac_conversions": 64,
        "adc_draft_conversions": 64,
        "adc_residual_conversions": 64,
    }
    assert tiny_step("verify_drafted", tiny_chip()).counts == {
        "array_activations": 48,
        "dac_conversions": 64,
        "adc_draft_conversions": 0,
        "adc_residual_conversions": 64,
    }


def test_matrices_are_padded_to_tiles_one_by_one() -> None:
    # d_ff 5: 5 x 4 is 2 tiles, 4 x 5 is 2 tiles; gated has one 5 x 4 more.
    for ffn_type, tiles in (("mlp", 4), ("swiglu", 6)):
        model = tiny_model(effective_d_ff=5, ffn_type=ffn_type)
        step = step_cost(chip_of(model, tiny_chip()), "draft")
        assert step.stages["ffn"].latency_ns == 2.75 + (2 * tiles - 1) * 2


def test_legacy_stage_costs_so_much_a_mac() -> None:
    # 48 MACs.
    chip = legacy_chip()
    assert tiny_step("draft", chip).stages["qkv"] == (48, 48)
    assert tiny_step("draft", chip, "full").stages["qkv"] == (192, 96)
    assert tiny_step("verify_drafted", chip).stages["qkv"] == (144, 72)
    assert tiny_step("verify_drafted", chip, "full").stages["qkv"] == (0, 0)
    assert tiny_step("verify_bonus", chip).stages["qkv"] == (192, 96)
    assert tiny_step("draft", chip).counts is None


@pytest.mark.parametrize(
    ("reuse", "policy", "kind", "additions", "read_ns"),
    [
        ("reuse", "draft", "draft", [1], 1),
        ("reread", "draft", "draft", [], 1),
        ("reuse", "full", "draft", [1, 1], 2),
        ("reread", "full", "draft", [1], 2),
        ("reuse", "draft", "verify_drafted", [2], 1.5),
        ("reuse", "full", "verify_drafted", [1], 0),
        ("reread", "draft", "verify_drafted", [1], 2),
        ("reuse", "draft", "verify_bonus", [1], 2),
    ],
)
def test_legacy_additions(
    reuse: str, policy: str, kind: StepKind, additions: list[int], read_ns: float
) -> None:
    # Outputs and MACs: qkv 12, 48; wo 4, 16; ffn 12, 64. Each addition takes 10 ns,
    # of which the block's own latency is hidden.
    chip = with_adder(legacy_chip(reuse_policy=reuse), 0.5, 10.0)
    model = tiny_model(
        draft_policy={"default": dict.fromkeys(("qkv", "wo", "ffn"), policy)}
    )
    step = step_cost(chip_of(model, chip), kind)
    shapes = ((12, 48), (4, 16), (12, 64))
    late = [
        max(0.0, 10 * n * outputs - read_ns * macs)
        for n in additions
        for outputs, macs in shapes
    ]
    energy = 0.5 * sum(additions) * sum(outputs for outputs, _ in shapes)
    assert step.stages.get("buffers_add") == pytest.approx((energy, sum(late)))


def test_control_is_paid_by_every_layer() -> None:
    chip = tiny_chip()
    chip["soc"]["control"].update(energy_pj_per_token=2.0, latency_ns_per_token=3.0)
    model = tiny_model(n_layers=7)
    assert step_cost(chip_of(model, chip), "draft").stages["control"] == (14.0, 21.0)


def test_slowest_layer_of_mixed_policies() -> None:
    # Layer 1 drafts in full: every stage takes what verification takes.
    model = tiny_model(
        n_layers=3,
        draft_policy={"default": {}, "per_layer": {"1": {"ffn": "full"}}},
    )
    step = step_cost(chip_of(model, tiny_chip()), "draft")
    # qkv 12.75, wo 2.75 + 2; ffn has 8 executions: 2.75 + 14, in full 4.75 + 28.
    assert step.stages["ffn"].latency_ns == 16.75 + 32.75 + 16.75
    assert step.slowest_layer_ns == 12.75 + 4.75 + 32.75
