"""Who and what a report is about: the lines every report starts and ends with."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from simcore.config.acceptance import (
    AcceptanceConfig,
    BurstReplayAcceptance,
    FixedAcceptance,
    GeometricAcceptance,
    HistogramAcceptance,
    MarkovAcceptance,
)
from simcore.config.hardware import HardwareConfig
from simcore.config.scenario import ScenarioConfig
from simcore.report.layout import bullets, paragraph
from simcore.report.numbers import count, counted, significant

#: How far a hardware number can be trusted, the least first.
_STATUSES = ("assumed", "derived", "published", "measured")


def scenario_lines(
    scenario: ScenarioConfig, *details: str, prompt_lengths: Sequence[int] = ()
) -> str:
    """Name, what it shows, and what runs on what.

    Parameters
    ----------
    scenario : ScenarioConfig
        What was run or estimated.
    *details : str
        More for the last line, for example the seed.
    prompt_lengths : sequence of int
        Those of a sweep; without it, the scenario's.
    """
    workload = scenario.workload
    prompt = f"prompt {count(workload.prompt_length)}"
    if len(prompt_lengths) > 1:
        prompt = (
            f"{count(len(prompt_lengths))} prompts from {count(min(prompt_lengths))} "
            f"to {count(max(prompt_lengths))}"
        )
    length = (
        f"{count(workload.max_tokens)} new tokens"
        if workload.max_tokens is not None
        else "single bursts"
    )
    title = scenario.name
    if scenario.description is not None:
        title = f"{title}: {scenario.description}"
    what = (
        f"{scenario.model.name} on {scenario.hardware.name}, {scenario.schedule}, "
        f"K = {workload.draft_length}, {prompt}, {length}"
    )
    acceptance = f"acceptance {acceptance_text(scenario.acceptance)}"
    lines = [
        paragraph(title, indent="  ", first=""),
        paragraph(what, indent="  "),
        paragraph(acceptance, indent="  "),
    ]
    if details:
        lines.append(paragraph(", ".join(details), indent="  "))
    return "\n".join(lines)


def acceptance_text(acceptance: AcceptanceConfig) -> str:
    """Model of acceptance in a few words, with its caveat."""
    if isinstance(acceptance, HistogramAcceptance):
        text = f"histogram at k = {acceptance.k}"
    elif isinstance(acceptance, GeometricAcceptance):
        text = f"geometric, rate {significant(acceptance.rate)}"
    elif isinstance(acceptance, FixedAcceptance):
        text = f"always {counted(acceptance.accepted, 'draft')}"
    elif isinstance(acceptance, MarkovAcceptance):
        text = f"Markov chain at k = {acceptance.k}"
    elif isinstance(acceptance, BurstReplayAcceptance):
        text = f"replay of {counted(len(acceptance.requests), 'request')}"
    else:
        recordings = counted(len(acceptance.requests), "request")
        text = f"position replay of {recordings}"
    return f"{text} ({acceptance.label})" if acceptance.label else text


def notes_section(notes: Sequence[str], title: str = "Notes") -> str:
    """What a reader must know beside the numbers."""
    return _list(title, notes)


def warnings_section(warnings: Sequence[str]) -> str:
    """What may be wrong with the input."""
    return _list("Warnings", warnings)


def _list(title: str, items: Sequence[str]) -> str:
    return f"{title}\n{bullets(items)}" if items else ""


def basis_section(
    accounting: Mapping[str, Any],
    coverage: Sequence[Mapping[str, Any]],
    hardware: HardwareConfig,
) -> str:
    """Switches, what is counted how, and how much of the hardware is assumed.

    Parameters
    ----------
    accounting : mapping
        Every switch and its value.
    coverage : sequence of mapping
        `item`, `status` and `note` of everything a decoder does.
    hardware : HardwareConfig
        For the sources of its numbers.
    """
    switches = ", ".join(
        f"{name} {value}"
        for name, value in sorted(accounting.items())
        if name != "profile"
    )
    items = [
        f"accounting {accounting.get('profile', 'of its own')}: {switches}",
        coverage_text(coverage),
        assumptions_text(hardware),
    ]
    return _list("Basis", [item for item in items if item])


def coverage_text(coverage: Sequence[Mapping[str, Any]]) -> str:
    """How many items are modeled, which stand on a proxy, which are left out."""
    names: dict[str, list[str]] = {"modeled": [], "proxy": [], "excluded": []}
    for entry in coverage:
        names.setdefault(str(entry["status"]), []).append(str(entry["item"]))
    if not coverage:
        return ""
    parts = [f"{len(names.pop('modeled'))} items modeled"]
    parts += [
        f"{len(items)} {status} ({', '.join(items)})"
        for status, items in names.items()
        if items
    ]
    return "; ".join(parts)


def assumptions_text(hardware: HardwareConfig) -> str:
    """How many of the hardware numbers are assumptions."""
    found = Counter[str](entry.status for entry in hardware.provenance.values())
    total = sum(found.values())
    if not total:
        origin = f"library {hardware.library}" if hardware.library else "the file"
        return f"hardware numbers come from {origin}, which names no source for them"
    others = [f"{found[status]} {status}" for status in _STATUSES[1:] if found[status]]
    text = f"{found['assumed']} of {counted(total, 'sourced hardware number')} assumed"
    return ", ".join([text, *others])


def next_commands(*commands: str) -> str:
    """What to type next, one command a line so that it can be copied."""
    return "\n".join(
        f"{'next:' if i == 0 else '     '} {line}" for i, line in enumerate(commands)
    )
