"""The engine against queueing theory: mean waits, Little's law, order of service.

Customers with random arrivals and services go through the engine's own resources. Their
mean wait must be that of theory, within what chance allows; what holds whatever chance
does must hold exactly, to the picosecond.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from heapq import heapify, heapreplace
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt

from simcore.analysis.check import Check
from simcore.analysis.queueing_theory import (
    md1_mean_wait,
    mg1_mean_wait,
    mm1_mean_wait,
    mmc_mean_wait,
)
from simcore.analysis.statistics import Estimate, mean_estimate
from simcore.experiments.queue_stations import (
    BlockStation,
    BufferStation,
    Station,
    Visits,
)
from simcore.program.random_words import random_words, uniform

Progress = Callable[[int, int, str], None]
IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

#: Mean service time. Long against a picosecond: rounding moves a mean wait by 1e-9.
MEAN_SERVICE_PS = 1_000_000

UTILIZATIONS = (0.3, 0.7, 0.9)
CONFIDENCE = 0.999
DEFAULT_SEED = 1

#: Where the interval must be narrow, and how narrow against theory.
PRECISE_AT = 0.7
MOST_HALF_WIDTH = 0.05

#: The two service times of M/G/1, against the mean, equally likely: c^2 = 1/4.
_TWO_POINTS = (0.5, 1.5)


def _exponential(probability: FloatArray) -> FloatArray:
    return -np.log(probability)


def _constant(probability: FloatArray) -> FloatArray:
    return np.ones_like(probability)


def _two_point(probability: FloatArray) -> FloatArray:
    short, long = _TWO_POINTS
    return np.where(probability < 0.5, short, long)


@dataclass(frozen=True)
class TheoryQueue:
    """A queue of theory.

    Attributes
    ----------
    name : str
        In Kendall's notation.
    station : Station
        The engine's resource that serves.
    service : callable
        Inverse distribution of the service time, against its mean.
    mean_wait_ps : callable
        Theory: mean wait in queue at a utilization.
    """

    name: str
    station: Station
    service: Callable[[FloatArray], FloatArray]
    mean_wait_ps: Callable[[float], float]

    @property
    def key(self) -> str:
        """The name in snake case."""
        return self.name.replace("/", "").lower()


QUEUES = (
    TheoryQueue(
        "M/M/1",
        BlockStation(),
        _exponential,
        lambda rho: mm1_mean_wait(rho, MEAN_SERVICE_PS),
    ),
    TheoryQueue(
        "M/D/1",
        BlockStation(),
        _constant,
        lambda rho: md1_mean_wait(rho, MEAN_SERVICE_PS),
    ),
    TheoryQueue(
        "M/G/1",
        BlockStation(),
        _two_point,
        lambda rho: mg1_mean_wait(
            rho, MEAN_SERVICE_PS, (_TWO_POINTS[1] - _TWO_POINTS[0]) ** 2 / 4
        ),
    ),
    TheoryQueue(
        "M/M/3",
        BufferStation(3),
        _exponential,
        lambda rho: mmc_mean_wait(rho, MEAN_SERVICE_PS, 3),
    ),
)


@dataclass(frozen=True)
class PointPlan:
    """How long to simulate one queue at one utilization.

    Attributes
    ----------
    replications : int
        Independent runs that start and end empty.
    customers : int
        Of each run whose waits count.
    warm_up : int
        Customers before them, whose waits do not: the queue starts empty.
    """

    replications: int
    customers: int
    warm_up: int


def default_plan(queue: TheoryQueue, utilization: float) -> PointPlan:
    """Long enough for Student's interval to be honest, and narrow where it must be.

    Waits are correlated over about 4 rho / (1 - rho)^2 customers: 360 at rho 0.9. A
    replication of 20,000 spans 55 such times, and 2,000 customers of warm-up leave less
    than 1 % of the bias of an empty start. Lindley's recursion, without an engine, put
    theory outside the interval of such replications in 0.05 % to 0.3 % of 2,000
    experiments, where 0.1 % is meant; the intervals that miss lie too low.

    Replications at rho 0.7 keep the half-width below 5 % for nearly every seed;
    exponential services at 10 of them would give 8 %.
    """
    if utilization <= 0.5:
        return PointPlan(10, 20_000, 500)
    if utilization <= 0.8:
        exponential = queue.service is _exponential
        return PointPlan(40 if exponential else 30, 20_000, 1_000)
    return PointPlan(16, 20_000, 2_000)


@dataclass(frozen=True)
class TheoryPoint:
    """One queue at one utilization: what theory says and what the engine did.

    Attributes
    ----------
    queue : str
        In Kendall's notation.
    utilization : float
        rho.
    plan : PointPlan
        What was simulated.
    theory_wait_ps : float
        Mean wait in queue.
    wait_ps : Estimate
        The same, simulated, over the replications.
    little_queue_ps, little_system_ps : int
        Largest difference, over the replications, between the integral of the number
        of waiting (all) customers over time and the sum of their waits (stays).
    order_ps : int
        Largest difference of any ready, start or end time from those of a queue that
        serves first come first served.
    """

    queue: str
    utilization: float
    plan: PointPlan
    theory_wait_ps: float
    wait_ps: Estimate
    little_queue_ps: int
    little_system_ps: int
    order_ps: int

    @property
    def half_width_ps(self) -> float:
        """Of the interval; at least two replications were run."""
        assert self.wait_ps.half_width is not None
        return self.wait_ps.half_width

    @property
    def is_inside(self) -> bool:
        """Whether theory lies inside the interval."""
        return abs(self.wait_ps.value - self.theory_wait_ps) <= self.half_width_ps

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "queue": self.queue,
            "utilization": self.utilization,
            "replications": self.plan.replications,
            "customers": self.plan.customers,
            "warm_up_customers": self.plan.warm_up,
            "theory_wait_ps": self.theory_wait_ps,
            "wait_ps": self.wait_ps.as_dict(),
            "is_inside": self.is_inside,
            "half_width_ratio": self.half_width_ps / self.theory_wait_ps,
            "little_queue_ps": self.little_queue_ps,
            "little_system_ps": self.little_system_ps,
            "order_ps": self.order_ps,
        }


@dataclass(frozen=True)
class TheoryReport:
    """Everything `simcore validate --theory` found.

    Attributes
    ----------
    seed : int
        Of every draw.
    points : list of TheoryPoint
        Queue by queue.
    checks : list of Check
        Of the points one by one, then of what is exact for all.
    """

    seed: int
    points: list[TheoryPoint]
    checks: list[Check]

    @property
    def holds(self) -> bool:
        """Whether every check holds."""
        return all(check.holds for check in self.checks)

    @property
    def false_alarm_chance(self) -> float:
        """Chance that a right engine leaves theory outside any interval, by seed."""
        return 1 - CONFIDENCE ** len(self.points)

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "seed": self.seed,
            "holds": self.holds,
            "mean_service_ps": MEAN_SERVICE_PS,
            "confidence": CONFIDENCE,
            "false_alarm_chance": self.false_alarm_chance,
            "points": [point.to_dict() for point in self.points],
            "checks": [asdict(check) for check in self.checks],
        }


def validate_theory(
    *, seed: int = DEFAULT_SEED, progress: Progress | None = None
) -> TheoryReport:
    """Run every queue at every utilization; a minute of work.

    Parameters
    ----------
    seed : int
        Of every draw.
    progress : callable, optional
        Called with (done, total, unit).

    Raises
    ------
    SimulationError
        If the simulation fails.
    """
    plans = [(q, rho, default_plan(q, rho)) for q in QUEUES for rho in UTILIZATIONS]
    total = sum(plan.replications for _, _, plan in plans)
    done = 0

    def tell() -> None:
        nonlocal done
        done += 1
        if progress is not None:
            progress(done, total, "replications")

    points = [simulate_point(q, rho, plan, seed, tell=tell) for q, rho, plan in plans]
    return TheoryReport(seed, points, theory_checks(points))


def simulate_point(
    queue: TheoryQueue,
    utilization: float,
    plan: PointPlan,
    seed: int,
    *,
    tell: Callable[[], None] = lambda: None,
) -> TheoryPoint:
    """Simulate one queue at one utilization.

    Parameters
    ----------
    queue : TheoryQueue
        The queue and the resource that plays it.
    utilization : float
        rho, above 0 and below 1.
    plan : PointPlan
        How much; at least two replications.
    seed : int
        Of every draw.
    tell : callable
        Called after each replication.
    """
    means, little_queue, little_system, order = [], 0, 0, 0
    for replication in range(plan.replications):
        arrival_ps, service_ps = draw_customers(
            queue, utilization, plan.warm_up + plan.customers, seed, replication
        )
        visits = queue.station.serve(arrival_ps.tolist(), service_ps.tolist())
        waits = _array(visits.start_ps) - _array(visits.ready_ps)
        means.append(float(waits[plan.warm_up :].mean()))
        in_queue, in_system = little_errors_ps(visits, queue.station.servers)
        little_queue = max(little_queue, abs(in_queue))
        little_system = max(little_system, abs(in_system))
        servers = queue.station.servers
        order = max(order, order_error_ps(visits, arrival_ps, service_ps, servers))
        tell()
    return TheoryPoint(
        queue.name,
        utilization,
        plan,
        queue.mean_wait_ps(utilization),
        mean_estimate(means, CONFIDENCE),
        little_queue,
        little_system,
        order,
    )


def draw_customers(
    queue: TheoryQueue, utilization: float, customers: int, seed: int, replication: int
) -> tuple[IntArray, IntArray]:
    """Arrival and service times in whole picoseconds, of one replication.

    Both have a stream of their own, named by queue, utilization and what is drawn, so
    that another list of points changes none of them.
    """
    name = f"queueing theory {queue.key} {utilization}"
    gap_ps = MEAN_SERVICE_PS / (utilization * queue.station.servers)
    gaps = _exponential(_uniform(seed, replication, f"{name} arrival", customers))
    services = queue.service(_uniform(seed, replication, f"{name} service", customers))
    return (
        np.cumsum(np.rint(gaps * gap_ps).astype(np.int64)),
        np.rint(services * MEAN_SERVICE_PS).astype(np.int64),
    )


def _uniform(seed: int, replication: int, name: str, n: int) -> FloatArray:
    return uniform(random_words(seed, (replication, crc32(name.encode())), n))


def little_errors_ps(visits: Visits, servers: int) -> tuple[int, int]:
    """Little's law in integers, for the queue and for queue and servers together.

    One side is the step function of the number of customers, counted on the clock as
    they came and went; who is more than the servers waits. The other side is made of
    the times that the engine wrote into each customer.

    Returns
    -------
    tuple of int
        Integral minus sum, in the queue and in the system; 0 when the law holds.
    """
    time_ps = _array(visits.event_ps)
    number = np.cumsum(_array(visits.event_step))[:-1]
    gaps_ps = np.diff(time_ps)
    start, ready, end = map(_array, (visits.start_ps, visits.ready_ps, visits.end_ps))
    in_queue = int((np.maximum(number - servers, 0) * gaps_ps).sum())
    in_system = int((number * gaps_ps).sum())
    return in_queue - int((start - ready).sum()), in_system - int((end - ready).sum())


def order_error_ps(
    visits: Visits, arrival_ps: IntArray, service_ps: IntArray, servers: int
) -> int:
    """Largest difference from first come first served, worked out without an engine.

    A mean wait cannot tell in which order customers were served; this does.

    References
    ----------
    Kiefer and Wolfowitz, On the theory of queues with many servers, Trans. Amer. Math.
    Soc. 78 (1955) 1-18.
    """
    free_ps = [0] * servers
    heapify(free_ps)
    start_ps = []
    for arrival, service in zip(arrival_ps.tolist(), service_ps.tolist(), strict=True):
        start = max(arrival, free_ps[0])
        heapreplace(free_ps, start + service)
        start_ps.append(start)
    start_by_rule = _array(start_ps)
    differences = (
        _array(visits.ready_ps) - arrival_ps,
        _array(visits.start_ps) - start_by_rule,
        _array(visits.end_ps) - start_by_rule - service_ps,
    )
    return max(int(np.abs(d).max(initial=0)) for d in differences)


def theory_checks(points: Sequence[TheoryPoint]) -> list[Check]:
    """Waits against theory, precision, and what must be exact.

    Parameters
    ----------
    points : sequence of TheoryPoint
        Each with its own interval of 99.9 %.
    """
    checks = [_wait_check(point) for point in points]
    checks += [_precision_check(p) for p in points if p.utilization == PRECISE_AT]
    exact = (
        ("littles_law_in_queue", "little_queue_ps", "number waiting over time, waits"),
        ("littles_law_in_system", "little_system_ps", "number over time, stays"),
        ("first_come_first_served", "order_ps", "times of each customer, the rule"),
    )
    for name, field, what in exact:
        worst = max(points, key=lambda point: int(getattr(point, field)))
        error = int(getattr(worst, field))
        where = f"; at {worst.queue}, rho {worst.utilization}" if error else ""
        detail = f"ps between: {what}{where}"
        checks.append(Check(name, error == 0, error, 0, detail))
    return checks


def _wait_check(point: TheoryPoint) -> Check:
    off = abs(point.wait_ps.value - point.theory_wait_ps)
    return Check(
        f"mean_wait_{_key(point)}",
        point.is_inside,
        off,
        point.half_width_ps,
        f"ps between theory and simulation, half width of {CONFIDENCE:.1%}",
    )


def _precision_check(point: TheoryPoint) -> Check:
    ratio = point.half_width_ps / point.theory_wait_ps
    return Check(
        f"precision_{_key(point)}",
        ratio < MOST_HALF_WIDTH,
        ratio,
        MOST_HALF_WIDTH,
        f"half width of {CONFIDENCE:.1%} against theory",
    )


def _key(point: TheoryPoint) -> str:
    name = point.queue.replace("/", "").lower()
    return f"{name}_{point.utilization}".replace(".", "_")


def _array(values: Sequence[int]) -> IntArray:
    return np.array(values, dtype=np.int64)
