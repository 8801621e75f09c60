"""Opening input files: regular, small, UTF-8, and inside where they belong."""

from __future__ import annotations

import difflib
import os
import stat
from pathlib import Path as FilePath

from simcore.config.document import Document
from simcore.config.json_reader import read_json
from simcore.config.yaml_reader import MAX_BYTES, read_yaml
from simcore.errors import ConfigError, Problem, printable

SUFFIXES = (".yaml", ".yml", ".json")
NOT_FOUND = "file not found"
_CHUNK = 1 << 20


def display(path: FilePath | str) -> str:
    """Path as shown in problems: bounded, no control characters."""
    text = str(path)
    if text.isprintable() and len(text) <= 200:
        return text
    return printable(text, 200)


def read_document(path: FilePath, shown: str | None = None) -> Document:
    """Read a YAML or JSON file (by its suffix; YAML when it has another one).

    Parameters
    ----------
    path : pathlib.Path
        File to open.
    shown : str, optional
        How to name it in problems; the path itself by default.

    Raises
    ------
    ConfigError
        If it cannot be opened, is no regular file, is too large or not valid.
    """
    shown = display(path) if shown is None else shown
    text = as_text(read_content(path, shown), shown)
    if path.suffix.lower() == ".json":
        return read_json(text, shown)
    return read_yaml(text, shown)


def read_content(path: FilePath, shown: str, limit: int = MAX_BYTES) -> bytes:
    """Bytes of a regular file.

    Parameters
    ----------
    path : pathlib.Path
        File to open.
    shown : str
        How to name it in problems.
    limit : int
        Most bytes read.

    Raises
    ------
    ConfigError
        If it cannot be opened, is no regular file or is larger.
    """
    try:
        content = _read_bytes(path, shown, limit)
    except FileNotFoundError:
        raise _error(shown, NOT_FOUND, near(path)) from None
    except PermissionError:
        raise _error(shown, "permission denied") from None
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "not a usable path"
        raise _error(shown, f"cannot be read: {reason}") from None
    if len(content) > limit:
        raise _error(shown, f"too large: more than {limit} bytes")
    return content


def as_text(content: bytes, shown: str) -> str:
    """Text of a file's bytes; raises ConfigError if it is empty or not UTF-8."""
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise _error(shown, f"not UTF-8 text (byte {error.start})") from None
    if not text.strip():
        raise _error(shown, "the file is empty")
    return text


def _read_bytes(path: FilePath, shown: str, limit: int) -> bytes:
    # Not blocking: opening a FIFO would wait for a writer forever.
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0)
    descriptor = os.open(path, flags)
    try:
        mode = os.fstat(descriptor).st_mode
        if stat.S_ISDIR(mode):
            raise _error(shown, "is a folder, not a file")
        if not stat.S_ISREG(mode):
            raise _error(shown, "is not a regular file")
        chunks = []
        left = limit + 1
        while left and (chunk := os.read(descriptor, min(left, _CHUNK))):
            chunks.append(chunk)
            left -= len(chunk)
        return b"".join(chunks)
    finally:
        os.close(descriptor)


def _error(shown: str, message: str, hint: str | None = None) -> ConfigError:
    return ConfigError([Problem("", shown, message=message, hint=hint)])


def near(path: FilePath) -> str | None:
    """A hint naming a file of almost this name, if there is one beside it."""
    try:
        names = sorted(p.name for p in path.parent.iterdir() if p.suffix in SUFFIXES)
    except (OSError, ValueError):
        return None
    # The suffix is the same in all of them and says nothing about the name.
    close = difflib.get_close_matches(
        path.stem[:80], [FilePath(name).stem for name in names], n=1, cutoff=0.7
    )
    found = [name for name in names if FilePath(name).stem in close]
    return f"Did you mean {printable(found[0])}?" if found else None


def inside(path: FilePath, folder: FilePath) -> bool:
    """Whether a path, symbolic links followed, stays in a folder."""
    try:
        return path.resolve().is_relative_to(folder.resolve())
    except (OSError, RuntimeError, ValueError):
        return False
