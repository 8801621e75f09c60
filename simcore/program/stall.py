"""Refresh in a long transfer: the one part of a duration that is not linear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simcore.units import PS_PER_NS


@dataclass(frozen=True, slots=True)
class RefreshStall:
    """A stall at every refresh that a transfer meets, the first tREFI after its start.

    A transfer of x ps without refresh meets n when x + (n - 1) stalls last beyond the
    n-th tREFI, so n = (x - stall) // (tREFI - stall), and none when x < stall.

    Attributes
    ----------
    period_ps : int
        tREFI less the stall: between two refreshes the transfer advances so long.
    stall_ps : int
        What one refresh costs.
    """

    period_ps: int
    stall_ps: int

    def ps(self, linear_ps: Any) -> Any:
        """Whole ps, of a number or an array of whole ps without refresh."""
        return linear_ps + self.stall_ps * self._met(linear_ps)

    def _met(self, linear_ps: Any) -> Any:
        return np.maximum(linear_ps - self.stall_ps, 0) // self.period_ps

    def ns(self, linear_ns: Any) -> Any:
        """Unrounded ns with the same whole number of refreshes as `ps`."""
        stalls = self._met(np.rint(np.asarray(linear_ns) * PS_PER_NS))
        return linear_ns + self.stall_ps / PS_PER_NS * stalls
