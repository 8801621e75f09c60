"""Contention is real: work is conserved, waits are shown, and throughput is bounded."""

from __future__ import annotations

import pytest

from simcore.config.load import load_scenario
from simcore.experiments.run import simulate
from simcore.report.run_text import run_report
from simcore.trace.reader import read_trace


def shared(streams: int, *changes: str, scenario: str = "tiny", **more):
    source = load_scenario(
        scenario, [f"streams={streams}", "workload.requests=8", *changes]
    )
    return simulate(source, cross_check=False, **more)


def test_sharing_a_chip_conserves_the_work_of_every_resource() -> None:
    alone, together = shared(1).summary, shared(8).summary
    work = [
        {
            name: busy
            for name, busy in summary["busy_ps"]["by_resource"].items()
            if not name.startswith("layer")
        }
        for summary in (alone, together)
    ]
    assert work[0] == work[1]
    for memory in ("hbm", "sram", "fabric"):
        assert alone["bytes"][memory] == together["bytes"][memory]
    assert alone["counts"]["tokens"] == together["counts"]["tokens"]


def test_requests_that_share_a_chip_wait_and_the_trace_shows_it(tmp_path) -> None:
    result = shared(8, out=tmp_path / "run")
    trace = read_trace(result.path)
    rows = trace.duckdb().sql("SELECT sum(wait_ps) FROM wide WHERE resource = 'hbm'")
    waited = int(rows.df().iloc[0, 0])
    kinds = result.summary["waits"]["by_resource_kind"]
    assert kinds["hbm"]["wait_ps"] == waited > 0
    arrivals = trace.requests()["arrival_ps"].to_pylist()
    assert arrivals == [0] * 8


@pytest.mark.parametrize("draft_length", [0, 3])
def test_throughput_never_exceeds_the_bound_of_the_busiest_resource(
    draft_length: int,
) -> None:
    reached = []
    for streams in (1, 2, 8):
        summary = shared(streams, f"workload.draft_length={draft_length}").summary
        tokens = summary["counts"]["tokens"]
        busy = {
            name: ps
            for name, ps in summary["busy_ps"]["by_resource"].items()
            if not name.startswith("layer")
        }
        bound = tokens / max(busy.values())
        found = tokens / summary["elapsed_ps"]["total"]
        assert found <= bound
        reached.append(found / bound)
    assert reached == sorted(reached)
    assert reached[-1] > 1.5 * reached[0]


def test_mean_latency_rises_with_the_offered_load() -> None:
    latency = [
        shared(8, "arrival.kind=poisson", f"arrival.rate_per_s={rate}").metrics[
            "request_latency_ns"
        ]["value"]
        for rate in (1e3, 2e4, 5e4, 1e6)
    ]
    assert latency == sorted(latency)
    assert latency[-1] > 1.5 * latency[0]


@pytest.mark.slow
def test_the_reference_chip_is_saturated_by_enough_requests() -> None:
    result = shared(
        32,
        "workload.requests=32",
        "workload.draft_length=0",
        "workload.max_tokens=8",
        scenario="qwen3-1.7b-k5",
    )
    assert result.summary["utilization"]["busiest"]["ratio"] >= 0.95


def test_the_trace_tells_how_full_the_sram_is_over_time(tmp_path) -> None:
    result = shared(8, "hardware.memory.sram.capacity_bytes=5000", out=tmp_path / "run")
    trace = read_trace(result.path)
    series = trace.sram_occupancy().to_pydict()
    # Room for two bursts of 2,176 bytes at a time, and both are used.
    assert set(series["occupied_bytes"]) == {0, 2176, 4352}
    assert series["time_ps"] == sorted(series["time_ps"])
    assert series["occupied_bytes"][-1] == 0
    waited = (
        trace.bursts()["start_ps"].to_numpy() > trace.bursts()["ready_ps"].to_numpy()
    )
    assert waited.any()
    rows = trace.duckdb().sql("SELECT max(occupied_bytes) FROM sram_occupancy").df()
    assert int(rows.iloc[0, 0]) == 4352


def test_the_report_of_a_shared_chip_says_where_requests_wait() -> None:
    result = shared(8, "hardware.memory.sram.capacity_bytes=5000")
    text = run_report(result.scenario, result.summary, None)
    (line,) = [part for part in text.split("\n\n") if part.startswith("waits, added")]
    assert "SRAM room" in line
    assert "waiting on average" in line
    kinds = result.summary["waits"]["by_resource_kind"]
    room = kinds["sram_room"]
    assert room["mean_queue_length"] == pytest.approx(
        room["wait_ps"] / result.summary["elapsed_ps"]["total"]
    )
    alone = shared(1)
    assert "waits, added" not in run_report(alone.scenario, alone.summary, None)
