"""The calculator: prices the steps of a chip once, then any burst on it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from simcore.analysis.calculator.area import area_report
from simcore.analysis.calculator.cost import Cost, total_cost
from simcore.analysis.calculator.digital import feature_loads
from simcore.analysis.calculator.from_config import calculator_input
from simcore.analysis.calculator.inputs import CalculatorInput
from simcore.analysis.calculator.memory import FloatArray, kv_bytes
from simcore.analysis.calculator.metrics import MetricArrays, burst_metrics
from simcore.analysis.calculator.modes import STEP_KINDS, StepKind
from simcore.analysis.calculator.phases import PhaseModel
from simcore.analysis.calculator.pipelined import verify_latency_ns
from simcore.analysis.calculator.report import (
    AttentionCrossover,
    CalculatorPoint,
    CalculatorReport,
)
from simcore.analysis.calculator.speculation import (
    BASELINE,
    Speculation,
    speculation,
)
from simcore.analysis.calculator.steps import step_cost
from simcore.config.acceptance import AcceptanceConfig
from simcore.config.hardware import HardwareConfig, Schedule
from simcore.config.model import ModelConfig
from simcore.errors import ConfigError, Problem


class Calculator:
    """One model on one chip.

    Parameters
    ----------
    chip : CalculatorInput
        Model and hardware.
    """

    def __init__(self, chip: CalculatorInput) -> None:
        self.chip = chip
        self.leakage_power_nw = sum(chip.leakage_power.model_dump().values())
        self._steps = {kind: step_cost(chip, kind) for kind in STEP_KINDS}
        self._loads = feature_loads(chip)
        self._kv = None if chip.memory is None else kv_bytes(chip, chip.memory)
        soc = chip.soc
        per_layer = Cost(
            soc.control.energy_pj_per_burst, soc.control.latency_ns_per_burst
        ).plus(
            Cost(
                soc.verify_setup.energy_pj_per_burst,
                soc.verify_setup.latency_ns_per_burst,
            )
        )
        self._per_burst = per_layer.times(chip.model.n_layers)

    def phases(self, burst: Speculation) -> dict[StepKind, PhaseModel]:
        """Phases of a burst.

        Parameters
        ----------
        burst : Speculation
            Draft length and mean committed tokens.
        """
        k = burst.draft_length
        before = k * (k - 1) // 2
        return {
            "draft": self._phase("draft", k, before, before, 0.0),
            "verify_drafted": self._phase("verify_drafted", k, before, before, 0.0),
            "verify_bonus": self._phase("verify_bonus", 1, k, k, burst.committed),
        }

    def _phase(
        self,
        kind: StepKind,
        steps: int,
        context_offset: int,
        speculative_reads: int,
        committed: float,
    ) -> PhaseModel:
        return PhaseModel(
            kind=kind,
            steps=steps,
            context_offset=context_offset,
            step=self._steps[kind],
            per_burst=self._per_burst if kind == "verify_bonus" else Cost(),
            loads=self._loads,
            n_layers=self.chip.model.n_layers,
            memory=self.chip.memory,
            kv=self._kv,
            speculative_reads=speculative_reads,
            committed=committed,
        )

    def metrics(
        self, burst: Speculation, prompt_lengths: Sequence[int]
    ) -> MetricArrays:
        """Metrics at several prompt lengths at once.

        Parameters
        ----------
        burst : Speculation
            Draft length and mean committed tokens.
        prompt_lengths : sequence of int
            Each >= 0.

        Raises
        ------
        ConfigError
            If a prompt length is negative, or too long for the KV cache.
        """
        self._check(burst.draft_length, prompt_lengths)
        lengths = np.asarray(prompt_lengths, dtype=np.float64)
        phases = self.phases(burst)
        totals = {kind: phase.totals(lengths) for kind, phase in phases.items()}
        energy = sum((t[0] for t in totals.values()), np.zeros_like(lengths))
        return burst_metrics(
            energy,
            self._burst_latency_ns(
                phases, {kind: t[1] for kind, t in totals.items()}, lengths
            ),
            self.leakage_power_nw,
            burst.committed,
        )

    def _burst_latency_ns(
        self,
        phases: dict[StepKind, PhaseModel],
        serialized_ns: dict[StepKind, FloatArray],
        lengths: FloatArray,
    ) -> FloatArray:
        drafted = phases["verify_drafted"]
        # One token at a time there is nothing to pipeline.
        if self.chip.schedule == "layer-pipelined" and drafted.steps:
            return serialized_ns["draft"] + verify_latency_ns(
                drafted, phases["verify_bonus"], lengths
            )
        return (
            serialized_ns["draft"]
            + serialized_ns["verify_drafted"]
            + serialized_ns["verify_bonus"]
        )

    def report(
        self, burst: Speculation, prompt_lengths: Sequence[int]
    ) -> CalculatorReport:
        """Points over prompt lengths with their baseline, and what is common to all.

        Raises
        ------
        ConfigError
            As `metrics`.
        """
        metrics = self.metrics(burst, prompt_lengths)
        baseline = self.metrics(BASELINE, prompt_lengths)
        phases = self.phases(burst)
        points = tuple(
            CalculatorPoint(
                prompt_length=length,
                metrics=metrics.at(i),
                baseline_metrics=baseline.at(i),
                burst_latency_ns=float(metrics.burst_latency_ns[i]),
                leakage_power_nw=self.leakage_power_nw,
                phases=phases,
            )
            for i, length in enumerate(prompt_lengths)
        )
        return CalculatorReport(
            speculation=burst,
            schedule=self.chip.schedule,
            points=points,
            area=area_report(self.chip),
            feature_origins={
                name: feature.origin for name, feature in self.chip.features.items()
            },
            attention_crossover=self.attention_crossover(),
        )

    def attention_crossover(self) -> AttentionCrossover:
        """Where attention costs as much as the rest of a full read."""
        rest = total_cost(self._steps["verify_bonus"].stages.values())
        attention = Cost()
        for load in self._loads.values():
            n_layers = self.chip.model.n_layers
            rest = rest.plus(load.per_op.times(load.ops * n_layers))
            attention = attention.plus(
                load.per_op.times(load.ops_per_context_token * n_layers)
            )
        return AttentionCrossover(
            energy_prompt_length=(
                rest.energy_pj / attention.energy_pj if attention.energy_pj else None
            ),
            latency_prompt_length=(
                rest.latency_ns / attention.latency_ns if attention.latency_ns else None
            ),
        )

    def _check(self, draft_length: int, prompt_lengths: Sequence[int]) -> None:
        problems = []
        if not prompt_lengths:
            problems.append(Problem("prompt_lengths", message="must not be empty"))
        memory = self.chip.memory
        limit = None if memory is None else memory.kv_cache.max_context_tokens
        for length in prompt_lengths:
            if length < 0:
                problems.append(
                    Problem(
                        "workload.prompt_length",
                        got=str(length),
                        allowed="must be >= 0",
                    )
                )
            elif limit is not None and length + draft_length > limit:
                problems.append(
                    Problem(
                        "workload.prompt_length",
                        message="Max context capacity exceeded",
                        got=f"prompt_length + draft_length = {length + draft_length}",
                        allowed=(
                            "must be at most hardware.memory.kv_cache."
                            f"max_context_tokens ({limit})"
                        ),
                    )
                )
        if problems:
            raise ConfigError(problems)


def calculate(
    model: ModelConfig,
    hardware: HardwareConfig,
    acceptance: AcceptanceConfig,
    prompt_lengths: Sequence[int],
    *,
    draft_length: int | None = None,
    schedule: Schedule | None = None,
) -> CalculatorReport:
    """Everything the public calculator reports, at each prompt length.

    Parameters
    ----------
    model : ModelConfig
        Costed without grouped heads, and with head_dim = d_model / n_heads.
    hardware : HardwareConfig
        With knobs or legacy costs.
    acceptance : AcceptanceConfig
        Only its mean matters.
    prompt_lengths : sequence of int
        Each >= 0, at least one.
    draft_length : int, optional
        K; default: that of the acceptance.
    schedule : {"serialized", "layer-pipelined"}, optional
        Default: the hardware's.

    Raises
    ------
    ConfigError
        If d_model is not divisible by n_heads, a context does not fit into the KV
        cache, or the acceptance has no mean at this draft length.
    """
    calculator = Calculator(calculator_input(model, hardware, schedule))
    return calculator.report(speculation(acceptance, draft_length), prompt_lengths)
