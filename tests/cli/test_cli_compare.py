"""What `compare` and `run --until` say."""

from __future__ import annotations

import json
import re
from pathlib import Path


def test_two_runs_are_compared_setting_by_setting_and_metric_by_metric(cli):
    for name, k in (("a", 3), ("b", 2)):
        change = f"workload.draft_length={k}"
        run = ("run", "tiny", "--requests", "30", "--set", change, "--no-check")
        assert cli(*run, "--out", name, "-q").code == 0
    result = cli("compare", "a", "b")
    assert result.code == 0
    assert result.err == ""
    assert all(len(line) <= 80 for line in result.out.splitlines())
    assert "Settings: 1 difference" in result.out
    assert re.search(r"^  workload.draft_length +3 +2$", result.out, re.MULTILINE)
    rows = result.out.splitlines()
    assert any(
        re.fullmatch(r"tokens per burst +[0-9.]+ +[0-9.]+ +0.795 \+- 0.035 +lower", row)
        for row in rows
    )
    assert "over 30 pairs of requests with the same random" in result.out
    assert re.search(r"^Events: the first [0-9,]+ rows are equal", result.out, re.M)
    document = json.loads(cli("compare", "a", "b", "--json").out)
    assert document["command"] == "compare"
    found = document["result"]
    assert found["paired"] is True
    assert found["settings"] == [{"path": "workload.draft_length", "a": 3, "b": 2}]
    assert found["first_divergence"]["a"]["phase"] == "draft"
    latency = found["metrics"]["latency_ns_per_token"]
    assert latency["correlation"] > 0.5
    wide = 2 * latency["difference"]["half_width"]
    assert abs(latency["difference"]["value"]) < wide


def test_a_scenario_is_simulated_with_the_luck_of_the_run(cli):
    run = ("run", "tiny", "--requests", "8", "--seed", "5", "--no-check", "-q")
    assert cli(*run, "--out", "a").code == 0
    result = cli("compare", "a", "tiny")
    assert "Settings: the same" in result.out
    assert result.out.count("1.00 +- 0  same\n") == 10
    assert "Events: not compared: a side was simulated without a trace" in result.out


def test_the_same_run_twice_is_equal_event_by_event(cli):
    for name in ("a", "b"):
        cli("run", "tiny", "--requests", "2", "--no-check", "-q", "--out", name)
    assert cli("compare", "a", "b").out.endswith("Events: equal\n")


def test_other_requests_are_compared_as_independent_runs(cli):
    for name, n in (("a", 6), ("b", 9)):
        cli("run", "tiny", "--requests", str(n), "--no-check", "-q", "--out", name)
    out = " ".join(cli("compare", "a", "b").out.split())
    assert "the runs have different requests (6 and 9)" in out


def test_a_run_without_bursts_cannot_be_compared(cli):
    cli("run", "tiny", "--requests", "2", "-q", "--trace", "none", "--out", "a")
    result = cli("compare", "a", "tiny")
    assert result.code == 4
    assert result.err == (
        "TraceError: a: the run kept totals only (trace: none). Run it again with "
        "trace: bursts.\n"
    )


def test_a_side_that_is_nothing_is_told(cli):
    result = cli("compare", "nothing", "tiny")
    assert (result.code, result.out) == (2, "")
    assert result.err == (
        "nothing: neither a run folder nor a scenario, by file or name. `simcore list "
        "scenarios` names what is shipped.\n1 problem. Nothing was run.\n"
    )


def test_a_run_to_a_precision_says_what_it_took(cli):
    result = cli("run", "tiny", "--until", "5%", "--no-check", "--out", "a", "--json")
    assert result.code == 0
    found = json.loads(result.out)["result"]
    until = found["until"]
    assert until["target"] == 0.05
    assert until["reason"] == ""
    assert until["requests"] == found["summary"]["counts"]["requests"]
    latency = found["summary"]["metrics"]["latency_ns_per_token"]
    assert latency["half_width"] / latency["value"] <= 0.05
    first = result.err.splitlines()[0]
    assert re.fullmatch(
        r"latency per token to \+-[0-9.]+ % \(asked: \+-5.00 %\): "
        rf"{until['requests']} requests, [0-9,]+ bursts",
        first,
    )
    assert (
        json.loads(Path("a/run.json").read_text())["counts"]["requests"]
        == (until["requests"])
    )


def test_a_precision_that_is_none_is_told(cli):
    for text in ("0", "100%", "fast", "-1%"):
        result = cli("run", "tiny", "--until", text)
        assert result.code == 2
        assert "must be a relative half-width such as 0.5% or 0.005" in result.err
    both = cli("run", "tiny", "--until", "1%", "--requests", "3")
    assert "give one of --requests, --bursts and --until" in both.err
