"""Two runs side by side, at most 80 columns wide."""

from __future__ import annotations

from typing import Any

from simcore.analysis.divergence import Divergence
from simcore.analysis.paired import Comparison, MetricDifference
from simcore.errors import printable
from simcore.experiments.compare import RunComparison
from simcore.program.operation import LAYER_GATE
from simcore.report.layout import paragraph, sections, shorten, table
from simcore.report.metrics_text import METRICS, metric_text
from simcore.report.numbers import counted, plus_minus, significant, time_ps

_MOST_SETTINGS = 20
_VALUE_WIDTH = 22


def compare_report(found: RunComparison) -> str:
    """Everything a comparison has to say.

    Parameters
    ----------
    found : RunComparison
        Of runs A and B.
    """
    a, b = found.names
    return sections(
        [
            f"A: {a}\nB: {b}",
            _settings(found),
            _metrics(found.comparison),
            paragraph(_basis(found.comparison), indent="  ", first=""),
            _events(found.events, found.divergence),
        ]
    )


def _settings(found: RunComparison) -> str:
    if not found.settings:
        return "Settings: the same"
    rows = [
        [
            difference.path,
            shorten(_value(difference.a), _VALUE_WIDTH),
            shorten(_value(difference.b), _VALUE_WIDTH),
        ]
        for difference in found.settings[:_MOST_SETTINGS]
    ]
    more = len(found.settings) - _MOST_SETTINGS
    lines = [
        f"Settings: {counted(len(found.settings), 'difference')}",
        table(rows, header=["", "A", "B"], left=3),
    ]
    if more > 0:
        lines.append(f"  and {more} more; --json lists them all")
    return "\n".join(lines)


def _value(value: Any) -> str:
    return value if isinstance(value, str) else printable(value)


def _metrics(comparison: Comparison) -> str:
    rows = []
    for metric in METRICS:
        pair = comparison.metrics.get(metric.name)
        if pair is not None:
            rows.append(
                [
                    metric.label,
                    metric_text(metric, pair.first),
                    metric_text(metric, pair.second),
                    _ratio(pair),
                    _verdict(pair),
                ]
            )
    header = ["Results", "A", "B", "B / A", ""]
    return table(rows, header=header, indent="")


def _ratio(pair: MetricDifference) -> str:
    if pair.ratio is None:
        return "-"
    return plus_minus(pair.ratio.value, pair.ratio.half_width, None)


def _verdict(pair: MetricDifference) -> str:
    """Whether the interval of the difference leaves out zero."""
    difference = pair.difference
    if difference.value == 0:
        return "same"
    if difference.half_width is None:
        return ""
    if abs(difference.value) <= difference.half_width:
        return "unclear"
    return "higher" if difference.value > 0 else "lower"


def _basis(comparison: Comparison) -> str:
    level = f"{100 * comparison.confidence:g}"
    n, m = comparison.units
    if not comparison.paired:
        return (
            f"{level} % intervals of independent runs ({n} and {m} {comparison.unit}): "
            f"{comparison.reason}."
        )
    shown = comparison.metrics.get("latency_ns_per_token")
    correlation = "" if shown is None else _correlation(shown.correlation)
    return (
        f"{level} % intervals over {n} pairs of {comparison.unit} with the same random "
        f"numbers{correlation}. Unclear: the interval of the difference holds zero."
    )


def _correlation(value: float | None) -> str:
    if value is None:
        return ""
    return f" (correlation of the latency per token {significant(value, 2)})"


def _events(events: str, divergence: Divergence | None) -> str:
    if divergence is None:
        return f"Events: {events}"
    lines = [
        f"Events: the first {divergence.row:,} rows are equal; the next differs in "
        + ", ".join(divergence.differing)
    ]
    rows = [
        paragraph(f"{side}: {_row(row)}", indent="     ", first="  ")
        for side, row in (("A", divergence.a), ("B", divergence.b))
    ]
    return "\n".join([paragraph(lines[0], indent="  ", first=""), *rows])


def _row(row: dict[str, Any] | None) -> str:
    if row is None:
        return "has ended"
    where = "" if row["layer"] is None else f" layer {row['layer']}"
    step = "" if row["step"] is None else f" step {row['step']}"
    # How long a gate is kept was not compared.
    is_gate = row["operation"] == LAYER_GATE
    lasts = "" if is_gate else f", lasts {time_ps(row['duration_ps'])}"
    return (
        f"request {row['request']} burst {row['burst']}: {row['operation']} "
        f"({row['phase']}{step}{where}) on {row['resource']}, ready {row['ready_ps']} "
        f"ps, start {row['start_ps']} ps{lasts}"
    )
