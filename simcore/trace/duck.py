"""The run folder as views of an in-memory DuckDB database."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import duckdb
import pyarrow as pa

from simcore.trace.columns import primitive, to_numpy
from simcore.trace.schema import EVENTS_SCHEMA
from simcore.trace.wide import ENERGY_SUFFIXES, energy_by_operation

#: The definition of `wide.py` in SQL. `program_cost` has zeros off the owner's row.
_WIDE = """
CREATE VIEW wide AS
WITH joined AS (
    SELECT e.*, p.* EXCLUDE (op_id, resource_index), b.context_length AS burst_context,
        b.committed, b.context_length + coalesce(p.step, 0) AS context_length,
        least(b.context_length + coalesce(p.step, 0), coalesce(p.context_cap,
            9223372036854775807)) AS cached
    FROM events e
    JOIN program_cost p ON e.op_id = p.op_id AND e.resource_index = p.resource_index
    JOIN bursts b ON e.replication = b.replication AND e.request = b.request
        AND e.burst = b.burst
)
SELECT replication, request, burst, phase, step, layer, operation, stage, resource,
    channel, status, context_length, ready_ps, start_ps, duration_ps,
    start_ps - ready_ps AS wait_ps,
    read_bytes_base + read_bytes_per_token * cached
        + read_bytes_per_committed * committed AS read_bytes,
    write_bytes_base + write_bytes_per_token * cached
        + write_bytes_per_committed * committed AS write_bytes,
    energy_pj_base + energy_pj_per_token * cached
        + energy_pj_per_committed * committed
        + energy_pj_per_activate * coalesce(activates, 0) AS energy_pj
FROM joined
"""


def connect(
    tables: Mapping[str, pa.Table], parts: Sequence[Path] | None
) -> duckdb.DuckDBPyConnection:
    """In-memory database with one view or table per file, and the wide view.

    Parameters
    ----------
    tables : mapping of str to pyarrow.Table
        The static tables: program, program_energy, bursts, requests.
    parts : sequence of Path, optional
        Event parts in order; None when the run kept no events, then neither
        `events` nor `wide` exist.
    """
    connection = duckdb.connect(":memory:")
    program = tables["program"].combine_chunks()
    for name, table in tables.items():
        _create(connection, name, table)
    if parts is None:
        return connection
    _create(connection, "program_cost", _with_energy(program, tables["program_energy"]))
    if parts:
        files = ", ".join(_quoted(path) for path in parts)
        source = f"SELECT * FROM read_parquet([{files}])"
    else:
        _create(connection, "no_events", EVENTS_SCHEMA.empty_table())
        source = "SELECT * FROM no_events"
    connection.execute(f"CREATE VIEW events AS {source}")
    connection.execute(_WIDE)
    return connection


def _create(connection: duckdb.DuckDBPyConnection, name: str, table: pa.Table) -> None:
    """Copy a small table; texts become ENUMs, which group as fast as integers."""
    columns = []
    for field in table.schema:
        if not pa.types.is_string(field.type):
            columns.append(field.name)
            continue
        # Sorted, so that ORDER BY agrees with the order of the texts.
        values = sorted({str(text) for text in table[field.name].to_pylist()})
        members = ", ".join(_literal(value) for value in values)
        enum = f"{name}_{field.name}"
        connection.execute(f"CREATE TYPE {enum} AS ENUM ({members})")
        columns.append(f"{field.name}::{enum} AS {field.name}")
    connection.register("incoming", table)
    connection.execute(
        f"CREATE TABLE {name} AS SELECT {', '.join(columns)} FROM incoming"
    )
    connection.unregister("incoming")


def _with_energy(program: pa.Table, program_energy: pa.Table) -> pa.Table:
    op_id = to_numpy(program["op_id"])
    energy = energy_by_operation(program_energy, int(op_id.max(initial=-1)) + 1)
    owner = to_numpy(program["resource_index"]) == 0
    for row, suffix in enumerate(ENERGY_SUFFIXES):
        values = primitive(energy[row][op_id] * owner)
        program = program.append_column(f"energy_pj_{suffix}", values)
    dropped = ("predecessors", "owner", "position", "stall_period_ps", "stall_ps")
    durations = [name for name in program.column_names if "duration_ns" in name]
    return program.drop_columns([*dropped, *durations])


def _literal(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


def _quoted(path: Path) -> str:
    # read_parquet takes file names as patterns.
    text = "".join(f"[{c}]" if c in "[*?" else c for c in str(path))
    return _literal(text)
