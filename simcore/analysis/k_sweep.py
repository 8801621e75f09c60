"""Which draft length is best: the same scenario at several K.

K changes what is accepted, so a sweep needs either a mean that was measured at each K,
or an acceptance that serves every K: a position trace (exact), a geometric rate (an
assumption), or a histogram of a longer draft (cut to min(a, K), which is biased).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

import numpy as np

from simcore.analysis.calculator_report import calculator_k_sweep
from simcore.analysis.sweep import PromptSweep, estimate_sweep
from simcore.analysis.variation import varied
from simcore.config.acceptance import AcceptanceConfig, HistogramAcceptance
from simcore.config.scenario import ScenarioConfig
from simcore.errors import ConfigError, Problem

THROUGHPUT = "throughput_tokens_per_s"
TOKENS_PER_JOULE = "tokens_per_joule"


@dataclass(frozen=True)
class BestDraftLength:
    """Best draft lengths at one prompt length; the smaller of equals."""

    prompt_length: int
    by_throughput: int
    by_tokens_per_joule: int

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "prompt_length": self.prompt_length,
            "draft_length_by_throughput": self.by_throughput,
            "draft_length_by_tokens_per_joule": self.by_tokens_per_joule,
        }


@dataclass(frozen=True)
class DraftLengthSweep:
    """Closed-form estimates at several draft lengths and prompt lengths.

    Attributes
    ----------
    scenario : ScenarioConfig
        What was swept; its own draft and prompt length play no part.
    sweeps : tuple of PromptSweep
        One for each draft length, in increasing order.
    """

    scenario: ScenarioConfig
    sweeps: tuple[PromptSweep, ...]

    @property
    def prompt_lengths(self) -> tuple[int, ...]:
        """In the order asked for."""
        return self.sweeps[0].prompt_lengths

    @property
    def draft_lengths(self) -> tuple[int, ...]:
        """In increasing order."""
        return tuple(s.scenario.workload.draft_length for s in self.sweeps)

    @property
    def best(self) -> tuple[BestDraftLength, ...]:
        """One for each prompt length."""
        winners = [self._winners(name) for name in (THROUGHPUT, TOKENS_PER_JOULE)]
        return tuple(
            BestDraftLength(length, fast, lean)
            for length, fast, lean in zip(self.prompt_lengths, *winners, strict=True)
        )

    def _winners(self, metric: str) -> list[int]:
        # argmax takes the first of equals, and draft lengths increase.
        table = np.stack([sweep.metrics[metric] for sweep in self.sweeps])
        return [self.draft_lengths[i] for i in np.argmax(table, axis=0)]

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        accepted = [
            (sweep.scenario.workload.draft_length, sweep.scenario.acceptance)
            for sweep in self.sweeps
        ]
        warnings = dict.fromkeys(
            warning for sweep in self.sweeps for warning in sweep.scenario.warnings
        )
        return {
            "prompt_lengths": list(self.prompt_lengths),
            "draft_lengths": list(self.draft_lengths),
            "points": [
                {"draft_length": sweep.scenario.workload.draft_length, **point}
                for sweep in self.sweeps
                for point in sweep.points()
            ],
            "best": [best.to_dict() for best in self.best],
            "warnings": list(warnings),
            **calculator_k_sweep(self.scenario, accepted, self.prompt_lengths),
        }


def sweep_draft_lengths(
    scenario: ScenarioConfig,
    draft_lengths: Sequence[int] | Mapping[int, float],
    prompt_lengths: Sequence[int] | None = None,
) -> DraftLengthSweep:
    """Estimate a scenario at several draft lengths.

    Parameters
    ----------
    scenario : ScenarioConfig
        Model, chip, workload and switches.
    draft_lengths : sequence of int, or mapping of int to float
        Draft lengths to be served by the scenario's acceptance, or each with the mean
        number of accepted drafts measured at it.
    prompt_lengths : sequence of int, optional
        Default: the scenario's.

    Raises
    ------
    ConfigError
        If a draft length is given twice or cannot be served, or a mean is not
        between 0 and its draft length.
    ProgramError
        If a burst cannot run on the hardware.
    """
    _check(draft_lengths)
    lengths = prompt_lengths or (scenario.workload.prompt_length,)
    sweeps = []
    for k in sorted(draft_lengths):
        acceptance = None
        if isinstance(draft_lengths, Mapping):
            acceptance = acceptance_of_mean(k, draft_lengths[k])
        at_k = varied(scenario, draft_length=k, acceptance=acceptance)
        sweeps.append(estimate_sweep(at_k, lengths))
    return DraftLengthSweep(scenario, tuple(sweeps))


def acceptance_of_mean(draft_length: int, accepted: float) -> AcceptanceConfig:
    """Acceptance with a given mean: the two whole numbers around it.

    Parameters
    ----------
    draft_length : int
        K.
    accepted : float
        Mean number of accepted drafts, 0..K.
    """
    low = floor(accepted)
    share = accepted - low
    weights = {low: 1.0 - share, low + 1: share} if share else {low: 1.0}
    return HistogramAcceptance(
        k=draft_length, histogram=weights, label=f"measured mean {accepted:g}"
    )


def _check(draft_lengths: Sequence[int] | Mapping[int, float]) -> None:
    problems = []
    if not draft_lengths:
        problems.append(Problem("draft_lengths", message="must not be empty"))
    seen: set[int] = set()
    for k in draft_lengths:
        if k in seen:
            problems.append(Problem("draft_lengths", message=f"{k} is there twice"))
        seen.add(k)
        # Written so that NaN is refused as well.
        if isinstance(draft_lengths, Mapping) and not 0 <= draft_lengths[k] <= k:
            problems.append(
                Problem(
                    f"draft_lengths[{k}]",
                    got=repr(draft_lengths[k]),
                    allowed=f"must be between 0 and the draft length ({k})",
                    hint="It is the mean number of accepted drafts, bonus excluded.",
                )
            )
    if problems:
        raise ConfigError(problems)
