"""`simcore report` and `run --report`: the page is whole, and only where asked."""

from __future__ import annotations

import json
from pathlib import Path

import pytest


@pytest.fixture
def tiny(cli):
    made = cli("run", "tiny", "--requests", "2", "--no-check", "--out", "first", "-q")
    assert made.code == 0
    return cli


def test_the_page_goes_into_the_folder_and_may_be_made_again(tiny):
    page = Path("first/report.html")
    outcome = tiny("report", "first")
    assert outcome.code == 0
    assert outcome.out == f"wrote first/report.html ({page.stat().st_size:,} bytes)\n"
    assert "open it in a browser" in outcome.err
    before = page.read_bytes()
    assert before.startswith(b"<!DOCTYPE html>")
    assert tiny("report", "first", "-q") == (0, outcome.out, "")
    assert page.read_bytes() == before
    # The run is as whole as before, and can be replaced with its page.
    assert tiny("trace", "summary", "first", "-q").code == 0
    again = ("run", "tiny", "--requests", "1", "--no-check", "--out", "first", "-q")
    assert tiny(*again).code == 2
    assert tiny(*again, "--force").code == 0
    assert not page.exists()


def test_elsewhere_nothing_is_replaced_without_force(tiny):
    assert tiny("report", "first", "--out", "pages/a.html", "-q").code == 0
    assert not Path("first/report.html").exists()
    refused = tiny("report", "first", "--out", "pages/a.html")
    assert refused.code == 2
    assert "pages/a.html: the file already exists. Use --force" in refused.err
    assert tiny("report", "first", "--out", "pages/a.html", "--force").code == 0


def test_machines_are_told_where_it_is(tiny):
    document = json.loads(tiny("report", "first", "--json", "-q").out)
    assert document["command"] == "report"
    assert document["result"] == {
        "run": "first",
        "file": "first/report.html",
        "bytes": Path("first/report.html").stat().st_size,
    }


def test_a_run_can_write_its_page_at_once(cli):
    run = ("run", "tiny", "--requests", "1", "--no-check", "-q", "--report")
    outcome = cli(*run, "--out", "a")
    assert outcome.code == 0
    assert outcome.out.endswith("trace: a\nreport: a/report.html\n")
    made = Path("a/report.html").read_bytes()
    assert cli("report", "a").code == 0
    assert Path("a/report.html").read_bytes() == made
    result = json.loads(cli(*run, "--out", "b", "--json").out)["result"]
    assert result["report"] == "b/report.html"


@pytest.mark.parametrize(
    ("folder", "code", "message"),
    [
        ("tiny", 2, "tiny: there is no such folder. Give the folder that"),
        ("first/run.json", 2, "this is a file, not a folder"),
        (".", 4, "run.json: missing; the folder is not a run"),
    ],
)
def test_what_is_no_run_is_refused(tiny, folder, code, message):
    outcome = tiny("report", folder)
    assert (outcome.code, outcome.out) == (code, "")
    assert message in " ".join(outcome.err.split())


def test_a_damaged_run_has_no_page(tiny):
    Path("first/summary.json").write_text("{}", encoding="utf-8")
    outcome = tiny("report", "first")
    assert outcome.code == 4
    assert "the file is damaged" in outcome.err
    assert not Path("first/report.html").exists()


def test_an_unfinished_sweep_has_no_page(tiny):
    Path("swept").mkdir()
    text = '{"schema_version": "1.0", "state": "partial"}'
    Path("swept/sweep.json").write_text(text, encoding="utf-8")
    outcome = tiny("report", "swept")
    assert outcome.code == 4
    assert "the sweep is not complete" in outcome.err
    assert not Path("swept/report.html").exists()


def test_a_page_that_cannot_be_written_is_told_in_one_line(tiny):
    Path("wall").write_text("", encoding="utf-8")
    outcome = tiny("report", "first", "--out", "wall/a.html")
    assert outcome.code == 4
    assert "cannot write wall/a.html" in outcome.err
