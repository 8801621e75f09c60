"""Everything the calculator reads of a model and a chip, resolved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from simcore.config.hardware import (
    ArraySpec,
    ConverterSpec,
    LeakagePowerConfig,
    PeripheryConfig,
    Schedule,
    SocConfig,
)
from simcore.config.memory import MemoryConfig
from simcore.config.model import Policy

#: The six digital features that the public calculator counts, in report order.
FEATURES = (
    "attention_qk",
    "attention_softmax",
    "attention_pv",
    "ffn_activation",
    "ffn_gate_multiply",
    "kv_cache_update",
)


class Rate(NamedTuple):
    """Cost of one operation (a MAC, an add, a conversion): pJ and ns."""

    energy_pj: float
    latency_ns: float


class LayerPolicies(NamedTuple):
    """Draft policies of the three analog stages of a layer."""

    qkv: Policy
    wo: Policy
    ffn: Policy


@dataclass(frozen=True, slots=True)
class ModelInput:
    """Shapes the calculator uses.

    Attributes
    ----------
    layers : dict of LayerPolicies to int
        How many layers have each combination of policies.
    """

    d_model: int
    n_heads: int
    d_ff: int
    gated: bool
    activation_bits: int
    layers: dict[LayerPolicies, int]

    @property
    def n_layers(self) -> int:
        """Transformer layers."""
        return sum(self.layers.values())


@dataclass(frozen=True, slots=True)
class DeltaDac:
    """DAC of an enabled delta readout."""

    bits: int
    spec: ConverterSpec


@dataclass(frozen=True, slots=True)
class AnalogInput:
    """Crossbars described by knobs and components."""

    xbar_size: int
    dac_bits: int
    draft_columns_per_adc: int
    residual_columns_per_adc: int
    dac: ConverterSpec
    adc_draft: ConverterSpec
    adc_residual: ConverterSpec
    array: ArraySpec
    periphery: PeripheryConfig
    draft_delta_dac: DeltaDac | None = None
    verify_delta_dac: DeltaDac | None = None


@dataclass(frozen=True, slots=True)
class LegacyInput:
    """Crossbars described by a cost per MAC."""

    draft: Rate
    full: Rate
    verify_reuse: Rate
    area_mm2_per_weight: float


@dataclass(frozen=True, slots=True)
class FeatureRate:
    """Cost of one operation of a digital feature, and which coefficient it is."""

    rate: Rate
    origin: str


@dataclass(frozen=True, slots=True)
class CalculatorInput:
    """Model and hardware as the calculator sees them.

    Attributes
    ----------
    features : dict of str to FeatureRate
        One for each of `FEATURES`.
    """

    model: ModelInput
    analog: AnalogInput | LegacyInput
    features: dict[str, FeatureRate]
    digital_overhead_area_mm2_per_layer: float
    soc: SocConfig
    memory: MemoryConfig | None
    leakage_power: LeakagePowerConfig
    reuses_draft: bool
    schedule: Schedule
