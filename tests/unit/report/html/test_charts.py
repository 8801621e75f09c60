"""Axes have round ticks, and marks are where their values are."""

from __future__ import annotations

import math
import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from page_parser import assert_sound

from simcore.report.html.columns import Column, column_chart
from simcore.report.html.drawing import Axis, Mark, figure, legend
from simcore.report.html.lanes import (
    LANE_HEIGHT,
    LANES_LEFT,
    LANES_RIGHT,
    LANES_WIDTH,
    Lane,
    lanes_chart,
)
from simcore.report.html.page import Section, page
from simcore.report.html.scale import Scale, covering, nice_step, tick_texts


def sound(picture):
    return assert_sound(page("t", "t", [Section("s", figure("f", picture))]))


@pytest.mark.parametrize(
    ("step", "nice"),
    [(0.7, 1), (1, 1), (1.1, 2), (3, 5), (6, 10), (0.021, 0.05), (0, 1), (math.nan, 1)],
)
def test_steps_are_one_two_or_five(step, nice):
    assert nice_step(step) == pytest.approx(nice)


@given(
    st.lists(st.floats(-1e12, 1e12, allow_nan=False), min_size=1, max_size=9),
    st.booleans(),
)
@example([5e-324], True)
@example([1e-300, 2e-300], False)
def test_a_covering_scale_covers_with_few_ticks_at_its_ends(values, from_zero):
    scale = covering(values, 0.0, 100.0, from_zero=from_zero)
    span = scale.high - scale.low
    assert span > 0
    assert scale.low <= min(values) + 1e-9 * span
    assert scale.high >= max(values) - 1e-9 * span
    if from_zero:
        assert scale.low <= 0 <= scale.high
    ticks = scale.ticks()
    assert 2 <= len(ticks) <= 12
    assert ticks == sorted(ticks)
    places = [scale(tick) for tick in ticks]
    assert all(0 <= place <= 100 for place in places)
    assert len(set(tick_texts(ticks))) == len(ticks)


def test_places_are_linear_or_by_factors_and_stay_inside():
    linear = Scale(10.0, 20.0, 100.0, 0.0)
    assert [linear(v) for v in (10, 15, 20, 99, -1)] == [100, 50, 0, 0, 100]
    by_factor = Scale(1.0, 100.0, 0.0, 10.0, is_log=True)
    assert by_factor(10.0) == pytest.approx(5.0)
    assert by_factor.ticks() == pytest.approx([1, 2, 5, 10, 20, 50, 100])
    assert Scale(1.0, 1e6, 0.0, 1.0, is_log=True).ticks() == pytest.approx(
        [10.0**i for i in range(7)]
    )


def test_tick_labels_show_what_tells_them_apart():
    assert tick_texts([0.0, 0.05, 0.1]) == ["0.00", "0.05", "0.10"]
    assert tick_texts([0.0, 5000.0]) == ["0", "5,000"]
    assert tick_texts([2.5]) == ["2.5"]
    assert tick_texts([1e8, 2e8]) == ["1e+08", "2e+08"]


def columns(values, **more):
    return column_chart(
        "c",
        "title",
        "text",
        [Column(i, i + 1, v, f"tip {i}") for i, v in enumerate(values)],
        x_title="x",
        y_title="y",
        **more,
    )


def rects(picture):
    found = re.findall(
        r'<rect x="([^"]+)" y="([^"]+)" width="([^"]+)" height="([^"]+)"', picture
    )
    return [tuple(map(float, one)) for one in found]


def test_columns_are_as_high_as_their_values():
    picture = columns([1, 2, 4, 0])
    sound(picture)
    heights = [height for *_, height in rects(picture)]
    assert heights[1] == pytest.approx(2 * heights[0], abs=0.02)
    assert heights[2] == pytest.approx(4 * heights[0], abs=0.02)
    assert heights[3] == 0
    lefts = [left for left, *_ in rects(picture)]
    assert lefts == sorted(lefts)
    assert "<title>tip 2</title>" in picture


def test_columns_below_zero_hang_from_it():
    picture = columns([0.5, -0.5], levels=(0.25, -0.25))
    (_, top, _, up), (_, zero, _, down) = rects(picture)
    assert up == pytest.approx(down, abs=0.02)
    assert top + up == pytest.approx(zero, abs=0.02)
    assert picture.count("s1 line dashed") == 2


def test_whole_numbers_have_whole_ticks():
    picture = columns([1, 0, 1])
    assert ">0<" in picture
    assert "0.2" not in re.sub(r'"[^"]*"', "", picture)


def test_marks_stand_at_their_values_and_their_words_do_not_touch():
    marks = [Mark(3.9, "p99"), Mark(2.0, "p50"), Mark(3.8, "p95")]
    picture = columns([3, 2, 1, 1], marks=marks)
    sound(picture)
    lines = re.findall(r'<line x1="([^"]+)"[^>]* class="mark"/>', picture)
    assert [float(x) for x in lines] == sorted(float(x) for x in lines)
    words = re.findall(r'<text x="[^"]+" y="([^"]+)"[^>]*mark-text">(p..)<', picture)
    assert [word for _, word in words] == ["p50", "p95", "p99"]
    assert float(words[2][0]) > float(words[1][0])


def test_a_lane_is_a_step_function_between_its_floor_and_its_top():
    lanes = [
        Lane("a", [0, 1, 1, 2], 2.0, note="n", tips=["t0", "t1", "t2", "t3"]),
        Lane("b", [5.0], 1.0, colour=3),
    ]
    width = LANES_WIDTH - LANES_RIGHT - LANES_LEFT
    time = Axis(Scale(0.0, 4.0, LANES_LEFT, LANES_WIDTH - LANES_RIGHT), "time (ns)")
    picture = lanes_chart("l", "title", "text", lanes, time)
    sound(picture)
    first, second = re.findall(r'<path d="([^"]+)"', picture)
    floor = float(re.match(r"M[0-9.]+ ([0-9.]+)", first)[1])
    steps = [
        (float(x), float(y)) for x, y in re.findall(r"H([0-9.]+)V([0-9.]+)", first)
    ]
    assert steps == [
        (LANES_LEFT, floor),
        (pytest.approx(LANES_LEFT + width / 4), pytest.approx(floor - LANE_HEIGHT / 2)),
        (pytest.approx(LANES_LEFT + 3 * width / 4), floor - LANE_HEIGHT),
        (LANES_LEFT + width, floor),
    ]
    # More than the top is cut, not drawn over the lane above.
    heights = [float(y) for y in re.findall(r"V([0-9.]+)", second)]
    assert max(heights) - min(heights) == LANE_HEIGHT
    assert "<title>t3</title>" in picture


def test_a_legend_names_colours_in_words():
    text = legend([("f0", "draft & co"), ("f1 unkept", "pale")])
    assert "draft &amp; co" in text
    assert 'class="f1 unkept"' in text
