"""The one JSON document that every command prints with `--json`.

A result::

    {"schema_version": "1.0", "command": "run", "result": {...}}

An error, on stdout as well, with the exit code of the text form::

    {"schema_version": "1.0", "command": "run",
     "error": {"kind": "config", "message": "...",
               "problems": [{"file": ..., "line": ..., "path": ..., "message": ...,
                             "got": ..., "allowed": ..., "hint": ..., "text": "..."}]}}

`kind` is one of usage, config, program, simulation, check, trace, output, system,
interrupted, bug. Units are in the names of the keys; numbers have all their digits;
what is not known is null. A new field raises the minor version, a field that changes
its meaning or goes away the major one.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import PurePath
from typing import Any

from simcore.errors import Problem

#: Version of the documents described here; not that of the run folders.
JSON_SCHEMA_VERSION = "1.0"


def result_document(command: str, result: Mapping[str, Any]) -> str:
    """The document of a command that has done its work.

    Parameters
    ----------
    command : str
        As typed, for example `trace summary`.
    result : mapping
        What the command found.
    """
    return _dump(
        {
            "schema_version": JSON_SCHEMA_VERSION,
            "command": command,
            "result": result,
        }
    )


def error_document(
    command: str, kind: str, message: str, problems: Sequence[Problem]
) -> str:
    """The document of a command that failed.

    Parameters
    ----------
    command : str
        As far as it is known; may be empty.
    kind : str
        One of the words of the module's description.
    message : str
        The text that people see on stderr.
    problems : sequence of Problem
        One for each thing to mend; may be empty.
    """
    return _dump(
        {
            "schema_version": JSON_SCHEMA_VERSION,
            "command": command,
            "error": {
                "kind": kind,
                "message": message,
                "problems": [
                    {**asdict(problem), "text": str(problem)} for problem in problems
                ],
            },
        }
    )


def _dump(document: Mapping[str, Any]) -> str:
    return json.dumps(plain(document), indent=1, sort_keys=True, allow_nan=False)


def plain(value: Any) -> Any:
    """Nested data as JSON can hold it; NaN and infinities become null.

    Parameters
    ----------
    value : object
        Mappings, sequences, numbers (numpy's as well), text, paths, pydantic objects.

    Raises
    ------
    TypeError
        For anything else.
    """
    if value is None or isinstance(value, bool | int | str):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, PurePath):
        return str(value)
    if hasattr(value, "model_dump"):
        return plain(value.model_dump(mode="json"))
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    raise TypeError(f"{type(value).__name__} cannot be written as JSON")
