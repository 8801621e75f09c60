"""What a run keeps: `--trace none | bursts | sample | full | auto`, and its size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from simcore.config.load import load_scenario
from simcore.errors import TraceError
from simcore.experiments import plan as plans
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.plan import plan_of, plan_run
from simcore.experiments.run import execute
from simcore.trace.reader import read_trace

RUN = ("run", "tiny", "--requests", "4", "--no-check")

ALWAYS = {"program.parquet", "program_energy.parquet", "run.json", "summary.json"}
TABLES = {"bursts.parquet", "requests.parquet"}
SAMPLE = {"events/part-00000.parquet", "events/part-00001.parquet"}
FULL = {f"events/part-{number:05d}.parquet" for number in range(4)}


def files(folder: str) -> set[str]:
    run = Path(folder)
    return {str(p.relative_to(run)) for p in run.rglob("*") if p.is_file()}


def run(cli, *options: str):
    shards = ("--set", "shard_replications=1")
    return cli(*RUN, "--out", "kept", *shards, *options)


@pytest.mark.parametrize(
    ("options", "kept"),
    [
        (("--trace", "none"), set()),
        (("--trace", "bursts"), TABLES),
        (("--trace", "sample", "--trace-requests", "2"), TABLES | SAMPLE),
        (("--trace", "full"), TABLES | FULL),
        ((), TABLES | FULL),
    ],
    ids=["none", "bursts", "sample", "full", "auto"],
)
def test_a_run_keeps_what_was_asked_for_and_the_same_results(cli, options, kept):
    assert run(cli, *options, "--quiet").code == 0
    assert files("kept") == ALWAYS | kept
    # What is kept changes no result.
    metrics = json.loads(Path("kept/summary.json").read_text())["metrics"]
    assert cli(*RUN, "--out", "whole", "-q").code == 0
    assert json.loads(Path("whole/summary.json").read_text())["metrics"] == metrics


def test_a_trace_says_what_it_does_not_have(cli):
    run(cli, "--trace", "none")
    trace = read_trace("kept")
    assert not trace.has_bursts
    assert not trace.has_events
    totals_only = (
        "kept: the run kept totals only (trace: none). Run it again with trace: bursts."
    )
    for table in (trace.bursts, trace.requests, trace.sram_occupancy):
        with pytest.raises(TraceError) as caught:
            table()
        assert str(caught.value) == totals_only
    with pytest.raises(TraceError) as caught:
        trace.events()
    assert str(caught.value) == (
        "kept: the run kept no events (trace: none). Run it again with trace: full."
    )
    assert trace.summary["counts"]["requests"] == 4
    names = trace.duckdb().execute("show tables").fetchall()
    assert sorted(name for (name,) in names) == ["program", "program_energy"]


def test_a_trace_of_bursts_has_no_events(cli):
    run(cli, "--trace", "bursts")
    trace = read_trace("kept")
    assert trace.requests().num_rows == 4
    with pytest.raises(TraceError, match=r"no events \(trace: bursts\)"):
        trace.arrow()


def test_a_sample_has_the_events_of_its_requests_only(cli):
    run(cli, "--trace", "sample", "--trace-requests", "2")
    trace = read_trace("kept")
    assert trace.has_events
    assert not trace.has_every_event
    assert set(trace.events(["request"])["request"].to_pylist()) == {0, 1}
    assert trace.traced_requests()["request"].to_pylist() == [0, 1]
    assert trace.requests().num_rows == 4
    run(cli, "--trace", "full", "--force")
    every = read_trace("kept").events()
    import pyarrow.compute as pc

    assert every.filter(pc.less(every["request"], 2)).equals(trace_events("kept", 2))


def trace_events(folder: str, requests: int):
    """Events of the first requests, from their parts."""
    import pyarrow as pa

    trace = read_trace(folder)
    parts = list(trace.iter_events(trace.events().column_names))
    return pa.concat_tables(parts[:requests])


@pytest.mark.parametrize("command", [("explain", "run"), ("trace", "export")])
@pytest.mark.parametrize("mode", ["none", "bursts"])
def test_commands_that_need_events_say_so(cli, command, mode):
    run(cli, "--trace", mode)
    out = ("--out", "t.json") if command[0] == "trace" else ()
    result = cli(*command, "kept", *out)
    assert result.code == 4
    assert result.err == (
        f"TraceError: kept: the run kept no events (trace: {mode}). Run it again with "
        "trace: full.\n"
    )


@pytest.mark.parametrize("mode", ["none", "bursts", "sample"])
def test_a_summary_needs_no_events(cli, mode):
    more = ("--trace-requests", "1") if mode == "sample" else ()
    first = run(cli, "--trace", mode, *more)
    result = cli("trace", "summary", "kept", "--quiet")
    assert result.code == 0
    assert result.out == first.out


def test_more_events_than_allowed_are_refused_with_the_ways_out(cli):
    result = run(cli, "--trace", "full", "--max-events", "100")
    assert result.code == 2
    assert not Path("kept").exists()
    rows = plan_run("tiny", requests=4).expected_trace_rows
    first, last = result.err.splitlines()
    assert first == (
        f"trace: got full: about {rows:,} event rows, 0.0 GB; at most 100 event rows. "
        "Use --trace bursts, --trace sample, or "
        f"--max-events {-(-rows * 11 // 10)}."
    )
    assert last == "1 problem. Nothing was run."
    # The named limit is large enough, the other ways lead out too.
    limit = first.rpartition(" ")[2].rstrip(".")
    assert run(cli, "--trace", "full", "--max-events", limit).code == 0
    for mode in ("bursts", "none"):
        assert run(cli, "--trace", mode, "--max-events", "1", "--force").code == 0


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (("--trace", "sample"), "trace_requests"),
        (("--trace", "full", "--trace-requests", "2"), "trace_requests"),
        (("--trace", "half"), "'half' is not one of"),
        (("--trace-requests", "0"), "--trace-requests"),
    ],
)
def test_modes_that_do_not_fit_are_refused(cli, options, text):
    result = run(cli, *options)
    assert result.code == 2
    assert text in result.err
    assert not Path("kept").exists()


def test_auto_keeps_events_as_long_as_they_are_few(monkeypatch):
    few = plan_run("tiny", requests=4)
    assert few.trace == "full"
    rows = few.expected_rows
    monkeypatch.setattr(plans, "DEFAULT_MAX_EVENTS", rows)
    assert few.trace == "full"
    monkeypatch.setattr(plans, "DEFAULT_MAX_EVENTS", rows - 1)
    assert few.trace == "bursts"
    assert few.expected_trace_rows == 0
    assert few.traced_replications == 0


def test_auto_tells_what_it_chose(cli, monkeypatch):
    monkeypatch.setattr(plans, "DEFAULT_MAX_EVENTS", 1)
    result = run(cli)
    assert result.code == 0
    assert "0 event rows (trace: bursts), " in result.err
    assert files("kept") == ALWAYS | TABLES


#: Few tokens: the estimate must hold for short requests too.
SCENARIOS = {
    "tiny": (20, "streams=1"),
    "qwen3-1.7b-k5": (1, "workload.max_tokens=12"),
    "qwen3-1.7b-serialized": (2, "workload.max_tokens=12"),
    "llama-3.1-8b-k5": (1, "workload.max_tokens=12"),
    "llama-3.2-1b-k4": (2, "workload.max_tokens=12"),
}


@pytest.mark.parametrize(
    ("name", "mode", "change"),
    [
        *((name, "full", None) for name in SCENARIOS),
        *((name, mode, None) for name in ("tiny", "llama-3.2-1b-k4")
          for mode in ("none", "bursts", "sample")),
        ("tiny", "full", "streams=4"),
        ("tiny", "full", "jitter_cv=0.1"),
    ],
)  # fmt: skip
def test_rows_and_bytes_are_within_twice_the_estimate(tmp_path, name, mode, change):
    requests, fewer = SCENARIOS[name]
    changes = [f"workload.requests={requests}", f"trace={mode}", change or fewer]
    if mode == "sample":
        changes.append("trace_requests=1")
    plan = plan_of(load_scenario(name, changes))
    execute(plan, HowToRun(cross_check=False), tmp_path / "run")
    trace = read_trace(tmp_path / "run")
    sizes = [p.stat().st_size for p in (tmp_path / "run").rglob("*") if p.is_file()]
    assert plan.expected_trace_bytes / 2 < sum(sizes) < plan.expected_trace_bytes * 2
    rows = plan.expected_trace_rows
    assert rows / 2 <= trace.n_events <= rows * 2
    assert plan.expected_bursts / 2 < trace.run["counts"]["bursts"]
    assert trace.run["counts"]["bursts"] < plan.expected_bursts * 2
