"""Sums over the holds of every operation: totals that travel without their program.

Engines fill them and shards are stored and sent with them. Who has the program at hand
uses `simcore.analysis.operation_sums`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.trace.recorder import Int64Array

#: Columns of `HoldSums`, by op_id.
SUMS = ("count", "context", "committed", "busy_ps", "wait_ps", "activates")


@dataclass
class HoldSums:
    """Arrays by op_id, all of shape (n_operations,).

    Attributes
    ----------
    bursts : int
        Bursts added up.
    count : ndarray of int64
        Holds that ran.
    context, committed : ndarray of int64
        Cached tokens seen, and tokens committed by their bursts, over those holds.
    busy_ps, wait_ps : ndarray of int64
        Durations, and times from ready to start.
    activates : ndarray of int64
        HBM row activations, where they are counted.
    """

    bursts: int
    count: Int64Array
    context: Int64Array
    committed: Int64Array
    busy_ps: Int64Array
    wait_ps: Int64Array
    activates: Int64Array

    @classmethod
    def empty(cls, n_operations: int) -> HoldSums:
        """No bursts yet."""
        return cls(0, *(np.zeros(n_operations, dtype=np.int64) for _ in SUMS))
