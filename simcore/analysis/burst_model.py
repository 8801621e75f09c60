"""A burst program with everything that holds at every prompt length worked out once.

Estimates at other prompt lengths, sweeps and repeated calls share these models: the
latest are kept as long as the same model and hardware objects are asked for again.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from functools import cached_property
from typing import NamedTuple

import numpy as np

from simcore.analysis.burst_costs import BurstCosts
from simcore.analysis.composed_latency import ComposedLatency
from simcore.analysis.context_latency import ContextLatency
from simcore.analysis.context_sum import FloatArray, IntArray, SeenBursts
from simcore.analysis.crossover import AttentionCrossover, attention_crossover
from simcore.analysis.expectation import ExpectedBursts
from simcore.analysis.pooled import is_pooled
from simcore.analysis.pooled_latency import PooledLatency
from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import HardwareConfig
from simcore.config.model import ModelConfig
from simcore.config.scenario import ScenarioConfig
from simcore.program.burst import (
    BurstProgram,
    baseline_program,
    longest_context,
    scenario_program,
)

_MOST_KEPT = 64


class BurstModel:
    """Latency, energy and bytes of one program at any context.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.
    """

    def __init__(self, program: BurstProgram) -> None:
        self.program = program

    @cached_property
    def costs(self) -> BurstCosts:
        """Energy and bytes."""
        return BurstCosts(self.program)

    @cached_property
    def latency(self) -> ContextLatency | PooledLatency | ComposedLatency:
        """Latency under the program's switches."""
        if is_pooled(self.program):
            return PooledLatency(self.program)
        if self.program.policy.kv_buffers:
            return ComposedLatency(self.program)
        return ContextLatency(self.program)

    @cached_property
    def attention_crossover(self) -> AttentionCrossover:
        """Where attention outgrows the rest; of a K = 0 program only."""
        return attention_crossover(self.program)

    def burst_ns(
        self, contexts: IntArray, committed: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draft, verify and commit time in ns, all arrays of shape (n,)."""
        return self.latency.burst_ns(contexts, committed)

    def expected_latency_ns(self, expected: ExpectedBursts) -> dict[str, float]:
        """Expected time of a request by phase.

        Parameters
        ----------
        expected : ExpectedBursts
            How often each burst occurs.
        """
        contexts, committed, weights = burst_arrays(expected, self.program.accounting)
        phases = self.burst_ns(contexts, committed)
        return {
            name: float(np.dot(weights, times))
            for name, times in zip(("draft", "verify", "commit"), phases, strict=True)
        }

    def expected_energy_pj(self, expected: ExpectedBursts) -> float:
        """Expected dynamic energy of a request."""
        return self.costs.total_energy_pj.expected(SeenBursts(expected))


def burst_arrays(
    expected: ExpectedBursts, accounting: AccountingConfig
) -> tuple[IntArray, FloatArray, FloatArray]:
    """Contexts, committed tokens and weights of expected bursts.

    Parameters
    ----------
    expected : ExpectedBursts
        How often each burst occurs.
    accounting : AccountingConfig
        With `commit_size: expected` every burst commits the mean.
    """
    outcomes = list(expected.weights)
    contexts = np.array([o.context_length for o in outcomes], dtype=np.int64)
    if accounting.commit_size == "expected":
        committed = np.full(contexts.shape, expected.committed / expected.bursts)
    else:
        committed = np.array([o.committed for o in outcomes], dtype=np.float64)
    return contexts, committed, np.array(list(expected.weights.values()))


class _Key(NamedTuple):
    """What a program is built from; objects that cannot be hashed by identity."""

    model: int
    hardware: int
    accounting: AccountingConfig
    schedule: str
    draft_length: int
    baseline: bool
    longest_context: int


#: Kept with the objects of the key, so that an id is never used again meanwhile.
_kept: OrderedDict[_Key, tuple[ModelConfig, HardwareConfig, BurstModel]] = OrderedDict()


def scenario_burst_model(scenario: ScenarioConfig) -> BurstModel:
    """The speculative burst of a scenario.

    Parameters
    ----------
    scenario : ScenarioConfig
        What is decoded on what.

    Raises
    ------
    ProgramError
        If a burst cannot run on the hardware.
    """
    draft_length = scenario.workload.draft_length
    # Only a buffer of the whole cache depends on how long the context becomes.
    shared = scenario.accounting.kv_read_sharing == "per_burst"
    key = _Key(
        id(scenario.model),
        id(scenario.hardware),
        scenario.accounting,
        scenario.schedule,
        draft_length,
        draft_length == 0,
        longest_context(scenario) if shared else 1,
    )
    return _keep(
        key,
        scenario.model,
        scenario.hardware,
        lambda: BurstModel(scenario_program(scenario)),
    )


def baseline_burst_model(program: BurstProgram) -> BurstModel:
    """The same chip, model, schedule and switches without speculation (K = 0).

    Parameters
    ----------
    program : BurstProgram
        The speculative program.
    """
    key = _Key(
        id(program.model),
        id(program.hardware),
        program.accounting,
        program.schedule,
        0,
        True,
        1,
    )
    return _keep(
        key,
        program.model,
        program.hardware,
        lambda: BurstModel(baseline_program(program)),
    )


def _keep(
    key: _Key,
    model: ModelConfig,
    hardware: HardwareConfig,
    build: Callable[[], BurstModel],
) -> BurstModel:
    if key in _kept:
        _kept.move_to_end(key)
        return _kept[key][2]
    found = build()
    _kept[key] = (model, hardware, found)
    while len(_kept) > _MOST_KEPT:
        _kept.popitem(last=False)
    return found


def forget_burst_models() -> None:
    """Drop all models that are kept, for example to time a cold start."""
    _kept.clear()
