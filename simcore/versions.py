"""Versions of simcore and of what it stands on, without importing any of it."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import simcore

#: Packages whose version can change a result or a file, as `--version` prints them.
SHORT = ("numpy", "pyarrow")
#: Everything that `simcore doctor` names.
ALL = (
    "numpy",
    "numba",
    "scipy",
    "simpy",
    "pandas",
    "pyarrow",
    "duckdb",
    "pydantic",
    "pyyaml",
    "typer",
    "rich",
)

_SHA = re.compile(r"[0-9a-f]{40}([0-9a-f]{24})?\Z")
#: Longest file of git's that is read, in characters.
_MOST = 1_000_000


def python_version() -> str:
    """Version of the interpreter."""
    return ".".join(str(part) for part in sys.version_info[:3])


def package_version(name: str) -> str | None:
    """Version of an installed package; None when it is not there."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version(name)
    except PackageNotFoundError:
        return None


def simcore_version() -> str:
    """`0.1.0`, with the revision when the package lies in a git checkout."""
    revision = git_revision(Path(simcore.__file__).resolve().parent.parent)
    found = simcore.__version__
    return found if revision is None else f"{found} (git {revision[:12]})"


def git_revision(root: Path) -> str | None:
    """Commit that is checked out in a folder, read from git's own files.

    Changes that are not committed do not show.

    Parameters
    ----------
    root : pathlib.Path
        Top of the checkout.

    Returns
    -------
    str or None
        40 or 64 hexadecimal digits; None when it is no checkout or cannot be read.
    """
    git = root / ".git"
    if git.is_file():
        # A worktree: the file names the folder.
        named = _first_line(git).removeprefix("gitdir:").strip()
        git = root / named if named else git
    if not git.is_dir():
        return None
    head = _first_line(git / "HEAD")
    if not head.startswith("ref:"):
        return head if _SHA.match(head) else None
    name = head.removeprefix("ref:").strip()
    common = _first_line(git / "commondir")
    for folder in (git, git / common):
        found = _first_line(folder / name)
        if _SHA.match(found):
            return found
    return _packed(git / common / "packed-refs", name)


def _packed(path: Path, name: str) -> str | None:
    for line in _text(path).splitlines():
        found, _, reference = line.partition(" ")
        if reference == name and _SHA.match(found):
            return found
    return None


def _first_line(path: Path) -> str:
    return _text(path).partition("\n")[0].strip()


def _text(path: Path) -> str:
    """Content of a small text file; empty when it cannot be read."""
    try:
        with path.open(encoding="utf-8") as file:
            return file.read(_MOST)
    except (OSError, ValueError):
        return ""
