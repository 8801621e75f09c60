"""The folder of a sweep: what is finished stays, and an interrupted sweep goes on.

::

    sweep.json            manifest; `state` is `partial` until everything is there
    sweep.parquet, .csv   one row a point
    points/SHA256.json    figures of one finished scenario, by the hash of its
                          configuration; each appears whole or not at all

A file of `points` counts only if its checksum, configuration and method are right and
the same version of simcore wrote it; otherwise it is worked out again.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import pyarrow as pa

import simcore
from simcore.errors import ConfigError, Problem, printable
from simcore.experiments.sweep_figures import Figures, SweepTask
from simcore.experiments.sweep_table import csv_bytes
from simcore.trace.folder import (
    LOCK_NAME,
    FileRecord,
    FolderLock,
    is_stale_temporary,
    write_whole,
    writing,
)
from simcore.trace.schema import REPORT_HTML
from simcore.trace.tables import write_table
from simcore.trace.writer import canonical_json

SWEEP_JSON = "sweep.json"
SWEEP_PARQUET = "sweep.parquet"
SWEEP_CSV = "sweep.csv"
POINTS_FOLDER = "points"

#: Files that a sweep may have at its top; nothing else is ever removed.
TOP_FILES = frozenset({SWEEP_JSON, SWEEP_PARQUET, SWEEP_CSV, REPORT_HTML})

_POINT = re.compile(r"[0-9a-f]{64}\.json")
_SHA256 = re.compile(r"[0-9a-f]{64}")
#: Digits of a hash that people compare.
_SHOWN = 16


class SweepFolder:
    """The right to write a sweep's folder, and what is finished in it.

    Use as a context manager; finished points stay after an exception.

    Parameters
    ----------
    path : Path
        Created with its parents if missing.
    manifest : mapping
        What is known before anything runs; with `sweep_sha256`.
    force : bool
        Replace what another sweep, or this one, has left there.

    Raises
    ------
    ConfigError
        If the folder is a file, holds what no sweep wrote or another sweep, or is
        being written.
    OutputError
        If the system refuses; raised by every method that writes.
    """

    def __init__(
        self, path: Path, manifest: Mapping[str, Any], *, force: bool = False
    ) -> None:
        self.path = path
        self._manifest = dict(manifest)
        self._files: dict[str, dict[str, Any]] = {}
        #: Files of points that were there and did not count.
        self.damaged = 0
        with writing(path):
            if path.exists() and not path.is_dir():
                problem = Problem(path=str(path), message="is a file, not a folder")
                raise ConfigError([problem])
            path.mkdir(parents=True, exist_ok=True)
            self._refuse_foreign()
        self._lock = FolderLock(path)
        try:
            self._begin(force=force)
        except BaseException:
            self._lock.release()
            raise

    def _begin(self, *, force: bool) -> None:
        with writing(self.path):
            self._refuse_foreign()
            if force:
                self._clear()
            else:
                self._refuse_another()
            (self.path / POINTS_FOLDER).mkdir(exist_ok=True)
            for path in self._entries():
                if is_stale_temporary(path):
                    path.unlink(missing_ok=True)
        self._write_manifest({"state": "partial"})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._lock.release()

    def finished(self, task: SweepTask) -> Figures | None:
        """Figures of a task that was worked out before, None when there are none."""
        path = self._point(task)
        try:
            content = json.loads(path.read_bytes())
            digest = content.pop("content_sha256")
            figures: Figures = content["figures"]
            sound = (
                digest == _digest(content)
                and content["config_sha256"] == task.config_sha256
                and content["method"] == task.method
                and content["simcore"] == simcore.__version__
            )
        except FileNotFoundError:
            return None
        except OSError as error:
            problem = Problem(path=str(path), message=f"cannot read: {error.strerror}")
            raise ConfigError([problem]) from error
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            sound = False
        if not sound:
            self.damaged += 1
            return None
        return figures

    def add(self, task: SweepTask, figures: Figures) -> None:
        """Keep the figures of a finished task."""
        content = {
            "config_sha256": task.config_sha256,
            "method": task.method,
            "simcore": simcore.__version__,
            "figures": figures,
        }
        content["content_sha256"] = _digest(content)
        write_whole(self._point(task), canonical_json(content))

    def finish(self, table: pa.Table, manifest: Mapping[str, Any]) -> None:
        """Write the tables and, last, the manifest.

        Parameters
        ----------
        table : pyarrow.Table
            One row a point.
        manifest : mapping
            What is known now; host and wall time belong here.
        """
        record = write_table(self.path / SWEEP_PARQUET, table)
        self._register(SWEEP_PARQUET, record, table.num_rows)
        record = write_whole(self.path / SWEEP_CSV, csv_bytes(table))
        self._register(SWEEP_CSV, record, table.num_rows)
        self._write_manifest({**manifest, "state": "complete", "files": self._files})

    def _point(self, task: SweepTask) -> Path:
        return self.path / POINTS_FOLDER / f"{task.config_sha256}.json"

    def _register(self, name: str, record: FileRecord, rows: int) -> None:
        self._files[name] = {
            "sha256": record.sha256,
            "bytes": record.n_bytes,
            "rows": rows,
        }

    def _write_manifest(self, more: Mapping[str, Any]) -> None:
        write_whole(self.path / SWEEP_JSON, canonical_json({**self._manifest, **more}))

    def _entries(self) -> list[Path]:
        """Everything in the folder and in its folder of points."""
        points = self.path / POINTS_FOLDER
        inside = sorted(points.iterdir()) if _is_folder(points) else []
        return [*sorted(self.path.iterdir()), *inside]

    def _is_own(self, path: Path) -> bool:
        inside = path.parent != self.path
        if path.name == POINTS_FOLDER and not inside:
            return _is_folder(path)
        known = _POINT.fullmatch(path.name) if inside else path.name in TOP_FILES
        return bool(known) and path.is_file() and not path.is_symlink()

    def _refuse_foreign(self) -> None:
        for path in self._entries():
            hidden = path.name == LOCK_NAME or path.name.startswith(".")
            if not self._is_own(path) and not (hidden and path.is_file()):
                name = printable(str(path.relative_to(self.path)))
                raise _refusal(
                    self.path,
                    f"the folder holds {name}, which no sweep wrote",
                    "Choose another folder: --force only replaces a sweep.",
                )

    def _refuse_another(self) -> None:
        manifest = self.path / SWEEP_JSON
        mine = self._manifest["sweep_sha256"]
        try:
            there = json.loads(manifest.read_bytes())["sweep_sha256"]
        except FileNotFoundError:
            own = [p for p in self._entries() if self._is_own(p) and p.is_file()]
            if not own:
                return
            there = None
        except (ValueError, KeyError, TypeError, RecursionError):
            there = None
        if there == mine:
            return
        if isinstance(there, str) and _SHA256.fullmatch(there):
            raise _refusal(
                self.path,
                f"the folder holds another sweep ({there[:_SHOWN]}); this one is "
                f"{mine[:_SHOWN]}",
                "Use --force to replace it, or choose another folder.",
            )
        raise _refusal(
            self.path,
            f"the folder holds a sweep without a readable {SWEEP_JSON}",
            "Use --force to replace it, or choose another folder.",
        )

    def _clear(self) -> None:
        own = [p for p in self._entries() if self._is_own(p) and p.is_file()]
        # The manifest goes first: at no instant does it name files that are gone.
        for path in sorted(own, key=lambda p: p.name != SWEEP_JSON):
            path.unlink(missing_ok=True)


def _is_folder(path: Path) -> bool:
    return path.is_dir() and not path.is_symlink()


def _digest(content: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(content)).hexdigest()


def _refusal(folder: Path, message: str, hint: str) -> ConfigError:
    return ConfigError([Problem(path=str(folder), message=message, hint=hint)])
