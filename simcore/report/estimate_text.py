"""The report of a closed-form estimate, at one prompt length or over several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simcore.analysis.estimate import Estimate
from simcore.report.breakdown_text import bytes_table, energy_and_time
from simcore.report.facts import (
    basis_section,
    notes_section,
    scenario_lines,
    warnings_section,
)
from simcore.report.layout import sections, table
from simcore.report.metrics_text import plain_metrics
from simcore.report.numbers import count, energy_pj, factor, significant, time_ns
from simcore.report.speculation_text import speculation_section


def estimate_report(estimates: Sequence[Estimate]) -> str:
    """Text of one estimate, or a table with a line for each.

    Parameters
    ----------
    estimates : sequence of Estimate
        At least one; they differ in the prompt length.
    """
    first = estimates[0]
    data = first.to_dict()
    head = scenario_lines(first.scenario, "closed form, nothing simulated")
    basis = basis_section(data["accounting"], data["coverage"], first.scenario.hardware)
    if len(estimates) > 1:
        return sections([head, _sweep_table(estimates), _sweep_notes(data), basis])
    return sections(
        [
            head,
            *prediction_sections(data),
            *_breakdown_sections(data),
            warnings_section(data["warnings"]),
            notes_section(data["notes"]),
            basis,
        ]
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


def estimate_result(estimates: Sequence[Estimate]) -> dict[str, Any]:
    """The same for machines: one entry for each prompt length."""
    first = estimates[0].scenario
    return {
        "scenario": first.name,
        "model": first.model.name,
        "hardware": first.hardware.name,
        "estimates": [estimate.to_dict() for estimate in estimates],
    }


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
    return table(rows, header=[*header, "E[a+1]"], left=0)


def _sweep_notes(data: dict[str, Any]) -> str:
    # The other notes carry numbers of one prompt length.
    said = [
        "Speculation pays where E[a+1], the committed tokens per burst, is above C*.",
        *data["notes"][-2:],
    ]
    return "\n\n".join(
        part
        for part in (warnings_section(data["warnings"]), notes_section(said))
        if part
    )
