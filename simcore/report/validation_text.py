"""The report of a validation: simulation against the closed form."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simcore.config.scenario import ScenarioConfig
from simcore.report.checks_text import checks_table, verdict
from simcore.report.facts import scenario_lines
from simcore.report.layout import bullets, paragraph, sections, table
from simcore.report.numbers import count, counted, significant
from simcore.report.theory_text import theory_report


def validation_report(
    scenario: ScenarioConfig,
    data: Mapping[str, Any],
    seed: int,
    theory: Mapping[str, Any] | None = None,
) -> str:
    """Every conditional row, every check, what was skipped, and the verdict.

    Parameters
    ----------
    scenario : ScenarioConfig
        What was validated.
    data : mapping
        Of `ValidationReport.to_dict`.
    seed : int
        Of the expected-value checks.
    theory : mapping, optional
        Of `TheoryReport.to_dict`, when the engine was compared with theory besides.
    """
    skipped = data["skipped"]
    return sections(
        [
            scenario_lines(scenario, f"seed {seed}"),
            _conditional(data["conditional"]),
            f"Checks\n{checks_table(data['checks'])}",
            f"Skipped\n{bullets(skipped)}" if skipped else "",
            theory_report(theory, with_verdict=False) if theory else "",
            _verdict(data, theory["checks"] if theory else ()),
        ]
    )


def validation_result(
    scenario: ScenarioConfig,
    data: Mapping[str, Any],
    seed: int,
    theory: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """The same for machines."""
    result = {"scenario": scenario.name, "seed": seed, **data}
    if theory is not None:
        result |= {"theory": theory, "holds": data["holds"] and theory["holds"]}
    return result


def _conditional(rows: Sequence[Mapping[str, Any]]) -> str:
    if not rows:
        return ""
    title = "Burst latency: simulated minus composed by formula, in integers and floats"
    lines = [
        [
            "ok" if row["holds"] else "FAIL",
            count(row["context_length"]),
            count(row["accepted"]),
            count(row["committed"]),
            f"{count(row['simulated_ps'])} ps",
            f"{count(row['difference_ps'])} ps",
            f"{significant(row['float_difference_ps'])} ps",
            f"{significant(row['float_bound_ps'])} ps",
        ]
        for row in rows
    ]
    header = ["", "L", "a", "a+1", "simulated", "integer", "float", "bound"]
    return "\n".join([title, table(lines, header=header), *_differing(rows)])


def _differing(rows: Sequence[Mapping[str, Any]]) -> list[str]:
    """Which operations take another time than the formula says."""
    names = sorted({n for row in rows for n in row.get("differing_operations", ())})
    if not names:
        return []
    return [paragraph(f"differing: {', '.join(names)}", indent="    ", first="  ")]


def _verdict(data: Mapping[str, Any], more: Sequence[Mapping[str, Any]]) -> str:
    conditional = sum(not row["holds"] for row in data["conditional"])
    text = verdict([*data["checks"], *more])
    if conditional:
        return f"{counted(conditional, 'burst differs', 'bursts differ')}. {text}"
    return text
