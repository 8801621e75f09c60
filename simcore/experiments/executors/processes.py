"""Shards in worker processes of this machine; a worker that dies is replaced."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, as_completed
from concurrent.futures.process import BrokenProcessPool

from simcore.errors import SimulationError
from simcore.experiments.executors.job import Report, ShardJob, run_job
from simcore.experiments.executors.pool import WorkerPool
from simcore.experiments.shard import ShardResult

#: How often a job may be in progress when a worker dies.
MOST_ATTEMPTS = 3


class ProcessExecutor:
    """A pool of spawned processes.

    Parameters
    ----------
    workers : int
        How many processes, >= 1.
    """

    def __init__(self, workers: int) -> None:
        self._workers = workers

    def run(
        self, jobs: Sequence[ShardJob], report: Report
    ) -> Iterator[ShardResult | int]:
        """Run all jobs; see `Executor.run`."""
        attempts: Counter[tuple[int, ...]] = Counter()
        left = list(jobs)
        while left:
            left = yield from _run_pool(left, self._workers)
            if not left:
                return
            # Jobs are begun in their order, so these were in progress. Which of them
            # the dead worker had is not known: all count.
            suspects = left[: self._workers]
            attempts.update(job.shards for job in suspects)
            report(f"a worker process died; jobs tried again: {len(left)}")
            for job in suspects:
                if attempts[job.shards] >= MOST_ATTEMPTS - 1:
                    # Alone, the guilty one is known, and the innocent comes through.
                    if (yield from _run_pool([job], 1)):
                        raise _endless(job)
                    left.remove(job)


def _run_pool(
    jobs: Sequence[ShardJob], workers: int
) -> Generator[ShardResult | int, None, list[ShardJob]]:
    """Run jobs in a new pool; returns those that were lost when a worker died."""
    lost: set[tuple[int, ...]] = set()
    with WorkerPool(workers) as pool:
        started: dict[Future[list[ShardResult | int]], ShardJob] = {}
        for job in jobs:
            try:
                started[pool.submit(run_job, job)] = job
            except BrokenProcessPool:
                lost.add(job.shards)
        for future in as_completed(list(started)):
            # Not kept: results are large when there is no folder for them.
            job = started.pop(future)
            try:
                results = future.result()
            except BrokenProcessPool:
                lost.add(job.shards)
            else:
                yield from results
    return [job for job in jobs if job.shards in lost]


def _endless(job: ShardJob) -> SimulationError:
    first, last = job.shards[0], job.shards[-1]
    which = f"shard {first} was" if first == last else f"shards {first} to {last} were"
    return SimulationError(
        f"worker processes died {MOST_ATTEMPTS} times while {which} in progress (seed "
        f"{job.scenario.seed}), the last time with nothing else beside; the system may "
        "be short of memory"
    )
