"""Opens a run folder, refuses what is incomplete or damaged, and gives its tables."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from functools import cached_property
from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from simcore.errors import TraceError, printable
from simcore.notebook import html_table
from simcore.trace.columns import read_whole, to_numpy
from simcore.trace.occupancy import sram_occupancy
from simcore.trace.schema import (
    BURSTS,
    EVENTS_FOLDER,
    EVENTS_SCHEMA,
    PROGRAM,
    PROGRAM_ENERGY,
    REQUESTS,
    RUN_JSON,
    RUN_SHA256,
    SCHEMA_VERSION,
    SCHEMAS,
    SUMMARY_JSON,
)
from simcore.trace.sealed import require_seal
from simcore.trace.wide import WideView, check_columns

if TYPE_CHECKING:
    import duckdb

_MAX_RUN_JSON_BYTES = 64 * 2**20


def read_trace(run: str | PathLike[str], *, verify: bool = True) -> Trace:
    """Open a run folder.

    Parameters
    ----------
    run : path
        Folder that `simcore run --out` wrote.
    verify : bool
        Compare the sha256 of every file with the manifest. Without it only presence
        and size are checked; Parquet pages still carry checksums of their own.

    Returns
    -------
    Trace
        Tables are read when asked for.

    Raises
    ------
    TraceError
        If the run is missing, incomplete, of another schema version, or damaged;
        the text names the file.
    """
    folder = Path(run)
    manifest = _read_manifest(folder, verify=verify)
    for name in sorted(manifest["files"]):
        _check_file(folder / name, manifest["files"][name], verify=verify)
    return Trace(folder, manifest)


class Trace:
    """A complete run; made by `read_trace`.

    Attributes
    ----------
    path : Path
        The run folder.
    run : dict
        Contents of `run.json`.
    """

    def __init__(self, path: Path, run: dict[str, Any]) -> None:
        self.path = path
        self.run = run

    @cached_property
    def summary(self) -> dict[str, Any]:
        """Contents of `summary.json`."""
        return _read_json(self.path / SUMMARY_JSON)

    @property
    def has_events(self) -> bool:
        """Whether the run kept events (`trace: full` or `sample`)."""
        return bool(self.run["events_recorded"])

    @property
    def parts(self) -> tuple[Path, ...]:
        """Event parts, replications ascending."""
        prefix = f"{EVENTS_FOLDER}/"
        names = (name for name in self.run["files"] if name.startswith(prefix))
        return tuple(self.path / name for name in sorted(names))

    @property
    def n_events(self) -> int:
        """Event rows of the run."""
        prefix = f"{EVENTS_FOLDER}/"
        files = self.run["files"].items()
        return sum(f["rows"] for name, f in files if name.startswith(prefix))

    def program(self) -> pa.Table:
        """Operations of a burst, one row per operation and resource."""
        return self._table(PROGRAM)

    def program_energy(self) -> pa.Table:
        """Energy coefficients, one row per operation and component."""
        return self._table(PROGRAM_ENERGY)

    @property
    def has_bursts(self) -> bool:
        """Whether the run kept its bursts and requests (not `trace: none`)."""
        # Traces of schema 2.0 always did.
        return bool(self.run.get("bursts_recorded", True))

    def bursts(self) -> pa.Table:
        """One row per burst.

        Raises
        ------
        TraceError
            If the run kept none (`trace: none`), or the file is damaged.
        """
        self._require_bursts()
        return self._table(BURSTS)

    @property
    def has_every_event(self) -> bool:
        """Whether events of every replication were kept (not of a sample)."""
        counts = self.run.get("counts", {})
        traced = counts.get("traced_replications")
        return self.has_events and traced in (None, counts.get("replications"))

    def traced_bursts(self) -> pa.Table:
        """The bursts whose events were kept: all, or those of a sample."""
        return self._traced(self.bursts())

    def traced_requests(self) -> pa.Table:
        """The requests whose events were kept; see `traced_bursts`."""
        return self._traced(self.requests())

    def _traced(self, table: pa.Table) -> pa.Table:
        if self.has_every_event or not self.has_events:
            return table
        traced = self.run["counts"]["traced_replications"]
        # The first replications come first.
        n_rows = int(np.searchsorted(to_numpy(table["replication"]), traced))
        return table.slice(0, n_rows)

    def requests(self) -> pa.Table:
        """One row per request; see `bursts`."""
        self._require_bursts()
        return self._table(REQUESTS)

    def _repr_html_(self) -> str:
        """Tables and their rows, for a notebook."""
        named = {name: entry.get("rows") for name, entry in self.run["files"].items()}
        rows = [(name, named[name]) for name in sorted(named) if name in SCHEMAS]
        if self.has_events:
            rows.append(("events, and the view wide", self.n_events))
        return html_table(
            f"{self.run.get('scenario', 'run')}: trace in {self.path}",
            ("table", "rows"),
            rows,
        )

    def sram_occupancy(self) -> pa.Table:
        """How full the SRAM is over time: `replication`, `time_ps`, `occupied_bytes`.

        One row for each instant at which bursts start or end.
        """
        return sram_occupancy(self.bursts())

    def events(self, columns: Sequence[str] | None = None) -> pa.Table:
        """One row per hold and resource, in the order of the files.

        Parameters
        ----------
        columns : sequence of str, optional
            Some columns only.

        Raises
        ------
        TraceError
            If the run kept no events, or a file is damaged.
        """
        names = list(EVENTS_SCHEMA.names if columns is None else columns)
        schema = pa.schema([EVENTS_SCHEMA.field(name) for name in names])
        return pa.Table.from_batches(
            [b for t in self.iter_events(names) for b in t.to_batches()], schema=schema
        )

    def iter_events(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        """Events one row group at a time, for traces larger than memory.

        Parameters
        ----------
        columns : sequence of str
            Columns of the events.

        Raises
        ------
        TraceError
            If the run kept no events, or a file is damaged.
        """
        self.require_events()
        names = list(columns)
        schema = pa.schema([EVENTS_SCHEMA.field(name) for name in names])
        for path in self.parts:
            try:
                with pq.ParquetFile(path, page_checksum_verification=True) as file:
                    for group in range(file.num_row_groups):
                        table = file.read_row_group(group, columns=names)
                        yield table.select(names).cast(schema)
            except (OSError, ValueError, KeyError, pa.ArrowException) as error:
                raise _damaged(path, error) from error

    def arrow(self, columns: Sequence[str] | None = None) -> pa.Table:
        """Wide view of all events, in the order of the files.

        Parameters
        ----------
        columns : sequence of str, optional
            Some of `schema.WIDE_COLUMNS`; the fewer, the faster.

        Returns
        -------
        pyarrow.Table
            Texts are dictionary encoded; times in ps, energies in pJ.

        Raises
        ------
        TraceError
            If the run kept no events, a column is unknown, or a file is damaged.
        """
        names = check_columns(columns)
        tables = list(self.iter_arrow(names))
        if not tables:
            empty = EVENTS_SCHEMA.empty_table()
            tables = [self._wide.widen(empty, names)]
        return pa.concat_tables(tables)

    def iter_arrow(self, columns: Sequence[str] | None = None) -> Iterator[pa.Table]:
        """Wide view one row group at a time, for traces larger than memory.

        Parameters
        ----------
        columns : sequence of str, optional
            Some of `schema.WIDE_COLUMNS`.

        Raises
        ------
        TraceError
            If the run kept no events, a column is unknown, or a file is damaged.
        """
        names = check_columns(columns)
        for events in self.iter_events(WideView.needed(names)):
            yield self._wide.widen(events, names)

    def duckdb(self) -> duckdb.DuckDBPyConnection:
        """In-memory database with events, program, bursts, requests, wide, ...

        Returns
        -------
        duckdb.DuckDBPyConnection
            Relations `events`, `program`, `program_energy`, `bursts`, `requests`,
            `sram_occupancy` and `wide`; without events (`trace: bursts`) neither
            `events` nor `wide`, with `trace: none` the program only. The row order is
            not defined: use ORDER BY.
        """
        # DuckDB takes long to load and many callers never need it.
        from simcore.trace.duck import connect

        tables = {
            "program": self.program(),
            "program_energy": self.program_energy(),
        }
        if self.has_bursts:
            tables |= {
                "bursts": self.bursts(),
                "requests": self.requests(),
                "sram_occupancy": self.sram_occupancy(),
            }
        return connect(tables, self.parts if self.has_events else None)

    def widen(self, events: pa.Table, columns: Sequence[str]) -> pa.Table:
        """Wide view of some rows of `events`; see `WideView.widen`."""
        return self._wide.widen(events, columns)

    @cached_property
    def _wide(self) -> WideView:
        return WideView(self.program(), self.program_energy(), self.bursts())

    def require_events(self) -> None:
        """Refuse a run without events, for what needs them besides other tables.

        Raises
        ------
        TraceError
            Naming what the run kept, and what to run.
        """
        if not self.has_events:
            kept = "bursts" if self.has_bursts else "none"
            raise TraceError(
                f"{self.path}: the run kept no events (trace: {kept}). "
                "Run it again with trace: full."
            )

    def _require_bursts(self) -> None:
        if not self.has_bursts:
            raise TraceError(
                f"{self.path}: the run kept totals only (trace: none). "
                "Run it again with trace: bursts."
            )

    def _table(self, name: str) -> pa.Table:
        path = self.path / name
        schema = SCHEMAS[name]
        try:
            table = read_whole(path)
            metadata = table.schema.metadata
            return table.select(schema.names).cast(schema.with_metadata(metadata))
        except (OSError, ValueError, KeyError, pa.ArrowException) as error:
            raise _damaged(path, error) from error


def _damaged(path: Path, error: Exception) -> TraceError:
    reason = printable(str(error).partition("\n")[0])
    return TraceError(f"{path}: the file is damaged: {reason}")


def _read_json(path: Path) -> dict[str, Any]:
    return _read_document(path)[0]


def _read_document(path: Path) -> tuple[dict[str, Any], bytes]:
    try:
        if path.stat().st_size > _MAX_RUN_JSON_BYTES:
            raise ValueError("larger than 64 MiB")
        data = path.read_bytes()
        document = json.loads(data)
        if not isinstance(document, dict):
            raise ValueError("not a JSON object")
    except OSError as error:
        raise TraceError(f"{path}: cannot read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    return document, data


def _read_manifest(folder: Path, *, verify: bool) -> dict[str, Any]:
    path = folder / RUN_JSON
    if not folder.is_dir():
        raise TraceError(f"{folder}: there is no such run folder")
    if not path.is_file():
        raise TraceError(
            f"{path}: missing; the folder is not a run, or the run was interrupted"
        )
    manifest, data = _read_document(path)
    version = manifest.get("schema_version")
    if not isinstance(version, str):
        raise TraceError(f"{path}: damaged: it names no schema version")
    major = version.partition(".")[0]
    if major != SCHEMA_VERSION.partition(".")[0]:
        versions = manifest.get("versions")
        writer = versions.get("simcore") if isinstance(versions, dict) else None
        raise TraceError(
            f"{path}: schema version {printable(version)}, written by simcore "
            f"{printable(writer)}; this simcore reads {SCHEMA_VERSION}. Run the "
            "scenario again, or read it with the simcore that wrote it."
        )
    if manifest.get("state") != "complete":
        state = printable(manifest.get("state"))
        raise TraceError(f"{path}: the run is not complete (state {state})")
    if verify:
        try:
            require_seal(manifest, data, RUN_SHA256)
        except ValueError as error:
            raise TraceError(f"{path}: the file is damaged: {error}") from error
    _check_manifest(path, manifest)
    return manifest


def _check_manifest(path: Path, manifest: dict[str, Any]) -> None:
    files = manifest.get("files")
    expected = {*SCHEMAS, SUMMARY_JSON}
    if manifest.get("bursts_recorded", True) is False:
        expected -= {BURSTS, REQUESTS}
    if (
        not isinstance(files, dict)
        or not expected <= files.keys()
        or not all(_is_entry(name, entry) for name, entry in files.items())
        or not isinstance(manifest.get("events_recorded"), bool)
    ):
        raise TraceError(f"{path}: the file is damaged: its list of files is broken")


def _is_entry(name: str, entry: object) -> bool:
    return (
        isinstance(entry, dict)
        and isinstance(entry.get("sha256"), str)
        and isinstance(entry.get("bytes"), int)
        and (name.endswith(".json") or isinstance(entry.get("rows"), int))
        # A manifest must not lead out of its folder.
        and not Path(name).is_absolute()
        and ".." not in Path(name).parts
    )


def _check_file(path: Path, entry: dict[str, Any], *, verify: bool) -> None:
    try:
        size = path.stat().st_size
        if size != entry["bytes"]:
            raise TraceError(
                f"{path}: the file is damaged: {size} bytes instead of {entry['bytes']}"
            )
        if not verify:
            return
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError as error:
        raise TraceError(f"{path}: the file is missing") from error
    except OSError as error:
        raise TraceError(f"{path}: cannot read: {error.strerror}") from error
    if digest != entry["sha256"]:
        raise TraceError(f"{path}: the file is damaged: its checksum differs")
