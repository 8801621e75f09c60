"""Writes a run folder; the manifest `run.json` comes last and makes it a run."""

from __future__ import annotations

import contextlib
import hashlib
import json
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.trace.folder import (
    FileRecord,
    claim_folder,
    clean_up,
    write_whole,
    writing,
)
from simcore.trace.holds import EventBuffer, EventRows, HoldExpansion
from simcore.trace.recorder import BoolArray, Int32Array, Int64Array
from simcore.trace.schema import (
    BURSTS,
    EVENTS_FOLDER,
    PROGRAM,
    PROGRAM_ENERGY,
    REQUESTS,
    RUN_JSON,
    RUN_PLAN,
    RUN_SHA256,
    SCHEMA_VERSION,
    SCHEMAS,
    SHARDS_FOLDER,
    SUMMARY_JSON,
    part_name,
)
from simcore.trace.tables import EventPart, table_of, write_pieces, write_table

#: Keys of run.json that the writer fills; the caller may not.
MANIFEST_KEYS = (
    "state",
    "schema_version",
    "events_recorded",
    "bursts_recorded",
    "files",
    RUN_SHA256,
)

_REQUIRED_METADATA = ("simcore.config_sha256", "simcore.seed")


def canonical_json(document: Mapping[str, Any]) -> bytes:
    """JSON with sorted keys and shortest exact floats, one byte string per document.

    Raises
    ------
    ValueError
        If a number is NaN or infinite.
    """
    text = json.dumps(
        document, sort_keys=True, allow_nan=False, indent=1, default=_plain
    )
    return f"{text}\n".encode()


def file_metadata(metadata: Mapping[str, str]) -> dict[bytes, bytes]:
    """Metadata of every Parquet file of a run.

    Parameters
    ----------
    metadata : mapping of str to str
        Keys `simcore.*`; `simcore.config_sha256` and `simcore.seed` are required.
        Nothing of host, time or path belongs here.

    Raises
    ------
    ValueError
        If a key is missing or foreign.
    """
    missing = [key for key in _REQUIRED_METADATA if key not in metadata]
    unknown = [key for key in metadata if not key.startswith("simcore.")]
    if missing or unknown:
        raise ValueError(f"metadata: missing {missing}, not simcore.*: {unknown}")
    everything = {
        **metadata,
        "simcore.schema_version": SCHEMA_VERSION,
        "simcore.clock": "ps",
    }
    return {key.encode(): everything[key].encode() for key in sorted(everything)}


def _plain(value: object) -> object:
    if isinstance(value, np.generic):
        return value.item()
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")


class RunWriter:
    """Writes one run folder; a `Recorder` while the simulation runs.

    Use as a context manager. After an exception the temporary files are removed and
    what is finished stays, without a manifest: `read_trace` refuses the folder. A run
    of shards of which none is finished leaves nothing.

    Parameters
    ----------
    out : Path
        Run folder; must be absent or empty unless `force` is set.
    force : bool
        Replace the run that is there; only a run's own files are ever removed.
    metadata : mapping of str to str
        Metadata of every Parquet file, keys `simcore.*`; `simcore.config_sha256` and
        `simcore.seed` are required. Nothing of host, time or path belongs here.
    replications_per_part : int
        Replications in one event part, >= 1; fixed so that the bytes do not depend
        on how the work was split.
    write_events : bool
        False keeps no events.
    write_bursts : bool
        False keeps neither bursts nor requests.
    resume : bool
        Keep what the folder holds of an unfinished run.

    Raises
    ------
    ConfigError
        If the folder is a file, not empty, or being written by another process.
    OutputError
        If the system refuses; raised by every method that writes.
    """

    def __init__(
        self,
        out: Path,
        *,
        force: bool = False,
        metadata: Mapping[str, str],
        replications_per_part: int,
        write_events: bool = True,
        write_bursts: bool = True,
        resume: bool = False,
    ) -> None:
        if replications_per_part < 1:
            raise ValueError("replications_per_part must be >= 1")
        self.out = Path(out)
        self._force = force
        self._resume = resume
        self._write_events = write_events
        self._write_bursts = write_bursts
        self._per_part = replications_per_part
        self._metadata = file_metadata(metadata)
        self._files: dict[str, dict[str, Any]] = {}
        self._rows: dict[str, dict[str, list[Any]]] = {
            name: defaultdict(list) for name in (BURSTS, REQUESTS) if write_bursts
        }
        self._buffer: EventBuffer | None = None
        self._part: EventPart | None = None
        self._part_index = -1
        self._finished = False

    def __enter__(self) -> Self:
        self._lock = claim_folder(self.out, force=self._force, resume=self._resume)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if self._part is not None:
            self._part.abort()
            self._part = None
        clean_up(self.out, keep_plan=self._resume or self._finished)
        self._lock.release()
        if not self._finished:
            # A folder in which nothing was finished need not stay.
            with contextlib.suppress(OSError):
                self.out.rmdir()
            if kind is None:
                raise RuntimeError("the run was not finished: call finish()")

    def write_program(
        self, columns: Mapping[str, Any], energy_columns: Mapping[str, Any]
    ) -> None:
        """Write the static tables.

        Parameters
        ----------
        columns : mapping of str to sequence or ndarray
            Columns of `PROGRAM_SCHEMA`, rows by (op_id, resource_index).
        energy_columns : mapping of str to sequence or ndarray
            Columns of `PROGRAM_ENERGY_SCHEMA`.

        Raises
        ------
        ValueError
            If a column is missing, unknown or does not fit its type.
        """
        self._write_table(PROGRAM, columns)
        self._write_table(PROGRAM_ENERGY, energy_columns)

    def events(self, row_op: npt.ArrayLike, row_resource_index: npt.ArrayLike) -> None:
        """Say how operations become rows, before the first burst is recorded.

        Parameters
        ----------
        row_op, row_resource_index : array_like of int, shape (n_rows,)
            The two columns of the program's rows.

        Raises
        ------
        ValueError
            If the rows of an operation are not numbered 0, 1, 2, ...
        """
        expansion = HoldExpansion(row_op, row_resource_index)
        self._buffer = EventBuffer(expansion, self._take)

    def record_burst(
        self,
        replication: int,
        request: int,
        burst: int,
        ready_ps: Int64Array,
        start_ps: Int64Array,
        duration_ps: Int64Array,
        activates: Int32Array | None = None,
        executed: BoolArray | None = None,
    ) -> None:
        """Take the holds of one burst; see `Recorder.record_burst`."""
        if self._write_events:
            self._events_buffer().record_burst(
                replication,
                request,
                burst,
                ready_ps,
                start_ps,
                duration_ps,
                activates,
                executed,
            )

    def flush_before(self, watermark_ps: int) -> None:
        """Write what starts before a time; see `Recorder.flush_before`."""
        if self._write_events:
            self._events_buffer().flush_before(watermark_ps)

    def end_replication(self, replication: int) -> None:
        """Write the rest of a replication; see `Recorder.end_replication`."""
        if not self._write_events:
            return
        self._events_buffer().end_replication(replication)
        if (replication + 1) % self._per_part == 0:
            self._close_part()

    def add_bursts(self, columns: Mapping[str, Any]) -> None:
        """Add rows of `bursts.parquet`, in any order.

        Parameters
        ----------
        columns : mapping of str to sequence or ndarray
            Columns of `BURSTS_SCHEMA`, equal lengths.
        """
        self._add(BURSTS, columns)

    def add_requests(self, columns: Mapping[str, Any]) -> None:
        """Add rows of `requests.parquet`, in any order.

        Parameters
        ----------
        columns : mapping of str to sequence or ndarray
            Columns of `REQUESTS_SCHEMA`, equal lengths.
        """
        self._add(REQUESTS, columns)

    def begin_shards(self, plan: bytes) -> None:
        """Prepare the folder for shards that workers write.

        Parameters
        ----------
        plan : bytes
            What the folder is going to hold; enough to complete it later.
        """
        folders = [SHARDS_FOLDER, *([EVENTS_FOLDER] if self._write_events else [])]
        for name in folders:
            with writing(self.out / name):
                (self.out / name).mkdir(exist_ok=True)
        write_whole(self.out / RUN_PLAN, plan)

    def add_part(self, name: str, record: FileRecord, n_rows: int) -> None:
        """Take a part file of events that is in the folder already."""
        self._register(name, record, n_rows)

    def write_rows(self, name: str, tables: Iterable[pa.Table]) -> None:
        """Write one table of bursts or requests from pieces in the order of the file.

        Parameters
        ----------
        name : str
            `bursts.parquet` or `requests.parquet`.
        tables : iterable of pyarrow.Table
            Of the schema of that name. The bytes do not depend on how the rows are
            cut into pieces, and one row group at most is held in memory.
        """
        schema = SCHEMAS[name].with_metadata(self._metadata)
        record, n_rows = write_pieces(self.out / name, schema, tables)
        self._register(name, record, n_rows)

    def add_burst_row(self, **values: Any) -> None:
        """Add one row of `bursts.parquet`."""
        self._add(BURSTS, {name: [value] for name, value in values.items()})

    def add_request_row(self, **values: Any) -> None:
        """Add one row of `requests.parquet`."""
        self._add(REQUESTS, {name: [value] for name, value in values.items()})

    def finish(self, run: Mapping[str, Any], summary: Mapping[str, Any]) -> None:
        """Write what is left and, last, the manifest.

        Parameters
        ----------
        run : mapping
            Goes into `run.json`; host and wall time belong here and nowhere else.
        summary : mapping
            Becomes `summary.json`.

        Raises
        ------
        ValueError
            If the program was not written, a replication has not ended, `run` uses a
            key of the manifest, or a number is NaN.
        """
        manifest = self.close_tables(run)
        self._write_json(SUMMARY_JSON, canonical_json(summary))
        manifest["state"] = "complete"
        digest = hashlib.sha256(canonical_json(manifest)).hexdigest()
        manifest[RUN_SHA256] = digest
        self._write_json(RUN_JSON, canonical_json(manifest))
        self._finished = True

    def close_tables(self, run: Mapping[str, Any]) -> dict[str, Any]:
        """Write every table, so that checks can read them before the summary is made.

        Parameters
        ----------
        run : mapping
            As `finish` takes it.

        Returns
        -------
        dict
            The manifest so far, state `partial`; enough for a `Trace`.

        Raises
        ------
        ValueError
            As `finish`.
        """
        reserved = sorted(set(run) & set(MANIFEST_KEYS))
        if reserved or PROGRAM not in self._files:
            raise ValueError(f"no program written, or reserved keys used: {reserved}")
        if self._buffer is not None:
            self._buffer.require_ended()
        self._close_part()
        for name, columns in self._rows.items():
            if name not in self._files:
                self._write_sorted(name, columns)
        return {
            **run,
            "state": "partial",
            "schema_version": SCHEMA_VERSION,
            "events_recorded": self._write_events,
            "bursts_recorded": self._write_bursts,
            "files": self._files,
        }

    def _events_buffer(self) -> EventBuffer:
        if self._buffer is None:
            raise ValueError("call events() before recording")
        return self._buffer

    def _take(self, rows: EventRows) -> None:
        index = rows.replication // self._per_part
        if index != self._part_index:
            self._close_part()
        if self._part is None:
            path = self.out / part_name(index)
            with writing(path.parent):
                path.parent.mkdir(exist_ok=True)
            self._part = EventPart(path, self._metadata)
            self._part_index = index
        self._part.append(rows)

    def _close_part(self) -> None:
        if self._part is not None:
            part, self._part = self._part, None
            record = part.commit()
            self._register(part_name(self._part_index), record, part.n_rows)

    def _register(self, name: str, record: FileRecord, n_rows: int | None) -> None:
        entry = {"sha256": record.sha256, "bytes": record.n_bytes}
        self._files[name] = entry if n_rows is None else {**entry, "rows": n_rows}

    def _add(self, name: str, columns: Mapping[str, Any]) -> None:
        difference = set(columns) ^ set(SCHEMAS[name].names)
        lengths = {len(values) for values in columns.values()}
        if difference or len(lengths) != 1:
            raise ValueError(
                f"{name}: columns missing or unknown: {sorted(difference)}, or lengths "
                f"differ: {sorted(lengths)}"
            )
        for column, values in columns.items():
            self._rows[name][column].extend(values)

    def _write_sorted(self, name: str, columns: Mapping[str, list[Any]]) -> None:
        schema = SCHEMAS[name]
        table = table_of({key: columns.get(key, []) for key in schema.names}, schema)
        keys = [n for n in ("replication", "request", "burst") if n in schema.names]
        if name == REQUESTS:
            keys = keys[:2]
        table = table.sort_by([(key, "ascending") for key in keys]).combine_chunks()
        self._write_arrow(name, table)

    def _write_table(self, name: str, columns: Mapping[str, Any]) -> None:
        self._write_arrow(name, table_of(columns, SCHEMAS[name]))

    def _write_arrow(self, name: str, table: pa.Table) -> None:
        table = table.replace_schema_metadata(self._metadata)
        record = write_table(self.out / name, table)
        self._register(name, record, table.num_rows)

    def _write_json(self, name: str, text: bytes) -> None:
        record = write_whole(self.out / name, text)
        if name != RUN_JSON:
            self._register(name, record, None)
