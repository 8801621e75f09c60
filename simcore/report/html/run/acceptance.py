"""Accepted lengths: how often each occurs, and whether neighbours are alike."""

from __future__ import annotations

import math
from itertools import pairwise

import numpy as np

from simcore.analysis.statistics import autocorrelation, pairs_at_lag
from simcore.config.acceptance import BurstReplayAcceptance, PositionReplayAcceptance
from simcore.program.outcomes import accepted_probabilities
from simcore.report.facts import acceptance_text
from simcore.report.html.columns import Column, column_chart
from simcore.report.html.drawing import figure, legend
from simcore.report.html.markup import Content, element
from simcore.report.html.page import paragraph
from simcore.report.html.run.view import NO_BURSTS, RunView
from simcore.report.html.tables import pretty
from simcore.report.numbers import count, counted, percent, significant

_MOST_LAGS = 12
#: Half-width of a 95 % interval of a standard normal value.
_NORMAL = 1.96


def acceptance(view: RunView) -> Content:
    """Histogram beside autocorrelation."""
    scenario = view.scenario
    if not scenario.workload.draft_length:
        return paragraph("Nothing is drafted (K = 0), so nothing is accepted.")
    return [
        paragraph(pretty(f"Acceptance: {acceptance_text(scenario.acceptance)}.")),
        element("div", _histogram(view), _autocorrelation(view), class_="figures"),
    ]


def _histogram(view: RunView) -> Content:
    found = {
        int(accepted): n for accepted, n in view.summary["accepted_histogram"].items()
    }
    bursts = sum(found.values())
    columns = [
        Column(
            accepted - 0.5,
            accepted + 0.5,
            n,
            f"{count(n)} bursts accept {accepted}: {percent(n / bursts)}",
        )
        for accepted, n in sorted(found.items())
    ]
    expected = _expected(view, bursts)
    mean = sum(accepted * n for accepted, n in found.items()) / bursts
    chart = column_chart(
        "accepted",
        "How many drafts bursts accept",
        f"Histogram over {counted(bursts, 'burst')}; {significant(mean)} on average.",
        columns,
        x_title="accepted drafts of a burst",
        y_title="bursts",
        x_ticks=_whole_ticks(sorted(found)),
        expected=expected,
    )
    text = f"{counted(bursts, 'burst')}, on average {significant(mean)} accepted."
    entries = [("f0", "simulated")]
    if expected:
        entries.append(("f1", "expected by the acceptance model"))
    return figure("Accepted drafts per burst", [chart], legend(entries), text)


def _whole_ticks(values: list[int]) -> list[tuple[float, str]]:
    every = max(math.ceil(len(values) / 11), 1)
    return [(value, str(value)) for value in values[::every]]


def _expected(view: RunView, bursts: int) -> list[tuple[float, float]]:
    model = view.scenario.acceptance
    if isinstance(model, BurstReplayAcceptance | PositionReplayAcceptance):
        return []
    chances = accepted_probabilities(model, view.scenario.workload.draft_length)
    return [(accepted, float(p) * bursts) for accepted, p in enumerate(chances)]


def _autocorrelation(view: RunView) -> Content:
    if view.bursts is None:
        return figure("Autocorrelation of accepted drafts", paragraph(NO_BURSTS))
    keys = (view.bursts["replication"] << 32) + view.bursts["request"]
    borders = [0, *(np.flatnonzero(np.diff(keys)) + 1).tolist(), keys.size]
    accepted = view.bursts["accepted"].astype(np.float64)
    series = [accepted[first:last] for first, last in pairwise(borders)]
    longest = max(s.size for s in series)
    lags = range(1, min(_MOST_LAGS, longest - 1) + 1)
    found = {lag: autocorrelation(series, lag) for lag in lags}
    known = {lag: value for lag, value in found.items() if value is not None}
    if not known:
        return figure(
            "Autocorrelation",
            paragraph("Not defined: too few bursts in a request, or all accept alike."),
        )
    pairs = pairs_at_lag((s.size for s in series), 1)
    band = _NORMAL / math.sqrt(pairs)
    chart = column_chart(
        "autocorrelation",
        "Autocorrelation of accepted lengths",
        f"At lag 1 it is {significant(known.get(1, 0.0), 2)}; independent bursts stay "
        f"within {significant(band, 2)} 19 times of 20.",
        [
            Column(lag - 0.4, lag + 0.4, value, f"lag {lag}: {significant(value)}")
            for lag, value in known.items()
        ],
        x_title="bursts apart, within a request",
        y_title="correlation",
        x_ticks=_whole_ticks(list(known)),
        levels=(band, -band),
    )
    text = (
        "Dashes: where independent bursts stay 19 times of 20 (at lag 1). Beyond them "
        "easy and hard passages follow each other, and tails are longer than those of "
        "independent draws."
    )
    return figure("Autocorrelation of accepted drafts", chart, text)
