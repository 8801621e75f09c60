"""Latency at many contexts for schedules that no arrays follow: one by one."""

from __future__ import annotations

import numpy as np

from simcore.analysis.composition import Composition
from simcore.analysis.context_sum import FloatArray, IntArray
from simcore.program.burst import BurstProgram, Step


class ComposedLatency:
    """As `ContextLatency`, by composing every burst.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.
    """

    def __init__(self, program: BurstProgram) -> None:
        self._composition = Composition(program)

    def burst_ns(
        self, contexts: IntArray, committed: FloatArray
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Draft, verify and commit time in ns, all arrays of shape (n,)."""
        bursts = [
            self._composition.burst_ns(int(context), float(tokens))
            for context, tokens in zip(contexts, committed, strict=True)
        ]
        draft, verify, commit = np.array(
            [(b.draft, b.verify, b.commit) for b in bursts], dtype=np.float64
        ).T.reshape(3, -1)
        return draft, verify, commit

    def step_ns(self, step: Step, context_length: int) -> float:
        """Time of one step alone on the chip."""
        return self._composition.step_ns(step, context_length)

    def commit_ns(self, committed: float) -> float:
        """Time of a commit."""
        return self._composition.burst_ns(1, committed).commit
