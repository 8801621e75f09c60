"""Which units give the intervals of a run, and that bursts add up to the metrics."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest
from run_of_shards import rows

from simcore.analysis.burst_batches import ENOUGH_CLUSTERS, BurstBatches
from simcore.analysis.metrics import summarize
from simcore.analysis.run_rows import RunRows


def summary(*overrides: str) -> dict[str, Any]:
    plan, bursts, requests = rows(*overrides)
    return summarize(plan.program, bursts, requests)


@pytest.fixture(scope="module")
def long_request() -> dict[str, Any]:
    return summary("workload.requests=1", "workload.max_tokens=400")


def test_one_long_request_gets_its_intervals_from_batches(
    long_request: dict[str, Any],
) -> None:
    assert long_request["intervals"] == {
        "clusters": "requests",
        "n_clusters": 1,
        "enough_clusters": ENOUGH_CLUSTERS,
        "batch_means": True,
        "reason": "1 request, fewer than 20",
    }
    metrics = long_request["metrics"]
    latency = metrics["latency_ns_per_token"]
    assert latency["method"] == "batch_means"
    assert latency["n"] * latency["batch_bursts"] <= long_request["counts"]["bursts"]
    assert -0.3 < latency["burst_autocorrelation"] < 0.3
    # With one request at a time, rate and latency are the same thing.
    rate = metrics["throughput_tokens_per_s"]
    relative = [m["half_width"] / m["value"] for m in (latency, rate)]
    assert relative[0] == pytest.approx(relative[1], rel=0.01)
    assert 0.01 < relative[0] < 0.2
    # One request is one value: nothing to build an interval of its latency on.
    assert metrics["request_latency_ns"]["half_width"] is None
    assert metrics["request_latency_ns"]["method"] is None
    burst = long_request["quantiles"]["burst_latency_ns"]["p50"]
    assert burst["method"] == "batches of bursts"
    assert burst["low"] < burst["value"] < burst["high"]


def test_enough_requests_give_intervals_themselves() -> None:
    found = summary("workload.requests=20")
    assert found["intervals"]["batch_means"] is False
    assert found["intervals"]["reason"] == "20 requests are enough"
    for metric in found["metrics"].values():
        assert (metric["method"], metric["n"]) == ("requests", 20)
        assert metric["batch_bursts"] is None
    assert found["quantiles"]["burst_latency_ns"]["p50"]["method"] == "requests"
    whole = found["quantiles"]["request_latency_ns"]["p50"]
    assert whole["method"] == "independent values"


def test_few_short_requests_give_intervals_for_want_of_better() -> None:
    found = summary("workload.requests=12", "workload.max_tokens=16")
    assert found["intervals"]["reason"] == (
        "requests of fewer than 20 bursts on average"
    )
    assert found["metrics"]["latency_ns_per_token"]["method"] == "requests"
    assert summary()["intervals"]["reason"].endswith("bursts, fewer than 40")


def test_requests_on_one_chip_are_batched_in_time() -> None:
    shared = ("streams=2", "workload.requests=2", "workload.max_tokens=150")
    found = summary(*shared)
    assert found["intervals"]["reason"] == "1 replication, fewer than 20"
    assert found["metrics"]["latency_ns_per_token"]["method"] == "batch_means"
    assert found["quantiles"]["request_latency_ns"]["p50"]["low"] is None


@pytest.mark.parametrize(
    "overrides",
    [
        ("workload.requests=3",),
        (
            "streams=3",
            "workload.requests=6",
            "arrival.kind=poisson",
            "arrival.rate_per_s=20000",
        ),
    ],
)
def test_bursts_add_up_to_the_metrics(overrides: tuple[str, ...]) -> None:
    plan, bursts, requests = rows(*overrides)
    run = RunRows.of(bursts, requests)
    whole = run.cluster_ratios(plan.program)
    for name, ratio in run.burst_ratios(plan.program).items():
        for ours, theirs in zip(ratio, whole[name], strict=True):
            expected = math.fsum(np.asarray(theirs, dtype=float))
            assert math.fsum(np.asarray(ours, dtype=float)) == pytest.approx(
                expected, rel=1e-9
            ), name
        assert ratio.numerators.shape == (run.n_bursts,)


def test_bursts_are_in_time_order_on_every_chip() -> None:
    _, bursts, requests = rows("streams=2", "workload.requests=4")
    run = RunRows.of(bursts, requests)
    order = run.time_order
    chip, commit = run.cluster_of_burst[order], run.commit_ps[order]
    assert sorted(order.tolist()) == list(range(run.n_bursts))
    for number in range(2):
        assert np.all(np.diff(commit[chip == number]) >= 0)
    assert np.all(np.diff(chip) >= 0)


def test_metrics_without_bursts_of_their_own_have_no_batches() -> None:
    plan, bursts, requests = rows("workload.requests=1", "workload.max_tokens=400")
    batches = BurstBatches(RunRows.of(bursts, requests), plan.program)
    assert batches.are_used
    assert batches.of("request_latency_ns") is None
