"""Finished shards on disk: what an interrupted run keeps.

A shard is finished when its receipt is there. The receipt names every file of the
shard with its checksum and is written last, so that a crash leaves either a whole
shard or none. Receipts of another configuration, seed or version are not accepted.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

import simcore
from simcore.experiments.plan import RunPlan
from simcore.experiments.shard import PartFile, ShardResult
from simcore.trace.folder import write_whole
from simcore.trace.hold_sums import SUMS, HoldSums
from simcore.trace.schema import BURSTS_SCHEMA, REQUESTS_SCHEMA, SCHEMA_VERSION
from simcore.trace.schema import shard_file as name_of
from simcore.trace.tables import write_table
from simcore.trace.writer import canonical_json


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
        "sums": pa.table({name: getattr(sums, name) for name in SUMS}),
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
    write_whole(folder / name_of("receipt", result.shard), canonical_json(receipt))


def load_shard(folder: Path, plan: RunPlan, shard: int) -> ShardResult | None:
    """Read a finished shard back; None when it is missing, damaged or of another run.

    Parameters
    ----------
    folder : Path
        Run folder.
    plan : RunPlan
        What the shard must be part of.
    shard : int
        Which shard.
    """
    receipt = _receipt(folder / name_of("receipt", shard))
    wanted = {name_of(kind, shard) for kind in ("bursts", "requests", "sums")}
    if receipt is None or receipt.get("identity") != identity(plan):
        return None
    files = receipt.get("files")
    if not isinstance(files, dict) or not wanted <= files.keys():
        return None
    if not all(_is_whole(folder / name, entry) for name, entry in files.items()):
        return None
    try:
        bursts, requests, sums = (
            pq.read_table(
                folder / name_of(kind, shard), page_checksum_verification=True
            )
            for kind in ("bursts", "requests", "sums")
        )
        return ShardResult(
            shard,
            bursts.cast(BURSTS_SCHEMA),
            requests.cast(REQUESTS_SCHEMA),
            HoldSums(bursts.num_rows, *(sums[n].to_numpy().copy() for n in SUMS)),
            _part(files, wanted),
        )
    except (OSError, ValueError, KeyError, pa.ArrowException):
        return None


def _receipt(path: Path) -> dict[str, Any] | None:
    try:
        receipt = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return None
    return receipt if isinstance(receipt, dict) else None


def _is_whole(path: Path, entry: Mapping[str, Any]) -> bool:
    try:
        with path.open("rb") as file:
            digest = hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return False
    return bool(digest == entry.get("sha256"))


def _part(files: Mapping[str, Any], tables: set[str]) -> PartFile | None:
    for name, entry in files.items():
        if name not in tables:
            return PartFile(name, entry["sha256"], entry["bytes"], entry["rows"])
    return None
