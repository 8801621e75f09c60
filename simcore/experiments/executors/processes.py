"""Shards in worker processes of this machine; a worker that dies is replaced."""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import signal
import threading
from collections import Counter
from collections.abc import Generator, Iterator, Sequence
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from multiprocessing.connection import wait

from simcore.errors import SimulationError
from simcore.experiments.executors.job import Report, ShardJob, run_job
from simcore.experiments.shard import ShardResult

#: How often a job may be in progress when a worker dies.
MOST_ATTEMPTS = 3

_Started = dict[Future[list[ShardResult | int]], ShardJob]


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
    # Spawned: a fork would copy locks of threads that only the parent has.
    context = multiprocessing.get_context("spawn")
    lost: set[tuple[int, ...]] = set()
    with ProcessPoolExecutor(
        workers, mp_context=context, initializer=_begin_worker
    ) as pool:
        started: _Started = {}
        try:
            with _interrupts_held():
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
        except BaseException:
            _abandon(pool, started)
            raise
    return [job for job in jobs if job.shards in lost]


def _abandon(pool: ProcessPoolExecutor, started: _Started) -> None:
    """Stop at once: what is in progress is not wanted any more."""
    for future in started:
        future.cancel()
    for process in list(pool._processes.values()):
        process.terminate()


def _endless(job: ShardJob) -> SimulationError:
    first, last = job.shards[0], job.shards[-1]
    which = f"shard {first} was" if first == last else f"shards {first} to {last} were"
    return SimulationError(
        f"worker processes died {MOST_ATTEMPTS} times while {which} in progress (seed "
        f"{job.scenario.seed}), the last time with nothing else beside; the system may "
        "be short of memory"
    )


@contextlib.contextmanager
def _interrupts_held() -> Iterator[None]:
    """Let processes that are started meanwhile never see Ctrl-C: the parent decides.

    They inherit the mask before their first instruction; a handler that they set
    themselves would come too late to keep an import from being interrupted.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGINT])
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _begin_worker() -> None:
    threading.Thread(target=_end_with_parent, daemon=True).start()


def _end_with_parent() -> None:
    # A worker whose parent was killed would wait for jobs for ever, and first write
    # what is left of them into a folder that may have another owner.
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    os._exit(1)
