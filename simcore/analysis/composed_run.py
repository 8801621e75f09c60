"""The rows of a run whose bursts take exactly what the closed form says.

For one request at a time the simulation does the same to within the rounding of holds,
thousands of times slower: this is for studies of the statistics themselves.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.analysis.burst_model import scenario_burst_model
from simcore.config.scenario import ScenarioConfig
from simcore.program.outcomes import OutcomeDraws
from simcore.units import PS_PER_NS

_Columns = dict[str, npt.NDArray[Any]]


def composed_run(scenario: ScenarioConfig) -> tuple[_Columns, _Columns]:
    """Bursts and requests of a run, every request on a chip of its own.

    Parameters
    ----------
    scenario : ScenarioConfig
        Drawn as in a simulation: the same seed gives the same outcomes.

    Returns
    -------
    tuple of dict of str to ndarray
        The columns of both tables that statistics need.
    """
    table = OutcomeDraws(scenario).table(range(scenario.workload.requests))
    model, k = scenario_burst_model(scenario), scenario.workload.draft_length
    first = np.cumsum(table.bursts) - table.bursts
    request = np.repeat(np.arange(table.bursts.size), table.bursts)
    # Each distinct burst once.
    pairs, which = np.unique(
        np.stack([table.context_length, table.committed]), axis=1, return_inverse=True
    )
    which = which.reshape(-1)
    contexts, tokens = pairs[0], pairs[1].astype(np.float64)
    draft_ps, verify_ps, commit_ps = (
        np.rint(phase * PS_PER_NS).astype(np.int64)[which]
        for phase in model.burst_ns(contexts, tokens)
    )
    energy_pj = model.costs.total_energy_pj.at(contexts, tokens)[which]
    passed = np.cumsum(draft_ps + verify_ps + commit_ps)
    begun = np.concatenate([[0], passed[:-1]])
    start_ps = begun - begun[first][request]
    end_ps = passed - begun[first][request]
    last = first + table.bursts - 1
    bursts: _Columns = {
        "replication": request,
        "request": request,
        "burst": np.arange(request.size) - first[request],
        "k": np.full(request.size, k),
        "accepted": table.accepted,
        "committed": table.committed,
        "context_length": table.context_length,
        "ready_ps": start_ps,
        "start_ps": start_ps,
        "end_ps": end_ps,
        "draft_ps": draft_ps,
        "verify_ps": verify_ps,
        "commit_ps": commit_ps,
        "wasted_verify_steps": k - table.accepted,
        "energy_pj": energy_pj,
    }
    requests: _Columns = {
        "replication": np.arange(first.size),
        "request": np.arange(first.size),
        "tokens": np.add.reduceat(table.committed, first),
        "bursts": table.bursts,
        "latency_ps": end_ps[last],
        "energy_pj": np.add.reduceat(energy_pj, first),
    }
    return bursts, requests
