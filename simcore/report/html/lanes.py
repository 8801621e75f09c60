"""Lanes below each other that share a time axis; each has a scale of its own."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simcore.report.html.drawing import Axis, chart, line, rectangle, text_at
from simcore.report.html.markup import Content, Markup, element, number

LANES_WIDTH = 1000.0
LANES_LEFT, LANES_RIGHT = 104.0, 122.0
LANE_HEIGHT, LANE_GAP = 26.0, 6.0
AXIS_HEIGHT = 40.0


@dataclass(frozen=True)
class Lane:
    """Values in equal parts of the time axis.

    Attributes
    ----------
    label, note : str
        To the left and to the right.
    values : sequence of float
        From 0 to `top`.
    top : float
        Full height of the lane; above 0.
    tips : sequence of str
        What each part tells when pointed at; may be empty.
    colour : int
        Of the style sheet.
    """

    label: str
    values: Sequence[float]
    top: float
    note: str = ""
    tips: Sequence[str] = ()
    colour: int = 0


def lanes_height(n_lanes: int) -> float:
    """Height of some lanes without the axis."""
    return n_lanes * (LANE_HEIGHT + LANE_GAP)


def lanes_chart(
    name: str, title: str, description: str, lanes: Sequence[Lane], time: Axis
) -> Markup:
    """Lanes with one axis below them."""
    bottom = lanes_height(len(lanes)) + 4
    return chart(
        name,
        title,
        description,
        drawn_lanes(lanes, 4.0),
        time_axis(time, 0.0, bottom),
        width=LANES_WIDTH,
        height=bottom + AXIS_HEIGHT,
    )


def drawn_lanes(lanes: Sequence[Lane], top: float) -> list[Content]:
    """The lanes alone, the first one at `top`."""
    right = LANES_WIDTH - LANES_RIGHT
    parts: list[Content] = []
    for place, lane in enumerate(lanes):
        y = top + place * (LANE_HEIGHT + LANE_GAP)
        width = (right - LANES_LEFT) / max(len(lane.values), 1)
        parts += [
            rectangle(LANES_LEFT, y, right - LANES_LEFT, LANE_HEIGHT, "void"),
            element("path", d=_outline(lane, y, width), class_=f"f{lane.colour} area"),
            text_at(LANES_LEFT - 6, y + 17, lane.label, "end", "strong"),
            text_at(right + 6, y + 17, lane.note),
        ]
        parts += [
            rectangle(LANES_LEFT + i * width, y, width, LANE_HEIGHT, "touch", tip)
            for i, tip in enumerate(lane.tips)
        ]
    return parts


def _outline(lane: Lane, y: float, width: float) -> str:
    """Steps from the floor of the lane; equal neighbours are one step."""
    floor = y + LANE_HEIGHT
    parts, last = [f"M{number(LANES_LEFT)} {number(floor)}"], None
    for i, value in enumerate(lane.values):
        ratio = min(max(value / lane.top, 0.0), 1.0)
        height = number(floor - ratio * LANE_HEIGHT)
        if height != last:
            parts.append(f"H{number(LANES_LEFT + i * width)}V{height}")
            last = height
    end = LANES_LEFT + width * len(lane.values)
    return "".join([*parts, f"H{number(end)}V{number(floor)}Z"])


def time_axis(axis: Axis, top: float, bottom: float) -> list[Markup]:
    """Ticks and title below the lanes, with fine lines up to `top`."""
    right = LANES_WIDTH - LANES_RIGHT
    parts = [line(LANES_LEFT, bottom, right, bottom, "axis")]
    for value, label in axis.labels:
        place = axis.scale(value)
        parts += [
            line(place, top, place, bottom, "grid"),
            line(place, bottom, place, bottom + 4, "axis"),
            text_at(place, bottom + 16, label, "middle"),
        ]
    parts.append(text_at((LANES_LEFT + right) / 2, bottom + 33, axis.title, "middle"))
    return parts
