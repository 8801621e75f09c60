"""What a run folder holds: file names, columns, units and Parquet encodings.

Says nothing about where the rows come from (engine) or what they mean (analysis).
Times are integer picoseconds, energies picojoules, sizes bytes. Costs in
`program.parquet` are ``base + per_token * min(L + step, context_cap) +
per_committed * committed``, with L the context length of the burst; an HBM transfer of
x ps lasts ``x + stall_ps * (max(x - stall_ps, 0) // stall_period_ps)``.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simcore.trace.names import CHANNELS as CHANNELS
from simcore.trace.names import PHASES as PHASES
from simcore.trace.names import STAGES as STAGES

#: major.minor: readers accept any minor of their own major.
SCHEMA_VERSION = "2.1"

#: Rows of one Parquet row group; also the bound of the writer's buffer.
ROW_GROUP_ROWS = 131_072

RUN_JSON = "run.json"
#: Names, inside the document, the checksum of `RUN_JSON`, `RUN_PLAN` and receipts.
RUN_SHA256 = "run_sha256"
PLAN_SHA256 = "plan_sha256"
RECEIPT_SHA256 = "receipt_sha256"
SUMMARY_JSON = "summary.json"
PROGRAM = "program.parquet"
PROGRAM_ENERGY = "program_energy.parquet"
BURSTS = "bursts.parquet"
REQUESTS = "requests.parquet"
EVENTS_FOLDER = "events"

#: The page that `simcore report` writes beside a run, and may write again.
REPORT_HTML = "report.html"

#: Files a run owns at the top of its folder, beside `events/part-NNNNN.parquet`.
TOP_FILES = (RUN_JSON, SUMMARY_JSON, PROGRAM, PROGRAM_ENERGY, BURSTS, REQUESTS)


#: What an unfinished run keeps of finished shards; gone when the run is complete.
SHARDS_FOLDER = "shards"
RUN_PLAN = f"{SHARDS_FOLDER}/plan.json"
#: How the receipts of finished shards begin.
RECEIPTS = f"{SHARDS_FOLDER}/receipt-"

_SHARD_FILES = {
    "receipt": "json",
    "bursts": "parquet",
    "requests": "parquet",
    "sums": "parquet",
}


def shard_file(kind: str, index: int) -> str:
    """Path of a file of one finished shard inside the run folder."""
    return f"{SHARDS_FOLDER}/{kind}-{index:05d}.{_SHARD_FILES[kind]}"


def is_shard_file(name: str) -> bool:
    """Whether a name without its folder is one of `RUN_PLAN` or `shard_file`."""
    if name == RUN_PLAN.rpartition("/")[2]:
        return True
    stem, _, ending = name.partition(".")
    kind, _, number = stem.partition("-")
    return _SHARD_FILES.get(kind) == ending and number.isdigit() and len(number) >= 5


def part_name(index: int) -> str:
    """Path of one event part inside the run folder, with forward slashes."""
    return f"{EVENTS_FOLDER}/part-{index:05d}.parquet"


def _columns(**types: pa.DataType) -> list[pa.Field[Any]]:
    return [pa.field(name, dtype, nullable=False) for name, dtype in types.items()]


_I8, _I32, _I64 = pa.int8(), pa.int32(), pa.int64()
_F64, _TEXT = pa.float64(), pa.string()


def _list_of(dtype: pa.DataType) -> pa.DataType:
    return pa.list_(pa.field("element", dtype, nullable=False))


#: One row per hold and resource.
EVENTS_SCHEMA = pa.schema(
    [
        *_columns(
            replication=_I32,
            request=_I32,
            burst=_I32,
            op_id=_I32,
            resource_index=_I8,
            ready_ps=_I64,
            start_ps=_I64,
            duration_ps=_I64,
        ),
        # HBM row activations; null when the memory model has none.
        pa.field("activates", _I32, nullable=True),
    ]
)

#: Order of the event rows; the first column is the order of the parts as well.
EVENTS_ORDER = (
    "replication",
    "start_ps",
    "request",
    "burst",
    "op_id",
    "resource_index",
)

#: One row per operation and resource; `resource_index` 0 is the owner's row.
PROGRAM_SCHEMA = pa.schema(
    [
        *_columns(op_id=_I32, resource_index=_I8, phase=_TEXT),
        pa.field("step", _I32, nullable=True),
        pa.field("layer", _I32, nullable=True),
        *_columns(
            operation=_TEXT,
            position=_I32,
            stage=_TEXT,
            resource=_TEXT,
            channel=_TEXT,
            status=_TEXT,
            owner=_TEXT,
            predecessors=_list_of(_I32),
            duration_ns_base=_F64,
            duration_ns_per_token=_F64,
            duration_ns_per_committed=_F64,
            read_bytes_base=_F64,
            read_bytes_per_token=_F64,
            read_bytes_per_committed=_F64,
            write_bytes_base=_F64,
            write_bytes_per_token=_F64,
            write_bytes_per_committed=_F64,
        ),
        pa.field("context_cap", _I64, nullable=True),
        # Refresh of HBM transfers; null elsewhere.
        pa.field("stall_period_ps", _I64, nullable=True),
        pa.field("stall_ps", _I64, nullable=True),
    ]
)

PROGRAM_ENERGY_SCHEMA = pa.schema(
    _columns(
        op_id=_I32,
        component=_TEXT,
        energy_pj_base=_F64,
        energy_pj_per_token=_F64,
        energy_pj_per_committed=_F64,
        energy_pj_per_activate=_F64,
    )
)

BURSTS_SCHEMA = pa.schema(
    _columns(
        replication=_I32,
        request=_I32,
        burst=_I32,
        k=_I32,
        accepted=_I32,
        committed=_I32,
        context_length=_I64,
        ready_ps=_I64,
        start_ps=_I64,
        end_ps=_I64,
        draft_ps=_I64,
        verify_ps=_I64,
        commit_ps=_I64,
        tail_ps=_I64,
        energy_pj=_F64,
        sram_read_bytes=_I64,
        sram_write_bytes=_I64,
        hbm_read_bytes=_I64,
        hbm_write_bytes=_I64,
        fabric_read_bytes=_I64,
        fabric_write_bytes=_I64,
        d_reg_read_bytes=_I64,
        d_reg_write_bytes=_I64,
        wasted_verify_steps=_I32,
        sram_bytes=_I64,
        drafted_ahead=_I8,
        ahead_survives=_I8,
        holds=_I32,
        event_rows=_I32,
    )
)

REQUESTS_SCHEMA = pa.schema(
    [
        *_columns(
            replication=_I32,
            request=_I32,
            prompt_length=_I64,
            tokens=_I64,
            bursts=_I32,
            arrival_ps=_I64,
            start_ps=_I64,
            end_ps=_I64,
            latency_ps=_I64,
            energy_pj=_F64,
        ),
        # Null: prefill is not modelled.
        pa.field("ttft_ps", _I64, nullable=True),
        *_columns(commit_gap_ps=_list_of(_I64)),
    ]
)

SCHEMAS: Mapping[str, pa.Schema] = {
    PROGRAM: PROGRAM_SCHEMA,
    PROGRAM_ENERGY: PROGRAM_ENERGY_SCHEMA,
    BURSTS: BURSTS_SCHEMA,
    REQUESTS: REQUESTS_SCHEMA,
}

#: Columns of the wide view, in this order.
WIDE_COLUMNS = (
    "replication",
    "request",
    "burst",
    "phase",
    "step",
    "layer",
    "operation",
    "stage",
    "resource",
    "channel",
    "status",
    "context_length",
    "ready_ps",
    "start_ps",
    "duration_ps",
    "wait_ps",
    "read_bytes",
    "write_bytes",
    "energy_pj",
)


def parquet_options(
    schema: pa.Schema, *, random_durations: bool = False
) -> dict[str, Any]:
    """Options of `pyarrow.parquet.ParquetWriter` for one of the schemas above.

    Strings, and integers of few values, are dictionary encoded, other integers
    DELTA_BINARY_PACKED (a column cannot be both), floats plain; everything is zstd
    compressed with page checksums.

    Parameters
    ----------
    schema : pyarrow.Schema
        Schema of the file.
    random_durations : bool
        Whether hardly two holds last equally long.
    """
    few = [] if schema.names != EVENTS_SCHEMA.names else ["resource_index"]
    if few and not random_durations:
        few.append("duration_ps")
    dictionary, integers = [], {}
    for column in schema:
        if pa.types.is_string(column.type) or column.name in few:
            dictionary.append(column.name)
        elif pa.types.is_integer(column.type):
            integers[column.name] = "DELTA_BINARY_PACKED"
        elif pa.types.is_list(column.type):
            integers[f"{column.name}.list.element"] = "DELTA_BINARY_PACKED"
    options: dict[str, Any] = {
        "compression": "zstd",
        "compression_level": 1,
        "use_dictionary": dictionary or False,
        "column_encoding": integers,
        "write_page_checksum": True,
        "store_schema": True,
    }
    # pyarrow cuts pages at 20,000 rows since this option exists; one page a column
    # and row group compresses up to 40 % better.
    if "max_rows_per_page" in inspect.signature(pq.ParquetWriter).parameters:
        options["max_rows_per_page"] = ROW_GROUP_ROWS
    if schema.names == EVENTS_SCHEMA.names:
        options["sorting_columns"] = [
            pq.SortingColumn(schema.names.index(name)) for name in EVENTS_ORDER
        ]
    return options
