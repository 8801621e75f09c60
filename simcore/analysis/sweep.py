"""A scenario over many prompt lengths, with its baseline at each.

Everything is evaluated on arrays: the bursts of a request are the same at every prompt
length but for a shift of their contexts, and `BurstModel` knows what a burst costs at
any context.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from simcore.analysis.burst_model import (
    BurstModel,
    baseline_burst_model,
    burst_arrays,
    scenario_burst_model,
)
from simcore.analysis.calculator_report import calculator_section
from simcore.analysis.context_sum import FloatArray, IntArray
from simcore.analysis.crossover import (
    AttentionCrossover,
    break_even_prompt_length,
)
from simcore.analysis.expectation import ExpectedBursts, expected_bursts
from simcore.analysis.leakage import gated_power_nw, total_power_nw
from simcore.analysis.speculation import baseline_bursts
from simcore.analysis.variation import varied
from simcore.config.scenario import ScenarioConfig
from simcore.units import NS_PER_S, PJ_PER_J, leakage_pj

#: Metrics that are compared with the baseline.
COMPARED = (
    "latency_ns_per_token",
    "energy_pj_per_token",
    "throughput_tokens_per_s",
    "tokens_per_joule",
)
_W_PER_PJ_PER_NS = 1e-3

MetricArrays = dict[str, FloatArray]


@dataclass(frozen=True)
class PromptSweep:
    """Closed-form estimates at several prompt lengths.

    Attributes
    ----------
    scenario : ScenarioConfig
        What was swept; its own prompt length plays no part.
    prompt_lengths : tuple of int
        In the order asked for; all arrays follow it.
    metrics, baseline_metrics : dict of str to ndarray of float, shape (n,)
        With speculation and one token at a time, as `Estimate.metrics`.
    break_even_committed_tokens : ndarray of float, shape (n,)
        C* = burst time over K = 0 step time at the same contexts.
    break_even_power_w : ndarray of float, shape (n,)
        Static power above which tokens per joule improve; NaN where no time is saved.
    """

    scenario: ScenarioConfig
    prompt_lengths: tuple[int, ...]
    metrics: MetricArrays
    baseline_metrics: MetricArrays
    break_even_committed_tokens: FloatArray
    break_even_power_w: FloatArray
    attention_crossover: AttentionCrossover

    @cached_property
    def ratio(self) -> MetricArrays:
        """Compared metrics over those of the baseline; NaN where that is 0."""
        return {name: self._ratio(name) for name in COMPARED}

    @cached_property
    def difference(self) -> MetricArrays:
        """Compared metrics less those of the baseline."""
        return {
            name: self.metrics[name] - self.baseline_metrics[name] for name in COMPARED
        }

    @property
    def speedup(self) -> FloatArray:
        """Baseline latency per token over the speculative one; NaN where that is 0."""
        return _divide(
            self.baseline_metrics["latency_ns_per_token"],
            self.metrics["latency_ns_per_token"],
        )

    @property
    def break_even_prompt_length(self) -> int | None:
        """Shortest prompt asked for with more tokens per joule than the baseline."""
        return break_even_prompt_length(
            self.prompt_lengths, self.ratio["tokens_per_joule"].tolist()
        )

    def points(self) -> Iterator[dict[str, Any]]:
        """Plain data of one prompt length after the other."""
        groups = {
            "metrics": self.metrics,
            "baseline_metrics": self.baseline_metrics,
            "ratio": self.ratio,
            "difference": self.difference,
        }
        columns = {
            group: (tuple(arrays), np.column_stack(tuple(arrays.values())).tolist())
            for group, arrays in groups.items()
        }
        speedup, c_star = self.speedup.tolist(), self.break_even_committed_tokens
        power = self.break_even_power_w.tolist()
        for i, length in enumerate(self.prompt_lengths):
            point: dict[str, Any] = {"prompt_length": length}
            for group, (names, rows) in columns.items():
                point[group] = dict(zip(names, rows[i], strict=True))
            point["speedup"] = speedup[i]
            point["break_even_committed_tokens"] = float(c_star[i])
            point["break_even_power_w"] = power[i]
            yield point

    def break_even_dict(self) -> dict[str, Any]:
        """Both meanings of break-even."""
        return {
            "tokens_per_joule_prompt_length": self.break_even_prompt_length,
            "attention_exceeds_linear": self.attention_crossover.to_dict(),
        }

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        scenario = self.scenario
        return {
            "draft_length": scenario.workload.draft_length,
            "schedule": scenario.schedule,
            "mode": scenario.workload.mode,
            "points": list(self.points()),
            "break_even": self.break_even_dict(),
            "accounting": scenario.accounting.model_dump(),
            "warnings": list(scenario.warnings),
            **calculator_section(scenario, self.prompt_lengths),
        }

    def _ratio(self, name: str) -> FloatArray:
        return _divide(self.metrics[name], self.baseline_metrics[name])


def estimate_sweep(
    scenario: ScenarioConfig, prompt_lengths: Sequence[int]
) -> PromptSweep:
    """Estimate a scenario at several prompt lengths.

    Parameters
    ----------
    scenario : ScenarioConfig
        What is decoded on what.
    prompt_lengths : sequence of int
        At least one; each must be legal for the scenario.

    Raises
    ------
    ConfigError, ProgramError
        If the shortest or the longest prompt is not possible.
    """
    if not prompt_lengths:
        raise ValueError("prompt_lengths must not be empty")
    # What forbids a length forbids all beyond it, so that the two ends are enough.
    varied(scenario, prompt_length=min(prompt_lengths))
    longest = varied(scenario, prompt_length=max(prompt_lengths))
    burst = scenario_burst_model(longest)
    program = burst.program
    base = baseline_burst_model(program)
    expected = expected_bursts(longest)
    start = longest.workload.prompt_length
    prompts = np.array(prompt_lengths, dtype=np.int64)
    wasted = program.draft_length * expected.bursts - expected.accepted

    latency, drafting = _totals_ns(burst, expected, start, prompts)
    energy = _totals_pj(burst, expected, start, prompts)
    leaked = leakage_pj(total_power_nw(program), 1.0) * latency
    leaked -= leakage_pj(gated_power_nw(program), 1.0) * drafting
    metrics = _metrics(
        latency, energy, leaked, expected.committed, expected.bursts, wasted
    )
    alone = baseline_bursts(start, longest.workload.max_tokens)
    base_latency, _ = _totals_ns(base, alone, start, prompts)
    base_energy = _totals_pj(base, alone, start, prompts)
    tokens = alone.committed
    base_leaked = leakage_pj(total_power_nw(base.program), 1.0) * base_latency
    baseline = _metrics(base_latency, base_energy, base_leaked, tokens, tokens, 0.0)
    # The K = 0 steps at the contexts at which bursts start.
    steps = ExpectedBursts(
        {
            outcome: bursts
            for context, (bursts, _) in expected.by_context.items()
            for outcome in baseline_bursts(context, None).weights
        }
    )
    step_ns, _ = _totals_ns(base, steps, start, prompts)
    return PromptSweep(
        scenario=scenario,
        prompt_lengths=tuple(prompt_lengths),
        metrics=metrics,
        baseline_metrics=baseline,
        break_even_committed_tokens=_divide(latency, step_ns),
        break_even_power_w=_break_even_power_w(metrics, baseline),
        attention_crossover=base.attention_crossover,
    )


def _shifted(
    burst: BurstModel, expected: ExpectedBursts, start: int, prompts: IntArray
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Contexts and tokens of all bursts at all prompts, flat, and the weights."""
    contexts, committed, weights = burst_arrays(expected, burst.program.accounting)
    shifted = prompts[:, None] + (contexts - start)[None, :]
    return shifted.ravel(), np.tile(committed, prompts.size), weights


def _totals_ns(
    burst: BurstModel, expected: ExpectedBursts, start: int, prompts: IntArray
) -> tuple[FloatArray, FloatArray]:
    """Time of a request at every prompt length, and how much of it drafts."""
    contexts, committed, weights = _shifted(burst, expected, start, prompts)
    draft, verify, commit = burst.burst_ns(contexts, committed)
    total: FloatArray = (draft + verify + commit).reshape(prompts.size, -1) @ weights
    drafting: FloatArray = draft.reshape(prompts.size, -1) @ weights
    return total, drafting


def _totals_pj(
    burst: BurstModel, expected: ExpectedBursts, start: int, prompts: IntArray
) -> FloatArray:
    contexts, committed, weights = _shifted(burst, expected, start, prompts)
    energy = burst.costs.total_energy_pj.at(contexts, committed)
    total: FloatArray = energy.reshape(prompts.size, -1) @ weights
    return total


def _metrics(
    latency: FloatArray,
    dynamic: FloatArray,
    leakage: FloatArray,
    tokens: float,
    bursts: float,
    wasted: float,
) -> MetricArrays:
    total = dynamic + leakage
    same = np.ones(latency.shape)
    return {
        "latency_ns_per_token": latency / tokens,
        "energy_pj_per_token": total / tokens,
        "dynamic_energy_pj_per_token": dynamic / tokens,
        "leakage_energy_pj_per_token": leakage / tokens,
        "throughput_tokens_per_s": _divide(NS_PER_S * tokens * same, latency, 0.0),
        "tokens_per_joule": _divide(PJ_PER_J * tokens * same, total, 0.0),
        "committed_tokens_per_burst": tokens / bursts * same,
        "wasted_verify_steps_per_burst": wasted / bursts * same,
        "burst_latency_ns": latency / bursts,
        "request_latency_ns": latency,
    }


def _break_even_power_w(metrics: MetricArrays, baseline: MetricArrays) -> FloatArray:
    name = "dynamic_energy_pj_per_token"
    more = np.maximum(metrics[name] - baseline[name], 0.0)
    saved = baseline["latency_ns_per_token"] - metrics["latency_ns_per_token"]
    found = np.full(saved.shape, np.nan)
    np.divide(more * _W_PER_PJ_PER_NS, saved, out=found, where=saved > 0)
    return found


def _divide(
    values: FloatArray, by: FloatArray, otherwise: float = np.nan
) -> FloatArray:
    found = np.full(values.shape, otherwise)
    np.divide(values, by, out=found, where=by != 0)
    return found
