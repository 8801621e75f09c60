"""`simcore trace export`: windows on the command line."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simcore.cli.app import execute


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("runs") / "kept"
    settings = ["--set", "workload.max_tokens=8", "--requests", "3"]
    assert execute(["run", "tiny", "-q", "--out", str(folder), *settings]) == 0
    return folder


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--from", "12"], "'12' has no unit; write 12us or ns"),
        (["--to", "soon"], "'soon' is not a time, for example 1500ns or 1.5us"),
        (["--requests", "a-b"], "'a-b' is not A-B, for example 0-7"),
        (["--bursts", "3-1"], "'3-1': the first must not be above the last"),
        (["--from", "2us", "--to", "1us"], "from 2us to 1us; must end after it begins"),
        (["--requests", "0-2"], "requests 0-2 are of 3 replications, each with a"),
        (["--max-slices", "700"], "Choose bursts 0-0, or raise the limit."),
        (["--max-slices", "99", "--from", "1us"], "Choose the time from 1us to "),
    ],
)
def test_a_wrong_window_is_told_in_words(cli, kept, options, words):
    outcome = cli("trace", "export", str(kept), "--out", "t.json", *options)
    assert words in " ".join(outcome.err.split())
    assert outcome.code == 2
    assert outcome.out == ""
    assert not Path("t.json").exists()


def test_a_window_by_time_and_request(cli, kept):
    options = ["--from", "1000ns", "--to", "2.5us", "--requests", "1"]
    outcome = cli("trace", "export", str(kept), "--out", "t.json", "--json", *options)
    assert outcome.code == 0
    result = json.loads(outcome.out)["result"]
    assert result["replication"] == 1
    assert result["requests"] == [1, 1]
    assert (result["from_ps"], result["to_ps"]) == (1_000_000, 2_500_000)
    events = json.loads(Path("t.json").read_text())["traceEvents"]
    holds = [e for e in events if e["ph"] == "X" and e["cat"] != "burst"]
    assert result["slices"] == len(holds) > 0
    assert all(e["ts"] < 2.5 and e["ts"] + e["dur"] >= 1 for e in holds)
    assert {e["args"]["request"] for e in holds} == {1}


def test_a_large_file_is_told_of_unless_quiet(cli, kept, monkeypatch):
    monkeypatch.setattr("simcore.trace.perfetto.export.LARGE_BYTES", 300_000)
    arguments = ["trace", "export", str(kept), "--out", "t.json", "--force"]
    outcome = cli(*arguments)
    assert outcome.code == 0
    assert "a browser will take its time. Choose bursts 0-" in outcome.err
    assert cli(*arguments, "--quiet").err == ""
    assert "take its time" not in cli(*arguments, "--bursts", "0").err
