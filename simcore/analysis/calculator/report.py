"""What the calculator says: points over prompt lengths, area, break-even."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from simcore.analysis.calculator.area import AreaReport
from simcore.analysis.calculator.cost import Costs
from simcore.analysis.calculator.metrics import Metrics, differences, ratios
from simcore.analysis.calculator.modes import StepKind
from simcore.analysis.calculator.phases import (
    PhaseBreakdown,
    PhaseModel,
    burst_breakdown,
)
from simcore.analysis.calculator.speculation import Speculation
from simcore.config.hardware import Schedule
from simcore.units import leakage_pj


@dataclass(frozen=True)
class CalculatorPoint:
    """One prompt length.

    Attributes
    ----------
    prompt_length : int
        Tokens before the burst.
    metrics, baseline_metrics : dict of str to float
        With speculation, and one token at a time.
    burst_latency_ns : float
        Time of a burst under the schedule.
    leakage_power_nw : float
        Static power of the chip.
    phases : dict of StepKind to PhaseModel
        What the burst consists of.
    """

    prompt_length: int
    metrics: Metrics
    baseline_metrics: Metrics
    burst_latency_ns: float
    leakage_power_nw: float
    phases: dict[StepKind, PhaseModel] = field(repr=False)

    @property
    def leakage_energy_pj(self) -> float:
        """Static energy of a burst."""
        return leakage_pj(self.leakage_power_nw, self.burst_latency_ns)

    @property
    def ratio(self) -> dict[str, float | None]:
        """Metrics over those of the baseline; None where that is 0."""
        return ratios(self.metrics, self.baseline_metrics)

    @property
    def difference(self) -> Metrics:
        """Metrics less those of the baseline."""
        return differences(self.metrics, self.baseline_metrics)

    @cached_property
    def breakdown(self) -> dict[str, PhaseBreakdown]:
        """Draft, verify_drafted, verify_bonus and total, all serialized."""
        return burst_breakdown(self.phases, self.prompt_length)

    def to_dict(self, *, breakdown: bool = True) -> dict[str, Any]:
        """Plain data.

        Parameters
        ----------
        breakdown : bool
            With the phases.
        """
        found: dict[str, Any] = {
            "prompt_length": self.prompt_length,
            "metrics": self.metrics,
            "baseline_metrics": self.baseline_metrics,
            "ratio": self.ratio,
            "difference": self.difference,
            "leakage": {
                "power_nw": self.leakage_power_nw,
                "energy_pj": self.leakage_energy_pj,
            },
            "burst_latency_ns": self.burst_latency_ns,
        }
        if breakdown:
            found["phases"] = {
                name: _phase_dict(phase) for name, phase in self.breakdown.items()
            }
        return found


@dataclass(frozen=True, slots=True)
class AttentionCrossover:
    """Context at which attention costs as much as everything else in a full read.

    Movement, per-burst control and leakage are in neither. None: attention is free.
    """

    energy_prompt_length: float | None
    latency_prompt_length: float | None


@dataclass(frozen=True)
class CalculatorReport:
    """One model, chip and speculation over prompt lengths.

    Attributes
    ----------
    speculation : Speculation
        Draft length and mean committed tokens.
    schedule : {"serialized", "layer-pipelined"}
        How burst latency is computed.
    points : tuple of CalculatorPoint
        In the order asked for.
    area : AreaReport
        Silicon area.
    feature_origins : dict of str to str
        Which coefficient each digital feature uses.
    attention_crossover : AttentionCrossover
        Where attention outgrows the rest.
    """

    speculation: Speculation
    schedule: Schedule
    points: tuple[CalculatorPoint, ...]
    area: AreaReport
    feature_origins: dict[str, str]
    attention_crossover: AttentionCrossover

    @property
    def break_even_prompt_length(self) -> int | None:
        """Shortest prompt of those asked for with more tokens per joule; or None."""
        better = [
            point.prompt_length
            for point in self.points
            if (point.ratio["tokens_per_joule"] or 0.0) > 1.0
        ]
        return min(better, default=None)

    def to_dict(self, *, breakdown: bool = True) -> dict[str, Any]:
        """Plain data for JSON.

        Parameters
        ----------
        breakdown : bool
            With the phases of every point.
        """
        area = self.area
        return {
            "schedule": self.schedule,
            "pipeline_policy": pipeline_policy(self.schedule),
            "draft_length": self.speculation.draft_length,
            "committed_tokens_per_burst": self.speculation.committed,
            "points": [point.to_dict(breakdown=breakdown) for point in self.points],
            "break_even": {
                "tokens_per_joule_prompt_length": self.break_even_prompt_length,
                "attention_exceeds_linear": {
                    "energy_prompt_length": (
                        self.attention_crossover.energy_prompt_length
                    ),
                    "latency_prompt_length": (
                        self.attention_crossover.latency_prompt_length
                    ),
                },
            },
            "area_mm2": {
                "on_chip": area.on_chip,
                "off_chip_hbm": area.off_chip_hbm,
                "components": area.components,
                "stages": area.stages,
            },
            "feature_origins": self.feature_origins,
        }


def pipeline_policy(schedule: Schedule) -> dict[str, str | bool]:
    """What a schedule means for the phases, in the public calculator's words."""
    pipelined = schedule == "layer-pipelined"
    return {
        "schedule": schedule,
        "draft_stage": "serialized",
        "verify_stage": "wavefront" if pipelined else "serialized",
        "mismatch_policy": (
            "no-early-stop-execute-full-burst" if pipelined else "not-modeled"
        ),
        "full_accept_policy": (
            "bonus-always-executed-commit-only-on-full-accept"
            if pipelined
            else "always-charge-verify-bonus-phase"
        ),
        "bonus_in_verify_wavefront": pipelined,
    }


def _phase_dict(phase: PhaseBreakdown) -> dict[str, Any]:
    return {
        **phase.cost._asdict(),
        "stages": _costs_dict(phase.stages),
        "components": _costs_dict(phase.components),
        "channels": _costs_dict(phase.channels),
        "features": {
            name: {"ops": one.ops, **one.cost._asdict()}
            for name, one in phase.features.items()
        },
        "counts": phase.counts,
        "traffic_bytes": phase.traffic_bytes,
    }


def _costs_dict(costs: Costs) -> dict[str, dict[str, float]]:
    return {name: cost._asdict() for name, cost in costs.items()}
