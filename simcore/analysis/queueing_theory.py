"""Mean waits in queue that theory gives: pure formulas, no simulation.

Customers arrive as a Poisson process, the queue has no end, and who has waited longest
is served first. Symbols of the books: lambda arrivals per unit of time, E[S] mean
service time, rho = lambda E[S] / c the share of time a server is busy, below 1. Every
wait is in the unit of the mean service time that is given.
"""

from __future__ import annotations

import math


def mm1_mean_wait(utilization: float, mean_service: float) -> float:
    """M/M/1: exponential service, one server.

    ``Wq = E[S] rho / (1 - rho)``.

    Parameters
    ----------
    utilization : float
        rho, 0 <= rho < 1.
    mean_service : float
        E[S] > 0, in any unit of time.

    Returns
    -------
    float
        Mean wait from arrival to the start of service, in the unit of `mean_service`.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    Kleinrock, Queueing Systems, vol. 1 (1975), section 3.2.
    """
    _check(utilization, mean_service)
    return mean_service * utilization / (1 - utilization)


def md1_mean_wait(utilization: float, mean_service: float) -> float:
    """M/D/1: every service takes the same time, one server.

    ``Wq = E[S] rho / (2 (1 - rho))``: half that of M/M/1. Arguments as there.

    References
    ----------
    Kleinrock, Queueing Systems, vol. 1 (1975), section 5.6.
    """
    return mg1_mean_wait(utilization, mean_service, 0.0)


def mg1_mean_wait(
    utilization: float, mean_service: float, squared_variation: float
) -> float:
    """M/G/1: service of any distribution, one server (Pollaczek-Khinchine).

    ``Wq = lambda E[S^2] / (2 (1 - rho)) = E[S] rho (1 + c^2) / (2 (1 - rho))``.

    Parameters
    ----------
    utilization, mean_service : float
        As for M/M/1.
    squared_variation : float
        c^2 = Var[S] / E[S]^2, >= 0: 0 for a constant, 1 for an exponential.

    References
    ----------
    Pollaczek, Mathematische Zeitschrift 32 (1930) 64-100; Khinchine, Mat. Sbornik 39
    (1932) 73-84; Kleinrock, Queueing Systems, vol. 1 (1975), section 5.6.
    """
    _check(utilization, mean_service)
    if not 0 <= squared_variation < math.inf:
        raise ValueError(f"squared_variation must be >= 0, got {squared_variation}")
    return mean_service * utilization * (1 + squared_variation) / (2 - 2 * utilization)


def mmc_mean_wait(utilization: float, mean_service: float, servers: int) -> float:
    """M/M/c: exponential service, one queue before c servers.

    ``Wq = C(c, c rho) E[S] / (c (1 - rho))`` with C of `erlang_c`.

    Parameters
    ----------
    utilization, mean_service : float
        As for M/M/1; rho = lambda E[S] / c.
    servers : int
        c >= 1.

    References
    ----------
    Kleinrock, Queueing Systems, vol. 1 (1975), section 3.5.
    """
    _check(utilization, mean_service)
    chance = erlang_c(servers, servers * utilization)
    return chance * mean_service / (servers * (1 - utilization))


def erlang_c(servers: int, offered_load: float) -> float:
    """Chance that a customer of M/M/c has to wait (Erlang's second formula).

    ``C = B / (1 - rho (1 - B))`` from Erlang's B, which follows from the recursion
    ``B(0) = 1, B(n) = a B(n - 1) / (n + a B(n - 1))``; no factorial can overflow.

    Parameters
    ----------
    servers : int
        c >= 1.
    offered_load : float
        a = lambda E[S], 0 <= a < c.

    Raises
    ------
    ValueError
        If an argument is out of range.

    References
    ----------
    Erlang, Elektroteknikeren 13 (1917); Cooper, Introduction to Queueing Theory, 2nd
    ed. (1981), sections 3.3 and 3.4.
    """
    if servers < 1:
        raise ValueError(f"servers must be >= 1, got {servers}")
    if not 0 <= offered_load < servers:
        raise ValueError(f"offered_load must be in [0, {servers}), got {offered_load}")
    blocked = 1.0
    for n in range(1, servers + 1):
        blocked = offered_load * blocked / (n + offered_load * blocked)
    return blocked / (1 - offered_load / servers * (1 - blocked))


def _check(utilization: float, mean_service: float) -> None:
    if not 0 <= utilization < 1:
        raise ValueError(f"utilization must be in [0, 1), got {utilization}")
    if not 0 < mean_service < math.inf:
        raise ValueError(f"mean_service must be > 0, got {mean_service}")
