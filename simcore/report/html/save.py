"""Puts a page where it belongs; it is there whole or not at all."""

from __future__ import annotations

from pathlib import Path

from simcore.trace.folder import AtomicFile, writing


def save_page(text: str, path: Path) -> int:
    """Write a page.

    Parameters
    ----------
    text : str
        The page.
    path : Path
        File; replaced if it is there. Its folder is made.

    Returns
    -------
    int
        Bytes written.

    Raises
    ------
    OutputError
        If the system refuses.
    """
    with writing(path):
        path.parent.mkdir(parents=True, exist_ok=True)
    data = text.encode("utf-8")
    with writing(path), AtomicFile(path) as file:
        file.write(data)
    return len(data)
