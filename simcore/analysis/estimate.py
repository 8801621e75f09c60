"""The closed-form answer for a scenario, or for a model, a chip and an acceptance."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

from simcore.analysis.area import AreaReport, area_report
from simcore.analysis.burst_model import baseline_burst_model, scenario_burst_model
from simcore.analysis.calculator_report import calculator_section
from simcore.analysis.capacity import (
    HbmCapacity,
    PipelineTimes,
    hbm_capacity,
    pipeline_times,
)
from simcore.analysis.closed_form import RequestExpectation, request_expectation
from simcore.analysis.crossover import AttentionCrossover
from simcore.analysis.expectation import expected_bursts
from simcore.analysis.leakage import LeakageReport, leakage_report
from simcore.analysis.movement_coverage import movement_rows
from simcore.analysis.programming import ProgrammingReport, programming_report
from simcore.analysis.speculation import (
    SpeculationVerdict,
    baseline_bursts,
    judge,
    notes,
)
from simcore.analysis.variation import varied
from simcore.config.acceptance import AcceptanceConfig
from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import HardwareConfig, Schedule
from simcore.config.load import load_scenario
from simcore.config.model import ModelConfig
from simcore.config.scenario import ScenarioConfig
from simcore.notebook import html_table, metric_rows
from simcore.program.burst import BurstProgram
from simcore.program.coverage import coverage

Source = str | Path | Mapping[str, Any]


@dataclass(frozen=True)
class Estimate:
    """Expectation of one request with its baseline.

    Attributes
    ----------
    scenario : ScenarioConfig
        What was estimated.
    program : BurstProgram
        The operations it was computed from.
    expectation : RequestExpectation
        Speculative decoding.
    verdict : SpeculationVerdict
        Against one token at a time.
    step_ns : dict
        Time of a single draft and verify step at the prompt's context.
    """

    scenario: ScenarioConfig
    program: BurstProgram
    expectation: RequestExpectation
    verdict: SpeculationVerdict
    step_ns: dict[str, float]

    @property
    def metrics(self) -> dict[str, float]:
        """Metrics by name."""
        return self.expectation.metrics()

    def _repr_html_(self) -> str:
        """Metrics and the comparison with plain decoding, for a notebook."""
        workload, verdict = self.scenario.workload, self.verdict
        against = {
            "speedup": verdict.speedup,
            "break_even_committed_tokens": verdict.break_even_committed_tokens,
        }
        rows = metric_rows({**self.metrics, **against})
        return html_table(
            f"{self.scenario.name}: closed form of {self.scenario.model.name} on "
            f"{self.scenario.hardware.name}, {self.scenario.schedule}, "
            f"K = {workload.draft_length}, prompt {workload.prompt_length:,}",
            ("metric", "value"),
            [row[:2] for row in rows],
        )

    @cached_property
    def area(self) -> AreaReport:
        """Silicon of the chip."""
        scenario = self.scenario
        return area_report(
            scenario.model,
            scenario.hardware,
            scenario.accounting,
            scenario.workload.draft_length,
        )

    @property
    def leakage(self) -> LeakageReport:
        """Static energy of the request, with and without power gating."""
        return leakage_report(self.program, self.expectation.latency_ns)

    @property
    def attention_crossover(self) -> AttentionCrossover:
        """Context from which attention costs more than the rest of a token."""
        return baseline_burst_model(self.program).attention_crossover

    @property
    def pipeline(self) -> PipelineTimes | None:
        """Token period and end-to-end latency of verify steps, when pipelined."""
        return pipeline_times(self.program, self.scenario.workload.prompt_length)

    @property
    def hbm_capacity(self) -> HbmCapacity | None:
        """Bytes of the longest context against what HBM holds."""
        workload = self.scenario.workload
        tokens = workload.max_tokens or workload.draft_length + 1
        return hbm_capacity(self.program, workload.prompt_length + tokens)

    @property
    def warnings(self) -> list[str]:
        """What may be wrong with the input."""
        found = list(self.scenario.warnings)
        hbm = self.hbm_capacity
        if hbm is not None and hbm.fits is False:
            found.append(
                f"HBM must hold {hbm.needed_bytes:,} bytes at a context of "
                f"{hbm.longest_context_tokens:,} tokens, but has "
                f"{hbm.capacity_bytes:,}."
            )
        return found

    @property
    def programming(self) -> ProgrammingReport | None:
        """Writing the weights once; None without figures for it."""
        scenario = self.scenario
        return programming_report(
            scenario.model, scenario.hardware, scenario.accounting
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON: everything a report prints."""
        scenario = self.scenario
        pipeline, hbm = self.pipeline, self.hbm_capacity
        programming = self.programming
        return {
            "prompt_length": scenario.workload.prompt_length,
            "draft_length": scenario.workload.draft_length,
            "mode": scenario.workload.mode,
            "schedule": scenario.schedule,
            "metrics": self.metrics,
            "request": self.expectation.to_dict(),
            "step_ns": self.step_ns,
            **self.verdict.to_dict(),
            "accounting": scenario.accounting.model_dump(),
            "attention_exceeds_linear": self.attention_crossover.to_dict(),
            "pipeline": None if pipeline is None else pipeline.to_dict(),
            "hbm_capacity": None if hbm is None else hbm.to_dict(),
            "area": self.area.to_dict(),
            "leakage": self.leakage.to_dict(),
            "programming": None if programming is None else programming.to_dict(),
            "movement": movement_rows(self.program),
            **calculator_section(scenario, [scenario.workload.prompt_length]),
            "coverage": [asdict(item) for item in coverage(self.program)],
            "warnings": self.warnings,
            "notes": notes(self.program, scenario.acceptance, self.verdict),
        }


def estimate(
    model: Source | ModelConfig,
    hardware: Source | HardwareConfig,
    acceptance: Source | AcceptanceConfig,
    prompt_length: int,
    *,
    draft_length: int | None = None,
    accounting: str | Mapping[str, Any] | AccountingConfig | None = None,
    schedule: Schedule | None = None,
    max_tokens: int | None = None,
) -> Estimate:
    """Closed-form estimate without a scenario file.

    Parameters
    ----------
    model, hardware, acceptance : path, name, mapping or config object
        As `load_model`, `load_hardware` and `load_acceptance` take them.
    prompt_length : int
        Context length at the first burst, >= 1; 0 is legal with accounting profile
        `selfspec-calculator`.
    draft_length : int, optional
        K; default: that of the acceptance.
    accounting : profile name or mapping of switches, optional
        Default `physical`.
    schedule : {"serialized", "layer-pipelined"}, optional
        Default: the hardware's.
    max_tokens : int, optional
        Tokens to generate; without it, one burst at the prompt's context.

    Raises
    ------
    ConfigError, ProgramError
        If the input is wrong, or cannot run on this hardware.
    """
    workload: dict[str, Any] = {"prompt_length": prompt_length}
    if draft_length is not None:
        workload["draft_length"] = draft_length
    if max_tokens is None:
        workload["mode"] = "burst"
    else:
        workload["max_tokens"] = max_tokens
    document: dict[str, Any] = {
        "name": "estimate",
        "model": model,
        "hardware": hardware,
        "acceptance": acceptance,
        "workload": workload,
    }
    if accounting is not None:
        document["accounting"] = accounting
    if schedule is not None:
        document["schedule"] = schedule
    return estimate_scenario(load_scenario(document))


def estimate_scenario(
    scenario: ScenarioConfig, prompt_length: int | None = None
) -> Estimate:
    """Closed-form estimate of a scenario, or of it at another prompt length."""
    if prompt_length is not None:
        scenario = varied(scenario, prompt_length=prompt_length)
    burst = scenario_burst_model(scenario)
    program = burst.program
    expected = expected_bursts(scenario)
    expectation = request_expectation(program, expected, burst=burst)
    workload = scenario.workload
    verdict = judge(
        program,
        expected,
        expectation,
        baseline_bursts(workload.prompt_length, workload.max_tokens),
    )
    steps = {step.phase: step for step in reversed(list(program.steps))}
    return Estimate(
        scenario=scenario,
        program=program,
        expectation=expectation,
        verdict=verdict,
        step_ns={
            phase: burst.latency.step_ns(step, workload.prompt_length)
            for phase, step in sorted(steps.items())
        },
    )
