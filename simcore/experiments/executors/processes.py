"""Shards in worker processes of this machine; a worker that dies is replaced."""

from __future__ import annotations

import multiprocessing
import signal
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool

from simcore.errors import SimulationError
from simcore.experiments.executors.job import Report, ShardJob, run_job
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
            lost: list[ShardJob] = []
            with self._pool() as pool:
                started = {pool.submit(run_job, job): job for job in left}
                try:
                    for future in as_completed(started):
                        try:
                            yield from future.result()
                        except BrokenProcessPool:
                            lost.append(started[future])
                except BaseException:
                    _abandon(pool, started)
                    raise
            if lost:
                # Which of them the dead worker had is not known: all count.
                lost.sort(key=lambda job: job.shards)
                first = lost[: self._workers]
                attempts.update(job.shards for job in first)
                _refuse_endless(first, attempts)
                report(
                    f"a worker process died; {len(lost)} unfinished jobs are tried "
                    "again"
                )
            left = lost

    def _pool(self) -> ProcessPoolExecutor:
        # Spawned: a fork would copy locks of threads that only the parent has.
        return ProcessPoolExecutor(
            self._workers,
            mp_context=multiprocessing.get_context("spawn"),
            initializer=_ignore_interrupts,
        )


def _abandon(
    pool: ProcessPoolExecutor,
    started: dict[Future[list[ShardResult | int]], ShardJob],
) -> None:
    """Stop at once: what is in progress is not wanted any more."""
    for future in started:
        future.cancel()
    for process in list(pool._processes.values()):
        process.terminate()


def _refuse_endless(
    jobs: Sequence[ShardJob], attempts: Counter[tuple[int, ...]]
) -> None:
    for job in jobs:
        if attempts[job.shards] >= MOST_ATTEMPTS:
            raise SimulationError(
                f"worker processes died {MOST_ATTEMPTS} times while shards "
                f"{job.shards[0]} to {job.shards[-1]} (seed {job.scenario.seed}) were "
                "in progress; the system may be short of memory"
            )


def _ignore_interrupts() -> None:
    # Ctrl-C reaches the whole process group; the parent decides.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
