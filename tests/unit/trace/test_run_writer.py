"""Is the run folder written as the schema says, and the same bytes every time?"""

from __future__ import annotations

import hashlib
import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from synthetic_run import (
    METADATA,
    ROW_INDEX,
    ROW_OP,
    burst_row,
    energy_columns,
    files_of,
    holds,
    program_columns,
    request_row,
    rows_of,
    write_run,
)

from simcore.trace.memory import MemoryRecorder
from simcore.trace.schema import (
    CHANNELS,
    EVENTS_ORDER,
    EVENTS_SCHEMA,
    PHASES,
    ROW_GROUP_ROWS,
    SCHEMAS,
    STAGES,
    TOP_FILES,
    parquet_options,
    part_name,
)
from simcore.trace.tables import table_of
from simcore.trace.writer import RunWriter, canonical_json


def encodings(path: Path) -> dict[str, set[str]]:
    metadata = pq.read_metadata(path)
    found: dict[str, set[str]] = {}
    for group in range(metadata.num_row_groups):
        for column in range(metadata.num_columns):
            chunk = metadata.row_group(group).column(column)
            found.setdefault(chunk.path_in_schema, set()).update(chunk.encodings)
            assert chunk.compression == "ZSTD"
    return found


def test_the_folder_holds_exactly_the_files_of_the_design(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    assert set(files_of(tmp_path / "run")) == {*TOP_FILES, part_name(0), part_name(1)}
    assert part_name(1) == "events/part-00001.parquet"


def test_event_columns_types_and_encodings(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    path = tmp_path / "run" / part_name(0)
    assert pq.read_schema(path).equals(EVENTS_SCHEMA)
    assert [f"{f.name} {f.type}" for f in pq.read_schema(path)] == [
        "replication int32", "request int32", "burst int32", "op_id int32",
        "resource_index int8", "ready_ps int64", "start_ps int64",
        "duration_ps int64", "activates int32",
    ]  # fmt: skip
    # Few values repeat: a dictionary takes a quarter of what differences take.
    few = {"resource_index", "duration_ps"}
    for column, found in encodings(path).items():
        assert ("DELTA_BINARY_PACKED" in found) == (column not in few), column
        assert ("RLE_DICTIONARY" in found) == (column in few), column


def test_random_durations_are_not_put_into_a_dictionary() -> None:
    for random_durations in (False, True):
        options = parquet_options(EVENTS_SCHEMA, random_durations=random_durations)
        delta = options["column_encoding"].get("duration_ps") == "DELTA_BINARY_PACKED"
        assert delta == random_durations
        assert ("duration_ps" in options["use_dictionary"]) != random_durations


def test_text_columns_are_dictionary_encoded_and_numbers_are_not(
    tmp_path: Path,
) -> None:
    write_run(tmp_path / "run")
    for name, schema in SCHEMAS.items():
        found = encodings(tmp_path / "run" / name)
        assert pq.read_schema(tmp_path / "run" / name).equals(schema)
        for field in schema:
            suffix = ".list.element" if pa.types.is_list(field.type) else ""
            is_text = pa.types.is_string(field.type)
            dictionary = "RLE_DICTIONARY" in found[field.name + suffix]
            assert dictionary == is_text, field.name


def test_files_carry_what_identifies_the_run_and_nothing_of_the_host(
    tmp_path: Path,
) -> None:
    write_run(tmp_path / "run")
    for name in (*SCHEMAS, part_name(0)):
        metadata = pq.read_schema(tmp_path / "run" / name).metadata
        assert metadata == {
            b"simcore.clock": b"ps",
            b"simcore.config_sha256": b"c0ffee",
            b"simcore.schema_version": b"2.1",
            b"simcore.seed": b"7",
        }


def test_pages_carry_checksums(tmp_path: Path) -> None:
    """A flipped bit in a page is refused by the Parquet reader itself."""
    write_run(tmp_path / "run", replications=1, bursts=200)
    path = tmp_path / "run" / part_name(0)
    chunk = pq.read_metadata(path).row_group(0).column(6)
    data = bytearray(path.read_bytes())
    data[chunk.data_page_offset + chunk.total_compressed_size - 3] ^= 4
    path.write_bytes(data)
    with pytest.raises(OSError, match="CRC checksum verification failed"):
        pq.read_table(path, page_checksum_verification=True)


def test_two_writes_give_the_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_run(tmp_path / name)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def test_only_run_json_differs_when_the_host_differs(tmp_path: Path) -> None:
    write_run(tmp_path / "a", run={"host": "a"})
    write_run(tmp_path / "b", run={"host": "b"})
    a, b = files_of(tmp_path / "a"), files_of(tmp_path / "b")
    assert [name for name in a if a[name] != b[name]] == ["run.json"]


def test_flushing_on_the_way_gives_the_bytes_of_one_flush(tmp_path: Path) -> None:
    write_run(tmp_path / "a", flush=True)
    write_run(tmp_path / "b", flush=False)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")


def write_long(out: Path, chunk: int, *, flush: bool) -> None:
    """One replication of 300,000 rows: more than two row groups."""
    n_operations = 3000
    with RunWriter(out, metadata=METADATA, replications_per_part=1) as writer:
        writer.write_program(program_columns(), energy_columns())
        writer.events(np.arange(n_operations), np.zeros(n_operations))
        origin = 0
        for burst in range(100):
            arrays = holds((burst,), origin, n_operations)
            writer.record_burst(0, 0, burst, *arrays)
            origin = int((arrays[1] + arrays[2]).max())
            if flush and burst % chunk == 0:
                writer.flush_before(origin - 1000 * chunk)
        writer.end_replication(0)
        writer.finish({}, {})


def test_row_groups_are_cut_by_row_number_whatever_the_flushes(tmp_path: Path) -> None:
    write_long(tmp_path / "a", 1, flush=False)
    write_long(tmp_path / "b", 1, flush=True)
    write_long(tmp_path / "c", 7, flush=True)
    assert files_of(tmp_path / "a") == files_of(tmp_path / "b")
    assert files_of(tmp_path / "a") == files_of(tmp_path / "c")
    metadata = pq.read_metadata(tmp_path / "a" / part_name(0))
    groups = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert groups == [ROW_GROUP_ROWS, ROW_GROUP_ROWS, 300_000 - 2 * ROW_GROUP_ROWS]
    assert [c.column_index for c in metadata.row_group(0).sorting_columns] == [
        EVENTS_SCHEMA.names.index(name) for name in EVENTS_ORDER
    ]
    assert (tmp_path / "a" / part_name(0)).stat().st_size < 5 * 300_000


def test_a_part_that_ends_with_a_full_row_group(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run", metadata=METADATA, replications_per_part=1) as w:
        w.write_program(program_columns(), energy_columns())
        w.events(np.arange(ROW_GROUP_ROWS), np.zeros(ROW_GROUP_ROWS))
        w.record_burst(0, 0, 0, *holds((0,), 0, ROW_GROUP_ROWS))
        w.end_replication(0)
        w.finish({}, {})
    metadata = pq.read_metadata(tmp_path / "run" / part_name(0))
    assert (metadata.num_row_groups, metadata.num_rows) == (1, ROW_GROUP_ROWS)


def test_no_more_than_a_row_group_waits_in_memory_when_flushed(tmp_path: Path) -> None:
    sizes = []
    with RunWriter(tmp_path / "run", metadata=METADATA, replications_per_part=1) as w:
        w.write_program(program_columns(), energy_columns())
        w.events(np.arange(3000), np.zeros(3000))
        for burst in range(100):
            arrays = holds((burst,), burst * 10**9, 3000)
            w.record_burst(0, 0, burst, *arrays)
            w.flush_before((burst + 1) * 10**9)
            assert w._buffer is not None
            sizes.append(len(w._buffer._waiting))
        w.end_replication(0)
        w.finish({}, {})
    assert set(sizes) == {0}


def test_the_file_holds_the_rows_of_the_recorder_in_memory(tmp_path: Path) -> None:
    write_run(tmp_path / "run", activates=True)
    memory = MemoryRecorder(ROW_OP, ROW_INDEX)
    counts = np.arange(6, dtype=np.int32)
    for replication in range(3):
        origin = 0
        for burst in range(4):
            arrays = holds((replication, burst), origin)
            memory.record_burst(replication, replication, burst, *arrays, counts)
            origin = int((arrays[1] + arrays[2]).max())
        memory.end_replication(replication)
    parts = [pq.read_table(tmp_path / "run" / part_name(i)) for i in (0, 1)]
    written = pa.concat_tables(parts).combine_chunks()
    assert written.equals(memory.table().combine_chunks())
    rows = rows_of(written, *EVENTS_ORDER)
    assert rows == sorted(rows)


def test_parts_are_fixed_ranges_of_replications(tmp_path: Path) -> None:
    write_run(tmp_path / "run", replications=5, per_part=2)
    for part, wanted in ((0, {0, 1}), (1, {2, 3}), (2, {4})):
        table = pq.read_table(tmp_path / "run" / part_name(part))
        assert set(table["replication"].to_pylist()) == wanted


def test_a_finished_part_is_under_its_name_before_the_run_ends(tmp_path: Path) -> None:
    out = tmp_path / "run"
    with RunWriter(out, metadata=METADATA, replications_per_part=1) as writer:
        writer.write_program(program_columns(), energy_columns())
        writer.events(ROW_OP, ROW_INDEX)
        writer.record_burst(0, 0, 0, *holds((0,)))
        writer.end_replication(0)
        assert (out / part_name(0)).is_file()
        writer.finish({}, {})


def test_the_manifest_lists_checksum_size_and_rows_of_every_file(
    tmp_path: Path,
) -> None:
    write_run(tmp_path / "run")
    files = files_of(tmp_path / "run")
    manifest = json.loads(files.pop("run.json"))
    assert manifest["state"] == "complete"
    assert manifest["schema_version"] == "2.1"
    assert manifest["events_recorded"] is True
    assert manifest["host"] == "nowhere"
    assert set(manifest["files"]) == set(files)
    for name, entry in manifest["files"].items():
        assert entry["sha256"] == hashlib.sha256(files[name]).hexdigest()
        assert entry["bytes"] == len(files[name])
    assert manifest["files"][part_name(0)]["rows"] == 2 * 4 * ROW_OP.size
    assert manifest["files"]["bursts.parquet"]["rows"] == 12


def test_json_has_sorted_keys_and_exact_floats(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run", metadata=METADATA, replications_per_part=1) as w:
        w.write_program(program_columns(), energy_columns())
        w.finish({}, {"b": np.float64(0.1), "a": np.int64(2**40), "c": 1e-300})
    text = (tmp_path / "run" / "summary.json").read_text()
    assert text == '{\n "a": 1099511627776,\n "b": 0.1,\n "c": 1e-300\n}\n'


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_a_summary_that_is_not_a_number_is_refused(
    tmp_path: Path, value: float
) -> None:
    def write() -> None:
        with RunWriter(tmp_path / "r", metadata=METADATA, replications_per_part=1) as w:
            w.write_program(program_columns(), energy_columns())
            w.finish({}, {"x": value})

    with pytest.raises(ValueError, match="not JSON compliant"):
        write()
    assert not (tmp_path / "r" / "run.json").exists()


def test_bursts_and_requests_are_sorted_by_their_keys(tmp_path: Path) -> None:
    with RunWriter(tmp_path / "run", metadata=METADATA, replications_per_part=1) as w:
        w.write_program(program_columns(), energy_columns())
        w.add_burst_row(**burst_row(1, 5, 0))
        rows = [burst_row(0, 3, 1), burst_row(0, 3, 0), burst_row(0, 1, 0)]
        w.add_bursts({name: [row[name] for row in rows] for name in rows[0]})
        requests = [request_row(1, 5), request_row(0, 3), request_row(0, 1)]
        w.add_requests({n: [row[n] for row in requests] for n in requests[0]})
        w.finish({}, {})
    table = pq.read_table(tmp_path / "run" / "bursts.parquet")
    keys = [(0, 1, 0), (0, 3, 0), (0, 3, 1), (1, 5, 0)]
    assert rows_of(table, "replication", "request", "burst") == keys
    table = pq.read_table(tmp_path / "run" / "requests.parquet")
    assert rows_of(table, "replication", "request") == [(0, 1), (0, 3), (1, 5)]


def test_without_events_no_event_is_written(tmp_path: Path) -> None:
    write_run(tmp_path / "run", write_events=False)
    assert set(files_of(tmp_path / "run")) == set(TOP_FILES)


def test_names_of_the_design() -> None:
    assert PHASES == (
        "draft",
        "verify_drafted",
        "verify_bonus",
        "draft_ahead",
        "commit",
    )
    assert CHANNELS == ("compute", "movement", "gate")
    assert len(STAGES) == len(set(STAGES)) == 13


def use(tmp_path: Path, what: str) -> None:
    with RunWriter(tmp_path / "run", metadata=METADATA, replications_per_part=1) as w:
        if what == "record before events":
            w.record_burst(0, 0, 0, *holds((0,)))
        if what == "unknown column":
            w.add_burst_row(**burst_row(0, 0, 0), colour=1)
        if what == "lengths":
            w.add_bursts({**{k: [v] for k, v in burst_row(0, 0, 0).items()}, "k": []})
        if what == "no program":
            w.finish({}, {})
        w.write_program(program_columns(), energy_columns())
        if what == "reserved":
            w.finish({"state": "mine"}, {})
        w.events(ROW_OP, ROW_INDEX)
        w.record_burst(0, 0, 0, *holds((0,)))
        if what == "open replication":
            w.finish({}, {})


@pytest.mark.parametrize(
    ("what", "message"),
    [
        ("record before events", "call events"),
        ("unknown column", "missing or unknown: \\['colour'\\]"),
        ("lengths", "lengths differ: \\[0, 1\\]"),
        ("no program", "no program written"),
        ("reserved", "reserved keys used: \\['state'\\]"),
        ("open replication", "replication 0 has not ended"),
    ],
)
def test_wrong_use_is_refused(tmp_path: Path, what: str, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        use(tmp_path, what)
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_run_that_is_never_finished_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="call finish"):
        use(tmp_path, "forget")
    assert not (tmp_path / "run" / "run.json").exists()
    assert not list(tmp_path.rglob(".*.tmp-*"))


@pytest.mark.parametrize(
    ("metadata", "replications_per_part", "message"),
    [
        ({"simcore.seed": "1"}, 1, "missing \\['simcore.config_sha256'\\]"),
        ({**METADATA, "host": "h"}, 1, "not simcore.\\*: \\['host'\\]"),
        (METADATA, 0, "replications_per_part must be >= 1"),
    ],
)
def test_wrong_arguments_are_refused(
    tmp_path: Path, metadata: dict[str, str], replications_per_part: int, message: str
) -> None:
    with pytest.raises(ValueError, match=message):
        RunWriter(
            tmp_path, metadata=metadata, replications_per_part=replications_per_part
        )


@pytest.mark.parametrize(
    ("column", "value", "message"),
    [
        ("op_id", [1.5], "truncated"),
        ("op_id", [2**40], "not in range"),
        ("op_id", [None], "must not hold nulls"),
        ("component", [None], "must not hold nulls"),
        ("energy_pj_base", [math.nan], "must be finite"),
        ("energy_pj_base", [1.0, 2.0], "length"),
    ],
)
def test_a_column_that_does_not_fit_its_type_is_refused(
    column: str, value: list[Any], message: str
) -> None:
    columns: dict[str, Any] = {
        name: values[:1] for name, values in energy_columns().items()
    }
    with pytest.raises(ValueError, match=message):
        table_of({**columns, column: value}, SCHEMAS["program_energy.parquet"])


def test_what_json_does_not_have_is_refused() -> None:
    with pytest.raises(TypeError, match="set cannot be written as JSON"):
        canonical_json({"x": {1}})
