"""Damaged files of a complete run, replaced by what the same simulation gives.

The run is simulated again beside its folder. Only when that gives the files which the
manifest names do they take the places of the damaged ones: a run of a simcore that
gives other results is never lost.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from simcore.errors import TraceError
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.plan import RunPlan
from simcore.experiments.run import RunResult, execute
from simcore.trace.folder import claim_folder, remove_shards, sync_folder, writing
from simcore.trace.reader import read_trace
from simcore.trace.schema import EVENTS_FOLDER, RUN_JSON, RUN_SHA256
from simcore.trace.sealed import unseal


def mend(
    folder: Path, plan: RunPlan, how: HowToRun
) -> tuple[RunResult, tuple[str, ...]]:
    """Replace the damaged files of a run.

    Parameters
    ----------
    folder : Path
        Run folder with a `run.json` from which the plan is.
    plan : RunPlan
        Of the run.
    how : HowToRun
        Who simulates.

    Returns
    -------
    tuple
        The result, and the names of the files that were replaced.

    Raises
    ------
    TraceError
        If the simulation gives other files; nothing is changed then.
    """
    beside = folder.with_name(f".{folder.name}.mending")
    lock = claim_folder(folder, resume=True)
    try:
        # What a killed attempt has left goes; foreign files there are refused.
        claim_folder(beside, force=True).release()
        result = _replaced(folder, beside, plan, how)
    finally:
        lock.release()
    return result


def _replaced(
    folder: Path, beside: Path, plan: RunPlan, how: HowToRun
) -> tuple[RunResult, tuple[str, ...]]:
    try:
        result = execute(plan, how, beside)
        names = _to_replace(folder, read_trace(beside).run["files"])
        for name in names:
            with writing(folder / name):
                (folder / name).parent.mkdir(exist_ok=True)
                (beside / name).replace(folder / name)
        with writing(folder):
            for inner in ("", EVENTS_FOLDER):
                if (folder / inner).is_dir():
                    sync_folder(folder / inner)
        remove_shards(folder)
    finally:
        shutil.rmtree(beside, ignore_errors=True)
    return replace(result, path=folder), names


def _to_replace(folder: Path, fresh: Mapping[str, Any]) -> tuple[str, ...]:
    """Names of damaged files, if every file is proved to be what the run wrote."""
    named, is_whole = _named(folder / RUN_JSON)
    damaged = []
    for name, entry in fresh.items():
        found = _sha256(folder / name)
        # Of a damaged manifest the files themselves may vouch for the simulation.
        if named.get(name) != entry["sha256"] and (
            is_whole or found != entry["sha256"]
        ):
            raise _other(folder, name)
        if found != entry["sha256"]:
            damaged.append(name)
    if is_whole and (more := sorted(named.keys() - fresh.keys())):
        raise _other(folder, more[0])
    return tuple(damaged if is_whole else [*damaged, RUN_JSON])


def _other(folder: Path, name: str) -> TraceError:
    return TraceError(
        f"{folder}: the run was simulated again, but {name} is not what the manifest "
        "says: another simcore wrote it, or manifest and file are damaged both. "
        "Nothing was changed; `simcore rerun` writes the run into another folder"
    )


def _named(path: Path) -> tuple[dict[str, Any], bool]:
    """Checksums in a manifest, and whether it is whole itself."""
    data = path.read_bytes()
    try:
        return _checksums(unseal(data, RUN_SHA256)), True
    except ValueError:
        return _checksums(json.loads(data)), False


def _checksums(manifest: Mapping[str, Any]) -> dict[str, Any]:
    files = manifest.get("files")
    if not isinstance(files, dict):
        return {}
    return {n: e.get("sha256") for n, e in files.items() if isinstance(e, dict)}


def _sha256(path: Path) -> str | None:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None
