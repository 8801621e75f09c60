"""Parquet files of a run: whole tables, and event parts in fixed row groups."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from io import IOBase
from pathlib import Path
from typing import Any, cast

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from simcore.trace.columns import primitive, to_arrow, to_numpy
from simcore.trace.folder import AtomicFile, FileRecord, writing
from simcore.trace.holds import EventRows
from simcore.trace.schema import EVENTS_SCHEMA, ROW_GROUP_ROWS, parquet_options


def table_of(columns: Mapping[str, Any], schema: pa.Schema) -> pa.Table:
    """Arrow table with exactly the columns and types of a schema.

    Parameters
    ----------
    columns : mapping of str to sequence or ndarray
        Equal lengths; None where a nullable column has no value.
    schema : pyarrow.Schema
        Names, order and types of the result.

    Raises
    ------
    ValueError
        If a column is missing, unknown, of another length or type, holds a null
        where none may be, or a float that is not finite.
    """
    difference = set(columns) ^ set(schema.names)
    if difference:
        raise ValueError(f"columns missing or unknown: {sorted(difference)}")
    arrays = []
    for field in schema:
        array = to_arrow(columns[field.name], field.type)
        if array.null_count and not field.nullable:
            raise ValueError(f"column {field.name} must not hold nulls")
        if pa.types.is_floating(field.type) and not np.isfinite(to_numpy(array)).all():
            raise ValueError(f"column {field.name} must be finite")
        arrays.append(array)
    return pa.Table.from_arrays(arrays, schema=schema)


def events_batch(rows: Iterable[EventRows]) -> pa.Table:
    """Event rows in memory as one Arrow table."""
    batches = [
        pa.RecordBatch.from_arrays(
            [
                primitive(np.full(part.op_id.size, part.replication, dtype=np.int32)),
                *(primitive(column) for column in part.integers()),
                pa.nulls(part.op_id.size, pa.int32())
                if part.activates is None
                else primitive(part.activates),
            ],
            schema=EVENTS_SCHEMA,
        )
        for part in rows
    ]
    return pa.Table.from_batches(batches, schema=EVENTS_SCHEMA)


class ParquetFile:
    """One Parquet file that appears whole.

    Parameters
    ----------
    path : Path
        Final name.
    schema : pyarrow.Schema
        Schema with the metadata of the file.
    random_durations : bool
        As `schema.parquet_options`.
    """

    def __init__(
        self, path: Path, schema: pa.Schema, *, random_durations: bool = False
    ) -> None:
        self.schema = schema
        self.n_rows = 0
        self._file = AtomicFile(path)
        try:
            # The constructor writes the first bytes already.
            with writing(path):
                self._writer = pq.ParquetWriter(
                    pa.PythonFile(cast(IOBase, self._file), mode="w"),
                    schema,
                    **parquet_options(schema, random_durations=random_durations),
                )
        except BaseException:
            self._file.abort()
            raise

    def write(self, table: pa.Table) -> None:
        """Append rows as row groups of `ROW_GROUP_ROWS`.

        Raises
        ------
        OutputError
            If the system refuses.
        """
        with writing(self._file.path):
            self._writer.write_table(table, row_group_size=ROW_GROUP_ROWS)
        self.n_rows += table.num_rows

    def commit(self) -> FileRecord:
        """Write the footer and put the file under its final name."""
        try:
            with writing(self._file.path):
                self._writer.close()
        except BaseException:
            self.abort()
            raise
        return self._file.commit()

    def abort(self) -> None:
        """Leave nothing behind."""
        # Closing would write a footer to a file that cannot take it.
        self._writer.is_open = False
        self._file.abort()


def write_table(path: Path, table: pa.Table) -> FileRecord:
    """Write a whole table as a Parquet file.

    Parameters
    ----------
    path : Path
        Final name.
    table : pyarrow.Table
        Its schema carries the metadata.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    file = ParquetFile(path, table.schema)
    try:
        file.write(table)
    except BaseException:
        file.abort()
        raise
    return file.commit()


def write_pieces(
    path: Path, schema: pa.Schema, tables: Iterable[pa.Table]
) -> tuple[FileRecord, int]:
    """Write a table that comes in pieces, in row groups cut by row number only.

    Parameters
    ----------
    path : Path
        Final name.
    schema : pyarrow.Schema
        With the metadata of the file.
    tables : iterable of pyarrow.Table
        Of this schema, metadata aside.

    Returns
    -------
    tuple
        Record of the file, and its rows.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    file = ParquetFile(path, schema)
    try:
        waiting = table_of({name: [] for name in schema.names}, schema)
        for table in tables:
            waiting = pa.concat_tables([waiting, table.cast(schema)])
            whole = waiting.num_rows - waiting.num_rows % ROW_GROUP_ROWS
            for start in range(0, whole, ROW_GROUP_ROWS):
                file.write(waiting.slice(start, ROW_GROUP_ROWS).combine_chunks())
            waiting = waiting.slice(whole)
        if waiting.num_rows or not file.n_rows:
            file.write(waiting.combine_chunks())
    except BaseException:
        file.abort()
        raise
    return file.commit(), file.n_rows


class EventPart:
    """One part of the events, filled in file order.

    Row groups are cut by row number only, so the bytes do not depend on how many
    rows came at a time. Holds two row groups in memory: one is filled while a thread
    compresses and writes the one before.

    Parameters
    ----------
    path : Path
        Final name.
    metadata : mapping of bytes to bytes
        Metadata of the file.
    random_durations : bool
        Whether hardly two holds last equally long.
    """

    def __init__(
        self,
        path: Path,
        metadata: Mapping[bytes, bytes],
        *,
        random_durations: bool = False,
    ) -> None:
        schema = EVENTS_SCHEMA.with_metadata(dict(metadata))
        self._file = ParquetFile(path, schema, random_durations=random_durations)
        self._group = _RowGroup()
        self._spare: _RowGroup | None = None
        self._thread: ThreadPoolExecutor | None = None
        self._writing: Future[None] | None = None
        self._n_rows = 0

    @property
    def n_rows(self) -> int:
        """Rows taken so far."""
        return self._n_rows

    def append(self, rows: EventRows) -> None:
        """Take rows; a row group is written once it is full.

        Raises
        ------
        OutputError
            If the system refused to write an earlier row group.
        """
        taken = 0
        while taken < rows.op_id.size:
            taken += self._group.fill(rows, taken)
            if self._group.n_rows == ROW_GROUP_ROWS:
                self._write_behind()
        self._n_rows += taken

    def commit(self) -> FileRecord:
        """Write what is left and put the part under its final name.

        Raises
        ------
        OutputError
            If the system refuses; nothing is left behind then.
        """
        try:
            self._wait()
            if self._group.n_rows:
                self._file.write(self._group.table(self._file.schema))
        except BaseException:
            self.abort()
            raise
        self._end_thread()
        return self._file.commit()

    def abort(self) -> None:
        """Leave nothing behind."""
        self._end_thread()
        self._file.abort()

    def _write_behind(self) -> None:
        """Have the row group written while the next one is filled."""
        self._wait()
        if self._thread is None:
            self._thread = ThreadPoolExecutor(1, thread_name_prefix="simcore-writer")
        table = self._group.table(self._file.schema)
        self._writing = self._thread.submit(self._file.write, table)
        self._group, self._spare = self._spare or _RowGroup(), self._group
        self._group.n_rows = 0

    def _wait(self) -> None:
        """Wait for the row group that is being written; raises what went wrong."""
        writing, self._writing = self._writing, None
        if writing is not None:
            writing.result()

    def _end_thread(self) -> None:
        if self._thread is not None:
            self._thread.shutdown()


class _RowGroup:
    """Room for the rows of one row group."""

    def __init__(self) -> None:
        self._columns: list[npt.NDArray[Any]] = [
            np.zeros(ROW_GROUP_ROWS, dtype=str(field.type)) for field in EVENTS_SCHEMA
        ]
        self._has_activates = np.zeros(ROW_GROUP_ROWS, dtype=np.bool_)
        self.n_rows = 0

    def fill(self, rows: EventRows, first: int) -> int:
        """Copy rows from the first on, as many as there is room for; says how many."""
        n_rows = min(rows.op_id.size - first, ROW_GROUP_ROWS - self.n_rows)
        here = slice(self.n_rows, self.n_rows + n_rows)
        there = slice(first, first + n_rows)
        self._columns[0][here] = rows.replication
        for target, source in zip(self._columns[1:-1], rows.integers(), strict=True):
            target[here] = source[there]
        self._has_activates[here] = rows.activates is not None
        if rows.activates is not None:
            self._columns[-1][here] = rows.activates[there]
        self.n_rows += n_rows
        return n_rows

    def table(self, schema: pa.Schema) -> pa.Table:
        """The rows as an Arrow table on the same memory."""
        here = slice(self.n_rows)
        arrays = [primitive(column[here]) for column in self._columns[:-1]]
        arrays.append(primitive(self._columns[-1][here], self._has_activates[here]))
        return pa.Table.from_arrays(arrays, schema=schema)
