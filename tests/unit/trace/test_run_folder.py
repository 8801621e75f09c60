"""Whose folder is it, what may be removed, and does every file appear whole?"""

from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from synthetic_run import METADATA, files_of, write_run

from simcore.errors import ConfigError, OutputError
from simcore.trace.folder import LOCK_NAME, AtomicFile, FolderLock, claim_folder
from simcore.trace.reader import read_trace
from simcore.trace.schema import part_name
from simcore.trace.writer import RunWriter


def refusal(folder: Path, *, force: bool = False) -> str:
    before = files_of(folder) if folder.is_dir() else {}
    with pytest.raises(ConfigError) as caught:
        claim_folder(folder, force=force)
    if folder.is_dir():
        assert files_of(folder) == before
    return str(caught.value)


def dead_pid() -> int:
    process = subprocess.Popen([sys.executable, "-c", ""])
    process.wait()
    return process.pid


def test_a_folder_with_a_run_is_refused_without_force(tmp_path: Path) -> None:
    write_run(tmp_path / "run")
    assert refusal(tmp_path / "run") == (
        f"{tmp_path}/run: the folder already holds a run. Use --force to replace it, "
        "or choose another folder.\n1 problem. Nothing was run."
    )


def test_force_replaces_every_file_of_the_old_run(tmp_path: Path) -> None:
    write_run(tmp_path / "run", replications=9, per_part=1)
    write_run(tmp_path / "fresh", replications=1)
    write_run(tmp_path / "run", replications=1, force=True)
    assert files_of(tmp_path / "run") == files_of(tmp_path / "fresh")


def test_force_removes_the_manifest_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "run")
    removed = []
    unlink = Path.unlink

    def spy(path: Path, missing_ok: bool = False) -> None:
        removed.append(path.name)
        unlink(path, missing_ok=missing_ok)

    monkeypatch.setattr(Path, "unlink", spy)
    claim_folder(tmp_path / "run", force=True).release()
    assert removed[0] == "run.json"
    assert len(removed) == 1 + 7 + 1  # with the lock
    assert list((tmp_path / "run").iterdir()) == []


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize(
    "name", ["notes.txt", "events/notes.txt", ".hidden", "events/sub/x", "run.json.bak"]
)
def test_foreign_files_are_never_deleted(
    tmp_path: Path, name: str, force: bool
) -> None:
    write_run(tmp_path / "run")
    foreign = tmp_path / "run" / name
    foreign.parent.mkdir(exist_ok=True)
    foreign.write_text("mine")
    message = refusal(tmp_path / "run", force=force)
    assert "which no run wrote" in message
    assert "--force only replaces a run" in message


def test_a_link_under_a_run_name_is_foreign(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "events").symlink_to(tmp_path / "elsewhere")
    assert "holds 'events'" in refusal(tmp_path / "run", force=True)


def test_a_file_in_place_of_the_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("x")
    assert "is a file, not a folder" in refusal(tmp_path / "run", force=True)


def test_an_empty_folder_and_missing_parents_are_fine(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    write_run(tmp_path / "empty")
    write_run(tmp_path / "a" / "b" / "run")
    assert files_of(tmp_path / "empty") == files_of(tmp_path / "a" / "b" / "run")


def test_a_second_writer_of_the_same_folder_is_refused(tmp_path: Path) -> None:
    lock = claim_folder(tmp_path / "run", force=False)
    assert (tmp_path / "run" / LOCK_NAME).read_text() == f"{os.getpid()}\n"
    for force in (False, True):
        with pytest.raises(ConfigError) as caught:
            write_run(tmp_path / "run", force=force)
        assert f"another simcore process (pid {os.getpid()}) is writing here" in str(
            caught.value
        )
    lock.release()
    write_run(tmp_path / "run")


def test_a_lock_file_left_by_a_dead_process_does_not_block(tmp_path: Path) -> None:
    (tmp_path / LOCK_NAME).write_text(f"{dead_pid()}\n")
    FolderLock(tmp_path).release()
    assert list(tmp_path.iterdir()) == []


def test_a_lock_file_removed_between_open_and_lock_is_taken_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    take = FolderLock._take
    tries = []

    def removed_by_its_owner(lock: FolderLock) -> bool:
        tries.append(1)
        if len(tries) == 1:
            (tmp_path / LOCK_NAME).unlink()
        return take(lock)

    monkeypatch.setattr(FolderLock, "_take", removed_by_its_owner)
    lock = FolderLock(tmp_path)
    assert len(tries) == 2
    assert (tmp_path / LOCK_NAME).read_text() == f"{os.getpid()}\n"
    lock.release()


def test_a_process_of_another_user_counts_as_alive(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def forbidden(pid: int, number: int) -> None:
        raise PermissionError

    temporary = tmp_path / f".run.json.tmp-{dead_pid()}-0123abcd"
    temporary.write_text("x")
    monkeypatch.setattr(os, "kill", forbidden)
    write_run(tmp_path)
    assert temporary.exists()


def test_temporary_files_of_dead_processes_are_removed_and_of_live_ones_stay(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    (run / "events").mkdir(parents=True)
    dead = [
        run / f".bursts.parquet.tmp-{dead_pid()}-0123abcd",
        run / f".run.json.tmp-{os.getpid()}-0123abcd",
        run / "events" / f".part-00003.parquet.tmp-{dead_pid()}-0123abcd",
    ]
    live = run / f".bursts.parquet.tmp-{os.getppid()}-0123abcd"
    for path in (*dead, live):
        path.write_text("x")
    write_run(run)
    assert not any(path.exists() for path in dead)
    assert live.read_text() == "x"
    assert read_trace(run).n_events > 0


def test_a_process_that_nobody_has_waited_for_counts_as_dead(tmp_path: Path) -> None:
    with subprocess.Popen([sys.executable, "-c", ""], stdout=subprocess.PIPE) as ended:
        assert ended.stdout is not None
        ended.stdout.read()
        temporary = tmp_path / f".run.json.tmp-{ended.pid}-0123abcd"
        temporary.write_text("x")
        # Its output is closed a moment before it has ended.
        until = time.monotonic() + 10
        while temporary.exists() and time.monotonic() < until:
            claim_folder(tmp_path).release()
        assert not temporary.exists()


def test_a_file_with_a_temporary_name_that_is_not_ours_is_foreign(
    tmp_path: Path,
) -> None:
    (tmp_path / f".thesis.tex.tmp-{dead_pid()}-0123abcd").write_text("mine")
    assert "which no run wrote" in refusal(tmp_path, force=True)


def test_an_exception_leaves_finished_parts_and_no_manifest(tmp_path: Path) -> None:
    out = tmp_path / "run"

    def interrupted() -> None:
        with RunWriter(out, metadata=METADATA, replications_per_part=1) as writer:
            writer.write_program(*([{}] * 2))

    with pytest.raises(ValueError, match="missing"):
        interrupted()
    assert not out.exists()


def test_interruption_keeps_finished_parts_only(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(*args: object, **values: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RunWriter, "finish", interrupt)
    with pytest.raises(KeyboardInterrupt):
        write_run(tmp_path / "run", replications=3, per_part=2)
    assert set(files_of(tmp_path / "run")) == {
        "program.parquet",
        "program_energy.parquet",
        part_name(0),
    }


def test_an_atomic_file_is_absent_until_committed(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    target.write_text("old")
    file = AtomicFile(target)
    file.write(b"new")
    assert target.read_text() == "old"
    assert file.tell() == 3
    record = file.commit()
    assert target.read_text() == "new"
    assert record.n_bytes == 3
    assert [path.name for path in tmp_path.iterdir()] == ["x.json"]


def test_an_exception_inside_an_atomic_file_leaves_the_old_one(tmp_path: Path) -> None:
    target = tmp_path / "x.json"
    target.write_text("old")

    def interrupted() -> None:
        with AtomicFile(target) as file:
            file.write(b"new")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert files_of(tmp_path) == {"x.json": b"old"}


@pytest.mark.parametrize("call", ["fsync", "open"])
def test_a_refusal_of_the_system_is_one_line_with_path_and_reason(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def full(*args: object, **values: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def write() -> None:
        with AtomicFile(tmp_path / "x.json") as file:
            file.write(b"new")

    monkeypatch.setattr(*((os, "fsync") if call == "fsync" else (Path, "open")), full)
    with pytest.raises(OutputError) as caught:
        write()
    assert str(caught.value) == (
        f"cannot write {tmp_path}/x.json: No space left on device"
    )
    assert files_of(tmp_path) == {}
