"""`simcore explain hardware`: numbers, sources, doubts; assumed ones first."""

from __future__ import annotations

import json

import pytest

from simcore.config.load import load_hardware
from simcore.config.shipped import library_files, shipped_files
from simcore.report.facts import assumptions_text

SHIPPED = [
    *shipped_files("hardware").values(),
    *library_files(),
    *shipped_files("scenario").values(),
]


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_chip_library_and_scenario_is_explained(cli, path):
    outcome = cli("explain", "hardware", str(path))
    assert outcome.code == 0
    assert outcome.err == ""
    first = " ".join(outcome.out.partition("\n\n")[0].split())
    assert "hardware numbers are assumed" in first
    assert "Plausibility: " in outcome.out
    assert max(map(len, outcome.out.splitlines())) <= 80


def test_the_count_is_the_one_of_every_report(cli):
    out = cli("explain", "hardware", "residual-analog-22nm").out
    first = " ".join(out.partition("\n\n")[0].split())
    chip = load_hardware("residual-analog-22nm")
    assumed = sum(p.status == "assumed" for p in chip.provenance.values())
    assert first.startswith(
        f"residual-analog-22nm: {assumed} of {len(chip.provenance)} hardware numbers "
        "are assumed, "
    )
    assert assumptions_text(chip).startswith(f"{assumed} of {len(chip.provenance)} ")


def test_assumed_numbers_come_first_with_value_unit_and_source(cli):
    out = cli("explain", "hardware", "residual-analog-22nm").out
    titles = [line.split(" (")[0] for line in out.splitlines() if line[:1].isalpha()]
    assert titles[1:4] == ["Assumed", "Derived", "Published"]
    assert "  analog.dac_bits = 4 bits\n      design choice: 8-bit draft" in out
    assert "[Murmann ADC survey" in out


def test_numbers_without_a_source_stand_after_the_assumed_ones(cli, tmp_path):
    (tmp_path / "chip.yaml").write_text(
        "library: puma_like_v1\nanalog: {xbar_size: 128, dac_bits: 4, "
        "num_columns_per_adc: 16, adc: {draft_bits: 4, residual_bits: 12}}\n"
    )
    out = cli("explain", "hardware", "chip.yaml").out
    assert "5 without a source" in " ".join(out.split("\n\n")[0].split())
    assert out.index("Assumed (") < out.index("No source (5)")
    assert "(library puma_like_v1)" in out
    flat = " ".join(out.split())
    assert "19 to 57 times below what is published" in flat
    assert "about 83 times faster than a 100 MS/s part" in flat


def test_a_scenario_is_explained_by_its_chip_and_its_accounting(cli):
    assert cli("explain", "hardware", "qwen3-1.7b-k5").out == (
        cli("explain", "hardware", "residual-analog-22nm").out
    )


def test_json_has_counts_values_and_findings(cli):
    document = json.loads(cli("explain", "hardware", "toy-ideal", "--json").out)
    assert document["command"] == "explain hardware"
    (found,) = document["result"]["hardware"]
    assert found["by_status"] == {"assumed": found["hardware_numbers"]}
    assert len(found["values"]) == found["hardware_numbers"]
    assert "leakage_power.tia_nw" in found["defaults"]
    assert {"level", "rule", "path", "value", "low", "high", "why", "source"} <= set(
        found["plausibility"][0]
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("explain", "chips", "toy-ideal"),
            "'chips' is not a topic; there are: hardware, run",
        ),
        (
            ("explain", "hardware", "qwen3-1.7b"),
            "'qwen3-1.7b' is of kind model; must be one of hardware, library, scenario",
        ),
        (("explain", "hardware", "nothing"), "no hardware of this name is shipped"),
    ],
)
def test_what_is_no_chip_is_refused(cli, arguments, message):
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err
