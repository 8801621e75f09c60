"""Heat maps over two knobs."""

from __future__ import annotations

from itertools import combinations
from typing import Any

from simcore.report.html.download import csv_link
from simcore.report.html.drawing import figure
from simcore.report.html.heat_map import HeatCell, heat_map, strengths
from simcore.report.html.markup import Content, element
from simcore.report.html.page import paragraph
from simcore.report.html.sweep.view import Row, SweepView, others, value_text
from simcore.report.html.tables import pretty
from simcore.report.numbers import factor, significant, time_ns

_MOST_COLUMNS, _MOST_ROWS = 16, 40
_MOST_MAPS = 6


def maps(view: SweepView) -> Content:
    """Two maps for each pair of fields: how fast, and how much for a joule."""
    pairs = [
        pair
        for pair in combinations(view.fields, 2)
        if all(1 < len(view.values_of(field)) <= _MOST_ROWS for field in pair)
    ]
    if not pairs:
        return None
    drawn = [_maps_of(view, pair) for pair in pairs[: _MOST_MAPS // 2]]
    return element("div", drawn, class_="tables")


def _maps_of(view: SweepView, pair: tuple[str, str]) -> list[Content]:
    # The longer list goes down, where there is room.
    across, down = sorted(pair, key=lambda field: len(view.values_of(field)))
    if len(view.values_of(across)) > _MOST_COLUMNS:
        return []
    rest = others(view.fields, *pair)
    rows = [row for row in view.rows if all(row[f] == view.rows[0][f] for f in rest)]
    fixed = ", ".join(
        f"{view.name_of(field)} {value_text(view.rows[0][field])}" for field in rest
    )
    compared = any(row["speedup"] is not None for row in rows)
    wanted = (
        [
            ("speedup", "Speed-up over K = 0", factor),
            ("tokens_per_joule_ratio", "Tokens per joule relative to K = 0", factor),
        ]
        if compared
        else [
            ("latency_ns_per_token", "Latency per token", time_ns),
            ("tokens_per_joule", "Tokens per joule", significant),
        ]
    )
    around = 1.0 if compared else None
    return [
        _map(view, rows, across, down, column, title, text, around, fixed)
        for column, title, text in wanted
    ]


def _map(
    view: SweepView,
    rows: list[Row],
    across: str,
    down: str,
    column: str,
    title: str,
    text: Any,
    around: float | None,
    fixed: str,
) -> Content:
    known = [row for row in rows if row[column]]
    if not known:
        return figure(title, paragraph("No point has this figure."))
    columns, lines = view.values_of(across), view.values_of(down)
    colours = strengths([row[column] for row in known], around=around)
    cells = {}
    for row, strength in zip(known, colours, strict=True):
        where = (columns.index(row[across]), lines.index(row[down]))
        shown = text(row[column])
        tip = (
            f"{view.name_of(across)} {value_text(row[across])}, "
            f"{view.name_of(down)} {value_text(row[down])}: {shown}"
        )
        cells[where] = HeatCell(str(pretty(shown)), strength, tip)
    best = max(known, key=lambda row: row[column])
    least = column.startswith("latency")
    best = min(known, key=lambda row: row[column]) if least else best
    names = f"{view.name_of(across)} and {view.name_of(down)}"
    name = f"map-{column}-{across}-{down}".replace("_", "-").replace(".", "-").lower()
    said = (
        f"Best: {text(best[column])} at {view.name_of(across)} "
        f"{value_text(best[across])}, {view.name_of(down)} {value_text(best[down])}."
    )
    if around is not None:
        said += " Blue is better than K = 0, orange worse; the stronger, the more."
    if fixed:
        said += f" All with {fixed}."
    header = ["point", across, down, column]
    return figure(
        f"{title} over {names}",
        heat_map(
            name,
            f"{title} over {names}",
            said,
            columns=[value_text(value)[:10] for value in columns],
            rows=[value_text(value)[:14] for value in lines],
            cells=cells,
            x_title=view.name_of(across),
            y_title=view.name_of(down),
        ),
        pretty(said),
        " Numbers: ",
        csv_link(f"{name}.csv", header, [[row[c] for c in header] for row in rows]),
    )
