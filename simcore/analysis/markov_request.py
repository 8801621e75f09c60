"""Bursts of a request whose accepted lengths form a Markov chain, exactly.

As for independent bursts this is a sum over token positions, but what a burst accepts
depends on the burst before: the state is (tokens done, accepted length of the last
burst).
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import numpy as np
import numpy.typing as npt

from simcore.analysis.request_moments import RequestMoments
from simcore.program.markov import MarkovChain
from simcore.program.outcomes import BurstOutcome

_FloatArray = npt.NDArray[np.float64]
_Value = Callable[[BurstOutcome], float]


class MarkovRequest:
    """One request: all its paths with their probabilities, summed up by state.

    Parameters
    ----------
    chain : MarkovChain
        At the draft length it was measured at.
    draft_length : int
        K in use; longer accepted lengths are cut to it.
    prompt_length, max_tokens : int
        Context of the first burst, and tokens to generate.
    """

    def __init__(
        self,
        chain: MarkovChain,
        draft_length: int,
        prompt_length: int,
        max_tokens: int,
    ) -> None:
        self._transitions = np.array(chain.transitions, dtype=np.float64)
        self._initial = np.array(chain.initial, dtype=np.float64)
        self._accepted = np.minimum(np.arange(len(self._initial)), draft_length)
        self._prompt_length = prompt_length
        self._max_tokens = max_tokens

    @cached_property
    def weights(self) -> dict[BurstOutcome, float]:
        """Expected number of each burst in the request; see `ExpectedBursts`."""
        found: dict[BurstOutcome, float] = {}
        for done, bursts in enumerate(self._bursts):
            for state, outcome in enumerate(self._outcomes(done)):
                if bursts[state]:
                    found[outcome] = found.get(outcome, 0.0) + float(bursts[state])
        return found

    def moments(self, value: _Value) -> RequestMoments:
        """Mean, variance and reach of the sum of `value` over the request.

        Backwards over token positions: with t' the position after a burst of state s,
        ``m(t, s) = v(t, s) + E[m(t', s') | s]``, and the second moment alike.
        """
        states = np.arange(self._initial.size)
        shape = (self._max_tokens + 1, states.size)
        # Of what follows a burst of state s that ends at t; 0 at the end.
        mean, square, least, most = (np.zeros(shape) for _ in range(4))
        possible = self._transitions > 0
        for done in range(self._max_tokens - 1, -1, -1):
            v = np.array([value(outcome) for outcome in self._outcomes(done)])
            after = np.minimum(done + self._accepted + 1, self._max_tokens), states
            m = v + mean[after]
            s = v * v + 2 * v * mean[after] + square[after]
            low, high = v + least[after], v + most[after]
            if not done:
                expected = float(self._initial @ m)
                variance = float(self._initial @ s) - expected**2
                begins = self._initial > 0
                reach = max(
                    float(high[begins].max()) - expected,
                    expected - float(low[begins].min()),
                )
                return RequestMoments(expected, max(0.0, variance), reach)
            mean[done] = self._transitions @ m
            square[done] = self._transitions @ s
            least[done] = np.where(possible, low, np.inf).min(axis=1)
            most[done] = np.where(possible, high, -np.inf).max(axis=1)
        raise ValueError("a request has at least one token")

    @cached_property
    def _bursts(self) -> _FloatArray:
        """Expected bursts that start after t tokens and accept s: [t, s]."""
        states = np.arange(self._initial.size)
        found = np.zeros((self._max_tokens, states.size))
        # Bursts that end at t by their state: what the next one depends on.
        ended = np.zeros((self._max_tokens + 1, states.size))
        for done in range(self._max_tokens):
            found[done] = ended[done] @ self._transitions if done else self._initial
            after = np.minimum(done + self._accepted + 1, self._max_tokens)
            # Every state is there once, so nothing is added twice to one place.
            ended[after, states] += found[done]
        return found

    def _outcomes(self, done: int) -> list[BurstOutcome]:
        """The burst of each state that starts after `done` tokens."""
        wanted = self._max_tokens - done
        return [
            BurstOutcome(self._prompt_length + done, a, min(a + 1, wanted))
            for a in self._accepted.tolist()
        ]
