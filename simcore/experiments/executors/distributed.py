"""Shards on a Dask cluster; needs the optional extra `distributed`."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

from simcore.errors import ConfigError, Problem, SimulationError, printable
from simcore.experiments.executors.job import Report, ShardJob, run_job
from simcore.experiments.executors.processes import MOST_ATTEMPTS
from simcore.experiments.shard import ShardResult

#: Seconds to wait for the scheduler to answer.
_TIMEOUT_S = 10


class DaskExecutor:
    """The workers of a running Dask scheduler.

    Workers need this version of simcore, and must see the run folder under the same
    path as this process.

    Parameters
    ----------
    scheduler : str
        Address of the scheduler, for example `tcp://127.0.0.1:8786`.
    """

    def __init__(self, scheduler: str) -> None:
        self._scheduler = scheduler

    def run(
        self, jobs: Sequence[ShardJob], report: Report
    ) -> Iterator[ShardResult | int]:
        """Run all jobs; see `Executor.run`."""
        if not jobs:
            return
        distributed = _distributed()
        client = self._client(distributed)
        try:
            yield from _run(distributed, client, jobs, report)
        finally:
            client.close()

    def _client(self, distributed: Any) -> Any:
        try:
            return distributed.Client(
                self._scheduler, timeout=_TIMEOUT_S, set_as_default=False
            )
        except (OSError, ValueError, TimeoutError) as error:
            problem = Problem(
                path="scheduler",
                got=printable(self._scheduler),
                message="no Dask scheduler answers there",
                hint=f"Start one with `dask scheduler`. ({printable(str(error))})",
            )
            raise ConfigError([problem]) from error


def _distributed() -> Any:
    try:
        import distributed
    except ImportError as error:
        problem = Problem(
            path="executor",
            got="'dask'",
            message="the package distributed is not installed",
            hint="pip install 'simcore[distributed]'",
        )
        raise ConfigError([problem]) from error
    return distributed


def _run(
    distributed: Any, client: Any, jobs: Sequence[ShardJob], report: Report
) -> Iterator[ShardResult | int]:
    attempts: Counter[tuple[int, ...]] = Counter()
    started = {_submit(client, job): job for job in jobs}
    finished = distributed.as_completed(list(started))
    try:
        for future in finished:
            job = started[future]
            try:
                # Dask itself moves the jobs of a lost worker to another; this is
                # what it raises when it gives up.
                results = future.result()
            except distributed.KilledWorker as error:
                attempts[job.shards] += 1
                if attempts[job.shards] >= MOST_ATTEMPTS:
                    raise SimulationError(
                        f"workers died again and again while shards {job.shards[0]} "
                        f"to {job.shards[-1]} were in progress"
                    ) from error
                report("workers of the cluster died; their jobs are tried again")
                again = _submit(client, job)
                started[again] = job
                finished.add(again)
                continue
            yield from results
    finally:
        client.cancel(list(started))


def _submit(client: Any, job: ShardJob) -> Any:
    return client.submit(run_job, job, pure=False)
