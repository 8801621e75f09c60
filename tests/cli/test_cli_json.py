"""The JSON of every command: one envelope, all digits, nothing but JSON on stdout."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

COMMANDS = {
    "run": ("run", "tiny", "--out", "kept"),
    "validate": ("validate", "tiny"),
    "check": ("check", "tiny"),
    "estimate": ("estimate", "tiny"),
    "trace summary": ("trace", "summary", "kept"),
    "trace export": ("trace", "export", "kept", "--out", "timeline.json"),
}


@pytest.fixture
def result(cli):
    def of(command: str, *more: str) -> dict:
        if command.startswith("trace"):
            assert cli(*COMMANDS["run"]).code == 0
        outcome = cli(*COMMANDS[command], *more, "--json")
        assert outcome.code == 0
        document = json.loads(outcome.out)
        assert sorted(document) == ["command", "result", "schema_version"]
        assert document["schema_version"] == "1.0"
        assert document["command"] == command
        return document["result"]

    return of


def test_run_has_the_summary_and_says_where_the_trace_is(result):
    found = result("run")
    assert sorted(found) == ["checks_hold", "path", "scenario", "seed", "summary"]
    assert found["scenario"] == "tiny"
    assert found["seed"] == 1
    assert found["path"] == "kept"
    assert found["checks_hold"] is True
    assert found["summary"] == json.loads(Path("kept/summary.json").read_text())
    metric = found["summary"]["metrics"]["latency_ns_per_token"]
    assert sorted(metric) == [
        "batch_bursts",
        "burst_autocorrelation",
        "confidence",
        "half_width",
        "method",
        "n",
        "value",
    ]
    # Four requests, too few and too short for batches of bursts.
    assert metric["method"] == "requests"


def test_trace_summary_equals_the_run(result):
    summary = result("trace summary")
    assert summary["summary"] == json.loads(Path("kept/summary.json").read_text())
    assert summary["path"] == "kept"


def test_trace_export_says_what_was_written(result):
    found = result("trace export", "--bursts", "0-1", "--replication", "1")
    assert found["bytes"] == Path("timeline.json").stat().st_size
    assert found["bursts"] == [0, 1]
    assert found["replication"] == 1
    events = json.loads(Path("timeline.json").read_text())["traceEvents"]
    slices = [e for e in events if e["ph"] == "X" and e["cat"] != "burst"]
    assert found["slices"] == len(slices)


def test_validate_has_every_row(result):
    found = result("validate")
    assert found["holds"] is True
    assert {row["accepted"] for row in found["conditional"]} == {0, 1, 2, 3}
    assert len({row["context_length"] for row in found["conditional"]}) >= 3
    assert all(row["difference_ps"] == 0 for row in found["conditional"])
    assert all(check["holds"] for check in found["checks"])
    assert found["skipped"]


def test_check_has_the_resolved_scenario_its_size_and_the_prediction(result):
    found = result("check", "--set", "workload.draft_length=2")
    assert found["scenario"]["workload"]["draft_length"] == 2
    assert found["scenario"]["model"]["head_dim"] == 32
    assert found["size"]["requests"] == 4
    assert found["size"]["event_rows"] > found["size"]["operations"] * 0.99 > 0
    assert found["estimate"]["metrics"]["latency_ns_per_token"] > 0


def test_the_size_of_a_run_is_foretold_within_a_factor_of_two(result, cli):
    size = result("check")["size"]
    summary = json.loads(cli("run", "tiny", "--out", "whole", "--json").out)
    counts = summary["result"]["summary"]["counts"]
    manifest = json.loads(Path("whole/run.json").read_text())
    rows = sum(
        entry["rows"]
        for name, entry in manifest["files"].items()
        if name.startswith("events/")
    )
    on_disk = sum(f.stat().st_size for f in Path("whole").rglob("*") if f.is_file())
    assert size["bursts"] / 2 < counts["bursts"] < size["bursts"] * 2
    assert size["event_rows"] / 2 < rows < size["event_rows"] * 2
    assert size["bytes"] / 2 < on_disk < size["bytes"] * 2


def test_trace_bursts_keeps_no_events_and_the_size_says_so(result):
    found = result("check", "--set", "trace=bursts")
    assert found["size"]["event_rows"] == 0


def test_estimate_has_one_entry_for_each_prompt_length(result):
    found = result("estimate", "--prompt-lengths", "16,64:256:*2,20:24:+2")
    lengths = [entry["prompt_length"] for entry in found["estimates"]]
    assert lengths == [16, 64, 128, 256, 20, 22, 24]
    first = found["estimates"][0]
    assert first["baseline"]["metrics"]["committed_tokens_per_burst"] == 1
    assert {"ratio", "break_even_committed_tokens", "break_even_power_w"} <= set(first)


def test_estimate_writes_the_document_to_a_file_as_well(result, cli):
    found = result("estimate", "--output", "estimate.json")
    assert json.loads(Path("estimate.json").read_text())["result"] == found
    again = cli("estimate", "tiny", "--output", "estimate.json")
    assert again.code == 2
    assert again.err.splitlines()[0] == (
        "estimate.json: the file already exists. Use --force to replace it."
    )
    assert cli("estimate", "tiny", "--output", "estimate.json", "--force").code == 0


def test_estimate_needs_no_scenario(cli):
    parts = (
        "--model",
        "tiny",
        "--hardware",
        "toy-ideal",
        "--acceptance",
        "alpha-0.85",
        "--draft-length",
        "3",
    )
    found = json.loads(cli("estimate", *parts, "--prompt-length", "32", "--json").out)
    assert found["result"]["scenario"] == "estimate"
    (estimate,) = found["result"]["estimates"]
    assert estimate["mode"] == "burst"
    assert estimate["draft_length"] == 3
    # (1 - 0.85^4) / (1 - 0.85)
    assert estimate["metrics"]["committed_tokens_per_burst"] == pytest.approx(
        3.186625, rel=1e-12
    )
    swept = json.loads(
        cli("estimate", *parts, "--prompt-lengths", "32,64", "--json").out
    )
    assert [e["prompt_length"] for e in swept["result"]["estimates"]] == [32, 64]
    assert swept["result"]["estimates"][0] == estimate


def test_options_of_estimate_change_the_scenario(cli):
    more = ("--draft-length", "1", "--max-tokens", "4", "--schedule", "serialized")
    found = json.loads(cli("estimate", "tiny", *more, "--json").out)["result"]
    (estimate,) = found["estimates"]
    assert estimate["draft_length"] == 1
    assert estimate["schedule"] == "serialized"
    assert estimate["request"]["committed_tokens"] == pytest.approx(4)


def test_a_prompt_length_beyond_the_capacity_is_told_as_in_a_file(cli):
    result = cli("estimate", "tiny", "--prompt-lengths", "16,99999")
    assert result.code == 2
    assert "workload.prompt_length: Max context capacity exceeded" in result.err


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "use a list (64,128,256) or a range (64:4096:*2, 64:256:+64)"),
        ("64,many", "use a list"),
        ("0", "must be between 1 and 100000000"),
        ("64:32:*2", "the first must not be above the last"),
        ("64:128:*1", "it would never end"),
        ("0:128:*2", "it would never end"),
        ("1:100000:+1", "more than 1000 prompt lengths"),
    ],
)
def test_prompt_lengths_that_mean_nothing_are_refused(cli, text, why):
    result = cli("estimate", "tiny", "--prompt-lengths", text)
    assert result.code == 2
    assert why in result.err


def test_wrong_usage_is_data_as_well(cli):
    document = json.loads(cli("trace", "export", "kept", "--json").out)
    assert document["command"] == "trace export"
    assert document["error"]["kind"] == "usage"
    (problem,) = document["error"]["problems"]
    assert "--out" in problem["message"]
    assert json.loads(cli("rum", "--json").out)["command"] == ""
