"""Draft length and mean acceptance: all that the calculator reads of the statistics."""

from __future__ import annotations

from dataclasses import dataclass
from math import fsum

from simcore.config.acceptance import (
    AcceptanceConfig,
    BurstReplayAcceptance,
    PositionReplayAcceptance,
    natural_draft_length,
)
from simcore.errors import ConfigError, Problem
from simcore.program.outcomes import long_run_probabilities


@dataclass(frozen=True, slots=True)
class Speculation:
    """How a burst speculates.

    Attributes
    ----------
    draft_length : int
        K >= 0.
    committed : float
        Mean committed tokens of a burst, the bonus included; 1 .. K + 1.
    """

    draft_length: int
    committed: float


#: One token at a time.
BASELINE = Speculation(0, 1.0)


def speculation(
    acceptance: AcceptanceConfig, draft_length: int | None = None
) -> Speculation:
    """Mean of an acceptance.

    Parameters
    ----------
    acceptance : AcceptanceConfig
        Any kind but a position replay, whose mean depends on where bursts start.
    draft_length : int, optional
        K; default: that of the acceptance.

    Raises
    ------
    ConfigError
        If the draft length is neither given nor known, or the kind has no mean of its
        own.
    """
    k = natural_draft_length(acceptance) if draft_length is None else draft_length
    if k is None:
        raise _problem("workload.draft_length", message="missing")
    if k < 0:
        raise _problem("workload.draft_length", got=str(k), allowed="must be >= 0")
    if isinstance(acceptance, PositionReplayAcceptance):
        raise _problem(
            "acceptance.kind",
            got="'position_replay'",
            allowed="must be histogram, geometric, fixed, burst_replay or markov",
            hint="Accounting selfspec-calculator costs one burst of mean length.",
        )
    if isinstance(acceptance, BurstReplayAcceptance):
        bursts = [min(a, k) for request in acceptance.requests for a in request]
        return Speculation(k, 1.0 + fsum(bursts) / len(bursts))
    probabilities = long_run_probabilities(acceptance, k)
    return Speculation(k, 1.0 + float(sum(a * p for a, p in enumerate(probabilities))))


def _problem(
    path: str,
    message: str | None = None,
    got: str | None = None,
    allowed: str | None = None,
    hint: str | None = None,
) -> ConfigError:
    return ConfigError(
        [Problem(path, message=message, got=got, allowed=allowed, hint=hint)]
    )
