"""What a sweep says in words and short tables: best K, break-even, every point."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from simcore.report.facts import acceptance_text, assumptions_text
from simcore.report.html.markup import Content, element
from simcore.report.html.page import bullets, code_block, details, paragraph
from simcore.report.html.sweep.view import SweepView, value_text
from simcore.report.html.tables import Cell, pretty, table
from simcore.report.numbers import (
    count,
    counted,
    energy_pj,
    factor,
    significant,
    time_ns,
)

_MOST_POINTS = 2000


def header(view: SweepView) -> Content:
    """Name, what runs on what, how many points, and whether the checks hold."""
    scenario, rows = view.scenario, view.rows
    how = "simulated" if view.is_simulated else "by the closed form"
    swept = ", ".join(
        f"{field} ({counted(len(view.values_of(field)), 'value')})"
        for field in view.fields
    )
    what = (
        f"{scenario.model.name} on {scenario.hardware.name}; acceptance "
        f"{acceptance_text(scenario.acceptance)}"
    )
    points = (
        f"{counted(len(rows), 'point')} {how}, seed {view.manifest['seed']}: {swept}"
    )
    return [
        element("h1", f"Sweep of {view.manifest['scenario']}"),
        paragraph(scenario.description) if scenario.description else None,
        paragraph(pretty(what), class_="soft"),
        paragraph(points, class_="soft"),
        paragraph(_verdict(view)),
    ]


def _verdict(view: SweepView) -> Content:
    checked = [row for row in view.rows if row["checks_hold"] is not None]
    if not checked:
        text = "nothing was simulated, so nothing was checked against the closed form"
        return element("strong", text, class_="warn")
    bad = [str(row["point"]) for row in checked if not row["checks_hold"]]
    if bad:
        points = ", ".join(bad[:20])
        text = f"checks do not hold at {counted(len(bad), 'point')}: {points}"
        return element("strong", text, class_="bad")
    text = f"all checks hold at {counted(len(checked), 'point')}"
    return element("strong", text, class_="good")


def findings(view: SweepView) -> Content:
    """Best K and break-even; empty where the sweep is of other fields."""
    found = view.manifest["findings"]
    return [
        _entries(
            view,
            found["best_draft_lengths"],
            "Best K",
            {
                "by tokens/s": ("draft_length_by_throughput", count),
                "speed-up there": ("speedup", factor),
                "by tokens/J": ("draft_length_by_tokens_per_joule", count),
            },
        ),
        _entries(
            view,
            found["break_even"],
            "Prompt lengths at which speculation breaks even with K = 0",
            {
                "faster up to": ("faster_up_to", count),
                "equal at": ("equal_at", significant),
                "slower from": ("slower_from", count),
                "more tokens/J from": ("tokens_per_joule_from", count),
            },
        ),
    ]


def _entries(
    view: SweepView,
    entries: Sequence[Mapping[str, Any]],
    caption: str,
    columns: Mapping[str, tuple[str, Callable[[Any], str]]],
) -> Content:
    if not entries:
        return None
    fields = list(entries[0]["values"])
    rows: list[list[Cell]] = [
        [
            *(value_text(entry["values"][field]) for field in fields),
            *(
                "-" if entry[key] is None else text(entry[key])
                for key, text in columns.values()
            ),
        ]
        for entry in entries
    ]
    heads = [*(view.name_of(field) for field in fields), *columns]
    return table(heads, rows, caption=caption, words=len(fields))


def points(view: SweepView) -> Content:
    """Every point with its main figures, closed at first."""
    shown: dict[str, Callable[[Any], str]] = {
        "latency_ns_per_token": time_ns,
        "energy_pj_per_token": energy_pj,
        "tokens_per_joule": significant,
        "speedup": factor,
        "break_even_committed_tokens": significant,
        "accepted_plus_one_per_burst": significant,
        "area_mm2": significant,
    }
    rows: list[list[Cell]] = [
        [
            str(row["point"]),
            *(value_text(row[field]) for field in view.fields),
            *(
                "-" if row[name] is None else text(row[name])
                for name, text in shown.items()
            ),
            "yes" if row["pareto"] else "",
        ]
        for row in view.rows[:_MOST_POINTS]
    ]
    more = len(view.rows) - len(rows)
    heads = [
        "time/token",
        "energy/token",
        "tokens/J",
        "speed-up",
        "C*",
        "E[a+1]",
        "mm2",
    ]
    names = [view.name_of(field) for field in view.fields]
    return [
        details(
            f"{counted(len(rows), 'point')}",
            table(
                ["point", *names, *heads, "Pareto"],
                rows,
                caption="Points; C* is what a burst must commit to break even",
            ),
        ),
        paragraph(f"{counted(more, 'more point')} in sweep.csv.") if more > 0 else None,
        paragraph(
            "All columns with all digits are in sweep.parquet and sweep.csv of the "
            "folder.",
            class_="soft",
        ),
    ]


def basis(view: SweepView) -> Content:
    """Warnings and assumptions."""
    warnings = view.manifest.get("warnings", ())
    return [
        element("h3", "Warnings"),
        bullets(list(warnings)) if warnings else paragraph("None."),
        element("h3", "Assumptions"),
        paragraph(f"{assumptions_text(view.scenario.hardware)}."),
        paragraph(
            "Every point has the same seed: draws do not depend on what is swept, so "
            "differences between points are not noise of the draws.",
        )
        if view.is_simulated
        else None,
    ]


def reproduce(view: SweepView, scenario_json: str) -> Content:
    """How to make the sweep again."""
    manifest = view.manifest
    rows: list[list[Cell]] = [
        ["sweep (sha256)", element("code", str(manifest["sweep_sha256"]))],
        ["configuration (sha256)", element("code", str(manifest["config_sha256"]))],
        ["seed", str(manifest["seed"])],
        *([name, str(v)] for name, v in sorted(manifest["versions"].items())),
    ]
    return [
        paragraph("Save the configuration below as scenario.json, then:"),
        code_block("simcore sweep scenario.json --out again\nsimcore report again"),
        table(["", "value"], rows, caption="Made with", words=2, class_="values"),
        details("The whole configuration (scenario.json)", code_block(scenario_json)),
    ]
