"""What `simcore init` has written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from simcore.report.layout import paragraph


def init_report(folder: Path, files: Mapping[str, str]) -> str:
    """Files with a line about each.

    Parameters
    ----------
    folder : Path
        The new folder.
    files : mapping of str to str
        Names and what they are.
    """
    names = {**files, "schemas/": "what editors read to complete and check the files"}
    width = max(map(len, names)) + 2
    lines = [
        paragraph(about, indent=" " * (width + 2), first=f"  {name:<{width}}")
        for name, about in names.items()
    ]
    return "\n".join([f"wrote {folder}", *lines])


def init_result(folder: Path, files: Sequence[Path]) -> dict[str, Any]:
    """The same for machines."""
    return {"path": folder, "files": list(files)}
