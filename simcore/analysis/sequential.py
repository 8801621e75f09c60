"""When a run is long enough: the precision so far, and how much more it takes.

A rule that looks again and again stops too early when chance makes the spread look
small. Three guards keep the coverage: a least number of independent units, looks at
counts that grow by half from one to the next, and a target that is not met before
``s^2 + 1/n`` meets it, as Chow and Robbins ask.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import special

from simcore.analysis.run_rows import Columns
from simcore.analysis.statistics import ratio_estimate

#: Independent units before the first look.
MIN_CLUSTERS = 30

#: The next look is at so many times the units.
GROWTH = 1.5


@dataclass(frozen=True, slots=True)
class Precision:
    """How well the latency per token is known, against a target.

    Attributes
    ----------
    value : float
        The ratio so far.
    relative_half_width : float or None
        Half of the interval over the value; None with fewer than two clusters or a
        ratio of 0.
    target : float
        Wanted relative half-width.
    is_reached : bool
        Whether the run may stop.
    clusters : int
        Independent units so far.
    more_clusters : int
        About how many more are needed; 0 when the target is reached.
    next_look : int
        Clusters to have at the next look: what is needed, but at most half as many
        again, as the need is a guess; `clusters` when the target is reached.
    """

    value: float
    relative_half_width: float | None
    target: float
    is_reached: bool
    clusters: int
    more_clusters: int
    next_look: int

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def precision(
    numerators: npt.ArrayLike,
    denominators: npt.ArrayLike,
    target: float,
    confidence: float = 0.95,
    min_clusters: int = MIN_CLUSTERS,
) -> Precision:
    """Precision of a ratio of sums over the independent units so far.

    Parameters
    ----------
    numerators, denominators : array_like of float, shape (n_clusters,)
        Sums over each unit.
    target : float
        Wanted half-width over the value, between 0 and 1.
    confidence : float
        Coverage of the interval, between 0 and 1.
    min_clusters : int
        Units before the target can be reached, >= 2.

    Raises
    ------
    ValueError
        If the target is not between 0 and 1, or as `ratio_estimate`.

    References
    ----------
    Chow and Robbins, On the asymptotic theory of fixed-width sequential confidence
    intervals for the mean, Ann. Math. Statist. 36 (1965) 457-462. Law, Simulation
    Modeling and Analysis, 5th ed., section 9.4.1.
    """
    if not 0 < target < 1:
        raise ValueError(f"target must be between 0 and 1, got {target}")
    if min_clusters < 2:
        raise ValueError(f"min_clusters must be >= 2, got {min_clusters}")
    found = ratio_estimate(numerators, denominators, confidence)
    n, width = found.n, None
    if found.half_width is not None and found.value:
        width = found.half_width / abs(found.value)
    if width is None:
        # One unit says nothing of the spread; a ratio of 0 has no relative width.
        needed = max(min_clusters, n + 1)
        return Precision(
            found.value, None, target, False, n, needed - n, _next_look(n, needed)
        )
    t = float(special.stdtrit(n - 1, (1 + confidence) / 2))
    # Relative variance of one unit, and the guard against one that is small by chance.
    guarded = (width / t) ** 2 * n + (target / t) ** 2 / n
    needed = max(min_clusters, math.ceil(guarded * (t / target) ** 2))
    is_reached = n >= needed
    return Precision(
        value=found.value,
        relative_half_width=width,
        target=target,
        is_reached=is_reached,
        clusters=n,
        more_clusters=0 if is_reached else needed - n,
        next_look=n if is_reached else _next_look(n, needed),
    )


def latency_precision(
    requests: Columns, target: float, confidence: float = 0.95
) -> Precision:
    """Precision of the latency per token over finished requests.

    Clusters are requests, or replications where requests share a chip.

    Parameters
    ----------
    requests : mapping of str to array_like
        Columns `replication`, `latency_ps` and `tokens` of whole replications.
    target : float
        Wanted relative half-width, between 0 and 1.
    confidence : float
        Coverage, between 0 and 1.
    """
    _, cluster = np.unique(np.asarray(requests["replication"]), return_inverse=True)
    latency, tokens = (
        np.bincount(cluster.reshape(-1), weights=np.asarray(requests[name], float))
        for name in ("latency_ps", "tokens")
    )
    return precision(latency, tokens, target, confidence)


def first_look(target: float, spread: float | None = None) -> int:
    """Clusters to simulate before the first look.

    Parameters
    ----------
    target : float
        Wanted relative half-width.
    spread : float, optional
        Standard deviation over mean of one cluster, where it is known beforehand, for
        example from the closed form. Half of what it asks for is simulated first.
    """
    if spread is None:
        return MIN_CLUSTERS
    z = float(special.ndtri(0.975))
    return max(MIN_CLUSTERS, math.ceil((z * spread / target) ** 2 / 2))


def _next_look(clusters: int, needed: int) -> int:
    return min(needed, max(MIN_CLUSTERS, math.ceil(clusters * GROWTH)))
