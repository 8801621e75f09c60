"""The metrics table: simulated beside closed form, or closed form alone."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, NamedTuple

from simcore.report.layout import table
from simcore.report.numbers import (
    ENERGY_PJ,
    TIME_PS,
    Scale,
    counted,
    difference,
    plus_minus,
    significant,
    time_ns,
)


class Metric(NamedTuple):
    """How one metric is shown."""

    name: str
    label: str
    scale: Scale | None
    to_base: float = 1.0
    unit: str = ""


#: In the order of the report; `to_base` turns the metric into the scale's base unit.
METRICS = (
    Metric("committed_tokens_per_burst", "tokens per burst", None),
    Metric("latency_ns_per_token", "latency per token", TIME_PS, 1e3),
    Metric("throughput_tokens_per_s", "throughput", None, unit="tokens/s"),
    Metric("energy_pj_per_token", "energy per token", ENERGY_PJ),
    Metric("dynamic_energy_pj_per_token", "  dynamic", ENERGY_PJ),
    Metric("leakage_energy_pj_per_token", "  leakage", ENERGY_PJ),
    Metric("tokens_per_joule", "efficiency", None, unit="tokens/J"),
    Metric("wasted_verify_steps_per_burst", "wasted steps per burst", None),
    Metric("burst_latency_ns", "latency per burst", TIME_PS, 1e3),
    Metric("request_latency_ns", "latency per request", TIME_PS, 1e3),
)

_STEPS = {
    "draft": "one draft step alone",
    "verify_drafted": "one verify step alone",
    "verify_bonus": "the bonus step alone",
}


def metric_text(metric: Metric, value: float, half_width: float | None = None) -> str:
    """One metric with its interval and unit."""
    width = None if half_width is None else half_width * metric.to_base
    text = plus_minus(value * metric.to_base, width, metric.scale)
    return f"{text} {metric.unit}".rstrip()


def compared_metrics(
    simulated: Mapping[str, Mapping[str, Any]], closed_form: Mapping[str, float]
) -> str:
    """Simulation with its 95 % interval, the closed form, and how far it errs.

    Parameters
    ----------
    simulated : mapping
        `value` and `half_width` (or null) by metric.
    closed_form : mapping
        Value by metric.
    """
    rows = []
    for metric in METRICS:
        found = simulated.get(metric.name)
        if found is None:
            continue
        value, expected = found["value"], closed_form.get(metric.name)
        cells = [metric.label, metric_text(metric, value, found["half_width"])]
        if expected is None:
            cells += ["-", "-"]
        else:
            cells += [metric_text(metric, expected), difference(expected, value)]
        rows.append(cells)
    return table(rows, header=["", "simulated", "closed form", "error"])


def plain_metrics(metrics: Mapping[str, float], step_ns: Mapping[str, float]) -> str:
    """Values alone.

    Parameters
    ----------
    metrics : mapping
        Value by metric.
    step_ns : mapping
        Time of one step alone at the prompt's context, by phase.
    """
    rows = [
        [metric.label, metric_text(metric, metrics[metric.name])]
        for metric in METRICS
        if metric.name in metrics
    ]
    rows += [
        [label, time_ns(step_ns[phase])]
        for phase, label in _STEPS.items()
        if phase in step_ns
    ]
    return table(rows)


def quantile_lines(quantiles: Mapping[str, Mapping[str, Mapping[str, Any]]]) -> str:
    """Median and tails of the latencies, with the bounds of the tail."""
    rows = []
    for name, label in (
        ("burst_latency_ns", "latency per burst"),
        ("request_latency_ns", "latency per request"),
    ):
        found = quantiles[name]
        cells = [time_ns(found[q]["value"]) for q in ("p50", "p95", "p99")]
        rows.append([label, *cells, _interval(found["p99"])])
    return table(rows, header=["", "p50", "p95", "p99", "95 % interval of p99"])


def _interval(found: Mapping[str, Any]) -> str:
    low, high = found["low"], found["high"]
    if low is None or high is None:
        return "too few samples"
    return f"{time_ns(low)} .. {time_ns(high)}"


def precision_line(
    summary: Mapping[str, Any], aim: float = 0.01, *, shared: bool = False
) -> str:
    """How well the latency per token is known, and how much more would do.

    Parameters
    ----------
    summary : mapping
        As in summary.json.
    aim : float
        Wanted half-width relative to the value.
    shared : bool
        Whether requests share a chip: then only replications are independent.
    """
    found = summary["metrics"]["latency_ns_per_token"]
    each = "replication" if shared else "request"
    if found["half_width"] is None or not found["value"]:
        return f"One {each} gives no interval; simulate more with --requests."
    width = found["half_width"] / found["value"]
    over = f"{each}s, which are independent"
    if found.get("method") == "batch_means":
        length = counted(found["batch_bursts"], "burst")
        over = f"{found['n']} batches of {length} in time order, as {each}s are few"
    meaning = f"+- is half of a 95 % interval over {over}."
    shown = f"{significant(width * 100, 2)} %"
    if width <= aim:
        return f"{meaning} The latency per token is within {shown}."
    wanted = f"{significant(aim * 100, 1)} %"
    # What is simulated more are requests or replications, whatever `n` counts; older
    # runs have no other unit.
    now = summary.get("intervals", {}).get("n_clusters", found["n"])
    more = math.ceil(now * ((width / aim) ** 2 - 1))
    return (
        f"{meaning} The latency per token is within {shown}, not yet {wanted}: "
        f"simulate about {counted(more, f'more {each}')}."
    )
