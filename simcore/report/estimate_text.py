"""The report of a closed-form estimate, at one prompt length or over several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from simcore.analysis.estimate import Estimate
from simcore.analysis.hardware_notes import hardware_notes
from simcore.config.acceptance import natural_draft_length
from simcore.config.reading import LENIENT_PROFILE
from simcore.report.breakdown_text import bytes_table, energy_and_time
from simcore.report.estimate_tables import (
    area_section,
    break_even_lines,
    calculator_area_section,
    chip_section,
    k_sweep_section,
    leakage_section,
    sensitivity_section,
)
from simcore.report.facts import (
    basis_section,
    notes_section,
    scenario_lines,
    warnings_section,
)
from simcore.report.layout import paragraph, sections, table
from simcore.report.metrics_text import plain_metrics
from simcore.report.numbers import count, energy_pj, factor, significant, time_ns
from simcore.report.speculation_text import speculation_section

if TYPE_CHECKING:
    from simcore.report.estimate_result import EstimateResult


def estimate_report(result: EstimateResult) -> str:
    """Text of one estimate, or a table with a line for each, and what was asked for.

    Parameters
    ----------
    result : EstimateResult
        The estimates differ in the prompt length.
    """
    first = result.estimates[0]
    data = first.to_dict()
    prompts = [e.scenario.workload.prompt_length for e in result.estimates]
    parts = [
        scenario_lines(
            first.scenario, "closed form, nothing simulated", prompt_lengths=prompts
        )
    ]
    if result.sweep is not None:
        parts.append(_sweep_table(result.estimates))
    else:
        parts += [*prediction_sections(data), *_breakdown_sections(data)]
        parts.append(chip_section(first))
    if result.k_sweep is not None:
        parts.append(k_sweep_section(result.k_sweep))
    if result.with_area:
        tokens = first.metrics["committed_tokens_per_burst"] * data["request"]["bursts"]
        parts += [area_section(first.area), leakage_section(first.leakage, tokens)]
        if data["calculator"] is not None:
            parts.append(calculator_area_section(data["calculator"]["area_mm2"]))
    if result.sensitivity is not None:
        parts.append(sensitivity_section(result.sensitivity))
    parts += [warnings_section(_warnings(result, data)), _notes(result, data)]
    parts.append(
        basis_section(data["accounting"], data["coverage"], first.scenario.hardware)
    )
    return sections([*parts, _calculator_line(data)])


def _warnings(result: EstimateResult, data: dict[str, Any]) -> list[str]:
    """Those of the scenario, and of a sweep over K in one line for all of them."""
    found = list(data["warnings"])
    if result.k_sweep is None:
        return found
    cut = [
        sweep.scenario.workload.draft_length
        for sweep in result.k_sweep.sweeps
        # Nothing is accepted at K = 0, whatever was measured.
        if 0
        < sweep.scenario.workload.draft_length
        < (natural_draft_length(sweep.scenario.acceptance) or 0)
    ]
    if cut:
        measured = natural_draft_length(result.scenario.acceptance)
        lengths = ", ".join(str(k) for k in cut)
        found.append(
            f"K = {lengths} is below the k = {measured} of the acceptance: min(a, K) "
            "is used, which is biased; a position replay serves any draft length."
        )
    return found


def _notes(result: EstimateResult, data: dict[str, Any]) -> str:
    if result.sweep is None:
        return notes_section(data["notes"])
    return notes_section(
        [
            "Speculation pays where the committed tokens per burst are above C*.",
            break_even_lines(result.sweep),
            *hardware_notes(result.scenario.hardware),
            # The other notes carry numbers of one prompt length.
            *data["notes"][-2:],
        ]
    )


def _calculator_line(data: dict[str, Any]) -> str:
    """Where the public calculator's own report is, under its accounting."""
    if data["accounting"]["profile"] != LENIENT_PROFILE:
        return ""
    if data["calculator"] is None:
        why = data["calculator_absent"]
        return paragraph(f"No report of the public calculator: {why}.", indent="  ")
    return paragraph(
        "The public calculator's full report, with its area and leakage rules, is in "
        "the JSON (--json) under `calculator`.",
        indent="  ",
    )


def prediction_sections(data: dict[str, Any]) -> list[str]:
    """What the closed form predicts and whether speculation pays.

    Parameters
    ----------
    data : dict
        Of `Estimate.to_dict`.
    """
    return [
        plain_metrics(data["metrics"], data["step_ns"]),
        speculation_section(data),
    ]


def _breakdown_sections(data: dict[str, Any]) -> list[str]:
    request = data["request"]
    return [
        energy_and_time(request["energy_pj"], None, request["committed_tokens"]),
        bytes_table(request["bytes"], request["committed_tokens"]),
    ]


def _sweep_table(estimates: Sequence[Estimate]) -> str:
    rows = []
    for estimate in estimates:
        metrics, verdict = estimate.metrics, estimate.verdict
        rows.append(
            [
                count(estimate.scenario.workload.prompt_length),
                time_ns(metrics["latency_ns_per_token"]),
                significant(metrics["throughput_tokens_per_s"]),
                energy_pj(metrics["energy_pj_per_token"]),
                factor(verdict.speedup),
                significant(verdict.break_even_committed_tokens),
                significant(metrics["committed_tokens_per_burst"]),
            ]
        )
    header = ["prompt", "time/token", "tokens/s", "energy/token", "speed-up", "C*"]
    return table(rows, header=[*header, "committed"], left=0)
