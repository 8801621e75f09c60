"""Findings about hardware numbers, as text and for machines."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simcore.config.plausibility import Finding
from simcore.report.layout import paragraph
from simcore.report.numbers import counted, significant


def plausibility_section(findings: Sequence[Finding]) -> str:
    """Every finding with its number, range, reason and source.

    Parameters
    ----------
    findings : sequence of Finding
        Warnings first; may be empty.
    """
    lines = [f"Plausibility: {findings_text(findings)}"]
    for finding in findings:
        head = f"{finding.level}: {finding.path} = {_value(finding)}"
        plausible = _plausible(finding)
        if plausible:
            head = f"{head}; plausible {plausible}"
        lines.append(paragraph(head, indent="      ", first="  "))
        lines.append(paragraph(f"{finding.why}.", indent="      "))
        lines.append(paragraph(f"[{finding.source}]", indent="      "))
    return "\n".join(lines)


def findings_text(findings: Sequence[Finding]) -> str:
    """`2 warnings, 1 note`."""
    warnings = sum(finding.level == "warning" for finding in findings)
    notes = len(findings) - warnings
    if not findings:
        return "nothing to doubt among the numbers that can be judged"
    return f"{counted(warnings, 'warning')}, {counted(notes, 'note')}"


def finding_text(finding: Finding) -> tuple[str, str]:
    """Value and plausible range of one finding, with their unit."""
    return _value(finding), _plausible(finding)


def findings_result(findings: Sequence[Finding]) -> list[dict[str, Any]]:
    """The same for machines."""
    return [finding.to_dict() for finding in findings]


def _value(finding: Finding) -> str:
    if isinstance(finding.value, str):
        return finding.value
    return _with_unit(significant(finding.value), finding.unit)


def _plausible(finding: Finding) -> str:
    low, high, unit = finding.low, finding.high, finding.unit
    if low is not None and high is not None:
        return _with_unit(f"{significant(low)} to {significant(high)}", unit)
    if low is not None:
        return f"from {_with_unit(significant(low), unit)}"
    if high is not None:
        return f"up to {_with_unit(significant(high), unit)}"
    return ""


def _with_unit(text: str, unit: str | None) -> str:
    return text if unit is None else f"{text} {unit}"
