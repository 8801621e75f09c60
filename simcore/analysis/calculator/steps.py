"""Cost of one step through all layers, apart from what grows with the context.

Layers with the same draft policies cost the same: stages are computed once for each
policy, layers once for each combination.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcore.analysis.calculator.analog import NOTHING, StageCost, analog_stage
from simcore.analysis.calculator.cost import Cost, Costs, add_costs
from simcore.analysis.calculator.counts import (
    ANALOG_STAGES,
    StageShape,
    activation_slices,
    stage_shapes,
)
from simcore.analysis.calculator.inputs import (
    AnalogInput,
    CalculatorInput,
    LegacyInput,
    Rate,
)
from simcore.analysis.calculator.legacy import legacy_stage
from simcore.analysis.calculator.modes import StepKind, phase_of, read_mode
from simcore.config.model import Policy


@dataclass(frozen=True, slots=True)
class StepCost:
    """Analog reads, additions and control of one step.

    Attributes
    ----------
    stages, components : Costs
        Of all layers.
    counts : dict of str to float or None
        Activations and conversions of all layers; None in the legacy mode.
    slowest_layer_ns : float
        The same costs' latency in the layer where it is largest.
    """

    stages: Costs
    components: Costs
    counts: dict[str, float] | None
    slowest_layer_ns: float


def step_cost(chip: CalculatorInput, kind: StepKind) -> StepCost:
    """Cost of one step of a kind.

    Parameters
    ----------
    chip : CalculatorInput
        Model and hardware.
    kind : StepKind
        Kind of step.
    """
    control = Cost(
        chip.soc.control.energy_pj_per_token, chip.soc.control.latency_ns_per_token
    )
    n_layers = chip.model.n_layers
    stages: Costs = {"control": control.times(n_layers)}
    components: Costs = {"control": stages["control"]}
    counts: dict[str, float] = {}
    costs = _stage_costs(chip, kind)
    for (stage, _), (cost, layers) in costs.items():
        add_costs(stages, {stage: cost.read, "buffers_add": cost.buffers_add}, layers)
        add_costs(components, cost.components, layers)
        add_costs(components, {"buffers_add": cost.buffers_add}, layers)
        for name, n in (cost.counts or {}).items():
            counts[name] = counts.get(name, 0.0) + n * layers
    slowest_ns = max(
        sum(
            costs[stage, policy][0].read.latency_ns
            + costs[stage, policy][0].buffers_add.latency_ns
            for stage, policy in zip(ANALOG_STAGES, policies, strict=True)
        )
        for policies in chip.model.layers
    )
    return StepCost(
        stages=stages,
        components=components,
        counts=None if isinstance(chip.analog, LegacyInput) else counts,
        slowest_layer_ns=slowest_ns + control.latency_ns,
    )


def _stage_costs(
    chip: CalculatorInput, kind: StepKind
) -> dict[tuple[str, Policy], tuple[StageCost, int]]:
    """Cost of each stage under each policy that occurs, and in how many layers."""
    shapes = stage_shapes(chip.model)
    layers: dict[tuple[str, Policy], int] = {}
    for policies, n in chip.model.layers.items():
        for key in zip(ANALOG_STAGES, policies, strict=True):
            layers[key] = layers.get(key, 0) + n
    adder = Rate(*chip.soc.buffers_add.for_phase(phase_of(kind)))
    return {
        (stage, policy): (_stage_cost(chip, shapes[stage], kind, policy, adder), n)
        for (stage, policy), n in layers.items()
    }


def _stage_cost(
    chip: CalculatorInput,
    shape: StageShape,
    kind: StepKind,
    policy: Policy,
    adder: Rate,
) -> StageCost:
    if isinstance(chip.analog, LegacyInput):
        return legacy_stage(
            chip.analog,
            shape,
            kind,
            policy,
            reuses_draft=chip.reuses_draft,
            adder=adder,
        )
    mode = read_mode(kind, policy, chip.reuses_draft)
    if mode is None:
        return NOTHING
    analog: AnalogInput = chip.analog
    soc = chip.soc
    bits = (
        soc.draft_activation_bits
        if mode.precision == "draft"
        else soc.verify_activation_bits
    )
    return analog_stage(
        analog,
        shape,
        mode,
        slices=activation_slices(analog, bits or chip.model.activation_bits),
        delta_dac=(
            analog.draft_delta_dac if kind == "draft" else analog.verify_delta_dac
        ),
        adder=adder,
    )
