"""Random durations and arrivals: named streams, right moments, aligned runs."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.config.load import load_scenario
from simcore.program.arrivals import arrivals_ps
from simcore.program.jitter import Jitter
from simcore.program.outcomes import OutcomeDraws


def test_factors_have_mean_one_and_the_variation_asked_for() -> None:
    jitter = Jitter(seed=3, cv=0.5)
    factors = np.concatenate([jitter.factors(0, b, 2000) for b in range(100)])
    assert factors.min() > 0
    assert factors.mean() == pytest.approx(1.0, abs=0.005)
    assert factors.std() == pytest.approx(0.5, rel=0.02)


def test_a_factor_depends_on_its_hold_and_on_nothing_else() -> None:
    jitter = Jitter(seed=3, cv=0.5)
    few, many = jitter.factors(1, 2, 10), jitter.factors(1, 2, 1000)
    assert np.array_equal(few, many[:10])
    assert not np.array_equal(few, jitter.factors(1, 3, 10))
    assert not np.array_equal(few, jitter.factors(2, 2, 10))
    assert not np.array_equal(few, Jitter(seed=4, cv=0.5).factors(1, 2, 10))


def shared(*changes: str) -> list[list[int]]:
    scenario = load_scenario("tiny", changes)
    replications = scenario.workload.requests // scenario.streams
    return [arrivals_ps(scenario, r) for r in range(replications)]


def test_poisson_arrivals_have_their_rate_and_never_go_back() -> None:
    (times,) = shared(
        "streams=20000",
        "workload.requests=20000",
        "arrival.kind=poisson",
        "arrival.rate_per_s=1000000",
    )
    gaps = np.diff(times, prepend=0)
    assert gaps.min() >= 0
    assert gaps.mean() == pytest.approx(1e6, rel=0.03)
    assert gaps.std() == pytest.approx(gaps.mean(), rel=0.05)


def test_more_streams_do_not_move_the_first_arrivals() -> None:
    poisson = ("arrival.kind=poisson", "arrival.rate_per_s=1000")
    (few,) = shared("streams=3", "workload.requests=3", *poisson)
    (many,) = shared("streams=9", "workload.requests=9", *poisson)
    assert many[:3] == few


def test_a_trace_of_times_serves_every_replication() -> None:
    scenario = load_scenario(
        {
            "model": "tiny",
            "hardware": "toy-ideal",
            "acceptance": "alpha-0.85",
            "workload": {
                "prompt_length": 4,
                "draft_length": 2,
                "max_tokens": 2,
                "requests": 4,
            },
            "streams": 2,
            "arrival": {"kind": "trace", "times_ns": [0.5, 7.0]},
        }
    )
    assert [arrivals_ps(scenario, r) for r in (0, 1)] == [[500, 7000]] * 2


def test_all_at_once_is_the_default_and_one_replication_what_is_run() -> None:
    scenario = load_scenario(
        {
            "model": "tiny",
            "hardware": "toy-ideal",
            "acceptance": "alpha-0.85",
            "workload": {"prompt_length": 4, "draft_length": 2, "max_tokens": 2},
            "streams": 3,
        }
    )
    assert scenario.workload.requests == 3
    assert arrivals_ps(scenario, 0) == [0, 0, 0]


def test_guesses_of_the_bonus_follow_the_recording() -> None:
    base = {
        "model": "tiny",
        "hardware": {"file": "toy-ideal", "reuse_policy": "reuse"},
        "acceptance": {"kind": "position_replay", "requests": [[3, 9, 9, 4, 9, 9, 9]]},
        "accounting": {"dac_banks": 2},
        "workload": {"prompt_length": 4, "draft_length": 2, "max_tokens": 7},
        "schedule": "overlap",
    }
    outcomes = OutcomeDraws(load_scenario(base)).request(0)
    # A burst at position 0 has both drafts accepted and the third not; at position 3
    # the third as well; the last has nothing to survive for.
    assert [(o.accepted, o.ahead_survives) for o in outcomes] == [
        (2, False),
        (2, True),
        (2, False),
    ]


def test_guesses_are_right_as_often_as_one_more_draft() -> None:
    scenario = load_scenario(
        {
            "model": "tiny",
            "hardware": {"file": "toy-ideal", "reuse_policy": "reuse"},
            "acceptance": {"kind": "geometric", "rate": 0.8},
            "accounting": {"dac_banks": 2},
            "workload": {"prompt_length": 4, "draft_length": 2, "max_tokens": 4000},
            "schedule": "overlap",
        }
    )
    draws = OutcomeDraws(scenario)
    outcomes = [o for r in range(10) for o in draws.request(r)[:-1]]
    full = [o for o in outcomes if o.accepted == 2]
    hits = sum(o.ahead_survives for o in full)
    assert hits / len(full) == pytest.approx(0.8, abs=0.02)
    assert not any(o.ahead_survives for o in outcomes if o.accepted < 2)
