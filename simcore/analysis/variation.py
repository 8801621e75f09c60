"""The same scenario with something changed, checked again as if it were loaded."""

from __future__ import annotations

from typing import Any

from simcore.config.acceptance import AcceptanceConfig
from simcore.config.hardware import HardwareConfig
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig


def varied(
    scenario: ScenarioConfig,
    *,
    prompt_length: int | None = None,
    draft_length: int | None = None,
    requests: int | None = None,
    acceptance: AcceptanceConfig | None = None,
    hardware: HardwareConfig | None = None,
) -> ScenarioConfig:
    """A scenario with some of its settings replaced; the rest is shared.

    Parameters
    ----------
    scenario : ScenarioConfig
        Where to start.
    prompt_length, draft_length, requests : int, optional
        Of the workload.
    acceptance : AcceptanceConfig, optional
        In place of the scenario's.
    hardware : HardwareConfig, optional
        In place of the scenario's; the schedule stays.

    Raises
    ------
    ConfigError
        If the parts do not fit any more.
    """
    document: dict[str, Any] = dict(scenario)
    workload = dict(scenario.workload)
    if prompt_length is not None:
        workload["prompt_length"] = prompt_length
    if draft_length is not None:
        workload["draft_length"] = draft_length
    if requests is not None:
        workload["requests"] = requests
    document["workload"] = workload
    document["acceptance"] = acceptance or scenario.acceptance
    document["hardware"] = hardware or scenario.hardware
    return load_scenario(document)
