"""Does speculation pay: break-even beside what was committed, energy, power."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

from simcore.report.layout import table
from simcore.report.metrics_text import METRICS, metric_text
from simcore.report.numbers import factor, power_w, significant, time_ns

NO_SPECULATION = "No speculation here: K = 0, one token at a time."
SPECULATION_TITLE = (
    "Against one token at a time (K = 0, same chip, schedule and switches)"
)

_ENERGY = next(metric for metric in METRICS if metric.name == "energy_pj_per_token")


def speculation_section(
    closed_form: Mapping[str, Any],
    summary: Mapping[str, Any] | None = None,
) -> str:
    """Speculative decoding against one token at a time on the same chip.

    Parameters
    ----------
    closed_form : mapping
        As `Estimate.to_dict`.
    summary : mapping or None
        Of a run; where given, speed-up and committed tokens are the simulated ones.
    """
    if not closed_form["draft_length"]:
        return NO_SPECULATION
    rows = speculation_rows(closed_form, summary)
    width = max(len(row[1]) for row in rows)
    aligned = table([[a, b.rjust(width), c] for a, b, c in rows], left=3)
    return f"{SPECULATION_TITLE}\n{aligned}"


def speculation_rows(
    closed_form: Mapping[str, Any],
    summary: Mapping[str, Any] | None = None,
) -> list[list[str]]:
    """Name, value and meaning of each figure of `speculation_section`."""
    baseline = closed_form["baseline"]["metrics"]
    base_latency = baseline["latency_ns_per_token"]
    if summary is None:
        request = closed_form["request"]
        speedup = closed_form["ratio"]["speedup"]
        committed = closed_form["metrics"]["committed_tokens_per_burst"]
        drawn = 1 + request["accepted_tokens"] / request["bursts"]
    else:
        metrics, counts = summary["metrics"], summary["counts"]
        latency = metrics["latency_ns_per_token"]["value"]
        speedup = base_latency / latency if latency else None
        committed = metrics["committed_tokens_per_burst"]["value"]
        drawn = 1 + counts["accepted_tokens"] / counts["bursts"]
    pays = speedup is not None and speedup > 1
    c_star = closed_form["break_even_committed_tokens"]
    return [
        [
            "speed-up",
            _or_dash(speedup, factor),
            "speculation pays here" if pays else "speculation does not pay here",
        ],
        ["C*", _or_dash(c_star, significant), "tokens per burst to break even"],
        ["E[a+1]", significant(drawn), "tokens per burst, as accepted"],
        *_cut(committed, drawn),
        ["latency", time_ns(base_latency), "per token without speculation"],
        [
            "energy",
            metric_text(_ENERGY, baseline["energy_pj_per_token"]),
            "per token without speculation",
        ],
        [
            "dynamic energy",
            _or_dash(closed_form["ratio"]["dynamic_energy"], factor),
            "per token, relative to no speculation",
        ],
        ["break-even power", *_break_even_power(closed_form["break_even_power_w"])],
    ]


def _cut(committed: float, drawn: float) -> list[list[str]]:
    """What max_tokens leaves of the last burst of a request, where that matters."""
    if math.isclose(committed, drawn, rel_tol=1e-9):
        return []
    note = "tokens per burst, the last one cut at max_tokens"
    return [["committed", significant(committed), note]]


def _or_dash(value: float | None, show: Callable[[float], str]) -> str:
    return "-" if value is None or math.isnan(value) else show(value)


def _break_even_power(power: float | None) -> tuple[str, str]:
    if power is None:
        return "-", "no time is saved: tokens/J cannot improve"
    if power == 0:
        return "0 W", "tokens/J improves at any static power"
    return power_w(power), "static power above which tokens/J improves"
