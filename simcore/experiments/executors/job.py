"""The unit of work that executors send to workers, and what a worker does with it."""

from __future__ import annotations

import json
import platform
import threading
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol

import simcore
from simcore.config.load import config_sha256
from simcore.config.scenario import ScenarioConfig
from simcore.engine.guest import ChipProcess
from simcore.errors import OutputError
from simcore.experiments.plan import RunPlan, plan_of
from simcore.experiments.shard import ShardResult, ShardRunner
from simcore.experiments.shard_files import save_shard
from simcore.trace.schema import RUN_PLAN

#: Told when a worker died and its shards are tried again.
Report = Callable[[str], None]


@dataclass(frozen=True)
class ShardJob:
    """Shards of one run for one worker.

    Attributes
    ----------
    scenario : ScenarioConfig
        With all overrides of the run.
    engine : {"simpy", "fast"}
        Which engine.
    shards : tuple of int
        Which shards, in order.
    folder : Path or None
        Run folder where results are kept; the worker must see it under this path.
        None: results are returned.
    processes : tuple of callable
        Processes that users wrote; for other processes, functions of a module.
    version : str
        Of simcore; shards of two versions are never mixed.
    """

    scenario: ScenarioConfig
    engine: str
    shards: tuple[int, ...]
    folder: Path | None
    processes: tuple[ChipProcess, ...] = ()
    version: str = simcore.__version__

    def run(self) -> Iterator[ShardResult | int]:
        """Simulate the shards one after another.

        Yields
        ------
        ShardResult or int
            The result, or the number of a shard whose result is in the folder.

        Raises
        ------
        OutputError
            If this worker has another version, or its folder is not the run's.
        """
        if self.version != simcore.__version__:
            raise OutputError(
                f"the worker on {platform.node()} has simcore {simcore.__version__}, "
                f"the run was begun by {self.version}; shards of two versions are "
                "never mixed"
            )
        runner = _runner(self.scenario, self.engine, self.processes)
        for shard in self.shards:
            if self.folder is not None:
                _require_run(self.folder, runner.plan)
            result = runner.run(shard, self.folder)
            if self.folder is None:
                yield result
            else:
                save_shard(self.folder, runner.plan, result)
                yield shard


class Executor(Protocol):
    """Runs jobs somewhere."""

    def run(
        self, jobs: Sequence[ShardJob], report: Report
    ) -> Iterator[ShardResult | int]:
        """Run all jobs; yield as `ShardJob.run`, in any order.

        Raises
        ------
        SimulationError
            If the simulation fails, or a job killed its workers again and again.
        OutputError
            If the system refuses.
        """


def share_plan(plan: RunPlan) -> None:
    """Let jobs that run in this thread use a plan, which takes a while to make."""
    _KEPT.plan = plan


def run_job(job: ShardJob) -> list[ShardResult | int]:
    """Run one job in a worker."""
    return list(job.run())


def cut(job: ShardJob, size: int) -> list[ShardJob]:
    """Jobs of `size` shards each that do the same work."""
    shards = job.shards
    return [
        replace(job, shards=shards[start : start + size])
        for start in range(0, len(shards), size)
    ]


def _require_run(folder: Path, plan: RunPlan) -> None:
    """Refuse a folder that is not, or no longer, that of the run.

    A worker can outlive the process that wanted its work, and run on a machine that
    has another disk.
    """
    try:
        found = json.loads((folder / RUN_PLAN).read_bytes())["config_sha256"]
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise OutputError(
            f"the worker on {platform.node()} finds no run in {folder}; workers must "
            "see the run folder under the same path"
        ) from error
    wanted = config_sha256(plan.scenario)
    if found != wanted:
        raise OutputError(
            f"{folder} holds another run by now: configuration {str(found)[:12]} "
            f"instead of {wanted[:12]}"
        )


def _runner(
    scenario: ScenarioConfig, engine: str, processes: tuple[ChipProcess, ...]
) -> ShardRunner:
    # Programs and compiled bursts serve all shards of a run in one process. Not in
    # several threads at once, which a Dask worker may have.
    runners = _KEPT.runners
    key = config_sha256(scenario), engine, processes
    if key not in runners:
        runners.clear()
        plan = _KEPT.plan
        if plan is None or (plan.scenario, plan.processes) != (scenario, processes):
            plan = plan_of(scenario, processes)
        runners[key] = ShardRunner(plan, engine)
    return runners[key]


class _Kept(threading.local):
    def __init__(self) -> None:
        self.runners: dict[tuple[Any, ...], ShardRunner] = {}
        self.plan: RunPlan | None = None


_KEPT = _Kept()
