"""Small HTML tables for notebooks: what `_repr_html_` of a result shows.

Plain tables without style, so that they look like the notebook around them; every text
is escaped, since names come from files.
"""

from __future__ import annotations

import html
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

_ILLEGAL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
_LONGEST = 200


def html_table(caption: str, head: Sequence[str], rows: Iterable[Sequence[Any]]) -> str:
    """A table of a few rows as HTML.

    Parameters
    ----------
    caption : str
        What it shows.
    head : sequence of str
        Names of the columns.
    rows : iterable of sequence
        Texts, and numbers, which are written with 4 significant digits.
    """
    cells = "".join(f"<th>{_text(name)}</th>" for name in head)
    body = "".join(f"<tr>{''.join(map(_cell, row))}</tr>" for row in rows)
    return (
        f"<table><caption>{_text(caption)}</caption><thead><tr>{cells}</tr></thead>"
        f"<tbody>{body}</tbody></table>"
    )


def metric_rows(metrics: Mapping[str, Any]) -> list[tuple[str, Any, Any]]:
    """Name, value and half width of metrics; the names carry the units.

    Parameters
    ----------
    metrics : mapping
        Numbers, or mappings of `value` and `half_width`.
    """
    rows: list[tuple[str, Any, Any]] = []
    for name, metric in metrics.items():
        if isinstance(metric, Mapping):
            rows.append((name, metric["value"], metric.get("half_width")))
        else:
            rows.append((name, metric, None))
    return rows


def _cell(value: Any) -> str:
    if isinstance(value, bool) or value is None or isinstance(value, str):
        return f"<td>{_text('' if value is None else str(value))}</td>"
    return f'<td style="text-align:right">{_text(_number(value))}</td>'


def _number(value: float) -> str:
    if isinstance(value, int):
        return f"{value:,}"
    if not math.isfinite(value) or value == 0:
        return f"{value:g}"
    digits = 3 - math.floor(math.log10(abs(value)))
    if not -12 <= digits <= 7:
        return f"{value:.3e}"
    rounded = round(value, digits)
    return f"{rounded:,.{max(digits, 0)}f}"


def _text(text: str) -> str:
    short = text if len(text) <= _LONGEST else text[: _LONGEST - 3] + "..."
    return html.escape(_ILLEGAL.sub("?", short))
