"""The clock counts whole picoseconds and nothing else enters it (A12)."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hand_table import Op, hand_program, simulated

from simcore.engine.clock import Alarm, Clock
from simcore.errors import SimulationError
from simcore.units import MAX_TIME_PS, ps_from_ns

IMPOSSIBLE = [
    math.nan,
    math.inf,
    -math.inf,
    -1,
    -0.5,
    0.0,
    1.0,
    True,
    None,
    "3",
    Fraction(3),
    np.int64(3),
    np.float64(3.0),
    MAX_TIME_PS + 1,
]


@pytest.mark.parametrize("delay", IMPOSSIBLE, ids=repr)
def test_impossible_delays_are_refused(delay: Any) -> None:
    clock = Clock()
    with pytest.raises(SimulationError, match=r"impossible delay .* at t=0 ps"):
        clock.schedule(clock.event(), delay=delay)
    with pytest.raises(SimulationError, match="whole number of picoseconds, >= 0"):
        Alarm(clock).set(delay)
    # Nothing has entered the queue.
    assert clock.peek() == math.inf


@pytest.mark.parametrize("delay", [math.nan, math.inf, 0.5])
def test_a_timeout_of_simpy_meets_the_same_guard(delay: float) -> None:
    with pytest.raises(SimulationError, match="impossible delay"):
        Clock().timeout(delay)


@pytest.mark.parametrize("delay", [0, 1, 10**12])
def test_an_alarm_goes_off_at_the_picosecond(delay: int) -> None:
    clock = Clock()
    alarm = Alarm(clock)
    seen = []
    alarm.callbacks.append(lambda event: seen.append((clock.now, event.value)))
    alarm.set(delay, "value")
    clock.run()
    assert seen == [(delay, "value")]
    assert type(clock.now) is int


def test_time_never_goes_back() -> None:
    clock = Clock()
    seen = []
    for delay in (5, 1, 9, 1, 0):
        alarm = Alarm(clock)
        alarm.callbacks.append(lambda _: seen.append(clock.now))
        alarm.set(delay)
    clock.run()
    assert seen == [0, 1, 1, 5, 9]


def test_events_beyond_the_budget_are_refused() -> None:
    program = hand_program([Op("dpu[0]")], {0: [5]})
    bursts = {0: [0] * 50}
    simulated(program, bursts, event_budget=300)
    with pytest.raises(
        SimulationError, match=r"event budget of 100 events spent at t=\d+ ps"
    ):
        simulated(program, bursts, event_budget=100)


def test_a_loop_at_one_instant_spends_the_budget_and_ends() -> None:
    program = hand_program([Op("dpu[0]")], {0: [0]})
    with pytest.raises(SimulationError, match="events spent at t=0 ps"):
        simulated(program, {0: [0] * 10_000}, event_budget=1000)


@pytest.mark.parametrize(
    ("ns", "ps"),
    [(0.0, 0), (0.0004, 0), (0.0005, 0), (0.0015, 2), (0.0025, 2), (1.2345, 1234)],
)
def test_nanoseconds_become_picoseconds_half_to_even(ns: float, ps: int) -> None:
    assert ps_from_ns([ns]).tolist() == [ps]
    assert round(ns * 1000) == ps


@pytest.mark.parametrize("ns", [math.nan, math.inf, -math.inf, -1e-9, 1e16])
def test_impossible_durations_are_refused(ns: float) -> None:
    with pytest.raises(ValueError, match="negative, not a number, infinite or above"):
        ps_from_ns([1.0, ns])
