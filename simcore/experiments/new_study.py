"""A folder to start from: chip, model, acceptance, scenario and sweep that run."""

from __future__ import annotations

import os
import shutil
import tempfile
from pathlib import Path

import simcore
from simcore.config.files import display
from simcore.config.json_schema import SCHEMA_KINDS, file_name, schema_text
from simcore.errors import ConfigError, OutputError, Problem

_TEMPLATES = Path(simcore.__file__).resolve().parent / "templates" / "study"
_SCHEMAS = "schemas"

#: Files of a study, in the order in which to read them, with what they are.
STUDY_FILES = {
    "scenario.yaml": "one experiment: names the next three, and the workload",
    "hardware.yaml": "the chip, every number with where it comes from",
    "model.yaml": "the language model: its shapes",
    "acceptance.yaml": "how many drafted tokens are accepted: measure yours",
    "sweep.yaml": "the same experiment over draft lengths and prompts",
}


def write_study(folder: Path) -> list[Path]:
    """Make a folder with the files of a study and the schemas that editors read.

    Everything is written beside it first and renamed last, so that there is all of it
    or nothing.

    Parameters
    ----------
    folder : pathlib.Path
        New, or empty.

    Returns
    -------
    list of Path
        What was written, the schemas last.

    Raises
    ------
    ConfigError
        If something is there already.
    OutputError
        If the system refuses.
    """
    _check_free(folder)
    names = [*STUDY_FILES, *(f"{_SCHEMAS}/{file_name(kind)}" for kind in SCHEMA_KINDS)]
    there = folder.is_dir()
    place = folder if there else folder.parent
    draft: Path | None = None
    try:
        place.mkdir(parents=True, exist_ok=True)
        draft = Path(tempfile.mkdtemp(prefix=".simcore-init-", dir=place))
        _fill(draft)
        if there:
            _move_up(draft, folder)
        else:
            # Temporary folders are closed to others; this one is the user's own.
            draft.chmod(0o777 & ~_umask())
            # Refused by the system when somebody has filled the folder meanwhile.
            draft.rename(folder)
    except OSError as error:
        if draft is not None:
            shutil.rmtree(draft, ignore_errors=True)
        reason = error.strerror or str(error)
        raise OutputError(f"cannot make {display(folder)}: {reason}") from error
    return [folder / name for name in names]


def _move_up(draft: Path, folder: Path) -> None:
    """Fill an empty folder that people may be working in, so it is not replaced."""
    moved: list[Path] = []
    try:
        for made in sorted(draft.iterdir()):
            target = folder / made.name
            made.rename(target)
            moved.append(target)
        draft.rmdir()
    except OSError:
        for path in moved:
            shutil.rmtree(path) if path.is_dir() else path.unlink()
        raise


def _fill(folder: Path) -> None:
    for name in STUDY_FILES:
        text = (_TEMPLATES / name).read_text(encoding="utf-8")
        (folder / name).write_text(text, encoding="utf-8")
    (folder / _SCHEMAS).mkdir()
    for kind in SCHEMA_KINDS:
        path = folder / _SCHEMAS / file_name(kind)
        path.write_text(schema_text(kind), encoding="utf-8")


def _check_free(folder: Path) -> None:
    message = None
    if folder.is_dir():
        if any(folder.iterdir()):
            message = "the folder is there and not empty"
    elif folder.exists() or folder.is_symlink():
        message = "is there already, and not a folder"
    if message is not None:
        hint = "Give the name of a new folder; nothing is ever replaced."
        raise ConfigError([Problem(display(folder), message=message, hint=hint)])


def _umask() -> int:
    """The process's mask, which can only be read by setting it."""
    mask = os.umask(0)
    os.umask(mask)
    return mask
