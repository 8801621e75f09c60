"""What all charts share: the SVG around them, axes, marks and legends."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from simcore.report.html.markup import Content, Markup, element
from simcore.report.html.scale import Scale, tick_texts

#: Colours of the style sheet, `f0` to `f7` and `s0` to `s7`; more series repeat them.
N_COLOURS = 8

WIDTH, HEIGHT = 400.0, 240.0
LEFT, RIGHT, TOP, BOTTOM = 56.0, 18.0, 26.0, 42.0


@dataclass(frozen=True)
class Axis:
    """An axis with its title and, where they are not round numbers, its ticks.

    Attributes
    ----------
    scale : Scale
        In the unit of the labels.
    title : str
        Quantity and unit.
    ticks : sequence of (value, label) or None
        None: round values of the scale.
    """

    scale: Scale
    title: str
    ticks: Sequence[tuple[float, str]] | None = None

    @property
    def labels(self) -> Sequence[tuple[float, str]]:
        """Where the ticks are, and what stands there."""
        if self.ticks is not None:
            return self.ticks
        values = self.scale.ticks()
        if self.scale.is_log:
            return [(value, f"{value:,g}") for value in values]
        return list(zip(values, tick_texts(values), strict=True))


@dataclass(frozen=True)
class Mark:
    """A line across a chart at a value, with a word beside it."""

    value: float
    text: str


def chart(
    name: str,
    title: str,
    description: str,
    *content: Content,
    width: float = WIDTH,
    height: float = HEIGHT,
) -> Markup:
    """The SVG of one chart, named and described for those who cannot see it.

    Parameters
    ----------
    name : str
        Of letters, digits and hyphens; unique on the page.
    title, description : str
        What it shows, and what can be read from it.
    *content : Content
        Inside.
    width, height : float
        Of the drawing; it is scaled to the page.
    """
    return element(
        "svg",
        element("title", title, id=f"{name}-title"),
        element("desc", description, id=f"{name}-text"),
        *content,
        class_="chart",
        viewBox=f"0 0 {width:g} {height:g}",
        role="img",
        aria_labelledby=f"{name}-title",
        aria_describedby=f"{name}-text",
    )


def figure(
    heading: str, picture: Content, *text: Content, wide: bool = False
) -> Markup:
    """A chart with its heading and what is said below it."""
    if wide:
        text = (
            *text,
            element("span", " Scroll sideways for more.", class_="narrow-only"),
        )
    caption = element("figcaption", *text) if any(text) else None
    if wide:
        # Can be scrolled by keyboard where it is wider than the screen.
        picture = element("div", picture, class_="scroll", tabindex="0")
    return element(
        "figure",
        element("h3", heading),
        picture,
        caption,
        class_="wide" if wide else None,
    )


def text_at(
    x: float, y: float, text: str, anchor: str = "start", class_: str | None = None
) -> Markup:
    """A word in a drawing; `anchor` is start, middle or end."""
    shown = None if anchor == "start" else anchor
    return element("text", text, x=x, y=y, text_anchor=shown, class_=class_)


def line(x1: float, y1: float, x2: float, y2: float, class_: str) -> Markup:
    """A straight line."""
    return element("line", x1=x1, y1=y1, x2=x2, y2=y2, class_=class_)


def rectangle(
    x: float, y: float, width: float, height: float, class_: str, tip: str = ""
) -> Markup:
    """A rectangle that tells `tip` when pointed at."""
    shown = element("rect", x=x, y=y, width=width, height=height, class_=class_)
    if not tip:
        return shown
    return Markup(f"{shown[:-2]}>{element('title', tip)}</rect>")


def axes(x: Axis, y: Axis) -> list[Markup]:
    """Grid, ticks and titles of a chart of the usual size; to be drawn first."""
    left, right, bottom = LEFT, WIDTH - RIGHT, y.scale.start
    parts = []
    for value, label in y.labels:
        place = y.scale(value)
        parts += [
            line(left, place, right, place, "grid"),
            text_at(left - 5, place + 4, label, "end"),
        ]
    for value, label in x.labels:
        place = x.scale(value)
        parts += [
            line(place, bottom, place, bottom + 4, "axis"),
            text_at(place, bottom + 16, label, "middle"),
        ]
    parts += [
        line(left, bottom, right, bottom, "axis"),
        text_at((left + right) / 2, bottom + 33, x.title, "middle"),
        text_at(4, 11, y.title),
    ]
    return parts


def marked(x: Axis, y: Axis, marks: Sequence[Mark]) -> list[Markup]:
    """Upright lines at values; words that would touch others go a line lower."""
    bottom, top = y.scale.start, y.scale.end
    parts, level, last = [], 0, float("-inf")
    for mark in sorted(marks, key=lambda m: m.value):
        place = x.scale(mark.value)
        room = 6.5 * len(mark.text) + 8
        level = level + 1 if place - last < room else 0
        last = place
        # Words stand on the side that has room for them.
        before = place + room > x.scale.end
        parts += [
            line(place, bottom, place, top, "mark"),
            text_at(
                place - 4 if before else place + 4,
                top + 10 + 13 * level,
                mark.text,
                "end" if before else "start",
                "mark-text",
            ),
        ]
    return parts


def legend(entries: Sequence[tuple[str, str]]) -> Markup:
    """Colours and their meaning; outside of the drawing, where lines can wrap.

    Parameters
    ----------
    entries : sequence of (class, text)
        Class of the fill, for example `f0` or `f1 unkept`.
    """
    return element(
        "ul",
        (
            element(
                "li",
                element(
                    "svg",
                    rectangle(0, 0, 10, 10, class_),
                    viewBox="0 0 10 10",
                    aria_hidden="true",
                ),
                text,
            )
            for class_, text in entries
        ),
        class_="legend",
    )
