"""Opening what a loader was given: a path, the name of a shipped file, or a mapping."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path as FilePath
from pathlib import PurePath
from typing import Any

from simcore.config.document import Document, Path, path_text
from simcore.config.files import SUFFIXES, display, read_document
from simcore.config.huggingface import from_huggingface, is_huggingface
from simcore.config.mapping_reader import read_mapping
from simcore.config.problems import choices_text, did_you_mean
from simcore.config.shipped import Kind, shipped_files, shown_path
from simcore.errors import ConfigError, Problem, printable

#: What every loader accepts: a path, the name of a shipped file, or a mapping.
Source = str | PurePath | Mapping[str, Any]


@dataclass
class Part:
    """A document that was opened, and what is needed to understand it.

    Attributes
    ----------
    document : Document
        Its content.
    name : str
        Name of the object when the content gives none.
    folder : pathlib.Path
        What paths in it are relative to.
    problems : list of Problem
        Found while opening.
    prefix : Path
        Where it stands in the scenario.
    failed : bool
        It could not be opened; `problems` says why.
    """

    document: Document
    name: str
    folder: FilePath
    problems: list[Problem]
    prefix: Path = ()
    failed: bool = False


def open_source(kind: Kind, source: object) -> Part:
    """Open what a loader was called with."""
    here = FilePath()
    if isinstance(source, Mapping):
        document = read_mapping(source)
        if kind == "scenario":
            return Part(document, kind, here, document.problems)
        return open_section(kind, document, here, ())
    if not isinstance(source, str | PurePath):
        raise ConfigError(
            [
                Problem(
                    "",
                    message=f"cannot load a {kind}",
                    got=printable(source),
                    allowed="must be a path, a shipped name or a mapping",
                )
            ]
        )
    part = _open_file(kind, source, here)
    return part if kind == "scenario" else _as_model_file(kind, part)


def _open_file(kind: Kind, source: str | PurePath, folder: FilePath) -> Part:
    path, shown = _find(kind, source, folder)
    if kind == "acceptance" and path.suffix.lower() not in SUFFIXES and _exists(path):
        raise ConfigError(
            [
                Problem(
                    "",
                    shown,
                    message=f"Unsupported stats format {printable(path.suffix)}",
                    allowed=f"allowed: {', '.join(SUFFIXES)}",
                )
            ]
        )
    document = read_document(path, shown)
    return Part(document, _stem(path), path.parent, list(document.problems))


def open_section(kind: Kind, section: Document, folder: FilePath, prefix: Path) -> Part:
    """Open a part that is a name, a mapping, or a mapping with `file`.

    What such a mapping holds beside `file` is laid over the file.
    """
    named = section.data
    if isinstance(named, dict) and "file" in named:
        named = named["file"]
    elif not isinstance(named, str):
        part = Part(section, kind, folder, list(section.problems), prefix)
        return _as_model_file(kind, part)
    where = (*prefix, "file") if isinstance(section.data, dict) else prefix
    at = section.place(where[len(prefix) :])

    def failed(*problems: Problem) -> Part:
        return Part(section, kind, folder, list(problems), prefix, failed=True)

    if not isinstance(named, str) or not named:
        return failed(
            Problem(
                path_text(where),
                at.file,
                at.line,
                got=printable(named),
                allowed="must be a path or a shipped name",
            )
        )
    try:
        part = _open_file(kind, named, folder)
    except ConfigError as error:
        # What is wrong with a file as a whole is told where the file is named.
        return failed(
            *(
                problem
                if problem.line is not None
                else replace(
                    problem,
                    path=path_text(where),
                    file=at.file,
                    line=at.line,
                    message=f"{problem.file}: {problem.message}"
                    if problem.file
                    else problem.message,
                )
                for problem in error.problems
            )
        )
    part.prefix = prefix
    part = _as_model_file(kind, part)
    if isinstance(section.data, dict) and not part.failed:
        section = section.section()
        section.remove(("file",))
        if isinstance(part.document.data, dict):
            part.document.overlay((), section)
        if "library_file" in section.data:
            part.folder = folder
    return part


def _as_model_file(kind: Kind, part: Part) -> Part:
    """Rewrite a Hugging Face file, if it is one."""
    if kind != "model" or not is_huggingface(part.document.data):
        return part
    converted, problems = from_huggingface(part.document, part.prefix)
    part.problems += problems
    if converted is None:
        part.failed = True
    else:
        part.document = converted
    return part


def _find(kind: Kind, source: str | PurePath, folder: FilePath) -> tuple[FilePath, str]:
    """File of a path or of a shipped name, and how to show it.

    Raises
    ------
    ConfigError
        If it is a name and nothing of that name is shipped.
    """
    text = str(source)
    path = folder / text
    shipped = shipped_files(kind)
    looks_like_path = (
        isinstance(source, PurePath)
        or "/" in text
        or "\\" in text
        or path.suffix.lower() in SUFFIXES
    )
    if not looks_like_path:
        if text in shipped:
            return shipped[text], shown_path(shipped[text])
        if not _exists(path):
            raise ConfigError(
                [
                    Problem(
                        "",
                        message=f"no {kind} of this name is shipped",
                        got=printable(text),
                        allowed=choices_text(list(shipped)),
                        hint=did_you_mean(text, shipped)
                        or "For a file, give its path.",
                    )
                ]
            )
    elif path.stem in shipped and path.name == text and not _exists(path):
        raise ConfigError(
            [
                Problem(
                    "",
                    display(path),
                    message="file not found",
                    hint=f"Did you mean the shipped {kind} {printable(path.stem)}?",
                )
            ]
        )
    return path, display(path)


def _exists(path: FilePath) -> bool:
    try:
        return path.exists()
    except (OSError, ValueError):
        return False


def _stem(path: FilePath) -> str:
    stem = path.stem if path.suffix.lower() in SUFFIXES else path.name
    if stem == "config":
        # Every Hugging Face file is called config.json; its folder has the name.
        stem = path.absolute().parent.name or stem
    return display(stem)[:100]
