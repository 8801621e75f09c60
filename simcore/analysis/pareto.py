"""The Pareto front: points that no other point beats."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np


def pareto_front(points: Sequence[Sequence[float | None]]) -> list[bool]:
    """Which points are on the front when every figure is better the smaller.

    A point is dominated by one that is nowhere worse and somewhere better. Equal
    points do not dominate each other. A point with a figure that is not known is not
    on the front and dominates nothing.

    Parameters
    ----------
    points : sequence of sequence of float or None
        Figures of each point, all of one length; None or NaN where not known.

    Returns
    -------
    list of bool
        One for each point, in order.
    """
    if not points:
        return []
    table = np.array(
        [[np.nan if value is None else value for value in point] for point in points],
        dtype=np.float64,
    ).reshape(len(points), -1)
    known = ~np.isnan(table).any(axis=1)
    on_front = [False] * len(points)
    if not known.any():
        return on_front
    distinct, which = np.unique(table[known], axis=0, return_inverse=True)
    # Sorted by the first figure, then the second, ...: only what comes before a point
    # can dominate it, and what does is on the front or dominated by what is.
    front: list[int] = []
    for i, point in enumerate(distinct):
        if not (distinct[front] <= point).all(axis=1).any():
            front.append(i)
    best = set(front)
    for number, i in zip(
        np.flatnonzero(known).tolist(), which.reshape(-1).tolist(), strict=True
    ):
        on_front[number] = i in best
    return on_front
