"""Worker processes: the same bytes from any number of them, whatever happens to one.

Holds B6 and E5.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import Executor, Future
from concurrent.futures.process import BrokenProcessPool
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from odd_jobs import DeadlyJob, MaskJob
from small_runs import SHARDS, hashes, quick, small_plan

from simcore.errors import SimulationError
from simcore.experiments.executors import pool, processes
from simcore.experiments.executors.inline import InlineExecutor
from simcore.experiments.executors.job import ShardJob, cut
from simcore.experiments.executors.processes import ProcessExecutor
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.run import execute


def run_with(folder: Path, how: HowToRun) -> dict[str, str]:
    execute(small_plan(), how, folder)
    return hashes(folder)


@pytest.mark.parametrize(
    ("workers", "chunk"),
    [
        (1, 2),
        (1, 5),
        (2, 2),
        *(
            pytest.param(workers, chunk, marks=pytest.mark.slow)
            for workers in (1, 2, 4)
            for chunk in (1, 2, 5)
        ),
    ],
)
def test_the_files_do_not_depend_on_workers_and_chunks(
    tmp_path: Path, whole: dict[str, str], workers: int, chunk: int
) -> None:
    executor = ProcessExecutor(workers) if workers > 1 else InlineExecutor()
    calls: list[tuple[int, int, str]] = []
    how = quick(
        executor=executor, shards_per_job=chunk, progress=lambda *c: calls.append(c)
    )
    assert run_with(tmp_path / "run", how) == whole
    # Progress goes up, from nothing to everything.
    assert [call[1:3] for call in calls] == [(SHARDS, "requests")] * len(calls)
    done = [call[0] for call in calls]
    assert done == list(range(SHARDS + 1))


def test_a_finished_run_is_its_files_and_nothing_else(whole: dict[str, str]) -> None:
    tables = ("bursts", "program", "program_energy", "requests")
    parts = [f"events/part-{shard:05d}.parquet" for shard in range(SHARDS)]
    assert sorted(whole) == sorted(
        [*(f"{name}.parquet" for name in tables), *parts, "summary.json"]
    )


def test_one_process_of_the_pool_gives_what_this_process_gives(
    tmp_path: Path, whole: dict[str, str]
) -> None:
    """Without a folder results travel; they are the same."""
    here, there = (
        execute(small_plan(), quick(executor=executor))
        for executor in (InlineExecutor(), ProcessExecutor(1))
    )
    assert here.summary == there.summary


@pytest.mark.parametrize("per_shard", [2, 3])
def test_bursts_and_requests_do_not_depend_on_the_size_of_shards(
    tmp_path: Path, whole: dict[str, str], per_shard: int
) -> None:
    """Its hash is in the metadata: only the rows are compared."""
    import pyarrow.parquet as pq

    execute(small_plan(per_shard=per_shard), quick(), tmp_path / "large")
    execute(small_plan(), quick(), tmp_path / "small")
    for name in ("bursts.parquet", "requests.parquet"):
        large, small = (
            pq.read_table(tmp_path / run / name) for run in ("large", "small")
        )
        assert large.equals(small)


def test_a_worker_killed_in_mid_run_is_replaced_and_reported(
    tmp_path: Path, whole: dict[str, str]
) -> None:
    killed: list[int] = []

    def kill_once(done: int, total: int, unit: str, note: str = "") -> None:
        if done and not killed:
            (victim, *_) = multiprocessing.active_children()
            assert victim.pid is not None
            killed.append(victim.pid)
            os.kill(victim.pid, signal.SIGKILL)

    reports: list[str] = []
    how = quick(executor=ProcessExecutor(2), progress=kill_once, report=reports.append)
    assert run_with(tmp_path / "run", how) == whole
    (text,) = reports
    assert text.startswith("a worker process died; jobs tried again: ")


def jobs_of(kind: type[ShardJob], folder: Path | None, shards: int) -> list[ShardJob]:
    return cut(kind(small_plan().scenario, "simpy", tuple(range(shards)), folder), 1)


def test_a_job_that_always_kills_its_worker_is_named_and_ends_the_run() -> None:
    reports: list[str] = []
    found: list[object] = []

    def collect() -> None:
        jobs = jobs_of(DeadlyJob, None, 5)
        found.extend(ProcessExecutor(2).run(jobs, reports.append))

    with pytest.raises(SimulationError) as caught:
        collect()
    # The neighbour that was in progress each time is not blamed, and has come through.
    assert str(caught.value) == (
        "worker processes died 3 times while shard 3 was in progress (seed 1), the "
        "last time with nothing else beside; the system may be short of memory"
    )
    assert set(found) <= {0, 1, 2, 4}
    assert len(found) == len(set(found))
    assert {0, 1, 2} <= set(found)
    assert len(reports) == 2


def test_the_jobs_of_one_worker_are_named_together() -> None:
    job = ShardJob(small_plan().scenario, "simpy", (4, 5, 6), None)
    assert "while shards 4 to 6 were in progress (seed 1)" in str(
        processes._endless(job)
    )


def test_workers_leave_ctrl_c_to_their_parent() -> None:
    """From their first instruction on: they inherit it, and the parent has it back."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, [])
    assert list(ProcessExecutor(1).run(jobs_of(MaskJob, None, 1), print)) == [1]
    assert signal.pthread_sigmask(signal.SIG_BLOCK, []) == before
    assert signal.SIGINT not in before


class DyingPool(Executor):
    """A pool whose workers are dead before all jobs are in it."""

    _processes: dict[int, Any] = {}  # noqa: RUF012

    def __init__(self, *_: object, **__: object) -> None:
        self._taken = 0

    def submit(self, run: Callable[..., Any], /, *args: Any, **_: Any) -> Future[Any]:
        self._taken += 1
        if self._taken > 2:
            raise BrokenProcessPool
        future: Future[Any] = Future()
        future.set_result(run(*args))
        return future


def test_a_worker_that_dies_while_jobs_are_handed_out_loses_none(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "ProcessPoolExecutor", DyingPool)
    reports: list[str] = []
    results = ProcessExecutor(1).run(
        [replace(job, shards=(9,)) for job in jobs_of(DeadlyJob, None, 1)] * 1
        + jobs_of(DeadlyJob, None, 3),
        reports.append,
    )
    assert sorted(str(r) for r in results) == ["0", "1", "2", "9"]
    assert reports == ["a worker process died; jobs tried again: 2"]


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    """They would wait for ever, and write into a folder that nobody holds."""
    parent = textwrap.dedent("""
        import sys
        from pathlib import Path
        sys.path.insert(0, sys.argv[1])
        if __name__ == "__main__":
            from odd_jobs import SleepingJob
            from simcore.experiments.executors.job import cut
            from simcore.experiments.executors.processes import ProcessExecutor
            job = SleepingJob(None, "simpy", (0, 1), Path(sys.argv[2]))
            list(ProcessExecutor(2).run(cut(job, 1), print))
    """)
    (tmp_path / "parent.py").write_text(parent)
    (tmp_path / "pids").mkdir()
    with subprocess.Popen(
        [sys.executable, str(tmp_path / "parent.py"),
         str(Path(__file__).parent), str(tmp_path / "pids")],
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        pids = wait_for(lambda: list((tmp_path / "pids").iterdir()), count=2)
        process.kill()
    workers = [int(path.name.partition("-")[2]) for path in pids]
    wait_for(lambda: [pid for pid in workers if not is_running(pid)], count=2)


def is_running(pid: int) -> bool:
    try:
        # Nobody may have collected it yet.
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def wait_for(look: Callable[[], list[Any]], count: int) -> list[Any]:
    until = time.monotonic() + 60
    while len(found := look()) < count:
        assert time.monotonic() < until, f"{len(found)} of {count} after a minute"
        time.sleep(0.05)
    return found
