"""Sums of costs that see different contexts, each added up once and then reused.

A burst has thousands of operations, but a cost is linear in the context its step sees
(capped by a sliding window) and in the committed tokens. Their sum is then one base,
one slope for each context that occurs, and one slope for the commit: a handful of
numbers that hold at every prompt length.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from simcore.analysis.expectation import ExpectedBursts
from simcore.program.cost import Cost

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: Step index, and the cap of the context or None.
Seen = tuple[int, int | None]


def seen_context(seen: Seen, contexts: IntArray | FloatArray) -> IntArray | FloatArray:
    """Cached tokens a step sees in bursts that start at `contexts`.

    Parameters
    ----------
    seen : Seen
        Step index and cap.
    contexts : ndarray, shape (n,)
        Contexts at burst start.
    """
    index, cap = seen
    return contexts + index if cap is None else np.minimum(contexts + index, cap)


@dataclass
class ContextSum:
    """A sum of costs over the operations of a burst.

    Attributes
    ----------
    base : float
        Part that depends on nothing.
    slopes : dict of Seen to float
        Part per cached token, for each context that occurs.
    per_committed : float
        Part per committed token.
    """

    base: float = 0.0
    slopes: dict[Seen, float] = field(default_factory=dict)
    per_committed: float = 0.0

    def add(self, cost: Cost, seen: Seen, times: float = 1) -> None:
        """Add `times` the same cost, seen at one context."""
        self.base += times * cost.base
        self.per_committed += times * cost.per_committed
        if cost.per_token:
            slope = self.slopes.get(seen, 0.0)
            self.slopes[seen] = slope + times * cost.per_token

    def include(self, other: ContextSum) -> None:
        """Add another sum."""
        self.base += other.base
        self.per_committed += other.per_committed
        for seen, slope in other.slopes.items():
            self.slopes[seen] = self.slopes.get(seen, 0.0) + slope

    def at(
        self, contexts: IntArray | FloatArray, committed: FloatArray | float = 0.0
    ) -> FloatArray:
        """Value for bursts that start at `contexts` and commit `committed` tokens.

        Parameters
        ----------
        contexts : ndarray, shape (n,)
            Contexts at burst start.
        committed : float or ndarray, shape (n,)
            Committed tokens.
        """
        total = np.full(contexts.shape, self.base)
        if self.per_committed:
            total += self.per_committed * committed
        for seen, slope in self.slopes.items():
            total += slope * seen_context(seen, contexts)
        return total

    def expected(self, bursts: SeenBursts) -> float:
        """Value over all bursts of a request."""
        terms = [slope * bursts.seen(seen) for seen, slope in self.slopes.items()]
        return math.fsum(
            [self.base * bursts.number, self.per_committed * bursts.committed, *terms]
        )


class SeenBursts:
    """What sums need of the bursts of a request: how many, tokens, contexts seen.

    Parameters
    ----------
    expected : ExpectedBursts
        How often each burst occurs.
    """

    def __init__(self, expected: ExpectedBursts) -> None:
        self.number = expected.bursts
        self.committed = expected.committed
        self._by_context = expected.by_context
        self._seen: dict[Seen, float] = {}

    def seen(self, seen: Seen) -> float:
        """Cached tokens that a step sees, added over all bursts."""
        if seen not in self._seen:
            index, cap = seen
            self._seen[seen] = math.fsum(
                bursts * (start + index if cap is None else min(start + index, cap))
                for start, (bursts, _) in self._by_context.items()
            )
        return self._seen[seen]
