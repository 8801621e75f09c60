"""The phases of one burst: how many steps, at which contexts, and their cost.

All costs but those of memory are linear in context, so a phase is its number of steps
and the sum of its contexts; no step is costed one by one.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from simcore.analysis.calculator.cost import Cost, Costs, add_costs, total_cost
from simcore.analysis.calculator.digital import FEATURE_PLACE, FeatureLoad
from simcore.analysis.calculator.memory import (
    TECHNOLOGIES,
    FloatArray,
    KvBytes,
    MovementCost,
    Traffic,
    movement_cost,
    steps_traffic,
)
from simcore.analysis.calculator.modes import STEP_KINDS, StepKind
from simcore.analysis.calculator.steps import StepCost
from simcore.config.memory import MemoryConfig

#: Stage buckets of a breakdown, in report order.
STAGES = (
    "qkv",
    "wo",
    "ffn",
    "qk",
    "pv",
    "softmax",
    "elementwise",
    "kv_cache",
    "buffers_add",
    "control",
)
#: Component buckets of a breakdown, in report order.
COMPONENTS = (
    "arrays",
    "dac",
    "adc_draft",
    "adc_residual",
    "input_registers",
    "output_registers",
    "tia",
    "snh",
    "mux",
    "io_buffers",
    "subarray_switches",
    "write_drivers",
    "attention_engine",
    "softmax_unit",
    "elementwise_unit",
    "kv_cache",
    "buffers_add",
    "control",
    "sram",
    "hbm",
    "fabric",
)
COUNTS = (
    "array_activations",
    "dac_conversions",
    "adc_draft_conversions",
    "adc_residual_conversions",
)


@dataclass(frozen=True, slots=True)
class FeatureCost:
    """One digital feature in a phase: operations, pJ and ns."""

    ops: float = 0.0
    cost: Cost = field(default_factory=Cost)


@dataclass(frozen=True, slots=True)
class PhaseBreakdown:
    """One phase of a burst, serialized whatever the schedule.

    Attributes
    ----------
    cost : Cost
        Sum of the stages; leakage is not in it.
    stages, components, channels : Costs
        By bucket. Component latencies are occupancies and overlap.
    features : dict of str to FeatureCost
        By digital feature.
    counts : dict of str to float or None
        Activations and conversions; None in the legacy mode.
    traffic_bytes : dict of str to float or None
        `<technology>_read` and `_write`; None without memories.
    """

    cost: Cost
    stages: Costs
    components: Costs
    channels: Costs
    features: dict[str, FeatureCost]
    counts: dict[str, float] | None
    traffic_bytes: dict[str, float] | None


@dataclass(frozen=True, slots=True)
class PhaseModel:
    """One phase of a burst at any prompt length.

    Attributes
    ----------
    kind : StepKind
        Which phase.
    steps : int
        Its steps.
    context_offset : int
        Sum over its steps of the context beyond the prompt.
    step : StepCost
        What each step costs apart from digital features.
    per_burst : Cost
        Control that is charged once, of all layers.
    loads : dict of str to FeatureLoad
        Digital features of one layer and step.
    n_layers : int
        Layers.
    memory : MemoryConfig or None
        Memories.
    kv : KvBytes or None
        Bytes of a token, with memories.
    speculative_reads : int
        Tokens read from SRAM.
    committed : float
        Tokens written to HBM.
    """

    kind: StepKind
    steps: int
    context_offset: int
    step: StepCost
    per_burst: Cost
    loads: dict[str, FeatureLoad]
    n_layers: int
    memory: MemoryConfig | None
    kv: KvBytes | None
    speculative_reads: int
    committed: float

    def compute(self, prompt_lengths: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Energy in pJ and latency in ns of everything but memory.

        Parameters
        ----------
        prompt_lengths : ndarray of float, shape (n,)
            Prompt lengths.
        """
        fixed = total_cost(self.step.stages.values()).times(self.steps)
        fixed = fixed.plus(self.per_burst)
        growing = Cost()
        for load in self.loads.values():
            here = load.total_ops(self.steps, self.context_offset) * self.n_layers
            slope = load.total_ops(0, self.steps) * self.n_layers
            fixed = fixed.plus(load.per_op.times(here))
            growing = growing.plus(load.per_op.times(slope))
        return (
            fixed.energy_pj + growing.energy_pj * prompt_lengths,
            fixed.latency_ns + growing.latency_ns * prompt_lengths,
        )

    def movement(
        self, prompt_lengths: FloatArray
    ) -> tuple[Traffic, MovementCost] | None:
        """Traffic of the phase and its cost; None without memories.

        Parameters
        ----------
        prompt_lengths : ndarray of float, shape (n,)
            Prompt lengths.
        """
        if self.memory is None or self.kv is None:
            return None
        traffic = steps_traffic(
            self.kv,
            prompt_lengths,
            steps=self.steps,
            speculative_reads=self.speculative_reads,
            committed=self.committed,
        )
        return traffic, movement_cost(self.memory, traffic)

    def totals(self, prompt_lengths: FloatArray) -> tuple[FloatArray, FloatArray]:
        """Energy in pJ and latency in ns with memory, each of shape (n,)."""
        energy, latency = self.compute(prompt_lengths)
        moved = self.movement(prompt_lengths)
        if moved is None:
            return energy, latency
        return energy + moved[1].total_energy_pj, latency + moved[1].latency_ns

    def breakdown(self, prompt_length: int) -> PhaseBreakdown:
        """Where energy and time of the phase go at one prompt length."""
        stages: Costs = dict.fromkeys(STAGES, Cost())
        components: Costs = dict.fromkeys(COMPONENTS, Cost())
        add_costs(stages, self.step.stages, self.steps)
        add_costs(components, self.step.components, self.steps)
        for bucket in (stages, components):
            add_costs(bucket, {"control": self.per_burst})
        features = {}
        context_tokens = self.steps * prompt_length + self.context_offset
        for name, load in self.loads.items():
            ops = load.total_ops(self.steps, context_tokens) * self.n_layers
            cost = load.per_op.times(ops)
            features[name] = FeatureCost(ops, cost)
            stage, component = FEATURE_PLACE[name]
            add_costs(stages, {stage: cost})
            add_costs(components, {component: cost})
        channels = {"compute": total_cost(stages.values()), "movement": Cost()}
        moved = self.movement(np.array([float(prompt_length)]))
        traffic_bytes = None
        if moved is not None:
            traffic, movement = moved
            channels["movement"] = Cost(
                movement.total_energy_pj.item(), movement.latency_ns.item()
            )
            add_costs(stages, {"kv_cache": channels["movement"]})
            traffic_bytes = {}
            for name in TECHNOLOGIES:
                components[name] = Cost(
                    movement.energy_pj[name].item(), movement.busy_ns[name].item()
                )
                read, written = traffic.of(name)
                traffic_bytes[f"{name}_read"] = read.item()
                traffic_bytes[f"{name}_write"] = written.item()
        return PhaseBreakdown(
            cost=total_cost(stages.values()),
            stages=stages,
            components=components,
            channels=channels,
            features=features,
            counts=_times(self.step.counts, self.steps),
            traffic_bytes=traffic_bytes,
        )


def burst_breakdown(
    phases: dict[StepKind, PhaseModel], prompt_length: int
) -> dict[str, PhaseBreakdown]:
    """Breakdown of each phase and their total.

    Parameters
    ----------
    phases : dict of StepKind to PhaseModel
        All three.
    prompt_length : int
        Tokens before the burst.
    """
    found: dict[str, PhaseBreakdown] = {
        kind: phases[kind].breakdown(prompt_length) for kind in STEP_KINDS
    }
    found["total"] = _sum(list(found.values()))
    return found


def _sum(parts: list[PhaseBreakdown]) -> PhaseBreakdown:
    stages: Costs = {}
    components: Costs = {}
    channels: Costs = {}
    features: dict[str, FeatureCost] = {}
    for part in parts:
        add_costs(stages, part.stages)
        add_costs(components, part.components)
        add_costs(channels, part.channels)
        for name, one in part.features.items():
            old = features.get(name, FeatureCost())
            features[name] = FeatureCost(old.ops + one.ops, old.cost.plus(one.cost))
    return PhaseBreakdown(
        cost=total_cost(part.cost for part in parts),
        stages=stages,
        components=components,
        channels=channels,
        features=features,
        counts=_sum_values([part.counts for part in parts]),
        traffic_bytes=_sum_values([part.traffic_bytes for part in parts]),
    )


def _times(values: dict[str, float] | None, n: int) -> dict[str, float] | None:
    if values is None:
        return None
    return {name: values.get(name, 0.0) * n for name in COUNTS}


def _sum_values(tables: list[dict[str, float] | None]) -> dict[str, float] | None:
    present = [table for table in tables if table is not None]
    if not present:
        return None
    return {name: sum(table[name] for table in present) for name in present[0]}
