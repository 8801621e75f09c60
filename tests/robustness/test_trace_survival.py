"""Does a run folder survive kill -9, a full disk and damage? (holds C1 C3 C4 C7)

Every random case is drawn from one seed, which the name of the test shows.
"""

from __future__ import annotations

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "trace"))

from synthetic_run import ROW_OP, files_of, write_run

from simcore.errors import OutputError, TraceError
from simcore.trace.folder import AtomicFile
from simcore.trace.perfetto import export_perfetto
from simcore.trace.reader import read_trace
from simcore.trace.schema import SCHEMAS, part_name

FILES = [*SCHEMAS, "summary.json", "run.json", part_name(0), part_name(1)]

# Forks one writer at a time: each writes run after run until it is killed.
KILLER = """
    import os, random, signal, sys, time
    from pathlib import Path
    sys.path.insert(0, sys.argv[1])
    from synthetic_run import write_run

    folder, seed, kills = Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    draw = random.Random(seed)
    for kill in range(kills):
        ready, written = os.pipe()
        writer = os.fork()
        if writer == 0:
            os.write(written, b"x")
            number = 0
            while True:
                write_run(folder / f"{kill}-{number}", replications=6, bursts=20)
                number += 1
        os.read(ready, 1)
        time.sleep(draw.uniform(0.0, 0.15))
        os.kill(writer, signal.SIGKILL)
        os.waitpid(writer, 0)
        os.close(ready)
        os.close(written)
"""


def kill_writers(tmp_path: Path, seed: int, kills: int) -> None:
    synthetic = Path(__file__).parents[1] / "unit" / "trace"
    subprocess.run(
        [sys.executable, "-c", textwrap.dedent(KILLER), str(synthetic), str(tmp_path),
         str(seed), str(kills)],
        check=True,
        timeout=600,
    )  # fmt: skip
    write_run(tmp_path / "whole", replications=6, bursts=20)
    whole = files_of(tmp_path / "whole")
    interrupted = 0
    for run in sorted(tmp_path.iterdir()):
        names = files_of(run)
        # Under a final name there is the complete file or none.
        finished = {n: data for n, data in names.items() if n in whole}
        assert finished == {name: whole[name] for name in finished}
        if "run.json" in names:
            assert read_trace(run).n_events == 6 * 20 * ROW_OP.size
        else:
            interrupted += 1
            with pytest.raises(TraceError, match=r"run.json: missing"):
                read_trace(run)
            # The folder can be used again, and equals a run never interrupted.
            write_run(run, replications=6, bursts=20, force=True)
            assert files_of(run) == whole
    # Each kill stops at most one run; most of them stop one.
    assert kills // 2 <= interrupted <= kills


@pytest.mark.parametrize("seed", [1])
def test_a_killed_writer_leaves_nothing_that_is_accepted(
    tmp_path: Path, seed: int
) -> None:
    kill_writers(tmp_path, seed, kills=20)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [2])
def test_many_killed_writers_leave_nothing_that_is_accepted(
    tmp_path: Path, seed: int
) -> None:
    kill_writers(tmp_path, seed, kills=200)


def damage(tmp_path: Path, seed: int, cases: int) -> None:
    """Truncate and flip bits at random places of random files."""
    run = tmp_path / "run"
    write_run(run)
    draw = np.random.default_rng(seed)
    for case in range(cases):
        name = FILES[case % len(FILES)]
        path = run / name
        original = path.read_bytes()
        place = int(draw.integers(len(original)))
        if case % 2:
            path.write_bytes(original[:place])
        else:
            changed = bytearray(original)
            changed[place] ^= 1 << int(draw.integers(8))
            path.write_bytes(changed)
        with pytest.raises(TraceError) as caught:
            read_trace(run)
        text = str(caught.value)
        assert str(path) in text, (seed, case, name, place)
        assert "\n" not in text
        path.write_bytes(original)
        assert read_trace(run).path == run


@pytest.mark.parametrize("seed", [3, 4])
def test_damage_is_refused_and_the_file_named(tmp_path: Path, seed: int) -> None:
    damage(tmp_path, seed, cases=36)


@pytest.mark.slow
@pytest.mark.parametrize("seed", range(10, 16))
def test_much_damage_is_refused_and_the_file_named(tmp_path: Path, seed: int) -> None:
    damage(tmp_path, seed, cases=200)


def damage_pages(tmp_path: Path, seed: int, cases: int) -> None:
    """Flip bits without the manifest's help: never silently other rows."""
    write_run(tmp_path, replications=1, bursts=300)
    path = tmp_path / part_name(0)
    original = path.read_bytes()
    rows = read_trace(tmp_path).events()
    draw = np.random.default_rng(seed)
    refused = harmless = 0
    for case in range(cases):
        changed = bytearray(original)
        changed[int(draw.integers(len(original)))] ^= 1 << int(draw.integers(8))
        path.write_bytes(changed)
        try:
            read = read_trace(tmp_path, verify=False).events()
        except TraceError as error:
            refused += str(path) in str(error)
        else:
            # The flip hit statistics or names of the writer, not a value.
            assert read.equals(rows), (seed, case)
            harmless += 1
    assert refused + harmless == cases
    assert refused > cases // 2


@pytest.mark.parametrize("seed", [5])
def test_page_checksums_catch_flipped_bits(tmp_path: Path, seed: int) -> None:
    damage_pages(tmp_path, seed, cases=30)


@pytest.mark.slow
@pytest.mark.parametrize("seed", [6])
def test_page_checksums_catch_many_flipped_bits(tmp_path: Path, seed: int) -> None:
    damage_pages(tmp_path, seed, cases=600)


@pytest.fixture
def size_limit() -> Iterator[None]:
    """Put the limit on file sizes back after the test."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


def test_a_file_size_limit_is_one_line_and_leaves_no_manifest(
    tmp_path: Path, size_limit: None
) -> None:
    """Stands for a full disk: the system refuses in the middle of a write."""
    write_run(tmp_path / "whole")
    whole = files_of(tmp_path / "whole")
    largest = max(len(data) for data in whole.values())
    hard = resource.getrlimit(resource.RLIMIT_FSIZE)[1]
    for number, limit in enumerate(np.linspace(0, largest - 1, 15).astype(int)):
        run = tmp_path / str(number)
        resource.setrlimit(resource.RLIMIT_FSIZE, (int(limit), hard))
        with pytest.raises(OutputError) as caught:
            write_run(run)
        resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
        text = str(caught.value)
        assert text.startswith(f"cannot write {run}")
        assert text.endswith("File too large")
        left = files_of(run) if run.exists() else {}
        assert "run.json" not in left
        assert left == {name: whole[name] for name in left}


@pytest.mark.parametrize("share", [0.1, pytest.param(1.0, marks=pytest.mark.slow)])
def test_a_full_disk_at_any_write_leaves_no_manifest_and_no_temporary_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float
) -> None:
    calls = 0
    last_call = 10**9
    write = AtomicFile.write

    def fill(file: AtomicFile, data: bytes) -> int:
        nonlocal calls
        calls += 1
        if calls > last_call:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return write(file, data)

    monkeypatch.setattr(AtomicFile, "write", fill)
    write_run(tmp_path / "whole", replications=2, per_part=1, bursts=1)
    whole = files_of(tmp_path / "whole")
    for last_call in np.linspace(0, calls - 1, int(share * calls)).astype(int):
        calls = 0
        run = tmp_path / str(last_call)
        with pytest.raises(OutputError) as caught:
            write_run(run, replications=2, per_part=1, bursts=1)
        assert str(caught.value).endswith("No space left on device")
        left = files_of(run) if run.exists() else {}
        assert "run.json" not in left
        assert left == {name: whole[name] for name in left}


def test_a_refused_manifest_leaves_no_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    replace = Path.replace

    def refuse(path: Path, target: Path) -> Path:
        if target.name == "run.json":
            raise OSError(errno.EIO, os.strerror(errno.EIO))
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refuse)
    with pytest.raises(OutputError, match=r"run.json: Input/output error"):
        write_run(tmp_path)
    left = files_of(tmp_path)
    assert set(left) == {*FILES} - {"run.json"}
    with pytest.raises(TraceError, match=r"run.json: missing"):
        read_trace(tmp_path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root writes to read-only folders")
def test_a_read_only_folder_is_one_line(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        with pytest.raises(OutputError) as caught:
            write_run(tmp_path / "run")
    finally:
        tmp_path.chmod(0o700)
    assert str(caught.value) == f"cannot write {tmp_path}/run: Permission denied"


def test_a_read_only_file_system_is_one_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What a read-only folder gives, also where the tests run as root."""

    def refuse(*args: object, **values: object) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    monkeypatch.setattr(Path, "mkdir", refuse)
    with pytest.raises(OutputError) as caught:
        write_run(tmp_path / "run")
    assert str(caught.value) == f"cannot write {tmp_path}/run: Read-only file system"
    assert list(tmp_path.iterdir()) == []


def test_a_full_disk_leaves_the_earlier_export(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_run(tmp_path / "run")
    trace = read_trace(tmp_path / "run")
    out = tmp_path / "trace.json"
    export_perfetto(trace, out)
    before = out.read_text()
    assert json.loads(before)["traceEvents"]

    def full(file: AtomicFile, data: bytes) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(AtomicFile, "write", full)
    with pytest.raises(OutputError, match="No space left on device"):
        export_perfetto(trace, out)
    assert out.read_text() == before
    assert sorted(path.name for path in tmp_path.iterdir()) == ["run", "trace.json"]


def test_of_two_racing_writers_one_refuses(tmp_path: Path) -> None:
    """A live writer in another process is refused, a killed one is not."""
    hold = textwrap.dedent("""
        import sys, time
        from pathlib import Path
        from simcore.trace.folder import claim_folder
        claim_folder(Path(sys.argv[1]), force=False)
        print("held", flush=True)
        time.sleep(60)
    """)
    with subprocess.Popen(
        [sys.executable, "-c", hold, str(tmp_path / "run")],
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "held\n"
        with pytest.raises(Exception, match=rf"pid {process.pid}\) is writing here"):
            write_run(tmp_path / "run", force=True)
        process.send_signal(signal.SIGKILL)
        process.wait()
    write_run(tmp_path / "run")
    assert read_trace(tmp_path / "run").n_events > 0
