"""What `simcore doctor` found, as text that can be copied into a report."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simcore.experiments.doctor import SetupCheck
from simcore.report.layout import paragraph, sections

_WIDTH = 18


def doctor_report(checks: Sequence[SetupCheck]) -> str:
    """One entry for each check, and a last line that sums them up.

    Parameters
    ----------
    checks : sequence of SetupCheck
        From `simcore.experiments.doctor.examine`.
    """
    return sections(["\n".join(map(_entry, checks)), _verdict(checks)])


def doctor_result(checks: Sequence[SetupCheck]) -> dict[str, Any]:
    """The same for machines."""
    return {
        "sound": not _failures(checks),
        "checks": [check.to_dict() for check in checks],
    }


def _entry(check: SetupCheck) -> str:
    indent = " " * (8 + _WIDTH)
    first = f"{check.state:<8}{check.name:<{_WIDTH}}"
    lines = [paragraph(check.detail, indent=indent, first=first)]
    if check.hint is not None:
        lines.append(paragraph(check.hint, indent=indent, first=f"{indent}-> "))
    return "\n".join(lines)


def _verdict(checks: Sequence[SetupCheck]) -> str:
    failed = [check.name for check in _failures(checks)]
    if failed:
        return paragraph(f"Not sound: {', '.join(failed)}.")
    notes = sum(check.state == "note" for check in checks)
    worth = f", {notes} worth a look" if notes else ""
    return f"Sound: {len(checks)} checks, none failed{worth}."


def _failures(checks: Sequence[SetupCheck]) -> list[SetupCheck]:
    return [check for check in checks if check.state == "failed"]
