"""Does the wide view equal a slow computation row by row, in Arrow and in DuckDB?"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pytest
from synthetic_run import (
    METADATA,
    ROW_INDEX,
    ROW_OP,
    burst_row,
    energy_columns,
    holds,
    program_columns,
    rows_of,
    write_run,
)

from simcore.errors import TraceError
from simcore.trace.reader import Trace, read_trace
from simcore.trace.schema import WIDE_COLUMNS
from simcore.trace.wide import WideView
from simcore.trace.writer import RunWriter


def by_hand(trace: Trace) -> list[dict[str, Any]]:
    """The definition, one row at a time."""
    program = {
        (r["op_id"], r["resource_index"]): r for r in trace.program().to_pylist()
    }
    bursts = {
        (r["replication"], r["request"], r["burst"]): r
        for r in trace.bursts().to_pylist()
    }
    rows = []
    for event in trace.events().to_pylist():
        op = program[event["op_id"], event["resource_index"]]
        burst = bursts[event["replication"], event["request"], event["burst"]]
        context = burst["context_length"] + (op["step"] or 0)
        cap = op["context_cap"]
        cached = context if cap is None else min(context, cap)

        def cost(
            row: dict[str, Any],
            name: str,
            cached: int = cached,
            committed: int = burst["committed"],
        ) -> float:
            total: float = (
                row[f"{name}_base"]
                + row[f"{name}_per_token"] * cached
                + row[f"{name}_per_committed"] * committed
            )
            return total

        energy = 0.0
        if event["resource_index"] == 0:
            for part in trace.program_energy().to_pylist():
                if part["op_id"] == event["op_id"]:
                    energy += cost(part, "energy_pj")
                    energy += part["energy_pj_per_activate"] * (event["activates"] or 0)
        values = {**op, **event}
        values.update(
            context_length=context,
            wait_ps=event["start_ps"] - event["ready_ps"],
            read_bytes=cost(op, "read_bytes"),
            write_bytes=cost(op, "write_bytes"),
            energy_pj=energy,
        )
        rows.append({name: values[name] for name in WIDE_COLUMNS})
    return rows


@pytest.fixture(params=[False, True], ids=["bandwidth", "activates"])
def trace(tmp_path: Path, request: pytest.FixtureRequest) -> Trace:
    write_run(tmp_path, activates=request.param)
    return read_trace(tmp_path)


def test_arrow_equals_the_definition_row_by_row(trace: Trace) -> None:
    wide = trace.arrow()
    assert tuple(wide.column_names) == WIDE_COLUMNS
    expected = by_hand(trace)
    assert len(expected) == wide.num_rows == trace.n_events
    for got, wanted in zip(wide.to_pylist(), expected, strict=True):
        assert got.pop("energy_pj") == pytest.approx(wanted.pop("energy_pj"), rel=1e-13)
        assert got == wanted


def test_duckdb_equals_arrow(trace: Trace) -> None:
    wide = trace.duckdb().sql("SELECT * FROM wide").to_arrow_table()
    assert tuple(wide.column_names) == WIDE_COLUMNS

    def rows(table: pa.Table) -> list[tuple[Any, ...]]:
        # DuckDB does not define the order of rows.
        return sorted(rows_of(table, *WIDE_COLUMNS), key=repr)

    assert rows(wide) == rows(trace.arrow())


def test_energy_and_bytes_stand_on_the_owners_row_only(trace: Trace) -> None:
    rows = trace.arrow().filter(pc.field("operation") == "wo").to_pylist()
    owners = [row for row in rows if row["energy_pj"] > 0]
    assert {row["resource"] for row in owners} == {"A2[2]"}
    assert len(rows) == 3 * len(owners)
    assert sum(row["read_bytes"] for row in rows if row not in owners) == 0


def test_context_above_the_cap_costs_as_much_as_the_cap(trace: Trace) -> None:
    rows = trace.arrow().to_pylist()
    reads = {r["context_length"]: r["read_bytes"] for r in rows
             if r["operation"] == "kv_read"}  # fmt: skip
    committed = {100: 1, 101: 2, 102: 3, 103: 1}
    assert reads == {
        length: 16.0 + 8.0 * min(length, 102) + 4.0 * committed[length]
        for length in (100, 101, 102, 103)
    }


def test_some_columns_are_the_same_as_all(trace: Trace) -> None:
    wide = trace.arrow()
    for name in WIDE_COLUMNS:
        assert trace.arrow([name]).column(0).equals(wide[name])
    with pytest.raises(TraceError, match="the wide view has no column 'colour'"):
        trace.arrow(["colour"])


def test_texts_are_dictionaries_so_that_large_traces_stay_small(trace: Trace) -> None:
    for name in ("phase", "operation", "stage", "resource", "channel", "status"):
        assert pa.types.is_dictionary(trace.arrow().schema.field(name).type)


def test_views_of_duckdb(trace: Trace) -> None:
    connection = trace.duckdb()
    for name in ("events", "program", "program_energy", "bursts", "requests", "wide"):
        assert connection.sql(f"SELECT count(*) FROM {name}").fetchall()[0][0] > 0
    # Texts compare like texts, also with what does not occur.
    query = "SELECT count(*) FROM wide WHERE phase = 'draft' OR stage = 'nothing'"
    draft = sum(phase == "draft" for phase in trace.arrow()["phase"].to_pylist())
    assert connection.sql(query).fetchall() == [(draft,)]


def test_zero_bursts(tmp_path: Path) -> None:
    write_run(tmp_path, replications=2, bursts=0)
    trace = read_trace(tmp_path)
    assert trace.parts == ()
    assert trace.events().num_rows == 0
    assert trace.arrow().num_rows == 0
    assert tuple(trace.arrow().column_names) == WIDE_COLUMNS
    assert trace.duckdb().sql("SELECT count(*) FROM wide").fetchall() == [(0,)]
    assert trace.duckdb().sql("SELECT * FROM wide").columns == list(WIDE_COLUMNS)


def test_a_folder_name_with_glob_characters_and_quotes(tmp_path: Path) -> None:
    run = tmp_path / "it's [1] *?"
    write_run(run)
    trace = read_trace(run)
    assert trace.duckdb().sql("SELECT count(*) FROM wide").fetchall() == [
        (trace.n_events,)
    ]


@pytest.mark.parametrize("missing", ["burst", "operation"])
def test_events_that_name_what_does_not_exist_are_refused(
    tmp_path: Path, missing: str
) -> None:
    columns, energy = program_columns(), energy_columns()
    if missing == "operation":
        columns = {name: list(values)[:-1] for name, values in columns.items()}
        energy = {name: values[:-2] for name, values in energy.items()}
    with RunWriter(tmp_path, metadata=METADATA, replications_per_part=1) as writer:
        writer.write_program(columns, energy)
        writer.events(ROW_OP, ROW_INDEX)
        for burst in (0, 1):
            writer.record_burst(0, 4, burst, *holds((burst,), burst * 10**6))
            if missing == "operation" or burst == 0:
                writer.add_burst_row(**burst_row(0, 4, burst))
        writer.end_replication(0)
        writer.finish({}, {})
    wanted = {
        "burst": "replication 0, request 4, burst 1 is not in bursts.parquet",
        "operation": "op_id 5, resource_index 0 is not in program.parquet",
    }
    with pytest.raises(TraceError, match=wanted[missing]):
        read_trace(tmp_path).arrow()


def test_replication_and_request_numbers_may_be_large(tmp_path: Path) -> None:
    top = 2**31 - 2
    with RunWriter(tmp_path, metadata=METADATA, replications_per_part=2**31) as writer:
        writer.write_program(program_columns(), energy_columns())
        writer.events(ROW_OP, ROW_INDEX)
        for replication in (top, top + 1):
            writer.record_burst(replication, top, top, *holds((replication,)))
            row = burst_row(replication, top, top, committed=1, context_length=7)
            writer.add_burst_row(**row)
            writer.end_replication(replication)
        writer.finish({}, {})
    wide = read_trace(tmp_path).arrow(["context_length", "step"])
    assert set(rows_of(wide, "step", "context_length")) == {(0, 7), (1, 8), (None, 7)}


def test_energy_of_no_operation_is_refused_and_not_dropped(tmp_path: Path) -> None:
    energy = energy_columns()
    energy["op_id"] = [op + 1 for op in energy["op_id"]]
    with RunWriter(tmp_path, metadata=METADATA, replications_per_part=1) as writer:
        writer.write_program(program_columns(), energy)
        writer.finish({}, {})
    trace = read_trace(tmp_path)
    for use in (trace.arrow, trace.duckdb):
        with pytest.raises(TraceError, match="operation is not in program"):
            use()


def test_bursts_out_of_order_are_refused(trace: Trace) -> None:
    bursts = trace.bursts().sort_by([("burst", "descending")])
    with pytest.raises(TraceError, match=r"bursts.parquet is not sorted by its keys"):
        WideView(trace.program(), trace.program_energy(), bursts)
