"""One pass over the events of a run: sums that must come out, and rules they break.

Reads one row group at a time, so memory does not grow with the trace. Everything is
taken from the run folder itself (its program, bursts and events), not from the program
that is being simulated: `invariants.py` compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simcore.analysis.burst_assembly import KEYS, BurstAssembly, Violations
from simcore.analysis.run_program import (
    BoolArray,
    FloatArray,
    IntArray,
    ProgramRows,
    integers,
)
from simcore.program.jitter import Jitter
from simcore.program.operation import HBM, MEMORIES
from simcore.program.stall import refreshes_met
from simcore.program.verification import verification_named
from simcore.trace.reader import Trace
from simcore.units import PS_PER_NS

#: Order of the rows of a file.
_ORDER = ("replication", "start_ps", "request", "burst", "op_id", "resource_index")
_COLUMNS = (*_ORDER, "ready_ps", "duration_ps", "activates")


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
        seen), `committed` (tokens of their bursts), `busy_ps`, `activates`.
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
        bursts = trace.traced_bursts()
        self._bursts = {name: integers(bursts[name]) for name in _BURST_COLUMNS}
        request, burst = _request_codes(self._bursts), self._bursts["burst"]
        self._requests = np.unique(request)
        self._codes = (np.searchsorted(self._requests, request) << 31) + burst
        n_rows, n_bursts = self._program.n, burst.size
        self._rows = {
            name: np.zeros(n_rows, dtype=np.int64)
            for name in ("events", "context", "committed", "busy_ps", "activates")
        }
        self._energy_pj = np.zeros(n_bursts)
        self._bytes = np.zeros(n_bursts * len(MEMORIES) * 2, dtype=np.int64)
        self._rules = {name: Violations() for name in RULES}
        self._last: dict[str, Any] | None = None
        n_resources = len(self._program.resources)
        # Last hold of each resource that took time: replication, start and end.
        self._held = np.full((3, n_resources), -1, dtype=np.int64)
        config = trace.run.get("config", {})
        self._timed = bool(trace.run.get("timed_transfers"))
        self._is_hbm = np.array(
            [name == HBM for name in self._program.resources], dtype=np.bool_
        )[self._program.resource]
        self._jitter: Jitter | None = None
        if config.get("jitter_cv"):
            self._jitter = Jitter(config["seed"], config["jitter_cv"])
        self._assembly = BurstAssembly(
            self._program,
            self._bursts,
            self._rules,
            verification_named(config.get("verification", "full_burst")),
        )

    def run(self) -> Sweep:
        n_events = 0
        for table in self._trace.iter_events(list(_COLUMNS)):
            events = {name: integers(table[name], 0) for name in _COLUMNS}
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
        linear = np.rint(expected * PS_PER_NS).astype(np.int64)
        stall_ps = program.stall_ps[row]
        stalls: IntArray = refreshes_met(linear, program.stall_period_ps[row], stall_ps)
        if self._jitter is None:
            wrong = linear + stall_ps * stalls != duration
        else:
            expected = expected + stall_ps / PS_PER_NS * stalls
            expected = expected * self._factors(self._jitter, events["op_id"], burst)
            wrong = np.rint(expected * PS_PER_NS) != duration
        wrong &= ~program.is_gate[row]
        if self._timed:
            # Transfers that banks and refresh time as they start.
            wrong &= ~self._is_hbm[row]
        self._count("durations_as_programmed", wrong, events)
        energy = _evaluate(program.energy_pj[:, row], context, committed)
        energy += program.activate_pj[row] * events["activates"]
        np.add.at(self._rows["activates"], row, events["activates"])
        np.add.at(self._energy_pj, burst, energy)
        moves = program.memory[row] >= 0
        row, burst = row[moves], burst[moves]
        place = (burst * len(MEMORIES) + program.memory[row]) * 2
        for direction in (0, 1):
            cost = program.bytes[direction][:, row]
            moved = np.rint(_evaluate(cost, context[moves], committed[moves]))
            np.add.at(self._bytes, place + direction, moved.astype(np.int64))

    def _factors(self, jitter: Jitter, op: IntArray, burst: IntArray) -> FloatArray:
        """Jitter of every event; the rows of a group are of few bursts."""
        numbers, slot = np.unique(burst, return_inverse=True)
        request, index = self._bursts["request"], self._bursts["burst"]
        factors = np.stack(
            [
                jitter.factors(
                    int(request[number]), int(index[number]), self._program.n_operations
                )
                for number in numbers.tolist()
            ]
        )
        chosen: FloatArray = factors[slot.reshape(-1), op]
        return chosen


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
    *KEYS,
    "committed",
    "context_length",
    "start_ps",
    "end_ps",
    "draft_ps",
    "verify_ps",
    "commit_ps",
    "tail_ps",
    "k",
    "accepted",
    "drafted_ahead",
    "ahead_survives",
    "event_rows",
)


def _request_codes(columns: dict[str, IntArray]) -> IntArray:
    """One number for (replication, request), both below 2^31."""
    return (columns["replication"] << 31) + columns["request"]


def _evaluate(cost: FloatArray, context: IntArray, committed: IntArray) -> FloatArray:
    value: FloatArray = cost[0] + cost[1] * context + cost[2] * committed
    return value


def _where(events: dict[str, IntArray], i: int) -> str:
    names = (*KEYS, "op_id", "resource_index")
    return ", ".join(f"{name} {events[name][i]}" for name in names)
