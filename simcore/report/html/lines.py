"""Charts of lines and of single points."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simcore.report.html.drawing import (
    BOTTOM,
    HEIGHT,
    LEFT,
    N_COLOURS,
    RIGHT,
    TOP,
    WIDTH,
    Axis,
    axes,
    chart,
    line,
)
from simcore.report.html.markup import Markup, element, number
from simcore.report.html.scale import Scale, covering, covering_by_factors

#: Beyond this factor between the largest and the smallest value lines are drawn
#: logarithmically: on a linear axis the small ones would lie on each other.
_WIDE = 8.0


@dataclass(frozen=True)
class Place:
    """One value of a line.

    Attributes
    ----------
    x, y : float
        In the units of the axes.
    tip : str
        What it tells when pointed at.
    half_width : float or None
        Of an interval around `y`.
    """

    x: float
    y: float
    tip: str
    half_width: float | None = None


@dataclass(frozen=True)
class Series:
    """A line through some places, ascending; `colour` None is what others are held to.

    Attributes
    ----------
    name : str
        For the legend.
    places : sequence of Place
        At least one.
    colour : int or None
        Of the style sheet.
    """

    name: str
    places: Sequence[Place]
    colour: int | None

    @property
    def stroke(self) -> str:
        """Class of its line."""
        return "plain dashed" if self.colour is None else f"s{self.colour % N_COLOURS}"

    @property
    def fill(self) -> str:
        """Class of its points."""
        return "ink" if self.colour is None else f"f{self.colour % N_COLOURS}"


@dataclass(frozen=True)
class Ring:
    """A place to point out."""

    x: float
    y: float
    tip: str


def value_scale(values: Sequence[float], *, from_zero: bool = False) -> Scale:
    """The vertical scale for some values: by factors where they differ by many.

    Parameters
    ----------
    values : sequence of float
        At least one.
    from_zero : bool
        Whether a linear axis begins at 0.
    """
    start, end = HEIGHT - BOTTOM, TOP
    if min(values) > 0 and max(values) > _WIDE * min(values):
        return covering_by_factors(values, start, end)
    return covering(values, start, end, from_zero=from_zero)


def place_scale(values: Sequence[float], *, by_factors: bool) -> Scale:
    """The horizontal scale from the first to the last of some values.

    They keep off the ends, so that their dots do not lie on the axis.
    """
    low, high = min(values), max(values)
    if by_factors and low > 0 and high > low:
        return Scale(low, high, LEFT + 8, WIDTH - RIGHT - 8, is_log=True)
    if high == low:
        low, high = low - 0.5, high + 0.5
    return Scale(low, high, LEFT + 8, WIDTH - RIGHT - 8)


def line_chart(
    name: str,
    title: str,
    description: str,
    series: Sequence[Series],
    x: Axis,
    y: Axis,
    *,
    rings: Sequence[Ring] = (),
    level: float | None = None,
) -> Markup:
    """Lines with a dot at each value.

    Parameters
    ----------
    name, title, description : str
        See `chart`.
    series : sequence of Series
        Drawn in this order.
    x, y : Axis
        From `place_scale` and `value_scale`.
    rings : sequence of Ring
        Places to point out.
    level : float, optional
        A value of the vertical axis to compare with.
    """
    drawn: list[Markup] = []
    for one in series:
        points = [(x.scale(p.x), y.scale(p.y)) for p in one.places]
        path = "L".join(f"{number(a)} {number(b)}" for a, b in points)
        drawn.append(element("path", d=f"M{path}", class_=f"line {one.stroke}"))
        for place, (a, b) in zip(one.places, points, strict=True):
            if place.half_width:
                ends = [y.scale(place.y + s * place.half_width) for s in (-1, 1)]
                drawn.append(line(a, ends[0], a, ends[1], one.stroke))
            drawn.append(dot(a, b, 2.6, one.fill, place.tip))
    marks = [dot(x.scale(r.x), y.scale(r.y), 5.5, "ring", r.tip) for r in rings]
    across = []
    if level is not None and y.scale.low <= level <= y.scale.high:
        at = y.scale(level)
        across.append(line(LEFT, at, WIDTH - RIGHT, at, "baseline"))
    return chart(name, title, description, axes(x, y), across, drawn, marks)


def dot(x: float, y: float, radius: float, class_: str, tip: str) -> Markup:
    """A point that tells `tip` when pointed at."""
    shown = element("circle", cx=x, cy=y, r=radius, class_=class_)
    return Markup(f"{shown[:-2]}>{element('title', tip)}</circle>")
