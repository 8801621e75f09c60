"""What makes the latency per token better known, and what more runs cannot mend."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from simcore.report.metrics_text import METRICS, metric_text
from simcore.report.numbers import counted, significant

_NAME = "latency_ns_per_token"
_METRIC = next(metric for metric in METRICS if metric.name == _NAME)

_METHODS = {
    "control_variates": "Control variates",
    "post_stratification": "Stratification",
}
_CONTROLS = {
    "bursts": "bursts per request",
    "committed_tokens": "committed tokens",
    "unloaded_latency_ns": "latency of the same bursts alone",
    "accepted": "accepted length",
}


def reduction_line(found: Mapping[str, Any] | None) -> str:
    """The latency per token with less variance, or nothing.

    Parameters
    ----------
    found : mapping or None
        `variance_reduction` of the summary; a run of an earlier version has none.
    """
    reduced = None if found is None else found["metrics"].get(_NAME)
    if found is None or reduced is None:
        return ""
    controls = " and ".join(_CONTROLS[name] for name in found["controls"])
    known = f"{_METHODS[found['method']]}, with the exact mean of {controls}"
    if found["method"] == "post_stratification":
        known = f"{_METHODS[found['method']]} by {controls}"
    factor = reduced["variance_reduction"]
    if factor is None:
        value = metric_text(_METRIC, reduced["value"])
        return f"{known}: no variance is left, {value} per token."
    estimate = metric_text(_METRIC, reduced["value"], reduced["half_width"])
    return (
        f"{known}: {estimate} per token, a variance {significant(factor, 2)} times "
        "smaller."
    )


def input_line(found: Mapping[str, Any] | None) -> str:
    """What the measured acceptance alone leaves open, or nothing.

    Parameters
    ----------
    found : mapping or None
        `input_uncertainty` of the summary.
    """
    if found is None:
        return ""
    interval = found["metrics"].get(_NAME)
    if interval is None:
        return f"Uncertainty of the acceptance itself: none given, {found['reason']}."
    measured = counted(found["n_bursts_measured"], "burst")
    if found["n_requests_measured"] is not None:
        measured += f" of {counted(found['n_requests_measured'], 'request')}"
    low, high = (metric_text(_METRIC, interval[side]) for side in ("low", "high"))
    return (
        f"The acceptance was measured on {measured}; by the closed form that alone "
        f"leaves {low} .. {high} per token, however long the run."
    )
