"""Everything the page of a sweep shows, read from its folder and nothing else."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.errors import TraceError, printable

SWEEP_JSON = "sweep.json"
SWEEP_PARQUET = "sweep.parquet"
_MAJOR = "1"

DRAFT_LENGTH = "workload.draft_length"
PROMPT_LENGTH = "workload.prompt_length"
#: Shorter than its end, and known to everyone.
_SHORT = {DRAFT_LENGTH: "K", PROMPT_LENGTH: "prompt length"}

Row = dict[str, Any]


@dataclass(frozen=True)
class SweepView:
    """A sweep as its page sees it.

    Attributes
    ----------
    scenario : ScenarioConfig
        What was varied.
    manifest : dict
        Contents of sweep.json.
    fields : tuple of str
        Dotted fields that change.
    rows : list of dict
        Those of sweep.parquet, one a point.
    """

    scenario: ScenarioConfig
    manifest: dict[str, Any]
    fields: tuple[str, ...]
    rows: list[Row]

    @classmethod
    def of(cls, folder: Path) -> SweepView:
        """Read a sweep.

        Parameters
        ----------
        folder : Path
            That `simcore sweep` wrote.

        Raises
        ------
        TraceError
            If the sweep is unfinished, of another version, or damaged.
        """
        manifest = _manifest(folder / SWEEP_JSON)
        table = _table(folder / SWEEP_PARQUET, manifest)
        return cls(
            scenario=load_scenario(manifest["config"]),
            manifest=manifest,
            fields=tuple(manifest["fields"]),
            rows=table.to_pylist(),
        )

    @property
    def is_simulated(self) -> bool:
        """Whether points were simulated; otherwise they are closed-form figures."""
        return bool(self.rows[0]["method"] == "simulate")

    def name_of(self, field: str) -> str:
        """A field in as few words as tell it from the other swept ones."""
        if field in _SHORT:
            return _SHORT[field]
        parts = field.split(".")
        for n in range(1, len(parts)):
            name = ".".join(parts[-n:])
            others = (other for other in self.fields if other != field)
            if not any(f".{other}".endswith(f".{name}") for other in others):
                return name
        return field

    def values_of(self, field: str) -> list[Any]:
        """Distinct values of a field: numbers ascending, others as they come."""
        found = list(dict.fromkeys(row[field] for row in self.rows))
        return sorted(found) if all(map(is_number, found)) else found


def is_number(value: object) -> bool:
    """Whether a value has a place on an axis."""
    return isinstance(value, int | float) and not isinstance(value, bool)


def value_text(value: object) -> str:
    """A swept value: whole numbers with separators, true and null as in YAML."""
    if isinstance(value, bool) or value is None:
        return json.dumps(value)
    if isinstance(value, int):
        return f"{value:,}"
    return f"{value:g}" if isinstance(value, float) else str(value)


def is_sweep(folder: Path) -> bool:
    """Whether a folder holds a sweep, finished or not."""
    return (folder / SWEEP_JSON).is_file()


def _manifest(path: Path) -> dict[str, Any]:
    try:
        manifest = json.loads(path.read_bytes())
    except OSError as error:
        raise TraceError(f"{path}: cannot read: {error.strerror}") from error
    except (ValueError, RecursionError) as error:
        raise _damaged(path, error) from error
    if not isinstance(manifest, dict):
        raise TraceError(f"{path}: the file is damaged: not a JSON object")
    version = str(manifest.get("schema_version"))
    if version.partition(".")[0] != _MAJOR:
        raise TraceError(
            f"{path}: schema version {printable(version)}; this simcore reads {_MAJOR}."
            " Run the sweep again."
        )
    if manifest.get("state") != "complete":
        raise TraceError(
            f"{path}: the sweep is not complete; the same command goes on where it "
            "ended"
        )
    needed = ("config", "fields", "files", "findings", "sweep", "scenario", "seed")
    missing = [key for key in needed if key not in manifest]
    if missing:
        raise TraceError(f"{path}: the file is damaged: it has no {missing[0]}")
    return manifest


def _table(path: Path, manifest: dict[str, Any]) -> pa.Table:
    try:
        content = path.read_bytes()
        expected = manifest["files"][SWEEP_PARQUET]["sha256"]
        if hashlib.sha256(content).hexdigest() != expected:
            raise TraceError(f"{path}: the file is damaged: its checksum differs")
        table = pq.read_table(pa.BufferReader(content))
    except OSError as error:
        raise TraceError(f"{path}: cannot read: {error.strerror}") from error
    except (KeyError, TypeError, pa.ArrowException) as error:
        raise _damaged(path, error) from error
    if not table.num_rows:
        raise TraceError(f"{path}: the sweep has no points")
    return table


def _damaged(path: Path, error: Exception) -> TraceError:
    reason = printable(str(error).partition("\n")[0])
    return TraceError(f"{path}: the file is damaged: {reason}")


def others(fields: Sequence[str], *but: str) -> list[str]:
    """Fields without some of them."""
    return [field for field in fields if field not in but]
