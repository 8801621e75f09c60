"""What `simcore estimate` prints, writes and refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

ALL = ("--area", "--sensitivity", "--k-sweep", "0:3")


@pytest.fixture
def result(cli):
    def call(*arguments: str):
        done = cli("estimate", *arguments, "--json")
        assert done.code == 0, done.err
        return json.loads(done.out)["result"]

    return call


@pytest.mark.parametrize(
    "arguments",
    [
        ("tiny", *ALL),
        ("qwen3-1.7b-k5", *ALL),
        ("qwen3-1.7b-serialized", "--area"),
        ("tiny", "--prompt-lengths", "1,64,4000", "--k-sweep", "1=0.5,3=1.25"),
        ("tiny", "--accounting", "selfspec-calculator", *ALL),
    ],
)
def test_every_section_fits_into_80_plain_columns(cli, arguments):
    done = cli("estimate", *arguments)
    assert done.code == 0
    assert done.out.isascii()
    lines = done.out.splitlines()
    assert [line for line in lines if len(line) > 80] == []
    assert [line for line in lines if line != line.rstrip()] == []
    assert "..." not in done.out


def test_area_is_said_in_words(cli):
    out = cli("estimate", "qwen3-1.7b-k5", "--area").out
    assert (
        "Area\n  4,077 mm2 = 5 reticles of 858 mm2; 53 % is 12-bit ADCs, 4 per tile.\n"
    ) in out
    assert "The chip needs 5 reticles" in out
    assert "Static power\n" in out
    # The chip in one line is there without being asked for.
    plain = cli("estimate", "qwen3-1.7b-k5").out
    assert "5 reticles; 52.5 % is 12-bit ADCs, 4 per tile" in plain
    assert "\nArea\n" not in plain


def test_a_chip_names_its_period_its_latency_and_its_crossings(cli):
    out = cli("estimate", "tiny").out
    for line in ("token period", "end to end", "L* latency", "L* energy", "HBM"):
        assert f"\n  {line}" in out
    serialized = cli("estimate", "tiny", "--schedule", "serialized").out
    assert "token period" not in serialized


def test_draft_lengths_side_by_side(cli, result):
    found = result("tiny", "--k-sweep", "0:2,4", "--prompt-lengths", "16,64")["k_sweep"]
    assert found["draft_lengths"] == [0, 1, 2, 4]
    assert len(found["points"]) == 8
    assert [best["prompt_length"] for best in found["best"]] == [16, 64]
    out = cli("estimate", "tiny", "--k-sweep", "0:2").out
    assert "Draft lengths at prompt 16\n" in out
    assert "best K by tokens/s" in out


def test_a_histogram_that_is_cut_warns_once(cli):
    out = cli("estimate", "qwen3-1.7b-k5", "--k-sweep", "0:5").out
    text = " ".join(out.split())
    assert (
        "K = 1, 2, 3, 4 is below the k = 5 of the acceptance: min(a, K) is used"
    ) in text


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "use a list (0,2,4), a range (0:8), or each with the mean"),
        ("2,many", "'many': use a list"),
        ("4:2", "the first must not be above the last"),
        ("1,1", "1 is there twice"),
        ("0:2,1", "1 is there twice"),
        ("2000", "must be at most 1024"),
        ("0:1000", "more than 256 draft lengths"),
        ("1=0.5,2", "give a mean for every draft length or for none"),
        ("2=9e9", "use a list"),
    ],
)
def test_draft_lengths_that_mean_nothing_are_refused(cli, text, why):
    done = cli("estimate", "tiny", "--k-sweep", text)
    assert done.code == 2
    assert why in done.err
    assert "--k-sweep" in done.err


def test_a_mean_above_its_draft_length_is_refused(cli):
    done = cli("estimate", "tiny", "--k-sweep", "2=2.5")
    assert done.code == 2
    assert done.err.startswith("draft_lengths[2]: got 2.5; must be between 0 and")


def test_a_sweep_tells_its_break_even(cli, result):
    found = result("tiny", "--prompt-lengths", "16,64")["sweep"]
    assert found["break_even"]["tokens_per_joule_prompt_length"] is None
    crossing = found["break_even"]["attention_exceeds_linear"]["latency"]
    assert crossing["first_above"] == 464
    assert set(found["points"][0]["ratio"]) == set(found["points"][0]["difference"])
    text = " ".join(cli("estimate", "tiny", "--prompt-lengths", "16,64").out.split())
    assert "No prompt length asked for has more tokens/J" in text
    assert "at a context of 464 in time" in text


def test_sensitivity_has_a_line_for_each_factor(cli, result):
    found = result("tiny", "--sensitivity")["sensitivity"]
    assert len(found["rows"]) == 6 * 5
    out = cli("estimate", "tiny", "--sensitivity").out
    _, _, table = out.partition("Sensitivity, one input scaled at a time")
    for name in ("ADC energy", "residual ADC latency", "HBM bandwidth", "DPU lanes"):
        assert table.count(f"\n  {name}") == 1


def test_the_compatible_profile_has_the_full_report_in_the_json(cli, result):
    profile = ("--accounting", "selfspec-calculator")
    found = result("tiny", *profile, "--prompt-lengths", "0,16")
    assert [e["prompt_length"] for e in found["estimates"]] == [0, 16]
    report = found["estimates"][1]["calculator"]
    assert {"points", "area_mm2", "break_even", "feature_origins"} <= set(report)
    assert found["estimates"][0]["accounting"]["profile"] == "selfspec-calculator"
    text = " ".join(cli("estimate", "tiny", *profile).out.split())
    assert "The public calculator's full report" in text
    changed = ("--set", "accounting={profile: selfspec-calculator}")
    assert cli("estimate", "tiny", *changed).code == 2


def test_files_with_unknown_keys_load_under_the_compatible_profile(cli, tmp_path):
    model = tmp_path / "m.yaml"
    model.write_text(
        "name: m\nn_layers: 1\nd_model: 64\nn_heads: 4\nactivation_bits: 8\nmine: 1\n"
    )
    parts = ("--model", "m.yaml", "--hardware", "toy-ideal", "--acceptance")
    parts = (*parts, "alpha-0.85", "--draft-length", "2", "--prompt-length", "0")
    done = cli("estimate", *parts, "--accounting", "selfspec-calculator")
    assert done.code == 0, done.err
    assert "mine" in done.out.partition("Warnings")[2]
    refused = cli("estimate", *parts)
    assert refused.code == 2
    assert "m.yaml:6: mine: unknown field" in refused.err


def test_a_prompt_of_nothing_is_refused_under_physical(cli):
    done = cli("estimate", "tiny", "--prompt-length", "0")
    assert done.code == 2
    assert "workload.prompt_length: got 0" in done.err


def test_a_document_appears_whole_and_replaces_nothing_unasked(cli):
    first = cli("estimate", "tiny", *ALL, "--output", "e.json")
    assert first.code == 0
    assert first.err == "wrote e.json\n"
    written = Path("e.json").read_text()
    found = json.loads(written)["result"]
    assert {"estimates", "k_sweep", "sensitivity"} <= set(found)
    again = cli("estimate", "tiny", "--output", "e.json")
    assert again.code == 2
    assert "the file already exists. Use --force" in again.err
    assert Path("e.json").read_text() == written
    assert cli("estimate", "tiny", "--output", "e.json", "--force").code == 0
    assert Path("e.json").read_text() != written
    assert [path.name for path in Path().iterdir()] == ["e.json"]
