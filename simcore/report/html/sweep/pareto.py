"""The Pareto front: what no other point beats in time, energy and area."""

from __future__ import annotations

from typing import Any

from simcore.report.html.download import csv_link
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
    figure,
    legend,
)
from simcore.report.html.lines import dot
from simcore.report.html.markup import Content, element
from simcore.report.html.page import paragraph
from simcore.report.html.scale import Scale, covering, covering_by_factors
from simcore.report.html.sweep.view import Row, SweepView, value_text
from simcore.report.html.tables import Cell, pretty, shown_unit, table
from simcore.report.numbers import (
    ENERGY_PJ,
    TIME_PS,
    counted,
    energy_pj,
    fitting_unit,
    significant,
    time_ns,
)

_COLUMNS = ("latency_ns_per_token", "energy_pj_per_token", "area_mm2")
#: What says which work is done: points of different work are not compared.
_WORK = frozenset({"prompt_length", "max_tokens", "mode", "requests"})
_WORK_SECTIONS = frozenset(
    {"model", "acceptance", "streams", "arrival", "jitter_cv", "seed"}
)
_MOST_ROWS = 40


def pareto(view: SweepView) -> Content:
    """Time against energy with the front, and the front as a table."""
    known = [
        row
        for row in view.rows
        if row["latency_ns_per_token"] and row["energy_pj_per_token"]
    ]
    front = [row for row in known if row["pareto"]]
    if not front:
        return paragraph("No point has both time and energy.")
    work = _work_fields(view)
    among = "all points"
    if work:
        names = ", ".join(view.name_of(field) for field in work)
        among = f"points of the same {names}, as other work is no better chip"
    intro = (
        f"{counted(len(front), 'point')} of {len(view.rows)} on the Pareto front of "
        f"time per token, energy per token and area, among {among}."
    )
    return [
        paragraph(intro),
        element(
            "div",
            _picture(view, known, work),
            element("div", _table(view, front)),
            class_="figures",
        ),
    ]


def _work_fields(view: SweepView) -> list[str]:
    return [
        field
        for field in view.fields
        if field.partition(".")[0] in _WORK_SECTIONS
        or field.removeprefix("workload.") in _WORK
    ]


def _picture(view: SweepView, rows: list[Row], work: list[str]) -> Content:
    groups: dict[tuple[Any, ...], int] = {}
    for row in rows:
        groups.setdefault(tuple(row[field] for field in work), len(groups))
    x, x_size = _axis(rows, "latency_ns_per_token", 1e3, TIME_PS, LEFT, WIDTH - RIGHT)
    y, y_size = _axis(rows, "energy_pj_per_token", 1.0, ENERGY_PJ, HEIGHT - BOTTOM, TOP)
    dots = []
    for row in sorted(rows, key=lambda row: bool(row["pareto"])):
        place = x.scale(row["latency_ns_per_token"] / x_size)
        height = y.scale(row["energy_pj_per_token"] / y_size)
        if row["pareto"]:
            colour = groups[tuple(row[field] for field in work)] % N_COLOURS
            dots.append(dot(place, height, 4.2, f"f{colour}", _tip(view, row)))
        else:
            dots.append(dot(place, height, 3, "f7 dominated", _tip(view, row)))
    entries = [
        (
            f"f{number % N_COLOURS}",
            ", ".join(
                f"{view.name_of(f)} {value_text(v)}"
                for f, v in zip(work, key, strict=True)
            )
            or "on the front",
        )
        for key, number in list(groups.items())[:N_COLOURS]
    ]
    header = ["point", *view.fields, *_COLUMNS, "pareto"]
    return figure(
        "Time and energy per token",
        chart(
            "pareto",
            "Time and energy per token of every point",
            f"{counted(len(rows), 'point')}; better is to the left and below.",
            axes(x, y),
            dots,
        ),
        legend([*entries, ("f7 dominated", "dominated")]),
        "Better is to the left and below. Numbers: ",
        csv_link("pareto.csv", header, [[row[c] for c in header] for row in view.rows]),
    )


def _axis(
    rows: list[Row], column: str, to_base: float, units: Any, start: float, end: float
) -> tuple[Axis, float]:
    """An axis of a column, and the size of its unit in that of the column."""
    values = [row[column] * to_base for row in rows]
    size, unit = fitting_unit(min(values), units)
    shown = [value / size for value in values]
    wide = max(shown) > 8 * min(shown)
    scale: Scale = (
        covering_by_factors(shown, start, end) if wide else covering(shown, start, end)
    )
    what = "time" if column.startswith("latency") else "energy"
    return Axis(scale, f"{what} per token ({shown_unit(unit)})"), size / to_base


def _tip(view: SweepView, row: Row) -> str:
    values = ", ".join(
        f"{view.name_of(field)} {value_text(row[field])}" for field in view.fields
    )
    return pretty(
        f"point {row['point']}: {values}: {time_ns(row['latency_ns_per_token'])}, "
        f"{energy_pj(row['energy_pj_per_token'])}, "
        f"{significant(row['area_mm2'])} mm2"
    )


def _table(view: SweepView, front: list[Row]) -> Content:
    rows: list[list[Cell]] = [
        [
            str(row["point"]),
            *(value_text(row[field]) for field in view.fields),
            time_ns(row["latency_ns_per_token"]),
            energy_pj(row["energy_pj_per_token"]),
            significant(row["area_mm2"]),
        ]
        for row in front[:_MOST_ROWS]
    ]
    more = len(front) - len(rows)
    return [
        table(
            [
                "point",
                *(view.name_of(field) for field in view.fields),
                "time/token",
                "energy/token",
                "mm2",
            ],
            rows,
            caption="On the Pareto front",
        ),
        paragraph(f"... and {counted(more, 'more point')}.") if more > 0 else None,
    ]
