"""Does speculation pay here? What every report must say beside its numbers.

C* is the number of committed tokens a burst needs to break even with decoding one
token at a time on the same chip, at the same contexts, under the same schedule and
switches. Dynamic energy never improves when every verify step is a full read, so the
break-even power tells how much static power the time saved must be worth.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

from simcore.analysis.burst_model import baseline_burst_model
from simcore.analysis.closed_form import RequestExpectation, request_expectation
from simcore.analysis.composition import parts
from simcore.analysis.expectation import ExpectedBursts
from simcore.analysis.hardware_notes import hardware_notes
from simcore.config.acceptance import (
    AcceptanceConfig,
    BurstReplayAcceptance,
    MarkovAcceptance,
    PositionReplayAcceptance,
)
from simcore.program.burst import BurstProgram
from simcore.program.operation import HBM, LayerStep
from simcore.program.outcomes import BurstOutcome
from simcore.units import NS_PER_S

_W_PER_PJ_PER_NS = 1e-3


@dataclass(frozen=True)
class SpeculationVerdict:
    """Speculation against one token at a time, by formula.

    Attributes
    ----------
    baseline : RequestExpectation
        The same tokens decoded with K = 0.
    burst_latency_ns, baseline_step_ns : float
        Mean latency of a burst, and of a K = 0 step with its commit at the same
        contexts.
    committed_tokens_per_burst : float
        E[committed].
    speedup : float
        Baseline latency per token over speculative latency per token.
    dynamic_energy_ratio : float
        Speculative dynamic energy per token over that of the baseline.
    break_even_power_w : float or None
        Static power above which speculation improves tokens per joule; None when it
        saves no time, 0 when it saves dynamic energy as well.
    filled_pipeline_tokens_per_s : float
        Upper bound of throughput without speculation when enough requests share the
        chip: 1 / (busiest resource's time per token).
    """

    baseline: RequestExpectation
    burst_latency_ns: float
    baseline_step_ns: float
    committed_tokens_per_burst: float
    speedup: float
    dynamic_energy_ratio: float
    break_even_power_w: float | None
    filled_pipeline_tokens_per_s: float
    busiest_without_speculation: str

    @property
    def break_even_committed_tokens(self) -> float:
        """C* = T_burst / T_base."""
        if not self.baseline_step_ns:
            return math.nan
        return self.burst_latency_ns / self.baseline_step_ns

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "baseline": {
                "metrics": self.baseline.metrics(),
                **self.baseline.to_dict(),
            },
            "ratio": {
                "speedup": self.speedup,
                "dynamic_energy": self.dynamic_energy_ratio,
            },
            "break_even_committed_tokens": self.break_even_committed_tokens,
            "committed_tokens_per_burst": self.committed_tokens_per_burst,
            "break_even_power_w": self.break_even_power_w,
            "filled_pipeline_tokens_per_s": self.filled_pipeline_tokens_per_s,
            "busiest_without_speculation": self.busiest_without_speculation,
        }


def judge(
    program: BurstProgram,
    expected: ExpectedBursts,
    speculative: RequestExpectation,
    baseline_expected: ExpectedBursts,
) -> SpeculationVerdict:
    """Compare a program with its own baseline.

    Parameters
    ----------
    program, expected, speculative
        The speculative program, its bursts and their expectation.
    baseline_expected : ExpectedBursts
        The same tokens, one a burst.
    """
    base = baseline_burst_model(program)
    baseline = request_expectation(base.program, baseline_expected, burst=base)
    tokens, base_tokens = speculative.committed_tokens, baseline.committed_tokens
    latency = speculative.total_latency_ns / tokens
    base_latency = baseline.total_latency_ns / base_tokens
    energy = speculative.dynamic_energy_pj / tokens
    base_energy = baseline.dynamic_energy_pj / base_tokens
    contexts = np.array(list(expected.by_context), dtype=np.int64)
    draft, verify, commit = base.burst_ns(contexts, np.ones(contexts.shape))
    step_ns = math.fsum(
        bursts * time
        for (bursts, _), time in zip(
            expected.by_context.values(),
            (draft + verify + commit).tolist(),
            strict=True,
        )
    )
    busiest, demand_ns = busiest_resource(base.program, min(expected.by_context))
    return SpeculationVerdict(
        baseline=baseline,
        burst_latency_ns=speculative.total_latency_ns / speculative.bursts,
        baseline_step_ns=step_ns / expected.bursts,
        committed_tokens_per_burst=tokens / speculative.bursts,
        speedup=base_latency / latency if latency else math.nan,
        dynamic_energy_ratio=energy / base_energy if base_energy else math.nan,
        break_even_power_w=_break_even_power_w(
            energy - base_energy, base_latency - latency
        ),
        filled_pipeline_tokens_per_s=NS_PER_S / demand_ns if demand_ns else math.inf,
        busiest_without_speculation=busiest,
    )


def _break_even_power_w(more_energy_pj: float, time_saved_ns: float) -> float | None:
    """dE/dt: dynamic energy paid over time saved, per token."""
    if time_saved_ns <= 0:
        return None
    return max(0.0, more_energy_pj) / time_saved_ns * _W_PER_PJ_PER_NS


def busiest_resource(program: BurstProgram, context_length: int) -> tuple[str, float]:
    """Resource with the largest demand of a K = 0 burst, and its time in ns.

    Layers of one kind have the same demand, so a layer resource is named by kind.
    """
    # The same layer runs its step, its commit and, where it is the first, the setup.
    steps: dict[str, float] = {}
    once: dict[str, float] = {}
    for phase, index, part, times in parts(program):
        context = part.context(context_length + index)
        is_step = phase != "commit" and part is not program.setup
        for kind, time in _held_ns(part, context).items():
            if kind == HBM:
                once[kind] = once.get(kind, 0.0) + time * times
            elif is_step:
                steps[kind] = max(steps.get(kind, 0.0), time)
            else:
                once[kind] = once.get(kind, 0.0) + time
        if is_step and program.policy.pipelined:
            stays = sum(
                max(op.ns_at(context, 1) for op in legs) for legs in part.positions
            )
            steps["layer"] = max(steps.get("layer", 0.0), stays)
    demand = {k: steps.get(k, 0.0) + once.get(k, 0.0) for k in {*steps, *once}}
    name = max(sorted(demand), key=lambda kind: demand[kind], default="")
    return name, demand.get(name, 0.0)


def _held_ns(part: LayerStep, context: int) -> dict[str, float]:
    """How long a layer's part holds each kind of resource, for one committed token."""
    held: dict[str, float] = {}
    for legs in part.positions:
        for op in legs:
            time = op.ns_at(context, 1)
            for kind in op.resources:
                held[kind] = held.get(kind, 0.0) + time
    return held


def baseline_bursts(prompt_length: int, tokens: int | None) -> ExpectedBursts:
    """Bursts of the K = 0 baseline: one token each.

    Parameters
    ----------
    tokens : int or None
        Tokens of a generation; None for one burst at the prompt's context.
    """
    contexts = range(prompt_length, prompt_length + (tokens or 1))
    return ExpectedBursts({BurstOutcome(c, 0, 1): 1.0 for c in contexts})


def reuse_exactness(program: BurstProgram) -> tuple[int, int]:
    """How many analog blocks reuse computes exactly, of how many.

    A stored draft result equals a full read only while the block's input is the same
    in both passes: up to and including the first block in draft mode.
    """
    policies = [
        policy
        for layer in range(program.n_layers)
        for policy in (
            program.model.block_policy(layer).qkv,
            program.model.block_policy(layer).wo,
            program.model.block_policy(layer).ffn,
        )
    ]
    exact = policies.index("draft") + 1 if "draft" in policies else len(policies)
    return exact, len(policies)


def notes(
    program: BurstProgram, acceptance: AcceptanceConfig, verdict: SpeculationVerdict
) -> list[str]:
    """Sentences a report must carry, with the numbers of this scenario."""
    k = program.draft_length
    c_star = verdict.break_even_committed_tokens
    committed = verdict.committed_tokens_per_burst
    said = []
    if k:
        relation = "above" if committed > c_star else "not above"
        said.append(
            f"A burst commits {committed:.3g} tokens on average, {relation} the "
            f"C* = {c_star:.3g} that break even: speculation "
            + ("pays here." if committed > c_star else "does not pay here.")
        )
        if not program.policy.pipelined and c_star > k + 1:
            said.append(
                f"Serialized speculation cannot win: C* = {c_star:.3g} exceeds the "
                f"K + 1 = {k + 1} tokens that a burst can commit at most."
            )
        said.append(_energy_note(program, verdict))
        said.append(_acceptance_note(acceptance))
    if program.hardware.reuse_policy == "reuse" and k:
        exact, blocks = reuse_exactness(program)
        said.append(
            f"Reuse exact for {exact} of {blocks} blocks; acceptance must be measured "
            "under reuse."
        )
    said.append(
        "Without speculation, enough requests in flight would decode at most "
        f"{_rounded(verdict.filled_pipeline_tokens_per_s)} tokens/s in all (bound by "
        f"{verdict.busiest_without_speculation}); speculation is a latency feature."
    )
    said += hardware_notes(program.hardware)
    said.append("KV reads, qk and pv are additive: no streaming between them.")
    if program.accounting.tile_parallelism == "all":
        said.append("tile_parallelism all is an ideal bound: down waits for nothing.")
    said.append("Prefill and time to first token are excluded.")
    return said


def _rounded(value: float) -> str:
    """Three significant digits without an exponent, for people."""
    if not math.isfinite(value) or abs(value) < 1000:
        return f"{value:.3g}"
    return f"{float(f'{value:.3g}'):,.0f}"


def _energy_note(program: BurstProgram, verdict: SpeculationVerdict) -> str:
    ratio = verdict.dynamic_energy_ratio
    said = f"Dynamic energy per token is {ratio:.3g} times the baseline's"
    power = verdict.break_even_power_w
    if power is None:
        return f"{said}, and no time is saved: tokens per joule cannot improve."
    if power == 0:
        return f"{said}: tokens per joule improve at any static power."
    never = (
        "; under reread it never improves"
        if program.hardware.reuse_policy == "reread"
        else ""
    )
    return (
        f"{said}{never}: tokens per joule improve only above {power:.3g} W of static "
        "power."
    )


def _acceptance_note(acceptance: AcceptanceConfig) -> str:
    label = f' ("{acceptance.label}")' if acceptance.label else ""
    if isinstance(acceptance, PositionReplayAcceptance):
        return f"Acceptance: position trace replayed{label}; serves any draft length."
    if isinstance(acceptance, BurstReplayAcceptance):
        return (
            f"Acceptance: recorded bursts replayed{label}; valid at the recorded draft "
            "length."
        )
    if isinstance(acceptance, MarkovAcceptance):
        return (
            f"Acceptance: Markov chain of accepted lengths{label}; valid at the draft "
            "length it was measured at."
        )
    return (
        f"Acceptance: {acceptance.kind}, bursts drawn independently{label}: right for "
        "means at this draft length, wrong for tails and for sweeps over it."
    )
