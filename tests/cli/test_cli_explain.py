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


# Fields and words.


def test_a_field_is_explained_with_type_unit_default_example_and_use(cli):
    outcome = cli("explain", "workload.draft_length")
    assert outcome.code == 0
    assert outcome.err == ""
    assert outcome.out.splitlines()[:3] == [
        "workload.draft_length",
        "  Drafted tokens per burst (K); default: the acceptance's k.",
        "",
    ]
    for line in (
        "  allowed   an integer between 0 and 1024",
        "  default   the k of the acceptance",
        "  unit      tokens",
        "  example   draft_length: 5 (in scenarios/qwen3-1.7b-k5.yaml)",
        "  option    --set workload.draft_length=5",
        "  used for  the bursts of a request (simcore/program/burst.py)",
    ):
        assert line in outcome.out.splitlines()


def test_a_hardware_number_has_the_source_of_its_example(cli):
    flat = " ".join(cli("explain", "hardware.memory.sram.area_mm2").out.split())
    assert "example area_mm2: 1.855 (in hardware/residual-analog-22nm.yaml)" in flat
    assert "source of the example: derived; CACTI 7, 22 nm HP, 2 MiB" in flat
    preset = " ".join(cli("explain", "memory.hbm.channel.refresh_ns").out.split())
    assert "refresh_ns: 350.0 (the preset HBM3)" in preset


def test_a_section_lists_its_fields_and_hardware_alone_is_one(cli):
    outcome = cli("explain", "workload")
    assert "\n  prompt_length  Tokens before the first burst" in outcome.out
    assert outcome.err == "next: simcore explain 'workload.mode'\n"
    assert cli("explain", "workload", "-q").err == ""
    assert (
        "\n  analog.         Crossbars and converters" in cli("explain", "hardware").out
    )
    names = " ".join(cli("explain", "hardware.components.digital.features").out.split())
    assert "names attention_qk, attention_softmax" in names


def test_every_field_prints_within_80_columns(cli):
    from simcore.config.field_tree import fields
    from simcore.report.field_text import field_report, field_result
    from simcore.report.json_report import result_document

    for entry in fields().values():
        report = field_report(entry)
        assert max(map(len, report.splitlines())) <= 80, report
        result = json.loads(result_document("explain", field_result(entry)))["result"]
        assert result["path"] == entry.path


def test_a_field_as_json(cli):
    document = json.loads(cli("explain", "memory.hbm.model", "--json").out)
    assert document["command"] == "explain"
    result = document["result"]
    assert result["path"] == "hardware.memory.hbm.model"
    assert result["forms"][0]["choices"] == ["bandwidth", "channel"]
    assert result["example"]["value"] == "channel"


def test_words_are_explained(cli):
    assert "nothing can happen any more" in cli("explain", "deadlock").out
    for word in ("exit-codes", "break-even", "status", "units"):
        outcome = cli("explain", word)
        assert outcome.code == 0
        assert outcome.out.startswith(f"{word}\n  ")
        assert max(map(len, outcome.out.splitlines())) <= 80
    topic = json.loads(cli("explain", "deadlock", "--json").out)["result"]
    assert topic["topic"] == "deadlock"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            ("explain", "workload.draft_lenght"),
            "workload has: mode, prompt_length, draft_length, max_tokens, requests. "
            "Did you mean 'draft_length'?",
        ),
        (("explain", "deadlok"), "Did you mean 'deadlock'?"),
        (("explain", "run"), "Invalid value for SOURCE: needs the folder of a run"),
        (("explain", "seed", "--request", "1"), "is for runs"),
        (("explain", "seed", "--kind", "model"), "is for hardware SOURCE"),
    ],
)
def test_what_is_no_field_or_word_is_refused(cli, arguments, message):
    outcome = cli(*arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in outcome.err
