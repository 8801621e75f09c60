"""The cross-check table: simulation against closed form, trace against its laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simcore.report.checks_text import check_value, is_expectation, verdict
from simcore.report.html.markup import Content, element
from simcore.report.html.page import bullets, paragraph
from simcore.report.html.run.view import RunView
from simcore.report.html.tables import Cell, table, with_note


def cross_check(view: RunView) -> Content:
    """Every check with what was measured and what is allowed."""
    checks = view.summary["cross_check"]
    if not checks:
        return paragraph(
            "No check was made (--no-check). Run without it to compare this simulation "
            "with the closed form."
        )
    others = [check for check in checks if not is_expectation(check)]
    means = [check for check in checks if is_expectation(check)]
    skipped = view.summary.get("skipped", ())
    parts: list[Content] = [
        paragraph(verdict(checks)),
        _table("Exact relations and conservation laws", "bound", others),
        _table("Means against what the closed form expects", "expected", means),
    ]
    if skipped:
        parts += [paragraph("Not compared:"), bullets(list(skipped))]
    return parts


def _table(caption: str, limit: str, checks: Sequence[Mapping[str, Any]]) -> Content:
    rows: list[list[Cell]] = [
        [
            with_note(str(check["name"]).replace("_", " "), str(check["detail"] or "")),
            _mark(check["holds"]),
            check_value(check["measured"]),
            check_value(check["bound"]),
        ]
        for check in checks
    ]
    return table(
        ["check", "", "measured", limit],
        rows,
        caption=caption,
        # Units differ from row to row: nothing to line up.
        words=4,
        class_="values",
    )


def _mark(holds: bool) -> str:
    # The word carries the meaning, the colour only helps.
    if holds:
        return element("span", "ok", class_="good")
    return element("strong", "FAIL", class_="bad")
