"""Bounded, strict reading of what other programs wrote: JSON, JSON lines, text.

A `.json` file is one record, or a list of records; any other file has one a line.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path as FilePath
from typing import Any

from simcore.config.document import Document, Place
from simcore.config.files import as_text, display, read_content
from simcore.config.json_reader import read_json
from simcore.config.yaml_reader import MAX_BYTES
from simcore.errors import ConfigError, Problem, printable

#: All files of one import together.
MAX_TOTAL_BYTES = 64 << 20
#: Longest line; parsed, it may take thirty times as much memory.
MAX_LINE_CHARACTERS = 4 << 20

#: A megabyte of JSON that is not lines is one document for the strict reader.
_MAX_JSON_BYTES = MAX_BYTES


@dataclass(frozen=True)
class InputFile:
    """One file of a recording.

    Attributes
    ----------
    shown : str
        As the user named it.
    name : str
        Without its folders, fit for print.
    text : str
        All of it.
    sha256 : str
        Of its bytes.
    """

    shown: str
    name: str
    text: str
    sha256: str

    @property
    def is_json(self) -> bool:
        """Whether it is one JSON document rather than lines."""
        return self.name.lower().endswith(".json")


def open_inputs(paths: list[FilePath]) -> tuple[list[InputFile], list[Problem]]:
    """Read the files of one import.

    Parameters
    ----------
    paths : list of pathlib.Path
        In the order in which they are used.

    Returns
    -------
    list of InputFile
        Those that could be read.
    list of Problem
        Why the others could not; a file that is there twice would count twice.
    """
    inputs: list[InputFile] = []
    problems: list[Problem] = []
    first: dict[str, str] = {}
    left = MAX_TOTAL_BYTES
    for path in paths:
        shown = display(path)
        try:
            content = read_content(path, shown, left)
            text = as_text(content, shown)
        except ConfigError as error:
            problems += error.problems
            continue
        left -= len(content)
        digest = sha256(content).hexdigest()
        if digest in first:
            message = f"the same content as {first[digest]}: it would count twice"
            problems.append(Problem("", shown, message=message))
            continue
        first[digest] = shown
        inputs.append(InputFile(shown, _name(path), text, digest))
    return inputs, problems


def _name(path: FilePath) -> str:
    # Short, so that a source that names three files is not too long.
    plain = path.name.isprintable() and len(path.name) <= 80
    return path.name if plain else printable(path.name)


def read_records(
    source: InputFile,
    most: int | None = None,
    keeps: Callable[[str], bool] | None = None,
) -> tuple[list[Document], list[Problem]]:
    """Records of a file in order, and every line that is none.

    Parameters
    ----------
    source : InputFile
        A `.json` document or lines.
    most : int or None
        Read no more than the first so many.
    keeps : callable, optional
        Whether a key of a line is of use; what is not need not be remembered.

    Returns
    -------
    list of Document
        Each with the place of its values.
    list of Problem
        Of the reading alone.
    """
    if source.is_json:
        records, problems = _whole(source)
        return records[:most], problems
    records, problems = [], []
    for number, line in enumerate(source.text.split("\n"), start=1):
        if most is not None and len(records) >= most:
            break
        if not line.strip():
            continue
        try:
            data = _line(line)
        except ValueError as error:
            problems.append(
                Problem("", source.shown, number, message=_told(error, line))
            )
            continue
        if keeps is not None and isinstance(data, dict):
            data = {key: value for key, value in data.items() if keeps(key)}
        place = Place(source.shown, number)
        records.append(Document(data, {(): place}, source.shown))
    return records, problems


def _whole(source: InputFile) -> tuple[list[Document], list[Problem]]:
    hint = "One record a line? Name the file .jsonl."
    if len(source.text) > _MAX_JSON_BYTES:
        message = f"too large for one JSON document: more than {_MAX_JSON_BYTES} bytes"
        return [], [Problem("", source.shown, message=message, hint=hint)]
    try:
        document = read_json(source.text, source.shown)
    except ConfigError as error:
        return [], [
            Problem(p.path, p.file, p.line, p.message, p.got, p.allowed, hint)
            if p.message == "text after the end of the document"
            else p
            for p in error.problems
        ]
    if not isinstance(document.data, list):
        return [document], document.problems
    return [document.section(n) for n in range(len(document.data))], document.problems


class _DuplicateKeyError(ValueError):
    pass


def _line(line: str) -> Any:
    """One line of JSON; NaN stays NaN, for fields that nobody reads may have it."""
    if len(line) > MAX_LINE_CHARACTERS:
        raise ValueError(
            f"too large: a line of more than {MAX_LINE_CHARACTERS} characters"
        )
    try:
        # The standard parser is thirty times as fast as ours, which keeps lines.
        return json.loads(line, object_pairs_hook=_mapping, parse_float=_number)
    except RecursionError:
        raise ValueError("too deep") from None


def _mapping(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    result = dict(pairs)
    if len(result) < len(pairs):
        seen: set[str] = set()
        for key, _ in pairs:
            if key in seen:
                raise _DuplicateKeyError(f"key {printable(key)} given twice")
            seen.add(key)
    return result


def _number(text: str) -> float:
    value = float(text)
    return value if math.isfinite(value) else math.nan


def _told(error: ValueError, line: str) -> str:
    if isinstance(error, json.JSONDecodeError):
        rest = line[error.pos : error.pos + 20]
        found = printable(rest, 30) if rest.strip() else "the end of the line"
        return f"not valid JSON at column {error.colno}: {error.msg}, found {found}"
    if isinstance(error, _DuplicateKeyError) or str(error).startswith("too "):
        return str(error)
    return "not valid JSON: a number of too many digits"
