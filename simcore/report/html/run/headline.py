"""The figures that matter most, with their uncertainty, and what a reader must know."""

from __future__ import annotations

from collections.abc import Sequence

from simcore.report.facts import acceptance_text
from simcore.report.html.markup import Content, element
from simcore.report.html.page import bullets, cards, paragraph
from simcore.report.html.run.view import RunView
from simcore.report.html.tables import pretty, shown_unit, table
from simcore.report.metrics_text import METRICS, metric_text, precision_line
from simcore.report.numbers import count, counted, difference, percent, time_ps
from simcore.report.speculation_text import (
    NO_SPECULATION,
    SPECULATION_TITLE,
    speculation_rows,
)
from simcore.report.uncertainty_text import input_line, reduction_line


def header(view: RunView) -> Content:
    """Name, what runs on what, and whether the checks hold."""
    scenario, counts = view.scenario, view.summary["counts"]
    workload = scenario.workload
    length = (
        counted(workload.max_tokens, "new token")
        if workload.max_tokens is not None
        else "single bursts"
    )
    what = (
        f"{scenario.model.name} on {scenario.hardware.name}, {scenario.schedule}, "
        f"K = {workload.draft_length}, prompt {count(workload.prompt_length)}, "
        f"{length}; acceptance {acceptance_text(scenario.acceptance)}"
    )
    size = ", ".join(
        [
            counted(counts["requests"], "request"),
            counted(counts["bursts"], "burst"),
            counted(counts["tokens"], "token"),
            f"{time_ps(view.summary['elapsed_ps']['total'])} of chip time",
            f"seed {scenario.seed}",
        ]
    )
    return [
        element("h1", scenario.name),
        paragraph(scenario.description) if scenario.description else None,
        paragraph(pretty(what), class_="soft"),
        paragraph(pretty(size), class_="soft"),
        paragraph(*verdict(view)),
    ]


def verdict(view: RunView) -> list[Content]:
    """Checks and warnings in one line, with links to them."""
    checks, warnings = view.summary["cross_check"], view.summary["warnings"]
    failing = sum(not check["holds"] for check in checks)
    if not checks:
        text, kind = "no check was made", "warn"
    elif failing:
        text, kind = f"{failing} of {len(checks)} checks do not hold", "bad"
    else:
        text, kind = f"{len(checks)} of {len(checks)} checks hold", "good"
    parts: list[Content] = [
        element(
            "a", element("strong", text, class_=kind), href="#simulation-against-theory"
        )
    ]
    if warnings:
        counted_warnings = counted(len(warnings), "warning")
        link = element("a", counted_warnings, href="#what-this-stands-on")
        parts += [", ", element("strong", link, class_="warn")]
    return parts


def _uncertainty(view: RunView) -> list[str]:
    """What the text report says of how sure the numbers are, in the same words."""
    summary = view.summary
    lines = (
        precision_line(summary, shared=view.scenario.streams > 1),
        reduction_line(summary.get("variance_reduction")),
        input_line(summary.get("input_uncertainty")),
    )
    return [line for line in lines if line]


def headline(view: RunView) -> Content:
    """Cards, the metrics beside the closed form, and the notes."""
    closed_form = view.summary["closed_form"]
    return [
        cards(_cards(view)),
        table(
            ["", "simulated", "closed form", "error"],
            _compared(view),
            caption="Metrics, simulated and by closed form",
        ),
        *(paragraph(pretty(line), class_="soft") for line in _uncertainty(view)),
        element("h3", "Notes, with the numbers of the closed form"),
        bullets([pretty(note) for note in closed_form["notes"]]),
    ]


def _cards(view: RunView) -> list[tuple[str, Content, Content]]:
    summary = view.summary
    by_name = {metric.name: metric for metric in METRICS}
    entries: list[tuple[str, Content, Content]] = []
    for name in (
        "latency_ns_per_token",
        "energy_pj_per_token",
        "throughput_tokens_per_s",
        "tokens_per_joule",
        "committed_tokens_per_burst",
    ):
        metric, found = by_name[name], summary["metrics"][name]
        text = metric_text(metric, found["value"], found["half_width"])
        value, note = _split(text)
        entries.append((metric.label, value, note))
    if summary["closed_form"]["draft_length"]:
        speedup = speculation_rows(summary["closed_form"], summary)[0]
        entries.append(("speed-up over K = 0", pretty(speedup[1]), speedup[2]))
    busiest = summary["utilization"]["busiest"]
    entries.append(
        ("busiest block", busiest["name"], f"{percent(busiest['ratio'])} of the time")
    )
    return entries


def _split(text: str) -> tuple[Content, Content]:
    """`114 +- 67 us` as `114 us`, the unit small, and `± 67 us (95 %)`."""
    value, plus_minus, rest = text.partition(" +- ")
    if not plus_minus:
        value, _, unit = text.partition(" ")
        return _with_small(value, unit), "no interval: one sample"
    width, _, unit = rest.partition(" ")
    return _with_small(value, unit), pretty(f"+- {width} {unit} (95 %)")


def _with_small(value: str, unit: str) -> Content:
    return [value, " ", element("small", shown_unit(unit))] if unit else value


def _compared(view: RunView) -> list[list[str]]:
    expected = view.summary["closed_form"]["metrics"]
    rows = []
    for metric in METRICS:
        found = view.summary["metrics"].get(metric.name)
        if found is None:
            continue
        label = metric.label.lstrip()
        row = [
            label if label == metric.label else f"of it {label}",
            metric_text(metric, found["value"], found["half_width"]),
        ]
        theory = expected.get(metric.name)
        if theory is None:
            row += ["-", "-"]
        else:
            row += [metric_text(metric, theory), difference(theory, found["value"])]
        rows.append(row)
    return rows


def speculation(view: RunView) -> Content:
    """Does speculation pay."""
    closed_form = view.summary["closed_form"]
    if not closed_form["draft_length"]:
        return paragraph(NO_SPECULATION)
    rows: Sequence[Sequence[str]] = speculation_rows(closed_form, view.summary)
    return table(["", "value", "meaning"], rows, caption=SPECULATION_TITLE, words=3)
