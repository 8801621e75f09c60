from __future__ import annotations

import pytest
from pydantic import ValidationError

from simcore.config.hardware import (
    FEATURES,
    AdcConfig,
    AnalogConfig,
    BuffersAddConfig,
    BuffersAddOverride,
    ColumnsPerAdc,
    DigitalConfig,
    FeatureCoefficient,
)
from simcore.config.memory import KvCacheConfig, KvFormat


def coefficient(energy: float) -> FeatureCoefficient:
    return FeatureCoefficient(
        energy_pj_per_op=energy, latency_ns_per_op=1.0, origin="test", status="proxy"
    )


def analog(columns: int, split: ColumnsPerAdc | None = None) -> AnalogConfig:
    return AnalogConfig(
        xbar_size=128,
        dac_bits=4,
        num_columns_per_adc=columns,
        adc=AdcConfig(draft_bits=4, residual_bits=12, num_columns_per_adc=split),
    )


def test_columns_per_adc_are_shared_unless_split() -> None:
    shared = analog(16)
    assert (shared.draft_columns_per_adc, shared.residual_columns_per_adc) == (16, 16)
    split = analog(16, ColumnsPerAdc(draft=8, residual=32))
    assert (split.draft_columns_per_adc, split.residual_columns_per_adc) == (8, 32)


def test_columns_must_divide_the_crossbar() -> None:
    with pytest.raises(
        ValidationError,
        match=r"must be divisible by analog\.adc\.num_columns_per_adc\.residual \(48\)",
    ):
        analog(16, ColumnsPerAdc(draft=8, residual=48))


def test_a_phase_override_beats_the_base_value_field_by_field() -> None:
    adders = BuffersAddConfig(
        energy_pj_per_op=1.0,
        latency_ns_per_op=2.0,
        draft=BuffersAddOverride(latency_ns_per_op=0.0),
    )
    assert adders.for_phase("draft") == (1.0, 0.0)
    assert adders.for_phase("verify") == (1.0, 2.0)


def test_the_sram_format_is_hbms_unless_given() -> None:
    assert KvCacheConfig().sram_format == KvFormat()
    own = KvFormat(value_bytes_per_elem=2)
    assert KvCacheConfig(sram=own).sram_format == own


def test_every_feature_has_a_coefficient() -> None:
    assert len(FEATURES) == 14
    digital = DigitalConfig(features={name: coefficient(1.0) for name in FEATURES})
    assert digital.feature("norm").energy_pj_per_op == 1.0
    with pytest.raises(KeyError):
        digital.feature("nrom")
    with pytest.raises(ValidationError, match=r"features\.rope: missing"):
        DigitalConfig(
            features={name: coefficient(1.0) for name in FEATURES if name != "rope"}
        )
