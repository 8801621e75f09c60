"""Levels over time: means are weighted by time, and nothing high is missed."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from simcore.analysis.occupancy import occupancy_over_time


def found(times, levels, n_bins):
    mean, highest = occupancy_over_time(
        np.array(times, dtype=np.int64), np.array(levels, dtype=np.int64), n_bins=n_bins
    )
    return mean.tolist(), highest.tolist()


def test_steps_inside_a_part_count_for_as_long_as_they_last():
    mean, highest = found([0, 5, 6, 10, 20], [2, 10, 0, 4, 0], 2)
    assert mean == [2 * 0.5 + 10 * 0.1, 4.0]
    assert highest == [10.0, 4.0]


def test_before_the_first_step_the_level_is_nothing():
    assert found([10, 20], [6, 0], 2) == ([0.0, 6.0], [0.0, 6.0])


def test_a_run_that_takes_no_time_is_empty():
    assert found([0], [0], 3) == ([0.0] * 3, [0.0] * 3)


@given(
    st.lists(st.tuples(st.integers(1, 50), st.integers(0, 9)), min_size=1, max_size=12),
    st.integers(1, 9),
)
def test_parts_add_up_to_the_whole(steps, n_bins):
    times = np.cumsum([0] + [length for length, _ in steps])
    levels = [level for _, level in steps] + [0]
    mean, highest = found(times, levels, n_bins)
    end = int(times[-1])
    widths = np.diff([end * i // n_bins for i in range(n_bins + 1)])
    area = sum(length * level for length, level in steps)
    assert float(np.sum(np.array(mean) * widths)) == pytest.approx(area)
    assert max(highest) == max(levels)
    assert all(m <= h + 1e-9 for m, h in zip(mean, highest, strict=True))
