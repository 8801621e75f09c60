"""Delta readout: the DAC of each phase that has it enabled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from simcore.config.hardware import ComponentsConfig
from simcore.config.load import (
    config_dict,
    config_sha256,
    load_hardware,
    load_scenario,
)

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]


@pytest.fixture
def delta(hardware: Mapping) -> Callable[..., Mapping]:
    """A chip with a second DAC width and the delta readout given."""

    def make(**phases: Mapping) -> Mapping:
        wide = {
            "energy_pj_per_conversion": 0.5,
            "latency_ns_per_conversion": 3.0,
            "area_mm2_per_unit": 0.002,
        }
        hardware["components"]["dac"]["8"] = wide
        hardware["analog"]["delta_readout"] = phases
        return hardware

    return make


def components(data: Mapping) -> ComponentsConfig:
    found = load_hardware(data).components
    assert found is not None
    return found


def test_off_by_default(hardware: Mapping) -> None:
    assert components(hardware).delta_dac == {}


def test_each_enabled_phase_has_its_dac(delta: Callable[..., Mapping]) -> None:
    data = delta(draft={"enabled": True}, verify={"enabled": True, "dac_bits": 8})
    found = components(data)
    assert found.delta_dac["draft"] == found.dac
    assert found.delta_dac["verify"].energy_pj_per_conversion == 0.5
    chip = load_hardware(data)
    assert chip.analog is not None
    assert chip.analog.delta_dac_bits("draft") == 4
    assert chip.analog.delta_dac_bits("verify") == 8
    assert chip.origins["components.delta_dac.verify.latency_ns_per_conversion"] == (
        "explicit"
    )
    again = load_hardware(config_dict(chip))
    assert again == chip
    assert config_sha256(again) == config_sha256(chip)


def test_widths_of_a_disabled_phase_are_not_looked_up(
    delta: Callable[..., Mapping],
) -> None:
    data = delta(draft={"enabled": False, "dac_bits": 5}, verify={"dac_bits": 6})
    assert components(data).delta_dac == {}


@pytest.mark.parametrize("phase", ["draft", "verify"])
def test_an_absent_width(
    delta: Callable[..., Mapping], errors: Errors, phase: str
) -> None:
    (line,) = errors(load_hardware, delta(**{phase: {"enabled": True, "dac_bits": 5}}))
    path = f"analog.delta_readout.{phase}.dac_bits"
    assert line == (
        f"{path}: Requested {path}=5 is not in the library; Available DAC bits: 4, 8."
    )


def test_the_shared_width_is_told_once(
    delta: Callable[..., Mapping], errors: Errors
) -> None:
    data = delta(draft={"enabled": True}, verify={"enabled": True})
    data["analog"]["dac_bits"] = 5
    assert errors(load_hardware, data) == [
        "analog.dac_bits: Requested analog.dac_bits=5 is not in the library; "
        "Available DAC bits: 4, 8."
    ]


def test_overrides_look_the_width_up(
    delta: Callable[..., Mapping], scenario: Mapping, errors: Errors
) -> None:
    scenario["hardware"] = delta(draft={"enabled": True})
    path = "hardware.analog.delta_readout.draft.dac_bits"
    loaded = load_scenario(scenario, [f"{path}=8"])
    assert loaded.hardware.components is not None
    assert loaded.hardware.components.delta_dac["draft"].area_mm2_per_unit == 0.002
    # Of a resolved scenario only the looked-up numbers are left.
    (line,) = errors(load_scenario, loaded, [f"{path}=4"])
    assert "its components were looked up already" in line


def test_a_resolved_chip_has_the_dacs_that_are_enabled(
    delta: Callable[..., Mapping], errors: Errors
) -> None:
    resolved = config_dict(load_hardware(delta(verify={"enabled": True})))
    del resolved["components"]["delta_dac"]["verify"]
    assert errors(load_hardware, resolved) == [
        "components.delta_dac: does not fit analog.delta_readout.verify.enabled."
    ]
