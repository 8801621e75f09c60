"""docs/trace.md names every column, and its queries answer what they say they do."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from document_runner import ROOT, blocks_of

from simcore import load_scenario, read_trace, simulate
from simcore.trace.schema import (
    BURSTS_SCHEMA,
    EVENTS_SCHEMA,
    PROGRAM_ENERGY_SCHEMA,
    PROGRAM_SCHEMA,
    REQUESTS_SCHEMA,
    WIDE_COLUMNS,
)

PAGE = (ROOT / "docs" / "trace.md").read_text(encoding="utf-8")
SCHEMAS = {
    "events": EVENTS_SCHEMA,
    "program": PROGRAM_SCHEMA,
    "program_energy": PROGRAM_ENERGY_SCHEMA,
    "bursts": BURSTS_SCHEMA,
    "requests": REQUESTS_SCHEMA,
}
RUNS = {
    "alone": ["workload.requests=2"],
    "shared": ["streams=2", "workload.requests=4", "jitter_cv=0.3"],
    "stopped": ["verification=stop_at_mismatch", "workload.requests=2"],
    "prefetch": ["schedule=prefetch", "workload.requests=1"],
    "overlap": [
        "schedule=overlap",
        "hardware.reuse_policy=reuse",
        "accounting.dac_banks=2",
        "workload.requests=1",
    ],
    "plain": ["workload.draft_length=0", "workload.max_tokens=3"],
}


def tables() -> dict[str, list[list[str]]]:
    """Rows of each table of columns on the page."""
    found: dict[str, list[list[str]]] = {}
    for section in PAGE.split("\n### ")[1:]:
        name = re.match(r"`(\w+)`", section)
        if name:
            lines = [x for x in section.splitlines() if x.startswith("| `")]
            found[name[1]] = [line.strip("| ").split(" | ") for line in lines]
    return found


def type_words(dtype: pa.DataType) -> str:
    if pa.types.is_list(dtype):
        return f"list of {dtype.value_type}"
    return "text" if pa.types.is_string(dtype) else str(dtype)


@pytest.fixture(scope="module", params=RUNS)
def trace(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder: Path = tmp_path_factory.mktemp("runs") / request.param
    scenario = load_scenario("tiny", [*RUNS[request.param]])
    simulate(scenario, out=folder, cross_check=False)
    return read_trace(folder)


def queries() -> list[str]:
    found: list[str] = []
    namespace: dict[str, Any] = {"ask": found.append}
    for block in blocks_of(PAGE):
        if block.kind == "python" and "def ask" not in "\n".join(block.lines):
            # The page is ours; running it is the point.
            exec("\n".join(block.lines), namespace)
    return found


QUERIES = queries()


def answer(trace: Any, number: int) -> list[dict[str, Any]]:
    """Rows of query 1, 2, ... of the page."""
    rows: list[dict[str, Any]] = (
        trace.duckdb().sql(QUERIES[number - 1]).to_arrow_table().to_pylist()
    )
    return rows


@pytest.mark.parametrize("name", SCHEMAS)
def test_every_column_of_a_file_is_on_the_page_with_its_type(name):
    rows = [(row[0].strip("`"), row[1]) for row in tables()[name]]
    assert rows == [(field.name, type_words(field.type)) for field in SCHEMAS[name]]


def test_every_column_of_the_views_is_on_the_page_with_its_type(trace):
    def listed(name: str) -> list[tuple[str, str]]:
        return [(row[0].strip("`"), row[1]) for row in tables()[name]]

    wide = trace.arrow().schema
    assert listed("wide") == [
        (
            name,
            "text"
            if "dict" in str(wide.field(name).type)
            else str(wide.field(name).type),
        )
        for name in WIDE_COLUMNS
    ]
    occupancy = trace.sram_occupancy().schema
    assert listed("sram_occupancy") == [(f.name, str(f.type)) for f in occupancy]


def test_a_unit_stands_in_the_name_and_in_the_row():
    for name, rows in tables().items():
        for column, _, unit, _ in rows:
            for suffix, wanted in (("_ps", "ps"), ("_pj", "pJ"), ("_bytes", "byte")):
                if column.strip("`").endswith(suffix):
                    assert unit == wanted, (name, column)


def test_there_are_ten_questions_and_each_has_a_query():
    assert len(re.findall(r"^### \d+\. .*\?$", PAGE, flags=re.MULTILINE)) == 10
    assert len(QUERIES) == 10


@pytest.mark.parametrize("number", range(1, 11))
def test_a_query_answers_for_other_runs_too(trace, number):
    rows = answer(trace, number)
    page_columns = [b.lines[0].split() for b in blocks_of(PAGE) if b.kind == "text"]
    if number != 10:
        assert all(list(row) == page_columns[number - 1] for row in rows)
    waits = number in (2, 3)
    alone = len(trace.requests()) == 1
    gaps = number != 8 or len(trace.bursts()) > 1
    assert rows or (waits and alone)
    if not waits and gaps:
        assert all(None not in row.values() for row in rows)


def summed(rows: list[dict[str, Any]], column: str) -> float:
    return sum(row[column] for row in rows)


def test_busy_times_are_those_of_the_summary(trace):
    """Each hold once: where a row counts for each of its resources, it counts more."""
    by_stage = {row["stage"]: row["busy_us"] for row in answer(trace, 1)}
    wanted = trace.summary["busy_ps"]["by_stage"]
    events = trace.events().to_pylist()
    operations = {
        (p["op_id"], p["resource_index"]): p for p in trace.program().to_pylist()
    }
    assert by_stage.keys() == wanted.keys() - {"gate"}
    for stage, busy_us in by_stage.items():
        owned = sum(
            e["duration_ps"]
            for e in events
            if e["resource_index"] == 0 and operations[e["op_id"], 0]["stage"] == stage
        )
        assert busy_us == pytest.approx(owned / 1e6, abs=0.0051)
        assert owned <= wanted[stage]


def test_waits_are_those_of_the_summary(trace):
    by_kind = {row["kind"]: row["waited_us"] for row in answer(trace, 2)}
    assert summed(answer(trace, 2), "that_waited") > 0 or not by_kind
    kinds = trace.summary["waits"]["by_resource_kind"]
    for kind, waited_us in by_kind.items():
        if kind in kinds:
            assert waited_us >= kinds[kind]["wait_ps"] / 1e6 - 0.0006


def test_the_slow_burst_is_at_the_99th_percentile(trace):
    bursts = trace.bursts().to_pylist()
    latencies = sorted(b["end_ps"] - b["ready_ps"] for b in bursts)
    place = -(-99 * len(latencies) // 100) - 1
    for row in answer(trace, 3):
        assert row["latency_ns"] == pytest.approx(latencies[place] / 1e3, abs=0.051)
        assert row["waited_ns"] > 0


def test_bytes_are_those_of_the_summary(trace):
    wanted = {
        f"{memory}_{direction}_bytes": n
        for memory, of in trace.summary["bytes"].items()
        for direction, n in of.items()
        if n
    }
    rows = answer(trace, 4)
    assert {row["memory"]: row["bytes"] for row in rows} == wanted
    tokens = trace.summary["counts"]["tokens"]
    for row in rows:
        assert row["bytes_per_token"] == pytest.approx(row["bytes"] / tokens, abs=0.051)


def test_energy_by_component_is_that_of_the_summary(trace):
    rows = answer(trace, 5)
    wanted = trace.summary["energy_pj"]["by_component"]
    for row in rows:
        total = row["draft_nj"] + row["verify_nj"] + row["commit_nj"]
        assert total == pytest.approx(wanted[row["component"]] / 1e3, abs=0.16)
    assert {row["component"] for row in rows} >= {n for n, pj in wanted.items() if pj}
    assert summed(rows, "share") == pytest.approx(1, abs=0.001)


def test_work_and_time_of_phases_are_those_of_the_bursts(trace):
    bursts = trace.bursts().to_pylist()
    for row in answer(trace, 6):
        elapsed = sum(burst[f"{row['phase']}_ps"] for burst in bursts) / 1e6
        assert row["elapsed_us"] == pytest.approx(elapsed, abs=0.0051)
        if len(trace.requests()) == len({b["replication"] for b in bursts}):
            assert row["overlap_factor"] > 0.999


def test_the_high_water_mark_is_that_of_the_occupancy(trace):
    rows = trace.sram_occupancy().to_pylist()
    for found in answer(trace, 7):
        own = [r for r in rows if r["replication"] == found["replication"]]
        most = max(r["occupied_bytes"] for r in own)
        assert found["most_bytes"] == most
        first = next(r["time_ps"] for r in own if r["occupied_bytes"] == most)
        assert found["first_at_ps"] == first
        assert 0 < found["mean_bytes"] <= most


def test_gaps_are_those_between_the_commits(trace):
    (row,) = answer(trace, 8)
    gaps = [g for r in trace.requests().to_pylist() for g in r["commit_gap_ps"]]
    assert row["gaps"] == len(gaps)
    assert row["longest_ns"] == max(gaps) / 1e3


def test_critical_holds_leave_no_moment_of_the_burst_uncovered(trace):
    """Backwards from the end there is a critical hold at every time."""
    query, _, _ = QUERIES[8].partition("SELECT operation, count(*)")
    assert query != QUERIES[8]
    rows = (
        trace.duckdb()
        .sql(
            query
            + "SELECT DISTINCT h.start_ps, h.end_ps, begin_ps, finish_ps, is_gate "
            "FROM hold h JOIN critical USING (request, burst, op_id), "
            "(SELECT finish_ps FROM slow)"
        )
        .fetchall()
    )
    begin, finish = rows[0][2:4]
    covered = begin
    for start, end, *_, is_gate in sorted(rows):
        if not is_gate:
            assert start <= covered
            covered = max(covered, end)
    assert covered == finish
    total = sum(row["critical_ns"] for row in answer(trace, 9))
    assert total > 0


def test_utilization_is_a_share(trace):
    rows = answer(trace, 10)
    kinds = {row["kind"] for row in rows}
    assert {"hbm", "A1", "dpu"} <= kinds
    for row in rows:
        assert list(row) == ["kind", "1", "2", "3", "4", "5"]
        assert all(0 <= row[str(part)] <= 1 for part in range(1, 6))
    end = max(b["end_ps"] for b in trace.bursts().to_pylist() if b["replication"] == 0)
    (hbm,) = [row for row in rows if row["kind"] == "hbm"]
    busy = sum(
        row["duration_ps"]
        for row in trace.arrow().to_pylist()
        if row["replication"] == 0 and row["resource"] == "hbm"
    )
    mean = sum(hbm[str(part)] for part in range(1, 6)) / 5
    assert mean == pytest.approx(busy / end, abs=0.002)
