"""The pool of processes: gone after its block, also when the block ends badly."""

from __future__ import annotations

import multiprocessing
import os
import signal
import time
from collections.abc import Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from pathlib import Path
from types import FrameType

import pytest

from simcore.experiments.executors.pool import WorkerPool


@contextmanager
def ends_within(seconds: int) -> Iterator[None]:
    """Fail instead of hanging."""

    def fail(signum: int, frame: FrameType | None) -> None:
        raise TimeoutError(f"still there after {seconds} s")

    before = signal.signal(signal.SIGALRM, fail)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def test_jobs_are_done_and_the_processes_gone() -> None:
    with WorkerPool(2) as pool:
        assert [pool.submit(abs, -n).result() for n in range(4)] == [0, 1, 2, 3]
    assert multiprocessing.active_children() == []


def test_every_process_begins_with_what_it_was_handed(tmp_path: Path) -> None:
    with WorkerPool(1, os.chdir, (tmp_path,)) as pool:
        assert pool.submit(os.getcwd).result() == str(tmp_path)


def test_an_error_does_not_wait_for_what_is_in_progress() -> None:
    def interrupted() -> None:
        with WorkerPool(2) as pool:
            pool.submit(abs, 1).result()
            for _ in range(4):
                pool.submit(time.sleep, 600)
            raise KeyboardInterrupt

    with ends_within(60), pytest.raises(KeyboardInterrupt):
        interrupted()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("delay_s", [0.0, 0.01, 0.03])
def test_an_error_does_not_wait_for_the_rest_of_a_result(delay_s: float) -> None:
    """A result larger than a pipe is on its way when its process is stopped."""

    def interrupted() -> None:
        with WorkerPool(2) as pool:
            results = [pool.submit(bytes, 64_000_000) for _ in range(6)]
            results[0].result()
            time.sleep(delay_s)
            raise KeyboardInterrupt

    with ends_within(60), pytest.raises(KeyboardInterrupt):
        interrupted()
    assert multiprocessing.active_children() == []


@pytest.mark.parametrize("delay_s", [0.0, 0.01, 0.03])
def test_a_process_that_dies_in_the_middle_of_a_result_is_noticed(
    delay_s: float,
) -> None:
    """The others hold the pipe open: the rest of the result would be waited for."""

    def killed() -> None:
        with WorkerPool(2) as pool:
            results: list[Future[bytes] | Future[None]] = []
            results += [pool.submit(bytes, 64_000_000) for _ in range(6)]
            # Whatever the processes have done by then, they are not done.
            results += [pool.submit(time.sleep, 600) for _ in range(2)]
            results[0].result()
            time.sleep(delay_s)
            for process in multiprocessing.active_children()[:1]:
                process.kill()
            for result in results:
                result.result()

    with ends_within(60), pytest.raises(BrokenProcessPool):
        killed()
    assert multiprocessing.active_children() == []


def test_a_job_that_comes_after_a_death_is_refused() -> None:
    def late() -> None:
        with WorkerPool(3) as pool:
            first = pool.submit(os._exit, 1)
            with pytest.raises(BrokenProcessPool):
                first.result()
            while True:
                pool.submit(abs, 1)

    with ends_within(60), pytest.raises(BrokenProcessPool):
        late()
