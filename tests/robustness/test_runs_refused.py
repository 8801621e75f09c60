"""What the system refuses or the user interrupts: one line, and no rubbish.

Holds C4, C5 and C6.
"""

from __future__ import annotations

import contextlib
import errno
import os
import resource
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_runs import CHANGES, SHARDS, hashes, quick, small_plan, unfinished

from simcore.cli.app import execute as command
from simcore.errors import OutputError, SimulationError
from simcore.experiments.engines import SimPyEngine
from simcore.experiments.executors.processes import ProcessExecutor
from simcore.experiments.resume import resume
from simcore.experiments.run import execute
from simcore.trace.folder import AtomicFile
from simcore.trace.reader import read_trace

RUN = ["run", "tiny", *(w for c in (*CHANGES, "shard_replications=1")
       for w in ("--set", c)), "--no-check"]  # fmt: skip


def temporaries(folder: Path) -> list[str]:
    return [path.name for path in folder.rglob(".*")]


@contextlib.contextmanager
def file_size_limit(n_bytes: int) -> Iterator[None]:
    """Stands for a full disk: the system refuses in the middle of a write."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (n_bytes, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.parametrize("share", [0.0, 0.3, 0.9])
def test_a_full_disk_is_one_line_and_leaves_nothing_half(
    tmp_path: Path,
    no_sync: None,
    whole_run: Path,
    whole: dict[str, str],
    capsys: pytest.CaptureFixture[str],
    share: float,
) -> None:
    (tmp_path / "earlier").mkdir()
    (tmp_path / "earlier" / "notes.txt").write_text("mine")
    sizes = sorted(path.stat().st_size for path in whole_run.rglob("*.*"))
    run = tmp_path / "run"
    with file_size_limit(int(share * sizes[-1])):
        code = command([*RUN, "--quiet", "--out", str(run)])
    told = capsys.readouterr()
    assert code == 4
    assert told.out == ""
    (line,) = told.err.splitlines()
    assert line.startswith(f"OutputError: cannot write {run}")
    assert line.endswith("File too large")
    # Of what failed before its first shard there is nothing, else what is finished.
    assert temporaries(tmp_path) == []
    left = hashes(run) if run.exists() else {}
    assert {n: d for n, d in left.items() if n in whole} == {
        n: whole[n] for n in left if n in whole
    }
    assert (tmp_path / "earlier" / "notes.txt").read_text() == "mine"
    if left:
        resume(run, quick())
    else:
        execute(small_plan(), quick(), run)
    assert hashes(run) == whole


@pytest.mark.parametrize("writes", [6, 40, 90, pytest.param(0, marks=pytest.mark.slow)])
def test_a_disk_that_fills_up_keeps_what_is_finished(
    tmp_path: Path,
    no_sync: None,
    whole: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    writes: int,
) -> None:
    """No space after so many writes; 0: after any number of them."""
    write = AtomicFile.write
    left = 0

    def fill(file: AtomicFile, data: bytes) -> int:
        nonlocal left
        left -= 1
        if left < 0:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    monkeypatch.setattr(AtomicFile, "write", fill)
    every = (*range(0, 120, 7), 2000)
    for number in [writes] if writes else every:
        run, left = tmp_path / str(number), number
        if number > 1000:
            execute(small_plan(), quick(), run)
            break
        with pytest.raises(OutputError, match=r"No space left on device$"):
            execute(small_plan(), quick(), run)
        assert temporaries(tmp_path) == []
        left = 10**9
        if run.exists():
            assert resume(run, quick()).kept > 0
        else:
            execute(small_plan(), quick(), run)
        assert hashes(run) == whole


def test_a_full_disk_under_workers_leaves_no_temporary_file(
    tmp_path: Path, whole_run: Path
) -> None:
    """Of workers that were stopped in the middle of a write neither."""
    part = whole_run / "events" / "part-00000.parquet"
    run = tmp_path / "run"
    how = quick(executor=ProcessExecutor(2))
    with file_size_limit(part.stat().st_size // 2), pytest.raises(OutputError):
        execute(small_plan(), how, run)
    assert not run.exists()


def test_a_read_only_place_is_one_line(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Also where the tests run as root, whom no permission stops."""

    def refuse(*args: object, **values: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    run = tmp_path / "run"
    assert command([*RUN, "--quiet", "--out", str(run)]) == 4
    assert capsys.readouterr().err == (
        f"OutputError: cannot write {run}: Read-only file system\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_run_that_fails_before_its_first_shard_leaves_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """So the command can be given again when the mistake is mended."""

    def fail(*_: object, **__: object) -> None:
        raise SimulationError("stuck")

    monkeypatch.setattr(SimPyEngine, "run", fail)
    how = quick()
    with pytest.raises(SimulationError):
        execute(small_plan("engine=simpy"), how, tmp_path / "run")
    assert list(tmp_path.iterdir()) == []


def test_a_resumed_run_that_fails_again_stays(
    tmp_path: Path,
    no_sync: None,
    whole: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    unfinished(tmp_path / "run", 1)
    for receipt in (tmp_path / "run").rglob("receipt-*"):
        receipt.unlink()

    def fail(*_: object, **__: object) -> None:
        raise SimulationError("stuck")

    with monkeypatch.context() as patched:
        patched.setattr(SimPyEngine, "run", fail)
        with pytest.raises(SimulationError):
            resume(tmp_path / "run", quick(), engine="simpy")
    assert resume(tmp_path / "run", quick()).kept == 0
    assert hashes(tmp_path / "run") == whole


def dead_pid() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_what_dead_workers_left_is_removed_at_the_next_start(
    tmp_path: Path, no_sync: None, whole: dict[str, str]
) -> None:
    run = tmp_path / "run"
    unfinished(run, 2)
    pid = dead_pid()
    stale = [
        run / f".run.json.tmp-{pid}-0123abcd",
        run / "shards" / f".plan.json.tmp-{pid}-0123abcd",
        run / "shards" / f".receipt-00004.json.tmp-{pid}-0123abcd",
        run / "shards" / f".bursts-00004.parquet.tmp-{pid}-0123abcd",
        run / "events" / f".part-00004.parquet.tmp-{pid}-0123abcd",
    ]
    for path in stale:
        path.write_text("half")
    resume(run, quick())
    assert hashes(run) == whole
    assert temporaries(run) == []


# Ctrl-C.


def interrupted(folder: Path, workers: int, after: int) -> tuple[int, str]:
    """Exit code and stderr of a command that gets Ctrl-C when shards are finished."""
    arguments = [*RUN, "--out", str(folder), "--workers", str(workers)]
    with subprocess.Popen(
        [sys.executable, "-m", "simcore", *arguments],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        wait_for(lambda: len(list(folder.glob("shards/receipt-*"))) >= after)
        # As a terminal does: to every process of the group.
        os.killpg(process.pid, signal.SIGINT)
        _, told = process.communicate(timeout=60)
    return process.returncode, told


def wait_for(look: Callable[[], Any]) -> None:
    until = time.monotonic() + 60
    while not look():
        assert time.monotonic() < until, "not within a minute"
        time.sleep(0.002)


@pytest.mark.parametrize(
    ("workers", "after"),
    [
        (1, 1),
        (2, 1),
        *(
            pytest.param(workers, after, marks=pytest.mark.slow)
            for workers in (1, 2)
            for after in (2, 3)
        ),
    ],
)
def test_after_ctrl_c_the_run_goes_on_where_it_was(
    tmp_path: Path, whole: dict[str, str], workers: int, after: int
) -> None:
    run = tmp_path / "my run"
    code, told = interrupted(run, workers, after)
    if code == 0:
        pytest.skip("the run was faster than the interruption")
    assert code == 130
    # Nothing of Python, neither from here nor from a worker.
    size, *lines = told.splitlines()
    assert size.startswith(f"A run: {SHARDS} requests, ")
    assert lines == [
        f"Finished shards are kept. Go on with: simcore resume '{run}'",
        "Interrupted. Nothing that is unfinished counts as a run.",
    ]
    assert temporaries(run) == []
    with contextlib.suppress(SystemExit):
        assert command(["resume", str(run), "--quiet"]) == 0
    assert hashes(run) == whole
    assert read_trace(run).n_events


@pytest.mark.parametrize("seed", [41])
def test_an_interruption_between_any_two_shards_loses_none(
    tmp_path: Path, no_sync: None, whole: dict[str, str], seed: int
) -> None:
    draw = np.random.default_rng(seed)
    run = tmp_path / "run"
    kept = int(draw.integers(1, SHARDS))
    unfinished(run, kept)
    assert temporaries(run) == []
    assert resume(run, quick()).kept == kept
    assert hashes(run) == whole
