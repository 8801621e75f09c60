"""The engine's resources as queues of theory; a wrong server is noticed."""

from __future__ import annotations

import dataclasses

import pytest

from simcore.experiments.theory import (
    QUEUES,
    PointPlan,
    TheoryQueue,
    simulate_point,
    validate_theory,
)

SMALL = PointPlan(replications=3, customers=400, warm_up=50)


@pytest.mark.parametrize("queue", QUEUES, ids=lambda queue: queue.key)
def test_what_holds_whatever_chance_does_holds_exactly(queue: TheoryQueue) -> None:
    point = simulate_point(queue, 0.7, SMALL, seed=1)
    assert point.little_queue_ps == point.little_system_ps == 0
    assert point.order_ps == 0


def test_servers_that_are_too_slow_are_noticed() -> None:
    queue = QUEUES[1]  # constant service has the narrowest interval
    plan = PointPlan(replications=8, customers=2000, warm_up=200)
    assert simulate_point(queue, 0.7, plan, seed=1).is_inside
    slow = dataclasses.replace(queue, service=lambda u: 1.1 * queue.service(u))
    assert not simulate_point(slow, 0.7, plan, seed=1).is_inside


@pytest.mark.slow
def test_every_point_of_theory_holds() -> None:
    report = validate_theory()
    assert len(report.points) == 12
    assert report.holds
