"""A step function in equal parts of its time: the mean and the highest of each."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]


def occupancy_over_time(
    time_ps: IntArray, level: IntArray, *, n_bins: int
) -> tuple[FloatArray, FloatArray]:
    """Mean and highest level in equal parts of [0, last time].

    Parameters
    ----------
    time_ps : ndarray of int64, shape (n,)
        When the level changes, strictly ascending, n >= 1.
    level : ndarray of int64, shape (n,)
        Level from each time on; before the first it is 0.
    n_bins : int
        Parts, >= 1.

    Returns
    -------
    mean, highest : ndarray of float64, shape (n_bins,)
        Time-weighted mean, and the highest level that lasts at all. Zero where a part
        has no length.
    """
    end = int(time_ps[-1])
    edges = np.array([end * i // n_bins for i in range(n_bins + 1)], dtype=np.int64)
    # Cut the steps at the edges: every piece lies in one part.
    cuts = np.unique(np.concatenate([edges, time_ps]))
    cuts = cuts[(cuts >= 0) & (cuts <= end)]
    place = np.searchsorted(time_ps, cuts[:-1], side="right") - 1
    of_piece = np.where(place < 0, 0, level[np.maximum(place, 0)])
    part = np.searchsorted(edges, cuts[:-1], side="right") - 1
    part = np.minimum(part, n_bins - 1)
    length = np.diff(cuts)
    area = np.zeros(n_bins, dtype=np.int64)
    highest = np.zeros(n_bins, dtype=np.int64)
    np.add.at(area, part, of_piece * length)
    np.maximum.at(highest, part, of_piece)
    return area / np.maximum(np.diff(edges), 1), highest.astype(np.float64)
