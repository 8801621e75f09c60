"""A Python mapping through the same checks as a file.

Integer keys become text and integers of other libraries plain integers, so that what
was written as YAML and what was built in Python mean the same.
"""

from __future__ import annotations

import numbers
from collections.abc import Mapping
from pathlib import PurePath
from typing import Any

from pydantic import BaseModel

from simcore.config.document import Document, Path, path_text
from simcore.config.yaml_reader import MAX_DEPTH, MAX_NODES, BadScalarError, finite
from simcore.errors import ConfigError, Problem, printable


def read_mapping(source: Mapping[str, Any]) -> Document:
    """Copy a mapping into a document; configuration objects are kept as they are.

    Parameters
    ----------
    source : mapping
        Nested mappings, lists, tuples and scalars.

    Raises
    ------
    ConfigError
        If it is too large or too deep (or contains itself).
    """
    reader = _Reader()
    reader.document.data = reader.value(source, ())
    return reader.document


class _Reader:
    def __init__(self) -> None:
        self.document = Document(data=None)
        self.nodes = 0

    def value(self, value: Any, path: Path) -> Any:
        self.nodes += 1
        if self.nodes > MAX_NODES:
            message = f"too many values: more than {MAX_NODES} values"
            raise ConfigError([Problem("", message=message)])
        if len(path) > MAX_DEPTH:
            message = f"too deep: more than {MAX_DEPTH} levels"
            raise ConfigError([Problem("", message=message)])
        if isinstance(value, Mapping):
            return self.mapping(value, path)
        if isinstance(value, list | tuple):
            return [self.value(item, (*path, n)) for n, item in enumerate(value)]
        return self.scalar(value, path)

    def mapping(self, value: Mapping[Any, Any], path: Path) -> dict[str, Any]:
        result: dict[str, Any] = {}
        for key, item in value.items():
            if isinstance(key, numbers.Integral) and not isinstance(key, bool):
                name = printable(int(key))
            elif isinstance(key, str):
                name = key
            else:
                self.problem(path, f"key {printable(key)}", "must be text")
                continue
            if name in result:
                self.problem((*path, name), "key given twice", None)
                continue
            result[name] = self.value(item, (*path, name))
        return result

    def scalar(self, value: Any, path: Path) -> Any:
        if value is None or isinstance(value, bool | str | BaseModel):
            return value
        if isinstance(value, PurePath):
            return str(value)
        if isinstance(value, numbers.Integral):
            return int(value)
        if isinstance(value, numbers.Real):
            number = float(value)
            try:
                return finite(number, repr(number))
            except BadScalarError as error:
                self.refuse(path, repr(number), error.allowed)
                return None
        self.refuse(path, printable(value), "must be plain data")
        return None

    def refuse(self, path: Path, got: str, allowed: str) -> None:
        self.document.refused.add(path)
        self.document.problems.append(
            Problem(path_text(path), got=got, allowed=allowed)
        )

    def problem(self, path: Path, message: str, allowed: str | None) -> None:
        self.document.problems.append(
            Problem(path_text(path), message=message, allowed=allowed)
        )
