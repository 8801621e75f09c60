"""Charts of columns: histograms and values by whole numbers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from simcore.report.html.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    Mark,
    axes,
    chart,
    line,
    marked,
    rectangle,
)
from simcore.report.html.markup import Markup
from simcore.report.html.scale import Scale, covering


@dataclass(frozen=True)
class Column:
    """From `left` to `right` on the horizontal axis, as high as its value."""

    left: float
    right: float
    value: float
    tip: str


def column_chart(
    name: str,
    title: str,
    description: str,
    columns: Sequence[Column],
    *,
    x_title: str,
    y_title: str,
    x_ticks: Sequence[tuple[float, str]] | None = None,
    marks: Sequence[Mark] = (),
    expected: Sequence[tuple[float, float]] = (),
    levels: Sequence[float] = (),
) -> Markup:
    """Columns from zero.

    Parameters
    ----------
    name, title, description : str
        See `chart`.
    columns : sequence of Column
        At least one.
    x_title, y_title : str
        Quantities with their units.
    x_ticks : sequence of (value, label), optional
        Instead of round values.
    marks : sequence of Mark
        Values of the horizontal axis to point out.
    expected : sequence of (x, value)
        Dashes across a column where theory expects its end.
    levels : sequence of float
        Values of the vertical axis to point out.
    """
    values = [column.value for column in columns]
    everything = [*values, *(value for _, value in expected), *levels]
    y = Axis(covering(everything, HEIGHT - BOTTOM, TOP, from_zero=True), y_title)
    if all(float(value).is_integer() for value in values):
        # Half a burst is no tick.
        y = replace(y, ticks=[t for t in y.labels if t[0] == round(t[0])])
    low = min(column.left for column in columns)
    high = max(column.right for column in columns)
    x = Axis(Scale(low, high, LEFT, WIDTH - RIGHT), x_title, x_ticks)
    zero = y.scale(0.0)
    drawn = []
    for column in columns:
        left, right, end = (
            x.scale(column.left),
            x.scale(column.right),
            y.scale(column.value),
        )
        width = max(right - left - 1, 0.75)
        height = max(abs(end - zero), 0.0)
        drawn.append(
            rectangle(left, min(end, zero), width, height, "f0 area", column.tip)
        )
    half = min((column.right - column.left for column in columns), default=1.0) / 2
    dashes = [
        line(
            x.scale(at - half),
            y.scale(value),
            x.scale(at + half),
            y.scale(value),
            "s1 line",
        )
        for at, value in expected
    ]
    across = [
        line(LEFT, y.scale(v), WIDTH - RIGHT, y.scale(v), "s1 line dashed")
        for v in levels
    ]
    below = [] if y.scale.low >= 0 else [line(LEFT, zero, WIDTH - RIGHT, zero, "axis")]
    return chart(
        name,
        title,
        description,
        axes(x, y),
        drawn,
        below,
        dashes,
        across,
        marked(x, y, marks),
    )
