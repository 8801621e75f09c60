"""The report of a run, from its scenario and its summary."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from simcore.config.scenario import ScenarioConfig
from simcore.report.breakdown_text import (
    bytes_table,
    elapsed_line,
    energy_and_time,
    utilization_lines,
    waits_line,
)
from simcore.report.checks_text import checks_line
from simcore.report.facts import (
    basis_section,
    next_commands,
    notes_section,
    scenario_lines,
    warnings_section,
)
from simcore.report.layout import paragraph, sections
from simcore.report.metrics_text import compared_metrics, precision_line, quantile_lines
from simcore.report.numbers import counted, power_nw, time_ps
from simcore.report.speculation_text import speculation_section
from simcore.report.uncertainty_text import input_line, reduction_line


def run_report(
    scenario: ScenarioConfig,
    summary: Mapping[str, Any],
    path: Path | None,
    engine: Mapping[str, Any] | None = None,
) -> str:
    """Everything a run has to say, at most 80 columns wide.

    Parameters
    ----------
    scenario : ScenarioConfig
        With the seed that was used.
    summary : mapping
        As in summary.json.
    path : Path or None
        Run folder, if one was written.
    engine : mapping, optional
        Which engine ran; as in run.json.
    """
    counts, closed_form = summary["counts"], summary["closed_form"]
    metrics, tokens = summary["metrics"], summary["counts"]["tokens"]
    energy, busy = summary["energy_pj"], work_busy_ps(summary)
    shared = scenario.streams > 1
    head = scenario_lines(
        scenario,
        f"seed {scenario.seed}",
        counted(counts["requests"], "request"),
        counted(counts["bursts"], "burst"),
        counted(tokens, "token"),
        f"{time_ps(summary['elapsed_ps']['total'])} of chip time",
    )
    lines = (
        precision_line(summary, shared=shared),
        reduction_line(summary.get("variance_reduction")),
        input_line(summary.get("input_uncertainty")),
    )
    intervals = "\n".join(paragraph(line, indent="  ") for line in lines if line)
    parts = [
        head,
        f"{compared_metrics(metrics, closed_form['metrics'])}\n{intervals}",
        quantile_lines(summary["quantiles"]),
        speculation_section(closed_form, summary),
        utilization_lines(summary["utilization"]),
        paragraph(
            waits_line(summary["waits"], counts["bursts"]) if shared else "",
            indent="  ",
            first="",
        ),
        elapsed_line(summary["elapsed_ps"], tokens),
        energy_and_time(energy, busy, tokens),
        bytes_table(summary["bytes"], tokens),
        paragraph(_leakage_line(summary["leakage"]), indent="  ", first=""),
        warnings_section(summary["warnings"]),
        notes_section(
            closed_form["notes"], "Notes, with the numbers of the closed form"
        ),
        basis_section(summary["accounting"], summary["coverage"], scenario.hardware),
        "\n".join(
            [
                checks_line(summary["cross_check"]),
                *(
                    paragraph(f"not compared: {what}", indent="    ", first="  ")
                    for what in summary.get("skipped", ())
                ),
            ]
        ),
    ]
    if engine is not None and engine.get("note"):
        text = f"engine {engine['name']}: {engine['note']}"
        parts.append(paragraph(text, indent="  ", first=""))
    if path is not None:
        parts.append(f"trace: {path}")
    return sections(parts)


def took_line(wall_s: float, engine: Mapping[str, Any]) -> str:
    """Seconds of a run, and how many of them went into the compiled engine."""
    load_s = engine.get("load_s")
    if load_s is None:
        return f"took {wall_s:.1f} s"
    return f"took {wall_s:.1f} s, {load_s:.1f} s of it to load the compiled engine"


def after_run(trace: str, path: Path, named: str) -> str:
    """What to type next.

    Parameters
    ----------
    trace : str
        What the run kept; without events there is nothing to export.
    path : Path
        Run folder.
    named : str
        The scenario as the user named it, with its overrides.
    """
    commands = [f"simcore report {path}"]
    if trace in ("full", "sample"):
        commands += [
            f"simcore explain run {path}",
            f"simcore trace export {path} --bursts 0-1 --out perfetto.json",
        ]
    return next_commands(*commands, f"simcore validate {named}")


def run_result(
    scenario: ScenarioConfig, summary: Mapping[str, Any], path: Path | None
) -> dict[str, Any]:
    """The same for machines: the whole summary, and where the trace is."""
    return {
        "scenario": scenario.name,
        "seed": scenario.seed,
        "path": None if path is None else str(path),
        "checks_hold": all(check["holds"] for check in summary["cross_check"]),
        "summary": summary,
    }


def work_busy_ps(summary: Mapping[str, Any]) -> dict[str, Any]:
    """Busy time of operations: without the gates that keep a layer for a token."""
    busy, gates = summary["busy_ps"], summary["gate_ps"]["by_phase"]
    return {
        **busy,
        "total": busy["total"] - summary["gate_ps"]["total"],
        "by_phase": {
            name: ps - gates.get(name, 0) for name, ps in busy["by_phase"].items()
        },
        "by_stage": {n: ps for n, ps in busy["by_stage"].items() if n != "gate"},
        "by_channel": {n: ps for n, ps in busy["by_channel"].items() if n != "gate"},
        "by_component": {
            n: ps for n, ps in busy["by_component"].items() if n != "layer"
        },
    }


def _leakage_line(leakage: Mapping[str, Any]) -> str:
    if not leakage["power_nw"]:
        return "leakage: no static power is given for this hardware"
    return (
        f"leakage: {power_nw(leakage['power_nw'])} of static power, listed apart from "
        "the dynamic energy above"
    )
