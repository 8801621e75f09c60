"""Which model the HBM has, what each of its fields is for, and what is refused."""

from __future__ import annotations

import pytest

from simcore.analysis.sensitivity import sensitivity
from simcore.config.describe import DescribedValue, describe
from simcore.config.hbm import HbmChannelConfig
from simcore.config.hbm_presets import PRESETS
from simcore.config.load import config_dict, load_hardware, load_scenario
from simcore.config.plausibility import Finding, lint_hardware
from simcore.errors import ConfigError, ProgramError
from simcore.program.burst import scenario_program

HBM = "hardware.memory.hbm"
CHANNEL = (f"{HBM}.model=channel", f"{HBM}.channel.preset=HBM3")


def refused(*settings: str) -> str:
    with pytest.raises(ConfigError) as error:
        load_scenario("tiny", settings)
    (problem,) = error.value.problems
    return str(problem)


# -- what is refused ----------------------------------------------------------------


def test_a_chip_without_a_word_about_it_has_the_bandwidth_model() -> None:
    memory = load_hardware("toy-ideal").memory
    assert memory is not None
    assert (memory.hbm.model, memory.hbm.in_use) == ("bandwidth", None)
    assert memory.hbm.technology is memory.hbm


def test_the_channel_model_needs_a_channel() -> None:
    assert refused(f"{HBM}.model=channel").endswith(
        f"{HBM}.channel: missing; required with model 'channel'. "
        "For example channel: {preset: HBM3, stacks: 2}."
    )


def test_a_channel_that_nobody_asked_for_is_not_passed_over() -> None:
    assert f"{HBM}.model: missing beside channel" in refused(
        f"{HBM}.channel.preset=HBM3"
    )
    kept = load_scenario("tiny", [f"{HBM}.model=bandwidth", *CHANNEL[1:]])
    assert kept.hardware.memory is not None
    assert kept.hardware.memory.hbm.in_use is None


@pytest.mark.parametrize(
    ("setting", "said"),
    [
        ("preset=HBM4", "got 'HBM4'; allowed: HBM2, HBM2E, HBM3, HBM3E"),
        ("address_map=ro:14,ba:2", "address_map: got 'ro:14,ba:2'; must name bg"),
        ("stacks=0", "stacks: got 0"),
        ("refresh_stall_ns=3899.9999", "must be at least 1 ns below refresh_interval"),
        ("refresh=per_bank", "refresh: got 'per_bank'; allowed: all_bank, none"),
        ("read_energy_pj_per_byte=-1", "read_energy_pj_per_byte: got -1"),
    ],
)
def test_a_wrong_field_of_the_channel_is_named(setting: str, said: str) -> None:
    message = refused(*CHANNEL, f"{HBM}.channel.{setting}")
    assert f"{HBM}.channel." in message
    assert said in message


def test_the_channel_is_not_pooled_by_phases() -> None:
    scenario = load_scenario("tiny", [*CHANNEL, "accounting=selfspec-calculator"])
    with pytest.raises(ProgramError, match=r"or memory\.hbm\.model: bandwidth"):
        scenario_program(scenario)


def test_a_resolved_chip_with_a_channel_loads_again() -> None:
    chip = load_hardware("residual-analog-22nm")
    assert load_hardware(config_dict(chip)) == chip


# -- what is told -------------------------------------------------------------------


def values(*settings: str) -> dict[str, DescribedValue]:
    (found,) = describe("scenario", "tiny", settings)
    return {value.path.removeprefix("hardware."): value for value in found.values}


def test_what_the_model_does_not_read_is_said_to_be_idle() -> None:
    found = values(*CHANNEL)
    idle = {path for path, value in found.items() if value.idle is not None}
    ends = ("energy_pj_per_byte", "bandwidth_GBps", "latency_ns")
    assert idle == {
        f"memory.hbm.{way}_{end}" for way in ("read", "write") for end in ends
    }
    assert {found[path].idle for path in idle} == {"for model bandwidth"}
    other = values(f"{HBM}.model=bandwidth", *CHANNEL[1:])
    idle = {path for path, value in other.items() if value.idle is not None}
    assert idle == {path for path in other if path.startswith("memory.hbm.channel.")}
    assert not any(value.idle for value in values().values())


def test_a_null_of_the_channel_is_told_as_the_number_of_its_preset() -> None:
    found = values(*CHANNEL, f"{HBM}.channel.precharge_ns=15")
    interval = found["memory.hbm.channel.refresh_interval_ns"]
    known = PRESETS["HBM3"]["refresh_interval_ns"]
    assert (interval.value, interval.used, interval.unit) == (None, 3900.0, "ns")
    assert interval.origin == "preset HBM3"
    assert (interval.status, interval.source) == (known.status, known.source)
    assert interval.is_number
    own = found["memory.hbm.channel.precharge_ns"]
    assert (own.used, own.implied, own.origin) == (15.0, None, "--set")
    assert found["memory.hbm.channel.address_map"].used.startswith("ro:14")
    for name in HbmChannelConfig.model_fields:
        if name in PRESETS["HBM3"]:
            assert found[f"memory.hbm.channel.{name}"].used is not None


def test_json_tells_them_only_where_there_is_one() -> None:
    found = values(*CHANNEL)
    stacks = found["memory.hbm.channel.stacks"].to_dict()
    assert "implied" not in stacks
    assert "idle" not in stacks
    assert found["memory.hbm.read_latency_ns"].to_dict()["idle"] is not None
    assert found["memory.hbm.channel.precharge_ns"].to_dict()["implied"] > 0


# -- what is judged ------------------------------------------------------------------


def hbm_findings(*settings: str) -> list[Finding]:
    chip = load_scenario("tiny", settings).hardware
    found = lint_hardware(chip)
    return [each for each in found if each.rule.startswith("hbm_")]


def test_the_energy_that_is_judged_is_that_of_the_channel() -> None:
    plausible = f"{HBM}.channel.controller_energy_pj_per_byte=8"
    absurd = f"{HBM}.read_energy_pj_per_byte=9000"
    # Not in use: not judged.
    assert hbm_findings(*CHANNEL, plausible, absurd) == []
    (found,) = hbm_findings(
        *CHANNEL, plausible, f"{HBM}.channel.activate_energy_pj=90900"
    )
    assert found.path == "memory.hbm.channel.read_energy_pj_per_byte"
    assert found.value == pytest.approx(90900 / 1024 + 25.44 + 2.4 + 8)
    assert "activation, access, I/O and controller" in found.why


def test_rate_and_latency_point_at_the_channel() -> None:
    energy = f"{HBM}.channel.controller_energy_pj_per_byte=8"
    found = hbm_findings(
        *CHANNEL,
        energy,
        f"{HBM}.channel.stacks=64",
        f"{HBM}.channel.read_latency_ns=5000",
    )
    assert [each.path for each in found] == [
        "memory.hbm.channel.stacks",
        "memory.hbm.channel.read_latency_ns",
    ]


def test_scaling_hbm_scales_the_channel() -> None:
    found = sensitivity(load_scenario("tiny", CHANNEL), (0.1, 1.0, 10.0))
    rows = {(row.what, row.factor): row.metrics for row in found.rows}
    energy = [rows["HBM energy", f]["energy_pj_per_token"] for f in (0.1, 1.0, 10.0)]
    assert energy == sorted(energy)
    slope = (energy[2] - energy[1]) / 9
    assert energy[0] == pytest.approx(energy[1] - 0.9 * slope, rel=1e-9)
    assert slope > 0
    time = [rows["HBM bandwidth", f]["latency_ns_per_token"] for f in (0.1, 1.0, 10.0)]
    assert time[0] > time[1] > time[2]
    assert rows["HBM energy", 10.0]["latency_ns_per_token"] == time[1]
