"""Whole bursts out of a stream of event rows, and what must hold within a burst.

Rows of one burst may be spread over row groups and stand between those of others; a
burst is checked when its last row has come and then forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simcore.analysis.run_program import BoolArray, IntArray, ProgramRows

#: What names a burst.
KEYS = ("replication", "request", "burst")


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


class BurstAssembly:
    """Puts the rows of each burst together and checks whole bursts.

    Parameters
    ----------
    program : ProgramRows
        The program of the run.
    bursts : dict of str to ndarray
        Columns of the bursts, by number of the burst.
    rules : dict of str to Violations
        Where violations are counted.
    """

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
        keys = ", ".join(f"{name} {self._bursts[name][burst]}" for name in KEYS)
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


def _chunks(numbers: IntArray, n_rows: int) -> Iterator[IntArray]:
    """Whole bursts in portions of about a million rows."""
    size = max(1, 1_000_000 // max(n_rows, 1))
    for first in range(0, numbers.size, size):
        yield numbers[first : first + size]
