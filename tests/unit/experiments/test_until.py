"""Runs that end when they are precise enough."""

from __future__ import annotations

import dataclasses

import pytest

from simcore.config.load import config_dict, load_scenario
from simcore.errors import ConfigError
from simcore.experiments.executors.processes import ProcessExecutor
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.run import simulate
from simcore.experiments.until import requests_until


def test_a_run_ends_when_its_target_is_met_and_not_much_later() -> None:
    scenario = load_scenario("tiny")
    found = requests_until(scenario, 0.03, HowToRun())
    assert found.reason == ""
    assert found.precision.is_reached
    width = found.precision.relative_half_width
    assert width is not None
    assert 0.01 < width <= 0.03
    # The number makes an ordinary run with the same precision.
    run = simulate(scenario, requests=found.requests, cross_check=False)
    latency = run.metrics["latency_ns_per_token"]
    assert latency["half_width"] / latency["value"] == pytest.approx(width)
    assert run.summary["counts"]["bursts"] == found.bursts


def test_simulate_takes_the_target() -> None:
    by_hand = requests_until(load_scenario("tiny"), 0.05, HowToRun())
    run = simulate("tiny", until=0.05, cross_check=False)
    assert run.scenario.workload.requests == by_hand.requests


def test_where_it_ends_does_not_depend_on_workers() -> None:
    scenario = load_scenario("tiny", ["streams=2"])
    alone = requests_until(scenario, 0.08, HowToRun())
    shared = requests_until(scenario, 0.08, HowToRun(executor=ProcessExecutor(2)))
    assert dataclasses.asdict(alone) == dataclasses.asdict(shared)
    assert alone.requests % 2 == 0


def test_a_limit_of_bursts_ends_it_with_the_reason() -> None:
    found = requests_until(load_scenario("tiny"), 0.001, HowToRun(), max_bursts=1_000)
    assert not found.precision.is_reached
    assert found.reason == "the limit of 1,000 bursts was reached first"
    assert 500 < found.bursts <= 1_200
    assert found.precision.more_clusters > 1_000


def test_a_recording_is_not_repeated_to_look_precise() -> None:
    recorded = {"kind": "burst_replay", "k": 3, "requests": [[3] * 4, [0] * 16] * 5}
    scenario = load_scenario({**tiny(), "acceptance": recorded})
    found = requests_until(scenario, 0.01, HowToRun())
    assert found.requests == 10
    assert found.reason == "the recording has no more requests"


@pytest.mark.parametrize("target", [0.0, 1.0, -0.1])
def test_a_target_is_a_share(target: float) -> None:
    with pytest.raises(ConfigError, match="between 0 and 1"):
        requests_until(load_scenario("tiny"), target, HowToRun())


def tiny() -> dict:
    return config_dict(load_scenario("tiny"))
