"""JSON documents that carry their own checksum: not one changed bit is accepted."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from typing import Any

from simcore.errors import printable
from simcore.trace.writer import canonical_json


def seal(document: Mapping[str, Any], key: str) -> bytes:
    """Bytes of a document that names its checksum.

    Parameters
    ----------
    document : mapping
        Without the key.
    key : str
        Gets the sha256 of the rest.
    """
    return canonical_json({**document, key: _digest(document)})


def unseal(data: bytes, key: str) -> dict[str, Any]:
    """Document whose bytes are those that `seal` gave.

    Parameters
    ----------
    data : bytes
        All of the file.
    key : str
        As for `seal`.

    Raises
    ------
    ValueError
        In one line: what is wrong.
    """
    try:
        document = json.loads(data)
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    if not isinstance(document, dict):
        raise ValueError("not a JSON object")
    require_seal(document, data, key)
    return document


def require_seal(document: Mapping[str, Any], data: bytes, key: str) -> None:
    """Refuse a document whose checksum or spelling is not as it was written.

    Parameters
    ----------
    document : mapping
        What `data` holds.
    data : bytes
        All of the file. A changed bit need not change a value ("1e-05", "1E-05"):
        the bytes are compared as well.
    key : str
        Names the checksum.

    Raises
    ------
    ValueError
        In one line: what is wrong.
    """
    digest = _digest({name: v for name, v in document.items() if name != key})
    named = document.get(key)
    if named != digest:
        shown = named[:12] if isinstance(named, str) else named
        raise ValueError(
            f"its checksum differs: it is {digest[:12]}, the file says "
            f"{printable(shown)}"
        )
    if data != canonical_json(document):
        raise ValueError("its checksum differs: its layout was changed")


def _digest(document: Mapping[str, Any]) -> str:
    return hashlib.sha256(canonical_json(document)).hexdigest()
