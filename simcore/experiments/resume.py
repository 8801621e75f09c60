"""Complete an interrupted run, mend a damaged one, repeat a finished one.

A run folder holds everything that is needed: the resolved configuration, and of an
unfinished run the shards that are done. Shards are accepted only with the same
configuration, seed, schema and version, and whole to the last bit.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import simcore
from simcore.config.load import config_sha256, load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.errors import ConfigError, Problem, SimcoreError, TraceError, printable
from simcore.experiments.plan import RunPlan, plan_of
from simcore.experiments.run import HowToRun, RunResult, execute
from simcore.experiments.shard_files import load_shard
from simcore.trace.reader import read_trace
from simcore.trace.schema import RUN_JSON, RUN_PLAN


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
        Who simulates.
    engine : {"auto", "simpy", "fast"}, optional
        Instead of the run's.

    Returns
    -------
    Resumed
        A complete and whole run is left as it is. A damaged one is simulated again
        and must come out with the checksums that its manifest names.

    Raises
    ------
    TraceError
        If the folder is no run, was begun by another version, or the mended files are
        not those of the manifest.
    """
    folder, how = Path(folder), how or HowToRun()
    if (folder / RUN_JSON).is_file():
        return _mend(folder, how, engine)
    begun = _read(folder / RUN_PLAN)
    if begun is None:
        raise TraceError(
            f"{folder}: there is nothing to resume; the folder holds no run that was "
            "begun"
        )
    if begun.get("simcore_version") != simcore.__version__:
        raise TraceError(
            f"{folder}: the run was begun by simcore "
            f"{printable(begun.get('simcore_version'))}, this is "
            f"{simcore.__version__}; shards of two versions are never mixed"
        )
    plan = _plan(folder / RUN_PLAN, begun, engine)
    kept = [s for s in range(plan.shards) if load_shard(folder, plan, s) is not None]
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
        Who simulates.
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
    document = _read(path)
    if document is None:
        raise TraceError(f"{path}: missing or damaged; there is no run to repeat")
    plan = _plan(path, document, engine)
    if out is not None and Path(out).resolve() == Path(run).resolve():
        problem = Problem(
            path=str(out),
            message="the repetition would replace the run that it repeats",
            hint="Choose another folder.",
        )
        raise ConfigError([problem])
    target = None if out is None else Path(out)
    return execute(plan, how or HowToRun(), target, force=force)


def _mend(folder: Path, how: HowToRun, engine: str | None) -> Resumed:
    try:
        read_trace(folder)
    except TraceError as error:
        manifest = _read(folder / RUN_JSON)
        files = None if manifest is None else manifest.get("files")
        if manifest is None or not isinstance(files, dict):
            raise error from None
        plan = _plan(folder / RUN_JSON, manifest, engine)
        before = {name: entry.get("sha256") for name, entry in files.items()}
        damaged = tuple(sorted(_damaged(folder, before)))
        result = execute(plan, how, folder, force=True)
        after = read_trace(folder).run["files"]
        differing = sorted(
            name
            for name in before.keys() | after.keys()
            if before.get(name) != after.get(name, {}).get("sha256")
        )
        if differing:
            raise TraceError(
                f"{folder}: the run was simulated again, but {differing[0]} is not "
                "what the damaged manifest says; it was written by another version, "
                "or the manifest itself is damaged"
            ) from None
        return Resumed(result, 0, plan.shards, damaged or (RUN_JSON,))
    return Resumed(None, 0, 0)


def _damaged(folder: Path, expected: Mapping[str, Any]) -> list[str]:
    found = []
    for name, sha256 in expected.items():
        try:
            digest = hashlib.sha256((folder / name).read_bytes()).hexdigest()
        except OSError:
            digest = None
        if digest != sha256:
            found.append(name)
    return found


def _plan(path: Path, document: Mapping[str, Any], engine: str | None) -> RunPlan:
    try:
        scenario = load_scenario(document["config"])
    except (SimcoreError, KeyError, TypeError) as error:
        raise TraceError(f"{path}: its configuration is damaged: {error}") from error
    if config_sha256(scenario) != document.get("config_sha256"):
        raise TraceError(
            f"{path}: its configuration is damaged: it hashes to "
            f"{config_sha256(scenario)[:12]}, the file says "
            f"{printable(document.get('config_sha256'))[:14]}"
        )
    return plan_of(_with_engine(scenario, engine))


def _with_engine(scenario: ScenarioConfig, engine: str | None) -> ScenarioConfig:
    if engine is None:
        return scenario
    return load_scenario(scenario, [f"engine={engine}"])


def _read(path: Path) -> dict[str, Any] | None:
    try:
        document = json.loads(path.read_bytes())
    except (OSError, ValueError, RecursionError):
        return None
    return document if isinstance(document, dict) else None
