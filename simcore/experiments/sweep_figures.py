"""The figures of one point of a sweep: by simulation or by the closed form alone."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

from simcore.analysis.burst_model import scenario_burst_model
from simcore.analysis.estimate import Estimate, estimate_scenario
from simcore.analysis.variation import varied
from simcore.config.acceptance import FixedAcceptance
from simcore.config.load import config_sha256
from simcore.config.scenario import ScenarioConfig
from simcore.config.sweep import Method
from simcore.experiments.plan import plan_run
from simcore.experiments.run import simulate

#: Plain data by name; what is not known is None.
Figures = dict[str, Any]

#: In the order of the columns.
METRICS = (
    "latency_ns_per_token",
    "energy_pj_per_token",
    "dynamic_energy_pj_per_token",
    "leakage_energy_pj_per_token",
    "throughput_tokens_per_s",
    "tokens_per_joule",
    "committed_tokens_per_burst",
    "wasted_verify_steps_per_burst",
    "burst_latency_ns",
    "request_latency_ns",
)
QUANTILE_METRICS = ("burst_latency_ns", "request_latency_ns")
QUANTILE_NAMES = ("p50", "p95", "p99")


@dataclass(frozen=True)
class SweepTask:
    """One scenario to work out; points that are the same scenario share it.

    Attributes
    ----------
    label : str
        The first point that needs it, for people.
    scenario : ScenarioConfig
        What is decoded on what.
    method : {"simulate", "estimate"}
        How it is worked out.
    config_sha256 : str
        Of the scenario.
    """

    label: str
    scenario: ScenarioConfig
    method: Method
    config_sha256: str

    @classmethod
    def of(cls, label: str, scenario: ScenarioConfig, method: Method) -> SweepTask:
        """A task with the hash of its scenario."""
        return cls(label, scenario, method, config_sha256(scenario))

    def check(self) -> None:
        """Raise what would end the task before it begins.

        Raises
        ------
        ProgramError
            If the scenario cannot run on its hardware.
        """
        if self.method == "simulate":
            plan_run(self.scenario)
        else:
            scenario_burst_model(self.scenario)

    def figures(self) -> Figures:
        """Work the scenario out.

        Raises
        ------
        ProgramError, SimulationError
            If it cannot run, or its simulation fails.
        """
        if self.method == "simulate":
            return simulated_figures(self.scenario)
        return estimated_figures(self.scenario)


def baseline_scenario(scenario: ScenarioConfig) -> ScenarioConfig:
    """The same without speculation, as many requests as tell something.

    Parameters
    ----------
    scenario : ScenarioConfig
        A point with draft_length > 0.
    """
    # Without drafts nothing is drawn: requests differ by jitter and arrival alone.
    random = scenario.jitter_cv > 0 or scenario.arrival.kind == "poisson"
    return varied(
        scenario,
        draft_length=0,
        requests=None if random else scenario.streams,
        acceptance=FixedAcceptance(accepted=0),
    )


def estimated_figures(scenario: ScenarioConfig) -> Figures:
    """Figures by the closed form; there are no intervals, quantiles and checks.

    Parameters
    ----------
    scenario : ScenarioConfig
        A point.

    Returns
    -------
    dict
        The figures of one row, `baseline_*` included, and its `warnings`.
    """
    estimate = estimate_scenario(scenario)
    expected = estimate.expectation
    metrics, baseline = estimate.metrics, estimate.verdict.baseline.metrics()
    return {
        "requests": None,
        "bursts": None,
        "tokens": None,
        **{name: metrics[name] for name in METRICS},
        **{f"{name}_half_width": None for name in METRICS},
        **{f"{name}_{q}": None for name in QUANTILE_METRICS for q in QUANTILE_NAMES},
        "accepted_plus_one_per_burst": expected.accepted_tokens / expected.bursts + 1,
        "busiest_resource": None,
        "busiest_utilization": None,
        "checks_hold": None,
        **{f"baseline_{name}": finite(baseline[name]) for name in METRICS},
        **_closed_form(estimate),
        "warnings": list(estimate.warnings),
    }


def simulated_figures(scenario: ScenarioConfig) -> Figures:
    """Figures by simulation, with the closed form beside them.

    Parameters
    ----------
    scenario : ScenarioConfig
        A point.

    Returns
    -------
    dict
        The figures of one row, without those of a baseline, and its `warnings`.
    """
    result = simulate(scenario)
    summary = result.summary
    counts, busiest = summary["counts"], summary["utilization"]["busiest"]
    return {
        **{name: counts[name] for name in ("requests", "bursts", "tokens")},
        **{name: finite(result.metrics[name]["value"]) for name in METRICS},
        **{
            f"{name}_half_width": finite(result.metrics[name]["half_width"])
            for name in METRICS
        },
        **{
            f"{name}_{q}": finite(summary["quantiles"][name][q]["value"])
            for name in QUANTILE_METRICS
            for q in QUANTILE_NAMES
        },
        "accepted_plus_one_per_burst": counts["accepted_tokens"] / counts["bursts"] + 1,
        "busiest_resource": busiest["name"],
        "busiest_utilization": busiest["ratio"],
        "checks_hold": result.holds,
        **_closed_form(estimate_scenario(scenario)),
        "warnings": list(summary["warnings"]),
    }


def _closed_form(estimate: Estimate) -> Figures:
    verdict, scenario = estimate.verdict, estimate.scenario
    baseline = verdict.baseline.metrics()["tokens_per_joule"]
    ratio = estimate.metrics["tokens_per_joule"] / baseline if baseline else None
    return {
        **{f"closed_form_{name}": finite(estimate.metrics[name]) for name in METRICS},
        "closed_form_speedup": finite(verdict.speedup),
        "closed_form_tokens_per_joule_ratio": ratio,
        "closed_form_break_even_committed_tokens": finite(
            verdict.break_even_committed_tokens
        ),
        "break_even_power_w": finite(verdict.break_even_power_w),
        "closed_form_follows": not scenario.event_only,
        "area_mm2": estimate.area.on_chip_mm2,
        "off_chip_hbm_mm2": estimate.area.off_chip_hbm_mm2,
        "leakage_power_nw": estimate.expectation.leakage_power_nw,
    }


def finite(value: float | None) -> float | None:
    """The value, None in place of NaN and infinities."""
    return value if value is not None and math.isfinite(value) else None
