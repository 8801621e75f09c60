"""Energy with latency, and sums of them by name."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple


class Cost(NamedTuple):
    """Energy in pJ and latency in ns."""

    energy_pj: float = 0.0
    latency_ns: float = 0.0

    def plus(self, other: Cost) -> Cost:
        """Both, one after the other."""
        return Cost(
            self.energy_pj + other.energy_pj, self.latency_ns + other.latency_ns
        )

    def times(self, n: float) -> Cost:
        """The same `n` times in a row."""
        return Cost(self.energy_pj * n, self.latency_ns * n)


Costs = dict[str, Cost]


def add_costs(totals: Costs, more: Costs, times: float = 1.0) -> None:
    """Add `times` x `more` to `totals`, name by name, in place."""
    for name, (energy, latency) in more.items():
        old = totals.get(name)
        if old is None:
            totals[name] = Cost(energy * times, latency * times)
        else:
            totals[name] = Cost(old[0] + energy * times, old[1] + latency * times)


def total_cost(costs: Iterable[Cost]) -> Cost:
    """Sum of costs, one after the other."""
    energy = latency = 0.0
    for cost in costs:
        energy += cost[0]
        latency += cost[1]
    return Cost(energy, latency)
