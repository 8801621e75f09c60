"""Tables of an estimate: chip, area, static power, draft lengths, sensitivity."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from simcore.analysis.area import AreaReport
from simcore.analysis.crossover import Crossing
from simcore.analysis.estimate import Estimate
from simcore.analysis.k_sweep import DraftLengthSweep
from simcore.analysis.leakage import LeakageReport
from simcore.analysis.sensitivity import Sensitivity
from simcore.analysis.sweep import PromptSweep
from simcore.report.layout import paragraph, table
from simcore.report.numbers import (
    count,
    energy_pj,
    factor,
    power_nw,
    share,
    significant,
    size_bytes,
    time_ns,
)


def chip_section(estimate: Estimate) -> str:
    """Area, HBM, pipeline, and where attention outgrows the rest."""
    area, hbm, pipeline = estimate.area, estimate.hbm_capacity, estimate.pipeline
    crossover = estimate.attention_crossover
    rows = [["area", f"{significant(area.on_chip_mm2)} mm2", area_note(area)]]
    if hbm is not None:
        limit = hbm.capacity_bytes
        rows.append(
            [
                "HBM",
                size_bytes(hbm.needed_bytes),
                f"at {count(hbm.longest_context_tokens)} tokens"
                + ("" if limit is None else f", of {size_bytes(limit)}"),
            ]
        )
    if pipeline is not None:
        rows += [
            [
                "token period",
                time_ns(pipeline.token_period_ns),
                f"of a pipeline full of verify steps, bound by {pipeline.bound_by}",
            ],
            [
                "end to end",
                time_ns(pipeline.end_to_end_latency_ns),
                "one verify step through all layers, alone",
            ],
        ]
    rows += [
        [
            "L* latency",
            _context(crossover.latency),
            "where attention equals the rest; with its KV "
            + _context(crossover.latency_with_kv),
        ],
        [
            "L* energy",
            _context(crossover.energy),
            f"the same for energy; with its KV {_context(crossover.energy_with_kv)}",
        ],
    ]
    programming = estimate.programming
    if programming is not None:
        rows.append(
            [
                "programming",
                time_ns(programming.latency_ns),
                f"and {energy_pj(programming.energy_pj)}, once, to write "
                f"{count(programming.cells)} cells",
            ]
        )
    width = max(len(row[1]) for row in rows)
    return f"Chip\n{table([[a, b.rjust(width), c] for a, b, c in rows], left=3)}"


def area_note(area: AreaReport) -> str:
    """Reticles and what dominates."""
    if not area.on_chip_mm2:
        return "the hardware gives no areas"
    first = area.rows[0]
    chips = "reticle" if area.reticles == 1 else "reticles"
    part = share(first.area_mm2, area.on_chip_mm2)
    return f"{count(area.reticles)} {chips}; {part} is {first.label}"


def _context(crossing: Crossing) -> str:
    if crossing.context_length is None:
        return "never"
    return significant(crossing.context_length)


def area_section(area: AreaReport) -> str:
    """Instances and area by component, in words first."""
    shown = [row for row in area.rows if row.area_mm2]
    rows = [
        [
            row.label,
            count(round(row.units)),
            f"{significant(row.area_mm2)} mm2",
            share(row.area_mm2, area.on_chip_mm2),
        ]
        for row in shown
    ]
    free = [row.component for row in area.rows if not row.area_mm2]
    parts = [paragraph(f"{area.words}.".replace("..", "."), indent="  ")]
    if area.warning is not None:
        parts.append(paragraph(area.warning, indent="  "))
    if rows:
        parts.append(table(rows, header=["component", "units", "area", "share"]))
    if area.off_chip_hbm_mm2:
        size = significant(area.off_chip_hbm_mm2)
        parts.append(paragraph(f"HBM beside the chip: {size} mm2.", indent="  "))
    if free:
        without = f"Without an area on this hardware: {', '.join(free)}."
        parts.append(paragraph(without, indent="  "))
    return "Area\n" + "\n\n".join(parts)


def leakage_section(leakage: LeakageReport, tokens: float) -> str:
    """Static power by component, and what gating would save.

    Parameters
    ----------
    leakage : LeakageReport
        Of one request.
    tokens : float
        Committed tokens, to divide by.
    """
    rows = [
        [
            row.component,
            power_nw(row.power_nw),
            f"{row.powered['draft']:.0%}",
            energy_pj(sum(row.energy_pj.values()) / tokens),
        ]
        for row in leakage.rows
    ]
    if leakage.background_power_nw:
        energy = energy_pj(leakage.background_energy_pj / tokens)
        power = power_nw(leakage.background_power_nw)
        rows.append(["HBM background", power, "100%", energy])
    if not rows:
        return (
            "Static power\n  The hardware gives none; energies are dynamic alone, a "
            "lower bound."
        )
    header = ["component", "power", "on in draft", "energy/token"]
    gated = energy_pj(leakage.gated_energy_pj / tokens)
    charged = energy_pj(leakage.ungated_energy_pj / tokens)
    note = paragraph(
        f"The metrics charge {gated} per token; everything powered all the time "
        f"would be {charged}.{_lower_bound(leakage)}",
        indent="  ",
    )
    return f"Static power\n{table(rows, header=header)}\n\n{note}"


def _lower_bound(leakage: LeakageReport) -> str:
    if not leakage.not_given:
        return ""
    names = ", ".join(leakage.not_given)
    return f" A lower bound: no static power is given for {names}."


def calculator_area_section(area: Mapping[str, Any]) -> str:
    """Area by the public calculator's rules, component by component.

    Parameters
    ----------
    area : mapping
        `on_chip`, `off_chip_hbm` and `components`, in mm2.
    """
    total = area["on_chip"]
    found = sorted(area["components"].items(), key=lambda item: (-item[1], item[0]))
    rows = [
        [name, f"{significant(mm2)} mm2", share(mm2, total)]
        for name, mm2 in found
        if mm2
    ]
    said = paragraph(
        f"{significant(total)} mm2 on the chip, {significant(area['off_chip_hbm'])} "
        "mm2 of HBM beside it. These rules count no adders, one digital unit a layer, "
        "and SRAM and fabric as given.",
        indent="  ",
    )
    parts = [said]
    if rows:
        parts.append(table(rows, header=["component", "area", "share"]))
    return "Area by the public calculator's rules\n" + "\n\n".join(parts)


def break_even_lines(sweep: PromptSweep) -> str:
    """Break-even prompt lengths in both meanings, as a sentence each."""
    length = sweep.break_even_prompt_length
    crossover = sweep.attention_crossover
    said = (
        "No prompt length asked for has more tokens/J than without speculation."
        if length is None
        else f"Prompt {count(length)} is the shortest asked for with more tokens/J "
        "than without speculation."
    )
    return (
        f"{said} Attention outgrows the rest of a token at a context of "
        f"{_context(crossover.latency)} in time and {_context(crossover.energy)} in "
        "energy."
    )


def k_sweep_section(swept: DraftLengthSweep) -> str:
    """Draft lengths side by side at the first prompt, and the best at each."""
    parts = [
        f"Draft lengths at prompt {count(swept.prompt_lengths[0])}\n"
        + table(_k_rows(swept), header=_K_HEADER, left=0)
    ]
    best = [
        [
            count(one.prompt_length),
            str(one.by_throughput),
            str(one.by_tokens_per_joule),
        ]
        for one in swept.best
    ]
    header = ["prompt", "best K by tokens/s", "best K by tokens/J"]
    parts.append(table(best, header=header, left=0))
    return "\n\n".join(parts)


_K_HEADER = (
    "K",
    "time/token",
    "tokens/s",
    "energy/token",
    "tokens/J",
    "speed-up",
    "C*",
    "committed",
)


def _k_rows(swept: DraftLengthSweep) -> list[list[str]]:
    return [
        [
            str(k),
            time_ns(float(sweep.metrics["latency_ns_per_token"][0])),
            significant(float(sweep.metrics["throughput_tokens_per_s"][0])),
            energy_pj(float(sweep.metrics["energy_pj_per_token"][0])),
            significant(float(sweep.metrics["tokens_per_joule"][0])),
            factor(float(sweep.speedup[0])),
            significant(float(sweep.break_even_committed_tokens[0])),
            significant(float(sweep.metrics["committed_tokens_per_burst"][0])),
        ]
        for k, sweep in zip(swept.draft_lengths, swept.sweeps, strict=True)
    ]


def sensitivity_section(found: Sensitivity) -> str:
    """Each uncertain input scaled, alone."""
    rows = [
        [row.what, f"{row.factor:g}", *_sensitivity_cells(row.metrics)]
        for row in found.rows
    ]
    header = [
        "input",
        "x",
        "time",
        "energy",
        "tokens/J",
        "speed-up",
        "C*",
        "mm2",
    ]
    text = table(_without_repeats(rows), header=header)
    for what, why in found.left_out.items():
        text += f"\n{paragraph(f'{what} left out: {why}.', indent='  ')}"
    return (
        f"Sensitivity, one input scaled at a time (time and energy per token)\n{text}"
    )


def _sensitivity_cells(metrics: Mapping[str, float]) -> list[str]:
    return [
        time_ns(metrics["latency_ns_per_token"]),
        energy_pj(metrics["energy_pj_per_token"]),
        significant(metrics["tokens_per_joule"]),
        factor(metrics["speedup"]),
        significant(metrics["break_even_committed_tokens"]),
        significant(metrics["on_chip_mm2"]),
    ]


def _without_repeats(rows: Sequence[list[str]]) -> list[list[str]]:
    """The name of an input only on its first line."""
    shown, last = [], ""
    for name, *cells in rows:
        shown.append(["" if name == last else name, *cells])
        last = name
    return shown
