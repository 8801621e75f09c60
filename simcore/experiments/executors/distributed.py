"""Shards on a Dask cluster; needs the optional extra `distributed`."""

from __future__ import annotations

import contextlib
import logging
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import Any

import simcore
from simcore.errors import (
    ConfigError,
    OutputError,
    Problem,
    SimulationError,
    printable,
)
from simcore.experiments.executors.job import Report, ShardJob, run_job
from simcore.experiments.shard import ShardResult

#: Seconds to wait for the scheduler to answer, and for its first worker.
_TIMEOUT_S = 10
#: Seconds between looks at what has come, and at how many workers there are.
_LOOK_S = 0.05
_COUNT_S = 5.0
#: How often Dask may give up a job. Each time it has lost several workers to it.
_MOST_ATTEMPTS = 2


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
        with _no_log_of_client():
            client = self._client(distributed)
            try:
                self._require_worker(client)
                yield from _Jobs(distributed, client, report).run(jobs)
            except _lost_scheduler(distributed) as error:
                raise OutputError(
                    f"the Dask scheduler {self._scheduler} went away; finished shards "
                    "are kept in the run folder"
                ) from error
            finally:
                client.close()

    def _client(self, distributed: Any) -> Any:
        try:
            # A client would try a wrong address again and again, and end noisily.
            _require_address(distributed, self._scheduler)
            return distributed.Client(
                self._scheduler, timeout=_TIMEOUT_S, set_as_default=False
            )
        except (OSError, ValueError, TimeoutError) as error:
            raise self._problem(
                "no Dask scheduler answers there",
                f"Start one with `dask scheduler`. ({printable(str(error))})",
            ) from error

    def _require_worker(self, client: Any) -> None:
        try:
            client.wait_for_workers(1, timeout=_TIMEOUT_S)
        except TimeoutError as error:
            raise self._problem(
                "the scheduler has no worker",
                f"Start one with `dask worker {self._scheduler}`.",
            ) from error

    def _problem(self, message: str, hint: str) -> ConfigError:
        got = printable(self._scheduler)
        return ConfigError(
            [Problem(path="scheduler", got=got, message=message, hint=hint)]
        )


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


@contextlib.contextmanager
def _no_log_of_client() -> Iterator[None]:
    """Keep Dask from writing to stderr what is told in other words, or mended."""
    logger = logging.getLogger("distributed.client")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        logger.setLevel(before)


def _require_address(distributed: Any, address: str) -> None:
    """Raise ValueError for what is no address; `inproc://` has no host and port."""
    whole = address if "://" in address else f"tcp://{address}"
    if not whole.startswith("inproc://"):
        distributed.comm.get_address_host_port(whole, strict=True)


def _lost_scheduler(distributed: Any) -> tuple[type[BaseException], ...]:
    return distributed.CancelledError, distributed.comm.CommClosedError


def _is_missing_code(error: Exception) -> bool:
    return isinstance(error, ImportError) or "deserialization" in str(error)


def _missing_code(error: Exception) -> OutputError:
    """What a machine without this version of simcore gives, in one line."""
    text = printable(str(error).partition("\n")[0])
    return OutputError(
        "the scheduler or a worker of the cluster cannot import what it needs: install "
        f"simcore {simcore.__version__} there ({text})"
    )


class _Watch:
    """Tells when workers have gone."""

    def __init__(self, client: Any, report: Report) -> None:
        self._client = client
        self._report = report
        self._looked = time.monotonic()
        self._there = len(client.nthreads())

    def look(self) -> None:
        """Count the workers, if that was not done just now."""
        if time.monotonic() - self._looked < _COUNT_S:
            return
        before, self._there = self._there, len(self._client.nthreads())
        self._looked = time.monotonic()
        if self._there < before:
            what = "nothing is lost" if self._there else "waiting for one"
            self._report(
                f"workers of the cluster: {self._there} left of {before}; {what}"
            )


class _Jobs:
    """Jobs on a cluster; Dask itself moves those of a lost worker to another."""

    def __init__(self, distributed: Any, client: Any, report: Report) -> None:
        self._distributed = distributed
        self._client = client
        self._report = report
        self._watch = _Watch(client, report)
        self._started: dict[Any, ShardJob] = {}
        self._attempts: Counter[tuple[int, ...]] = Counter()

    def run(self, jobs: Sequence[ShardJob]) -> Iterator[ShardResult | int]:
        """Results in the order in which they come."""
        finished = self._distributed.as_completed(
            [self._submit(job) for job in jobs], loop=self._client.loop
        )
        try:
            for future in self._completed(finished):
                # Not kept: results are large when there is no folder for them.
                job = self._started.pop(future)
                try:
                    results = self._result(future)
                except self._distributed.KilledWorker as error:
                    finished.add(self._again(job, error))
                except (ImportError, RuntimeError) as error:
                    if _is_missing_code(error):
                        raise _missing_code(error) from error
                    raise
                else:
                    yield from results
        finally:
            self._client.cancel(list(self._started))

    def _completed(self, finished: Any) -> Iterator[Any]:
        """Futures that are done."""
        while not finished.is_empty():
            batch = finished.next_batch(block=False)
            yield from batch
            if not batch:
                time.sleep(_LOOK_S)
            self._watch.look()

    def _result(self, future: Any) -> list[ShardResult | int]:
        """Result of a job that is done; it is done again if its worker has gone."""
        patience_s = _COUNT_S
        while True:
            try:
                results: list[ShardResult | int] = future.result(timeout=patience_s)
            except TimeoutError:
                self._watch.look()
                # Asking anew begins anew: a large result may need longer.
                patience_s *= 2
            else:
                return results

    def _submit(self, job: ShardJob) -> Any:
        future = self._client.submit(run_job, job, pure=False)
        self._started[future] = job
        return future

    def _again(self, job: ShardJob, error: BaseException) -> Any:
        self._attempts[job.shards] += 1
        if self._attempts[job.shards] >= _MOST_ATTEMPTS:
            raise SimulationError(
                "workers of the cluster died again and again while shards "
                f"{job.shards[0]} to {job.shards[-1]} (seed {job.scenario.seed}) were "
                "in progress; they may be short of memory"
            ) from error
        self._report("workers of the cluster died; their jobs are tried again")
        return self._submit(job)
