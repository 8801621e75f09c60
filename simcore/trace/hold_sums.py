"""Sums over holds by operation: the totals that travel without their program."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from simcore.trace.recorder import Int64Array

#: Columns of `HoldSums`, by op_id.
SUMS = ("count", "context", "committed", "busy_ps", "wait_ps", "activates")


@dataclass
class HoldSums:
    """Arrays by op_id, all int64 of shape (n_operations,); see `OperationSums`.

    Attributes
    ----------
    bursts : int
        Bursts added up.
    count, context, committed, busy_ps, wait_ps, activates : ndarray of int64
        As in `simcore.analysis.operation_sums.OperationSums`.
    """

    bursts: int
    count: Int64Array
    context: Int64Array
    committed: Int64Array
    busy_ps: Int64Array
    wait_ps: Int64Array
    activates: Int64Array

    @classmethod
    def zeros(cls, n_operations: int) -> HoldSums:
        """No bursts yet."""
        return cls(0, *(np.zeros(n_operations, dtype=np.int64) for _ in SUMS))
