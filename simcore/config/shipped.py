"""Where the data files that come with simcore are, and what they are called.

In an installed package they are under `simcore/_data`, in a checkout they are beside
the package; both have the folders `hardware` and `scenarios`.
"""

from __future__ import annotations

from pathlib import Path as FilePath
from typing import Literal

Kind = Literal["scenario", "hardware", "model", "acceptance"]

_PLACES: dict[Kind, tuple[str, tuple[str, ...]]] = {
    "scenario": ("scenarios", (".yaml",)),
    "hardware": ("hardware", (".yaml",)),
    "model": ("scenarios/models", (".yaml", ".json")),
    "acceptance": ("scenarios/acceptance", (".json", ".yaml")),
}


def data_root() -> FilePath:
    """Folder that holds the shipped `hardware` and `scenarios` folders."""
    package = FilePath(__file__).resolve().parent.parent
    installed = package / "_data"
    return installed if installed.is_dir() else package.parent


def shipped_files(kind: Kind) -> dict[str, FilePath]:
    """Shipped files of a kind, by name, in the order of names."""
    folder, suffixes = _PLACES[kind]
    found: dict[str, FilePath] = {}
    for suffix in suffixes:
        for path in sorted((data_root() / folder).glob(f"*{suffix}")):
            found.setdefault(path.name.removesuffix(suffix), path)
    return dict(sorted(found.items()))


def library_files() -> list[FilePath]:
    """Shipped component libraries."""
    return sorted((data_root() / "hardware" / "libraries").glob("*.json"))


def shown_path(path: FilePath) -> str:
    """Shipped file as named in problems: relative to the data folder."""
    return path.relative_to(data_root()).as_posix()
