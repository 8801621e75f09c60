"""Bytes that memories read and write."""

from __future__ import annotations

from simcore.report.html.markup import Content
from simcore.report.html.page import paragraph
from simcore.report.html.run.view import RunView
from simcore.report.html.tables import Bar, Cell, table
from simcore.report.numbers import size_bytes


def memory_bytes(view: RunView) -> Content:
    """Per committed token and in all, by memory."""
    traffic = view.summary["bytes"]
    most = max((sum(moved.values()) for moved in traffic.values()), default=0)
    rows: list[list[Cell]] = [
        [
            memory,
            size_bytes(moved["read"] / view.tokens),
            size_bytes(moved["write"] / view.tokens),
            Bar(sum(moved.values()) / most if most else 0.0, 2),
            size_bytes(moved["read"]),
            size_bytes(moved["write"]),
        ]
        for memory, moved in sorted(traffic.items())
        if any(moved.values())
    ]
    if not rows:
        return paragraph("No byte is moved.")
    return table(
        ["memory", "read/token", "written/token", "", "read in all", "written in all"],
        rows,
        caption="Bytes by memory; the bar is read and written together",
    )
