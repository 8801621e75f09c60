"""Builds calculator inputs from the dictionaries of the public format, and compares.

The calculator's configuration is written with its resolved numbers (`specs`), so these
tests do not depend on how files are loaded.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

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
    ArraySpec,
    ConverterSpec,
    LeakagePowerConfig,
    PeripheryConfig,
    SocConfig,
)
from simcore.config.memory import MemoryConfig

Plain = Mapping[str, Any]

_LEGACY = {
    "attention_qk": "digital_attention",
    "attention_softmax": "digital_softmax",
    "attention_pv": "digital_attention",
    "ffn_activation": "digital_elementwise",
    "ffn_gate_multiply": "digital_elementwise",
    "kv_cache_update": "kv_cache",
}
_COARSE = {
    "attention_qk": "attention",
    "attention_softmax": "softmax",
    "attention_pv": "attention",
    "ffn_activation": "elementwise",
    "ffn_gate_multiply": "elementwise",
    "kv_cache_update": "kv_cache",
}


def chip_of(model: Plain, hardware: Plain) -> CalculatorInput:
    """Calculator input from a resolved model and hardware of the public format."""
    legacy = "costs" in hardware
    analog = _legacy(hardware["costs"]) if legacy else _knobs(hardware)
    soc = dict(hardware.get("soc", {}))
    source = hardware["costs"] if legacy else hardware["specs"]
    memory = hardware.get("memory")
    return CalculatorInput(
        model=model_of(model),
        analog=analog,
        features=_legacy_features(source) if legacy else _features(source),
        digital_overhead_area_mm2_per_layer=source.get(
            "digital_overhead_area_mm2_per_layer", 0.0
        ),
        soc=SocConfig.model_validate(soc),
        memory=None if memory is None else MemoryConfig.model_validate(memory),
        leakage_power=LeakagePowerConfig.model_validate(
            hardware.get("leakage_power", {})
        ),
        reuses_draft=hardware.get("reuse_policy", "reuse") == "reuse",
        schedule=soc.get("schedule", "serialized"),
    )


def model_of(model: Plain) -> ModelInput:
    policy = model.get("draft_policy", {})
    default = policy.get("default", {})
    per_layer = policy.get("per_layer", {})
    layers: dict[LayerPolicies, int] = {}
    for layer in range(model["n_layers"]):
        blocks = per_layer.get(str(layer), default)
        key = LayerPolicies(*(blocks.get(b, "draft") for b in ("qkv", "wo", "ffn")))
        layers[key] = layers.get(key, 0) + 1
    return ModelInput(
        d_model=model["d_model"],
        n_heads=model["n_heads"],
        d_ff=model["effective_d_ff"],
        gated=model.get("ffn_type", "mlp") == "swiglu",
        activation_bits=model["activation_bits"],
        layers=layers,
    )


def _converter(spec: Plain) -> ConverterSpec:
    fields = ConverterSpec.model_fields
    return ConverterSpec.model_validate({k: v for k, v in spec.items() if k in fields})


def _knobs(hardware: Plain) -> AnalogInput:
    analog, specs = hardware["analog"], hardware["specs"]
    split = analog["adc"].get("num_columns_per_adc") or {}
    deltas = {
        phase: DeltaDac(spec["bits"], _converter(spec)) if spec else None
        for phase, spec in {
            "draft": None,
            "verify": None,
            **specs.get("delta_dac", {}),
        }.items()
    }
    return AnalogInput(
        xbar_size=analog["xbar_size"],
        dac_bits=analog["dac_bits"],
        draft_columns_per_adc=split.get("draft", analog["num_columns_per_adc"]),
        residual_columns_per_adc=split.get("residual", analog["num_columns_per_adc"]),
        dac=_converter(specs["dac"]),
        adc_draft=_converter(specs["adc_draft"]),
        adc_residual=_converter(specs["adc_residual"]),
        array=ArraySpec.model_validate(specs["array"]),
        periphery=PeripheryConfig.model_validate(analog.get("periphery", {})),
        draft_delta_dac=deltas["draft"],
        verify_delta_dac=deltas["verify"],
    )


def _rate(spec: Plain) -> Rate:
    return Rate(spec["energy_pj_per_mac"], spec["latency_ns_per_mac"])


def _legacy(costs: Plain) -> LegacyInput:
    return LegacyInput(
        draft=_rate(costs["analog_draft"]),
        full=_rate(costs["analog_full"]),
        verify_reuse=_rate(costs["analog_verify_reuse"]),
        area_mm2_per_weight=costs["analog_weight_area"]["area_mm2_per_weight"],
    )


def _features(specs: Plain) -> dict[str, FeatureRate]:
    """From resolved specs, which do not say where a coefficient is from."""
    return {
        name: FeatureRate(
            _rate(specs["digital_features"][name]), f"mapped:digital.{_COARSE[name]}"
        )
        for name in FEATURES
    }


def _legacy_features(costs: Plain) -> dict[str, FeatureRate]:
    return {
        name: FeatureRate(_rate(costs[_LEGACY[name]]), f"mapped:costs.{_LEGACY[name]}")
        for name in FEATURES
    }


def numbers(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every leaf of nested dictionaries and lists with its path."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from numbers(item, f"{path}.{key}" if path else str(key))
    elif isinstance(value, list | tuple):
        for i, item in enumerate(value):
            yield from numbers(item, f"{path}[{i}]")
    else:
        yield path, value
