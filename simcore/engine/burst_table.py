"""Bursts as columns: what an engine reports of many bursts, without an object each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING

import numpy as np

from simcore.program.table import IntArray

if TYPE_CHECKING:
    from simcore.engine.burst_controller import BurstTimes


@dataclass(frozen=True, eq=False)
class BurstTable:
    """Bursts in the order (replication, request, burst); equal lengths, all int64.

    The fields mean what those of `BurstTimes` and `BurstOutcome` mean; truth values
    are 0 and 1.
    """

    replication: IntArray
    request: IntArray
    burst: IntArray
    context_length: IntArray
    accepted: IntArray
    committed: IntArray
    ahead_survives: IntArray
    drafted_ahead: IntArray
    ready_ps: IntArray
    start_ps: IntArray
    draft_end_ps: IntArray
    verify_end_ps: IntArray
    commit_end_ps: IntArray
    end_ps: IntArray
    sram_bytes: IntArray
    holds: IntArray
    wasted_verify_steps: IntArray

    def __len__(self) -> int:
        return len(self.request)

    @classmethod
    def of(cls, bursts: Sequence[BurstTimes]) -> BurstTable:
        """From bursts that were reported one by one, in order."""

        def column(name: str) -> IntArray:
            of_outcome = name in _OF_OUTCOME
            values = [getattr(b.outcome if of_outcome else b, name) for b in bursts]
            return np.array(values, dtype=np.int64)

        return cls(**{field.name: column(field.name) for field in fields(cls)})

    @classmethod
    def concatenate(cls, tables: Sequence[BurstTable]) -> BurstTable:
        """Tables one after another."""
        return cls(
            **{
                field.name: np.concatenate(
                    [getattr(table, field.name) for table in tables]
                    or [np.zeros(0, dtype=np.int64)]
                )
                for field in fields(cls)
            }
        )


_OF_OUTCOME = ("context_length", "accepted", "committed", "ahead_survives")
