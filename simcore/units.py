"""The only place that converts units, and the one rounding rule for time.

Configuration is written in nanoseconds, picojoules and bytes; the simulation clock
counts integer picoseconds. 1 GB/s (decimal) is 1 byte per nanosecond.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

PS_PER_NS = 1000
NS_PER_S = 1e9
PJ_PER_J = 1e12
PS_PER_S = 10**12

#: Longest simulated time accepted, in picoseconds; leaves headroom in int64.
MAX_TIME_PS = 2**62


def ps_from_ns(duration_ns: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Whole picoseconds of durations in nanoseconds, half to even, once per hold.

    Parameters
    ----------
    duration_ns : array_like of float
        Durations in nanoseconds, finite and not negative.

    Returns
    -------
    ndarray of int64
        Same shape, picoseconds.

    Raises
    ------
    ValueError
        If a duration is negative, NaN, infinite or beyond `MAX_TIME_PS`.
    """
    scaled = np.asarray(duration_ns, dtype=np.float64) * PS_PER_NS
    if not bool(np.all((scaled >= 0) & (scaled < MAX_TIME_PS))):
        raise ValueError(
            "a duration is negative, not a number, infinite or above 2^62 ps"
        )
    return np.rint(scaled).astype(np.int64)


def leakage_pj(power_nw: float, duration_ns: float) -> float:
    """Energy in picojoules of `power_nw` nanowatts during `duration_ns`.

    1 nW x 1 ns = 1e-18 J = 1e-6 pJ.
    """
    return power_nw * duration_ns * 1e-6
