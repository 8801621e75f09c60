"""The engine reproduces queueing theory, and a wrong server would be noticed (A4, A5).

Little's law and the order of service are exact at any length, so short runs check them;
the full comparison with theory is in the slow suite.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

import numpy as np
import pytest

from simcore.experiments.queue_stations import BlockStation, BufferStation, Visits
from simcore.experiments.theory import (
    MEAN_SERVICE_PS,
    QUEUES,
    UTILIZATIONS,
    PointPlan,
    TheoryPoint,
    TheoryQueue,
    default_plan,
    draw_customers,
    little_errors_ps,
    order_error_ps,
    simulate_point,
    theory_checks,
    validate_theory,
)

SHORT = PointPlan(replications=4, customers=3000, warm_up=200)
NAMES = [queue.name for queue in QUEUES]


def queue_named(name: str) -> TheoryQueue:
    return next(queue for queue in QUEUES if queue.name == name)


def failing(point: TheoryPoint) -> set[str]:
    return {check.name for check in theory_checks([point]) if not check.holds}


# -- the engine is right ----------------------------------------------------------


@pytest.mark.slow
def test_every_queue_waits_as_long_as_theory_says() -> None:
    report = validate_theory()
    assert [str(check) for check in report.checks if not check.holds] == []
    assert len(report.points) == len(QUEUES) * len(UTILIZATIONS)


@pytest.mark.slow
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("seed", [2, 3])
def test_other_seeds_agree_with_theory_too(name: str, seed: int) -> None:
    queue = queue_named(name)
    point = simulate_point(queue, 0.7, default_plan(queue, 0.7), seed)
    assert failing(point) == set()


@pytest.mark.parametrize("name", NAMES)
def test_short_runs_agree_with_theory_and_are_exact_where_they_must_be(
    name: str,
) -> None:
    point = simulate_point(queue_named(name), 0.7, SHORT, seed=1)
    assert point.is_inside
    assert (point.little_queue_ps, point.little_system_ps, point.order_ps) == (0, 0, 0)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("rho", [0.3, 0.9])
def test_littles_law_and_the_order_of_service_hold_to_the_picosecond(
    name: str, rho: float
) -> None:
    point = simulate_point(queue_named(name), rho, PointPlan(2, 1500, 0), seed=5)
    assert (point.little_queue_ps, point.little_system_ps, point.order_ps) == (0, 0, 0)


@pytest.mark.parametrize("servers", [1, 3])
def test_littles_law_holds_when_customers_come_and_go_at_one_instant(
    servers: int,
) -> None:
    """Times of a few picoseconds: arrivals, ends and starts coincide all the time."""
    station = BlockStation() if servers == 1 else BufferStation(servers)
    rng = np.random.default_rng(servers)
    for _ in range(60):
        arrival = np.cumsum(rng.integers(0, 4, 40))
        service = rng.integers(1, 5 * servers, 40)
        visits = station.serve(arrival.tolist(), service.tolist())
        assert little_errors_ps(visits, servers) == (0, 0)
        assert order_error_ps(visits, arrival, service, servers) == 0


def test_a_queue_by_hand() -> None:
    """Arrivals 0, 2, 3, 20 with services 5, 4, 1, 2: the waits are 0, 3, 6 and 0."""
    visits = BlockStation().serve([0, 2, 3, 20], [5, 4, 1, 2])
    assert visits.ready_ps == [0, 2, 3, 20]
    assert visits.start_ps == [0, 5, 9, 20]
    assert visits.end_ps == [5, 9, 10, 22]
    assert sorted(visits.event_ps) == [0, 2, 3, 5, 9, 10, 20, 22]


def test_two_servers_by_hand() -> None:
    visits = BufferStation(2).serve([0, 1, 2, 3], [10, 4, 3, 1])
    assert visits.start_ps == [0, 1, 5, 8]
    assert visits.end_ps == [10, 5, 8, 9]


# -- what is drawn ----------------------------------------------------------------


def test_draws_have_the_moments_that_theory_assumes() -> None:
    for queue, squared_variation in zip(QUEUES, (1, 0, 0.25, 1), strict=True):
        arrival, service = draw_customers(queue, 0.7, 200_000, 1, 0)
        gap = np.diff(arrival) * 0.7 * queue.station.servers / MEAN_SERVICE_PS
        assert gap.mean() == pytest.approx(1, abs=0.01)
        assert gap.var() == pytest.approx(1, abs=0.03)
        scaled = service / MEAN_SERVICE_PS
        assert scaled.mean() == pytest.approx(1, abs=0.01)
        assert scaled.var() == pytest.approx(squared_variation, abs=0.03)


def test_streams_differ_by_queue_load_replication_and_seed_and_are_repeatable() -> None:
    first, second = QUEUES[0], QUEUES[3]
    drawn = {
        tuple(draw_customers(queue, rho, 5, seed, replication)[0].tolist())
        for queue in (first, second)
        for rho in (0.3, 0.7)
        for seed in (1, 2)
        for replication in (0, 1)
    }
    assert len(drawn) == 16
    arrival, service = draw_customers(first, 0.7, 50, 1, 0)
    again, _ = draw_customers(first, 0.7, 9, 1, 0)
    # More customers do not change the first ones.
    assert arrival[:9].tolist() == again.tolist()
    assert not np.array_equal(np.diff(arrival), service[1:])


# -- wrong servers are noticed ----------------------------------------------------

Serve = Callable[[Sequence[int], Sequence[int]], Visits]


@dataclass(frozen=True)
class Planted:
    """A station with an error."""

    serve: Serve
    servers: int = 1


def slow_by(factor: float) -> Serve:
    def serve(arrival_ps: Sequence[int], service_ps: Sequence[int]) -> Visits:
        slower = [round(factor * service) for service in service_ps]
        return BlockStation().serve(arrival_ps, slower)

    return serve


def last_in_first_out(arrival_ps: Sequence[int], service_ps: Sequence[int]) -> Visits:
    """One server that takes the youngest."""
    visits = Visits.of(len(arrival_ps))
    waiting: list[int] = []
    free_ps, coming = 0, 0
    while waiting or coming < len(arrival_ps):
        if not waiting:
            free_ps = max(free_ps, arrival_ps[coming])
        while coming < len(arrival_ps) and arrival_ps[coming] <= free_ps:
            waiting.append(coming)
            coming += 1
        customer = waiting.pop()
        visits.ready_ps[customer] = arrival_ps[customer]
        visits.start_ps[customer] = free_ps
        free_ps += service_ps[customer]
        visits.end_ps[customer] = free_ps
    return with_events(visits)


def late_by(delay_ps: int) -> Serve:
    """A server that rests after every customer, unseen by the customers."""

    def serve(arrival_ps: Sequence[int], service_ps: Sequence[int]) -> Visits:
        longer = [service + delay_ps for service in service_ps]
        visits = BlockStation().serve(arrival_ps, longer)
        visits.end_ps = [end - delay_ps for end in visits.end_ps]
        return with_events(replace(visits, event_ps=[], event_step=[]))

    return serve


def with_events(visits: Visits) -> Visits:
    steps = [(t, 1) for t in visits.ready_ps] + [(t, -1) for t in visits.end_ps]
    for time_ps, step in sorted(steps, key=lambda s: (s[0], -s[1])):
        visits.count(time_ps, step)
    return visits


def test_services_that_last_2_percent_too_long_leave_the_interval() -> None:
    """M/D/1 at rho 0.7: 2 % more service makes the mean wait 9 % longer."""
    queue = replace(queue_named("M/D/1"), station=Planted(slow_by(1.02)))
    plan = PointPlan(10, 6_000, 500)
    found = failing(simulate_point(queue, 0.7, plan, seed=1))
    assert {"mean_wait_md1_0_7", "first_come_first_served"} <= found
    assert "littles_law_in_queue" not in found
    right = simulate_point(queue_named("M/D/1"), 0.7, plan, seed=1)
    assert "mean_wait_md1_0_7" not in failing(right)


def test_last_in_first_out_has_the_same_mean_wait_and_is_noticed_all_the_same() -> None:
    queue = replace(queue_named("M/M/1"), station=Planted(last_in_first_out))
    point = simulate_point(queue, 0.7, SHORT, seed=1)
    assert point.is_inside
    assert point.order_ps > 0
    assert "first_come_first_served" in failing(point)


def test_a_server_that_rests_one_picosecond_after_each_customer_is_noticed() -> None:
    queue = replace(queue_named("M/M/1"), station=Planted(late_by(1)))
    point = simulate_point(queue, 0.7, SHORT, seed=1)
    assert {"littles_law_in_queue", "first_come_first_served"} <= failing(point)


def test_a_fourth_server_is_noticed() -> None:
    station = Planted(BufferStation(4).serve, servers=3)
    queue = replace(queue_named("M/M/3"), station=station)
    found = failing(simulate_point(queue, 0.7, SHORT, seed=1))
    assert {"mean_wait_mm3_0_7", "littles_law_in_queue"} <= found
    assert "littles_law_in_system" not in found


def test_a_wait_that_is_written_down_wrongly_breaks_littles_law() -> None:
    def serve(arrival_ps: Sequence[int], service_ps: Sequence[int]) -> Visits:
        visits = BlockStation().serve(arrival_ps, service_ps)
        visits.ready_ps[17] -= 1
        return visits

    queue = replace(queue_named("M/M/1"), station=Planted(serve))
    point = simulate_point(queue, 0.3, PointPlan(2, 100, 0), seed=1)
    assert (point.little_queue_ps, point.little_system_ps, point.order_ps) == (1, 1, 1)
    by_name = {check.name: check for check in theory_checks([point])}
    assert by_name["littles_law_in_queue"].detail.endswith("at M/M/1, rho 0.3")
