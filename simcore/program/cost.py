"""A cost as a linear function of context length and committed tokens.

Every duration, byte count and energy of an operation has this form, so one table of
coefficients serves the closed form, the engines and the trace.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Cost:
    """`base + per_token * context + per_committed * committed`.

    `context` is the number of cached tokens the step sees, capped by a sliding window;
    `committed` the number of tokens the burst commits. Unit: that of the coefficients.
    A negative `base` is legal where the sum cannot be negative (the HBM leg of a KV
    read excludes the tokens that are still in SRAM).
    """

    base: float = 0.0
    per_token: float = 0.0
    per_committed: float = 0.0

    def __add__(self, other: Cost) -> Cost:
        return Cost(
            self.base + other.base,
            self.per_token + other.per_token,
            self.per_committed + other.per_committed,
        )

    def __mul__(self, factor: float) -> Cost:
        return Cost(
            self.base * factor, self.per_token * factor, self.per_committed * factor
        )

    __rmul__ = __mul__

    def __bool__(self) -> bool:
        return bool(self.base or self.per_token or self.per_committed)

    def at(self, context: float, committed: float = 0) -> float:
        """Value for one context length and number of committed tokens."""
        return self.base + self.per_token * context + self.per_committed * committed


ZERO = Cost()
