"""What a measured acceptance leaves open, apart from how long the run is."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.analysis.estimate import estimate_scenario
from simcore.analysis.input_uncertainty import input_uncertainty
from simcore.config.acceptance import (
    AnyAcceptance,
    BurstReplayAcceptance,
    FixedAcceptance,
    HistogramAcceptance,
    MarkovAcceptance,
    PositionReplayAcceptance,
)
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig

METRICS = {
    "latency_ns_per_token",
    "energy_pj_per_token",
    "committed_tokens_per_burst",
    "throughput_tokens_per_s",
    "tokens_per_joule",
}
BURST = ("workload.mode=burst", "workload.max_tokens=null")


def scenario(acceptance: AnyAcceptance, *overrides: str) -> ScenarioConfig:
    return load_scenario(
        load_scenario("tiny", list(overrides)).model_copy(
            update={"acceptance": acceptance}
        )
    )


def histogram(*counts: float) -> HistogramAcceptance:
    return HistogramAcceptance(k=3, histogram=dict(enumerate(counts)))


@pytest.mark.parametrize("overrides", [(), BURST, ("workload.draft_length=2",)])
def test_the_value_is_the_closed_form(overrides: tuple[str, ...]) -> None:
    of = scenario(histogram(4, 3, 2, 5), *overrides)
    found = input_uncertainty(of)
    assert found is not None
    assert found.n_bursts_measured == 14
    assert set(found.metrics) == METRICS
    expected = estimate_scenario(of).metrics
    for name, interval in found.metrics.items():
        assert interval["value"] == pytest.approx(expected[name], rel=1e-12)
        assert interval["low"] < interval["value"] < interval["high"]


def test_more_bursts_measured_leave_less_open_whatever_the_seed() -> None:
    few = input_uncertainty(scenario(histogram(4, 3, 2, 5)))
    many = input_uncertainty(scenario(histogram(400, 300, 200, 500)))
    assert few is not None
    assert many is not None
    widths = [
        found.metrics["latency_ns_per_token"]["high"]
        - found.metrics["latency_ns_per_token"]["low"]
        for found in (few, many)
    ]
    # A hundred times the bursts: a tenth of the width.
    assert widths[0] / widths[1] == pytest.approx(10, rel=0.15)
    assert input_uncertainty(scenario(histogram(4, 3, 2, 5), "seed=9")) == few


def test_the_interval_is_as_wide_as_that_of_the_mean() -> None:
    found = input_uncertainty(scenario(histogram(40, 30, 20, 50), *BURST))
    assert found is not None
    tokens = found.metrics["committed_tokens_per_burst"]
    sample = np.repeat([1, 2, 3, 4], [40, 30, 20, 50])
    error = sample.std() / np.sqrt(sample.size)
    assert tokens["high"] - tokens["low"] == pytest.approx(2 * 1.96 * error, rel=0.05)


def test_intervals_contain_the_truth_as_often_as_they_say() -> None:
    p = np.array([0.35, 0.25, 0.15, 0.25])
    truth = float(p @ [1, 2, 3, 4])
    base = load_scenario("tiny", list(BURST))
    rng = np.random.default_rng(1)
    hits = 0
    for _ in range(100):
        counts = rng.multinomial(20, p).astype(float)
        of = base.model_copy(update={"acceptance": histogram(*counts)})
        found = input_uncertainty(of)
        assert found is not None
        tokens = found.metrics["committed_tokens_per_burst"]
        hits += tokens["low"] <= truth <= tokens["high"]
    # Four standard errors of 0.95 in 100 are 0.09.
    assert hits / 100 > 0.86


def test_all_bursts_alike_do_not_make_it_certain() -> None:
    found = input_uncertainty(scenario(histogram(0, 0, 0, 14)))
    assert found is not None
    tokens = found.metrics["committed_tokens_per_burst"]
    # The interval reaches to what was measured, which nothing exceeds.
    assert tokens["low"] < tokens["value"] == tokens["high"]


@pytest.mark.parametrize("counts", [(0.3, 0.2, 0.1, 0.4), (1, 0, 0, 0), (2.5, 1, 1, 1)])
def test_weights_carry_no_information(counts: tuple[float, ...]) -> None:
    found = input_uncertainty(scenario(histogram(*counts)))
    assert found is not None
    assert found.metrics == {}
    assert found.reason == "the histogram has weights, not counts of bursts"


def test_assumptions_have_no_uncertainty_and_a_chain_says_so() -> None:
    assert input_uncertainty(load_scenario("tiny")) is None
    assert input_uncertainty(scenario(FixedAcceptance(accepted=2))) is None
    chain = MarkovAcceptance(k=3, transitions=((1, 1, 1, 1),) * 4)
    found = input_uncertainty(scenario(chain))
    assert found is not None
    assert found.reason == "not worked out for a Markov chain"


RECORDED = ((3, 0, 1, 2), (0, 0, 1), (3, 3), (2, 1, 0, 0, 3), (1, 1, 2), (0, 3, 3))


@pytest.mark.parametrize("overrides", [("workload.requests=6",), BURST])
def test_recorded_requests_are_drawn_again(overrides: tuple[str, ...]) -> None:
    more = (*overrides, "workload.requests=20") if overrides == BURST else overrides
    of = scenario(BurstReplayAcceptance(k=3, requests=RECORDED), *more)
    found = input_uncertainty(of)
    assert found is not None
    assert (found.method, found.n_requests_measured) == ("bootstrap", 6)
    assert found.n_bursts_measured == 20
    expected = estimate_scenario(of).metrics
    for name, interval in found.metrics.items():
        assert interval["value"] == pytest.approx(expected[name], rel=1e-9), name
        assert interval["low"] < interval["value"] < interval["high"]


def test_few_recorded_requests_stand_for_nobody_else() -> None:
    of = scenario(PositionReplayAcceptance(requests=((2, 1), (3, 1, 1))))
    found = input_uncertainty(of)
    assert found is not None
    assert found.n_requests_measured == 2
    assert found.reason == "2 recorded requests, fewer than 5"
    # A run of one request uses one recording.
    used = input_uncertainty(
        scenario(BurstReplayAcceptance(k=3, requests=RECORDED), "workload.requests=1")
    )
    assert used is not None
    assert used.reason == "1 recorded request, fewer than 5"
