"""The context L* from which attention costs more than everything else of a token.

Compared are the operations of one full read (a K = 0 step) one after another. What
attention costs grows with the cache and the rest does not, so there is one crossing;
it is solved exactly where both are linear, and by bisection where a transfer is as
long as its longest leg, meets refreshes, or a sliding window ends the growth.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

from simcore.program.burst import BurstProgram
from simcore.program.cost import ZERO, Cost
from simcore.program.operation import Operation
from simcore.program.stall import RefreshStall

_COMPUTE = frozenset(
    {"attention_qk", "attention_softmax", "attention_pv", "kv_load"},
)
_CACHE = frozenset({"kv_read", "kv_unpack", "kv_dequantize"})
#: No context is longer; beyond it there is no crossing.
_FARTHEST = 1 << 40
_BISECTIONS = 200


@dataclass(frozen=True)
class Crossing:
    """Where one cost overtakes another.

    Attributes
    ----------
    context_length : float or None
        Where they are equal; 0 if attention costs more from the start, None if it
        never does.
    first_above : int or None
        Smallest whole context at which attention costs more.
    """

    context_length: float | None
    first_above: int | None


@dataclass(frozen=True)
class AttentionCrossover:
    """L* for latency and energy, for attention alone and with its cache traffic.

    Attributes
    ----------
    latency, energy : Crossing
        Scores, softmax and values against all other work without the cache's reads.
    latency_with_kv, energy_with_kv : Crossing
        The same with reading and unpacking the cache on the side of attention.
    """

    latency: Crossing
    energy: Crossing
    latency_with_kv: Crossing
    energy_with_kv: Crossing

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


class _Choice(NamedTuple):
    """A cost, and the refreshes that a transfer meets on top of it."""

    cost: Cost
    stall: RefreshStall | None = None

    def at(self, context: float) -> float:
        linear = self.cost.at(context)
        return linear if self.stall is None else float(self.stall.ns(linear))


#: Costs of which the largest counts, the cap of their context, and how often.
_Term = tuple[tuple[_Choice, ...], int | None, int]


def attention_crossover(baseline: BurstProgram) -> AttentionCrossover:
    """Where attention outgrows the rest.

    Parameters
    ----------
    baseline : BurstProgram
        The K = 0 program of the chip.
    """
    times: dict[str, list[_Term]] = {"compute": [], "cache": [], "rest": []}
    energies: dict[str, list[_Term]] = {"compute": [], "cache": [], "rest": []}
    (step,) = baseline.verify
    for part in step.layers:
        cap = part.context_cap
        for legs in part.positions:
            group = _group(legs[0])
            durations = tuple(_Choice(op.duration_ns, op.stall) for op in legs)
            times[group].append((durations, cap, 1))
            energies[group] += [
                ((_Choice(cost),), cap, 1) for op in legs for _, cost in op.energy_pj
            ]
    return AttentionCrossover(
        latency=_crossing(times["compute"], times["rest"]),
        energy=_crossing(energies["compute"], energies["rest"]),
        latency_with_kv=_crossing(times["compute"] + times["cache"], times["rest"]),
        energy_with_kv=_crossing(
            energies["compute"] + energies["cache"], energies["rest"]
        ),
    )


def break_even_prompt_length(
    prompt_lengths: Iterable[int], ratios: Iterable[float | None]
) -> int | None:
    """Shortest of the requested prompts with a ratio above 1; None if there is none.

    Parameters
    ----------
    prompt_lengths : iterable of int
        As asked for.
    ratios : iterable of float or None
        Tokens per joule over those of the baseline, one for each.
    """
    better = [
        length
        for length, ratio in zip(prompt_lengths, ratios, strict=True)
        if ratio is not None and ratio > 1.0
    ]
    return min(better, default=None)


def _group(op: Operation) -> str:
    if op.name in _COMPUTE:
        return "compute"
    return "cache" if op.name in _CACHE else "rest"


def _at(terms: Iterable[_Term], context: float) -> float:
    return sum(
        times
        * max(
            choice.at(context if cap is None else min(context, cap))
            for choice in choices
        )
        for choices, cap, times in terms
    )


def _crossing(attention: list[_Term], rest: list[_Term]) -> Crossing:
    attention, rest = _merged(attention), _merged(rest)

    def above(context: float) -> float:
        return _at(attention, context) - _at(rest, context)

    if above(0) > 0:
        return Crossing(0.0, 0)
    if above(_FARTHEST) <= 0:
        return Crossing(None, None)
    low, high = 0, _FARTHEST
    while high - low > 1:
        middle = (low + high) // 2
        if above(middle) > 0:
            high = middle
        else:
            low = middle
    if len(attention) == len(rest) == 1 and attention[0][1] is None:
        # Both are linear: no need to look for the point.
        ((grows, _),), ((stays, _),) = attention[0][0], rest[0][0]
        if not stays.per_token:
            return Crossing((stays.base - grows.base) / grows.per_token, high)
    left, right = float(low), float(high)
    for _ in range(_BISECTIONS):
        half = (left + right) / 2
        if half in (left, right):
            break
        if above(half) > 0:
            right = half
        else:
            left = half
    return Crossing(left if above(left) == 0 else right, high)


def _merged(terms: list[_Term]) -> list[_Term]:
    """The same sum with all terms of one choice and one cap added up."""
    single: dict[int | None, Cost] = {}
    several: dict[tuple[tuple[_Choice, ...], int | None], int] = {}
    for choices, cap, times in terms:
        if not any(choice.cost.per_token for choice in choices):
            # What does not grow sees no cap, and meets the same refreshes everywhere.
            longest = Cost(max(choice.at(0) for choice in choices))
            single[None] = single.get(None, ZERO) + times * longest
        elif len(choices) == 1 and choices[0].stall is None:
            single[cap] = single.get(cap, ZERO) + times * choices[0].cost
        else:
            counted = several.get((choices, cap), 0)
            several[(choices, cap)] = counted + times
    merged: list[_Term] = [((_Choice(cost),), cap, 1) for cap, cost in single.items()]
    merged += [(choices, cap, times) for (choices, cap), times in several.items()]
    return merged or [((_Choice(ZERO),), None, 1)]
