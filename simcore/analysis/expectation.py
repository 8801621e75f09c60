"""How often each kind of burst occurs in a request, exactly.

Bursts that are drawn independently form a renewal process over token positions: with
v(t) the expected number of bursts that start after t tokens, v(0) = 1 and every burst
passes v(t) P(a) on to t + a + 1. This is a sum over positions, not a simulation. Bursts
that depend on the one before carry its accepted length along. A recorded acceptance is
replayed, each recording as often as the scenario uses it.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property

from simcore.analysis.markov_request import MarkovRequest
from simcore.analysis.request_moments import RequestMoments
from simcore.config.acceptance import (
    BurstReplayAcceptance,
    MarkovAcceptance,
    PositionReplayAcceptance,
)
from simcore.config.scenario import ScenarioConfig, WorkloadConfig
from simcore.program.markov import MarkovChain, cut
from simcore.program.outcomes import (
    BurstOutcome,
    OutcomeDraws,
    accepted_probabilities,
)


@dataclass(frozen=True)
class ExpectedBursts:
    """Expected number of bursts of each outcome in one request.

    Attributes
    ----------
    weights : dict
        (context_length, accepted, committed) -> expected number per request.
    is_random : bool
        False for a replay, whose requests are known: their mean has no variance.
    chain : MarkovRequest or None
        Where bursts depend on the one before: what `weights` was summed up from.
    """

    weights: dict[BurstOutcome, float]
    is_random: bool = True
    chain: MarkovRequest | None = None

    def expect(self, value: Callable[[BurstOutcome], float]) -> float:
        """Expected sum of `value` over the bursts of a request."""
        return math.fsum(w * value(outcome) for outcome, w in self.weights.items())

    @cached_property
    def bursts(self) -> float:
        """Expected bursts per request."""
        return math.fsum(self.weights.values())

    @cached_property
    def committed(self) -> float:
        """Expected committed tokens per request."""
        return self.expect(lambda outcome: outcome.committed)

    @cached_property
    def accepted(self) -> float:
        """Expected accepted drafts per request, as drawn."""
        return self.expect(lambda outcome: outcome.accepted)

    def moments(self, value: Callable[[BurstOutcome], float]) -> RequestMoments:
        """Mean, variance and reach of the sum of `value` over a request.

        Backwards over token positions: with t' the position after a burst, first and
        second moment obey ``m(t) = E[v + m(t')]`` and
        ``s(t) = E[v^2 + 2 v m(t') + s(t')]``.
        """
        mean = self.expect(value)
        if not self.is_random:
            return RequestMoments(mean, 0.0, 0.0)
        if self.chain is not None:
            return self.chain.moments(value)
        first: dict[int, float] = {}
        second: dict[int, float] = {}
        least: dict[int, float] = {}
        most: dict[int, float] = {}
        by_context: dict[int, list[tuple[BurstOutcome, float]]] = {}
        for outcome, weight in self.weights.items():
            by_context.setdefault(outcome.context_length, []).append((outcome, weight))
        for context in sorted(by_context, reverse=True):
            outcomes = by_context[context]
            total = math.fsum(weight for _, weight in outcomes)
            terms_first, terms_second, ends = [], [], []
            for outcome, weight in outcomes:
                v, p = value(outcome), weight / total
                after = context + outcome.committed
                m = first.get(after, 0.0)
                terms_first.append(p * (v + m))
                terms_second.append(p * (v * v + 2 * v * m + second.get(after, 0.0)))
                ends.append((v + least.get(after, 0.0), v + most.get(after, 0.0)))
            first[context] = math.fsum(terms_first)
            second[context] = math.fsum(terms_second)
            least[context] = min(low for low, _ in ends)
            most[context] = max(high for _, high in ends)
        start = min(by_context)
        variance = max(0.0, second[start] - first[start] ** 2)
        reach = max(most[start] - mean, mean - least[start])
        return RequestMoments(mean, variance, reach)

    @cached_property
    def by_context(self) -> dict[int, tuple[float, float]]:
        """Context length -> expected bursts there, and tokens they commit."""
        found: dict[int, tuple[list[float], list[float]]] = {}
        for outcome, weight in self.weights.items():
            bursts, tokens = found.setdefault(outcome.context_length, ([], []))
            bursts.append(weight)
            tokens.append(weight * outcome.committed)
        return {
            context: (math.fsum(bursts), math.fsum(tokens))
            for context, (bursts, tokens) in found.items()
        }


def expected_bursts(scenario: ScenarioConfig) -> ExpectedBursts:
    """Exact expectation over the scenario's acceptance model and workload."""
    acceptance, workload = scenario.acceptance, scenario.workload
    if isinstance(acceptance, BurstReplayAcceptance | PositionReplayAcceptance):
        return _replayed(scenario)
    if isinstance(acceptance, MarkovAcceptance):
        return _markov(acceptance, workload)
    probabilities = [
        float(p) for p in accepted_probabilities(acceptance, workload.draft_length)
    ]
    if workload.mode == "burst":
        return fixed_context(probabilities, workload.prompt_length)
    return _renewal(probabilities, workload.prompt_length, workload.max_tokens or 0)


def fixed_context(
    probabilities: Iterable[float], context_length: int
) -> ExpectedBursts:
    """One burst at a fixed context: P(a) for each accepted length."""
    return ExpectedBursts(
        {
            BurstOutcome(context_length, a, a + 1): p
            for a, p in enumerate(probabilities)
            if p > 0
        }
    )


def _renewal(
    probabilities: list[float], prompt_length: int, max_tokens: int
) -> ExpectedBursts:
    starts = [0.0] * max_tokens
    starts[0] = 1.0
    weights: dict[BurstOutcome, float] = {}
    for done, expected in enumerate(starts):
        if not expected:
            continue
        for accepted, p in enumerate(probabilities):
            if not p:
                continue
            committed = min(accepted + 1, max_tokens - done)
            outcome = BurstOutcome(prompt_length + done, accepted, committed)
            weights[outcome] = expected * p
            if done + committed < max_tokens:
                starts[done + committed] += expected * p
    return ExpectedBursts(weights)


def _markov(acceptance: MarkovAcceptance, workload: WorkloadConfig) -> ExpectedBursts:
    chain, k = MarkovChain(acceptance), workload.draft_length
    if workload.mode == "burst":
        first = cut(chain.initial, k)
        return fixed_context(map(float, first), workload.prompt_length)
    request = MarkovRequest(chain, k, workload.prompt_length, workload.max_tokens or 0)
    return ExpectedBursts(request.weights, chain=request)


def _replayed(scenario: ScenarioConfig) -> ExpectedBursts:
    draws = OutcomeDraws(scenario)
    recordings = draws.recordings
    requests = scenario.workload.requests
    weights: dict[BurstOutcome, float] = {}
    for recording in range(min(recordings, requests)):
        uses = (requests - recording + recordings - 1) // recordings
        for outcome in draws.request(recording):
            weights[outcome] = weights.get(outcome, 0.0) + uses / requests
    return ExpectedBursts(weights, is_random=False)
