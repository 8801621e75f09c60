"""`simcore check`: every shipped file, and doubts that fail only when asked to."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simcore.config.shipped import library_files, shipped_files

PARTS = [
    (kind, path)
    for kind in ("hardware", "model", "acceptance")
    for path in shipped_files(kind).values()
] + [("library", path) for path in library_files()]
CHIP = (
    "library: puma_like_v1\nanalog: {xbar_size: 128, dac_bits: 4, "
    "num_columns_per_adc: 16, adc: {draft_bits: 4, residual_bits: 12}}\n"
)


@pytest.mark.parametrize(
    "path", shipped_files("scenario").values(), ids=lambda p: p.stem
)
def test_every_shipped_scenario_is_checked_and_its_numbers_judged(cli, path):
    outcome = cli("check", str(path), "--strict")
    assert outcome.code == 0
    assert "\n\nPlausibility: 0 warnings, " in outcome.out


@pytest.mark.parametrize(("kind", "path"), PARTS, ids=lambda x: getattr(x, "stem", x))
def test_every_other_shipped_file_is_checked(cli, kind, path):
    outcome = cli("check", str(path))
    assert outcome.code == 0
    assert outcome.out.startswith(f"{kind} {path.stem} is valid\n")
    judged = kind in ("hardware", "library")
    assert ("Plausibility: " in outcome.out) is judged


@pytest.mark.parametrize("library", ["puma_like_v1", "science_soc_v1"])
def test_an_implausible_library_is_flagged_but_fails_only_when_strict(cli, library):
    Path("chip.yaml").write_text(CHIP.replace("puma_like_v1", library))
    for source in ("chip.yaml", library):
        outcome = cli("check", source)
        assert outcome.code == 0
        flat = " ".join(outcome.out.split())
        assert "19 to 57 times below what is published" in flat
        assert "about 83 times faster than a 100 MS/s part" in flat
        assert cli("check", source, "--strict").code == 3


def test_the_chip_of_a_scenario_is_flagged_in_text_and_json(cli):
    Path("chip.yaml").write_text(CHIP)
    change = ("--set", "hardware=chip.yaml")
    text = cli("check", "tiny", *change)
    assert text.code == 0
    assert (
        "  warning: hardware.components.adc_residual.energy_pj_per_conversion = 0.370"
        in text.out
    )
    found = json.loads(cli("check", "tiny", *change, "--json").out)["result"]
    rules = {finding["rule"] for finding in found["plausibility"]}
    assert {"adc_energy", "adc_rate", "digital_energy"} <= rules
    assert found["scenario"]["hardware"]["library"] == "puma_like_v1"
    assert cli("check", "tiny", *change, "--strict").code == 3


def test_notes_alone_do_not_fail_a_strict_check(cli):
    outcome = cli("check", "residual-analog-22nm", "--strict")
    assert outcome.code == 0
    assert "Plausibility: 0 warnings, 4 notes" in outcome.out


def test_json_of_a_part_has_its_findings(cli):
    found = json.loads(cli("check", "puma_like_v1", "--json").out)["result"]
    assert found["kind"] == "library"
    (checked,) = found["checked"]
    assert checked["name"] == "puma_like_v1"
    assert checked["plausibility"][0]["level"] == "warning"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("check", "toy-ideal", "--set", "seed=2"), "--set changes a scenario"),
        (("check", "tiny", "--kind", "chip"), "'chip' is not one of scenario"),
        (("check", "nothing"), "no scenario of this name is shipped"),
    ],
)
def test_what_cannot_be_checked_is_refused(cli, arguments, message):
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err
