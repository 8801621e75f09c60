"""Which draft length is best, from a measured mean for each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import floor
from typing import Any

from simcore.analysis.calculator.calculator import Calculator
from simcore.analysis.calculator.metrics import Metrics, ratios
from simcore.analysis.calculator.speculation import BASELINE, Speculation
from simcore.errors import ConfigError, Problem


@dataclass(frozen=True, slots=True)
class Candidate:
    """A draft length and the mean number of accepted drafts measured at it."""

    draft_length: int
    accepted: float

    @property
    def histogram(self) -> dict[int, float]:
        """Accepted drafts to probability: the two integers around the mean."""
        low = floor(self.accepted)
        share = self.accepted - low
        return {low: 1.0 - share, low + 1: share} if share else {low: 1.0}

    @property
    def speculation(self) -> Speculation:
        """Draft length and mean committed tokens."""
        return Speculation(self.draft_length, 1.0 + self.accepted)


@dataclass(frozen=True, slots=True)
class KSweepPoint:
    """One candidate at one prompt length."""

    prompt_length: int
    candidate: Candidate
    metrics: Metrics
    baseline_metrics: Metrics

    @property
    def ratio(self) -> dict[str, float | None]:
        """Metrics over those of the baseline; None where that is 0."""
        return ratios(self.metrics, self.baseline_metrics)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "prompt_length": self.prompt_length,
            "draft_length": self.candidate.draft_length,
            "accepted_tokens_per_burst": self.candidate.accepted,
            "committed_tokens_per_burst": self.candidate.speculation.committed,
            "histogram": self.candidate.histogram,
            "metrics": self.metrics,
            "baseline_metrics": self.baseline_metrics,
            "ratio": self.ratio,
        }


@dataclass(frozen=True, slots=True)
class BestK:
    """Best draft lengths at one prompt length; the smaller of equals."""

    prompt_length: int
    by_throughput: int
    by_tokens_per_joule: int


@dataclass(frozen=True, slots=True)
class KSweep:
    """All candidates at all prompt lengths.

    Attributes
    ----------
    points : tuple of KSweepPoint
        By prompt length, then as the candidates were given.
    best : tuple of BestK
        One for each prompt length.
    """

    points: tuple[KSweepPoint, ...]
    best: tuple[BestK, ...]

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "points": [point.to_dict() for point in self.points],
            "best": [
                {
                    "prompt_length": best.prompt_length,
                    "draft_length_by_throughput": best.by_throughput,
                    "draft_length_by_tokens_per_joule": best.by_tokens_per_joule,
                }
                for best in self.best
            ],
        }


def sweep_draft_lengths(
    calculator: Calculator,
    candidates: Sequence[Candidate],
    prompt_lengths: Sequence[int],
) -> KSweep:
    """Metrics of every candidate, and the best for each prompt length.

    Parameters
    ----------
    calculator : Calculator
        Model and chip.
    candidates : sequence of Candidate
        At least one, draft lengths all different.
    prompt_lengths : sequence of int
        Each >= 0, at least one.

    Raises
    ------
    ConfigError
        If a candidate is impossible, or as `Calculator.metrics`.
    """
    _check(candidates)
    baseline = calculator.metrics(BASELINE, prompt_lengths)
    metrics = [calculator.metrics(c.speculation, prompt_lengths) for c in candidates]
    points, best = [], []
    for i, length in enumerate(prompt_lengths):
        here = [
            KSweepPoint(length, candidate, values.at(i), baseline.at(i))
            for candidate, values in zip(candidates, metrics, strict=True)
        ]
        points += here
        best.append(
            BestK(
                length,
                _best(here, "throughput_tokens_per_s"),
                _best(here, "tokens_per_joule"),
            )
        )
    return KSweep(tuple(points), tuple(best))


def _best(points: Sequence[KSweepPoint], metric: str) -> int:
    best = max(points, key=lambda p: (p.metrics[metric], -p.candidate.draft_length))
    return best.candidate.draft_length


def _check(candidates: Sequence[Candidate]) -> None:
    problems = []
    if not candidates:
        problems.append(Problem("candidates", message="must not be empty"))
    seen: set[int] = set()
    for i, candidate in enumerate(candidates):
        k, accepted = candidate.draft_length, candidate.accepted
        if k < 0:
            problems.append(
                Problem(
                    f"candidates[{i}].draft_length", got=str(k), allowed="must be >= 0"
                )
            )
        # Written so that NaN is refused as well.
        elif not 0 <= accepted <= k:
            problems.append(
                Problem(
                    f"candidates[{i}].accepted",
                    got=repr(accepted),
                    allowed=f"must be between 0 and the draft length ({k})",
                )
            )
        if k in seen:
            problems.append(
                Problem(f"candidates[{i}].draft_length", message=f"{k} is there twice")
            )
        seen.add(k)
    if problems:
        raise ConfigError(problems)
