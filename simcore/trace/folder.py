"""A run folder on disk: whose it is, what may be removed, files that appear whole.

Every file is written beside its place under a temporary name, flushed to the disk and
renamed: under a final name there is a complete file or none.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import re
import secrets
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple, Self

from simcore.errors import ConfigError, OutputError, Problem, printable
from simcore.trace.schema import (
    EVENTS_FOLDER,
    RECEIPTS,
    REPORT_HTML,
    RUN_JSON,
    RUN_PLAN,
    SHARDS_FOLDER,
    TOP_FILES,
    is_shard_file,
)

LOCK_NAME = ".lock"

_TEMPORARY = re.compile(r"\.(?P<name>.+)\.tmp-(?P<pid>[0-9]{1,10})-[0-9a-f]{8}")
_PART = re.compile(r"part-[0-9]{5,}\.parquet")


class FileRecord(NamedTuple):
    """What the manifest says of a file."""

    sha256: str
    n_bytes: int


@contextlib.contextmanager
def writing(path: Path) -> Iterator[None]:
    """Turn what the operating system refuses into one line that names the path.

    Parameters
    ----------
    path : Path
        File or folder being written.

    Raises
    ------
    OutputError
        In place of any OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write {path}: {reason}") from error


class AtomicFile:
    """A binary file that appears under its name only when it is complete.

    As a context manager it commits at the end of the block, or leaves nothing after
    an exception.

    Parameters
    ----------
    path : Path
        Final name; replaced if it exists.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._temporary = path.with_name(
            f".{path.name}.tmp-{os.getpid()}-{secrets.token_hex(4)}"
        )
        self._hash = hashlib.sha256()
        self._n_bytes = 0
        with writing(path):
            self._file = self._temporary.open("xb", buffering=0)

    @property
    def closed(self) -> bool:
        """Whether nothing can be written any more."""
        return self._file.closed

    def write(self, data: bytes | memoryview) -> int:
        """Append bytes; raises OSError where the system refuses."""
        view = memoryview(data).cast("B")
        written = 0
        while written < view.nbytes:
            written += self._file.write(view[written:]) or 0
        self._hash.update(view)
        self._n_bytes += view.nbytes
        return view.nbytes

    def tell(self) -> int:
        """Bytes written so far."""
        return self._n_bytes

    def flush(self) -> None:
        """Do nothing: nothing is buffered here."""

    def commit(self) -> FileRecord:
        """Put the file under its final name and make that last.

        Raises
        ------
        OutputError
            If the system refuses; the temporary file is removed.
        """
        try:
            with writing(self.path):
                os.fsync(self._file.fileno())
                self._file.close()
                self._temporary.replace(self.path)
                sync_folder(self.path.parent)
        except BaseException:
            self.abort()
            raise
        return FileRecord(self._hash.hexdigest(), self._n_bytes)

    def abort(self) -> None:
        """Remove the temporary file; keeps silent, as an error is under way."""
        with contextlib.suppress(OSError):
            self._file.close()
        with contextlib.suppress(OSError):
            self._temporary.unlink(missing_ok=True)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if kind is None:
            self.commit()
        else:
            self.abort()


def write_whole(path: Path, content: bytes) -> FileRecord:
    """Write a small file that appears whole.

    Parameters
    ----------
    path : Path
        Final name; replaced if it exists.
    content : bytes
        All of it.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    file = AtomicFile(path)
    try:
        with writing(path):
            file.write(content)
    except BaseException:
        file.abort()
        raise
    return file.commit()


def sync_folder(folder: Path) -> None:
    """Make renames inside a folder last (raises OSError)."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


class FolderLock:
    """Exclusive right to write a run folder, held while the process lives.

    The kernel drops the lock of a killed process, so a lock file that was left
    behind never blocks. Its text is the pid, for people.

    Parameters
    ----------
    folder : Path
        Existing folder.

    Raises
    ------
    ConfigError
        If another live process writes there.
    OutputError
        If the system refuses.
    """

    def __init__(self, folder: Path) -> None:
        self._path = folder / LOCK_NAME
        with writing(self._path):
            while True:
                flags = os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW
                self._descriptor = os.open(self._path, flags, 0o644)
                if self._take() and self._is_current():
                    break
                os.close(self._descriptor)
            try:
                os.truncate(self._descriptor, 0)
                os.write(self._descriptor, f"{os.getpid()}\n".encode())
            except OSError:
                self.release()
                raise

    def release(self) -> None:
        """Remove the lock file; the folder is free."""
        with contextlib.suppress(OSError):
            self._path.unlink(missing_ok=True)
        with contextlib.suppress(OSError):
            # Also frees copies of the descriptor in forked children.
            fcntl.flock(self._descriptor, fcntl.LOCK_UN)
        with contextlib.suppress(OSError):
            os.close(self._descriptor)

    def _take(self) -> bool:
        try:
            fcntl.flock(self._descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            pid = os.read(self._descriptor, 32).decode("ascii", "replace").strip()
            os.close(self._descriptor)
            problem = Problem(
                path=str(self._path.parent),
                message=f"another simcore process (pid {pid or '?'}) is writing here",
                hint="Wait for it to end, or choose another folder.",
            )
            raise ConfigError([problem]) from None
        return True

    def _is_current(self) -> bool:
        # The previous holder may have removed the file between our open and lock.
        try:
            there = self._path.stat(follow_symlinks=False)
        except FileNotFoundError:
            return False
        return os.path.samestat(there, os.fstat(self._descriptor))


class _Contents(NamedTuple):
    """Entries of a run folder by what may be done with them."""

    own: list[Path]
    stale: list[Path]
    foreign: list[Path]


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return not _is_zombie(pid)


def _is_zombie(pid: int) -> bool:
    """Whether a process has ended and only waits for its parent to take note."""
    try:
        # The name in brackets may hold anything; the state follows the last one.
        status = Path(f"/proc/{pid}/stat").read_text(errors="replace")
    except OSError:
        return False
    return status.rpartition(")")[2].split()[:1] == ["Z"]


def is_stale_temporary(path: Path) -> bool:
    """Whether a file is what a process that has ended left unfinished.

    Only for the holder of the folder's lock: its own pid then means an earlier
    process that had the same number.
    """
    temporary = _TEMPORARY.fullmatch(path.name)
    if temporary is None or not path.is_file() or path.is_symlink():
        return False
    pid = int(temporary["pid"])
    return pid == os.getpid() or not _is_alive(pid)


#: Folders of a run, and which files in them are its own.
_INNER: dict[str, Callable[[str], bool]] = {
    EVENTS_FOLDER: lambda name: _PART.fullmatch(name) is not None,
    SHARDS_FOLDER: is_shard_file,
}


def _scan(folder: Path, inner: str | None = None) -> _Contents:
    contents = _Contents([], [], [])
    is_own = _INNER[inner] if inner else (*TOP_FILES, REPORT_HTML).__contains__
    with os.scandir(folder) as entries:
        for entry in sorted(entries, key=lambda e: e.name):
            path = Path(entry.path)
            is_file = entry.is_file(follow_symlinks=False)
            temporary = _TEMPORARY.fullmatch(entry.name)
            known = is_own(temporary["name"] if temporary else entry.name)
            if is_file and known and temporary:
                # Only the holder of the lock writes here: our own pid means an
                # earlier process that had the same number.
                pid = int(temporary["pid"])
                if pid == os.getpid() or not _is_alive(pid):
                    contents.stale.append(path)
            elif is_file and known:
                contents.own.append(path)
            elif (
                inner is None
                and entry.name in _INNER
                and entry.is_dir(follow_symlinks=False)
            ):
                for target, found in zip(
                    contents, _scan(path, entry.name), strict=True
                ):
                    target.extend(found)
                contents.own.append(path)
            elif entry.name != LOCK_NAME or inner is not None:
                contents.foreign.append(path)
    return contents


def _refuse_foreign(folder: Path, contents: _Contents) -> None:
    if contents.foreign:
        name = printable(str(contents.foreign[0].relative_to(folder)))
        raise ConfigError(
            [
                Problem(
                    path=str(folder),
                    message=f"the folder holds {name}, which no run wrote",
                    hint="Choose another folder: --force only replaces a run.",
                )
            ]
        )


def claim_folder(
    folder: Path, *, force: bool = False, resume: bool = False
) -> FolderLock:
    """Make a folder ready for a run and take its lock.

    Parameters
    ----------
    folder : Path
        Created with its parents if missing.
    force : bool
        Replace a run that is there. Only a run's own files are ever removed.
    resume : bool
        Keep what is there, except temporary files that dead processes left.

    Returns
    -------
    FolderLock
        To be released by the caller.

    Raises
    ------
    ConfigError
        If the folder is a file, holds foreign files, is being written, or holds a
        run and neither `force` nor `resume` is set.
    OutputError
        If the system refuses.
    """
    with writing(folder):
        if folder.exists() and not folder.is_dir():
            problem = Problem(path=str(folder), message="is a file, not a folder")
            raise ConfigError([problem])
        folder.mkdir(parents=True, exist_ok=True)
        _refuse_foreign(folder, _scan(folder))
    lock = FolderLock(folder)
    try:
        with writing(folder):
            contents = _scan(folder)
            _refuse_foreign(folder, contents)
            for path in contents.stale:
                path.unlink(missing_ok=True)
            if not resume:
                _clear(folder, contents.own, force=force)
    except BaseException:
        lock.release()
        raise
    return lock


def _clear(folder: Path, own: Sequence[Path], *, force: bool) -> None:
    files = [path for path in own if not path.is_dir()]
    if files and not force:
        complete = any(path.name == RUN_JSON for path in files)
        what = "a run" if complete else "an unfinished run"
        hint = "Use --force to replace it, or choose another folder."
        if (folder / RUN_PLAN).is_file():
            hint = f"`simcore resume {printable(str(folder))}` completes it. {hint}"
        problem = Problem(
            path=str(folder),
            message=f"the folder already holds {what}",
            hint=hint,
        )
        raise ConfigError([problem])
    # The manifest goes first: at no instant does it name files that are gone.
    for path in sorted(files, key=lambda p: p.name != RUN_JSON):
        path.unlink(missing_ok=True)
    for name in _INNER:
        _remove_if_empty(folder / name)


def clean_up(folder: Path, *, keep_plan: bool) -> None:
    """Leave of a run what is finished, and no more; never an error.

    For the holder of the lock, when nobody works for it any more. Workers that were
    killed or stopped have left temporary files.

    Parameters
    ----------
    folder : Path
        Of the run.
    keep_plan : bool
        Whether to keep a plan none of whose shards is finished, because it is an
        earlier process's; else the whole run goes.
    """
    with contextlib.suppress(OSError):
        contents = _scan(folder)
        for path in contents.stale:
            path.unlink(missing_ok=True)
        names = {str(path.relative_to(folder)) for path in contents.own}
        finished = any(name.startswith(RECEIPTS) for name in names)
        if RUN_PLAN in names and not finished and not keep_plan:
            _clear(folder, contents.own, force=True)
        for name in _INNER:
            _remove_if_empty(folder / name)


def remove_shards(folder: Path) -> None:
    """Remove what an unfinished run kept; other files stay.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    shards = folder / SHARDS_FOLDER
    with writing(shards):
        if shards.is_dir():
            found = _scan(shards, SHARDS_FOLDER)
            # The plan goes last: while it is there the rest can be removed again.
            for path in sorted(found.own, key=lambda p: p.name == "plan.json"):
                path.unlink(missing_ok=True)
            _remove_if_empty(shards)


def _remove_if_empty(folder: Path) -> None:
    # A temporary file of a live process may be left inside.
    if folder.is_dir() and not any(folder.iterdir()):
        folder.rmdir()
