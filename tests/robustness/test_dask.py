"""Shards on a Dask cluster: the bytes of local processes, whatever dies."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from cluster import Cluster
from odd_jobs import DeadlyJob
from small_runs import SHARDS, hashes, quick, small_plan, unfinished

import simcore
from simcore.errors import ConfigError, OutputError, SimulationError
from simcore.experiments.executors import distributed as executor
from simcore.experiments.executors.distributed import DaskExecutor
from simcore.experiments.executors.job import ShardJob, cut
from simcore.experiments.resume import resume
from simcore.experiments.run import execute

pytest.importorskip("distributed")

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    """Two workers; tests that kill one start their own."""
    with Cluster(tmp_path_factory.mktemp("dask") / "cluster", workers=2) as started:
        yield started


def test_a_cluster_gives_the_files_of_this_process(
    tmp_path: Path, whole: dict[str, str], cluster: Cluster
) -> None:
    calls: list[int] = []
    how = quick(
        executor=DaskExecutor(cluster.address),
        progress=lambda done, *_: calls.append(done),
    )
    execute(small_plan(), how, tmp_path / "run")
    assert hashes(tmp_path / "run") == whole
    assert calls == list(range(SHARDS + 1))


def test_without_a_folder_results_travel(cluster: Cluster) -> None:
    there = execute(small_plan(), quick(executor=DaskExecutor(cluster.address)))
    assert there.summary == execute(small_plan(), quick()).summary


def test_a_run_is_completed_on_a_cluster(
    tmp_path: Path, whole: dict[str, str], cluster: Cluster
) -> None:
    unfinished(tmp_path / "run", 2)
    how = quick(executor=DaskExecutor(cluster.address), shards_per_job=3)
    assert resume(tmp_path / "run", how).kept == 2
    assert hashes(tmp_path / "run") == whole


def jobs(
    kind: type[ShardJob], folder: Path | None = None, n: int = SHARDS
) -> list[ShardJob]:
    return cut(kind(small_plan().scenario, "simpy", tuple(range(n)), folder), 1)


def test_a_failure_of_the_simulation_comes_back_as_it_was(
    tmp_path: Path, cluster: Cluster
) -> None:
    """A folder that the workers do not see, or that is another run's by now."""
    run = DaskExecutor(cluster.address).run
    with pytest.raises(OutputError) as caught:
        list(run(jobs(ShardJob, tmp_path / "elsewhere"), print))
    assert str(caught.value) == (
        f"the worker on {socket.gethostname()} finds no run in "
        f"{tmp_path}/elsewhere; workers must see the run folder under the same path"
    )
    # And a run leaves nothing of its own behind.
    assert list(tmp_path.iterdir()) == []


def test_a_worker_with_another_version_is_refused(cluster: Cluster) -> None:
    others = [replace(job, version="9.9.9") for job in jobs(ShardJob)]
    with pytest.raises(OutputError) as caught:
        list(DaskExecutor(cluster.address).run(others, print))
    assert str(caught.value) == (
        f"the worker on {socket.gethostname()} has simcore {simcore.__version__}, the "
        "run was begun by 9.9.9; shards of two versions are never mixed"
    )


def test_a_worker_does_not_write_into_another_run(tmp_path: Path) -> None:
    """Its client was killed, and the folder is used again."""
    unfinished(tmp_path / "run", 1, small_plan("seed=2"))
    before = hashes(tmp_path / "run")
    (job, *_) = jobs(ShardJob, tmp_path / "run")
    with pytest.raises(OutputError) as caught:
        list(job.run())
    old, new = (
        plan.metadata()["simcore.config_sha256"][:12]
        for plan in (small_plan(), small_plan("seed=2"))
    )
    assert str(caught.value) == (
        f"{tmp_path}/run holds another run by now: configuration {new} instead of {old}"
    )
    assert hashes(tmp_path / "run") == before


@pytest.mark.parametrize(
    "after", [1, *(pytest.param(n, marks=pytest.mark.slow) for n in (2, 3))]
)
def test_one_of_two_workers_killed_in_mid_run_loses_nothing(
    tmp_path: Path, whole: dict[str, str], after: int
) -> None:
    def kill_once(done: int, total: int, unit: str, note: str = "") -> None:
        if done == after:
            cluster.workers[0].kill()

    with Cluster(tmp_path / "cluster", workers=2) as cluster:
        how = quick(executor=DaskExecutor(cluster.address), progress=kill_once)
        execute(small_plan(), how, tmp_path / "run")
        assert cluster.workers[0].wait() == -signal.SIGKILL
        assert cluster.workers[1].poll() is None
    assert hashes(tmp_path / "run") == whole


@pytest.mark.slow
def test_a_run_without_workers_waits_for_the_next(
    tmp_path: Path, whole: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "_COUNT_S", 0.2)
    reports: list[str] = []

    def kill_once(done: int, total: int, unit: str, note: str = "") -> None:
        if done == 1:
            cluster.workers[0].send_signal(signal.SIGKILL)

    def start_another(text: str) -> None:
        reports.append(text)
        cluster.add_worker()

    with Cluster(tmp_path / "cluster", workers=1) as cluster:
        how = quick(
            executor=DaskExecutor(cluster.address),
            progress=kill_once,
            report=start_another,
        )
        execute(small_plan(), how, tmp_path / "run")
    assert reports == ["workers of the cluster: 0 left of 1; waiting for one"]
    assert hashes(tmp_path / "run") == whole


@pytest.mark.slow
def test_a_job_that_kills_every_worker_is_named_and_ends_the_run(
    tmp_path: Path,
) -> None:
    with Cluster(tmp_path / "cluster", workers=2, nanny=True) as cluster:
        reports: list[str] = []
        with pytest.raises(SimulationError) as caught:
            list(DaskExecutor(cluster.address).run(jobs(DeadlyJob), reports.append))
    assert str(caught.value) == (
        "workers of the cluster died again and again while shards 3 to 3 (seed 1) were "
        "in progress; they may be short of memory"
    )
    assert "workers of the cluster died; their jobs are tried again" in reports


def test_a_scheduler_that_goes_away_ends_the_run_in_one_line(
    tmp_path: Path, whole: dict[str, str]
) -> None:
    run = tmp_path / "run"

    def kill_scheduler(done: int, total: int, unit: str, note: str = "") -> None:
        if done == 1:
            cluster.scheduler.send_signal(signal.SIGKILL)

    with Cluster(tmp_path / "cluster", workers=1) as cluster:
        how = quick(executor=DaskExecutor(cluster.address), progress=kill_scheduler)
        with pytest.raises(OutputError) as caught:
            execute(small_plan(), how, run)
        assert str(caught.value) == (
            f"the Dask scheduler {cluster.address} went away; finished shards are kept "
            "in the run folder"
        )
    assert resume(run, quick()).kept >= 1
    assert hashes(run) == whole


# What is told before anything is simulated.


def refusal(address: str, folder: Path) -> str:
    with pytest.raises(ConfigError) as caught:
        execute(small_plan(), quick(executor=DaskExecutor(address)), folder)
    # The same command can be given again.
    assert not folder.exists()
    first, second = str(caught.value).splitlines()
    assert second == "1 problem. Nothing was run."
    return first


def test_where_no_scheduler_answers_that_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(executor, "_TIMEOUT_S", 0.3)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        address = f"tcp://127.0.0.1:{taken.getsockname()[1]}"
        assert refusal(address, tmp_path / "run").startswith(
            f"scheduler: no Dask scheduler answers there; got '{address}'. Start one "
            "with `dask scheduler`. ('Timed out trying to connect to"
        )


@pytest.mark.parametrize("address", ["nonsense", "tcp://h", "http://h:80", "h:x"])
def test_what_is_no_address_is_said_at_once(tmp_path: Path, address: str) -> None:
    assert refusal(address, tmp_path / "run").startswith(
        f"scheduler: no Dask scheduler answers there; got '{address}'. Start one with"
    )


def test_a_scheduler_without_workers_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Cluster(tmp_path / "cluster", workers=0) as cluster:
        monkeypatch.setattr(executor, "_TIMEOUT_S", 1)
        assert refusal(cluster.address, tmp_path / "run") == (
            f"scheduler: the scheduler has no worker; got '{cluster.address}'. Start "
            f"one with `dask worker {cluster.address}`."
        )


def test_a_missing_package_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert refusal("tcp://127.0.0.1:8786", tmp_path / "run") == (
        "executor: the package distributed is not installed; got 'dask'. pip install "
        "'simcore[distributed]'"
    )


# The page.


@pytest.mark.slow
def test_the_commands_of_the_page_run(tmp_path: Path, whole: dict[str, str]) -> None:
    """On a free port instead of the usual one."""
    page = (ROOT / "docs" / "distributed.md").read_text(encoding="utf-8")
    (block,) = re.findall(r"```bash\n(.*?)```", page, flags=re.DOTALL)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    assert block.count("8786") == 4
    scripts = Path(sys.executable).parent
    done = subprocess.run(
        ["bash", "-e", "-c", block.replace("8786", port)],
        cwd=tmp_path,
        env={**os.environ, "PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr
    assert "trace: on-the-cluster" in done.stdout
    assert hashes(tmp_path / "on-the-cluster") == hashes(tmp_path / "local")
    assert "differ" not in done.stdout
