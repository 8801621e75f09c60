"""Expected bursts of a request against every sequence of bursts, written out."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import pytest

from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composition import Composition
from simcore.analysis.expectation import ExpectedBursts, expected_bursts
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.program.burst import scenario_program
from simcore.program.outcomes import BurstOutcome

PROMPT = 16


def scenario(
    acceptance: dict[str, Any], max_tokens: int, k: int, **workload: Any
) -> ScenarioConfig:
    return load_scenario(
        {
            "name": "enumerated",
            "model": "tiny",
            "hardware": "toy-ideal",
            "acceptance": acceptance,
            "workload": {
                "prompt_length": PROMPT,
                "draft_length": k,
                "max_tokens": max_tokens,
                **workload,
            },
        }
    )


HISTOGRAM = {"kind": "histogram", "k": 2, "histogram": {0: 5, 1: 2, 2: 3}}
P = [Fraction(5, 10), Fraction(2, 10), Fraction(3, 10)]


def sequences(
    p: list[Fraction], wanted: int, done: int = 0
) -> Iterator[tuple[Fraction, list[BurstOutcome]]]:
    """Every way a request can go, and its probability."""
    if wanted == 0:
        yield Fraction(1), []
        return
    for accepted, probability in enumerate(p):
        committed = min(accepted + 1, wanted)
        burst = BurstOutcome(PROMPT + done, accepted, committed)
        for rest, bursts in sequences(p, wanted - committed, done + committed):
            yield probability * rest, [burst, *bursts]


def enumerated(p: list[Fraction], max_tokens: int) -> dict[BurstOutcome, Fraction]:
    weights: Counter[BurstOutcome] = Counter()
    for probability, bursts in sequences(p, max_tokens):
        for burst in bursts:
            weights[burst] += probability
    return dict(weights)


def assert_weights(
    found: ExpectedBursts, expected: dict[BurstOutcome, Fraction]
) -> None:
    assert set(found.weights) == set(expected)
    for outcome, weight in expected.items():
        assert found.weights[outcome] == pytest.approx(float(weight), rel=1e-13)


@pytest.mark.parametrize("max_tokens", [1, 2, 3, 4, 7, 9])
def test_expected_bursts_of_a_histogram(max_tokens: int) -> None:
    found = expected_bursts(scenario(HISTOGRAM, max_tokens, 2))
    assert_weights(found, enumerated(P, max_tokens))
    # Every request commits exactly what it was asked for.
    assert found.committed == pytest.approx(max_tokens, rel=1e-13)


@pytest.mark.parametrize("rate", [0.0, 0.25, 1.0])
def test_expected_bursts_of_a_rate(rate: float) -> None:
    r = Fraction(rate)
    p = [1 - r, r * (1 - r), r * r * (1 - r), r**3]
    found = expected_bursts(scenario({"kind": "geometric", "rate": rate}, 7, 3))
    expected = {k: v for k, v in enumerated(p, 7).items() if v}
    assert_weights(found, expected)


def test_the_last_burst_is_cut_but_accepted_as_drawn() -> None:
    found = expected_bursts(scenario({"kind": "fixed", "accepted": 2}, 4, 2))
    assert found.weights == {
        BurstOutcome(PROMPT, 2, 3): 1.0,
        BurstOutcome(PROMPT + 3, 2, 1): 1.0,
    }
    assert (found.bursts, found.committed, found.accepted) == (2, 4, 4)


def test_burst_mode_weighs_each_accepted_length_once() -> None:
    burst = load_scenario(
        scenario(HISTOGRAM, 4, 2),
        ["workload.mode=burst", "workload.max_tokens=null"],
    )
    assert_weights(
        expected_bursts(burst),
        {BurstOutcome(PROMPT, a, a + 1): p for a, p in enumerate(P)},
    )


def test_a_replay_counts_each_recording_as_often_as_it_is_used() -> None:
    recorded = {"kind": "burst_replay", "k": 2, "requests": [[0, 2], [1, 1], [2]]}
    # Five requests: recordings 0 and 1 twice, recording 2 once.
    found = expected_bursts(scenario(recorded, 4, 2, requests=5))
    assert_weights(
        found,
        {
            BurstOutcome(PROMPT, 0, 1): Fraction(2, 5),
            BurstOutcome(PROMPT + 1, 2, 3): Fraction(2, 5),
            BurstOutcome(PROMPT, 1, 2): Fraction(2, 5),
            BurstOutcome(PROMPT + 2, 1, 2): Fraction(2, 5),
            BurstOutcome(PROMPT, 2, 3): Fraction(1, 5),
        },
    )
    # Two requests use the first two recordings only.
    two = expected_bursts(scenario(recorded, 4, 2, requests=2))
    assert BurstOutcome(PROMPT, 2, 3) not in two.weights


def test_a_position_trace_is_replayed_in_the_expectation_too() -> None:
    trace = {"kind": "position_replay", "requests": [[3, 2, 1, 2, 1]]}
    found = expected_bursts(scenario(trace, 5, 2, requests=3))
    assert_weights(
        found,
        {
            BurstOutcome(PROMPT, 2, 3): Fraction(1),
            BurstOutcome(PROMPT + 3, 1, 2): Fraction(1),
        },
    )


@pytest.mark.parametrize("max_tokens", [1, 5])
def test_expected_latency_weighs_the_latency_of_every_burst(max_tokens: int) -> None:
    of = scenario(HISTOGRAM, max_tokens, 2)
    program = scenario_program(of)
    composition = Composition(program)
    expectation = request_expectation(program, expected_bursts(of), composition)
    latency = math.fsum(
        float(probability)
        * math.fsum(
            composition.burst_ns(b.context_length, b.committed).total for b in bursts
        )
        for probability, bursts in sequences(P, max_tokens)
    )
    assert expectation.total_latency_ns == pytest.approx(latency, rel=1e-12)
    wasted = sum(
        probability * sum(2 - b.accepted for b in bursts)
        for probability, bursts in sequences(P, max_tokens)
    )
    assert expectation.wasted_verify_steps == pytest.approx(float(wasted), rel=1e-12)


def test_moments_are_those_of_all_sequences() -> None:
    found = expected_bursts(scenario(HISTOGRAM, 6, 2))

    def value(burst: BurstOutcome) -> float:
        return burst.context_length * 0.5 + burst.accepted**2

    totals = [
        (float(probability), sum(map(value, bursts)))
        for probability, bursts in sequences(P, 6)
    ]
    mean = math.fsum(p * total for p, total in totals)
    variance = math.fsum(p * (total - mean) ** 2 for p, total in totals)
    moments = found.moments(value)
    assert moments.mean == pytest.approx(mean, rel=1e-12)
    assert moments.variance == pytest.approx(variance, rel=1e-9)
    assert moments.reach == pytest.approx(max(abs(t - mean) for _, t in totals))
