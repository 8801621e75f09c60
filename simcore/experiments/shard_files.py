"""Finished shards on disk: what an interrupted run keeps.

A shard is finished when its receipt is there. The receipt names every file of the
shard with its checksum, carries one of its own, and is written last, so that a crash
leaves either a whole shard or none. Receipts of another configuration, seed or version
are not accepted.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa

import simcore
from simcore.errors import OutputError
from simcore.experiments.plan import RunPlan
from simcore.experiments.shard import PartFile, ShardResult
from simcore.trace.columns import primitive, read_whole, to_numpy
from simcore.trace.folder import write_whole
from simcore.trace.hold_sums import SUMS, HoldSums
from simcore.trace.schema import (
    BURSTS_SCHEMA,
    RECEIPT_SHA256,
    REQUESTS_SCHEMA,
    SCHEMA_VERSION,
)
from simcore.trace.schema import shard_file as name_of
from simcore.trace.sealed import seal, unseal
from simcore.trace.tables import write_table

_TABLES = ("bursts", "requests", "sums")


def identity(plan: RunPlan) -> dict[str, Any]:
    """What a shard must agree with to belong to a run."""
    return {
        **plan.metadata(),
        "simcore.version": simcore.__version__,
        "simcore.schema_version": SCHEMA_VERSION,
        "replications_per_shard": plan.replications_per_shard,
        "trace": plan.trace,
    }


def save_shard(folder: Path, plan: RunPlan, result: ShardResult) -> None:
    """Write a finished shard into the run folder, its receipt last.

    Parameters
    ----------
    folder : Path
        Run folder; its folder for shards must exist.
    plan : RunPlan
        What the shard is part of.
    result : ShardResult
        The shard; its part file, if any, has been written.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    files: dict[str, Any] = {}
    sums = result.sums
    tables = {
        "bursts": result.bursts,
        "requests": result.requests,
        "sums": pa.table({name: primitive(getattr(sums, name)) for name in SUMS}),
    }
    for kind, table in tables.items():
        name = name_of(kind, result.shard)
        record = write_table(folder / name, table)
        files[name] = {"sha256": record.sha256, "bytes": record.n_bytes}
    if result.part is not None:
        files[result.part.name] = {
            "sha256": result.part.sha256,
            "bytes": result.part.n_bytes,
            "rows": result.part.n_rows,
        }
    receipt = {
        "identity": identity(plan),
        "shard": result.shard,
        "bursts": result.bursts.num_rows,
        "files": files,
    }
    path = folder / name_of("receipt", result.shard)
    write_whole(path, seal(receipt, RECEIPT_SHA256))


def load_shard(
    folder: Path, plan: RunPlan, shard: int, *, check_events: bool = True
) -> ShardResult | None:
    """Read a finished shard back; None when it is missing, damaged or of another run.

    Parameters
    ----------
    folder : Path
        Run folder.
    plan : RunPlan
        What the shard must be part of.
    shard : int
        Which shard.
    check_events : bool
        Whether the part file of its events is read as well.
    """
    receipt = read_receipt(folder, shard)
    if receipt is None or receipt["identity"] != identity(plan):
        return None
    # The receipt is as it was written: only what it names may be damaged.
    files = receipt["files"]
    part = _part(files, shard)
    for name, entry in files.items():
        is_events = part is not None and name == part.name
        if (check_events or not is_events) and not _is_whole(folder / name, entry):
            return None
    try:
        bursts, requests, sums = (
            read_whole(folder / name_of(kind, shard)) for kind in _TABLES
        )
        return ShardResult(
            shard,
            bursts.cast(BURSTS_SCHEMA),
            requests.cast(REQUESTS_SCHEMA),
            HoldSums(bursts.num_rows, *(to_numpy(sums[n]).copy() for n in SUMS)),
            part,
        )
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None


def finished_shard(
    folder: Path | None, plan: RunPlan, shard: int, *, check_events: bool = True
) -> ShardResult:
    """A shard that a worker has said to be finished; see `load_shard`.

    Raises
    ------
    OutputError
        If it is not there.
    """
    result = None
    if folder is not None:
        result = load_shard(folder, plan, shard, check_events=check_events)
    if result is None:
        raise OutputError(
            f"shard {shard} is not in {folder}, or damaged, although its worker wrote "
            "it; workers on other machines must see the run folder under the same path"
        )
    return result


def read_receipt(folder: Path, shard: int) -> dict[str, Any] | None:
    """Receipt of a shard, whatever run it belongs to; None when missing or damaged."""
    try:
        data = (folder / name_of("receipt", shard)).read_bytes()
        receipt = unseal(data, RECEIPT_SHA256)
    except (OSError, ValueError):
        return None
    # A whole receipt under another's name is one that somebody moved.
    return receipt if receipt["shard"] == shard else None


def _is_whole(path: Path, entry: Mapping[str, Any]) -> bool:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return False
    return bool(digest == entry["sha256"])


def _part(files: Mapping[str, Any], shard: int) -> PartFile | None:
    tables = {name_of(kind, shard) for kind in _TABLES}
    for name, entry in files.items():
        if name not in tables:
            return PartFile(name, entry["sha256"], entry["bytes"], entry["rows"])
    return None
