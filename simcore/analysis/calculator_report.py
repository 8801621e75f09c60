"""What the public calculator would report, beside an estimate under its accounting."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from simcore.config.acceptance import AcceptanceConfig, PositionReplayAcceptance
from simcore.config.reading import LENIENT_PROFILE
from simcore.config.scenario import ScenarioConfig


def calculator_section(
    scenario: ScenarioConfig, prompt_lengths: Sequence[int]
) -> dict[str, Any]:
    """Its full report, or null and why.

    Parameters
    ----------
    scenario : ScenarioConfig
        What was estimated; the calculator costs one burst at each prompt length.
    prompt_lengths : sequence of int
        At least one.

    Returns
    -------
    dict
        `calculator`, and `calculator_absent` with the reason where that is null.
    """
    reason = why_absent(scenario)
    if reason is not None:
        return {"calculator": None, "calculator_absent": reason}
    # Few scenarios have it, and all others should not wait for its import.
    from simcore.analysis.calculator import calculate

    report = calculate(
        scenario.model,
        scenario.hardware,
        scenario.acceptance,
        prompt_lengths,
        draft_length=scenario.workload.draft_length,
        schedule=scenario.schedule,
    )
    return {"calculator": report.to_dict(), "calculator_absent": None}


def calculator_k_sweep(
    scenario: ScenarioConfig,
    acceptances: Sequence[tuple[int, AcceptanceConfig]],
    prompt_lengths: Sequence[int],
) -> dict[str, Any]:
    """Its sweep over draft lengths, or null and why.

    Parameters
    ----------
    scenario : ScenarioConfig
        Model, chip and switches.
    acceptances : sequence of (int, acceptance)
        Each draft length and what is accepted at it.
    prompt_lengths : sequence of int
        At least one.
    """
    reason = why_absent(scenario)
    if reason is not None:
        return {"calculator": None, "calculator_absent": reason}
    from simcore.analysis.calculator.calculator import Calculator
    from simcore.analysis.calculator.from_config import calculator_input
    from simcore.analysis.calculator.k_sweep import Candidate, sweep_draft_lengths
    from simcore.analysis.calculator.speculation import speculation

    chip = calculator_input(scenario.model, scenario.hardware, scenario.schedule)
    candidates = [
        Candidate(k, speculation(acceptance, k).committed - 1.0)
        for k, acceptance in acceptances
    ]
    swept = sweep_draft_lengths(Calculator(chip), candidates, prompt_lengths)
    return {"calculator": swept.to_dict(), "calculator_absent": None}


def why_absent(scenario: ScenarioConfig) -> str | None:
    """Why the calculator has nothing to say of a scenario; None if it has."""
    accounting = scenario.accounting
    if accounting.profile != LENIENT_PROFILE:
        return f"the accounting profile is {accounting.profile}"
    if accounting.overrides:
        names = ", ".join(sorted(accounting.overrides))
        return f"switches differ from the profile: {names}"
    if isinstance(scenario.acceptance, PositionReplayAcceptance):
        return "a position replay has no mean that is the same for every burst"
    return None
