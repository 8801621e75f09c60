"""What the bursts of a request accept: drawn before any time is simulated.

With a fixed draft length the sequence (context, accepted, committed) of a request
does not depend on timing, so engines, workers and a resumed run agree by
construction. One 64-bit word is drawn for each (seed, request, burst), whatever the
draft length, and turned into an accepted length by integer thresholds: runs at other
settings stay aligned (common random numbers).
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass, replace
from fractions import Fraction
from itertools import accumulate
from zlib import crc32

import numpy as np

from simcore.config.acceptance import (
    AcceptanceConfig,
    BurstReplayAcceptance,
    FixedAcceptance,
    GeometricAcceptance,
    HistogramAcceptance,
    MarkovAcceptance,
    PositionReplayAcceptance,
)
from simcore.config.scenario import ScenarioConfig
from simcore.program.markov import MarkovChain, cut
from simcore.program.random_words import random_words
from simcore.program.schedules import schedule_named
from simcore.program.table import IntArray

_WORD_BITS = 64
_STREAM = crc32(b"acceptance")
_GUESS_STREAM = crc32(b"bonus_guess")


@dataclass(frozen=True, slots=True)
class BurstOutcome:
    """One burst: where it starts, how many drafts were accepted, what it commits.

    Attributes
    ----------
    context_length : int
        L, KV entries in HBM when the burst starts.
    accepted : int
        Accepted drafts a, 0..K, as drawn.
    committed : int
        min(a + 1, tokens still wanted).
    ahead_survives : bool
        Whether drafts of the next burst, made from a guessed bonus token while this
        one verifies, are right: every draft was accepted, the guess is the bonus
        token, and there is a next burst. Always False where nothing drafts ahead.
    """

    context_length: int
    accepted: int
    committed: int
    ahead_survives: bool = False


@dataclass(frozen=True, eq=False)
class OutcomeTable:
    """Bursts of consecutive requests as columns, by request, then burst.

    Attributes
    ----------
    first_request : int
        Number of the first request.
    bursts : ndarray of int64, shape (n_requests,)
        Bursts of each request, each >= 1.
    context_length, accepted, committed, ahead_survives : ndarray of int64
        As in `BurstOutcome`, shape (n_bursts,); truth values are 0 and 1.
    """

    first_request: int
    bursts: IntArray
    context_length: IntArray
    accepted: IntArray
    committed: IntArray
    ahead_survives: IntArray

    @classmethod
    def of(
        cls, first_request: int, requests: Sequence[Sequence[BurstOutcome]]
    ) -> OutcomeTable:
        """From the bursts of consecutive requests."""
        every = [outcome for request in requests for outcome in request]

        def column(name: str) -> IntArray:
            return np.array([getattr(o, name) for o in every], dtype=np.int64)

        return cls(
            first_request,
            np.array([len(request) for request in requests], dtype=np.int64),
            column("context_length"),
            column("accepted"),
            column("committed"),
            column("ahead_survives"),
        )

    def by_request(self) -> dict[int, list[BurstOutcome]]:
        """The bursts of each request as objects."""
        every = [
            BurstOutcome(context, accepted, committed, bool(survives))
            for context, accepted, committed, survives in zip(
                self.context_length.tolist(),
                self.accepted.tolist(),
                self.committed.tolist(),
                self.ahead_survives.tolist(),
                strict=True,
            )
        ]
        ends = np.cumsum(self.bursts).tolist()
        starts = [0, *ends[:-1]]
        return {
            self.first_request + i: every[start:end]
            for i, (start, end) in enumerate(zip(starts, ends, strict=True))
        }


class OutcomeDraws:
    """Draws the bursts of every request of a scenario.

    Parameters
    ----------
    scenario : ScenarioConfig
        Seed, workload and acceptance.
    """

    def __init__(self, scenario: ScenarioConfig) -> None:
        self._scenario = scenario
        acceptance, k = scenario.acceptance, scenario.workload.draft_length
        self._recordings: list[list[int]] = []
        self._thresholds: list[int] = []
        self._chain: MarkovChain | None = None
        self._guesses: BonusGuesses | None = None
        if schedule_named(scenario.schedule).drafts_ahead and k > 0:
            self._guesses = BonusGuesses(acceptance, k, scenario.seed)
        if isinstance(acceptance, BurstReplayAcceptance | PositionReplayAcceptance):
            self._recordings = [
                replay_lengths(acceptance, number, k)
                for number in range(len(acceptance.requests))
            ]
            if scenario.workload.mode == "burst":
                # Every recorded burst is a request of its own.
                bursts = [a for recording in self._recordings for a in recording]
                self._recordings = [[accepted] for accepted in bursts]
        elif isinstance(acceptance, MarkovAcceptance):
            self._chain = MarkovChain(acceptance)
        else:
            self._thresholds = accepted_thresholds(acceptance, k)

    @property
    def recordings(self) -> int:
        """Distinct requests of a replay, used in turn; 0 when bursts are drawn."""
        return len(self._recordings)

    def request(self, request: int) -> list[BurstOutcome]:
        """All bursts of one request in order.

        Parameters
        ----------
        request : int
            Number of the request, from 0; a replay uses recording `request` modulo
            the number of recordings, in mode `burst` recorded burst after burst.
        """
        workload = self._scenario.workload
        lengths = self._accepted_lengths(request)
        if workload.mode == "burst":
            accepted = lengths[0]
            return [BurstOutcome(workload.prompt_length, accepted, accepted + 1)]
        outcomes = []
        context, wanted = workload.prompt_length, workload.max_tokens or 0
        for accepted in lengths:
            committed = min(accepted + 1, wanted)
            outcomes.append(BurstOutcome(context, accepted, committed))
            context += committed
            wanted -= committed
            if wanted == 0:
                break
        if self._guesses is None:
            return outcomes
        hits = self._guesses.of(request, [o.accepted for o in outcomes])
        # After the last burst there is nothing to survive for.
        return [
            replace(outcome, ahead_survives=hit)
            for outcome, hit in zip(outcomes[:-1], hits[:-1], strict=True)
        ] + outcomes[-1:]

    def table(self, requests: range) -> OutcomeTable:
        """All bursts of consecutive requests as columns."""
        return OutcomeTable.of(requests.start, [self.request(r) for r in requests])

    def _accepted_lengths(self, request: int) -> list[int]:
        if self._recordings:
            return self._recordings[request % len(self._recordings)]
        workload = self._scenario.workload
        most = 1 if workload.mode == "burst" else (workload.max_tokens or 0)
        words = acceptance_words(self._scenario.seed, request, most)
        if self._chain is not None:
            return self._chain.lengths(words, workload.draft_length)
        return [bisect_right(self._thresholds, word) for word in words]


class BonusGuesses:
    """Whether a step on the last drafted token guesses the bonus token right.

    A position replay knows: the guess is right where a burst of K + 1 drafts would
    have had them all accepted. Otherwise it is drawn from a stream of its own, with
    probability P(a >= K) / P(a >= K - 1), the acceptance of one more draft.

    Parameters
    ----------
    acceptance : acceptance object
        What bursts accept.
    draft_length : int
        K >= 1.
    seed : int
        Seed of the scenario.
    """

    def __init__(
        self, acceptance: AcceptanceConfig, draft_length: int, seed: int
    ) -> None:
        self._draft_length = draft_length
        self._seed = seed
        self._positions: tuple[tuple[int, ...], ...] = ()
        self._threshold = 0
        if isinstance(acceptance, PositionReplayAcceptance):
            self._positions = tuple(tuple(r) for r in acceptance.requests)
        else:
            one_more = _one_more_accepted(acceptance, draft_length)
            self._threshold = int(one_more * (1 << _WORD_BITS))

    def of(self, request: int, accepted: list[int]) -> list[bool]:
        """For each burst of a request, whether all was accepted and guessed right.

        Parameters
        ----------
        request : int
            Number of the request.
        accepted : list of int
            What its bursts accept, in order.
        """
        if self._positions:
            recording = self._positions[request % len(self._positions)]
            found, position = [], 0
            for a in accepted:
                found.append(recording[position] - 1 > self._draft_length)
                position += a + 1
            return found
        words = _words(self._seed, request, _GUESS_STREAM, len(accepted))
        return [
            a == self._draft_length and word < self._threshold
            for a, word in zip(accepted, words, strict=True)
        ]


def _one_more_accepted(acceptance: AcceptanceConfig, draft_length: int) -> Fraction:
    """P(a >= K) / P(a >= K - 1); 0 where K - 1 drafts are never accepted."""
    if isinstance(acceptance, BurstReplayAcceptance):
        bursts = [min(a, draft_length) for r in acceptance.requests for a in r]
        all_of, but_one = (
            sum(a >= least for a in bursts)
            for least in (draft_length, draft_length - 1)
        )
        return Fraction(all_of, but_one) if but_one else Fraction(0)
    p = long_run_probabilities(acceptance, draft_length)
    at_least = p[-1] + p[-2]
    return p[-1] / at_least if at_least else Fraction(0)


def request_outcomes(scenario: ScenarioConfig, request: int) -> list[BurstOutcome]:
    """All bursts of one request; `OutcomeDraws` is quicker for many."""
    return OutcomeDraws(scenario).request(request)


def acceptance_words(seed: int, request: int, bursts: int) -> list[int]:
    """The 64-bit words of bursts 0..`bursts` - 1 of a request.

    Word b depends only on (seed, request, b): asking for more bursts does not change
    the first ones.
    """
    return _words(seed, request, _STREAM, bursts)


def _words(seed: int, request: int, stream: int, count: int) -> list[int]:
    words: list[int] = random_words(seed, (request, stream), count).tolist()
    return words


def accepted_probabilities(
    acceptance: AcceptanceConfig, draft_length: int
) -> list[Fraction]:
    """Exact P(a) for a = 0..K of the models that draw bursts independently.

    A histogram of a longer draft is cut to min(a, K); this is biased, and the loader
    warns of it.

    Raises
    ------
    TypeError
        For a replay or a Markov chain, whose bursts are not independent draws.
    """
    if isinstance(acceptance, HistogramAcceptance):
        weights = [Fraction(0)] * (draft_length + 1)
        for accepted, weight in acceptance.histogram.items():
            weights[min(accepted, draft_length)] += Fraction(weight)
        total = sum(weights)
        return [weight / total for weight in weights]
    if isinstance(acceptance, GeometricAcceptance):
        rate = Fraction(acceptance.rate)
        head = [rate**a * (1 - rate) for a in range(draft_length)]
        return [*head, rate**draft_length]
    if isinstance(acceptance, FixedAcceptance):
        fixed = min(acceptance.accepted, draft_length)
        return [Fraction(int(a == fixed)) for a in range(draft_length + 1)]
    raise TypeError(f"{acceptance.kind} has no distribution of independent bursts")


def long_run_probabilities(
    acceptance: AcceptanceConfig, draft_length: int
) -> list[Fraction]:
    """Share of the bursts that accept a = 0..K, over many bursts of one request.

    Raises
    ------
    TypeError
        For a replay, which has no long run.
    """
    if isinstance(acceptance, MarkovAcceptance):
        return cut(MarkovChain(acceptance).long_run, draft_length)
    return accepted_probabilities(acceptance, draft_length)


def accepted_thresholds(acceptance: AcceptanceConfig, draft_length: int) -> list[int]:
    """Integer thresholds t: a word w accepts as many drafts as there are t <= w."""
    cumulative = accumulate(accepted_probabilities(acceptance, draft_length))
    scale = 1 << _WORD_BITS
    # The last threshold is 2^64: no word reaches it, so a never exceeds K.
    return [int(p * scale) for p in cumulative][:-1]


def replay_lengths(
    acceptance: BurstReplayAcceptance | PositionReplayAcceptance,
    request: int,
    draft_length: int,
) -> list[int]:
    """Accepted lengths of the bursts of one recorded request at this draft length.

    A position trace says how many tokens a burst starting at a position commits
    (bonus included), so it serves any draft length exactly.
    """
    recording = acceptance.requests[request % len(acceptance.requests)]
    if isinstance(acceptance, BurstReplayAcceptance):
        return [min(accepted, draft_length) for accepted in recording]
    lengths, position = [], 0
    while position < len(recording):
        accepted = min(recording[position] - 1, draft_length)
        lengths.append(accepted)
        position += accepted + 1
    return lengths


def requests_for_bursts(scenario: ScenarioConfig, bursts: int) -> int:
    """Fewest whole replications that hold at least `bursts` bursts, in requests."""
    draws = OutcomeDraws(scenario)
    found, request = 0, 0
    # Requests that share a chip come together.
    while found < bursts or request % scenario.streams:
        found += len(draws.request(request))
        request += 1
    return request


__all__ = [
    "BurstOutcome",
    "OutcomeDraws",
    "OutcomeTable",
    "accepted_probabilities",
    "accepted_thresholds",
    "acceptance_words",
    "long_run_probabilities",
    "replay_lengths",
    "request_outcomes",
    "requests_for_bursts",
]
