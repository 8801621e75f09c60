"""Where time and energy go: by phase, stage, component and channel, and on the path."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from simcore.report.breakdown_text import ordered_names
from simcore.report.html.markup import Content, element
from simcore.report.html.page import bullets, paragraph
from simcore.report.html.run.view import NO_EVENTS, RunView
from simcore.report.html.tables import Bar, Cell, pretty, table
from simcore.report.numbers import count, energy_pj, percent, share, time_ps
from simcore.report.run_text import work_busy_ps
from simcore.report.time_text import cause_named
from simcore.trace.schema import CHANNELS, PHASES, STAGES

_ELAPSED = {"draft": 0, "verify": 1, "commit": 7}
_MOST_ROWS = 14


def where_it_goes(view: RunView) -> Content:
    """Chip time by phase, then energy and busy time by everything."""
    energy, busy = view.summary["energy_pj"], work_busy_ps(view.summary)
    orders: Mapping[str, Sequence[str]] = {
        "phase": PHASES,
        "stage": STAGES,
        "component": (),
        "channel": CHANNELS,
    }
    tables = [
        element(
            "div",
            _breakdown(name, order, energy[f"by_{name}"], busy[f"by_{name}"], view),
        )
        for name, order in orders.items()
    ]
    return [
        _elapsed(view),
        element("h3", "Dynamic energy and busy time, per committed token"),
        paragraph(
            "Busy time is that of the holds of all resources, added: work side by side "
            "counts twice. By component it is counted where the operation belongs, "
            "though a hold often needs several components. Leakage is apart: ",
            pretty(energy_pj(view.summary["leakage"]["energy_pj"] / view.tokens)),
            " per token.",
            class_="soft",
        ),
        element("div", tables, class_="tables"),
        element("h3", "The critical path: what the time consists of"),
        _path(view),
    ]


def _elapsed(view: RunView) -> Content:
    elapsed = view.summary["elapsed_ps"]
    total = sum(elapsed[name] for name in _ELAPSED)
    leaked = view.summary["leakage"]["by_phase"]
    all_leaked = math.fsum(leaked.values())
    rows: list[list[Cell]] = [
        [
            name,
            time_ps(elapsed[name] / view.tokens),
            share(elapsed[name], total),
            Bar(elapsed[name] / total if total else 0.0, colour),
            energy_pj(leaked[name] / view.tokens),
            share(leaked[name], all_leaked),
        ]
        for name, colour in _ELAPSED.items()
    ]
    return table(
        ["phase", "time/token", "share", "", "leakage/token", "share"],
        rows,
        caption="Latency of bursts by phase, and what leaks meanwhile",
        footer=[
            "sum",
            time_ps(total / view.tokens),
            "",
            "",
            energy_pj(all_leaked / view.tokens),
            "",
        ],
    )


def _breakdown(
    title: str,
    order: Sequence[str],
    energy: Mapping[str, float],
    busy: Mapping[str, float],
    view: RunView,
) -> Content:
    total, total_busy = math.fsum(energy.values()), math.fsum(busy.values())
    rows: list[list[Cell]] = []
    for name in ordered_names(order, energy, busy):
        joules, held = energy.get(name, 0.0), busy.get(name, 0.0)
        if not joules and not held:
            continue
        rows.append(
            [
                name,
                energy_pj(joules / view.tokens),
                share(joules, total),
                Bar(joules / total if total else 0.0, 1),
                time_ps(held / view.tokens),
                share(held, total_busy),
                Bar(held / total_busy if total_busy else 0.0, 0),
            ]
        )
    return table(
        [title, "energy", "share", "", "busy", "share", ""],
        rows,
        caption=f"By {title}",
        footer=[
            "sum",
            energy_pj(total / view.tokens),
            "",
            "",
            time_ps(total_busy / view.tokens),
            "",
            "",
        ],
    )


def _path(view: RunView) -> Content:
    analysis = view.analysis
    if analysis is None:
        return paragraph(NO_EVENTS)
    path = analysis.chip_path
    intro = (
        "The chain of holds without which the run would have ended earlier, followed "
        "back from the end. Each table sums to the time exactly: "
        f"{count(path['total_ps'])} ps. {view.analysed}"
    )
    tables = [
        element("div", _shares(title, path[f"by_{key}"], path["total_ps"]))
        for key, title in (
            ("stage", "stage"),
            ("phase", "phase"),
            ("resource_kinds", "resource held"),
        )
    ]
    return [
        paragraph(intro, class_="soft"),
        element("div", tables, class_="tables narrow"),
        _savings(path),
    ]


def _shares(title: str, found: Mapping[str, int], total: int) -> Content:
    entries = list(found.items())
    if len(entries) > _MOST_ROWS:
        rest = entries[_MOST_ROWS - 1 :]
        added = sum(ps for _, ps in rest)
        entries = [*entries[: _MOST_ROWS - 1], (f"{len(rest)} others", added)]
    rows: list[list[Cell]] = [
        [
            cause_named(name),
            time_ps(ps),
            share(ps, total),
            Bar(ps / total if total else 0.0, 2),
        ]
        for name, ps in entries
    ]
    return table(
        [title, "time", "share", ""],
        rows,
        caption=f"Critical path by {title}",
        footer=["sum", time_ps(sum(found.values())), "", ""],
    )


def _savings(path: Mapping[str, Any]) -> Content:
    items = [
        pretty(
            f"a faster {kind} can save at most {percent(saving['hold_ratio'])} "
            f"({time_ps(saving['hold_ps'])})"
        )
        for kind, saving in list(path["savings"].items())[:4]
    ]
    if not items:
        return None
    text = "What would help: bounds, as long as the order of work stays"
    return [paragraph(text), bullets(items)]
