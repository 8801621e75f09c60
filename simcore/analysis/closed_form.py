"""Expected cost of a request by formula: latency, energy, bytes, tokens.

Costs are linear in context and committed tokens, so an expectation needs only three
sums over the acceptance model for each step: how many bursts, the contexts they see,
and the tokens they commit. Latency is the composition of each burst, weighted.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from simcore.analysis.burst_costs import EnergyKey
from simcore.analysis.burst_model import BurstModel
from simcore.analysis.composition import Composition, parts
from simcore.analysis.context_sum import SeenBursts
from simcore.analysis.expectation import ExpectedBursts
from simcore.analysis.leakage import gated_power_nw, total_power_nw
from simcore.analysis.pooled import PooledComposition, is_pooled
from simcore.program.burst import BurstProgram
from simcore.program.cost import Cost
from simcore.program.operation import MEMORIES, LayerStep
from simcore.units import NS_PER_S, PJ_PER_J, leakage_pj


@dataclass(frozen=True)
class RequestExpectation:
    """Expected totals of one request.

    Attributes
    ----------
    bursts, committed_tokens, accepted_tokens : float
        Counts; accepted as drawn, before truncation at max tokens.
    wasted_verify_steps : float
        Verify steps of rejected drafts, K - a a burst.
    latency_ns : dict
        By phase: draft, verify, commit.
    energy_pj : dict of EnergyKey to float
        Dynamic energy.
    traffic_bytes : dict of (memory, direction) to float
        Bytes moved.
    leakage_power_nw, gated_power_nw : float
        Static power of the chip, and the part of it that is off while it drafts.
    """

    bursts: float
    committed_tokens: float
    accepted_tokens: float
    wasted_verify_steps: float
    latency_ns: dict[str, float]
    energy_pj: dict[EnergyKey, float]
    traffic_bytes: dict[tuple[str, str], float]
    leakage_power_nw: float
    gated_power_nw: float = 0.0

    @property
    def total_latency_ns(self) -> float:
        """First burst's start to last burst's end."""
        return math.fsum(self.latency_ns.values())

    @property
    def dynamic_energy_pj(self) -> float:
        """Energy without leakage."""
        return math.fsum(self.energy_pj.values())

    @property
    def leakage_energy_pj(self) -> float:
        """Static power times the time it is on."""
        saved = leakage_pj(self.gated_power_nw, self.latency_ns["draft"])
        return leakage_pj(self.leakage_power_nw, self.total_latency_ns) - saved

    def energy_by(self, field: str) -> dict[str, float]:
        """Dynamic energy summed over all but one field of `EnergyKey`."""
        groups: dict[str, list[float]] = defaultdict(list)
        for key, energy in self.energy_pj.items():
            groups[getattr(key, field)].append(energy)
        return {name: math.fsum(values) for name, values in groups.items()}

    def metrics(self) -> dict[str, float]:
        """Metrics under the names every report uses (ratio of expectations)."""
        tokens, bursts = self.committed_tokens, self.bursts
        latency, dynamic = self.total_latency_ns, self.dynamic_energy_pj
        leakage = self.leakage_energy_pj
        total = dynamic + leakage
        return {
            "latency_ns_per_token": latency / tokens,
            "energy_pj_per_token": total / tokens,
            "dynamic_energy_pj_per_token": dynamic / tokens,
            "leakage_energy_pj_per_token": leakage / tokens,
            "throughput_tokens_per_s": NS_PER_S * tokens / latency if latency else 0.0,
            "tokens_per_joule": PJ_PER_J * tokens / total if total else 0.0,
            "committed_tokens_per_burst": tokens / bursts,
            "wasted_verify_steps_per_burst": self.wasted_verify_steps / bursts,
            "burst_latency_ns": latency / bursts,
            "request_latency_ns": latency,
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain data: totals and breakdowns of one request."""
        fields = ("phase", "stage", "component", "channel", "operation")
        traffic: dict[str, dict[str, float]] = {}
        for (memory, direction), n_bytes in sorted(self.traffic_bytes.items()):
            traffic.setdefault(memory, {})[direction] = n_bytes
        return {
            "bursts": self.bursts,
            "committed_tokens": self.committed_tokens,
            "accepted_tokens": self.accepted_tokens,
            "wasted_verify_steps": self.wasted_verify_steps,
            "latency_ns": {"total": self.total_latency_ns, **self.latency_ns},
            "energy_pj": {
                "total": self.dynamic_energy_pj,
                **{f"by_{field}": self.energy_by(field) for field in fields},
            },
            "leakage": {
                "power_nw": self.leakage_power_nw,
                "energy_pj": self.leakage_energy_pj,
            },
            "bytes": traffic,
        }


def request_expectation(
    program: BurstProgram,
    expected: ExpectedBursts,
    composition: Composition | None = None,
    *,
    burst: BurstModel | None = None,
) -> RequestExpectation:
    """Expected totals of a request whose bursts occur as `expected` says.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.
    expected : ExpectedBursts
        How often each burst occurs.
    composition : Composition, optional
        Of the same program, to share its cache.
    burst : BurstModel, optional
        Of the same program: what it has added up is used instead of walking the
        operations again.
    """
    if burst is not None:
        seen = SeenBursts(expected)
        latency = burst.expected_latency_ns(expected)
        energy = burst.costs.expected_energy_pj(seen)
        traffic = burst.costs.expected_bytes(seen)
    else:
        if is_pooled(program):
            composition = PooledComposition(program)
        latency = _latency(composition or Composition(program), expected)
        energy, traffic = _linear_costs(program, expected)
    return RequestExpectation(
        bursts=expected.bursts,
        committed_tokens=expected.committed,
        accepted_tokens=expected.accepted,
        wasted_verify_steps=(
            program.draft_length * expected.bursts - expected.accepted
        ),
        latency_ns=latency,
        energy_pj=energy,
        traffic_bytes=traffic,
        leakage_power_nw=total_power_nw(program),
        gated_power_nw=gated_power_nw(program),
    )


def _latency(composition: Composition, expected: ExpectedBursts) -> dict[str, float]:
    phases: dict[str, list[float]] = {"draft": [], "verify": [], "commit": []}
    mean = expected.committed / expected.bursts
    everywhere = composition.program.accounting.commit_size == "expected"
    for outcome, weight in expected.weights.items():
        committed = mean if everywhere else outcome.committed
        burst = composition.burst_ns(outcome.context_length, committed)
        for phase, values in phases.items():
            values.append(weight * getattr(burst, phase))
    return {phase: math.fsum(values) for phase, values in phases.items()}


def _linear_costs(
    program: BurstProgram, expected: ExpectedBursts
) -> tuple[dict[EnergyKey, float], dict[tuple[str, str], float]]:
    energy: dict[EnergyKey, list[float]] = defaultdict(list)
    traffic: dict[tuple[str, str], list[float]] = defaultdict(list)
    contexts: dict[tuple[int, int | None], float] = {}

    def contexts_seen(index: int, part: LayerStep) -> float:
        key = (index, part.context_cap)
        if key not in contexts:
            contexts[key] = math.fsum(
                bursts * part.context(context + index)
                for context, (bursts, _) in expected.by_context.items()
            )
        return contexts[key]

    for phase, index, part, times in parts(program):
        seen = contexts_seen(index, part)

        def total(cost: Cost, seen: float = seen, times: int = times) -> float:
            return times * (
                cost.base * expected.bursts
                + cost.per_token * seen
                + cost.per_committed * expected.committed
            )

        for legs in part.positions:
            for op in legs:
                for component, cost in op.energy_pj:
                    key = EnergyKey(phase, op.stage, component, op.channel, op.name)
                    energy[key].append(total(cost))
                if op.owner in MEMORIES:
                    traffic[op.owner, "read"].append(total(op.read_bytes))
                    traffic[op.owner, "write"].append(total(op.write_bytes))
    return (
        {key: math.fsum(values) for key, values in energy.items()},
        {key: math.fsum(values) for key, values in traffic.items()},
    )
