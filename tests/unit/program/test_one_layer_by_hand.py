"""Every operation of one layer of Qwen3-1.7B against arithmetic written out by hand.

The right-hand sides below are the formulas with the numbers of `hand_chip` put in;
nothing of the program is called to make them. Symbols: D width, Hq query heads, Hk KV
heads, h head width, F inner width, V vocabulary, X crossbar size, S input slices, T
tiles of a group, b packed bytes of K and V of one token in one layer.
"""

from __future__ import annotations

from typing import Any

import pytest
from hand_chip import FEATURE, Row, burst, find, rows

N, D, Hq, Hk, h, F, V = 28, 2048, 16, 8, 128, 6144, 151936
X = 128

#: 2 x 8 x 128 one-byte values, and 2 x 8 scales of two bytes.
b = 2 * 8 * 128 * 1 + 2 * 8 * 2

#: KV entries in HBM when the burst starts.
L = 100

T_QKV = ((Hq + 2 * Hk) * h // X) * (D // X)
T_WO = (D // X) * (Hq * h // X)
T_GATE_UP = 2 * (F // X) * (D // X)
T_DOWN = (D // X) * (F // X)
T_LM_HEAD = (V // X) * (D // X)

S_DRAFT, S_VERIFY = 8 // 4, 12 // 4

#: 16 columns of a 2 ns draft conversion; 32 columns of a 10 ns residual conversion.
DRAFT_NS = 3.5 + 11 + 1.5 + 0.5 + 0.25 + 16 * 2 + (S_DRAFT - 1) * 16 * 2
FULL_NS = 3.5 + 11 + 1.5 + 0.5 + 0.25 + 32 * 10 + (S_VERIFY - 1) * 32 * 10

ELEMENTWISE = ("dpu",), "elementwise_unit"
UNIT = {
    "attention_qk": (("attention",), "attention_engine"),
    "attention_softmax": (("dpu",), "softmax_unit"),
    "attention_pv": (("attention",), "attention_engine"),
    "kv_pack": (("dpu",), "kv_cache"),
    "kv_unpack": (("dpu",), "kv_cache"),
}


def dpu(feature: str, count: float, name: str | None = None) -> list[Row]:
    """`count` elements of a feature; two attention units halve the time of qk, pv."""
    pj, ns = FEATURE[feature]
    resources, component = UNIT.get(feature, ELEMENTWISE)
    units = 2 if feature in ("attention_qk", "attention_pv") else 1
    energy = {component: count * pj}
    return [(name or feature, resources, count, 0, 0, count * ns / units, energy)]


def draft_read(name: str, tiles: int) -> list[Row]:
    """Array 1 and the draft ADC: 129 rows in, 128 columns out, tile by tile."""
    n = tiles * S_DRAFT
    energy = {
        "dac": n * 129 * 0.3,
        "adc_draft": n * 128 * 0.2,
        "arrays": n * 129 * 128 * 0.002,
        "input_registers": n * 129 * 0.011,
        "output_registers": n * 2 * 128 * 0.013,
        "tia": n * 128 * 0.017,
        "snh": n * 128 * 0.019,
        "mux": n * 128 * 0.023,
        "io_buffers": n * 128 * 0.029,
        "subarray_switches": n * 0.031,
        "write_drivers": n * 129 * 0.037,
    }
    return [(name, ("A1",), n, 0, 0, DRAFT_NS, energy)]


def full_read(name: str, tiles: int) -> list[Row]:
    """All four arrays and both ADCs; the rows are driven once for all arrays."""
    n = tiles * S_VERIFY
    energy = {
        "dac": n * 129 * 0.3,
        "adc_draft": n * 128 * 0.2,
        "adc_residual": n * 128 * 20.0,
        "arrays": 4 * n * 129 * 128 * 0.002,
        "input_registers": 4 * n * 129 * 0.011,
        "output_registers": 4 * n * 2 * 128 * 0.013,
        "tia": n * 2 * 128 * 0.017,
        "snh": n * 2 * 128 * 0.019,
        "mux": n * 2 * 128 * 0.023,
        "io_buffers": n * 2 * 128 * 0.029,
        "subarray_switches": 4 * n * 0.031,
        "write_drivers": n * 129 * 0.037,
    }
    return [(name, ("A1", "A2"), 4 * n, 0, 0, FULL_NS, energy)]


def residual_read(name: str, tiles: int) -> list[Row]:
    """Arrays 2 to 4 and the residual ADC."""
    n = tiles * S_VERIFY
    energy = {
        "dac": n * 129 * 0.3,
        "adc_residual": n * 128 * 20.0,
        "arrays": 3 * n * 129 * 128 * 0.002,
        "input_registers": 3 * n * 129 * 0.011,
        "output_registers": 3 * n * 2 * 128 * 0.013,
        "tia": n * 128 * 0.017,
        "snh": n * 128 * 0.019,
        "mux": n * 128 * 0.023,
        "io_buffers": n * 128 * 0.029,
        "subarray_switches": 3 * n * 0.031,
        "write_drivers": n * 129 * 0.037,
    }
    return [(name, ("A2",), 3 * n, 0, 0, FULL_NS, energy)]


def added(
    resources: tuple[str, ...], adds: int, depth: int, pj: float, ns: float
) -> list[Row]:
    return [
        ("accumulate", resources, adds, 0, 0, depth * ns, {"buffers_add": adds * pj})
    ]


def draft_add(tiles: int, tree: int) -> list[Row]:
    return added(("A1",), tiles * S_DRAFT * X, tree + 1, 0.043, 0.75)


def full_add(tiles: int, tree: int) -> list[Row]:
    """Both paths, and one level more to combine them."""
    return added(("A1", "A2"), tiles * S_VERIFY * 2 * X, tree + 2, 0.047, 1.25)


def drafted_full_add(tiles: int, tree: int) -> list[Row]:
    """A full read in the draft phase is added at the draft's cost."""
    return added(("A1", "A2"), tiles * S_VERIFY * 2 * X, tree + 2, 0.043, 0.75)


def residual_add_up(tiles: int, tree: int, outputs: int) -> list[Row]:
    """The residual path, and one more add an output for the stored draft."""
    adds = tiles * S_VERIFY * X + outputs
    return added(("A2",), adds, tree + 2, 0.047, 1.25)


def d_reg_write(outputs: int) -> list[Row]:
    energy = {"d_reg": 2 * outputs * 3.5}
    return [("d_reg_write", ("A1",), 2 * outputs, 0, 2 * outputs, 0, energy)]


def d_reg_read(outputs: int) -> list[Row]:
    energy = {"d_reg": 2 * outputs * 2.5}
    return [("d_reg_read", ("A2",), 2 * outputs, 2 * outputs, 0, 0, energy)]


KV_WRITE: list[Row] = [
    ("kv_write", ("sram",), b, 0, b, 5 + b / 32, {"sram": b * 3.5}),
    ("kv_write", ("fabric_write",), b, 0, b, 8 + b / 128, {"fabric": b * 0.75}),
]


def kv_read(step: int) -> list[Row]:
    """L tokens from HBM, `step` from SRAM, all over the fabric."""
    hbm, sram, all_of_it = L * b, step * b, (L + step) * b
    legs: list[Row] = [
        ("kv_read", ("hbm",), hbm, hbm, 0, 100 + hbm / 1024, {"hbm": hbm * 30}),
        ("kv_read", ("sram",), sram, sram, 0, 4 + sram / 64, {"sram": sram * 2.5}),
        (
            "kv_read",
            ("fabric_read",),
            all_of_it,
            all_of_it,
            0,
            7 + all_of_it / 256,
            {"fabric": all_of_it * 0.5},
        ),
    ]
    return [leg for leg in legs if leg[2]]


EMBEDDING: list[Row] = [
    (
        "embedding_read",
        ("hbm",),
        2 * D,
        2 * D,
        0,
        100 + 2 * D / 1024,
        {"hbm": 2 * D * 30},
    ),
    (
        "embedding_read",
        ("fabric_read",),
        2 * D,
        2 * D,
        0,
        7 + 2 * D / 256,
        {"fabric": 2 * D * 0.5},
    ),
]
HOP: list[Row] = [
    (
        "hop",
        ("fabric_write",),
        2 * D,
        0,
        2 * D,
        8 + 2 * D / 128,
        {"fabric": 2 * D * 0.75},
    )
]
CONTROL: list[Row] = [("control", ("control",), 1, 0, 0, 3.0, {"control": 51.0})]


def layer(
    step: int,
    qkv: list[list[Row]],
    wo: list[list[Row]],
    gate_up: list[list[Row]],
    down: list[list[Row]],
) -> list[list[Row]]:
    """The catalogue of a layer around its analog blocks, R = L + step cached."""
    R = L + step  # noqa: N806 - the symbol of the formulas
    return [
        dpu("norm", D),
        dpu("quantize", D),
        *qkv,
        dpu("dequantize", (Hq + 2 * Hk) * h),
        dpu("norm", (Hq + Hk) * h, "qk_norm"),
        dpu("rope", (Hq + Hk) * h),
        dpu("kv_pack", 2 * Hk * h),
        KV_WRITE,
        kv_read(step),
        dpu("kv_unpack", 2 * Hq * R),
        dpu("attention_qk", Hq * h * (R + 1)),
        dpu("attention_softmax", Hq * (R + 1)),
        dpu("attention_pv", Hq * h * (R + 1)),
        dpu("quantize", Hq * h),
        *wo,
        dpu("dequantize", D),
        dpu("residual_add", D),
        dpu("norm", D),
        dpu("quantize", D),
        *gate_up,
        dpu("dequantize", 2 * F),
        dpu("ffn_activation", F),
        dpu("ffn_gate_multiply", F),
        dpu("quantize", F),
        *down,
        dpu("dequantize", D),
        dpu("residual_add", D),
        CONTROL,
        HOP,
    ]


# The adder trees: 16 row tiles of D or Hq h inputs are 4 levels, 48 of F inputs are 6.
DRAFT_BLOCKS = (
    [draft_read("qkv", T_QKV), draft_add(T_QKV, 4)],
    [draft_read("wo", T_WO), draft_add(T_WO, 4)],
    [draft_read("gate_up", T_GATE_UP), draft_add(T_GATE_UP, 4)],
    [draft_read("down", T_DOWN), draft_add(T_DOWN, 6)],
)
FULL_BLOCKS = (
    [full_read("qkv", T_QKV), full_add(T_QKV, 4)],
    [full_read("wo", T_WO), full_add(T_WO, 4)],
    [full_read("gate_up", T_GATE_UP), full_add(T_GATE_UP, 4)],
    [full_read("down", T_DOWN), full_add(T_DOWN, 6)],
)
DRAFTED_FULL_BLOCKS = (
    [full_read("qkv", T_QKV), drafted_full_add(T_QKV, 4)],
    [full_read("wo", T_WO), drafted_full_add(T_WO, 4)],
    [full_read("gate_up", T_GATE_UP), drafted_full_add(T_GATE_UP, 4)],
    [full_read("down", T_DOWN), drafted_full_add(T_DOWN, 6)],
)
OUTPUTS = ((Hq + 2 * Hk) * h, D, 2 * F, D)
DRAFT_BLOCKS_STORED = tuple(
    [*block, d_reg_write(outputs)]
    for block, outputs in zip(DRAFT_BLOCKS, OUTPUTS, strict=True)
)
DRAFTED_FULL_BLOCKS_STORED = tuple(
    [*block, d_reg_write(outputs)]
    for block, outputs in zip(DRAFTED_FULL_BLOCKS, OUTPUTS, strict=True)
)
RESIDUAL_BLOCKS = (
    [
        d_reg_read(OUTPUTS[0]),
        residual_read("qkv", T_QKV),
        residual_add_up(T_QKV, 4, OUTPUTS[0]),
    ],
    [
        d_reg_read(OUTPUTS[1]),
        residual_read("wo", T_WO),
        residual_add_up(T_WO, 4, OUTPUTS[1]),
    ],
    [
        d_reg_read(OUTPUTS[2]),
        residual_read("gate_up", T_GATE_UP),
        residual_add_up(T_GATE_UP, 4, OUTPUTS[2]),
    ],
    [
        d_reg_read(OUTPUTS[3]),
        residual_read("down", T_DOWN),
        residual_add_up(T_DOWN, 6, OUTPUTS[3]),
    ],
)
REUSED_BLOCKS = tuple([d_reg_read(outputs)] for outputs in OUTPUTS)

FULL_POLICY = {
    "draft_policy": {"default": {"qkv": "full", "wo": "full", "ffn": "full"}}
}
REUSE = {"reuse_policy": "reuse"}


def assert_rows(actual: list[list[Row]], expected: list[list[Row]]) -> None:
    names = [[row[0] for row in legs] for legs in actual]
    assert names == [[row[0] for row in legs] for legs in expected]
    for legs, wanted in zip(actual, expected, strict=True):
        for row, want in zip(legs, wanted, strict=True):
            engines = tuple(name for name in row[1] if name != "dac")
            assert engines == want[1], f"{row[0]}: resources"
            quantities = ("elements", "bytes read", "bytes written", "ns")
            for quantity, value, hand in zip(
                quantities, row[2:6], want[2:6], strict=True
            ):
                assert value == pytest.approx(hand, rel=1e-12), f"{row[0]}: {quantity}"
            assert row[6] == pytest.approx(want[6], rel=1e-12), f"{row[0]}: pJ"


def test_symbols_are_those_of_qwen3() -> None:
    program = burst()
    model = program.model
    assert (model.n_layers, model.d_model, model.n_heads, model.n_kv_heads) == (
        N,
        D,
        Hq,
        Hk,
    )
    assert (model.head_dim, model.d_ff, model.vocab_size) == (h, F, V)
    assert (T_QKV, T_WO, T_GATE_UP, T_DOWN, T_LM_HEAD) == (512, 256, 1536, 768, 18992)


@pytest.mark.parametrize("step", [0, 1])
def test_draft_step(step: int) -> None:
    part = burst().draft[step].layers[5]
    assert_rows(rows(part, L + step), layer(step, *DRAFT_BLOCKS))


@pytest.mark.parametrize("step", [0, 1])
def test_verify_of_a_drafted_token_under_reread(step: int) -> None:
    verify = burst().verify[step]
    assert verify.phase == "verify_drafted"
    assert_rows(rows(verify.layers[5], L + step), layer(step, *FULL_BLOCKS))


@pytest.mark.parametrize("reuse", [{}, REUSE])
def test_bonus_step_reads_everything_and_all_k_drafts_from_sram(
    reuse: dict[str, Any],
) -> None:
    bonus = burst(hardware=reuse).verify[2]
    assert bonus.phase == "verify_bonus"
    assert_rows(rows(bonus.layers[5], L + 2), layer(2, *FULL_BLOCKS))


def test_draft_step_of_a_full_policy() -> None:
    part = burst(model=FULL_POLICY).draft[1].layers[5]
    assert_rows(rows(part, L + 1), layer(1, *DRAFTED_FULL_BLOCKS))


def test_draft_step_that_stores_its_results_for_reuse() -> None:
    part = burst(hardware=REUSE).draft[1].layers[5]
    assert_rows(rows(part, L + 1), layer(1, *DRAFT_BLOCKS_STORED))


def test_verify_that_reuses_drafts_reads_only_the_residual_arrays() -> None:
    part = burst(hardware=REUSE).verify[1].layers[5]
    assert_rows(rows(part, L + 1), layer(1, *RESIDUAL_BLOCKS))


def test_reuse_of_fully_drafted_blocks_reads_nothing_analog() -> None:
    program = burst(model=FULL_POLICY, hardware=REUSE)
    drafted = program.draft[1].layers[5]
    assert_rows(rows(drafted, L + 1), layer(1, *DRAFTED_FULL_BLOCKS_STORED))
    reused = program.verify[1].layers[5]
    assert_rows(rows(reused, L + 1), layer(1, *REUSED_BLOCKS))


def test_stored_drafts_of_a_layer_are_20480_outputs_of_two_bytes() -> None:
    part = burst(hardware=REUSE).draft[0].layers[5]
    stored = find(part, "d_reg_write")
    assert sum(row[4] for row in stored) == 2 * 20480
    assert 2 * 20480 * N * 5 == 5_734_400  # 5.73 MB at K = 5


def test_policies_differ_by_block_and_layer() -> None:
    policy = {
        "default": {"qkv": "full", "wo": "draft", "ffn": "draft"},
        # A block left out of an entry is `draft`, whatever the default says.
        "per_layer": {7: {"wo": "full"}},
    }
    step = burst(model={"draft_policy": policy}).draft[1]
    qkv, wo, gate_up, down = DRAFT_BLOCKS
    full = DRAFTED_FULL_BLOCKS
    ordinary = layer(1, full[0], wo, gate_up, down)
    assert_rows(rows(step.layers[6], L + 1), ordinary)
    assert_rows(rows(step.layers[7], L + 1), layer(1, qkv, full[1], gate_up, down))
    assert_rows(rows(step.layers[8], L + 1), ordinary)


def test_the_first_layer_also_reads_the_embedding() -> None:
    program = burst()
    for step, blocks in (
        (program.draft[1], DRAFT_BLOCKS),
        (program.verify[1], FULL_BLOCKS),
    ):
        expected = [EMBEDDING, *layer(1, *blocks)]
        assert_rows(rows(step.layers[0], L + 1), expected)


@pytest.mark.parametrize("reuse", [{}, REUSE])
def test_head_is_read_in_full_by_every_step(reuse: dict[str, Any]) -> None:
    program = burst(hardware=reuse)
    for step in program.steps:
        add = drafted_full_add if step.phase == "draft" else full_add
        expected = [
            dpu("norm", D, "final_norm"),
            dpu("quantize", D),
            full_read("lm_head", T_LM_HEAD),
            add(T_LM_HEAD, 4),
            dpu("dequantize", V),
            dpu("sampling", V),
        ]
        assert_rows(rows(step.layers[N], L + step.index), expected)


def test_setup_of_a_burst() -> None:
    expected: list[list[Row]] = [
        [("control_burst", ("control",), 1, 0, 0, 6.0, {"control": 53.0})],
        [("verify_setup", ("control",), 1, 0, 0, 9.0, {"control": 41.0})],
    ]
    assert_rows(rows(burst().setup, L), expected)


@pytest.mark.parametrize("committed", [1, 3])
def test_commit_of_a_layer(committed: int) -> None:
    program = burst()
    c = committed * b
    expected: list[list[Row]] = [
        [
            ("kv_commit", ("sram",), c, c, 0, 4 + c / 64, {"sram": c * 2.5}),
            (
                "kv_commit",
                ("fabric_write",),
                c,
                0,
                c,
                8 + c / 128,
                {"fabric": c * 0.75},
            ),
            ("kv_commit", ("hbm",), c, 0, c, 120 + c / 512, {"hbm": c * 40}),
        ]
    ]
    assert len(program.commit) == N
    for part in program.commit:
        assert_rows(rows(part, L, committed), expected)


def test_kv_of_qwen3_1_7b_is_2080_bytes_a_token_and_layer() -> None:
    assert b == 2080
    program = burst(5)
    assert find(program.draft[0].layers[5], "kv_write")[0][4] == 2080
    assert program.speculative_bytes == N * 6 * 2080 == 349_440


def test_qwen3_0_6b_has_16_heads_of_128_and_not_of_64() -> None:
    shape = {"name": "qwen3-0.6b", "d_model": 1024, "d_ff": 3072}
    part = burst(model=shape).draft[0].layers[5]
    # 16 x 128 + 2 x 8 x 128 outputs of 1024 inputs, in 128 x 128 tiles and 2 slices.
    assert find(part, "qkv")[0][2] == (4096 // 128) * (1024 // 128) * 2
    # The output projection has 16 x 128 = 2048 inputs, twice the width of the model.
    assert find(part, "wo")[0][2] == (1024 // 128) * (2048 // 128) * 2
    assert find(part, "attention_qk", cached=L)[0][2] == 16 * 128 * (L + 1)
    assert find(part, "kv_write")[0][4] == 2 * 8 * 128 + 2 * 8 * 2
