"""A chain of accepted lengths: long run, words to lengths, exact expectation."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from fractions import Fraction
from typing import Any

import numpy as np
import pytest

from simcore.analysis.expectation import expected_bursts
from simcore.analysis.speculation import _acceptance_note
from simcore.config.acceptance import MarkovAcceptance
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.program.markov import MarkovChain
from simcore.program.outcomes import (
    BurstOutcome,
    OutcomeDraws,
    acceptance_words,
    accepted_probabilities,
    long_run_probabilities,
    request_outcomes,
)
from simcore.report.facts import acceptance_text

PROMPT = 16
ROWS = [[5, 3, 2], [1, 1, 2], [0, 1, 3]]
CHAIN = {"kind": "markov", "k": 2, "transitions": ROWS, "initial": [1, 0, 1]}


def scenario(acceptance: dict[str, Any] = CHAIN, **workload: Any) -> ScenarioConfig:
    return load_scenario(
        {
            "name": "chain",
            "model": "tiny",
            "hardware": "toy-ideal",
            "acceptance": acceptance,
            "workload": {"prompt_length": PROMPT, "max_tokens": 7, **workload},
        }
    )


def sequences(
    wanted: int, k: int, done: int = 0, state: int | None = None
) -> Iterator[tuple[Fraction, list[BurstOutcome]]]:
    """Every way a request can go, and its probability."""
    if wanted == 0:
        yield Fraction(1), []
        return
    row = CHAIN["initial"] if state is None else ROWS[state]
    for length, weight in enumerate(row):
        if not weight:
            continue
        accepted = min(length, k)
        committed = min(accepted + 1, wanted)
        burst = BurstOutcome(PROMPT + done, accepted, committed)
        for rest, bursts in sequences(wanted - committed, k, done + committed, length):
            yield Fraction(weight, sum(row)) * rest, [burst, *bursts]


@pytest.mark.parametrize("k", [1, 2])
@pytest.mark.parametrize("max_tokens", [1, 3, 7])
def test_expected_bursts_are_those_of_all_sequences(max_tokens: int, k: int) -> None:
    found = expected_bursts(scenario(max_tokens=max_tokens, draft_length=k))
    weights: Counter[BurstOutcome] = Counter()
    totals = []

    def value(burst: BurstOutcome) -> float:
        return burst.context_length * 0.5 + burst.accepted**2

    for probability, bursts in sequences(max_tokens, k):
        totals.append((float(probability), sum(map(value, bursts))))
        for burst in bursts:
            weights[burst] += probability
    assert set(found.weights) == set(weights)
    for outcome, weight in weights.items():
        assert found.weights[outcome] == pytest.approx(float(weight), rel=1e-12)
    assert found.committed == pytest.approx(max_tokens, rel=1e-12)
    mean = math.fsum(p * total for p, total in totals)
    variance = math.fsum(p * (total - mean) ** 2 for p, total in totals)
    moments = found.moments(value)
    assert moments.mean == pytest.approx(mean, rel=1e-12)
    assert moments.variance == pytest.approx(variance, rel=1e-9, abs=1e-9)
    assert moments.reach == pytest.approx(max(abs(t - mean) for _, t in totals))


def test_a_chain_that_forgets_is_a_histogram() -> None:
    rows = {"kind": "markov", "k": 2, "transitions": [[5, 2, 3]] * 3}
    counts = {"kind": "histogram", "k": 2, "histogram": {0: 5, 1: 2, 2: 3}}
    chain, histogram = scenario(rows), scenario(counts)
    for request in range(50):
        assert request_outcomes(chain, request) == request_outcomes(histogram, request)
    expected = expected_bursts(histogram)
    found = expected_bursts(chain)
    assert found.weights == pytest.approx(expected.weights, rel=1e-12)
    ours, theirs = (
        e.moments(lambda o: o.context_length + o.accepted) for e in (found, expected)
    )
    assert ours.variance == pytest.approx(theirs.variance, rel=1e-9)
    assert ours.reach == pytest.approx(theirs.reach, rel=1e-12)


def test_words_become_lengths_by_the_row_of_the_last_length() -> None:
    chain = MarkovChain(MarkovAcceptance(k=1, transitions=((3, 1), (0, 1))))
    half, three_quarters = 1 << 63, 3 << 62
    # Length 1 is never left; without an initial distribution it is there at once.
    assert chain.initial == [0, 1]
    started = MarkovAcceptance(k=1, transitions=((3, 1), (0, 1)), initial=(1, 0))
    words = [2**64 - 1, three_quarters - 1, half, three_quarters, 0, half]
    assert MarkovChain(started).lengths(words, 1) == [0, 0, 0, 1, 1, 1]
    assert MarkovChain(started).lengths(words, 0) == [0] * 6


def test_one_word_for_each_burst_whatever_the_draft_length() -> None:
    at = scenario()
    words = acceptance_words(at.seed, 3, 7)
    states = MarkovChain(at.acceptance).lengths(words, 2)
    drawn = [o.accepted for o in request_outcomes(at, 3)]
    assert drawn == states[: len(drawn)]
    cut = [o.accepted for o in request_outcomes(scenario(draft_length=1), 3)]
    assert cut == [min(s, 1) for s in states[: len(cut)]]


def test_long_run_shares_are_stationary() -> None:
    chain = MarkovChain(scenario().acceptance)
    shares = [float(p) for p in chain.long_run]
    after = [
        math.fsum(shares[a] * float(chain.transitions[a][b]) for a in range(3))
        for b in range(3)
    ]
    assert after == pytest.approx(shares, rel=1e-14)
    assert sum(chain.long_run) == 1
    # Two states: shares are as the chances to come.
    two = MarkovAcceptance(k=1, transitions=((3, 1), (1, 7)))
    assert [float(p) for p in MarkovChain(two).long_run] == pytest.approx(
        [1 / 3, 2 / 3]
    )
    # A state that is left for good has no share.
    left = MarkovAcceptance(k=2, transitions=((1, 1, 0), (0, 1, 1), (0, 1, 1)))
    assert MarkovChain(left).long_run == [0, Fraction(1, 2), Fraction(1, 2)]
    assert long_run_probabilities(left, 1) == [0, 1]


def test_means_over_many_requests_agree_with_the_expectation() -> None:
    at = scenario(max_tokens=60)
    draws = OutcomeDraws(at)
    counts = np.array([len(draws.request(r)) for r in range(2000)])
    moments = expected_bursts(at).moments(lambda _: 1.0)
    error = math.sqrt(moments.variance / counts.size)
    assert abs(counts.mean() - moments.mean) < 4 * error
    assert counts.var() == pytest.approx(moments.variance, rel=0.15)


def test_in_mode_burst_every_burst_is_a_first_one() -> None:
    burst = scenario(mode="burst", max_tokens=None, requests=100)
    assert set(expected_bursts(burst).weights.values()) == {0.5}
    drawn = {request_outcomes(burst, r)[0].accepted for r in range(100)}
    assert drawn == {0, 2}


def test_a_chain_is_named_for_what_it_is() -> None:
    acceptance = scenario().acceptance
    assert acceptance_text(acceptance) == "Markov chain at k = 2"
    assert _acceptance_note(acceptance) == (
        "Acceptance: Markov chain of accepted lengths; valid at the draft length it "
        "was measured at."
    )
    with pytest.raises(TypeError, match="markov has no distribution of independent"):
        accepted_probabilities(acceptance, 2)


def test_guesses_ahead_follow_the_long_run() -> None:
    ahead = load_scenario(scenario(max_tokens=60), ["schedule=overlap"])
    outcomes = [o for r in range(400) for o in request_outcomes(ahead, r)[:-1]]
    full = [o for o in outcomes if o.accepted == 2]
    p = long_run_probabilities(ahead.acceptance, 2)
    expected = float(p[2] / (p[1] + p[2]))
    share = sum(o.ahead_survives for o in full) / len(full)
    assert not any(o.ahead_survives for o in outcomes if o.accepted < 2)
    assert share == pytest.approx(expected, abs=4 * 0.5 / math.sqrt(len(full)))
