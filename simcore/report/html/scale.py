"""From values to places on an axis, and where the axis has ticks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from simcore.report.numbers import decimals_of

_LONG_LOG = 3.0


@dataclass(frozen=True)
class Scale:
    """Values of an axis as places in a picture.

    Attributes
    ----------
    low, high : float
        Values at both ends, low < high; above 0 if logarithmic.
    start, end : float
        Places of the ends.
    is_log : bool
        Whether equal factors are equal lengths.
    """

    low: float
    high: float
    start: float
    end: float
    is_log: bool = False

    def __call__(self, value: float) -> float:
        """Where a value is, not beyond the ends."""
        value = min(max(value, self.low), self.high)
        low, high = self._map(self.low), self._map(self.high)
        ratio = (self._map(value) - low) / (high - low)
        return self.start + ratio * (self.end - self.start)

    def _map(self, value: float) -> float:
        return math.log10(value) if self.is_log else value

    def ticks(self, most: int = 5) -> list[float]:
        """Round values inside the axis, ascending.

        Parameters
        ----------
        most : int
            About how many.
        """
        if self.is_log:
            return self._log_ticks(most)
        step = nice_step((self.high - self.low) / max(most, 1))
        first = math.ceil(self.low / step - 1e-9)
        last = math.floor(self.high / step + 1e-9)
        # Through the step's decimals, so that 3 * 0.1 is 0.3.
        return [float(f"{i * step:.12g}") for i in range(first, last + 1)]

    def _log_ticks(self, most: int) -> list[float]:
        first, last = math.log10(self.low), math.log10(self.high)
        mantissas = (1,) if last - first > _LONG_LOG else (1, 2, 5)
        found = [
            mantissa * 10.0**exponent
            for exponent in range(math.floor(first), math.ceil(last) + 1)
            for mantissa in mantissas
        ]
        inside = [
            v for v in found if self.low * (1 - 1e-9) <= v <= self.high * 1.000001
        ]
        every = math.ceil(len(inside) / (2 * most))
        return inside[:: max(every, 1)]


#: Below it a span is drawn as none: its steps would leave the range of floats.
_NOTHING = 1e-290


def nice_step(step: float) -> float:
    """The next of 1, 2, 5, 10, ... that is not below a step."""
    if not step > 0 or not math.isfinite(step):
        return 1.0
    size = 10.0 ** math.floor(math.log10(step))
    for mantissa in (1, 2, 5):
        if step <= mantissa * size * (1 + 1e-9):
            return mantissa * size
    return 10 * size


def covering(
    values: Sequence[float], start: float, end: float, *, from_zero: bool = False
) -> Scale:
    """A linear scale with round ends that covers some values.

    Parameters
    ----------
    values : sequence of float
        May be empty or all equal.
    start, end : float
        Places of the ends.
    from_zero : bool
        Whether 0 must be on the axis.
    """
    finite = [value for value in values if math.isfinite(value)] or [0.0, 1.0]
    low, high = min(finite), max(finite)
    if from_zero:
        low, high = min(low, 0.0), max(high, 0.0)
    if high - low <= max(1e-9 * max(abs(low), abs(high)), _NOTHING):
        spread = abs(high) * 0.1 if abs(high) > _NOTHING else 1.0
        low, high = (0.0 if from_zero and low >= 0 else low - spread), high + spread
    step = nice_step((high - low) / 5)
    return Scale(
        math.floor(low / step + 1e-9) * step,
        math.ceil(high / step - 1e-9) * step,
        start,
        end,
    )


def covering_by_factors(values: Sequence[float], start: float, end: float) -> Scale:
    """A logarithmic scale with ends of 1, 2 or 5 that covers some values, all > 0."""
    low, high = min(values), max(values)
    low = 1 / nice_step(1 / low * (1 - 1e-9))
    high = nice_step(high * (1 - 1e-9))
    return Scale(low, high if high > low else 2 * low, start, end, is_log=True)


def tick_texts(ticks: Sequence[float]) -> list[str]:
    """Labels of ticks, all with the digits that tell them apart."""
    if len(ticks) < 2:
        return [f"{tick:g}" for tick in ticks]
    step = min(b - a for a, b in pairwise(ticks))
    decimals = max(decimals_of(step, 1), 0)
    if decimals > 6 or max(map(abs, ticks)) >= 1e7:
        return [f"{tick:g}" for tick in ticks]
    return [f"{tick:,.{decimals}f}" for tick in ticks]
