"""Burst latency of the layer-pipelined schedule, as the public calculator has it.

Drafting stays serialized. The verify steps follow each other through the layers: the
first one fills the pipeline, each later one adds the time of its slowest layer or of
its memory traffic. This sum of bottlenecks is no bound of anything: when a later step
is slower than the first, its own way through the other layers is missing. With every
block drafted in full and reused, it is 18 times below the time that the bonus step
alone needs.
"""

from __future__ import annotations

import numpy as np

from simcore.analysis.calculator.digital import layer_latency_ns
from simcore.analysis.calculator.memory import (
    FloatArray,
    movement_cost,
    steps_traffic,
)
from simcore.analysis.calculator.phases import PhaseModel


def verify_latency_ns(
    drafted: PhaseModel, bonus: PhaseModel, prompt_lengths: FloatArray
) -> FloatArray:
    """Latency of the verify steps, shape (n,).

    Parameters
    ----------
    drafted, bonus : PhaseModel
        The two verify phases; at least one drafted token.
    prompt_lengths : ndarray of float, shape (n,)
        Prompt lengths.
    """
    fixed_ns, per_token_ns = layer_latency_ns(drafted.loads)
    k = drafted.steps
    first_ns = drafted.n_layers * (fixed_ns + per_token_ns * prompt_lengths) + sum(
        cost.latency_ns for cost in drafted.step.stages.values()
    )
    steps = np.arange(k, dtype=np.float64)[:, None]
    slowest_ns = (
        drafted.step.slowest_layer_ns
        + fixed_ns
        + per_token_ns * (prompt_lengths + steps)
    )
    bonus_ns = (
        bonus.step.slowest_layer_ns
        + bonus.per_burst.latency_ns / bonus.n_layers
        + fixed_ns
        + per_token_ns * (prompt_lengths + k)
    )
    memory_ns = _memory_ns(drafted, prompt_lengths, steps)
    # The bonus step's commit to HBM is left out of its latency.
    bonus_memory_ns = _memory_ns(bonus, prompt_lengths, np.array([[float(k)]]))[0]
    following_ns = np.maximum(slowest_ns, memory_ns)[1:].sum(axis=0)
    last_ns = np.maximum(bonus_ns, bonus_memory_ns)
    latency_ns: FloatArray = first_ns + memory_ns[0] + following_ns + last_ns
    return latency_ns


def _memory_ns(
    phase: PhaseModel, prompt_lengths: FloatArray, speculative_reads: FloatArray
) -> FloatArray:
    """Memory latency of single steps, shape (steps, n)."""
    if phase.memory is None or phase.kv is None:
        shape = (speculative_reads.shape[0], prompt_lengths.shape[0])
        return np.zeros(shape)
    traffic = steps_traffic(
        phase.kv, prompt_lengths, steps=1, speculative_reads=speculative_reads
    )
    return movement_cost(phase.memory, traffic).latency_ns
