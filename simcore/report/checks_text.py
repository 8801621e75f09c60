"""Checks: how many hold, and all about those that do not."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simcore.report.layout import paragraph, table
from simcore.report.numbers import counted, significant


def checks_line(checks: Sequence[Mapping[str, Any]]) -> str:
    """`checks: 14 of 14 hold`, and one paragraph for each that does not.

    Parameters
    ----------
    checks : sequence of mapping
        `name`, `holds`, `measured`, `bound`, `detail`.
    """
    if not checks:
        return "checks: none were made"
    failing = [check for check in checks if not check["holds"]]
    line = f"checks: {len(checks) - len(failing)} of {len(checks)} hold"
    return "\n".join([line, *(failing_check(check) for check in failing)])


def failing_check(check: Mapping[str, Any]) -> str:
    """What was found, what is allowed, and where it fails."""
    text = (
        f"does not hold: {check['name']}: measured {check_value(check['measured'])}, "
        f"{'expected' if is_expectation(check) else 'bound'} "
        f"{check_value(check['bound'])}"
    )
    if check.get("detail"):
        text = f"{text} ({check['detail']})"
    return paragraph(text, indent="    ", first="  ")


def checks_table(checks: Sequence[Mapping[str, Any]]) -> str:
    """One line for each check, the failing ones in full below."""
    expectations = [check for check in checks if is_expectation(check)]
    others = [check for check in checks if not is_expectation(check)]
    tables = [
        _rows(found, limit)
        for found, limit in ((others, "bound"), (expectations, "expected"))
        if found
    ]
    failing = [failing_check(check) for check in checks if not check["holds"]]
    return "\n".join(["\n\n".join(tables), *failing])


def _rows(checks: Sequence[Mapping[str, Any]], limit: str) -> str:
    rows = [
        [
            "ok" if check["holds"] else "FAIL",
            str(check["name"]),
            check_value(check["measured"]),
            check_value(check["bound"]),
        ]
        for check in checks
    ]
    return table(rows, header=["", "check", "measured", limit], left=2)


def is_expectation(check: Mapping[str, Any]) -> bool:
    """Whether a mean is compared with the value that the closed form expects."""
    return str(check["name"]).startswith("expected_")


def verdict(checks: Sequence[Mapping[str, Any]]) -> str:
    """The last line of a validation."""
    failing = sum(not check["holds"] for check in checks)
    if failing:
        return f"{counted(failing, 'check does', 'checks do')} not hold."
    return f"All {counted(len(checks), 'check')} hold."


def check_value(value: object) -> str:
    """A measured value or its bound, short enough for a table."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        text = str(value)
        return text if len(text) <= 24 else f"{text[:21]}..."
    return significant(value)
