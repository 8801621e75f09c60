"""Whole bursts out of a stream of event rows, and what must hold within a burst.

Rows of one burst may be spread over row groups and stand between those of others; a
burst is checked when its last row has come and then forgotten.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from simcore.analysis.run_program import BoolArray, IntArray, ProgramRows
from simcore.program.verification import VerificationPolicy

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
    verification : VerificationPolicy
        Says which verify steps a burst had to run.
    """

    def __init__(
        self,
        program: ProgramRows,
        bursts: dict[str, IntArray],
        rules: dict[str, Violations],
        verification: VerificationPolicy,
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
        phases = np.array(program.labels["phase"], dtype=np.str_)
        self._is_draft = phases == "draft"
        self._is_verify = np.char.startswith(phases, "verify")
        self._is_ahead = phases == "draft_ahead"
        phases = phases[program.owner]
        self._drafts = np.flatnonzero(phases == "draft")
        self._verifies = np.flatnonzero(np.char.startswith(phases, "verify"))
        self._verify_step = program.step[program.owner][self._verifies]
        self._commits = np.flatnonzero(phases == "commit")
        #: Verify steps that each burst had to run.
        self._steps = np.array(
            [
                verification.steps(accepted, k)
                for accepted, k in zip(
                    bursts["accepted"].tolist(), bursts["k"].tolist(), strict=True
                )
            ],
            dtype=np.int64,
        )

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
        whole = self._seen_rows[touched] >= self._bursts["event_rows"][touched]
        for i in np.flatnonzero(~whole).tolist():
            self._open[int(touched[i])] = (seen[i], times[:, i])
        for part in _chunks(np.flatnonzero(whole), n_rows):
            self._check(touched[part], seen[part], times[:, part])

    def finish(self) -> None:
        """Check what never became whole."""
        for number, (seen, times) in sorted(self._open.items()):
            self._check(np.array([number]), seen[None], times[:, None])
        never = (self._seen_rows == 0) & (self._bursts["event_rows"] > 0)
        for number in np.flatnonzero(never).tolist():
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
        may_lack, must_lack = self._absent(numbers)
        broken = (seen > 1) | ((seen == 0) & ~may_lack) | ((seen == 1) & must_lack)
        others = self._others
        owner_rows = program.owner[program.op[others]]
        broken[:, others] |= seen[:, others] != seen[:, owner_rows]
        good = ~broken.any(axis=1)
        owners = times[:, :, owner_rows]
        broken[:, others] |= (times[:, :, others] != owners).any(axis=0)
        self._count("holds_complete", broken, numbers, program.op)
        if not good.all():
            numbers, times, seen = numbers[good], times[:, good], seen[good]
        if numbers.size:
            ran = seen[:, program.owner] == 1
            ready, start, end = np.take(times, program.owner, axis=2)
            self._check_predecessors(numbers, ready, start, end, ran)
            self._check_gates(numbers, end, ran)
            self._check_times(numbers, ready, end, ran)

    def _absent(self, numbers: IntArray) -> tuple[BoolArray, BoolArray]:
        """Rows that bursts may lack, and rows that they must lack.

        What a burst before has drafted is not drafted again; verify steps behind a
        mismatch and drafts ahead from a wrong guess may have been cancelled.
        """
        columns = self._bursts
        ahead = columns["drafted_ahead"][numbers, None] == 1
        survives = columns["ahead_survives"][numbers, None] == 1
        behind = self._program.step >= self._steps[numbers, None]
        must_lack = ahead & self._is_draft
        may_lack = must_lack | (behind & self._is_verify) | (~survives & self._is_ahead)
        return may_lack, must_lack

    def _check_predecessors(
        self,
        numbers: IntArray,
        ready: IntArray,
        start: IntArray,
        end: IntArray,
        ran: BoolArray,
    ) -> None:
        launched = self._bursts["start_ps"][numbers]
        late = (ready[:, self._roots] != launched[:, None]) & ran[:, self._roots]
        self._count("predecessors_first", late, numbers, self._roots)
        if not self._ops.size:
            return
        before = self._program.before
        # What stands behind a gate may start with it.
        free = np.where(self._before_is_gate, start[:, before], end[:, before])
        free = np.where(ran[:, before], free, launched[:, None])
        latest = np.maximum.reduceat(free, self._edge_starts, axis=1)
        # Behind a cancelled hold, the moment of the decision is not known here.
        all_ran = np.logical_and.reduceat(ran[:, before], self._edge_starts, axis=1)
        found = ready[:, self._ops]
        wrong = (found < latest) | (all_ran & (found != latest))
        wrong |= start[:, self._ops] < latest
        self._count("predecessors_first", wrong & ran[:, self._ops], numbers, self._ops)

    def _check_gates(self, numbers: IntArray, end: IntArray, ran: BoolArray) -> None:
        if self._gates.size:
            members = np.where(ran[:, self._members], end[:, self._members], 0)
            latest = np.maximum.reduceat(members, self._cell_starts, axis=1)
            all_ran = np.logical_and.reduceat(
                ran[:, self._members], self._cell_starts, axis=1
            )
            closed = end[:, self._gates]
            wrong = (closed < latest) | (all_ran & (closed != latest))
            wrong &= ran[:, self._gates]
            self._count("gates_span_their_layer", wrong, numbers, self._gates)

    def _check_times(
        self, numbers: IntArray, ready: IntArray, end: IntArray, ran: BoolArray
    ) -> None:
        columns = self._bursts
        launched = columns["start_ps"][numbers]
        end = np.where(ran, end, 0)
        ready = np.where(ran, ready, np.iinfo(np.int64).max)
        acted_upon = self._verify_step < self._steps[numbers, None]
        verify_end = np.where(acted_upon, end[:, self._verifies], 0)
        drafted = np.maximum(end[:, self._drafts].max(axis=1, initial=0), launched)
        verified = np.maximum(verify_end.max(axis=1, initial=0), drafted)
        committed = np.maximum(end[:, self._commits].max(axis=1, initial=0), verified)
        ended = end.max(axis=1, initial=0)
        compared = np.stack(
            [
                ready.min(axis=1) != launched,
                ended != columns["end_ps"][numbers],
                drafted - launched != columns["draft_ps"][numbers],
                verified - drafted != columns["verify_ps"][numbers],
                committed - verified != columns["commit_ps"][numbers],
                ended - committed != columns["tail_ps"][numbers],
            ]
        )
        wrong = np.any(compared, axis=0, keepdims=True).T
        self._count("burst_times", wrong, numbers, np.zeros(1, dtype=np.int64))


def _chunks(numbers: IntArray, n_rows: int) -> Iterator[IntArray]:
    """Whole bursts in portions of about a million rows."""
    size = max(1, 1_000_000 // max(n_rows, 1))
    for first in range(0, numbers.size, size):
        yield numbers[first : first + size]
