"""`simcore list`: names that a scenario may use, what they are, where they are."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

import simcore
from simcore.config.shipped import data_root
from simcore.report.list_text import LIST_KINDS

PACKAGE = Path(simcore.__file__).parent.parent


def test_policies_are_listed_with_what_they_do_and_their_file(cli) -> None:
    out = cli("list", "policies").out
    for name in ("serialized", "layer-pipelined", "prefetch", "overlap"):
        assert f"\n  {name} " in out
    assert (
        "  stop_at_mismatch  holds of steps behind the first rejected draft do not "
        "start\n                    any more\n"
        "                    simcore/program/verification/stop_at_mismatch.py\n"
    ) in out


@pytest.mark.parametrize("kind", LIST_KINDS)
def test_everything_has_a_line_and_a_file_that_is_there(cli, kind: str) -> None:
    outcome = cli("list", kind)
    assert outcome.code == 0
    assert outcome.err == ""
    assert max(map(len, outcome.out.splitlines())) <= 80
    result = json.loads(cli("list", kind, "--json").out)["result"]
    assert result["kind"] == kind
    entries = [
        (name, entry)
        for names in result["listing"].values()
        for name, entry in names.items()
    ]
    assert entries
    for name, entry in entries:
        assert f"\n  {name} " in outcome.out
        assert len(entry["summary"].split()) > 1
        own = entry["where"].startswith("simcore/")
        assert ((PACKAGE if own else data_root()) / entry["where"]).is_file()


@pytest.mark.parametrize(
    ("kind", "name", "summary"),
    [
        ("scenarios", "tiny", "Two-layer toy model on a toy chip, K = 3"),
        ("models", "qwen3-1.7b", "28 layers, d_model 2048; Hugging Face"),
        ("hardware", "toy-ideal", "Toy chip with whole-picosecond latencies"),
        ("acceptance", "alpha-0.85", "geometric; rate 0.85; assumed"),
        ("libraries", "puma_like_v1", "Status: assumed."),
        ("operations", "kv_commit", "copy accepted keys and values"),
    ],
)
def test_what_a_line_says(cli, kind: str, name: str, summary: str) -> None:
    listing = json.loads(cli("list", kind, "--json").out)["result"]["listing"]
    assert listing[kind][name]["summary"].startswith(summary)


def test_an_unknown_kind_is_refused(cli) -> None:
    outcome = cli("list", "gadgets")
    assert outcome.code == 2
    assert "'gadgets' is not one of scenarios, hardware, libraries" in outcome.err


def test_the_help_names_every_kind(cli) -> None:
    help_text = " ".join(cli("list", "--help").out.split())
    for kind in LIST_KINDS:
        assert kind in help_text
