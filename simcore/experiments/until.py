"""Run until a relative precision is reached: how many requests that takes.

The looks are at fixed numbers of replications that follow from the results alone, so
that neither workers nor speed decide where a run ends. The number found makes an
ordinary run: the same scenario with so many requests gives the same files.
"""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass
from typing import Any

from simcore.analysis.sequential import Precision, first_look, latency_precision
from simcore.config.load import load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.errors import ConfigError, Problem
from simcore.experiments.engines import choose_engine
from simcore.experiments.gather import Gathered
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.plan import RunPlan, plan_of
from simcore.experiments.run_shards import run_shards
from simcore.program.outcomes import OutcomeDraws

#: Bursts after which a run gives up, unless told otherwise.
DEFAULT_MAX_BURSTS = 5_000_000

#: Bursts of one shard while looking for the end: small, so that looks can be early.
_BURSTS_PER_SHARD = 500


@dataclass(frozen=True)
class Until:
    """Where a run ended, and why.

    Attributes
    ----------
    target : float
        Relative half-width that was asked for.
    precision : Precision
        At the end.
    requests, bursts : int
        What it took.
    reason : str
        Empty when the target was reached.
    """

    target: float
    precision: Precision
    requests: int
    bursts: int
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def requests_until(
    scenario: ScenarioConfig,
    target: float,
    how: HowToRun,
    *,
    max_bursts: int = DEFAULT_MAX_BURSTS,
) -> Until:
    """How many requests give the latency per token to a relative half-width.

    Parameters
    ----------
    scenario : ScenarioConfig
        What to run; its number of requests is not looked at.
    target : float
        Half-width of the interval over the value, between 0 and 1.
    how : HowToRun
        Who simulates.
    max_bursts : int
        Bursts after which to give up.

    Raises
    ------
    ConfigError
        If the target is not between 0 and 1.
    SimulationError
        If the simulation fails.
    """
    if not 0 < target < 1:
        raise ConfigError(
            [Problem(path="until", got=f"{target:g}", allowed="between 0 and 1")]
        )
    plan, most, reason = _pilot(scenario, max_bursts)
    size = plan.replications_per_shard
    gathered = Gathered(plan.program.table, keep_latency=False)
    choice = choose_engine(scenario)
    wanted, done = first_look(target), 0
    while True:
        shards = range(done, min(math.ceil(wanted / size), math.ceil(most / size)))
        run_shards(plan, how, choice, gathered, None, shards)
        done = shards.stop
        found = latency_precision(gathered.requests, target)
        clusters = min(done * size, most)
        if found.is_reached or clusters >= most:
            return Until(
                target,
                found,
                clusters * scenario.streams,
                gathered.sums.bursts,
                "" if found.is_reached else reason,
            )
        wanted = found.next_look


def _pilot(scenario: ScenarioConfig, max_bursts: int) -> tuple[RunPlan, int, str]:
    """A plan of small shards, the most replications it may run, and why no more."""
    per_replication = plan_of(scenario).expected.bursts * scenario.streams
    size = max(1, math.ceil(_BURSTS_PER_SHARD / per_replication))
    most = max(1, int(max_bursts / per_replication))
    reason = f"the limit of {max_bursts:,} bursts was reached first"
    recordings = OutcomeDraws(scenario).recordings // scenario.streams
    if recordings and not scenario.jitter_cv and recordings < most:
        # More requests would only repeat the recorded ones.
        most = max(1, recordings)
        reason = "the recording has no more requests"
    changes = {
        "workload.requests": most * scenario.streams,
        "shard_replications": size,
    }
    pilot = load_scenario(scenario, [f"{k}={v}" for k, v in changes.items()])
    return plan_of(pilot), most, reason
