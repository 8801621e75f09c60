"""The HBM channel as written: presets, what differs, and what is refused."""

from __future__ import annotations

import pytest

from simcore.config.hbm import HbmChannelConfig
from simcore.config.load import load_hardware, load_scenario
from simcore.errors import ConfigError, ProgramError
from simcore.program.burst import scenario_program

CHANNEL = (
    "hardware.memory.hbm.model=channel",
    "hardware.memory.hbm.channel.preset=HBM3",
)


def refused(*changes: str) -> str:
    with pytest.raises(ConfigError) as caught:
        load_scenario("tiny", changes)
    return str(caught.value)


def test_a_channel_is_needed_where_it_is_the_model() -> None:
    text = refused("hardware.memory.hbm.model=channel")
    assert "hardware.memory.hbm.channel: missing; required with model 'channel'" in text


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ("preset=HBM5", "preset: got 'HBM5'; allowed: HBM2, HBM2E, HBM3, HBM3E"),
        ("stacks=0", "stacks: got 0; must be an integer between 1 and 64"),
        ("address_map=ro:14", "must name ba, bg, pc, ch as well"),
        ("address_map=ro:14,zz:3", "must be name:bits parts joined by commas"),
        ("address_map=ro:14,ro:2", "'ro' comes twice"),
        (
            "refresh_stall_ns=4000",
            "must be at least 1 ns below refresh_interval_ns (3900)",
        ),
        ("refresh=sometimes", "refresh: got 'sometimes'; allowed: all_bank, none"),
    ],
)
def test_what_is_wrong_in_a_channel_is_told_at_the_field(change, message) -> None:
    text = refused(*CHANNEL, f"hardware.memory.hbm.channel.{change}")
    assert "hardware.memory.hbm.channel" in text
    assert message in text


def test_numbers_given_win_over_the_preset() -> None:
    channel = HbmChannelConfig(preset="HBM2", burst_ns=1.0)
    assert channel.value("burst_ns") == 1.0
    assert channel.value("read_latency_ns") == 14.0
    assert channel.bytes_per_ns == pytest.approx(512.0)


def test_the_reference_chip_pays_as_much_a_byte_as_its_bandwidth_model() -> None:
    hbm = load_hardware("residual-analog-22nm").memory.hbm
    assert hbm.model == "channel"
    technology = hbm.technology
    assert technology.read_energy_pj_per_byte == pytest.approx(
        hbm.read_energy_pj_per_byte, rel=0.01
    )
    assert technology.read_latency_ns == pytest.approx(34.065)
    assert technology.read_bandwidth_GBps == pytest.approx(2 * 819.2 * 0.998)


def test_a_channel_cannot_charge_latency_once_a_phase() -> None:
    scenario = load_scenario("tiny", [*CHANNEL, "accounting.memory_latency=per_phase"])
    with pytest.raises(ProgramError, match="times every transfer"):
        scenario_program(scenario)
