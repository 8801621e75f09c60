"""Shards put together: the same columns and precision as all at once."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.analysis.statistics import ratio_estimate
from simcore.config.load import load_scenario
from simcore.experiments.gather import Gathered
from simcore.experiments.plan import plan_run
from simcore.experiments.shard import ShardRunner


@pytest.mark.parametrize(("streams", "requests"), [(1, 7), (2, 8)])
def test_shards_give_columns_and_precision_of_the_whole(streams, requests):
    changes = {"streams": streams, "shard_replications": 2}
    plan = plan_run(scenario(**changes), requests=requests)
    runner = ShardRunner(plan, "simpy")
    parts = Gathered(plan.program.table, keep_latency=True)
    for shard in range(plan.shards):
        parts.add(runner.run(shard))
    whole_plan = plan_run(scenario(streams=streams), requests=requests)
    assert plan.shards > 1
    assert whole_plan.shards == 1
    whole = Gathered(plan.program.table, keep_latency=True)
    whole.add(ShardRunner(whole_plan, "simpy").run(0))
    for name, values in whole.bursts.items():
        assert np.array_equal(values, parts.bursts[name]), name
    for name, values in whole.requests.items():
        assert np.array_equal(values, parts.requests[name]), name
    assert parts.occurred == whole.occurred
    assert sum(parts.outcomes.values()) == parts.sums.bursts == whole.sums.bursts
    assert np.array_equal(parts.sums.busy_ps, whole.sums.busy_ps)
    clusters = whole.requests["replication"]
    expected = ratio_estimate(
        np.bincount(clusters, whole.requests["latency_ps"]),
        np.bincount(clusters, whole.requests["tokens"]),
    )
    assert expected.half_width is not None
    assert parts.relative_half_width() == pytest.approx(
        expected.half_width / expected.value
    )


def test_one_chip_says_nothing_of_its_precision():
    plan = plan_run(scenario(), requests=1)
    gathered = Gathered(plan.program.table, keep_latency=False)
    assert gathered.relative_half_width() is None
    gathered.add(ShardRunner(plan, "simpy").run(0))
    assert gathered.relative_half_width() is None
    assert {kind.latency_ps for kind in gathered.occurred} == {0}


def scenario(**changes):
    return load_scenario("tiny", [f"{key}={value}" for key, value in changes.items()])
