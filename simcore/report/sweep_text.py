"""The report of a sweep: its points as a table, and what they say."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simcore.analysis.sweep_findings import (
    DRAFT_LENGTH,
    PROMPT_LENGTH,
    BestOfGroup,
    BreakEven,
    work_fields,
)
from simcore.config.sweep_points import value_text
from simcore.experiments.sweep import SweepResult
from simcore.report.facts import acceptance_text, warnings_section
from simcore.report.layout import (
    WIDTH,
    paragraph,
    sections,
    shorten,
    shorten_middle,
    table,
)
from simcore.report.numbers import (
    count,
    counted,
    energy_pj,
    factor,
    percent,
    significant,
    time_ns,
)

_SHORT = {DRAFT_LENGTH: "K", PROMPT_LENGTH: "prompt"}
_MOST_ROWS = 100
_MOST_GROUPS = 30
_MOST_WARNINGS = 8
#: Widest column of a swept field; the next one when a line would be too long.
_FIELD_WIDTHS = (16, 11, 7)

Row = Mapping[str, Any]

#: Heading and cells.
_Column = list[str]


def sweep_report(result: SweepResult) -> str:
    """Everything a sweep has to say, at most 80 columns wide.

    Parameters
    ----------
    result : SweepResult
        The sweep.
    """
    names = short_names(result.fields)
    warnings = list(result.warnings)
    if len(warnings) > _MOST_WARNINGS:
        rest = len(warnings) - _MOST_WARNINGS
        warnings[_MOST_WARNINGS:] = [f"... and {rest} more, in --json"]
    parts = [
        _head(result),
        _points_section(result, names),
        _best_section(result.best, names),
        _break_even_section(result.break_even, names),
        _pareto_section(result, names),
        warnings_section(warnings),
        _checks_line(result),
    ]
    if result.path is not None:
        parts.append(f"sweep: {result.path} (sweep.parquet, sweep.csv, sweep.json)")
    return sections(parts)


def sweep_result(result: SweepResult) -> dict[str, Any]:
    """The same for machines: every row with all digits.

    Parameters
    ----------
    result : SweepResult
        The sweep.
    """
    return {
        "scenario": result.scenario.name,
        "seed": result.scenario.seed,
        "path": None if result.path is None else str(result.path),
        "method": result.method,
        "fields": list(result.fields),
        "sweep_sha256": result.sweep_sha256,
        "computed": result.computed,
        "resumed": result.resumed,
        "warnings": list(result.warnings),
        "rows": list(result.rows),
        **result.findings(),
    }


def short_names(fields: Sequence[str]) -> dict[str, str]:
    """A heading for each field: as much of its end as tells it from the others."""
    names = dict(_SHORT)
    for field in fields:
        if field in names:
            continue
        parts = field.split(".")
        for n in range(1, len(parts) + 1):
            name = ".".join(parts[-n:])
            if not any(
                other != field and f".{other}".endswith(f".{name}") for other in fields
            ):
                break
        names[field] = name
    return {field: names[field] for field in fields}


def _head(result: SweepResult) -> str:
    scenario = result.scenario
    how = "simulated" if result.method == "simulate" else "by the closed form"
    title = scenario.name
    if scenario.description is not None:
        title = f"{title}: {scenario.description}"
    what = f"{scenario.model.name} on {scenario.hardware.name}"
    swept = ", ".join(
        f"{field} ({counted(len(_distinct(result.rows, field)), 'value')})"
        for field in result.fields
    )
    lines = [
        paragraph(title, indent="  ", first=""),
        paragraph(what, indent="  "),
        paragraph(f"acceptance {acceptance_text(scenario.acceptance)}", indent="  "),
        paragraph(
            f"{counted(len(result.rows), 'point')} {how}, seed {scenario.seed} at "
            f"every point: {swept}",
            indent="  ",
        ),
    ]
    return "\n".join(lines)


def _distinct(rows: Sequence[Row], field: str) -> list[Any]:
    return list(dict.fromkeys(value_text(row[field]) for row in rows))


def _points_section(result: SweepResult, names: Mapping[str, str]) -> str:
    rows = result.rows[:_MOST_ROWS]
    # What is the same everywhere stands in the head already.
    fields = [f for f in result.fields if len(_distinct(result.rows, f)) > 1]
    figures = _figures(result, rows)
    for most in _FIELD_WIDTHS:
        # By whole names: those of two fields may be the same once they are cut.
        columns: dict[str, _Column] = {"#": ["#", *(str(row["point"]) for row in rows)]}
        for field in fields:
            cells = [shorten(_cell(row[field]), most) for row in rows]
            columns[field] = [shorten_middle(names[field], most), *cells]
        columns |= {name: [name, *cells] for name, cells in figures.items()}
        # What is least missed goes first when a line would be too long.
        for name in ("mm2", "E[a+1]", "C*", "+-", "tokens/J", "speed-up"):
            if _width(columns) > WIDTH:
                columns.pop(name, None)
        if _width(columns) <= WIDTH:
            break
    for field in reversed(fields):
        if _width(columns) > WIDTH:
            columns.pop(field)
    header, *lines = zip(*columns.values(), strict=True)
    text = table(lines, header=header, left=0)
    said = [f"Points (time and energy per token; * on the Pareto front)\n{text}"]
    if len(result.rows) > len(rows):
        rest = counted(len(result.rows) - len(rows), "more point")
        said.append(f"  ... and {rest}, in sweep.csv and --json")
    return "\n".join(said)


def _cell(value: Any) -> str:
    """A swept value; whole numbers with separators."""
    if isinstance(value, int) and not isinstance(value, bool):
        return count(value)
    return "-" if value is None else value_text(value)


def _figures(result: SweepResult, rows: Sequence[Row]) -> dict[str, list[str]]:
    columns = {
        "time": [_shown(row["latency_ns_per_token"], time_ns) for row in rows],
    }
    if result.method == "simulate":
        columns["+-"] = [_relative_half_width(row) for row in rows]
    columns |= {
        "energy": [_shown(row["energy_pj_per_token"], energy_pj) for row in rows],
        "tokens/J": [_shown(row["tokens_per_joule"], significant) for row in rows],
    }
    if any(row["speedup"] is not None for row in rows):
        columns |= {
            "speed-up": [_shown(row["speedup"], factor) for row in rows],
            "C*": [
                _shown(row["break_even_committed_tokens"], significant) for row in rows
            ],
        }
    columns["E[a+1]"] = [
        _shown(row["accepted_plus_one_per_burst"], significant) for row in rows
    ]
    if len({row["area_mm2"] for row in rows}) > 1:
        columns["mm2"] = [_shown(row["area_mm2"], significant) for row in rows]
    columns["*"] = ["*" if row["pareto"] else "" for row in rows]
    return columns


def _shown(value: float | None, text: Any) -> str:
    return "-" if value is None else str(text(value))


def _relative_half_width(row: Row) -> str:
    value, half = row["latency_ns_per_token"], row["latency_ns_per_token_half_width"]
    if half is None or not value:
        return "-"
    # What rounding of floats leaves of a spread of zero is no spread.
    ratio = half / value
    return percent(ratio if ratio > 1e-9 else 0.0)


def _width(columns: Mapping[str, _Column]) -> int:
    widths = [max(map(len, column)) for column in columns.values()]
    return 2 + sum(widths) + 2 * (len(widths) - 1)


def _best_section(best: Sequence[BestOfGroup], names: Mapping[str, str]) -> str:
    return _groups_section(
        "Best K",
        best,
        names,
        {
            "by tokens/s": [_shown(b.draft_length_by_throughput, str) for b in best],
            "speed-up": [_shown(b.speedup, factor) for b in best],
            "by tokens/J": [
                _shown(b.draft_length_by_tokens_per_joule, str) for b in best
            ],
        },
    )


def _break_even_section(found: Sequence[BreakEven], names: Mapping[str, str]) -> str:
    return _groups_section(
        "Break-even prompt lengths, against one token at a time (K = 0)",
        found,
        names,
        {
            "faster up to": [_shown(b.faster_up_to, count) for b in found],
            "equal at": [_shown(b.equal_at, significant) for b in found],
            "slower from": [_shown(b.slower_from, count) for b in found],
            "more tokens/J from": [
                _shown(b.tokens_per_joule_from, count) for b in found
            ],
        },
    )


def _groups_section(
    title: str,
    groups: Sequence[BestOfGroup | BreakEven],
    names: Mapping[str, str],
    figures: Mapping[str, Sequence[str]],
) -> str:
    """A row for each group of points: the values that they share, then figures."""
    if not groups:
        return ""
    fields = list(groups[0].values)
    header = [
        *(shorten_middle(names[field], _FIELD_WIDTHS[0]) for field in fields),
        *figures,
    ]
    columns = [
        *([_cell(group.values[field]) for group in groups] for field in fields),
        *figures.values(),
    ]
    rows = [list(cells) for cells in zip(*columns, strict=True)]
    text = f"{title}\n{table(rows[:_MOST_GROUPS], header=header, left=0)}"
    if len(groups) > _MOST_GROUPS:
        text += f"\n  ... and {count(len(groups) - _MOST_GROUPS)} more, in --json"
    return text


def _pareto_section(result: SweepResult, names: Mapping[str, str]) -> str:
    work = work_fields(result.fields)
    among = "of all points"
    if work:
        same = ", ".join(names[field] for field in work)
        among = f"of points with the same {same}"
    front = [row for row in result.rows if row["pareto"]]
    said = (
        f"{counted(len(front), 'point')} on the Pareto front (time per token, energy "
        f"per token, area) {among}"
    )
    if len(front) <= _MOST_GROUPS:
        said += f": {', '.join(str(row['point']) for row in front)}"
    return paragraph(said, indent="  ", first="")


def _checks_line(result: SweepResult) -> str:
    checked = [row for row in result.rows if row["checks_hold"] is not None]
    if not checked:
        return "checks: none, as nothing was simulated"
    bad = [str(row["point"]) for row in checked if not row["checks_hold"]]
    if not bad:
        return f"checks: all hold at {counted(len(checked), 'point')}"
    text = f"checks: do NOT hold at {counted(len(bad), 'point')}: {', '.join(bad)}"
    return paragraph(text, indent="  ", first="")
