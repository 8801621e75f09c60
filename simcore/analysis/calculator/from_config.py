"""What the calculator sees of our configuration.

The public format has neither grouped heads nor head_dim: of a model only what that
format knows is used.
"""

from __future__ import annotations

from collections import Counter

from simcore.analysis.calculator.inputs import (
    FEATURES,
    AnalogInput,
    CalculatorInput,
    DeltaDac,
    FeatureRate,
    LayerPolicies,
    LegacyInput,
    ModelInput,
    Rate,
)
from simcore.config.hardware import (
    AnalogConfig,
    ComponentsConfig,
    DigitalConfig,
    HardwareConfig,
    LegacyCostsConfig,
    MacCoefficient,
    Phase,
    Schedule,
)
from simcore.config.model import ModelConfig
from simcore.errors import ConfigError, Problem


def calculator_input(
    model: ModelConfig, hardware: HardwareConfig, schedule: Schedule | None = None
) -> CalculatorInput:
    """What the calculator sees of a model and a chip.

    Parameters
    ----------
    model : ModelConfig
        Its n_kv_heads, head_dim, vocabulary and windows are not looked at.
    hardware : HardwareConfig
        With knobs (`analog`) or legacy `costs`.
    schedule : {"serialized", "layer-pipelined"}, optional
        Default: the hardware's.

    Raises
    ------
    ConfigError
        If d_model is not divisible by n_heads.
    """
    costs, components = hardware.costs, hardware.components
    analog: AnalogInput | LegacyInput
    if costs is not None:
        analog = LegacyInput(
            draft=_rate(costs.analog_draft),
            full=_rate(costs.analog_full),
            verify_reuse=_rate(costs.analog_verify_reuse),
            area_mm2_per_weight=costs.analog_weight_area.area_mm2_per_weight,
        )
        features = _features(costs)
        overhead = costs.digital_overhead_area_mm2_per_layer
    else:
        # Hardware with neither form does not load.
        assert hardware.analog is not None
        assert components is not None
        analog = _knobs(hardware.analog, components)
        features = _features(components.digital)
        overhead = components.digital.digital_overhead_area_mm2_per_layer
    return CalculatorInput(
        model=model_input(model),
        analog=analog,
        features=features,
        digital_overhead_area_mm2_per_layer=overhead,
        soc=hardware.soc,
        memory=hardware.memory,
        leakage_power=hardware.leakage_power,
        reuses_draft=hardware.reuse_policy == "reuse",
        schedule=schedule or hardware.soc.schedule,
    )


def model_input(model: ModelConfig) -> ModelInput:
    """Shapes of a model, layers with equal policies grouped.

    Raises
    ------
    ConfigError
        If d_model is not divisible by n_heads: the format has no head_dim.
    """
    if model.d_model % model.n_heads:
        raise ConfigError(
            [
                Problem(
                    "model.d_model",
                    got=str(model.d_model),
                    allowed=f"must be divisible by n_heads ({model.n_heads})",
                    hint="Accounting selfspec-calculator derives head_dim.",
                )
            ]
        )
    layers: Counter[LayerPolicies] = Counter()
    for layer in range(model.n_layers):
        policy = model.block_policy(layer)
        layers[LayerPolicies(policy.qkv, policy.wo, policy.ffn)] += 1
    return ModelInput(
        d_model=model.d_model,
        n_heads=model.n_heads,
        d_ff=model.d_ff,
        gated=model.gated,
        activation_bits=model.activation_bits,
        layers=dict(layers),
    )


def _rate(coefficient: MacCoefficient) -> Rate:
    return Rate(coefficient.energy_pj_per_mac, coefficient.latency_ns_per_mac)


def _knobs(analog: AnalogConfig, components: ComponentsConfig) -> AnalogInput:
    return AnalogInput(
        xbar_size=analog.xbar_size,
        dac_bits=analog.dac_bits,
        draft_columns_per_adc=analog.draft_columns_per_adc,
        residual_columns_per_adc=analog.residual_columns_per_adc,
        dac=components.dac,
        adc_draft=components.adc_draft,
        adc_residual=components.adc_residual,
        array=components.array,
        periphery=analog.periphery,
        draft_delta_dac=_delta_dac(analog, components, "draft"),
        verify_delta_dac=_delta_dac(analog, components, "verify"),
    )


def _delta_dac(
    analog: AnalogConfig, components: ComponentsConfig, phase: Phase
) -> DeltaDac | None:
    spec = components.delta_dac.get(phase)
    if spec is None:
        return None
    return DeltaDac(analog.delta_dac_bits(phase), spec)


def _features(digital: DigitalConfig | LegacyCostsConfig) -> dict[str, FeatureRate]:
    found = {}
    for name in FEATURES:
        own = digital.feature(name)
        rate = Rate(own.energy_pj_per_op, own.latency_ns_per_op)
        found[name] = FeatureRate(rate, own.origin)
    return found
