"""Columns of small runs, without writing anything."""

from __future__ import annotations

from typing import Any

from simcore.config.load import load_scenario
from simcore.experiments.engines import choose_engine
from simcore.experiments.gather import Gathered
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.plan import RunPlan, plan_run
from simcore.experiments.run_shards import run_shards


def rows(*overrides: str) -> tuple[RunPlan, dict[str, Any], dict[str, Any]]:
    """Plan, bursts and requests of the tiny scenario with overrides."""
    plan = plan_run(load_scenario("tiny", list(overrides)))
    gathered = Gathered(plan.program.table, keep_latency=False)
    run_shards(plan, HowToRun(), choose_engine(plan.scenario), gathered, None)
    return plan, gathered.bursts, gathered.requests
