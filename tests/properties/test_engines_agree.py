"""The compiled engine gives what the SimPy engine gives, to the bit and the word.

Generated scenarios of every schedule and policy, generated chips with any outcomes, and
chips on which everything coincides. Burst times, event rows in the order of the file,
sums over the holds, which operations ran, and errors are compared.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import pytest
from both_engines import Input, differences
from generated_chips import generated_case
from hypothesis import HealthCheck, given, settings
from test_generated_scenarios import overrides
from tie_prone_chips import tie_prone_case

from simcore.config.load import load_scenario
from simcore.engine.fast import row_buffer
from simcore.errors import ProgramError
from simcore.experiments.plan import plan_run
from simcore.program.arrivals import arrivals_ps
from simcore.program.burst import BurstProgram
from simcore.program.jitter import Jitter
from simcore.program.outcomes import BurstOutcome, OutcomeDraws, OutcomeTable
from simcore.program.schedules import SCHEDULES
from simcore.program.verification import VERIFICATIONS


@pytest.fixture(autouse=True)
def _small_chunks(monkeypatch: pytest.MonkeyPatch) -> None:
    """So that replications of a few thousand rows fill many chunks."""
    monkeypatch.setattr(row_buffer, "CHUNK_ROWS", 200)


def check_scenario(changes: list[str]) -> None:
    scenario = load_scenario("tiny", changes)
    try:
        plan = plan_run(scenario)
    except ProgramError as error:
        if "but the SRAM has" not in str(error):
            raise
        return
    draws = OutcomeDraws(scenario)
    jitter = Jitter(scenario.seed, scenario.jitter_cv) if scenario.jitter_cv else None
    for replication in range(plan.replications):
        first = replication * scenario.streams
        requests = range(first, first + scenario.streams)
        arrivals = arrivals_ps(scenario, replication)
        found = differences(
            Input(
                plan.program,
                draws.table(requests),
                dict(zip(requests, arrivals, strict=True)),
                jitter,
                replication,
            )
        )
        assert not found, changes


def some_outcomes(
    seed: int, program: BurstProgram, context_length: int, most_requests: int
) -> OutcomeTable:
    """Requests of any bursts; drafts ahead survive where there are any."""
    rng = np.random.default_rng([seed, 5])
    k = program.draft_length
    requests = []
    for _ in range(int(rng.integers(1, most_requests + 1))):
        bursts = []
        n_bursts = int(rng.integers(1, 4))
        for number in range(n_bursts):
            accepted = int(rng.integers(0, k + 1))
            survives = bool(program.ahead) and accepted == k and rng.random() < 0.7
            bursts.append(
                BurstOutcome(
                    context_length + 3 * number,
                    accepted,
                    int(rng.integers(1, accepted + 2)),
                    survives and number + 1 < n_bursts,
                )
            )
        requests.append(bursts)
    return OutcomeTable.of(int(rng.integers(0, 100)), requests)


def check_chip(seed: int) -> None:
    """A chip of its own under a schedule, alone or shared."""
    case = generated_case(seed)
    schedule = SCHEDULES[seed % len(SCHEDULES)].name
    try:
        program = case.program(schedule=schedule)
    except ProgramError:
        # Not every chip may draft ahead or prefetch.
        program = case.program()
    verification = VERIFICATIONS[seed // 4 % 2].name
    program = dataclasses.replace(program, verification=verification)
    outcomes = some_outcomes(seed, program, case.context_length, 3)
    jitter = Jitter(seed, 0.3) if seed % 5 == 0 else None
    assert not differences(Input(program, outcomes, None, jitter)), seed


def check_ties(seed: int) -> None:
    case = tie_prone_case(seed)
    program = dataclasses.replace(
        case.program, verification=VERIFICATIONS[seed % 2].name
    )
    outcomes = some_outcomes(seed, program, case.context_length, 3)
    rng = np.random.default_rng([seed, 6])
    arrivals = {
        outcomes.first_request + i: int(rng.integers(0, 3)) * 1000
        for i in range(len(outcomes.bursts))
    }
    assert not differences(Input(program, outcomes, arrivals)), seed


CASES: dict[str, Any] = {
    "max_examples": 30,
    "deadline": None,
    "suppress_health_check": [
        HealthCheck.too_slow,
        # The fixture sets the same thing for all examples.
        HealthCheck.function_scoped_fixture,
    ],
}


@settings(**CASES, derandomize=True)
@given(overrides())
def test_generated_scenarios_give_the_same(changes: list[str]) -> None:
    check_scenario(changes)


@pytest.mark.slow
@settings(**{**CASES, "max_examples": 200})
@given(overrides())
def test_two_hundred_generated_scenarios_give_the_same(changes: list[str]) -> None:
    check_scenario(changes)


@pytest.mark.parametrize("first", range(0, 30, 10))
def test_generated_chips_give_the_same(first: int) -> None:
    for seed in range(first, first + 10):
        check_chip(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(30, 230, 20))
def test_two_hundred_generated_chips_give_the_same(first: int) -> None:
    for seed in range(first, first + 20):
        check_chip(seed)


@pytest.mark.parametrize("first", range(0, 30, 10))
def test_chips_on_which_everything_coincides_give_the_same(first: int) -> None:
    for seed in range(first, first + 10):
        check_ties(seed)


@pytest.mark.slow
@pytest.mark.parametrize("first", range(30, 230, 20))
def test_two_hundred_tie_prone_chips_give_the_same(first: int) -> None:
    for seed in range(first, first + 20):
        check_ties(seed)
