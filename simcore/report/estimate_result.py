"""Everything that one `estimate` command works out, for the text and for machines."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from simcore.analysis.estimate import Estimate, estimate_scenario
from simcore.analysis.k_sweep import DraftLengthSweep, sweep_draft_lengths
from simcore.analysis.sensitivity import Sensitivity, sensitivity
from simcore.analysis.sweep import PromptSweep, estimate_sweep
from simcore.analysis.variation import varied
from simcore.config.scenario import ScenarioConfig


@dataclass(frozen=True)
class EstimateResult:
    """Estimates of one scenario.

    Attributes
    ----------
    estimates : tuple of Estimate
        One for each prompt length.
    sweep : PromptSweep or None
        Over the prompt lengths, when there are several.
    k_sweep : DraftLengthSweep or None
        Over draft lengths, when asked for.
    sensitivity : Sensitivity or None
        At the first prompt length, when asked for.
    with_area : bool
        Whether the text shows area and static power.
    """

    estimates: tuple[Estimate, ...]
    sweep: PromptSweep | None = None
    k_sweep: DraftLengthSweep | None = None
    sensitivity: Sensitivity | None = None
    with_area: bool = False

    @classmethod
    def of(
        cls,
        scenario: ScenarioConfig,
        prompt_lengths: Sequence[int],
        draft_lengths: Sequence[int] | Mapping[int, float] | None = None,
        *,
        with_area: bool = False,
        with_sensitivity: bool = False,
    ) -> EstimateResult:
        """Work out what is asked for.

        Parameters
        ----------
        scenario : ScenarioConfig
            What is decoded on what.
        prompt_lengths : sequence of int
            At least one.
        draft_lengths : sequence of int, or mapping to measured means, optional
            Draft lengths to compare.
        with_area, with_sensitivity : bool
            Further sections.

        Raises
        ------
        ConfigError, ProgramError
            If a length is not possible on this hardware.
        """
        at_each = [varied(scenario, prompt_length=n) for n in prompt_lengths]
        return cls(
            estimates=tuple(estimate_scenario(one) for one in at_each),
            sweep=(
                estimate_sweep(scenario, prompt_lengths) if len(at_each) > 1 else None
            ),
            k_sweep=(
                None
                if draft_lengths is None
                else sweep_draft_lengths(scenario, draft_lengths, prompt_lengths)
            ),
            sensitivity=sensitivity(at_each[0]) if with_sensitivity else None,
            with_area=with_area,
        )

    @property
    def scenario(self) -> ScenarioConfig:
        """The scenario at the first prompt length."""
        return self.estimates[0].scenario

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: one entry for each prompt length, and the sweeps."""
        scenario = self.scenario
        document: dict[str, Any] = {
            "scenario": scenario.name,
            "model": scenario.model.name,
            "hardware": scenario.hardware.name,
            "estimates": [estimate.to_dict() for estimate in self.estimates],
        }
        if self.sweep is not None:
            document["sweep"] = self.sweep.to_dict()
        if self.k_sweep is not None:
            document["k_sweep"] = self.k_sweep.to_dict()
        if self.sensitivity is not None:
            document["sensitivity"] = self.sensitivity.to_dict()
        return document
