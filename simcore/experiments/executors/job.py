"""The unit of work that executors send to workers, and what a worker does with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Protocol

from simcore.config.load import config_sha256
from simcore.config.scenario import ScenarioConfig
from simcore.experiments.plan import plan_of
from simcore.experiments.shard import ShardResult, ShardRunner
from simcore.experiments.shard_files import save_shard

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
    """

    scenario: ScenarioConfig
    engine: str
    shards: tuple[int, ...]
    folder: Path | None

    def run(self) -> Iterator[ShardResult | int]:
        """Simulate the shards one after another.

        Yields
        ------
        ShardResult or int
            The result, or the number of a shard whose result is in the folder.
        """
        runner = _runner(self.scenario, self.engine)
        for shard in self.shards:
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


def _runner(scenario: ScenarioConfig, engine: str) -> ShardRunner:
    # Programs and compiled bursts serve all shards of a run in one process.
    key = config_sha256(scenario), engine
    if key not in _RUNNERS:
        _RUNNERS.clear()
        _RUNNERS[key] = ShardRunner(plan_of(scenario), engine)
    return _RUNNERS[key]


_RUNNERS: dict[tuple[str, str], ShardRunner] = {}
