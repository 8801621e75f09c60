"""Where time, energy and bytes go."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from simcore.report.layout import table
from simcore.report.numbers import (
    energy_pj,
    percent,
    share,
    significant,
    size_bytes,
    time_ps,
)
from simcore.trace.names import PHASES, STAGES

#: What is below this share of energy and of time is added up in one line.
_SMALL = 1e-3

_ELAPSED = ("draft", "verify", "commit")


def breakdown(
    title: str,
    order: Sequence[str],
    energy: Mapping[str, float],
    busy: Mapping[str, float] | None = None,
    tokens: float = 1.0,
) -> str:
    """One line for each name: energy per token, its share, and busy time.

    Parameters
    ----------
    title : str
        Heading of the first column.
    order : sequence of str
        Names that come first, in this order; others follow, the largest first.
    energy : mapping
        Dynamic energy in pJ.
    busy : mapping or None
        Time of holds in ps, added over all resources.
    tokens : float
        Committed tokens, to divide by.
    """
    names = ordered_names(order, energy, busy or {})
    total = math.fsum(energy.values())
    total_busy = math.fsum((busy or {}).values())
    rows, small = [], []
    for name in names:
        joules, held = energy.get(name, 0.0), (busy or {}).get(name, 0.0)
        if joules < _SMALL * total and held <= _SMALL * total_busy:
            small.append(name)
        else:
            rows.append([name, *_cells(joules, total, held, total_busy, tokens)])
    if small:
        joules = math.fsum(energy.get(name, 0.0) for name in small)
        held = math.fsum((busy or {}).get(name, 0.0) for name in small)
        cells = _cells(joules, total, held, total_busy, tokens)
        rows.append([small[0] if len(small) == 1 else f"{len(small)} others", *cells])
    header = [title, "energy/token", "share", "busy/token", "share"]
    shown = len(header) if busy is not None else 3
    return table([row[:shown] for row in rows], header=header[:shown])


def ordered_names(
    order: Sequence[str], energy: Mapping[str, float], busy: Mapping[str, float]
) -> list[str]:
    """Names in the given order, then those of the most energy."""
    names = [name for name in order if name in energy or name in busy]
    names += sorted(
        {*energy, *busy} - set(names),
        key=lambda name: (-energy.get(name, 0.0), name),
    )
    return names


def _cells(
    joules: float, total: float, held: float, total_busy: float, tokens: float
) -> list[str]:
    return [
        energy_pj(joules / tokens),
        share(joules, total),
        time_ps(held / tokens),
        share(held, total_busy),
    ]


def energy_and_time(
    energy: Mapping[str, Mapping[str, float]],
    busy: Mapping[str, Mapping[str, float]] | None,
    tokens: float,
) -> str:
    """Tables by phase, stage and component.

    Parameters
    ----------
    energy : mapping
        `by_phase`, `by_stage` and `by_component` in pJ.
    busy : mapping or None
        The same in ps.
    tokens : float
        Committed tokens.
    """
    parts = []
    for title, order in (("phase", PHASES), ("stage", STAGES), ("component", ())):
        key = f"by_{title}"
        # Holds are of several components at once: their time belongs to none.
        held = None if busy is None or title == "component" else busy[key]
        parts.append(breakdown(title, order, energy[key], held, tokens))
    heading = (
        "Where dynamic energy goes"
        if busy is None
        else "Where dynamic energy and busy time go (holds of all resources added)"
    )
    return "\n\n".join([f"{heading}\n{parts[0]}", *parts[1:]])


def bytes_table(traffic: Mapping[str, Mapping[str, float]], tokens: float) -> str:
    """Bytes read and written per committed token, by memory."""
    rows = [
        [memory, *(size_bytes(moved.get(way, 0) / tokens) for way in ("read", "write"))]
        for memory, moved in sorted(traffic.items())
        if any(moved.values())
    ]
    return table(rows, header=["memory", "read/token", "written/token"]) if rows else ""


def elapsed_line(elapsed_ps: Mapping[str, int], tokens: float) -> str:
    """Chip time per committed token, and what part of it each phase takes.

    Parameters
    ----------
    elapsed_ps : mapping
        Time of bursts by phase, and `total`.
    tokens : float
        Committed tokens.
    """
    in_phases = sum(elapsed_ps[name] for name in _ELAPSED)
    text = ", ".join(
        f"{name} {share(elapsed_ps[name], in_phases)}" for name in _ELAPSED
    )
    return f"time per token: {time_ps(in_phases / tokens)}, of which {text}"


def waits_line(waits: Mapping[str, Any], bursts: int) -> str:
    """Where requests that share a chip wait; empty when nobody does."""
    names = {"layer": "a free layer", "sram_room": "SRAM room"}
    kinds = sorted(
        waits.get("by_resource_kind", {}).items(),
        key=lambda item: (-item[1]["wait_ps"], item[0]),
    )
    found = [
        f"{names.get(kind, kind)} {time_ps(one['wait_ps'] / bursts)} a burst "
        f"({significant(one['mean_queue_length'])} waiting on average)"
        for kind, one in kinds
        if one["wait_ps"]
    ]
    return f"waits, added over holds: {'; '.join(found[:3])}" if found else ""


def utilization_lines(utilization: Mapping[str, Any]) -> str:
    """The busiest block, and the busiest of each other kind."""
    busiest = utilization["busiest"]
    kinds = sorted(
        utilization["by_resource_kind"].items(),
        key=lambda item: (-item[1]["max"], item[0]),
    )
    first = f"busiest block: {busiest['name']}, {percent(busiest['ratio'])} of the time"
    name = str(busiest["name"]).partition("[")[0]
    others = [
        f"{kind} {percent(found['max'])}"
        for kind, found in kinds
        if kind != name and found["max"] > 0
    ]
    if not others:
        return first
    return f"{first}; then {', '.join(others[:3])}"
