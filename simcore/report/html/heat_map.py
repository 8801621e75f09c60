"""A map of one figure over two knobs: each cell shows its value and a colour."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from simcore.report.html.drawing import chart, text_at
from simcore.report.html.markup import Markup, element

_LEFT, _RIGHT, _TOP, _BOTTOM = 74.0, 8.0, 24.0, 40.0
#: At least so wide are all columns together, and each of them.
_COLUMNS, _COLUMN = 318.0, 41.0
_ROW = 24.0
_STRONGEST = 0.75


@dataclass(frozen=True)
class HeatCell:
    """One value of the map; `strength` from -1 to 1 is its colour."""

    text: str
    strength: float
    tip: str


def strengths(values: Sequence[float], *, around: float | None) -> list[float]:
    """Colours of values: their order of magnitude against the others.

    Parameters
    ----------
    values : sequence of float
        All > 0.
    around : float or None
        The value without a colour; larger ones are positive, smaller ones negative.
        None: the smallest has none.
    """
    logs = [math.log(value) for value in values]
    centre = math.log(around) if around is not None else min(logs)
    most = max((abs(log - centre) for log in logs), default=0.0)
    return [(log - centre) / most if most else 0.0 for log in logs]


def heat_map(
    name: str,
    title: str,
    description: str,
    *,
    columns: Sequence[str],
    rows: Sequence[str],
    cells: Mapping[tuple[int, int], HeatCell],
    x_title: str,
    y_title: str,
) -> Markup:
    """Cells by (column, row), the first row at the bottom.

    Parameters
    ----------
    name, title, description : str
        See `chart`.
    columns, rows : sequence of str
        Values of the two knobs.
    cells : mapping of (int, int) to HeatCell
        Where there is a value.
    x_title, y_title : str
        The knobs.
    """
    width = max(_COLUMNS / len(columns), _COLUMN)
    right = _LEFT + width * len(columns)
    floor = _TOP + _ROW * len(rows)
    parts: list[Markup] = []
    for i, label in enumerate(columns):
        parts.append(text_at(_LEFT + (i + 0.5) * width, floor + 14, label, "middle"))
    for j, label in enumerate(rows):
        parts.append(text_at(_LEFT - 6, floor - (j + 0.5) * _ROW + 4, label, "end"))
    for (i, j), cell in sorted(cells.items()):
        left, top = _LEFT + i * width, floor - (j + 1) * _ROW
        colour = "f0" if cell.strength >= 0 else "f1"
        shape = element(
            "rect",
            x=left + 0.5,
            y=top + 0.5,
            width=width - 1,
            height=_ROW - 1,
            class_=colour,
            fill_opacity=0.04 + abs(cell.strength) * _STRONGEST,
        )
        parts.append(Markup(f"{shape[:-2]}>{element('title', cell.tip)}</rect>"))
        parts.append(
            text_at(left + width / 2, top + 16, cell.text, "middle", "cell-text")
        )
    parts += [
        text_at((_LEFT + right) / 2, floor + 32, x_title, "middle"),
        text_at(4, 13, y_title),
    ]
    return chart(
        name, title, description, parts, width=right + _RIGHT, height=floor + _BOTTOM
    )
