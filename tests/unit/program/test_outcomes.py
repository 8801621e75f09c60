"""What bursts accept: drawn or replayed before any time is simulated."""

from __future__ import annotations

from fractions import Fraction
from itertools import pairwise
from typing import Any

import pytest

from simcore.config.acceptance import AcceptanceConfig
from simcore.config.load import load_acceptance, load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.program.outcomes import (
    BurstOutcome,
    acceptance_words,
    accepted_probabilities,
    accepted_thresholds,
    request_outcomes,
    requests_for_bursts,
)


def acceptance(**fields: Any) -> AcceptanceConfig:
    return load_acceptance(fields)


def scenario(accepted: dict[str, Any], **changes: Any) -> ScenarioConfig:
    workload = {"prompt_length": 16, "max_tokens": 8, "draft_length": 3}
    workload |= changes.pop("workload", {})
    return load_scenario(
        {
            "name": "outcomes",
            "model": "tiny",
            "hardware": "toy-ideal",
            "acceptance": accepted,
            "workload": {k: v for k, v in workload.items() if v is not None},
            **changes,
        }
    )


GEOMETRIC = {"kind": "geometric", "rate": 0.6}


# -- contexts and truncation ------------------------------------------------------


def test_a_request_advances_by_what_it_commits_and_ends_at_max_tokens() -> None:
    geometric = scenario(GEOMETRIC)
    for request in range(50):
        outcomes = request_outcomes(geometric, request)
        assert outcomes[0].context_length == 16
        for before, after in pairwise(outcomes):
            assert before.committed == before.accepted + 1
            assert after.context_length == before.context_length + before.committed
        assert sum(o.committed for o in outcomes) == 8
        assert all(0 <= o.accepted <= 3 for o in outcomes)


def test_the_last_burst_commits_only_the_tokens_still_wanted() -> None:
    outcomes = request_outcomes(scenario({"kind": "fixed", "accepted": 2}), 0)
    assert outcomes == [
        BurstOutcome(16, 2, 3),
        BurstOutcome(19, 2, 3),
        BurstOutcome(22, 2, 2),  # accepted as drawn; one token is discarded
    ]


def test_burst_mode_is_one_burst_at_the_prompt() -> None:
    burst = scenario(GEOMETRIC, workload={"mode": "burst", "max_tokens": None})
    for request in range(20):
        (outcome,) = request_outcomes(burst, request)
        assert outcome.context_length == 16
        assert outcome.committed == outcome.accepted + 1


def test_no_draft_commits_one_token_a_burst() -> None:
    outcomes = request_outcomes(scenario(GEOMETRIC, workload={"draft_length": 0}), 0)
    assert outcomes == [BurstOutcome(16 + i, 0, 1) for i in range(8)]


# -- draws ------------------------------------------------------------------------


def test_words_depend_on_seed_request_and_burst_only() -> None:
    words = acceptance_words(7, 3, 20)
    assert acceptance_words(7, 3, 5) == words[:5]
    assert len(set(words)) == 20
    assert acceptance_words(8, 3, 20) != words
    assert acceptance_words(7, 4, 20) != words
    assert all(0 <= word < 2**64 for word in words)


def test_words_are_the_same_on_every_machine() -> None:
    # Philox seeded by a SeedSequence: numpy keeps both the same across versions.
    assert acceptance_words(1, 0, 2) == [383051383085993802, 7395295157301476777]
    assert acceptance_words(2**63 - 1, 99, 1) == [6631798418205443806]


def test_words_are_uniform() -> None:
    words = [
        word for request in range(200) for word in acceptance_words(1, request, 20)
    ]
    for bit in (63, 62, 0):
        ones = sum(word >> bit & 1 for word in words)
        # 4000 fair coins, 99.9 %.
        assert abs(ones - 2000) < 3.3 * 1000**0.5


def test_a_longer_draft_accepts_at_least_as_much_from_the_same_words() -> None:
    """Common random numbers: burst b of a request has one word, whatever K."""
    burst = {"mode": "burst", "max_tokens": None}
    scenarios = [
        scenario(GEOMETRIC, workload=burst | {"draft_length": k}) for k in (1, 2, 3, 8)
    ]
    for request in range(100):
        lengths = [request_outcomes(s, request)[0].accepted for s in scenarios]
        assert lengths == [min(lengths[-1], k) for k in (1, 2, 3, 8)]


def test_another_seed_or_request_accepts_otherwise() -> None:
    geometric, seeded = scenario(GEOMETRIC), scenario(GEOMETRIC, seed=2)
    base = [request_outcomes(geometric, r) for r in range(5)]
    assert len({tuple(outcomes) for outcomes in base}) > 1
    other = [request_outcomes(seeded, r) for r in range(5)]
    assert other != base


# -- distributions ----------------------------------------------------------------


def test_a_histogram_is_normalised_exactly() -> None:
    measured = acceptance(kind="histogram", k=3, histogram={0: 1, 1: 2, 3: 4})
    assert accepted_probabilities(measured, 3) == [
        Fraction(1, 7),
        Fraction(2, 7),
        Fraction(0),
        Fraction(4, 7),
    ]


def test_a_shorter_draft_cuts_the_histogram() -> None:
    measured = acceptance(kind="histogram", k=3, histogram={0: 1, 1: 2, 3: 4})
    assert accepted_probabilities(measured, 1) == [Fraction(1, 7), Fraction(6, 7)]


def test_thresholds_turn_words_into_lengths() -> None:
    quarter = 1 << 62
    measured = acceptance(kind="histogram", k=2, histogram={0: 1, 1: 2, 2: 1})
    assert accepted_thresholds(measured, 2) == [quarter, 3 * quarter]


@pytest.mark.parametrize(("rate", "accepted"), [(0.0, 0), (1.0, 3)])
def test_certain_rates_are_certain(rate: float, accepted: int) -> None:
    certain = scenario({"kind": "geometric", "rate": rate})
    for request in range(100):
        for outcome in request_outcomes(certain, request):
            assert outcome.accepted == accepted


def test_a_length_of_no_weight_is_never_drawn() -> None:
    gaps = scenario({"kind": "histogram", "k": 3, "histogram": {1: 1, 3: 1}})
    drawn = {o.accepted for r in range(100) for o in request_outcomes(gaps, r)}
    assert drawn == {1, 3}


def test_a_replay_has_no_distribution() -> None:
    replay = acceptance(kind="burst_replay", k=2, requests=[[1]])
    with pytest.raises(TypeError, match="no distribution of independent bursts"):
        accepted_probabilities(replay, 2)


# -- replays ----------------------------------------------------------------------


def test_recorded_bursts_are_replayed_in_order_and_in_turn() -> None:
    recorded = {"kind": "burst_replay", "k": 3, "requests": [[0, 3, 1], [2, 2, 2]]}
    replayed = scenario(recorded)
    assert request_outcomes(replayed, 0) == [
        BurstOutcome(16, 0, 1),
        BurstOutcome(17, 3, 4),
        BurstOutcome(21, 1, 2),
    ]  # the recording ends after 7 of 8 tokens, and so does the request
    assert [o.accepted for o in request_outcomes(replayed, 1)] == [2, 2, 2]
    assert request_outcomes(replayed, 2) == request_outcomes(replayed, 0)


def test_a_position_trace_serves_every_draft_length() -> None:
    # A burst at position p would commit so many tokens, the bonus included.
    trace = {"kind": "position_replay", "requests": [[4, 3, 2, 1, 2, 1, 3, 2]]}

    def accepted(k: int) -> list[int]:
        replayed = scenario(trace, workload={"draft_length": k})
        return [o.accepted for o in request_outcomes(replayed, 0)]

    assert accepted(0) == [0] * 8
    # 0: 2 tokens, 2: 2 tokens, 4: 2 tokens, 6: 2 tokens.
    assert accepted(1) == [1, 1, 1, 1]
    # 0: 4 tokens, 4: 2 tokens, 6: 3 tokens, cut to the 2 still wanted.
    assert accepted(3) == [3, 1, 2]
    last = request_outcomes(scenario(trace), 0)[-1]
    assert last == BurstOutcome(22, 2, 2)


def test_whole_requests_that_hold_at_least_so_many_bursts() -> None:
    geometric = scenario(GEOMETRIC)
    for bursts in (1, 7, 30):
        requests = requests_for_bursts(geometric, bursts)
        counts = [len(request_outcomes(geometric, r)) for r in range(requests)]
        assert sum(counts) >= bursts > sum(counts[:-1])
