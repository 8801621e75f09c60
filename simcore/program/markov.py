"""A chain of accepted lengths: every burst depends on the burst before.

The chain runs at the draft length it was measured at; a shorter draft cuts what each
burst accepts, not the chain. Probabilities are exact fractions of the given weights,
and a word becomes a length by the integer thresholds of the row it is drawn from.
"""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from fractions import Fraction
from functools import cached_property
from itertools import accumulate

from simcore.config.acceptance import MarkovAcceptance
from simcore.config.closed_class import closed_class

_WORD_BITS = 64


class MarkovChain:
    """Transitions, first burst and long run of a `markov` acceptance.

    Parameters
    ----------
    acceptance : MarkovAcceptance
        Weights, counts or probabilities.

    Attributes
    ----------
    transitions : list of list of Fraction
        P(next accepts b | this one accepted a) at [a][b]; rows sum to 1.
    """

    def __init__(self, acceptance: MarkovAcceptance) -> None:
        self._initial = acceptance.initial
        self.transitions = [_shares(row) for row in acceptance.transitions]

    @cached_property
    def initial(self) -> list[Fraction]:
        """Distribution of the first burst of a request."""
        return self.long_run if self._initial is None else _shares(self._initial)

    @cached_property
    def long_run(self) -> list[Fraction]:
        """Shares of the lengths over many bursts: the stationary distribution.

        References
        ----------
        Grassmann, Taksar, Heyman, Regenerative analysis and steady state
        distributions for Markov chains, Operations Research 33 (1985) 1107-1116: no
        subtraction, so every share is right to nearly all its digits.
        """
        rows = [[float(p) for p in row] for row in self.transitions]
        recurrent = sorted(closed_class(rows) or ())
        p = [[rows[a][b] for b in recurrent] for a in recurrent]
        for last in range(len(p) - 1, 0, -1):
            leaves = math.fsum(p[last][:last])
            for a in range(last):
                p[a][last] /= leaves
                if p[a][last]:
                    for b in range(last):
                        p[a][b] += p[a][last] * p[last][b]
        weights = [1.0]
        for state in range(1, len(p)):
            weights.append(math.fsum(weights[a] * p[a][state] for a in range(state)))
        found = [0.0] * len(rows)
        for state, weight in zip(recurrent, weights, strict=True):
            found[state] = weight
        return _shares(found)

    def lengths(self, words: Iterable[int], draft_length: int) -> list[int]:
        """Accepted lengths of a request's bursts, one for each 64-bit word."""
        found, row = [], self._initial_thresholds
        for word in words:
            state = bisect_right(row, word)
            found.append(min(state, draft_length))
            row = self._thresholds[state]
        return found

    @cached_property
    def _initial_thresholds(self) -> list[int]:
        return _thresholds(self.initial)

    @cached_property
    def _thresholds(self) -> list[list[int]]:
        return [_thresholds(row) for row in self.transitions]


def cut(probabilities: Sequence[Fraction], draft_length: int) -> list[Fraction]:
    """Distribution of min(a, K) for that of a."""
    found = [Fraction(0)] * (draft_length + 1)
    for accepted, p in enumerate(probabilities):
        found[min(accepted, draft_length)] += p
    return found


def _shares(weights: Sequence[float]) -> list[Fraction]:
    exact = [Fraction(weight) for weight in weights]
    total = sum(exact)
    return [weight / total for weight in exact]


def _thresholds(probabilities: Sequence[Fraction]) -> list[int]:
    scale = 1 << _WORD_BITS
    # The last threshold would be 2^64, which no word reaches.
    return [int(p * scale) for p in accumulate(probabilities)][:-1]
