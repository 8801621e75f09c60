"""What a run folder says of its run: what was asked, where it ran, what it found."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import simcore
from simcore.analysis.check import Check
from simcore.analysis.estimate import estimate_scenario
from simcore.analysis.input_uncertainty import input_uncertainty
from simcore.analysis.variance_reduction import reduce_variance
from simcore.config.load import config_dict, config_sha256
from simcore.config.scenario import ScenarioConfig
from simcore.experiments.engines import EngineChoice
from simcore.experiments.gather import Columns, Gathered
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.plan import RunPlan
from simcore.experiments.provenance import provenance


def resume_record(plan: RunPlan, how: HowToRun) -> dict[str, Any]:
    """What `resume` needs to complete the run.

    Parameters
    ----------
    plan : RunPlan
        What is simulated.
    how : HowToRun
        Whether there is a cross-check.
    """
    return {
        **_asked(plan, how),
        "simcore_version": simcore.__version__,
    }


def run_manifest(
    plan: RunPlan, how: HowToRun, gathered: Gathered, choice: EngineChoice
) -> dict[str, Any]:
    """Everything a reader needs to know of the run; host and versions only here.

    Parameters
    ----------
    plan : RunPlan
        What was simulated.
    how : HowToRun
        Whether there is a cross-check.
    gathered : Gathered
        All shards.
    choice : EngineChoice
        Which engine simulated.
    """
    return {
        "scenario": plan.scenario.name,
        **_asked(plan, how),
        "seed": plan.scenario.seed,
        "timed_transfers": plan.program.times_transfers,
        "trace": plan.trace,
        "engine": asdict(choice),
        "counts": {
            "replications": plan.replications,
            "traced_replications": plan.traced_replications,
            "requests": plan.scenario.workload.requests,
            "bursts": gathered.sums.bursts,
            "operations_per_burst": plan.holds_per_burst,
            "rows_per_burst": plan.rows_per_burst,
        },
        **provenance(),
    }


def _asked(plan: RunPlan, how: HowToRun) -> dict[str, Any]:
    return {
        "config": config_dict(plan.scenario),
        "config_sha256": config_sha256(plan.scenario),
        "processes": plan.process_names,
        "cross_checked": how.cross_check,
    }


def run_summary(
    plan: RunPlan,
    results: Mapping[str, Any],
    columns: tuple[Columns, Columns],
    checks: Sequence[Check],
) -> dict[str, Any]:
    """The results and what stands beside them, as in `summary.json`.

    Parameters
    ----------
    plan : RunPlan
        What was simulated.
    results : mapping
        As `simcore.analysis.metrics.summarize` gives them.
    columns : tuple of mapping
        Of bursts and of requests.
    checks : sequence of Check
        The cross-check.
    """
    return {
        **results,
        **_uncertainty(plan, columns),
        **_context(plan.scenario, checks),
        "skipped": plan.skipped,
    }


def _uncertainty(plan: RunPlan, columns: tuple[Columns, Columns]) -> dict[str, Any]:
    """What is known better than the run alone says, and what no run can mend."""
    reduced = reduce_variance(plan.program, plan.expected, *columns)
    measured = input_uncertainty(plan.scenario)
    return {
        "variance_reduction": reduced.as_dict(),
        "input_uncertainty": None if measured is None else measured.as_dict(),
    }


def _context(scenario: ScenarioConfig, checks: Sequence[Check]) -> dict[str, Any]:
    """What stands beside the results: closed form, checks, switches, coverage."""
    estimate = estimate_scenario(scenario)
    closed_form: dict[str, Any] = estimate.to_dict()
    differences = estimate.scenario.accounting.event_differences()
    warnings: Sequence[str] = closed_form.pop("warnings")
    return {
        "accounting": closed_form.pop("accounting"),
        "coverage": closed_form.pop("coverage"),
        "warnings": [*warnings, *differences],
        "closed_form": closed_form,
        "cross_check": [asdict(check) for check in checks],
    }
