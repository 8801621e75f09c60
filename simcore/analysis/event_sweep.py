"""One pass over the events of a run: sums that must come out, and rules they break.

Reads one row group at a time, so memory does not grow with the trace. Everything is
taken from the run folder itself (its program, bursts and events), not from the program
that is being simulated: `invariants.py` compares the two.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.program.operation import LAYER_GATE, MEMORIES
from simcore.trace.reader import Trace
from simcore.trace.wide import energy_by_operation
from simcore.units import PS_PER_NS

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

#: Order of the rows of a file.
_ORDER = ("replication", "start_ps", "request", "burst", "op_id", "resource_index")
_COLUMNS = (*_ORDER, "ready_ps", "duration_ps")
_KEYS = ("replication", "request", "burst")
_PARTS = ("base", "per_token", "per_committed")
_NO_CAP = np.iinfo(np.int64).max


@dataclass
class Violations:
    """How often a rule was broken, and where first."""

    count: int = 0
    first: str = ""

    def add(self, count: int, where: str) -> None:
        """Count more; only the first place is kept."""
        if count and not self.count:
            self.first = where
        self.count += count


class ProgramRows:
    """The program table of a run as arrays; one entry for each row.

    Parameters
    ----------
    program, program_energy : pyarrow.Table
        Tables of the run.
    """

    def __init__(self, program: pa.Table, program_energy: pa.Table) -> None:
        self.op = _integers(program["op_id"])
        self.index = _integers(program["resource_index"])
        self.n = self.op.size
        self.n_operations = int(self.op.max(initial=-1)) + 1
        self.stride = int(self.index.max(initial=0)) + 1
        self.number = np.full(self.n_operations * self.stride, -1, dtype=np.int64)
        self.number[self.op * self.stride + self.index] = np.arange(self.n)
        self.step = _integers(program["step"], 0)
        self.cap = _integers(program["context_cap"], _NO_CAP)
        encoded: Any = program["resource"].combine_chunks().dictionary_encode()
        self.resource = encoded.indices.to_numpy().astype(np.int64)
        self.resources: list[str] = encoded.dictionary.to_pylist()
        self.labels: dict[str, list[Any]] = {
            name: program[name].to_pylist()
            for name in ("phase", "stage", "channel", "operation", "owner", "layer")
        }
        self.is_gate = np.array(
            [name == LAYER_GATE for name in self.labels["operation"]], dtype=np.bool_
        )
        self.duration_ns = _cost(program, "duration_ns")
        self.bytes = np.stack(
            [_cost(program, f"{direction}_bytes") for direction in ("read", "write")]
        )
        self.memory = np.array(
            [
                MEMORIES.index(owner) if owner in MEMORIES else -1
                for owner in self.labels["owner"]
            ],
            dtype=np.int64,
        )
        energy = energy_by_operation(program_energy, self.n_operations)[:3, self.op]
        self.energy_pj = energy * (self.index == 0)
        # The owner's row of every operation, by op_id.
        self.owner = self.number[:: self.stride]
        predecessors: list[Any] = program["predecessors"].to_pylist()
        edges = [
            (op, before)
            for op, row in enumerate(self.owner.tolist())
            for before in predecessors[row]
        ]
        pairs = np.array(edges, dtype=np.int64).reshape(-1, 2)
        self.after, self.before = pairs[:, 0], pairs[:, 1]

    def gated(self) -> tuple[IntArray, IntArray]:
        """Operations that stand behind a gate, and the gate of each, by op_id."""
        labels = self.labels
        cells: dict[tuple[Any, ...], int] = {}
        for gate in np.flatnonzero(self.is_gate).tolist():
            cells[labels["phase"][gate], self.step[gate], labels["layer"][gate]] = gate
        members, gates = [], []
        for row in self.owner.tolist():
            gate = cells.get(
                (labels["phase"][row], self.step[row], labels["layer"][row]), -1
            )
            if gate >= 0 and gate != row:
                members.append(self.op[row])
                gates.append(self.op[gate])
        return np.array(members, dtype=np.int64), np.array(gates, dtype=np.int64)


@dataclass
class Sweep:
    """What one pass over the events found.

    Attributes
    ----------
    program : ProgramRows
        The program of the run.
    rules : dict of str to Violations
        By rule.
    rows : dict of str to ndarray of int64, shape (n_program_rows,)
        Sums over the events of each program row: `events`, `context` (cached tokens
        seen), `committed` (tokens of their bursts), `busy_ps`.
    burst_energy_pj : ndarray of float64, shape (n_bursts,)
        Dynamic energy of the events of each burst.
    burst_bytes : ndarray of int64, shape (n_bursts, n_memories, 2)
        Bytes read and written by the events of each burst.
    n_events : int
        Event rows.
    """

    program: ProgramRows
    rules: dict[str, Violations]
    rows: dict[str, IntArray]
    burst_energy_pj: FloatArray
    burst_bytes: IntArray
    n_events: int


def sweep_events(trace: Trace) -> Sweep:
    """Pass once over the events of a run.

    Parameters
    ----------
    trace : Trace
        A run that kept its events.
    """
    return _Pass(trace).run()


class _Pass:
    def __init__(self, trace: Trace) -> None:
        self._trace = trace
        self._program = ProgramRows(trace.program(), trace.program_energy())
        bursts = trace.bursts()
        self._bursts = {name: _integers(bursts[name]) for name in _BURST_COLUMNS}
        request, burst = _request_codes(self._bursts), self._bursts["burst"]
        self._requests = np.unique(request)
        self._codes = (np.searchsorted(self._requests, request) << 31) + burst
        n_rows, n_bursts = self._program.n, burst.size
        self._rows = {
            name: np.zeros(n_rows, dtype=np.int64)
            for name in ("events", "context", "committed", "busy_ps")
        }
        self._energy_pj = np.zeros(n_bursts)
        self._bytes = np.zeros(n_bursts * len(MEMORIES) * 2, dtype=np.int64)
        self._rules = {name: Violations() for name in RULES}
        self._last: dict[str, Any] | None = None
        n_resources = len(self._program.resources)
        # Last hold of each resource that took time: replication, start and end.
        self._held = np.full((3, n_resources), -1, dtype=np.int64)
        self._assembly = _Assembly(self._program, self._bursts, self._rules)

    def run(self) -> Sweep:
        n_events = 0
        for table in self._trace.iter_events(list(_COLUMNS)):
            events = {name: _integers(table[name]) for name in _COLUMNS}
            n_events += table.num_rows
            self._check_order(events)
            self._check_waits(events)
            row, burst = self._places(events)
            known = (row >= 0) & (burst >= 0)
            if not known.all():
                self._count("holds_complete", ~known, events)
                events = {name: values[known] for name, values in events.items()}
                row, burst = row[known], burst[known]
            self._check_exclusive(events, row)
            self._add(events, row, burst)
            self._assembly.add(events, row, burst)
        self._assembly.finish()
        moved = self._bytes.reshape(-1, len(MEMORIES), 2)
        return Sweep(
            self._program, self._rules, self._rows, self._energy_pj, moved, n_events
        )

    def _count(self, rule: str, broken: BoolArray, events: dict[str, IntArray]) -> None:
        count = int(np.count_nonzero(broken))
        if count:
            self._rules[rule].add(count, _where(events, int(np.argmax(broken))))

    def _check_order(self, events: dict[str, IntArray]) -> None:
        n = events["op_id"].size
        if not n:
            return
        equal = np.ones(n, dtype=np.bool_)
        below = np.zeros(n, dtype=np.bool_)
        if self._last is None:
            equal[0] = False
        for name in _ORDER:
            now = events[name]
            previous = np.empty_like(now)
            previous[1:] = now[:-1]
            previous[0] = now[0] if self._last is None else self._last[name]
            below |= equal & (now < previous)
            equal &= now == previous
        self._last = {name: int(events[name][-1]) for name in _ORDER}
        self._count("rows_in_order", below, events)

    def _check_waits(self, events: dict[str, IntArray]) -> None:
        negative = events["start_ps"] < events["ready_ps"]
        self._count("waits_not_negative", negative, events)

    def _places(self, events: dict[str, IntArray]) -> tuple[IntArray, IntArray]:
        """Program row and burst of every event; -1 where there is none."""
        program = self._program
        op, index = events["op_id"], events["resource_index"]
        inside = (op >= 0) & (op < program.n_operations)
        inside &= (index >= 0) & (index < program.stride)
        slot = np.where(inside, op * program.stride + index, 0)
        row = np.where(inside, program.number[slot], -1)
        # Rows of one burst stand together; look up each run of them once.
        request, burst = _request_codes(events), events["burst"]
        change = np.ones(burst.size, dtype=np.bool_)
        change[1:] = (request[1:] != request[:-1]) | (burst[1:] != burst[:-1])
        request, burst = request[change], burst[change]
        place = np.searchsorted(self._requests, request)
        code = (place << 31) + burst
        found = np.searchsorted(self._codes, code)
        found[found == self._codes.size] = 0
        place[place == self._requests.size] = 0
        missing = np.ones(code.size, dtype=np.bool_)
        if self._codes.size:
            missing = (self._codes[found] != code) | (self._requests[place] != request)
        found[missing] = -1
        return row, found[np.cumsum(change) - 1]

    def _check_exclusive(self, events: dict[str, IntArray], row: IntArray) -> None:
        """Each hold against the last one of its resource that took time.

        A hold without duration may stand at the border of another, not inside.
        """
        if not row.size:
            return
        resource = self._program.resource[row]
        # Few resources fit 16 bits, which numpy sorts by radix.
        narrow = np.min_scalar_type(len(self._program.resources))
        order = np.argsort(resource.astype(narrow), kind="stable")
        resource = resource[order]
        replication = events["replication"][order]
        start, duration = events["start_ps"][order], events["duration_ps"][order]
        takes_time = duration > 0
        place = np.arange(order.size)
        latest = np.maximum.accumulate(np.where(takes_time, place, -1))
        previous = np.concatenate([[-1], latest[:-1]])
        end = start + duration
        far = (previous < 0) | (resource[previous] != resource)
        before = [times[previous] for times in (replication, start, end)]
        for times, held in zip(before, self._held, strict=True):
            times[far] = held[resource[far]]
        overlap = (before[0] == replication) & (start < before[2])
        overlap &= takes_time | (start > before[1])
        # The last hold of each resource in this group goes on to the next.
        ends = np.flatnonzero(np.diff(resource, append=-1))
        last = latest[ends]
        known = (last >= 0) & (resource[last] == resource[ends])
        last = last[known]
        self._held[:, resource[last]] = (
            replication[last],
            start[last],
            end[last],
        )
        count = int(np.count_nonzero(overlap))
        if count:
            first = int(np.argmax(overlap))
            name = self._program.resources[resource[first]]
            where = f"{name}: {_where(events, int(order[first]))}"
            self._rules["exclusive_holds"].add(count, where)

    def _add(self, events: dict[str, IntArray], row: IntArray, burst: IntArray) -> None:
        program, duration = self._program, events["duration_ps"]
        committed = self._bursts["committed"][burst]
        context = self._bursts["context_length"][burst] + program.step[row]
        context = np.minimum(context, program.cap[row])
        self._rows["events"] += np.bincount(row, minlength=program.n)
        np.add.at(self._rows["context"], row, context)
        np.add.at(self._rows["committed"], row, committed)
        np.add.at(self._rows["busy_ps"], row, duration)
        expected = _evaluate(program.duration_ns[:, row], context, committed)
        wrong = np.rint(expected * PS_PER_NS) != duration
        self._count("durations_as_programmed", wrong & ~program.is_gate[row], events)
        energy = _evaluate(program.energy_pj[:, row], context, committed)
        np.add.at(self._energy_pj, burst, energy)
        moves = program.memory[row] >= 0
        row, burst = row[moves], burst[moves]
        place = (burst * len(MEMORIES) + program.memory[row]) * 2
        for direction in (0, 1):
            cost = program.bytes[direction][:, row]
            moved = np.rint(_evaluate(cost, context[moves], committed[moves]))
            np.add.at(self._bytes, place + direction, moved.astype(np.int64))


class _Assembly:
    """Puts the rows of each burst together and checks whole bursts."""

    def __init__(
        self,
        program: ProgramRows,
        bursts: dict[str, IntArray],
        rules: dict[str, Violations],
    ) -> None:
        self._program = program
        self._bursts = bursts
        self._rules = rules
        self._seen_rows = np.zeros(bursts["burst"].size, dtype=np.int64)
        self._open: dict[int, tuple[IntArray, IntArray]] = {}
        self._others = np.flatnonzero(program.index > 0)
        starts = np.flatnonzero(np.diff(program.after, prepend=-1))
        self._edge_starts, self._ops = starts, program.after[starts]
        is_root = np.ones(program.n_operations, dtype=np.bool_)
        is_root[self._ops] = False
        self._roots = np.flatnonzero(is_root)
        gate_of_op = program.is_gate[program.owner]
        self._before_is_gate = gate_of_op[program.before]
        members, gates = program.gated()
        order = np.argsort(gates, kind="stable")
        self._members, gates = members[order], gates[order]
        self._cell_starts = np.flatnonzero(np.diff(gates, prepend=-1))
        self._gates = gates[self._cell_starts]
        phases = np.array(program.labels["phase"], dtype=np.str_)[program.owner]
        self._drafts = np.flatnonzero(phases == "draft")
        self._verifies = np.flatnonzero(np.char.startswith(phases, "verify"))

    def add(self, events: dict[str, IntArray], row: IntArray, burst: IntArray) -> None:
        """Take event rows; whole bursts are checked and forgotten."""
        if not row.size:
            return
        n_rows = self._program.n
        touched, slot = np.unique(burst, return_inverse=True)
        slot = slot.reshape(-1)
        seen = np.zeros((touched.size, n_rows), dtype=np.int64)
        times = np.zeros((3, touched.size, n_rows), dtype=np.int64)
        for i, number in enumerate(touched.tolist()):
            if number in self._open:
                seen[i], times[:, i] = self._open.pop(number)
        seen += np.bincount(
            slot * n_rows + row, minlength=touched.size * n_rows
        ).reshape(seen.shape)
        times[0, slot, row] = events["ready_ps"]
        times[1, slot, row] = events["start_ps"]
        times[2, slot, row] = events["start_ps"] + events["duration_ps"]
        self._seen_rows[touched] += np.bincount(slot, minlength=touched.size)
        whole = self._seen_rows[touched] >= n_rows
        for i in np.flatnonzero(~whole).tolist():
            self._open[int(touched[i])] = (seen[i], times[:, i])
        for part in _chunks(np.flatnonzero(whole), n_rows):
            self._check(touched[part], seen[part], times[:, part])

    def finish(self) -> None:
        """Check what never became whole."""
        for number, (seen, times) in sorted(self._open.items()):
            self._check(np.array([number]), seen[None], times[:, None])
        for number in np.flatnonzero(self._seen_rows == 0).tolist():
            self._add("holds_complete", self._program.n, number, 0)

    def _add(self, rule: str, count: int, burst: int, op: int) -> None:
        keys = ", ".join(f"{name} {self._bursts[name][burst]}" for name in _KEYS)
        self._rules[rule].add(count, f"{keys}, op_id {op}")

    def _count(
        self, rule: str, broken: BoolArray, numbers: IntArray, ops: IntArray
    ) -> None:
        """Count over an array of shape (bursts, ops)."""
        count = int(np.count_nonzero(broken))
        if count:
            burst, op = np.unravel_index(int(np.argmax(broken)), broken.shape)
            self._add(rule, count, int(numbers[burst]), int(ops[op]))

    def _check(self, numbers: IntArray, seen: IntArray, times: IntArray) -> None:
        program = self._program
        # A hold is complete when each row is there once and all have its times.
        broken = seen != 1
        good = ~broken.any(axis=1)
        others = self._others
        owners = times[:, :, program.owner[program.op[others]]]
        broken[:, others] |= (times[:, :, others] != owners).any(axis=0)
        self._count("holds_complete", broken, numbers, program.op)
        if not good.all():
            numbers, times = numbers[good], times[:, good]
        ready, start, end = np.take(times, program.owner, axis=2)
        if numbers.size:
            self._check_predecessors(numbers, ready, start, end)
            self._check_gates(numbers, end)
            self._check_times(numbers, ready, end)

    def _check_predecessors(
        self, numbers: IntArray, ready: IntArray, start: IntArray, end: IntArray
    ) -> None:
        launched = self._bursts["start_ps"][numbers]
        late = ready[:, self._roots] != launched[:, None]
        self._count("predecessors_first", late, numbers, self._roots)
        if not self._ops.size:
            return
        before = self._program.before
        # What stands behind a gate may start with it.
        free = np.where(self._before_is_gate, start[:, before], end[:, before])
        latest = np.maximum.reduceat(free, self._edge_starts, axis=1)
        wrong = (ready[:, self._ops] != latest) | (start[:, self._ops] < latest)
        self._count("predecessors_first", wrong, numbers, self._ops)

    def _check_gates(self, numbers: IntArray, end: IntArray) -> None:
        if self._gates.size:
            members = end[:, self._members]
            latest = np.maximum.reduceat(members, self._cell_starts, axis=1)
            wrong = end[:, self._gates] != latest
            self._count("gates_span_their_layer", wrong, numbers, self._gates)

    def _check_times(self, numbers: IntArray, ready: IntArray, end: IntArray) -> None:
        columns = self._bursts
        launched = columns["start_ps"][numbers]
        drafted = np.maximum(end[:, self._drafts].max(axis=1, initial=0), launched)
        verified = np.maximum(end[:, self._verifies].max(axis=1, initial=0), drafted)
        ended = end.max(axis=1, initial=0)
        compared = np.stack(
            [
                ready.min(axis=1) != launched,
                ended != columns["end_ps"][numbers],
                drafted - launched != columns["draft_ps"][numbers],
                verified - drafted != columns["verify_ps"][numbers],
                ended - verified != columns["commit_ps"][numbers],
            ]
        )
        wrong = np.any(compared, axis=0, keepdims=True).T
        self._count("burst_times", wrong, numbers, np.zeros(1, dtype=np.int64))


#: What every trace must obey, as `Sweep.rules` names it.
RULES = (
    "holds_complete",
    "waits_not_negative",
    "predecessors_first",
    "durations_as_programmed",
    "gates_span_their_layer",
    "exclusive_holds",
    "rows_in_order",
    "burst_times",
)

_BURST_COLUMNS = (
    *_KEYS,
    "committed",
    "context_length",
    "start_ps",
    "end_ps",
    "draft_ps",
    "verify_ps",
    "commit_ps",
)


def _request_codes(columns: dict[str, IntArray]) -> IntArray:
    """One number for (replication, request), both below 2^31."""
    return (columns["replication"] << 31) + columns["request"]


def _evaluate(cost: FloatArray, context: IntArray, committed: IntArray) -> FloatArray:
    value: FloatArray = cost[0] + cost[1] * context + cost[2] * committed
    return value


def _cost(program: pa.Table, name: str) -> FloatArray:
    return np.stack([program[f"{name}_{part}"].to_numpy() for part in _PARTS])


def _chunks(numbers: IntArray, n_rows: int) -> Iterator[IntArray]:
    """Whole bursts in portions of about a million rows."""
    size = max(1, 1_000_000 // max(n_rows, 1))
    for first in range(0, numbers.size, size):
        yield numbers[first : first + size]


def _where(events: dict[str, IntArray], i: int) -> str:
    names = (*_KEYS, "op_id", "resource_index")
    return ", ".join(f"{name} {events[name][i]}" for name in names)


def _integers(column: Any, missing: int | None = None) -> IntArray:
    if missing is not None:
        column = column.fill_null(missing)
    array: IntArray = column.to_numpy().astype(np.int64, copy=False)
    return array
