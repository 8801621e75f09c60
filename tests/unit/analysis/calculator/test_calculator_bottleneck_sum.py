"""The pipelined formula of the public calculator is below its own lower bound.

With every block drafted in full and reused, the drafted verify steps read nothing
and only the bonus step is slow. It must cross all 28 layers of Qwen3-1.7B, one after
the other; the sum of bottlenecks counts only the slowest of them.
"""

from __future__ import annotations

import pytest

from simcore.analysis.calculator import CalculatorReport, calculate
from simcore.config.acceptance import HistogramAcceptance
from simcore.config.load import load_hardware, load_model

QWEN3_1P7B = {
    "name": "qwen3-1.7b",
    "n_layers": 28,
    "d_model": 2048,
    "n_heads": 16,
    "activation_bits": 12,
    "ffn_type": "swiglu",
    "d_ff": 6144,
}
CHIP = {
    "name": "pipelined",
    "library": "science_adi9405_v1_neurosim",
    "soc": {"schedule": "layer-pipelined"},
    "memory": {},
    "analog": {
        "xbar_size": 128,
        "num_columns_per_adc": 128,
        "dac_bits": 4,
        "adc": {"draft_bits": 4, "residual_bits": 12},
    },
}
K, PROMPT = 5, 128


def _report(policy: str, schedule: str | None = None) -> CalculatorReport:
    blocks = dict.fromkeys(("qkv", "wo", "ffn"), policy)
    return calculate(
        load_model({**QWEN3_1P7B, "draft_policy": {"default": blocks}}),
        load_hardware(CHIP),
        HistogramAcceptance(k=K, histogram={0: 2.0, 1: 2.0, 2: 1.0, 5: 9.0}),
        [PROMPT],
    )


def _verify_ms(report: CalculatorReport) -> float:
    """Verification of the burst under the pipelined schedule."""
    point = report.points[0]
    draft_ns = point.breakdown["draft"].cost.latency_ns
    return (point.burst_latency_ns - draft_ns) / 1e6


def test_bottleneck_sum_is_18_times_below_the_bonus_step_alone() -> None:
    report = _report("full")
    bonus = report.points[0].breakdown["verify_bonus"].channels["compute"]
    # A lower bound of any schedule: one token through all layers, without memory.
    bonus_ms = bonus.latency_ns / 1e6
    assert bonus_ms == pytest.approx(1772.8, abs=0.1)
    # 99.2 ms of computing, and the first step's KV reads: 128 tokens of 116,480 bytes
    # at 16 bytes/ns over the fabric.
    first_read_ms = 128 * 116_480 / 16 / 1e6
    computing_ms = _verify_ms(report) - first_read_ms
    assert computing_ms == pytest.approx(99.2, abs=0.1)
    assert bonus_ms / computing_ms == pytest.approx(17.9, abs=0.1)


def test_bottleneck_sum_is_close_where_all_steps_cost_the_same() -> None:
    # Exact in-order flow shop of equal steps: the first crosses all layers, each of
    # the others adds one layer's time; only attention's growth is missed.
    report = _report("draft")
    drafted = report.points[0].breakdown["verify_drafted"].channels["compute"]
    step_ms = drafted.latency_ns / 1e6 / K
    flow_shop_ms = step_ms + K * step_ms / 28
    assert _verify_ms(report) == pytest.approx(flow_shop_ms, rel=2e-3)
    assert _verify_ms(report) > step_ms
