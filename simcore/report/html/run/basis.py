"""What the numbers stand on: warnings, assumptions, switches, what is left out."""

from __future__ import annotations

from collections.abc import Sequence

from simcore.config.describe import DescribedValue, hardware_values
from simcore.config.plausibility import Finding, lint_scenario
from simcore.report.explain_text import count_line
from simcore.report.facts import assumptions_text
from simcore.report.html.markup import Content, element
from simcore.report.html.page import bullets, details, paragraph
from simcore.report.html.run.view import RunView
from simcore.report.html.tables import Cell, table, with_note
from simcore.report.numbers import counted
from simcore.report.plausibility_text import finding_text, findings_text

_COVERAGE = {
    "excluded": "Excluded: not in any number of this page",
    "proxy": "On a proxy: counted with a stand-in for what is not known",
    "modeled": "Modeled",
}


def basis(view: RunView) -> Content:
    """Warnings first, the long tables closed."""
    warnings = view.summary["warnings"]
    return [
        element("h3", "Warnings"),
        bullets(warnings) if warnings else paragraph("None."),
        element("h3", "Plausibility of the hardware numbers"),
        _plausibility(lint_scenario(view.scenario)),
        element("h3", "Assumptions"),
        _assumptions(view),
        element("h3", "Accounting switches"),
        _switches(view),
        element("h3", "What is counted"),
        _coverage(view),
    ]


def _plausibility(findings: Sequence[Finding]) -> Content:
    rows: list[list[Cell]] = [
        [
            with_note(finding.path, f"{finding.why} [{finding.source}]"),
            finding.level,
            *finding_text(finding),
        ]
        for finding in findings
    ]
    return [
        paragraph(f"{findings_text(findings)}."),
        table(
            ["number", "", "value", "plausible"],
            rows,
            caption="Findings",
            words=4,
            class_="values",
        ),
    ]


def _assumptions(view: RunView) -> Content:
    values = [v for v in hardware_values(view.scenario.hardware) if v.is_number]
    doubtful = [v for v in values if v.status in ("assumed", None)]
    others = [v for v in values if v.status not in ("assumed", None)]
    return [
        paragraph(f"{view.scenario.hardware.name}: {count_line(values)}.")
        if any(value.status for value in values)
        else paragraph(f"{assumptions_text(view.scenario.hardware)}."),
        _values("assumed or without a source", doubtful),
        _values("derived, published or measured", others),
    ]


def _values(what: str, values: Sequence[DescribedValue]) -> Content:
    if not values:
        return None
    rows: list[list[Cell]] = [
        [
            with_note(value.path, value.source or ""),
            f"{value.used:.10g}{'' if value.unit is None else f' {value.unit}'}",
            value.status or "no source",
        ]
        for value in values
    ]
    shown = table(
        ["number", "value", "status"],
        rows,
        caption=f"Hardware numbers {what}",
        words=3,
        class_="values",
    )
    return details(f"{counted(len(values), 'number')} {what}", shown)


def _switches(view: RunView) -> Content:
    switches = view.summary["accounting"]
    rows: list[list[Cell]] = [
        [name, str(value)]
        for name, value in sorted(switches.items())
        if name != "profile"
    ]
    profile = switches.get("profile", "of its own")
    return details(
        f"Profile {profile}: {counted(len(rows), 'switch', 'switches')}",
        table(["switch", "value"], rows, caption="Accounting switches", words=2),
    )


def _coverage(view: RunView) -> Content:
    coverage = view.summary["coverage"]
    parts: list[Content] = []
    for status, title in _COVERAGE.items():
        entries = [entry for entry in coverage if entry["status"] == status]
        items = [
            f"{entry['item']}: {entry['note']}" if entry["note"] else entry["item"]
            for entry in entries
        ]
        if items:
            left_out = status == "excluded"
            parts.append(
                details(f"{title} ({len(items)})", bullets(items), is_open=left_out)
            )
    return parts
