"""Simulate the shards of a plan in any order, and gather them in theirs."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import closing
from pathlib import Path

from simcore.experiments.engines import EngineChoice
from simcore.experiments.executors.job import ShardJob, cut, share_plan
from simcore.experiments.gather import Gathered
from simcore.experiments.how_to_run import HowToRun, Progress
from simcore.experiments.plan import RunPlan
from simcore.experiments.shard import ShardResult
from simcore.experiments.shard_files import finished_shard, load_shard


def run_shards(
    plan: RunPlan,
    how: HowToRun,
    choice: EngineChoice,
    gathered: Gathered,
    folder: Path | None,
    shards: range | None = None,
) -> None:
    """Simulate what is missing of a plan and gather shards in their order.

    Parameters
    ----------
    plan : RunPlan
        What to simulate.
    how : HowToRun
        Who simulates.
    choice : EngineChoice
        With which engine.
    gathered : Gathered
        Takes the shards, ascending.
    folder : Path or None
        Run folder, where finished shards may be found and are kept.
    shards : range, optional
        Which shards; all by default.
    """
    numbers = range(plan.shards) if shards is None else shards
    done = {
        shard
        for shard in numbers
        if folder is not None and load_shard(folder, plan, shard) is not None
    }
    missing = tuple(shard for shard in numbers if shard not in done)
    share_plan(plan)
    job = ShardJob(plan.scenario, choice.name, missing, folder, plan.processes)
    order = _InOrder(plan, gathered, folder, done, numbers.start)
    with closing(_results(how, cut(job, how.shards_per_job))) as results:
        order.take()
        order.tell(how.progress)
        for result in results:
            order.put(result)
            order.take()
            order.tell(how.progress)


class _InOrder:
    """Puts shards together in their order, in whatever order they come."""

    def __init__(
        self,
        plan: RunPlan,
        gathered: Gathered,
        folder: Path | None,
        done: set[int],
        first: int,
    ) -> None:
        self._plan = plan
        self._gathered = gathered
        self._folder = folder
        self._done = done
        self._waiting: dict[int, ShardResult] = {}
        self._following = first
        before = range(first)
        replications = sum(
            len(plan.replications_of(shard)) for shard in (*before, *done)
        )
        #: Requests that have been simulated.
        self.requests = replications * plan.scenario.streams

    def put(self, result: ShardResult | int) -> None:
        """Note a shard that a worker has finished."""
        number = result
        if isinstance(result, ShardResult):
            number = result.shard
            self._waiting[number] = result
        assert isinstance(number, int)
        self._done.add(number)
        self.requests += (
            len(self._plan.replications_of(number)) * self._plan.scenario.streams
        )

    def take(self) -> None:
        """Gather every shard whose predecessors have been gathered."""
        while self._following in self._done:
            result = self._waiting.pop(self._following, None)
            if result is None:
                result = finished_shard(self._folder, self._plan, self._following)
            self._gathered.add(result)
            self._following += 1

    def tell(self, progress: Progress | None) -> None:
        """Say how many requests are simulated, and how precise they make the result."""
        if progress is not None:
            width = self._gathered.relative_half_width()
            note = "" if width is None else f"latency/token +-{100 * width:.2g} %"
            total = self._plan.scenario.workload.requests
            progress(self.requests, total, "requests", note)


def _results(
    how: HowToRun, jobs: Sequence[ShardJob]
) -> Generator[ShardResult | int, None, None]:
    yield from how.executor.run(jobs, how.report)
