"""Parts of scenarios that were understood already, shared by the points of a sweep.

Points that have the same model and chip have the same objects: these are read once,
and what is worked out for one point serves the next.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path as FilePath
from typing import Any

from simcore.config.document import Document


@dataclass(frozen=True)
class KnownPart:
    """A part that had no problem.

    Attributes
    ----------
    config : object
        What it became.
    document : Document
        Where its fields were written.
    warnings : list of str
        What a lenient reading passed over.
    """

    config: Any
    document: Document
    warnings: list[str]


class KnownParts:
    """Parts by everything that they follow from."""

    def __init__(self) -> None:
        self._parts: dict[str, KnownPart] = {}

    def key(
        self, kind: str, section: Document, folder: FilePath, how: tuple[object, ...]
    ) -> str:
        """What a part follows from, files taken to stay as they are.

        Parameters
        ----------
        kind : str
            `model`, `hardware` or `acceptance`.
        section : Document
            As written in the scenario, overrides included.
        folder : pathlib.Path
            What paths in it are relative to.
        how : tuple
            How it is read.
        """
        content = [kind, str(folder.absolute()), how, section.data]
        return json.dumps(content, sort_keys=True, default=str)

    def get(self, key: str) -> KnownPart | None:
        """A part, if it is known."""
        return self._parts.get(key)

    def add(self, key: str, part: KnownPart) -> None:
        """Keep a part."""
        self._parts[key] = part
