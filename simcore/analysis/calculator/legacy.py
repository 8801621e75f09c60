"""Cost of one analog stage in the legacy mode: so much per MAC."""

from __future__ import annotations

from simcore.analysis.calculator.analog import StageCost
from simcore.analysis.calculator.cost import Cost
from simcore.analysis.calculator.counts import StageShape
from simcore.analysis.calculator.inputs import LegacyInput, Rate
from simcore.analysis.calculator.modes import StepKind
from simcore.config.model import Policy


def legacy_stage(
    legacy: LegacyInput,
    shape: StageShape,
    kind: StepKind,
    policy: Policy,
    *,
    reuses_draft: bool,
    adder: Rate,
) -> StageCost:
    """Cost of one stage for one token.

    Parameters
    ----------
    legacy : LegacyInput
        Costs per MAC.
    shape : StageShape
        Matrices of the stage.
    kind : StepKind
        Kind of step.
    policy : {"draft", "full"}
        How the stage is drafted.
    reuses_draft : bool
        Verification reuses what drafting stored.
    adder : Rate
        `buffers_add` of the phase.
    """
    full = policy == "full"
    if kind == "draft":
        rate = legacy.full if full else legacy.draft
        # Storing for reuse and adding the two paths are charged one by one.
        additions = [1] * (int(reuses_draft) + int(full))
    elif kind == "verify_bonus" or not reuses_draft:
        rate, additions = legacy.full, [1]
    elif full:
        rate, additions = Rate(0.0, 0.0), [1]
    else:
        rate, additions = legacy.verify_reuse, [2]
    read = Cost(*rate).times(shape.weights)
    adds = Cost()
    for per_output in additions:
        n = shape.outputs * per_output
        adds = adds.plus(
            Cost(n * adder.energy_pj, max(0.0, n * adder.latency_ns - read.latency_ns))
        )
    return StageCost(read, adds, {"arrays": read}, None)
