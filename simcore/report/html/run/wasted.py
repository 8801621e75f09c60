"""Work whose result nobody kept."""

from __future__ import annotations

from simcore.report.html.markup import Content
from simcore.report.html.page import paragraph
from simcore.report.html.run.view import NO_EVENTS, RunView
from simcore.report.html.tables import Bar, Cell, table
from simcore.report.numbers import count, energy_pj, share, significant, time_ps
from simcore.report.time_text import WASTE_LABELS


def wasted_work(view: RunView) -> Content:
    """Counts of the tables, and what the waste cost."""
    counts = view.summary["counts"]
    steps = view.summary["metrics"]["wasted_verify_steps_per_burst"]["value"]
    rejected = counts["drafted_tokens"] - counts["accepted_tokens"]
    counted = table(
        ["", "in all", "per burst"],
        [
            _row("drafted tokens", counts["drafted_tokens"], counts["bursts"]),
            _row("accepted", counts["accepted_tokens"], counts["bursts"]),
            _row("rejected, or never verified", rejected, counts["bursts"]),
            _row(
                "valid, but beyond what the request wanted",
                counts["discarded_tokens"],
                counts["bursts"],
            ),
            [
                "verify steps beyond what was accepted",
                count(round(steps * counts["bursts"])),
                significant(steps),
            ],
        ],
        caption="Tokens and steps",
    )
    if view.analysis is None:
        return [counted, paragraph(f"What they cost: {NO_EVENTS}")]
    found = view.analysis.wasted
    everything = found["all"]
    rows: list[list[Cell]] = [
        [
            label,
            count(found[name]["steps"]),
            time_ps(found[name]["busy_ps"]),
            share(found[name]["busy_ratio"], 1.0),
            Bar(found[name]["busy_ratio"], 0),
            energy_pj(found[name]["energy_pj"]),
            share(found[name]["energy_ratio"], 1.0),
            Bar(found[name]["energy_ratio"], 1),
        ]
        for name, label in WASTE_LABELS.items()
        if found[name]["steps"]
    ]
    if not rows:
        return [counted, paragraph("No work was wasted.")]
    return [
        counted,
        paragraph(view.analysed) if view.analysed else None,
        table(
            ["", "steps", "busy", "share", "", "energy", "share", ""],
            rows,
            caption="What it cost: shares of the busy time and dynamic energy of all",
            footer=[
                "sum",
                "",
                time_ps(everything["busy_ps"]),
                share(everything["busy_ratio"], 1.0),
                "",
                energy_pj(everything["energy_pj"]),
                share(everything["energy_ratio"], 1.0),
                "",
            ],
        ),
    ]


def _row(label: str, value: int, bursts: int) -> list[Cell]:
    return [label, count(value), significant(value / bursts)]
