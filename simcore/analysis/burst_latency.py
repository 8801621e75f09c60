"""What a composition by formula gives: the latency of a burst by phase."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from simcore.program.operation import Operation

#: Duration of an operation at (context, committed): whole ps, or ns.
Duration = Callable[[Operation, int, float], float]


@dataclass(frozen=True)
class BurstLatency:
    """Latency of a burst by phase, in the unit of the durations it was made of.

    Attributes
    ----------
    draft, verify, commit : float
        Time from the end of the phase before to the end of this one.
    holds : int
        Holds on the longest path, the number of roundings that can add up.
    grants : tuple of int
        Verify steps in the order in which they used the HBM (wavefront only).
    """

    draft: float
    verify: float
    commit: float
    holds: int
    grants: tuple[int, ...] = ()

    @property
    def total(self) -> float:
        """Burst start to burst end."""
        return self.draft + self.verify + self.commit
