"""The Pareto front equals what its definition says, ties and gaps included."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.analysis.pareto import pareto_front

Point = tuple[float | None, ...]

FIGURE = st.one_of(
    # Few values, so that ties are common.
    st.integers(0, 3).map(float),
    st.floats(allow_nan=True, allow_infinity=True),
    st.none(),
)


def brute_force(points: list[Point]) -> list[bool]:
    def known(point: Point) -> bool:
        return all(x is not None and not math.isnan(x) for x in point)

    def dominates(a: Point, b: Point) -> bool:
        pairs = list(zip(a, b, strict=True))
        return all(x <= y for x, y in pairs) and any(x < y for x, y in pairs)

    return [
        known(point)
        and not any(known(other) and dominates(other, point) for other in points)
        for point in points
    ]


@given(
    st.integers(1, 4).flatmap(
        lambda n: st.lists(st.tuples(*[FIGURE] * n), min_size=0, max_size=25)
    )
)
def test_the_front_is_what_its_definition_says(points: list[Point]) -> None:
    assert pareto_front(points) == brute_force(points)


@pytest.mark.parametrize(
    ("points", "front"),
    [
        ([], []),
        ([(1.0, 1.0)], [True]),
        ([(1.0, 2.0), (2.0, 1.0), (2.0, 2.0)], [True, True, False]),
        ([(1.0, 1.0), (1.0, 1.0), (1.0, 2.0)], [True, True, False]),
        ([(None, 0.0), (1.0, 1.0), (math.nan, 0.0)], [False, True, False]),
        ([(None,), (math.nan,)], [False, False]),
        ([(0.0, 5.0), (-0.0, 5.0)], [True, True]),
    ],
)
def test_small_fronts_by_hand(points: list[Point], front: list[bool]) -> None:
    assert pareto_front(points) == front
