"""`simcore explain run`: why a run took as long as it did, from its folder alone."""

from __future__ import annotations

import json

import pytest

from simcore.analysis.time import analyse_time, littles_law, path_of
from simcore.report.time_text import request_time_report, run_time_report
from simcore.trace.reader import read_trace


@pytest.fixture
def tiny(cli):
    assert cli("run", "tiny", "--out", "first", "--quiet").code == 0
    return cli


def explained(cli, *arguments):
    outcome = cli("explain", "run", *arguments, "--json")
    assert outcome.code == 0
    document = json.loads(outcome.out)
    assert document["command"] == "explain run"
    return document["result"]


def test_it_names_the_bottleneck_and_prints_shares_that_sum_to_the_makespan(tiny):
    outcome = tiny("explain", "run", "first")
    assert outcome.code == 0
    assert max(map(len, outcome.out.splitlines())) <= 80
    flat = " ".join(outcome.out.split())
    assert flat.startswith("tiny: 4 requests took 239 us, added over 4 replications")
    assert "bottleneck: A1[0], the busiest resource, 38.8 % of the time" in flat
    assert "sum 239 us 100.0 %" in flat
    assert "each table sums to the makespan exactly: 239,465,000 ps" in flat
    assert "a faster hbm can save at most 16.9 % (40.5 us)" in flat
    assert outcome.err == "next: simcore explain run first --request 0\n"


def test_the_makespan_is_that_of_the_summary(tiny):
    result = explained(tiny, "first")
    summary = read_trace("first").summary
    assert result["elapsed_ps"] == summary["elapsed_ps"]["total"]
    assert result["is_complete"]
    for path in ("makespan_path", "chip_path"):
        assert sum(result[path]["by_stage"].values()) == result["elapsed_ps"]
    assert result["chip_path"] == result["makespan_path"]
    assert (
        result["utilization"]["bottleneck"]["name"]
        == (summary["utilization"]["busiest"]["name"])
    )
    assert result["utilization"]["bottleneck"]["ratio"] == pytest.approx(
        summary["utilization"]["busiest"]["ratio"], rel=1e-12
    )


def test_busy_time_and_energy_are_those_of_the_summary(tiny):
    result = explained(tiny, "first")
    summary = read_trace("first").summary
    work = summary["busy_ps"]["total"] - summary["gate_ps"]["total"]
    assert result["wasted"]["total"]["busy_ps"] == work
    assert result["wasted"]["total"]["energy_pj"] == pytest.approx(
        summary["energy_pj"]["total"], rel=1e-12
    )
    for resource, busy in summary["busy_ps"]["by_resource"].items():
        assert result["utilization"]["by_resource"][resource]["busy_ps"] == busy


def test_wasted_verify_steps_are_those_of_the_bursts(tiny):
    bursts = read_trace("first").bursts().to_pydict()
    steps = sum(bursts["wasted_verify_steps"])
    assert explained(tiny, "first")["wasted"]["verify_beyond"]["steps"] == steps


def test_littles_law_holds_on_every_queue_of_a_run_folder(tiny):
    check = littles_law(read_trace("first"))
    assert (check.holds, check.measured, check.bound) == (True, 0, 0)


def test_one_request_and_one_burst_of_it(tiny):
    trace = read_trace("first")
    latency = trace.requests()["latency_ps"].to_pylist()
    result = explained(tiny, "first", "--request", "2")
    assert result["shares"]["total_ps"] == latency[2]
    assert (result["request"], result["burst"], result["replication"]) == (2, None, 2)
    burst = explained(tiny, "first", "--request", "2", "--burst", "1")
    assert burst["begin_ps"] > 0
    assert burst["shares"]["total_ps"] == burst["end_ps"] - burst["begin_ps"]
    outcome = tiny("explain", "run", "first", "--request", "2", "--burst", "1")
    assert outcome.out.startswith("tiny: burst 1 of request 2 (replication 2) took ")
    assert max(map(len, outcome.out.splitlines())) <= 80
    assert outcome.err == ""


def test_the_reference_chip_names_its_bottleneck_and_sums_to_the_makespan(cli):
    small = ("--requests", "1", "--set", "workload.max_tokens=4", "--quiet")
    assert cli("run", "qwen3-1.7b-k5", *small, "--out", "run").code == 0
    result = explained(cli, "run")
    assert result["utilization"]["bottleneck"]["name"] == "hbm"
    assert sum(result["chip_path"]["by_stage"].values()) == result["elapsed_ps"]
    text = " ".join(cli("explain", "run", "run").out.split())
    assert "bottleneck: hbm, the busiest resource" in text
    assert f"exactly: {result['elapsed_ps']:,} ps" in text


def test_what_was_left_out_is_said(tiny):
    trace = read_trace("first")
    analysis = analyse_time(trace, max_rows=1)
    assert (analysis.analysed_requests, analysis.n_requests) == (1, 4)
    assert not analysis.is_complete
    head = " ".join(run_time_report("tiny", analysis).split())
    assert "analysed are the first 1 of 4 requests" in head
    assert analysis.elapsed_ps == trace.requests()["latency_ps"].to_pylist()[0]


def test_the_longest_stretches_are_told_in_order_of_time(tiny):
    path = path_of(read_trace("first"), 0, most=5)
    assert len(path.segments) == 5
    begins = [segment["begin_ps"] for segment in path.segments]
    assert begins == sorted(begins)
    assert "longest stretches, in order of time" in request_time_report("tiny", path)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("tiny",), "there is no such run folder. Give the folder"),
        (("first", "--burst", "1"), "needs --request"),
        (("first", "--kind", "hardware"), "is for hardware"),
        (("first", "--request", "4"), "--request: the run has 4 requests, from 0"),
        (("first", "--request", "0", "--burst", "99"), "bursts, from 0"),
    ],
)
def test_what_is_not_in_the_run_is_refused(tiny, arguments, message):
    outcome = tiny("explain", "run", *arguments)
    assert outcome.code == 2
    assert outcome.out == ""
    assert message in " ".join(outcome.err.split())


def test_options_of_runs_are_refused_for_hardware(cli):
    outcome = cli("explain", "hardware", "toy-ideal", "--request", "0")
    assert outcome.code == 2
    assert "is for runs" in outcome.err


def test_a_run_without_events_says_how_to_keep_them(cli):
    assert cli("run", "tiny", "--set", "trace=bursts", "--out", "b", "-q").code == 0
    outcome = cli("explain", "run", "b")
    assert outcome.code == 4
    assert "Run it again with trace: full" in outcome.err
