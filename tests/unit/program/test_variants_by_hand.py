"""What each switch, model feature and hardware option changes in a layer, by hand."""

from __future__ import annotations

from typing import Any

import pytest
from hand_chip import QWEN3_17B, burst, find, rows

from simcore.config.accounting import CLOSED_FORM_ONLY, AccountingConfig
from simcore.config.load import load_model
from simcore.errors import ProgramError
from simcore.program.burst import (
    BurstProgram,
    baseline_program,
    build_burst_program,
)
from simcore.program.operation import LayerStep
from simcore.program.table import OperationTable

N, D, Hq, Hk, h, F, V = 28, 2048, 16, 8, 128, 6144, 151936
X = 128
b = 2080
L = 100

EXTRA = {
    "norm",
    "qk_norm",
    "rope",
    "quantize",
    "dequantize",
    "residual_add",
    "kv_pack",
    "kv_unpack",
    "embedding_read",
    "hop",
    "final_norm",
    "lm_head",
    "sampling",
}


def names(part: LayerStep) -> list[str]:
    return [row[0] for legs in rows(part, L) for row in legs]


def one(part: LayerStep, name: str, cached: int = L) -> tuple[Any, ...]:
    (row,) = find(part, name, cached)
    return row


# -- models -----------------------------------------------------------------------


def test_a_plain_mlp_has_one_up_matrix_and_no_gate() -> None:
    part = burst(model={"ffn_type": "mlp"}).draft[0].layers[5]
    assert "ffn_gate_multiply" not in names(part)
    assert one(part, "gate_up")[2] == (F // X) * (D // X) * 2
    third = find(part, "dequantize")[2]
    assert third[2] == F


def test_a_model_without_rope_or_qk_norm_has_neither() -> None:
    with_both = burst().draft[0].layers[5]
    without = burst(model={"rotary": False, "qk_norm": False}).draft[0].layers[5]
    removed = [n for n in names(with_both) if n not in ("rope", "qk_norm")]
    assert names(without) == removed


def test_without_a_vocabulary_there_is_no_head_and_no_embedding() -> None:
    program = burst(model={"vocab_size": None})
    for step in program.steps:
        assert step.layers[N].positions == ()
        assert "embedding_read" not in names(step.layers[0])


def test_widths_that_do_not_fill_their_tiles_are_rounded_up_for_each_matrix() -> None:
    part = burst(model={"d_ff": 200}).draft[0].layers[5]
    # 200 outputs are 2 tiles high for gate and for up, not 400 / 128 = 4 rounded up.
    assert one(part, "gate_up")[2] == (2 * 16 + 2 * 16) * 2
    # 200 inputs are 2 tiles wide.
    assert one(part, "down")[2] == 16 * 2 * 2


def test_a_window_bounds_what_a_layer_reads_and_attends_to() -> None:
    w = 64
    windows = [w if layer % 2 == 0 else None for layer in range(N)]
    program = burst(model={"layer_windows": windows})
    step, i = program.draft[1], 1
    # The token itself is one of the w attended, so 63 cached ones remain, of which
    # the speculative one comes from SRAM.
    legs = {row[1]: row[3] for row in find(step.layers[6], "kv_read", L + i)}
    assert legs == {
        ("hbm",): (w - 1 - i) * b,
        ("sram",): i * b,
        ("fabric_read",): (w - 1) * b,
    }
    assert one(step.layers[6], "attention_qk", L + i)[2] == Hq * h * w
    assert one(step.layers[6], "attention_softmax", L + i)[2] == Hq * w
    assert one(step.layers[6], "kv_unpack", L + i)[2] == 2 * Hq * (w - 1)
    # The layers without a window see everything.
    assert one(step.layers[7], "attention_qk", L + i)[2] == Hq * h * (L + i + 1)


def test_a_window_that_is_not_full_yet_changes_nothing() -> None:
    windowed = burst(model={"layer_windows": [64] * N}).draft[1].layers[5]
    unbounded = burst().draft[1].layers[5]
    assert rows(windowed, 63) == rows(unbounded, 63)
    assert rows(windowed, 64) != rows(unbounded, 64)


def test_a_window_shorter_than_a_burst_is_refused() -> None:
    assert burst(5, model={"layer_windows": [7] * N}).draft_length == 5
    with pytest.raises(ProgramError, match="sliding window of 6 tokens is not longer"):
        burst(5, model={"layer_windows": [6] * N})


# -- hardware ---------------------------------------------------------------------


def kv_cache(**form: Any) -> dict[str, Any]:
    return {"memory": {"kv_cache": form}}


def test_static_scales_move_no_scale_bytes_and_unpack_once_an_element() -> None:
    static = kv_cache(hbm={"scales_per_token_per_head": 0})
    part = burst(hardware=static).draft[1].layers[5]
    packed = 2 * Hk * h
    assert packed == 2048
    assert [row[4] for row in find(part, "kv_write")] == [packed, packed]
    legs = [row[3] for row in find(part, "kv_read", L + 1)]
    assert legs == [L * packed, packed, (L + 1) * packed]
    assert one(part, "kv_unpack", L + 1)[2] == 2 * Hq * h


def test_sram_may_hold_kv_in_another_format() -> None:
    wide = kv_cache(
        sram={
            "value_bytes_per_elem": 2,
            "scale_bytes": 0,
            "scales_per_token_per_head": 0,
        }
    )
    program = burst(hardware=wide)
    b_sram = 2 * Hk * h * 2
    part = program.draft[1].layers[5]
    assert [row[4] for row in find(part, "kv_write")] == [b_sram, b_sram]
    legs = [row[3] for row in find(part, "kv_read", L + 1)]
    assert legs == [L * b, b_sram, L * b + b_sram]
    _, sram, fabric, hbm = program_legs(program.commit[0], committed=3)
    assert (sram[3], fabric[4], hbm[4]) == (3 * b_sram, 3 * b_sram, 3 * b)
    assert program.speculative_bytes == N * 3 * b_sram


def program_legs(part: LayerStep, committed: int) -> list[tuple[Any, ...]]:
    (legs,) = rows(part, 0, committed)
    return legs


def test_tokens_of_another_format_are_converted_on_the_way_to_hbm() -> None:
    # 16-bit values in SRAM, 8-bit ones in HBM, scales alike: 2 x 8 heads x 128
    # values of each committed token pass through dequantize (1.9 pJ, 0.010 ns) and
    # quantize (1.8 pJ, 0.009 ns), in one stream beside the transfer.
    program = burst(hardware=kv_cache(sram={"value_bytes_per_elem": 2}))
    convert, *moved = program_legs(program.commit[0], committed=3)
    assert convert[:5] == ("kv_convert", ("dpu",), 3 * 2048, 0, 0)
    assert convert[5] == pytest.approx(3 * 2048 * 0.019, rel=1e-12)
    assert convert[6] == {"elementwise_unit": pytest.approx(3 * 2048 * 3.7)}
    assert [row[0] for row in moved] == ["kv_commit"] * 3


def test_speculative_tokens_of_another_format_are_unpacked_from_it() -> None:
    program = burst(hardware=kv_cache(sram={"value_bytes_per_elem": 2}))
    for step in program.steps:
        part, i = step.layers[5], step.index
        # Scales of the L tokens in HBM, and every value of the i tokens in SRAM.
        assert one(part, "kv_unpack", L + i)[2] == 2 * Hq * L
        if i == 0:
            assert "kv_dequantize" not in names(part)
            continue
        row = one(part, "kv_dequantize", L + i)
        assert row[:3] == ("kv_dequantize", ("dpu",), i * 2048)
        assert row[5] == pytest.approx(i * 2048 * 0.010, rel=1e-12)
        assert row[6] == {"elementwise_unit": pytest.approx(i * 2048 * 1.9)}


def test_static_scales_against_scales_of_each_token_are_another_format() -> None:
    static = {"scales_per_token_per_head": 0}
    program = burst(hardware=kv_cache(hbm=static, sram={"value_bytes_per_elem": 1}))
    assert one(program.draft[1].layers[5], "kv_dequantize", L + 1)[2] == 2048
    assert one(program.draft[1].layers[5], "kv_unpack", L + 1)[2] == 2 * Hq * h
    assert program_legs(program.commit[0], committed=1)[0][2] == 2048


def test_scales_of_another_width_alone_are_converted_alone() -> None:
    program = burst(hardware=kv_cache(sram={"scale_bytes": 4}))
    # One scale of K and one of V for each of 8 heads.
    assert program_legs(program.commit[0], committed=2)[0][2] == 2 * 2 * Hk
    part = program.draft[1].layers[5]
    assert "kv_dequantize" not in names(part)
    assert one(part, "kv_unpack", L + 1)[2] == 2 * Hq * (L + 1)


def test_one_format_in_both_memories_converts_nothing() -> None:
    same = {"value_bytes_per_elem": 1, "scale_bytes": 2}
    for program in (burst(), burst(hardware=kv_cache(sram=same))):
        assert "kv_convert" not in names(program.commit[0])
        assert "kv_dequantize" not in names(program.draft[1].layers[5])
    # The public calculator knows no conversion.
    other = burst(
        hardware=kv_cache(sram={"value_bytes_per_elem": 2}), extra_features="off"
    )
    assert "kv_convert" not in names(other.commit[0])


def test_without_memory_nothing_is_moved() -> None:
    program = burst(hardware={"memory": None, "reuse_policy": "reuse"})
    for step in program.steps:
        for part in step.layers:
            assert all(
                op.channel == "compute" for legs in part.positions for op in legs
            )
    assert all(part.positions == () for part in program.commit)
    assert program.speculative_bytes == 0


@pytest.mark.parametrize(
    ("change", "draft_ns", "full_ns", "residual_ns"),
    [
        # A sample that settles slower than the draft ADC converts sets its pace.
        (
            {"periphery": {"tia": {"latency_ns_per_op": 4.0}}},
            3.5 + 11 + 4 + 0.5 + 0.25 + 16 * 4 + 1 * 16 * 4,
            3.5 + 11 + 4 + 0.5 + 0.25 + 32 * 10 + 2 * 32 * 10,
            3.5 + 11 + 4 + 0.5 + 0.25 + 32 * 10 + 2 * 32 * 10,
        ),
        # With one column an ADC the array's 11 ns are the period.
        (
            {"adc": {"num_columns_per_adc": {"draft": 1, "residual": 1}}},
            3.5 + 11 + 1.5 + 0.5 + 0.25 + 2 + 1 * 11,
            3.5 + 11 + 1.5 + 0.5 + 0.25 + 10 + 2 * 11,
            3.5 + 11 + 1.5 + 0.5 + 0.25 + 10 + 2 * 11,
        ),
        # A full read waits for the slower path, a residual read only for its own.
        (
            {"adc": {"num_columns_per_adc": {"draft": 128, "residual": 8}}},
            3.5 + 11 + 1.5 + 0.5 + 0.25 + 128 * 2 + 1 * 128 * 2,
            3.5 + 11 + 1.5 + 0.5 + 0.25 + 128 * 2 + 2 * 128 * 2,
            3.5 + 11 + 1.5 + 0.5 + 0.25 + 8 * 10 + 2 * 8 * 10,
        ),
        # Without a split both paths share 64 columns an ADC.
        (
            {"adc": {"num_columns_per_adc": None}},
            3.5 + 11 + 1.5 + 0.5 + 0.25 + 64 * 2 + 1 * 64 * 2,
            3.5 + 11 + 1.5 + 0.5 + 0.25 + 64 * 10 + 2 * 64 * 10,
            3.5 + 11 + 1.5 + 0.5 + 0.25 + 64 * 10 + 2 * 64 * 10,
        ),
    ],
)
def test_time_of_an_analog_read(
    change: dict[str, Any], draft_ns: float, full_ns: float, residual_ns: float
) -> None:
    program = burst(hardware={"analog": change, "reuse_policy": "reuse"})
    for step, ns in (
        (program.draft[1], draft_ns),
        (program.verify[1], residual_ns),
        (program.verify[2], full_ns),
    ):
        assert one(step.layers[5], "qkv")[5] == pytest.approx(ns, rel=1e-12)


def test_activation_bits_are_rounded_up_to_whole_slices() -> None:
    program = burst(
        hardware={"soc": {"draft_activation_bits": 5, "verify_activation_bits": 9}}
    )
    assert one(program.draft[0].layers[5], "qkv")[2] == 512 * 2
    assert one(program.verify[0].layers[5], "qkv")[2] == 4 * 512 * 3
    of_the_model = burst(
        hardware={
            "soc": {"draft_activation_bits": None, "verify_activation_bits": None}
        }
    )
    assert one(of_the_model.draft[0].layers[5], "qkv")[2] == 512 * 3


def test_the_adder_tree_has_a_level_for_each_doubling_of_the_row_tiles() -> None:
    def depth(d_ff: int) -> float:
        part = burst(model={"d_ff": d_ff}).draft[0].layers[5]
        return find(part, "accumulate")[3][5] / 0.75  # of the down projection

    # 1, 2, 3 and 4 row tiles: 0, 1, 2 and 2 levels, and the register.
    assert [depth(n * X) for n in (1, 2, 3, 4)] == pytest.approx([1, 2, 3, 3])


# -- accounting switches ----------------------------------------------------------


@pytest.mark.parametrize(
    ("tile_parallelism", "executions"),
    [
        ("serial", 512 * 2),
        (1, 512 * 2),
        (100, 6 * 2),
        (512, 2),
        (1000, 2),
        ("matrix", 2),
    ],
)
def test_tile_parallelism_is_how_many_tiles_convert_at_once(
    tile_parallelism: Any, executions: int
) -> None:
    part = burst(tile_parallelism=tile_parallelism).draft[0].layers[5]
    qkv = one(part, "qkv")
    expected = 3.5 + 11 + 1.5 + 0.5 + 0.25 + 32 + (executions - 1) * 32
    assert qkv[5] == pytest.approx(expected, rel=1e-12)
    # The work is the same, however many tiles share it.
    assert qkv[6] == one(burst().draft[0].layers[5], "qkv")[6]


def test_tile_parallelism_all_reads_down_beside_gate_and_up() -> None:
    matrix = burst().verify[0].layers[5]
    ideal = burst(tile_parallelism="all").verify[0].layers[5]
    assert "gate_up" not in names(ideal)
    assert "down" not in names(ideal)
    merged = one(ideal, "gate_up_down")
    gate_up, down = one(matrix, "gate_up"), one(matrix, "down")
    assert merged[2] == gate_up[2] + down[2]
    assert merged[5] == gate_up[5]  # all tiles at once take the time of one
    for component, pj in merged[6].items():
        both = gate_up[6][component] + down[6][component]
        assert pj == pytest.approx(both, rel=1e-12)


def test_array_energy_per_array_charges_each_activation_once() -> None:
    part = burst(array_energy="per_array").verify[0].layers[5]
    assert one(part, "qkv")[6]["arrays"] == pytest.approx(4 * 512 * 3 * 0.002)


def test_offset_row_off_drives_128_rows() -> None:
    qkv = one(burst(offset_row="off").draft[0].layers[5], "qkv")
    assert qkv[6]["dac"] == pytest.approx(512 * 2 * 128 * 0.3)
    assert qkv[6]["write_drivers"] == pytest.approx(512 * 2 * 128 * 0.037)
    assert qkv[6]["input_registers"] == pytest.approx(512 * 2 * 128 * 0.011)
    assert qkv[6]["arrays"] == pytest.approx(512 * 2 * 128 * 128 * 0.002)
    # Columns are sensed once whatever the rows.
    assert qkv[6]["adc_draft"] == pytest.approx(512 * 2 * 128 * 0.2)


def test_attention_heads_mha_gives_every_query_head_its_own_k_and_v() -> None:
    part = burst(attention_heads="mha").draft[0].layers[5]
    assert one(part, "qkv")[2] == ((Hq + 2 * Hq) * h // X) * (D // X) * 2
    assert find(part, "kv_write")[0][4] == 2 * Hq * h + 2 * Hq * 2
    assert one(part, "kv_pack")[2] == 2 * Hq * h
    assert one(part, "rope")[2] == 2 * Hq * h


def test_head_dim_derived_ignores_the_models_own() -> None:
    shape = {"d_model": 1024, "d_ff": 3072}
    part = burst(model=shape, head_dim="derived").draft[0].layers[5]
    assert one(part, "attention_qk")[2] == 16 * 64 * (L + 1)
    assert find(part, "kv_write")[0][4] == 2 * 8 * 64 + 2 * 8 * 2
    with pytest.raises(
        ProgramError, match=r"needs d_model .1030. divisible by n_heads"
    ):
        burst(model={"d_model": 1030}, head_dim="derived")


def test_extra_features_off_leaves_the_analog_attention_and_kv_core() -> None:
    program = burst(extra_features="off")
    full = burst()
    for step, reference in zip(program.steps, full.steps, strict=True):
        kept = [n for n in names(reference.layers[0]) if n not in EXTRA]
        assert names(step.layers[0]) == kept
        assert step.layers[N].positions == ()


def test_kv_commit_sram_read_off_removes_that_leg_only() -> None:
    legs = find(burst(kv_commit_sram_read="off").commit[0], "kv_commit", committed=2)
    every_leg = find(burst().commit[0], "kv_commit", committed=2)
    assert every_leg[0][1] == ("sram",)
    assert legs == every_leg[1:]


def test_self_token_off_attends_to_cached_tokens_only() -> None:
    part = burst(self_token="off").draft[1].layers[5]
    assert one(part, "attention_qk", L + 1)[2] == Hq * h * (L + 1)
    assert one(part, "attention_softmax", L + 1)[2] == Hq * (L + 1)
    assert one(part, "attention_pv", L + 1)[2] == Hq * h * (L + 1)
    # What is read is the same: the token's own K and V were never read.
    assert find(part, "kv_read", L + 1) == find(
        burst().draft[1].layers[5], "kv_read", L + 1
    )


def test_self_token_off_lets_a_window_see_one_cached_token_more() -> None:
    w = 64
    part = burst(model={"layer_windows": [w] * N}, self_token="off").draft[1].layers[5]
    assert one(part, "attention_qk", L + 1)[2] == Hq * h * w
    assert [row[3] for row in find(part, "kv_read", L + 1)] == [(w - 1) * b, b, w * b]


def test_kv_read_sharing_per_burst_reads_hbm_once() -> None:
    program = burst(kv_read_sharing="per_burst")
    first, second, bonus = (step.layers[5] for step in program.verify)

    def legs(part: LayerStep, step: int) -> list[tuple[Any, ...]]:
        return [(row[1], row[3], row[4]) for row in find(part, "kv_read", L + step)]

    # The first verify step fills the buffer; the others read it and the drafts.
    assert legs(first, 0) == [
        (("hbm",), L * b, 0),
        (("sram",), 0, L * b),
        (("fabric_read",), L * b, 0),
    ]
    for part, step in ((second, 1), (bonus, 2)):
        assert legs(part, step) == [
            (("sram",), (L + step) * b, 0),
            (("fabric_read",), (L + step) * b, 0),
        ]
    (sram,) = [r for r in find(second, "kv_read", L + 1) if r[1] == ("sram",)]
    assert sram[5] == pytest.approx(4 + (L + 1) * b / 64, rel=1e-12)
    assert sram[6]["sram"] == pytest.approx((L + 1) * b * 2.5, rel=1e-12)
    # Draft steps cannot share.
    assert program.draft == burst().draft


def test_attention_sram_cim_loads_k_and_v_first() -> None:
    streaming = names(burst().draft[1].layers[5])
    part = burst(attention="sram_cim").draft[1].layers[5]
    before = streaming.index("attention_qk")
    assert names(part) == [*streaming[:before], "kv_load", *streaming[before:]]
    load = one(part, "kv_load", L + 1)
    elements = 2 * Hk * h * (L + 1)
    assert load[1:3] == (("attention",), elements)
    assert load[5] == pytest.approx(elements * 0.011, rel=1e-12)
    assert load[6] == pytest.approx({"kv_cache": elements * 2.1}, rel=1e-12)


def test_lm_head_on_the_dpu_streams_its_weights_from_hbm() -> None:
    head = burst(lm_head="dpu").verify[0].layers[N]
    assert names(head) == [
        "final_norm",
        "lm_head_weights",
        "lm_head_weights",
        "lm_head",
        "sampling",
    ]
    hbm, fabric = find(head, "lm_head_weights")
    assert (hbm[1], hbm[3]) == (("hbm",), V * D)
    assert hbm[5] == pytest.approx(100 + V * D / 1024, rel=1e-12)
    assert (fabric[1], fabric[3]) == (("fabric_read",), V * D)
    macs = one(head, "lm_head")
    assert macs[1:3] == (("attention",), V * D)
    # At the cost of a MAC of attention, on two units.
    assert macs[5] == pytest.approx(V * D * 0.002 / 2, rel=1e-12)
    assert macs[6] == pytest.approx({"attention_engine": V * D * 1.1}, rel=1e-12)


def test_lm_head_excluded_leaves_no_head() -> None:
    program = burst(lm_head="excluded")
    assert all(step.layers[N].positions == () for step in program.steps)
    assert "embedding_read" in names(program.draft[0].layers[0])


def test_burst_setup_per_layer_pays_it_in_every_layer() -> None:
    control, verify = (
        legs[0] for legs in rows(burst(burst_setup="per_layer").setup, L)
    )
    assert (control[5], verify[5]) == (N * 6.0, N * 9.0)
    assert control[6] == pytest.approx({"control": N * 53.0}, rel=1e-12)
    assert verify[6] == pytest.approx({"control": N * 41.0}, rel=1e-12)


def test_baseline_is_one_full_step_without_the_setup_of_verification() -> None:
    program = burst(2)
    baseline = baseline_program(program)
    assert (baseline.draft_length, baseline.draft) == (0, ())
    assert [step.phase for step in baseline.verify] == ["verify_bonus"]
    assert names(baseline.setup) == ["control_burst"]
    # All cached tokens come from HBM: nothing is speculative.
    legs = [row[1] for row in find(baseline.verify[0].layers[5], "kv_read", L)]
    assert legs == [("hbm",), ("fabric_read",)]
    assert baseline.speculative_bytes == N * b


def test_baseline_setup_on_charges_the_baseline_too() -> None:
    baseline = baseline_program(burst(2, baseline_setup="on"))
    assert names(baseline.setup) == ["control_burst", "verify_setup"]


def test_every_switch_changes_the_program() -> None:
    changed: dict[str, dict[str, Any]] = {
        "tile_parallelism": {"tile_parallelism": "serial"},
        "array_energy": {"array_energy": "per_array"},
        "attention_heads": {"attention_heads": "mha"},
        "head_dim": {"head_dim": "derived"},
        "extra_features": {"extra_features": "off"},
        "kv_commit_sram_read": {"kv_commit_sram_read": "off"},
        "offset_row": {"offset_row": "off"},
        "self_token": {"self_token": "off"},
        "baseline_setup": {"baseline_setup": "on"},
        "periphery_latency": {"periphery_latency": "product"},
        "lm_head": {"lm_head": "dpu"},
        "attention": {"attention": "sram_cim"},
        "kv_read_sharing": {"kv_read_sharing": "per_burst"},
        "burst_setup": {"burst_setup": "per_layer"},
    }
    # A new switch must come here with a value that matters.
    elsewhere = {"profile", "dac_banks", "power_gating", *CLOSED_FORM_ONLY}
    assert set(changed) == set(AccountingConfig.model_fields) - elsewhere
    model = {"d_model": 1024}
    base = burst(model=model)
    for name, switch in changed.items():
        other = burst(model=model, **switch)
        if name == "baseline_setup":
            assert baseline_program(other).setup != baseline_program(base).setup
        else:
            assert (other.draft, other.setup, other.verify, other.commit) != (
                base.draft,
                base.setup,
                base.verify,
                base.commit,
            ), name


def test_one_dac_bank_is_shared_where_the_residual_is_read_alone() -> None:
    def held(program: BurstProgram) -> set[tuple[str, ...]]:
        return {
            op.resources
            for step in program.steps
            for legs in step.layers[1].positions
            for op in legs
            if op.name == "qkv"
        }

    shared = burst(hardware={"reuse_policy": "reuse"})
    assert held(shared) == {("A1", "dac"), ("A2", "dac"), ("A1", "A2", "dac")}
    own = burst(hardware={"reuse_policy": "reuse"}, dac_banks=2)
    assert held(own) == {("A1",), ("A2",), ("A1", "A2")}
    # Without reuse every read holds A1, so its drivers need no resource of their own.
    assert held(burst()) == {("A1",), ("A1", "A2")}


# -- limits -----------------------------------------------------------------------


def test_a_burst_that_does_not_fit_the_sram_is_refused_with_what_would() -> None:
    def capacity(n_bytes: int) -> dict[str, Any]:
        return {"memory": {"sram": {"capacity_bytes": n_bytes}}}

    assert burst(2, hardware=capacity(N * 3 * b)).speculative_bytes == N * 3 * b
    with pytest.raises(
        ProgramError,
        match=rf"draft_length 2 holds {N * 3 * b} bytes .* draft_length 1 would fit",
    ):
        burst(2, hardware=capacity(N * 3 * b - 1))
    with pytest.raises(ProgramError, match="not even one token fits"):
        burst(0, hardware=capacity(N * b - 1))


def test_impossible_draft_lengths_are_refused() -> None:
    program = burst(0)
    for draft_length, baseline in ((-1, False), (1, True)):
        with pytest.raises(ProgramError, match=r"draft_length -?1 is not possible"):
            build_burst_program(
                program.model, program.hardware, draft_length, baseline=baseline
            )


def test_zero_coefficients_are_not_in_the_program() -> None:
    free = {"energy_pj_per_mac": 0.0, "latency_ns_per_mac": 0.0}
    part = (
        burst(hardware={"components": {"digital": {"features": {"rope": free}}}})
        .draft[0]
        .layers[5]
    )
    assert "rope" not in names(part)
    assert "norm" in names(part)


# -- the numbered table -----------------------------------------------------------


def tables() -> list[OperationTable]:
    model = {"n_layers": 3, "vocab_size": 1000}
    base = burst(2, model=model)
    pipelined = build_burst_program(
        base.model, base.hardware, 2, base.accounting, "layer-pipelined"
    )
    return [base.table, pipelined.table]


@pytest.mark.parametrize("table", tables(), ids=["serialized", "layer-pipelined"])
def test_operations_are_numbered_in_program_order(table: OperationTable) -> None:
    phases = {"draft": 0, "verify_drafted": 1, "verify_bonus": 1, "commit": 2}
    # The setup stands between draft and verify with step and layer -1.
    keys = [
        (
            phases[phase],
            table.step[op],
            table.layer[op],
            table.position[op],
        )
        for op, phase in enumerate(table.phase)
        if phase != "commit"
    ]
    assert keys == sorted(keys)
    assert all(
        other < op for op, before in enumerate(table.predecessors) for other in before
    )
    assert all(
        op in table.successors[other]
        for op, before in enumerate(table.predecessors)
        for other in before
    )


@pytest.mark.parametrize("table", tables(), ids=["serialized", "layer-pipelined"])
def test_durations_are_rounded_once_half_to_even(table: OperationTable) -> None:
    base, per_token, per_committed = table.duration
    durations = table.durations_ps(L, 3).tolist()
    for op, ps in enumerate(durations):
        # Setup and commit see no step: their costs do not depend on the context.
        context = L + int(table.step[op])
        ns = base[op] + per_token[op] * context + per_committed[op] * 3
        assert ps == round(ns * 1000)


def test_only_layer_pipelined_has_gates_one_for_each_layer_and_step() -> None:
    serialized, pipelined = tables()
    assert len(serialized.gates) == 0
    # 2 draft and 3 verify steps through 3 layers and the head.
    assert len(pipelined.gates) == 5 * 4
    assert len(pipelined) == len(serialized) + 5 * 4


def test_every_layer_has_resources_of_its_own_and_hbm_is_shared() -> None:
    _, table = tables()
    kinds = {name.partition("[")[0] for name in table.resources}
    assert kinds == {
        "A1",
        "A2",
        "dpu",
        "attention",
        "sram",
        "fabric_read",
        "fabric_write",
        "control",
        "hbm",
        "layer",
    }
    for op, held in enumerate(table.op_resources):
        for resource in held:
            name = table.resources[resource]
            layer = max(int(table.layer[op]), 0)
            assert name == "hbm" or name.endswith(f"[{layer}]")


def test_models_typed_here_are_the_shipped_ones() -> None:
    shipped = load_model("qwen3-1.7b").model_dump()
    for key, value in QWEN3_17B.items():
        assert shipped[key] == value, key
