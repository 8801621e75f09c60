"""Units of fields, told by their names."""

from __future__ import annotations

import re

_UNITS = {
    "pj": "pJ",
    "ns": "ns",
    "mm2": "mm2",
    "nw": "nW",
    "mw": "mW",
    "w": "W",
    "ghz": "GHz",
    "GBps": "GB/s",
    "bytes": "bytes",
    "bits": "bits",
    "tokens": "tokens",
}
_SUFFIX = re.compile(rf"(?:^|_)({'|'.join(_UNITS)})(?:_per_([a-z0-9_]+))?\Z")

#: Fields whose name does not say it.
_BY_NAME = {
    "prompt_length": "tokens",
    "draft_length": "tokens",
    "sliding_window": "tokens",
    "max_position_embeddings": "tokens",
}


def unit_of(path: str) -> str | None:
    """Unit of a field by its name: `energy_pj_per_op` is in `pJ/op`.

    Parameters
    ----------
    path : str
        Name, or dotted path that ends with it.

    Returns
    -------
    str or None
        None for counts, ratios and words.
    """
    name = path.rpartition(".")[2]
    if name in _BY_NAME:
        return _BY_NAME[name]
    found = _SUFFIX.search(name)
    if found is None:
        return None
    unit, per = _UNITS[found[1]], found[2]
    return unit if per is None else f"{unit}/{per.replace('_per_', '/')}"
