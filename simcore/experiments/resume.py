"""Complete an interrupted run, repeat a finished one.

A run folder holds everything that is needed: the resolved configuration, and of an
unfinished run the shards that are done. Shards are accepted only with the same
configuration, seed, schema and version, and whole to the last bit.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import simcore
from simcore.config.load import config_sha256, load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.errors import ConfigError, Problem, SimcoreError, TraceError, printable
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.mend import mend
from simcore.experiments.plan import RunPlan, plan_of
from simcore.experiments.run import RunResult, execute
from simcore.experiments.shard_files import identity, load_shard, read_receipt
from simcore.trace.folder import LOCK_NAME, claim_folder, remove_shards
from simcore.trace.reader import read_trace
from simcore.trace.schema import (
    PLAN_SHA256,
    RUN_JSON,
    RUN_PLAN,
    RUN_SHA256,
    SCHEMA_VERSION,
    SHARDS_FOLDER,
)
from simcore.trace.sealed import require_seal


@dataclass(frozen=True)
class Resumed:
    """What `resume` did.

    Attributes
    ----------
    result : RunResult or None
        The completed run; None when there was nothing to do.
    kept : int
        Shards that were finished before.
    shards : int
        Shards of the run.
    mended : tuple of str
        Damaged files of a complete run that were written again.
    """

    result: RunResult | None
    kept: int
    shards: int
    mended: tuple[str, ...] = ()


def resume(
    folder: str | Path, how: HowToRun | None = None, *, engine: str | None = None
) -> Resumed:
    """Complete the run in a folder to what it would have been without interruption.

    Parameters
    ----------
    folder : path
        Run folder of an interrupted, complete or damaged run.
    how : HowToRun, optional
        Who simulates. Whether there is a cross-check is the run's own choice: its
        results are part of the files.
    engine : {"auto", "simpy", "fast"}, optional
        Instead of the run's.

    Returns
    -------
    Resumed
        A complete and whole run is left as it is. Damaged files of a complete run are
        replaced by what the same simulation gives, if that has the checksums which
        the manifest names.

    Raises
    ------
    TraceError
        If the folder is no run, was begun by another version, or cannot be mended;
        nothing is changed then.
    """
    folder, how = Path(folder), how or HowToRun()
    if (folder / RUN_JSON).is_file():
        return _mended(folder, how, engine)
    path = folder / RUN_PLAN
    begun, data = _read(path)
    if data is None:
        raise TraceError(
            f"{folder}: there is nothing to resume; the folder holds no run that was "
            "begun"
        )
    try:
        if begun is None:
            raise ValueError("not a JSON object")
        require_seal(begun, data, PLAN_SHA256)
    except ValueError as error:
        raise TraceError(
            f"{path}: the file is damaged: {error}. Run the scenario again with --force"
        ) from error
    if begun["simcore_version"] != simcore.__version__:
        raise TraceError(
            f"{folder}: the run was begun by simcore "
            f"{printable(begun['simcore_version'])}, this is "
            f"{simcore.__version__}; shards of two versions are never mixed"
        )
    plan = _plan(path, begun, engine)
    _refuse_strangers(folder, plan)
    kept = [s for s in range(plan.shards) if load_shard(folder, plan, s) is not None]
    how = replace(how, cross_check=begun["cross_checked"])
    result = execute(plan, how, folder, resume=True)
    return Resumed(result, len(kept), plan.shards)


def rerun(
    run: str | Path,
    out: str | Path | None = None,
    how: HowToRun | None = None,
    *,
    engine: str | None = None,
    force: bool = False,
) -> RunResult:
    """Repeat a run from the configuration in its folder.

    Parameters
    ----------
    run : path
        Run folder; only its `run.json` is read.
    out : path, optional
        Run folder of the repetition.
    how : HowToRun, optional
        Who simulates. There is a cross-check if the run had one as well.
    engine : {"auto", "simpy", "fast"}, optional
        Instead of the run's.
    force : bool
        Replace a run that is at `out`.

    Raises
    ------
    TraceError
        If there is no such run, or its configuration is damaged.
    """
    path = Path(run) / RUN_JSON
    document, data = _read(path)
    if document is None or data is None:
        raise TraceError(f"{path}: missing or damaged; there is no run to repeat")
    # An earlier version hashed fewer fields: a whole manifest is believed all the same.
    plan = _plan(path, document, engine, is_whole=_is_whole(document, data))
    if out is not None and Path(out).resolve() == Path(run).resolve():
        problem = Problem(
            path=str(out),
            message="the repetition would replace the run that it repeats",
            hint="Choose another folder.",
        )
        raise ConfigError([problem])
    how = how or HowToRun()
    # Runs of schema 2.0 do not say: they had one unless somebody skipped it.
    checked = document.get("cross_checked", True) is not False
    how = replace(how, cross_check=how.cross_check and checked)
    return execute(plan, how, None if out is None else Path(out), force=force)


def _mended(folder: Path, how: HowToRun, engine: str | None) -> Resumed:
    """A folder with a manifest: whole, or to be made so."""
    try:
        read_trace(folder)
    except TraceError as error:
        damage = error
    else:
        if any((folder / name).exists() for name in (SHARDS_FOLDER, LOCK_NAME)):
            # The run was killed between its manifest and its last word.
            lock = claim_folder(folder, resume=True)
            try:
                remove_shards(folder)
            finally:
                lock.release()
        return Resumed(None, 0, 0)
    manifest, _ = _read(folder / RUN_JSON)
    if manifest is None:
        raise damage
    _refuse_versions(damage, manifest)
    plan = _plan(folder / RUN_JSON, manifest, engine)
    how = replace(how, cross_check=manifest.get("cross_checked") is not False)
    result, mended = mend(folder, plan, how)
    return Resumed(result, 0, plan.shards, mended)


def _refuse_versions(damage: TraceError, manifest: Mapping[str, Any]) -> None:
    """Only the version that wrote a run gives its bytes again."""
    versions = manifest.get("versions")
    writer = versions.get("simcore") if isinstance(versions, dict) else None
    schema = manifest.get("schema_version")
    if (writer, schema) != (simcore.__version__, SCHEMA_VERSION):
        raise TraceError(
            f"{damage}. Only the simcore that wrote it can mend it: "
            f"{printable(writer)}, schema {printable(schema)}; this is "
            f"{simcore.__version__}, schema {SCHEMA_VERSION}"
        ) from damage


def _refuse_strangers(folder: Path, plan: RunPlan) -> None:
    """Refuse whole shards of another run: somebody has mixed two folders."""
    wanted = identity(plan)
    for shard in range(plan.shards):
        receipt = read_receipt(folder, shard)
        if receipt is not None and receipt["identity"] != wanted:
            found = receipt["identity"]
            key = next(k for k in wanted if found.get(k) != wanted[k])
            was, should = (str(i.get(key))[:12] for i in (found, wanted))
            raise TraceError(
                f"{folder}: shard {shard} is of another run: {key} {was} instead of "
                f"{should}. Run the scenario again with --force"
            )


def _is_whole(manifest: Mapping[str, Any], data: bytes) -> bool:
    try:
        require_seal(manifest, data, RUN_SHA256)
    except ValueError:
        return False
    return True


def _plan(
    path: Path,
    document: Mapping[str, Any],
    engine: str | None,
    *,
    is_whole: bool = False,
) -> RunPlan:
    try:
        scenario = load_scenario(document["config"])
    except (SimcoreError, KeyError, TypeError) as error:
        raise TraceError(f"{path}: its configuration is damaged: {error}") from error
    digest, named = config_sha256(scenario), document.get("config_sha256")
    if digest != named and not is_whole:
        shown = named[:12] if isinstance(named, str) else named
        raise TraceError(
            f"{path}: its configuration is damaged: it hashes to {digest[:12]}, the "
            f"file says {printable(shown)}"
        )
    if document.get("processes"):
        raise TraceError(
            f"{path}: processes of your own took part, which only the program that "
            "named them knows; simulate it again from there"
        )
    return plan_of(_with_engine(scenario, engine))


def _with_engine(scenario: ScenarioConfig, engine: str | None) -> ScenarioConfig:
    if engine is None:
        return scenario
    return load_scenario(scenario, [f"engine={engine}"])


def _read(path: Path) -> tuple[dict[str, Any] | None, bytes | None]:
    """Document and bytes of a file, as far as there are any."""
    try:
        data = path.read_bytes()
    except OSError:
        return None, None
    try:
        document = json.loads(data)
    except (ValueError, RecursionError):
        return None, data
    return (document if isinstance(document, dict) else None), data
