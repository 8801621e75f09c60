"""A part file whose row groups are written by a thread, one behind the rows."""

from __future__ import annotations

import threading
import time
from functools import partial
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simcore.errors import OutputError
from simcore.trace.holds import EventRows
from simcore.trace.schema import ROW_GROUP_ROWS
from simcore.trace.tables import EventPart, ParquetFile

METADATA = {b"simcore.seed": b"1"}


def rows_from(first: int, n_rows: int) -> EventRows:
    number = np.arange(first, first + n_rows)
    small = (number % 1000).astype(np.int32)
    return EventRows(
        0, small, small, small, np.zeros(n_rows, np.int8), number, number, number, None
    )


def fill(part: EventPart, n_rows: int, chunk: int) -> None:
    for first in range(0, n_rows, chunk):
        part.append(rows_from(first, min(chunk, n_rows - first)))


def writers() -> list[str]:
    names = [thread.name for thread in threading.enumerate()]
    return [name for name in names if name.startswith("simcore-writer")]


@pytest.mark.parametrize("n_rows", [10, ROW_GROUP_ROWS, 3 * ROW_GROUP_ROWS + 7])
def test_rows_arrive_in_order_however_slow_the_disk_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, n_rows: int
) -> None:
    quick = EventPart(tmp_path / "quick.parquet", METADATA)
    fill(quick, n_rows, 50_000)
    write = ParquetFile.write

    def slow(file: ParquetFile, table: pa.Table) -> None:
        time.sleep(0.05)
        write(file, table)

    monkeypatch.setattr(ParquetFile, "write", slow)
    late = EventPart(tmp_path / "slow.parquet", METADATA)
    fill(late, n_rows, 77_777)
    assert quick.n_rows == late.n_rows == n_rows
    assert quick.commit() == late.commit()
    table = pq.read_table(tmp_path / "slow.parquet")
    assert np.array_equal(table["start_ps"].to_numpy(), np.arange(n_rows))
    assert writers() == []


@pytest.mark.parametrize("at_the_end", [False, True])
def test_what_the_thread_was_refused_is_told_and_nothing_stays(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, at_the_end: bool
) -> None:
    def refuse(file: ParquetFile, table: pa.Table) -> None:
        raise OutputError("cannot write: No space left on device")

    part = EventPart(tmp_path / "part.parquet", METADATA)
    monkeypatch.setattr(ParquetFile, "write", refuse)
    fill(part, ROW_GROUP_ROWS, ROW_GROUP_ROWS)
    go_on = part.commit if at_the_end else partial(fill, part, ROW_GROUP_ROWS, 1000)
    with pytest.raises(OutputError, match="No space left"):
        go_on()
    part.abort()
    assert list(tmp_path.iterdir()) == []
    assert writers() == []
