"""Cost of the digital features: the only computation that grows with the context.

L counts past tokens, the current one excluded. Operations run one after the other,
except that the attention units share qk and pv.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcore.analysis.calculator.cost import Cost
from simcore.analysis.calculator.inputs import CalculatorInput

#: Stage and component that a feature is reported under.
FEATURE_PLACE = {
    "attention_qk": ("qk", "attention_engine"),
    "attention_softmax": ("softmax", "softmax_unit"),
    "attention_pv": ("pv", "attention_engine"),
    "ffn_activation": ("elementwise", "elementwise_unit"),
    "ffn_gate_multiply": ("elementwise", "elementwise_unit"),
    "kv_cache_update": ("kv_cache", "kv_cache"),
}
_SHARED_BY_UNITS = ("attention_qk", "attention_pv")


@dataclass(frozen=True, slots=True)
class FeatureLoad:
    """One feature in one layer and step.

    Attributes
    ----------
    ops : float
        Operations whatever the context.
    ops_per_context_token : float
        Operations for each token of context.
    per_op : Cost
        Of one operation.
    """

    ops: float
    ops_per_context_token: float
    per_op: Cost

    def total_ops(self, steps: float, context_tokens: float) -> float:
        """Operations of `steps` steps that see `context_tokens` tokens in all."""
        return steps * self.ops + context_tokens * self.ops_per_context_token


def feature_loads(chip: CalculatorInput) -> dict[str, FeatureLoad]:
    """Load of each feature in one layer and step."""
    model = chip.model
    fixed = {
        "ffn_activation": model.d_ff,
        "ffn_gate_multiply": model.d_ff if model.gated else 0,
        # With memories modelled, moving KV is charged there.
        "kv_cache_update": model.d_model if chip.memory is None else 0,
    }
    growing = {
        "attention_qk": model.d_model,
        "attention_softmax": model.n_heads,
        "attention_pv": model.d_model,
    }
    units = chip.soc.attention_cim_units
    loads = {}
    for name, feature in chip.features.items():
        energy, latency = feature.rate
        if name in _SHARED_BY_UNITS:
            latency /= units
        loads[name] = FeatureLoad(
            fixed.get(name, 0), growing.get(name, 0), Cost(energy, latency)
        )
    return loads


def layer_latency_ns(loads: dict[str, FeatureLoad]) -> tuple[float, float]:
    """Latency of one layer and step: what is fixed, and per token of context."""
    return (
        sum(load.ops * load.per_op.latency_ns for load in loads.values()),
        sum(
            load.ops_per_context_token * load.per_op.latency_ns
            for load in loads.values()
        ),
    )
