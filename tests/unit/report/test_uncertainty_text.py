"""The two sentences on what sharpens and what limits the latency per token."""

from __future__ import annotations

from typing import Any

from simcore.report.uncertainty_text import input_line, reduction_line


def reduction(method: str, controls: list[str], factor: float | None) -> dict[str, Any]:
    latency = {
        "value": 4060.0,
        "half_width": 8.0,
        "plain_half_width": 80.0,
        "variance_reduction": factor,
    }
    return {
        "method": method,
        "controls": controls,
        "metrics": {"latency_ns_per_token": latency},
    }


def test_control_variates_name_what_is_known() -> None:
    found = reduction("control_variates", ["unloaded_latency_ns", "bursts"], 99.6)
    assert reduction_line(found) == (
        "Control variates, with the exact mean of latency of the same bursts alone "
        "and bursts per request: 4.060 +- 0.008 us per token, a variance 100 times "
        "smaller."
    )


def test_strata_that_leave_nothing() -> None:
    found = reduction("post_stratification", ["accepted"], None)
    assert reduction_line(found) == (
        "Stratification by accepted length: no variance is left, 4.06 us per token."
    )


def test_nothing_is_said_where_there_is_nothing() -> None:
    assert reduction_line(None) == ""
    assert reduction_line({"method": None, "controls": [], "metrics": {}}) == ""
    assert input_line(None) == ""


def test_the_measured_acceptance_and_what_it_leaves_open() -> None:
    interval = {"low": 95e3, "value": 106e3, "high": 120e3}
    found: dict[str, Any] = {
        "n_bursts_measured": 14,
        "n_requests_measured": None,
        "metrics": {"latency_ns_per_token": interval},
        "reason": "",
    }
    assert input_line(found) == (
        "The acceptance was measured on 14 bursts; by the closed form that alone "
        "leaves 95.0 us .. 120 us per token, however long the run."
    )
    assert "on 14 bursts of 1 request;" in input_line(
        found | {"n_requests_measured": 1}
    )
    none = {"metrics": {}, "reason": "2 recorded requests, fewer than 5"}
    assert input_line(none) == (
        "Uncertainty of the acceptance itself: none given, 2 recorded requests, fewer "
        "than 5."
    )
