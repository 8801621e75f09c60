"""The distribution of a request's total, as far as a test of its mean needs it."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RequestMoments:
    """Distribution of a request's total, as far as a test of its mean needs it.

    Attributes
    ----------
    mean, variance : float
        Of the total over the bursts of one request.
    reach : float
        Farthest that a total can be from the mean.
    """

    mean: float
    variance: float
    reach: float
