"""Sums over bursts for every operation of a program: what all totals are made of.

Energy and bytes of an operation are linear in the context it sees and the tokens its
burst commits, so counts and two sums of integers give them exactly. Busy and waiting
times are added up as simulated: they need not follow from the program where holds are
cancelled, jittered or timed by the state of a memory.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from simcore.program.table import IntArray, OperationTable
from simcore.trace.hold_sums import SUMS, HoldSums

#: How often each (context_length, committed) occurs.
Tally = Mapping[tuple[int, int], int]


class OperationSums(HoldSums):
    """`HoldSums` of a program at hand: adds bursts up and says what waited.

    Starts with no bursts.

    Parameters
    ----------
    table : OperationTable
        Operations of the program.
    """

    def __init__(self, table: OperationTable) -> None:
        super().__init__(0, *(np.zeros(len(table), dtype=np.int64) for _ in SUMS))
        self.table = table

    @classmethod
    def of_tally(cls, table: OperationTable, bursts: Tally) -> OperationSums:
        """Of whole bursts whose holds last as programmed and never wait."""
        sums = cls(table)
        by_context: Counter[int] = Counter()
        for (context_length, committed), n in bursts.items():
            by_context[context_length] += n
            sums.bursts += n
            sums.count += n
            sums.committed += committed * n
            sums.busy_ps += n * table.durations_ps(context_length, committed)
        for context_length, n in by_context.items():
            sums.context += n * table.context(context_length)
        return sums

    def add(
        self,
        context_length: int,
        committed: int,
        wait_ps: IntArray,
        duration_ps: IntArray,
        activates: npt.NDArray[np.int32] | None = None,
        executed: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Add one burst.

        Parameters
        ----------
        context_length, committed : int
            Of the burst.
        wait_ps, duration_ps : ndarray of int64, shape (n_operations,)
            By op_id.
        activates : ndarray of int32, optional
            By op_id.
        executed : ndarray of bool, optional
            Which operations ran; all without it.
        """
        context = self.table.context(context_length)
        self.bursts += 1
        if executed is None:
            self.count += 1
            self.context += context
            self.committed += committed
            self.busy_ps += duration_ps
            self.wait_ps += wait_ps
        else:
            self.count += executed
            self.context += np.where(executed, context, 0)
            self.committed += committed * executed.astype(np.int64)
            self.busy_ps += np.where(executed, duration_ps, 0)
            self.wait_ps += np.where(executed, wait_ps, 0)
        if activates is not None:
            self.activates += activates

    def add_holds(self, other: HoldSums) -> None:
        """Add sums over other bursts of the same program."""
        self.bursts += other.bursts
        for name in SUMS:
            total: IntArray = getattr(self, name)
            total += getattr(other, name)

    def holds(self) -> HoldSums:
        """The sums without their program; the arrays are shared."""
        return HoldSums(self.bursts, *(getattr(self, name) for name in SUMS))

    @property
    def gate_ps(self) -> IntArray:
        """How long each layer gate was closed."""
        gates: IntArray = self.busy_ps[self.table.gates]
        return gates

    def waits(self) -> dict[str, dict[str, dict[str, int]]]:
        """Holds and their summed waits, by kind of resource and by operation.

        A hold of several resources counts for the one that owns its row. A layer gate
        counts for the layer.
        """
        found: dict[str, defaultdict[str, list[int]]] = {
            "by_resource_kind": defaultdict(lambda: [0, 0]),
            "by_operation": defaultdict(lambda: [0, 0]),
        }
        for op, (count, wait) in enumerate(
            zip(self.count.tolist(), self.wait_ps.tolist(), strict=True)
        ):
            operation = self.table.operations[op]
            for marginal, name in (
                ("by_resource_kind", operation.resources[0]),
                ("by_operation", operation.name),
            ):
                found[marginal][name][0] += count
                found[marginal][name][1] += wait
        return {
            marginal: {
                name: {"holds": holds, "wait_ps": wait}
                for name, (holds, wait) in sorted(values.items())
            }
            for marginal, values in found.items()
        }
