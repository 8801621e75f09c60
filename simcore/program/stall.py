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
        met = refreshes_met(linear_ps, self.period_ps, self.stall_ps)
        return linear_ps + self.stall_ps * met

    def ns(self, linear_ns: Any) -> Any:
        """Unrounded ns with the same whole number of refreshes as `ps`."""
        if isinstance(linear_ns, float | int):
            linear_ps: Any = round(linear_ns * PS_PER_NS)
        else:
            linear_ps = np.rint(np.asarray(linear_ns) * PS_PER_NS)
        met = refreshes_met(linear_ps, self.period_ps, self.stall_ps)
        return linear_ns + self.stall_ps / PS_PER_NS * met


def refreshes_met(linear_ps: Any, period_ps: Any, stall_ps: Any) -> Any:
    """How many refreshes transfers meet: the one rule that everything follows.

    Parameters
    ----------
    linear_ps : int or ndarray, shape (n,)
        Whole ps without refresh, >= 0.
    period_ps, stall_ps : int or ndarray, shape (n,)
        As in `RefreshStall`; a stall of 0 where there is no refresh.
    """
    beyond = linear_ps - stall_ps
    # Times the truth value: plain integers and arrays alike, none below zero.
    return beyond * (beyond > 0) // period_ps
