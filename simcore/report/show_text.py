"""A resolved configuration as YAML that says where each value came from."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from simcore.config.describe import DescribedValue, Description
from simcore.config.document import path_text
from simcore.config.yaml_reader import BadScalarError, plain_scalar
from simcore.report.layout import WIDTH

#: Comments start here, or two columns after a longer value.
_COMMENT_COLUMN = 50

_PLAIN = re.compile(r"[A-Za-z_][A-Za-z0-9_./()+-]*( [A-Za-z0-9_./()+-]+)*\Z")
#: Words that other readers of YAML take for something else.
_WORDS = frozenset({"y", "n", "yes", "no", "on", "off", "true", "false", "null"})

_LEGEND = {
    "scenario": "A scenario",
    "hardware": "Hardware",
    "model": "A model",
    "acceptance": "An acceptance",
    "library": "A component library",
}


def show_report(descriptions: Sequence[Description]) -> str:
    """YAML of one configuration, or of the libraries of one file.

    Loading it again gives an equal configuration.

    Parameters
    ----------
    descriptions : sequence of Description
        All of the same kind.
    """
    first = descriptions[0]
    names = ", ".join(_scalar(d.name) for d in descriptions)
    lines = [f"# {_LEGEND[first.kind]}, resolved by simcore: {names}"]
    for description in descriptions:
        comments = {value.path: comment(value) for value in description.values}
        lines += _lines(description.data, comments, description.kind == "library")
    return "\n".join(lines)


def show_result(descriptions: Sequence[Description]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "kind": descriptions[0].kind,
        "configurations": [
            {
                "name": description.name,
                "configuration": description.data,
                "values": [value.to_dict() for value in description.values],
            }
            for description in descriptions
        ],
    }


def comment(value: DescribedValue) -> str:
    """Where a value came from, in a few words: `explicit, published`.

    Parameters
    ----------
    value : DescribedValue
        Any value of a configuration.
    """
    parts = [value.origin]
    if value.implied is not None:
        parts[0] += f": {_flow(value.implied)}"
    if value.status is not None:
        parts.append(value.status)
    elif value.is_number and _of_hardware(value):
        parts.append("no source")
    if value.unit is not None:
        parts.append(value.unit)
    if value.idle is not None:
        parts.append(f"not in use ({value.idle})")
    return ", ".join(parts)


def _of_hardware(value: DescribedValue) -> bool:
    """Whether a source could have been given: only hardware numbers can have one."""
    tops = ("hardware.", "components.", "analog.", "costs.", "soc.", "memory.")
    return value.path.startswith((*tops, "leakage_power.", "adc.", "dac.", "array."))


def _lines(
    data: Mapping[str, Any], comments: Mapping[str, str], nested: bool
) -> Iterator[str]:
    # The values of a library have paths from the top of that library.
    for key, path, value, depth in _walk(data, -1 if nested else 0):
        name = f"{'  ' * depth}{_key(key)}:"
        if isinstance(value, dict) and value:
            yield name
            continue
        note = comments.get(path_text(path))
        *before, last = _value(name, value, depth)
        yield from before
        if note is None:
            yield last
        else:
            yield f"{last.ljust(_COMMENT_COLUMN - 2)}  # {note}"


def _walk(
    data: Mapping[str, Any], skipped: int, path: tuple[str, ...] = (), depth: int = 0
) -> Iterator[tuple[str, tuple[str, ...], Any, int]]:
    for key, value in data.items():
        below = path if skipped < 0 else (*path, str(key))
        yield str(key), below, value, depth
        if isinstance(value, dict) and value:
            yield from _walk(value, min(skipped + 1, 0), below, depth + 1)


def _value(name: str, value: Any, depth: int) -> list[str]:
    """Lines of `name: value`; a long list takes several."""
    text = f"{name} {_flow(value)}"
    if not isinstance(value, list) or len(text) <= WIDTH:
        return [text]
    indent = "  " * (depth + 1)
    lines, line = [f"{name} ["], indent
    for number, item in enumerate(value):
        shown = _flow(item) + ("," if number < len(value) - 1 else "")
        if line.strip() and len(line) + len(shown) >= WIDTH:
            lines.append(line.rstrip())
            line = indent
        line += f"{shown} "
    return [*lines, line.rstrip(), f"{indent[2:]}  ]"]


def _flow(value: Any) -> str:
    if isinstance(value, list):
        return f"[{', '.join(map(_flow, value))}]"
    if isinstance(value, dict):
        inner = ", ".join(f"{_key(k)}: {_flow(v)}" for k, v in value.items())
        return f"{{{inner}}}"
    return _scalar(value)


def _key(key: object) -> str:
    text = str(key)
    # Keys are text to the reader, and a bare number is a key as well.
    return text if re.fullmatch(r"[0-9]+", text) else _scalar(text)


def _scalar(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return repr(value)
    text = str(value)
    if _PLAIN.match(text) and text.lower() not in _WORDS and _is_text(text):
        return text
    quoted = json.dumps(text, ensure_ascii=False)
    return "".join(c if c.isprintable() else _escaped(c) for c in quoted)


def _is_text(text: str) -> bool:
    try:
        return plain_scalar(text) == text
    except BadScalarError:
        return False


def _escaped(character: str) -> str:
    return f"\\U{ord(character):08x}"
