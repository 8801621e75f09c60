"""Small runs of several shards, and what is compared of their folders."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

from simcore.config.load import load_scenario
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.plan import RunPlan, plan_of
from simcore.experiments.run import execute
from simcore.trace.schema import PLAN_SHA256, RUN_PLAN
from simcore.trace.sealed import seal

SHARDS = 4
CHANGES = (f"workload.requests={SHARDS}", "workload.max_tokens=4")


def small_plan(*changes: str, per_shard: int = 1) -> RunPlan:
    """A run of `tiny` with one request, and about two bursts, in a shard."""
    shards = f"shard_replications={per_shard}"
    return plan_of(load_scenario("tiny", [*CHANGES, shards, *changes]))


def quick(**settings: Any) -> HowToRun:
    """Without the cross-check, which takes as long as the run."""
    return HowToRun(**{"cross_check": False, **settings})


def hashes(folder: Path) -> dict[str, str]:
    """Checksum of every file but `run.json`, which names host and time."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def unfinished(folder: Path, shards: int, plan: RunPlan | None = None) -> RunPlan:
    """Begin a run and interrupt it when so many shards are finished."""
    plan = plan or small_plan()

    def interrupt(done: int, total: int, unit: str, note: str = "") -> None:
        if done >= shards * total / plan.shards:
            raise KeyboardInterrupt

    try:
        execute(plan, quick(progress=interrupt), folder)
    except KeyboardInterrupt:
        return plan
    raise AssertionError("the run was not interrupted")


def change_plan(folder: Path, **values: Any) -> None:
    """Change `plan.json` as somebody would who knows of its checksum."""
    path = folder / RUN_PLAN
    document = {**json.loads(path.read_bytes()), **values}
    document.pop(PLAN_SHA256)
    path.write_bytes(seal(document, PLAN_SHA256))
