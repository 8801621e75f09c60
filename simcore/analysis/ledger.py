"""Energy, bytes and busy time of bursts, from the operation table and no clock.

What a burst spends depends only on its context length and the tokens it commits, not
on when its holds are granted. Operations of one kind, phase, step and window cost the
same, so a burst of 12,000 operations needs about 1,000 evaluations, and the energy of
many bursts two sums for each group of operations that sees the same context.
"""

from __future__ import annotations

import math
from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simcore.analysis.operation_sums import OperationSums, Tally
from simcore.program.burst import BurstProgram
from simcore.program.operation import HBM, LAYER_GATE, MEMORIES, Operation
from simcore.program.table import FloatArray, IntArray, OperationTable

DIRECTIONS = ("read", "write")


def tally(
    context_lengths: Iterable[int], committed: Iterable[int]
) -> Counter[tuple[int, int]]:
    """Count bursts by (context_length, committed).

    Parameters
    ----------
    context_lengths, committed : iterable of int
        Columns of the same names of the bursts.
    """
    pairs = zip(context_lengths, committed, strict=True)
    return Counter((int(context), int(tokens)) for context, tokens in pairs)


@dataclass(frozen=True)
class Breakdown:
    """A total and its marginals; each adds up to the total.

    Attributes
    ----------
    total : float or int
        pJ for energy, ps for busy time.
    by_phase, by_stage, by_component, by_channel, by_operation : dict
        Share of each name. Busy time counts for the component that owns the
        operation, energy for the component that spends it.
    by_resource : dict
        Busy time of each resource by full name; empty for energy.
    """

    total: float
    by_phase: dict[str, Any]
    by_stage: dict[str, Any]
    by_component: dict[str, Any]
    by_channel: dict[str, Any]
    by_operation: dict[str, Any]
    by_resource: dict[str, int] = field(default_factory=dict)

    @classmethod
    def of(
        cls,
        total: float,
        marginals: Mapping[str, dict[str, Any]],
        by_resource: dict[str, int] | None = None,
    ) -> Breakdown:
        """From a mapping that has every name of `MARGINALS`."""
        return cls(
            total,
            by_phase=marginals["by_phase"],
            by_stage=marginals["by_stage"],
            by_component=marginals["by_component"],
            by_channel=marginals["by_channel"],
            by_operation=marginals["by_operation"],
            by_resource=by_resource or {},
        )

    def as_dict(self) -> dict[str, Any]:
        """Total and marginals by name, ready for JSON."""
        marginals = {
            name: dict(sorted(getattr(self, name).items()))
            for name in (*MARGINALS, "by_resource")
        }
        return {"total": self.total, **{k: v for k, v in marginals.items() if v}}


MARGINALS = ("by_phase", "by_stage", "by_component", "by_channel", "by_operation")


@dataclass(frozen=True)
class Totals:
    """What many bursts spend.

    Attributes
    ----------
    bursts : int
        How many.
    energy_pj : Breakdown
        Dynamic energy.
    busy_ps : Breakdown
        Summed holds, one for every resource held. Layer gates are left out: how long
        a layer is kept depends on what else runs.
    traffic_bytes : dict of (memory, direction) to int
        Bytes moved.
    """

    bursts: int
    energy_pj: Breakdown
    busy_ps: Breakdown
    traffic_bytes: dict[tuple[str, str], int]


class _Kind(NamedTuple):
    """Operations that cost the same in every burst."""

    operation: Operation
    phase: str
    #: Which (step, context_cap) they see.
    group: int


class Ledger:
    """Evaluates what bursts of one program spend.

    Parameters
    ----------
    program : BurstProgram
        What every burst executes.

    Attributes
    ----------
    table : OperationTable
        The operations of a burst.
    """

    def __init__(self, program: BurstProgram) -> None:
        self.table: OperationTable = program.table
        table = self.table
        places = np.stack([table.step, table.context_cap])
        unique, group = np.unique(places, axis=1, return_inverse=True)
        self._step, self._cap = unique[0], unique[1]
        # Layers of one kind share their operations, so identity tells them apart.
        numbers: dict[tuple[int, str, int], int] = {}
        self._kinds: list[_Kind] = []
        kind_of_op = []
        for operation, phase, where in zip(
            table.operations, table.phase, group.reshape(-1).tolist(), strict=True
        ):
            key = (id(operation), phase, where)
            if key not in numbers:
                numbers[key] = len(self._kinds)
                self._kinds.append(_Kind(operation, phase, where))
            kind_of_op.append(numbers[key])
        self._kind_of_op = np.array(kind_of_op, dtype=np.int64)
        self._times: IntArray = np.bincount(
            self._kind_of_op, minlength=len(self._kinds)
        ).astype(np.int64)
        self._group = np.array([k.group for k in self._kinds], dtype=np.int64)

    # -- one burst ----------------------------------------------------------------

    def energy_pj(self, context_length: int, committed: int) -> float:
        """Dynamic energy of one burst in pJ.

        Parameters
        ----------
        context_length : int
            L, KV entries in HBM at burst start.
        committed : int
            Tokens the burst commits.
        """
        base, per_token, per_committed = self._energy_by_group
        context = self._context(context_length).tolist()
        terms = [base, per_committed * committed]
        terms += [a * b for a, b in zip(per_token.tolist(), context, strict=True)]
        return math.fsum(terms)

    def bytes(self, context_length: int, committed: int) -> dict[tuple[str, str], int]:
        """Bytes one burst moves, by (memory, direction); see `energy_pj`."""
        return self._bytes(1, self._context(context_length).tolist(), committed)

    # -- many bursts --------------------------------------------------------------

    def burst_columns(
        self, context_length: npt.ArrayLike, committed: npt.ArrayLike
    ) -> dict[str, FloatArray | IntArray]:
        """Columns of the bursts table that follow from the program.

        Parameters
        ----------
        context_length, committed : array_like of int, shape (n_bursts,)
            Columns of the same names.

        Returns
        -------
        dict of str to ndarray
            `energy_pj`, and `<memory>_<direction>_bytes` of every memory.
        """
        contexts = np.asarray(context_length, dtype=np.int64)
        tokens = np.asarray(committed, dtype=np.int64)
        pairs, inverse = np.unique(
            np.stack([contexts, tokens]), axis=1, return_inverse=True
        )
        inverse = inverse.reshape(-1)
        each = [(int(a), int(b)) for a, b in pairs.T]
        energy = np.array([self.energy_pj(*pair) for pair in each], dtype=np.float64)
        moved = [self.bytes(*pair) for pair in each]
        columns: dict[str, FloatArray | IntArray] = {"energy_pj": energy[inverse]}
        for memory in MEMORIES:
            for direction in DIRECTIONS:
                values = [m[memory, direction] for m in moved]
                column = np.array(values, dtype=np.int64)[inverse]
                columns[f"{memory}_{direction}_bytes"] = column
        return columns

    def totals(self, bursts: Tally) -> Totals:
        """What whole bursts of a tally spend together.

        Parameters
        ----------
        bursts : mapping of (context_length, committed) to int
            How often each burst occurs.
        """
        return self.totals_of(OperationSums.of_tally(self.table, bursts))

    def totals_of(self, sums: OperationSums) -> Totals:
        """What the holds spent that were added up; see `totals`."""
        n_kinds = len(self._kinds)

        def by_kind(of_op: IntArray) -> list[int]:
            total = np.zeros(n_kinds, dtype=np.int64)
            np.add.at(total, self._kind_of_op, of_op)
            values: list[int] = total.tolist()
            return values

        seen = _Seen(
            holds=by_kind(sums.count),
            context=by_kind(sums.context),
            committed=by_kind(sums.committed),
            activates=by_kind(sums.activates),
        )
        return Totals(
            bursts=sums.bursts,
            energy_pj=self._energy(seen),
            busy_ps=self._busy(sums.busy_ps, by_kind(sums.busy_ps)),
            traffic_bytes=self._traffic(seen),
        )

    def spent(
        self,
        context_length: int,
        committed: int,
        executed: npt.NDArray[np.bool_] | None = None,
        activates: npt.NDArray[np.int32] | None = None,
    ) -> tuple[float, dict[tuple[str, str], int]]:
        """Energy in pJ and bytes of one burst of which only some holds ran.

        Parameters
        ----------
        executed, activates : ndarray, shape (n_operations,), optional
            As `Recorder.record_burst`.
        """
        if executed is None and activates is None:
            return (
                self.energy_pj(context_length, committed),
                self.bytes(context_length, committed),
            )
        sums = OperationSums(self.table)
        nothing = sums.busy_ps
        sums.add(context_length, committed, nothing, nothing, activates, executed)
        totals = self.totals_of(sums)
        return totals.energy_pj.total, totals.traffic_bytes

    # -- parts --------------------------------------------------------------------

    def _context(self, context_length: int) -> IntArray:
        """Cached tokens that each group of operations sees."""
        context: IntArray = np.minimum(context_length + self._step, self._cap)
        return context

    @cached_property
    def _energy_by_group(self) -> tuple[float, FloatArray, float]:
        """Energy of a burst: base, per token of each group, per committed token."""
        base, committed = [], []
        per_token: list[list[float]] = [[] for _ in self._step]
        for kind, times in zip(self._kinds, self._times.tolist(), strict=True):
            for _, cost in kind.operation.energy_pj:
                base.append(cost.base * times)
                committed.append(cost.per_committed * times)
                per_token[kind.group].append(cost.per_token * times)
        tokens = np.array([math.fsum(terms) for terms in per_token], dtype=np.float64)
        return math.fsum(base), tokens, math.fsum(committed)

    @cached_property
    def _bytes_by_group(self) -> dict[tuple[str, str], tuple[int, list[int], int]]:
        """Like `_energy_by_group`, whole bytes by (memory, direction)."""
        moved = {
            (memory, direction): (0, [0] * len(self._step), 0)
            for memory in MEMORIES
            for direction in DIRECTIONS
        }
        for kind, times in zip(self._kinds, self._times.tolist(), strict=True):
            operation = kind.operation
            if operation.owner not in MEMORIES:
                continue
            for direction in DIRECTIONS:
                cost = getattr(operation, f"{direction}_bytes")
                base, per_token, per_committed = moved[operation.owner, direction]
                # Byte counts are whole numbers, far below 2^53.
                per_token[kind.group] += round(cost.per_token) * times
                moved[operation.owner, direction] = (
                    base + round(cost.base) * times,
                    per_token,
                    per_committed + round(cost.per_committed) * times,
                )
        return moved

    def _bytes(
        self, n_bursts: int, contexts: list[int], n_committed: int
    ) -> dict[tuple[str, str], int]:
        return {
            key: base * n_bursts
            + sum(a * b for a, b in zip(per_token, contexts, strict=True))
            + per_committed * n_committed
            for key, (base, per_token, per_committed) in self._bytes_by_group.items()
        }

    def _traffic(self, seen: _Seen) -> dict[tuple[str, str], int]:
        moved = {(m, direction): 0 for m in MEMORIES for direction in DIRECTIONS}
        for number, kind in enumerate(self._kinds):
            operation = kind.operation
            if operation.owner not in MEMORIES:
                continue
            for direction in DIRECTIONS:
                cost = getattr(operation, f"{direction}_bytes")
                # Byte counts are whole numbers, far below 2^53.
                moved[operation.owner, direction] += (
                    round(cost.base) * seen.holds[number]
                    + round(cost.per_token) * seen.context[number]
                    + round(cost.per_committed) * seen.committed[number]
                )
        return moved

    def _energy(self, seen: _Seen) -> Breakdown:
        terms: dict[tuple[str, str], list[float]] = defaultdict(list)
        everything: list[float] = []
        for number, kind in enumerate(self._kinds):
            operation = kind.operation
            for component, cost in operation.energy_pj:
                spent: tuple[float, ...] = (
                    cost.base * seen.holds[number],
                    cost.per_token * seen.context[number],
                    cost.per_committed * seen.committed[number],
                )
                if component == HBM and operation.activate_energy_pj:
                    opened = seen.activates[number]
                    spent += (operation.activate_energy_pj * opened,)
                everything.extend(spent)
                names = (
                    kind.phase,
                    operation.stage,
                    component,
                    operation.channel,
                    operation.name,
                )
                for marginal, name in zip(MARGINALS, names, strict=True):
                    terms[marginal, name].extend(spent)
        sums: dict[str, dict[str, float]] = {name: {} for name in MARGINALS}
        for (marginal, name), values in terms.items():
            sums[marginal][name] = math.fsum(values)
        return Breakdown.of(math.fsum(everything), sums)

    def _busy(self, of_op: IntArray, of_kind: list[int]) -> Breakdown:
        sums: dict[str, dict[str, int]] = {name: {} for name in MARGINALS}
        total = 0
        for kind, ps in zip(self._kinds, of_kind, strict=True):
            operation = kind.operation
            if operation.name == LAYER_GATE:
                continue
            names = (
                kind.phase,
                operation.stage,
                operation.owner,
                operation.channel,
                operation.name,
            )
            busy = ps * len(operation.resources)
            total += busy
            for marginal, name in zip(MARGINALS, names, strict=True):
                sums[marginal][name] = sums[marginal].get(name, 0) + busy
        op, _ = self.table.rows
        held = of_op[op]
        held[np.isin(op, self.table.gates)] = 0
        by_resource = np.zeros(len(self.table.resources), dtype=np.int64)
        np.add.at(by_resource, self.table.row_resource, held)
        gates = {self.table.op_resources[gate][0] for gate in self.table.gates.tolist()}
        resources = {
            name: int(by_resource[number])
            for number, name in enumerate(self.table.resources)
            if number not in gates
        }
        return Breakdown.of(total, sums, resources)


class _Seen(NamedTuple):
    """Sums over holds, by kind of operation."""

    holds: list[int]
    context: list[int]
    committed: list[int]
    activates: list[int]
