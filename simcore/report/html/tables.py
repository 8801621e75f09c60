"""Tables with heads for every row and column, and bars that show a share."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from simcore.report.html.markup import Content, Markup, element, escaped, joined

_MICRO = re.compile(r"(?<=[0-9] )u(?=[sJWm]\b)")


@dataclass(frozen=True)
class Bar:
    """A cell that shows a part of a whole as a bar; its number is in a cell beside."""

    ratio: float
    colour: int = 0


Cell = str | Bar


def table(
    header: Sequence[str],
    rows: Sequence[Sequence[Cell]],
    *,
    caption: str = "",
    words: int = 1,
    footer: Sequence[Cell] = (),
    class_: str | None = None,
) -> Markup:
    """A table; empty when there are no rows.

    Parameters
    ----------
    header : sequence of str
        One for each column; a bar's may be empty.
    rows : sequence of sequence of str or Bar
        The first cell is the head of its row.
    caption : str
        Above the table.
    words : int
        How many columns hold words; the others are aligned to the right.
    footer : sequence of str or Bar
        A last row, for example a sum.
    class_ : str, optional
        Class of the table.
    """
    if not rows:
        return Markup("")
    bars = {i for row in rows for i, cell in enumerate(row) if isinstance(cell, Bar)}
    heads = [
        element("th", pretty(title), scope="col", class_=_kind(i, words, bars))
        for i, title in enumerate(header)
    ]
    inner = element(
        "table",
        element("caption", caption) if caption else None,
        element("thead", element("tr", heads)),
        element("tbody", (_row(row, words, bars) for row in rows)),
        element("tfoot", _row(footer, words, bars)) if footer else None,
        class_=class_,
    )
    return element("div", inner, class_="table")


def _kind(column: int, words: int, bars: set[int]) -> str | None:
    if column in bars:
        return "bar"
    return "number" if column >= words else None


def _row(row: Sequence[Cell], words: int, bars: set[int]) -> Markup:
    cells: list[Content] = []
    for i, cell in enumerate(row):
        if isinstance(cell, Bar):
            cells.append(_bar(cell))
        elif i == 0:
            cells.append(element("th", pretty(cell), scope="row"))
        else:
            cells.append(element("td", pretty(cell), class_=_kind(i, words, bars)))
    return element("tr", cells)


def _bar(bar: Bar) -> Markup:
    width = min(max(bar.ratio, 0.0), 1.0) * 100
    picture = element(
        "svg",
        element("rect", width=width, height=10, class_=f"f{bar.colour}"),
        viewBox="0 0 100 10",
        preserveAspectRatio="none",
        aria_hidden="true",
    )
    return element("td", picture, class_="bar")


def pretty(text: str) -> Markup:
    """Text of the terminal's reports with the signs that ASCII lacks."""
    if isinstance(text, Markup):
        return text
    return escaped(_MICRO.sub("µ", text.replace(" +- ", " ± ").replace("+-", "±")))


def with_note(name: str, note: str) -> Markup:
    """The head of a row with a remark below it."""
    return joined([pretty(name), element("small", pretty(note)) if note else None])


def shown_unit(unit: str) -> str:
    """A unit of `simcore.report.numbers` with the sign that ASCII lacks."""
    return f"µ{unit[1:]}" if unit in ("us", "uJ", "uW") else unit
