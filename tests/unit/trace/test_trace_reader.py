"""Does `read_trace` give what was written, and refuse everything else by name?"""

from __future__ import annotations

import errno
import hashlib
import json
import os
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from synthetic_run import METADATA, ROW_OP, program_columns, rows_of, write_run

from simcore.errors import TraceError
from simcore.trace.reader import read_trace
from simcore.trace.schema import PROGRAM_SCHEMA, SCHEMAS, part_name
from simcore.trace.writer import canonical_json


def refusal(run: Path, *, verify: bool = True) -> str:
    with pytest.raises(TraceError) as caught:
        read_trace(run, verify=verify)
    text = str(caught.value)
    assert "\n" not in text
    return text


def rewrite_manifest(run: Path, **changes: Any) -> None:
    """Change run.json and make its own checksum fit again."""
    manifest = json.loads((run / "run.json").read_text())
    manifest.update(changes)
    del manifest["run_sha256"]
    digest = hashlib.sha256(canonical_json(manifest)).hexdigest()
    manifest["run_sha256"] = digest
    (run / "run.json").write_bytes(canonical_json(manifest))


def test_tables_come_back_as_written(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    trace = read_trace(str(tmp_path / "run"))
    assert trace.path == tmp_path / "run"
    assert trace.run["seed"] == 7
    assert trace.summary == {"x": 1.5}
    assert trace.has_events
    assert trace.n_events == 3 * 4 * ROW_OP.size
    assert trace.program().schema.equals(PROGRAM_SCHEMA)
    for name, values in program_columns().items():
        assert trace.program()[name].to_pylist() == list(values), name
    assert trace.program_energy().num_rows == 12
    assert rows_of(trace.bursts(), "replication", "burst") == [
        (replication, burst) for replication in range(3) for burst in range(4)
    ]
    assert trace.requests()["commit_gap_ps"].to_pylist() == [[10, 20]] * 3
    assert trace.requests()["ttft_ps"].to_pylist() == [None] * 3
    events = trace.events()
    assert events.num_rows == trace.n_events
    assert events["replication"].to_pylist() == sorted(
        events["replication"].to_pylist()
    )
    assert trace.events(["op_id"]).column_names == ["op_id"]
    assert (
        trace.bursts().schema.metadata[b"simcore.seed"]
        == METADATA["simcore.seed"].encode()
    )


def test_a_missing_folder_and_a_folder_without_manifest_are_refused(
    tmp_path: Path,
) -> None:
    assert refusal(tmp_path / "no") == f"{tmp_path}/no: there is no such run folder"
    assert refusal(tmp_path) == (
        f"{tmp_path}/run.json: missing; the folder is not a run, or the run was "
        "interrupted"
    )


def test_a_run_that_is_not_complete_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path)
    rewrite_manifest(tmp_path, state="partial")
    assert refusal(tmp_path) == (
        f"{tmp_path}/run.json: the run is not complete (state 'partial')"
    )


def test_another_major_version_is_refused_and_another_minor_read(
    tmp_path: Path,
) -> None:
    write_run(tmp_path)
    rewrite_manifest(tmp_path, schema_version="2.7")
    assert read_trace(tmp_path).n_events > 0
    rewrite_manifest(tmp_path, schema_version="1.1", versions={"simcore": "9.9"})
    assert refusal(tmp_path) == (
        f"{tmp_path}/run.json: schema version '1.1', written by simcore '9.9'; this "
        "simcore reads 2.1. Run the scenario again, or read it with the simcore that "
        "wrote it."
    )
    rewrite_manifest(tmp_path, schema_version=None)
    assert "damaged: it names no schema version" in refusal(tmp_path)


FILES = [*SCHEMAS, "summary.json", part_name(0), part_name(1)]


@pytest.mark.parametrize("verify", [True, False])
@pytest.mark.parametrize("name", FILES)
def test_a_missing_file_is_named(tmp_path: Path, name: str, verify: bool) -> None:
    write_run(tmp_path)
    (tmp_path / name).unlink()
    assert refusal(tmp_path, verify=verify) == f"{tmp_path}/{name}: the file is missing"


@pytest.mark.parametrize("name", FILES)
def test_a_flipped_bit_is_refused_and_the_file_named(tmp_path: Path, name: str) -> None:
    write_run(tmp_path)
    data = bytearray((tmp_path / name).read_bytes())
    data[len(data) // 2] ^= 1
    (tmp_path / name).write_bytes(data)
    assert refusal(tmp_path) == (
        f"{tmp_path}/{name}: the file is damaged: its checksum differs"
    )
    assert read_trace(tmp_path, verify=False).n_events > 0


def test_a_truncated_file_is_refused_even_without_verification(tmp_path: Path) -> None:
    write_run(tmp_path)
    path = tmp_path / "bursts.parquet"
    size = path.stat().st_size
    path.write_bytes(path.read_bytes()[:-1])
    assert refusal(tmp_path, verify=False) == (
        f"{path}: the file is damaged: {size - 1} bytes instead of {size}"
    )


def test_a_changed_number_in_the_manifest_is_noticed(tmp_path: Path) -> None:
    write_run(tmp_path)
    path = tmp_path / "run.json"
    path.write_text(path.read_text().replace('"seed": 7', '"seed": 8'))
    text = f"{path}: the file is damaged: its checksum differs: it is "
    assert refusal(tmp_path).startswith(text)


@pytest.mark.parametrize("case", ["no last newline", "a letter that changes nothing"])
def test_a_manifest_that_means_the_same_in_other_bytes_is_noticed(
    tmp_path: Path, case: str
) -> None:
    write_run(tmp_path, run={"seed": 7, "host": "nowhere", "tiny": 1e-05})
    path = tmp_path / "run.json"
    text = path.read_text()
    changed = text[:-1] if case == "no last newline" else text.replace("1e-", "1E-")
    assert json.loads(changed) == json.loads(text)
    assert changed != text
    path.write_text(changed)
    assert refusal(tmp_path) == (
        f"{path}: the file is damaged: its checksum differs: its layout was changed"
    )


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '"x"',
        "\x00",
        "[" * 100_000,
        '{"state": NaN}',
        '{"state": "complete", "schema_version": "1.0", "x": NaN}',
    ],
)
def test_a_manifest_that_is_no_json_object_is_refused(
    tmp_path: Path, text: str
) -> None:
    write_run(tmp_path)
    (tmp_path / "run.json").write_text(text)
    assert refusal(tmp_path).startswith(f"{tmp_path}/run.json: ")


@pytest.mark.parametrize(
    "files",
    [
        None,
        {},
        {"../x.parquet": {"sha256": "", "bytes": 0, "rows": 0}},
        {"/etc/x.parquet": {"sha256": "", "bytes": 0, "rows": 0}},
        {"events/part-00000.parquet": {"sha256": "", "bytes": 0}},
        {"events/part-00000.parquet": "x"},
    ],
)
def test_a_broken_list_of_files_is_refused(tmp_path: Path, files: Any) -> None:
    write_run(tmp_path)
    listed = json.loads((tmp_path / "run.json").read_text())["files"]
    rewrite_manifest(tmp_path, files={**listed, **files} if files else files)
    assert refusal(tmp_path) == (
        f"{tmp_path}/run.json: the file is damaged: its list of files is broken"
    )


def test_damage_that_the_size_does_not_show_is_found_when_the_pages_are_read(
    tmp_path: Path,
) -> None:
    write_run(tmp_path)
    path = tmp_path / part_name(0)
    data = bytearray(path.read_bytes())
    chunk = pq.read_metadata(path).row_group(0).column(6)
    data[chunk.data_page_offset + chunk.total_compressed_size - 2] ^= 16
    path.write_bytes(data)
    trace = read_trace(tmp_path, verify=False)
    with pytest.raises(TraceError, match=r"part-00000.parquet: the file is damaged"):
        trace.events()


def test_a_table_of_other_columns_is_refused(tmp_path: Path) -> None:
    write_run(tmp_path)
    path = tmp_path / "bursts.parquet"
    pq.write_table(pq.read_table(path).drop_columns(["committed"]), path)
    listed = json.loads((tmp_path / "run.json").read_text())["files"]
    listed["bursts.parquet"]["bytes"] = path.stat().st_size
    rewrite_manifest(tmp_path, files=listed)
    with pytest.raises(TraceError, match=r"bursts.parquet: the file is damaged"):
        read_trace(tmp_path, verify=False).bursts()


def test_events_of_a_run_without_events_are_an_error_and_not_an_empty_table(
    tmp_path: Path,
) -> None:
    write_run(tmp_path, write_events=False)
    trace = read_trace(tmp_path)
    assert not trace.has_events
    assert trace.bursts().num_rows == 12
    for use in (trace.events, trace.arrow):
        with pytest.raises(TraceError) as caught:
            use()
        assert str(caught.value) == (
            f"{tmp_path}: the run kept no events (trace: bursts). Run it again with "
            "trace: full."
        )
    count = trace.duckdb().sql("SELECT count(*) FROM bursts").fetchall()
    assert count == [(12,)]


def test_a_file_that_the_system_does_not_give_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*args: object) -> bytes:
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    write_run(tmp_path)
    with monkeypatch.context() as patch:
        patch.setattr(Path, "read_bytes", refuse)
        assert refusal(tmp_path) == (
            f"{tmp_path}/run.json: cannot read: Input/output error"
        )
    with monkeypatch.context() as patch:
        patch.setattr(hashlib, "file_digest", refuse)
        assert refusal(tmp_path) == (
            f"{tmp_path}/bursts.parquet: cannot read: Input/output error"
        )


def test_an_enormous_manifest_is_refused_unread(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path)
    monkeypatch.setattr("simcore.trace.reader._MAX_RUN_JSON_BYTES", 100)
    assert "larger than 64 MiB" in refusal(tmp_path)
