"""The textbook of speculative decoding: independent acceptance with one rate (A6).

With rate alpha and K drafts a burst commits (1 - alpha^(K+1)) / (1 - alpha) tokens
(Leviathan et al., ICML 2023, equation 1).
"""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from scipy import stats

from simcore.analysis.composition import Composition
from simcore.analysis.estimate import estimate_scenario
from simcore.analysis.expectation import expected_bursts
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.engine.simulate import simulate_replication
from simcore.experiments.run import simulate
from simcore.program.burst import scenario_program
from simcore.program.outcomes import (
    BurstOutcome,
    accepted_probabilities,
    request_outcomes,
)
from simcore.trace.recorder import NullRecorder

RATES = (0.0, 0.3, 0.6, 0.8, 0.9, 1.0)
DRAFT_LENGTHS = (1, 2, 4, 5, 8)
BURSTS = 2000

#: Time of a verify step of the toy chip, and of how many the draft step takes c.
T_PS = 1024 * 1000


def committed(rate: float, k: int) -> float:
    """(1 - a^(K+1)) / (1 - a), and its limit K + 1 at a = 1."""
    if rate == 1:
        return k + 1
    return (1 - rate ** (k + 1)) / (1 - rate)


def toy(rate: float, k: int, c: float, **workload: Any) -> ScenarioConfig:
    """One analog block whose draft read takes c T; nothing else costs time or energy.

    One layer without a gate, tile width 1 and one column an ADC; the DAC, the array
    and the periphery are free, so a read of `n` slices takes n conversions.
    """
    free = {"energy_pj_per_mac": 0.0, "latency_ns_per_mac": 0.0}

    def converter(ns: float) -> dict[str, float]:
        return {
            "energy_pj_per_conversion": 0.0,
            "latency_ns_per_conversion": ns,
            "area_mm2_per_unit": 0.0,
        }

    # qkv, wo, up and down are read one after another: a quarter of T each.
    verify_ns = T_PS / 1000 / 4
    return load_scenario(
        {
            "name": "leviathan",
            "model": {
                "name": "toy",
                "n_layers": 1,
                "d_model": 1,
                "n_heads": 1,
                "d_ff": 1,
                "activation_bits": 4,
                "rotary": False,
            },
            "hardware": {
                "name": "toy",
                "reuse_policy": "reread",
                "analog": {
                    "xbar_size": 1,
                    "dac_bits": 4,
                    "num_columns_per_adc": 1,
                    "adc": {"draft_bits": 4, "residual_bits": 8},
                },
                "components": {
                    "adc": {"4": converter(c * verify_ns), "8": converter(verify_ns)},
                    "dac": {"4": converter(0.0)},
                    "array": {
                        "energy_pj_per_activation": 0.0,
                        "latency_ns_per_activation": 0.0,
                        "area_mm2_per_weight": 0.0,
                    },
                    "digital": {
                        "attention": free,
                        "softmax": free,
                        "elementwise": free,
                        "kv_cache": free,
                    },
                },
            },
            "acceptance": {"kind": "geometric", "rate": rate},
            "workload": {
                "mode": "burst",
                "prompt_length": 16,
                "draft_length": k,
                **workload,
            },
            "schedule": "serialized",
        }
    )


@pytest.mark.parametrize("k", DRAFT_LENGTHS)
@pytest.mark.parametrize("rate", RATES)
def test_committed_tokens_per_burst(rate: float, k: int) -> None:
    scenario = toy(rate, k, 0.25)
    drawn = np.array(
        [
            outcome.committed
            for request in range(BURSTS)
            for outcome in request_outcomes(scenario, request)
        ]
    )
    expected = committed(rate, k)
    assert expected_bursts(scenario).committed == pytest.approx(expected, rel=1e-12)
    if rate in (0.0, 1.0):
        assert set(drawn) == {round(expected)}
        return
    half_width = stats.norm.ppf(1 - 0.001 / 2) * drawn.std(ddof=1) / math.sqrt(BURSTS)
    assert abs(drawn.mean() - expected) < half_width
    # The interval is narrow enough to see a bonus token that is forgotten.
    assert half_width < 0.3


@pytest.mark.parametrize("k", DRAFT_LENGTHS)
def test_distribution_of_accepted_drafts(k: int) -> None:
    """Every length has its own probability, not only the mean."""
    rate = 0.6
    scenario = toy(rate, k, 0.25)
    counts = np.zeros(k + 1)
    for request in range(BURSTS):
        counts[request_outcomes(scenario, request)[0].accepted] += 1
    expected = [rate**a * (1 - rate) for a in range(k)] + [rate**k]
    assert math.fsum(expected) == pytest.approx(1)
    assert stats.chisquare(counts, BURSTS * np.array(expected)).pvalue > 0.001


@pytest.mark.parametrize("c", [0.125, 0.5, 1.0])
@pytest.mark.parametrize("k", DRAFT_LENGTHS)
def test_toy_burst_takes_k_drafts_and_k_plus_one_verify_steps(k: int, c: float) -> None:
    scenario = toy(0.6, k, c)
    program = scenario_program(scenario)
    expected = round((k * c + k + 1) * T_PS)
    for accepted in range(k + 1):
        outcome = BurstOutcome(16, accepted, accepted + 1)
        (times,) = simulate_replication(program, {0: [outcome]}, NullRecorder())
        assert times.end_ps - times.start_ps == expected
        assert Composition(program).burst_ps(16, accepted + 1).total == expected


@pytest.mark.parametrize("c", [0.125])
@pytest.mark.parametrize("k", DRAFT_LENGTHS)
@pytest.mark.parametrize("rate", RATES)
def test_latency_per_token_by_formula(rate: float, k: int, c: float) -> None:
    """(K c + K + 1) T (1 - a) / (1 - a^(K+1))."""
    estimate = estimate_scenario(toy(rate, k, c))
    expected = (k * c + k + 1) * T_PS / 1000 / committed(rate, k)
    assert estimate.metrics["latency_ns_per_token"] == pytest.approx(
        expected, rel=1e-12
    )
    # One token at a time takes T; a burst must commit K c + K + 1 to break even.
    assert estimate.verdict.baseline_step_ns == T_PS / 1000
    c_star = estimate.verdict.break_even_committed_tokens
    assert c_star == pytest.approx(k * c + k + 1, rel=1e-12)
    assert estimate.verdict.speedup == pytest.approx(
        committed(rate, k) / c_star, rel=1e-12
    )
    assert estimate.verdict.speedup < 1  # serialized speculation cannot win


@pytest.mark.parametrize("rate", RATES)
def test_latency_per_token_by_simulation(rate: float) -> None:
    k, c = 4, 0.25
    result = simulate(toy(rate, k, c, requests=BURSTS // 2))
    assert result.holds, [str(check) for check in result.checks if not check.holds]
    found = result.metrics["latency_ns_per_token"]
    expected = (k * c + k + 1) * T_PS / 1000 / committed(rate, k)
    if rate in (0.0, 1.0):
        assert found["value"] == expected
        return
    # A 95 % interval is reported; widen it to 99.9 %.
    widening = stats.norm.ppf(1 - 0.001 / 2) / stats.norm.ppf(1 - 0.05 / 2)
    half_width = widening * found["half_width"]
    assert abs(found["value"] - expected) < half_width < 0.1 * expected


def test_the_probabilities_are_exact_fractions() -> None:
    scenario = toy(0.3, 4, 0.25)
    rate = Fraction(0.3)
    found = accepted_probabilities(scenario.acceptance, 4)
    assert found == [rate**a * (1 - rate) for a in range(4)] + [rate**4]
    assert sum(found) == 1
