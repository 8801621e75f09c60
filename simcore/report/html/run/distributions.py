"""How latencies are spread, per burst and per request, with their quantiles."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.report.html.columns import Column, column_chart
from simcore.report.html.drawing import Mark, figure
from simcore.report.html.markup import Content, element
from simcore.report.html.page import paragraph
from simcore.report.html.run.view import NO_BURSTS, RunView
from simcore.report.html.tables import pretty, shown_unit, table
from simcore.report.numbers import TIME_PS, counted, fitting_unit, significant, time_ns

_QUANTILES = ("p50", "p95", "p99")
_MOST_BINS = 30


def distributions(view: RunView) -> Content:
    """Histograms side by side, and the quantiles with their intervals."""
    quantiles = view.summary["quantiles"]
    pictures: Content = paragraph(NO_BURSTS)
    if view.bursts is not None and view.request_latency_ps is not None:
        took = view.bursts["end_ps"] - view.bursts["start_ps"]
        latency = view.request_latency_ps
        pictures = element(
            "div",
            _histogram("burst", took, quantiles["burst_latency_ns"]),
            _histogram("request", latency, quantiles["request_latency_ns"]),
            class_="figures",
        )
    return [
        pictures,
        table(
            ["", *(h for q in _QUANTILES for h in (q, "95 % interval"))],
            [
                [f"latency per {what}", *_cells(quantiles[f"{what}_latency_ns"])]
                for what in ("burst", "request")
            ],
            caption="Quantiles",
        ),
    ]


def _cells(found: Mapping[str, Mapping[str, Any]]) -> list[str]:
    cells = []
    for name in _QUANTILES:
        low, high = found[name]["low"], found[name]["high"]
        known = low is not None and high is not None
        interval = f"{time_ns(low)} to {time_ns(high)}" if known else "too few samples"
        cells += [time_ns(found[name]["value"]), interval]
    return cells


def _histogram(
    what: str, took_ps: npt.NDArray[np.int64], quantiles: Mapping[str, Any]
) -> Content:
    size, unit = fitting_unit(float(took_ps.max()), TIME_PS)
    shown = shown_unit(unit)
    low, high = int(took_ps.min()), int(took_ps.max())
    if low == high:
        # All equal: one column around the value.
        low, high = low - max(low // 20, 1), high + max(high // 20, 1)
    n_bins = min(max(round(float(np.sqrt(took_ps.size))), 5), _MOST_BINS)
    edges = np.linspace(low, high, n_bins + 1)
    counts, _ = np.histogram(took_ps, bins=edges)
    edges = edges / size
    columns = [
        Column(
            float(left),
            float(right),
            int(n),
            f"{counted(int(n), what)} from {significant(float(left), 4)} to "
            f"{significant(float(right), 4)} {shown}",
        )
        for left, right, n in zip(edges[:-1], edges[1:], counts, strict=True)
    ]
    marks = [Mark(quantiles[q]["value"] * 1e3 / size, q) for q in _QUANTILES]
    median = pretty(time_ns(quantiles["p50"]["value"]))
    chart = column_chart(
        f"latency-{what}",
        f"Distribution of the latency per {what}",
        f"Histogram of {counted(took_ps.size, what)}; half take at most {median}.",
        columns,
        x_title=f"latency per {what} ({shown})",
        y_title=f"{what}s",
        marks=marks,
    )
    text = f"{counted(int(took_ps.size), what)}; lines at p50, p95 and p99."
    return figure(f"Latency per {what}", chart, text)
