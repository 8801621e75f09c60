"""Latency and tokens per joule against one swept field, a line for each other point."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from simcore.report.html.download import csv_link
from simcore.report.html.drawing import Axis, figure, legend
from simcore.report.html.lines import (
    Place,
    Ring,
    Series,
    line_chart,
    place_scale,
    value_scale,
)
from simcore.report.html.markup import Content, element
from simcore.report.html.page import paragraph
from simcore.report.html.sweep.view import (
    DRAFT_LENGTH,
    PROMPT_LENGTH,
    Row,
    SweepView,
    is_number,
    others,
    value_text,
)
from simcore.report.html.tables import pretty, shown_unit
from simcore.report.numbers import TIME_PS, counted, factor, fitting_unit, significant

_MOST_LINES = 8
_MOST_TICKS = 9
#: Values that grow by about equal factors are spread by factors.
_BY_FACTORS = 4.0


@dataclass(frozen=True)
class Figure:
    """What is drawn against the field.

    Attributes
    ----------
    column : str
        Of the rows.
    title, unit : str
        In words.
    size : float
        Of the unit, in that of the column.
    text : callable
        A value of the column as people read it.
    baseline : str or None
        Column of the same without speculation.
    level : float or None
        Value to compare with.
    """

    column: str
    title: str
    unit: str
    size: float
    text: Callable[[float], str]
    baseline: str | None = None
    level: float | None = None


def against(view: SweepView, field: str) -> Content:
    """All figures against one field."""
    lines = _lines(view, field)
    shown = _fewer(lines)
    drawn = [
        _picture(view, field, found, shown)
        for found in _figures(view)
        if any(row[found.column] is not None for row in view.rows)
    ]
    left_out = len(lines) - len(shown)
    note = (
        paragraph(
            f"{counted(left_out, 'line is', 'lines are')} not drawn, to keep the "
            "figures readable; the CSV of each figure holds them.",
            class_="soft",
        )
        if left_out
        else None
    )
    return [note, element("div", drawn, class_="figures")]


def _figures(view: SweepView) -> list[Figure]:
    known = [row["latency_ns_per_token"] for row in view.rows]
    smallest = min(value for value in known if value is not None)
    size, unit = fitting_unit(smallest * 1e3, TIME_PS)
    return [
        Figure(
            "latency_ns_per_token",
            "Latency per token",
            shown_unit(unit),
            size / 1e3,
            lambda value: str(pretty(f"{significant(value * 1e3 / size)} {unit}")),
            "baseline_latency_ns_per_token",
        ),
        Figure(
            "tokens_per_joule",
            "Tokens per joule",
            "tokens/J",
            1.0,
            lambda value: f"{significant(value)} tokens/J",
            "baseline_tokens_per_joule",
        ),
        Figure("speedup", "Speed-up over K = 0", "times", 1.0, factor, level=1.0),
        Figure(
            "tokens_per_joule_ratio",
            "Tokens per joule relative to K = 0",
            "times",
            1.0,
            factor,
            level=1.0,
        ),
    ]


@dataclass(frozen=True)
class _Line:
    name: str
    rows: list[Row]


def _lines(view: SweepView, field: str) -> list[_Line]:
    """Points that differ in this field alone, ascending in it."""
    rest = others(view.fields, field)
    groups: dict[tuple[Any, ...], list[Row]] = {}
    for row in view.rows:
        groups.setdefault(tuple(row[name] for name in rest), []).append(row)
    order = {value: i for i, value in enumerate(view.values_of(field))}
    found = []
    for key, rows in groups.items():
        name = ", ".join(
            f"{view.name_of(f)} {value_text(v)}" for f, v in zip(rest, key, strict=True)
        )
        rows = sorted(rows, key=lambda row: order[row[field]])
        found.append(_Line(name or view.scenario.name, rows))
    # The baseline has a line of its own; one of K = 0 would lie on it.
    compared = any(row["speedup"] is not None for row in view.rows)
    speculative = [line for line in found if any(r["draft_length"] for r in line.rows)]
    return speculative if compared and speculative else found


def _fewer(lines: list[_Line]) -> list[_Line]:
    """At most so many, evenly spread, the first and the last among them."""
    if len(lines) <= _MOST_LINES:
        return lines
    last = len(lines) - 1
    return [lines[round(i * last / (_MOST_LINES - 1))] for i in range(_MOST_LINES)]


def _picture(
    view: SweepView, field: str, found: Figure, lines: Sequence[_Line]
) -> Content:
    values = view.values_of(field)
    numeric = all(map(is_number, values))
    place = {value: float(value) if numeric else i for i, value in enumerate(values)}
    series = [
        _series(line.name, line.rows, field, place, found, colour)
        for colour, line in enumerate(lines)
    ]
    if found.baseline is not None:
        series += _baseline(view, field, place, found, found.baseline)
    series = [one for one in series if one.places]
    everything = [
        p.y + sign * (p.half_width or 0.0)
        for one in series
        for p in one.places
        for sign in (-1, 1)
    ]
    if found.level is not None:
        everything.append(found.level)
    rings = _rings(view, field, found, lines, place)
    x = Axis(
        place_scale(list(place.values()), by_factors=numeric and _by_factors(values)),
        view.name_of(field),
        _ticks(values, place, numeric),
    )
    y = Axis(value_scale(everything, from_zero=True), f"{found.title} ({found.unit})")
    name = f"{found.column}-{field}".replace("_", "-").replace(".", "-")
    name = re.sub(r"[^a-z0-9-]", "", name.lower())
    entries = [(one.fill, one.name) for one in series]
    return figure(
        f"{found.title} against {view.name_of(field)}",
        line_chart(
            name,
            f"{found.title} against {view.name_of(field)}",
            f"{counted(len(series), 'line')} of up to {counted(len(values), 'value')}.",
            series,
            x,
            y,
            rings=rings,
            level=found.level,
        ),
        legend(entries),
        _caption(field, series, found, bool(rings)),
        _csv(view, name, found),
    )


def _caption(
    field: str, series: Sequence[Series], found: Figure, has_rings: bool
) -> str:
    parts = []
    if found.level is not None:
        parts.append("Dashed: as good as without speculation.")
    if any(one.colour is None for one in series):
        parts.append("Dashed: without speculation.")
    if any(place.half_width for one in series for place in one.places):
        parts.append("Upright lines: 95 % intervals.")
    if has_rings and field == DRAFT_LENGTH:
        parts.append("Rings: the best K of each line.")
    elif has_rings:
        parts.append("Rings: where speculation stops to be faster.")
    return f"{' '.join(parts)} " if parts else ""


def _series(
    name: str,
    rows: Sequence[Row],
    field: str,
    place: dict[Any, float],
    found: Figure,
    colour: int | None,
    column: str | None = None,
) -> Series:
    column = column or found.column
    places = []
    for row in rows:
        value = row[column]
        if value is None:
            continue
        half = row.get(f"{column}_half_width")
        places.append(
            Place(
                place[row[field]],
                value / found.size,
                f"{name}, {value_text(row[field])}: {found.text(value)}",
                None if half is None else half / found.size,
            )
        )
    return Series(name, places, colour)


def _baseline(
    view: SweepView,
    field: str,
    place: dict[Any, float],
    found: Figure,
    column: str,
) -> list[Series]:
    """Without speculation, where that is one value at each place of the axis."""
    by_place: dict[Any, Row] = {}
    for row in view.rows:
        value = row[column]
        if value is None:
            continue
        before = by_place.setdefault(row[field], row)[column]
        if abs(before - value) > 1e-9 * abs(before):
            return []
    rows = [by_place[value] for value in place if value in by_place]
    name = "no speculation (K = 0)"
    return [_series(name, rows, field, place, found, None, column)]


def _rings(
    view: SweepView,
    field: str,
    found: Figure,
    lines: Sequence[_Line],
    place: dict[Any, float],
) -> list[Ring]:
    if field == DRAFT_LENGTH:
        return _best(field, found, lines, place)
    if field == PROMPT_LENGTH and found.column in ("latency_ns_per_token", "speedup"):
        return _break_even(view, found, lines)
    return []


def _best(
    field: str, found: Figure, lines: Sequence[_Line], place: dict[Any, float]
) -> list[Ring]:
    """The best value of each line; the smaller K of equals."""
    rings = []
    for line in lines:
        known = [row for row in line.rows if row[found.column] is not None]
        if len(known) < 2:
            continue
        sign = -1 if found.column.startswith("latency") else 1
        best = max(known, key=lambda row: sign * row[found.column])
        value = best[found.column]
        rings.append(
            Ring(
                place[best[field]],
                value / found.size,
                f"{line.name}: best at K = {best[field]}, {found.text(value)}",
            )
        )
    return rings


def _break_even(view: SweepView, found: Figure, lines: Sequence[_Line]) -> list[Ring]:
    """Where a line meets the baseline, on the straight line of the time saved."""
    rest = others(view.fields, PROMPT_LENGTH)
    at = {
        tuple(entry["values"].get(name) for name in rest): entry["equal_at"]
        for entry in view.manifest["findings"]["break_even"]
    }
    rings = []
    for line in lines:
        prompt = at.get(tuple(line.rows[0][name] for name in rest))
        if prompt is None:
            continue
        value = 1.0
        if found.baseline is not None:
            value = _between(line.rows, found.baseline, prompt) / found.size
        tip = f"{line.name}: break-even at {significant(prompt)} tokens"
        rings.append(Ring(prompt, value, tip))
    return rings


def _between(rows: Sequence[Row], column: str, prompt: float) -> float:
    """The value of a column at a prompt length between two rows."""
    after = next(i for i, row in enumerate(rows) if row[PROMPT_LENGTH] >= prompt)
    right, left = rows[after], rows[max(after - 1, 0)]
    width = right[PROMPT_LENGTH] - left[PROMPT_LENGTH]
    part = (prompt - left[PROMPT_LENGTH]) / width if width else 0.0
    value: float = left[column] + part * (right[column] - left[column])
    return value


def _by_factors(values: Sequence[float]) -> bool:
    return min(values) > 0 and max(values) > _BY_FACTORS * len(values) * min(values)


def _ticks(
    values: Sequence[Any], place: dict[Any, float], numeric: bool
) -> list[tuple[float, str]] | None:
    """The values themselves, while there is room for them."""
    if numeric and len(values) > _MOST_TICKS:
        return None
    return [(place[value], value_text(value)[:12]) for value in values]


def _csv(view: SweepView, name: str, found: Figure) -> Content:
    columns = ["point", *view.fields, found.column]
    half = f"{found.column}_half_width"
    columns += [c for c in (half, found.baseline) if c and c in view.rows[0]]
    rows = [[row[column] for column in columns] for row in view.rows]
    return ["Numbers: ", csv_link(f"{name}.csv", columns, rows)]
