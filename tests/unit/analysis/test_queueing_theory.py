"""The formulas of queueing theory against values worked out by other ways."""

from __future__ import annotations

import math

import pytest

from simcore.analysis.queueing_theory import (
    erlang_c,
    md1_mean_wait,
    mg1_mean_wait,
    mm1_mean_wait,
    mmc_mean_wait,
)


@pytest.mark.parametrize(("rho", "wait"), [(0, 0), (0.3, 3 / 7), (0.5, 1), (0.9, 9)])
def test_mm1_waits_rho_over_one_minus_rho_services(rho: float, wait: float) -> None:
    assert mm1_mean_wait(rho, 1.0) == pytest.approx(wait)
    assert mm1_mean_wait(rho, 250.0) == pytest.approx(250 * wait)


def test_constant_service_halves_the_wait_and_exponential_service_does_not() -> None:
    for rho in (0.1, 0.5, 0.95):
        whole = mm1_mean_wait(rho, 7.0)
        assert md1_mean_wait(rho, 7.0) == pytest.approx(whole / 2)
        assert mg1_mean_wait(rho, 7.0, 1.0) == pytest.approx(whole)


def test_mg1_equals_pollaczek_khinchine_in_moments() -> None:
    """Service 1 or 3 with equal chance: E[S] = 2, E[S^2] = 5; lambda = 0.35."""
    assert mg1_mean_wait(0.7, 2.0, 0.25) == pytest.approx(0.35 * 5 / (2 * 0.3))


@pytest.mark.parametrize("servers", [1, 2, 3, 7, 20])
@pytest.mark.parametrize("rho", [0.0, 0.2, 0.7, 0.99])
def test_erlang_c_equals_its_sum_of_factorials(servers: int, rho: float) -> None:
    a = servers * rho
    head = math.fsum(a**k / math.factorial(k) for k in range(servers))
    tail = a**servers / math.factorial(servers) / (1 - rho)
    assert erlang_c(servers, a) == pytest.approx(tail / (head + tail), rel=1e-12)


def test_erlang_c_of_many_servers_does_not_overflow() -> None:
    assert 0 < erlang_c(5000, 4900.0) < 1


def test_one_server_of_mmc_is_mm1_and_more_servers_wait_less() -> None:
    assert mmc_mean_wait(0.7, 3.0, 1) == pytest.approx(mm1_mean_wait(0.7, 3.0))
    waits = [mmc_mean_wait(0.7, 3.0, c) for c in (1, 2, 3, 4)]
    assert waits == sorted(waits, reverse=True)
    assert mmc_mean_wait(0.7, 1.0, 3) == pytest.approx(0.54705, abs=5e-6)


@pytest.mark.parametrize("rho", [-0.1, 1.0, 2.0, math.nan])
def test_a_queue_that_grows_for_ever_has_no_mean_wait(rho: float) -> None:
    for wait in (mm1_mean_wait, md1_mean_wait):
        with pytest.raises(ValueError, match="utilization"):
            wait(rho, 1.0)
    with pytest.raises(ValueError, match="utilization"):
        mmc_mean_wait(rho, 1.0, 2)


def test_other_arguments_out_of_range_are_refused() -> None:
    with pytest.raises(ValueError, match="mean_service"):
        mm1_mean_wait(0.5, 0.0)
    with pytest.raises(ValueError, match="squared_variation"):
        mg1_mean_wait(0.5, 1.0, -1.0)
    with pytest.raises(ValueError, match="servers"):
        erlang_c(0, 0.0)
    with pytest.raises(ValueError, match="offered_load"):
        erlang_c(3, 3.0)
