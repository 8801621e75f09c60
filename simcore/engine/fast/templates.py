"""Requests that have a chip to themselves: every kind of burst is simulated once.

One request at a time finds the chip empty whenever a burst starts: the burst before has
ended with its last hold, drafts ahead included, and has given its SRAM back or left it
to this one. HBM transfers last by their bytes alone, refreshes counted from their own
start. So the times of a burst from its start on depend on nothing but where it starts
in the context, its outcome, and whether it was drafted ahead.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Iterator

import numpy as np

from simcore.engine.burst_table import BurstTable
from simcore.engine.fast import arrays as at
from simcore.engine.fast import kernel
from simcore.engine.fast.engine import burst_table, load_kernel, reference_error
from simcore.engine.fast.machine import Machine, drafted_ahead
from simcore.engine.fast.run import OnPartial, Run, Task
from simcore.engine.fast.template import BurstKind, BurstTemplate, TemplateRows
from simcore.program.burst import BurstProgram
from simcore.program.outcomes import BurstOutcome, OutcomeTable
from simcore.program.table import IntArray
from simcore.trace.hold_sums import HoldSums
from simcore.trace.holds import EventRows
from simcore.trace.recorder import BoolArray

#: Rows of a chunk, and rows of templates that are kept in memory (29 bytes each).
_CHUNK_ROWS = 1 << 16
_KEPT_ROWS = 1 << 22


class BurstTemplates:
    """Simulates requests that run alone, without jitter, from bursts of each kind.

    Parameters
    ----------
    program : BurstProgram
        What every burst executes; its transfers last as programmed.

    Attributes
    ----------
    compile_s : float
        Seconds that the kernel took to compile or to load, once a process.

    Raises
    ------
    ValueError
        If transfers are timed by the state of the memory, which bursts inherit.
    """

    def __init__(self, program: BurstProgram) -> None:
        self._machine = Machine(program, None)
        if self._machine.times_transfers:
            raise ValueError("bursts whose transfers are timed as they start differ")
        self.compile_s = load_kernel(self._machine)
        self._table = program.table
        self._templates: dict[BurstKind, BurstTemplate | None] = {}
        self._rows: OrderedDict[BurstKind, TemplateRows] = OrderedDict()
        self._kept_rows = 0

    def of(
        self,
        context_length: int,
        accepted: int,
        committed: int,
        ahead_survives: bool = False,
        drafted_ahead: bool = False,
    ) -> BurstTemplate:
        """The burst of one kind; see `BurstOutcome` and `BurstTimes`.

        Raises
        ------
        SimulationError
            If it never ends.
        """
        kind = BurstKind(
            context_length, accepted, committed, ahead_survives, drafted_ahead
        )
        template = self._template(kind)
        if template is None:
            raise reference_error(self._machine, _alone(kind), 0)
        return template

    def kinds(self, outcomes: OutcomeTable) -> tuple[list[BurstKind], IntArray]:
        """The kinds of bursts that occur, and the number of each burst's kind."""
        columns = (
            outcomes.context_length,
            outcomes.accepted,
            outcomes.committed,
            outcomes.ahead_survives,
            drafted_ahead(outcomes),
        )
        kinds, of_burst = np.unique(
            np.stack(columns, axis=1), axis=0, return_inverse=True
        )
        return [
            BurstKind(context, accepted, committed, bool(survives), bool(drafted))
            for context, accepted, committed, survives, drafted in kinds.tolist()
        ], of_burst.reshape(-1)

    def simulate(
        self,
        outcomes: OutcomeTable,
        *,
        first_replication: int | None = None,
        arrivals_ps: IntArray | None = None,
        sums: HoldSums | None = None,
        take_rows: Callable[[EventRows], None] | None = None,
    ) -> BurstTable:
        """Simulate replications of one request each.

        Parameters
        ----------
        outcomes : OutcomeTable
            The bursts of each request.
        first_replication : int, optional
            Number of the first request's replication; the request's own without it.
        arrivals_ps : ndarray of int64, shape (n_requests,), optional
            When each request arrives on its chip; 0 without it.
        sums : HoldSums, optional
            The holds of all bursts are added to it.
        take_rows : callable, optional
            Takes the event rows, chunk by chunk in the order of the file.

        Returns
        -------
        BurstTable
            By request, then burst.

        Raises
        ------
        SimulationError
            As the SimPy engine, for the first replication that cannot end.
        """
        n_requests = len(outcomes.bursts)
        if first_replication is None:
            first_replication = outcomes.first_request
        if arrivals_ps is None:
            arrivals_ps = np.zeros(n_requests, dtype=np.int64)
        kinds, of_burst = self.kinds(outcomes)
        templates = [
            self._template(kind, with_rows=take_rows is not None) for kind in kinds
        ]
        drafted = drafted_ahead(outcomes)
        needed = self._machine.sram_bytes(outcomes.context_length)
        stuck = np.array([template is None for template in templates], dtype=np.bool_)
        self._check_ends(
            outcomes,
            stuck[of_burst]
            | ((drafted == 0) & (needed > self._machine.sram_capacity_bytes)),
            first_replication,
            arrivals_ps,
        )
        complete = [template for template in templates if template is not None]
        if sums is not None:
            counts = np.bincount(of_burst, minlength=len(kinds)).tolist()
            for template, count in zip(complete, counts, strict=True):
                template.add_to(sums, self._table, count)
        bursts = _times(outcomes, drafted, complete, of_burst, arrivals_ps, needed)
        bursts.replication[:] = (
            bursts.request - outcomes.first_request + first_replication
        )
        if take_rows is not None:
            for rows in self._chunks(bursts, kinds, of_burst):
                take_rows(rows)
        return bursts

    # -- one burst -------------------------------------------------------------------

    def _template(
        self, kind: BurstKind, *, with_rows: bool = False
    ) -> BurstTemplate | None:
        """The burst of a kind; None when it never ends."""
        if kind not in self._templates:
            # While all rows fit they are kept from the start.
            with_rows = with_rows and self._kept_rows < _KEPT_ROWS
            self._templates[kind] = self._simulated(kind, with_rows=with_rows)
        return self._templates[kind]

    def _simulated(self, kind: BurstKind, *, with_rows: bool) -> BurstTemplate | None:
        ran: list[BoolArray | None] = [None]
        chunks: list[EventRows] = []

        def keep(_: int, __: int, executed: BoolArray | None, ___: object) -> None:
            ran[0] = executed

        run = self._run(kind, chunks.append if with_rows else None, keep)
        if run is None:
            return None
        if with_rows:
            self._keep_rows(kind, chunks)
        sums = HoldSums.empty(len(self._table))
        run.add_to(sums)
        found = run.found[0].tolist()
        waiting = np.flatnonzero(sums.wait_ps)
        return BurstTemplate(
            kind,
            draft_end_ps=found[at.DRAFT_END_PS],
            verify_end_ps=found[at.VERIFY_END_PS],
            commit_end_ps=found[at.COMMIT_END_PS],
            end_ps=found[at.END_PS],
            holds=found[at.HOLDS],
            wasted_verify_steps=found[at.WASTED],
            executed=ran[0],
            gate_ps=sums.busy_ps[self._table.gates],
            waiting_ops=waiting,
            waits_ps=sums.wait_ps[waiting],
        )

    def _run(
        self,
        kind: BurstKind,
        take_rows: Callable[[EventRows], None] | None,
        on_partial: OnPartial | None = None,
    ) -> Run | None:
        task = Task(
            _alone(kind),
            np.array([kind.drafted_ahead], dtype=np.int64),
            np.zeros(1, dtype=np.int64),
            event_budget=len(self._table),
            # Whether it fits is asked of the first of bursts that hand room on.
            has_sram_limit=False,
            take_rows=take_rows,
            on_partial=on_partial,
        )
        run = Run(self._machine, task)
        ends = run.run() == kernel.OUT_OF_EVENTS and run.is_complete
        return run if ends else None

    def _rows_of(self, kind: BurstKind) -> TemplateRows:
        """Event rows of a burst; the ones used last are kept."""
        if kind in self._rows:
            self._rows.move_to_end(kind)
            return self._rows[kind]
        chunks: list[EventRows] = []
        self._run(kind, chunks.append)
        return self._keep_rows(kind, chunks)

    def _keep_rows(self, kind: BurstKind, chunks: list[EventRows]) -> TemplateRows:
        rows = TemplateRows(
            *(
                np.concatenate([getattr(chunk, name) for chunk in chunks])
                for name in TemplateRows._fields
            )
        )
        self._rows[kind] = rows
        self._kept_rows += len(rows.op_id)
        while self._kept_rows > _KEPT_ROWS and len(self._rows) > 1:
            _, dropped = self._rows.popitem(last=False)
            self._kept_rows -= len(dropped.op_id)
        return rows

    # -- many bursts -----------------------------------------------------------------

    def _check_ends(
        self,
        outcomes: OutcomeTable,
        never_ends: BoolArray,
        first_replication: int,
        arrivals_ps: IntArray,
    ) -> None:
        """Raise what the reference raises for the first replication that hangs."""
        last = np.cumsum(outcomes.bursts) - 1
        # Drafts that no burst follows keep their room.
        never_ends[last] |= outcomes.ahead_survives[last] == 1
        if not never_ends.any():
            return
        i = int(np.searchsorted(last, int(never_ends.argmax())))
        part = slice(int(last[i] + 1 - outcomes.bursts[i]), int(last[i] + 1))
        request = outcomes.first_request + i
        raise reference_error(
            self._machine,
            OutcomeTable(
                request,
                outcomes.bursts[i : i + 1],
                outcomes.context_length[part],
                outcomes.accepted[part],
                outcomes.committed[part],
                outcomes.ahead_survives[part],
            ),
            first_replication + i,
            {request: int(arrivals_ps[i])},
        )

    def _chunks(
        self, bursts: BurstTable, kinds: list[BurstKind], of_burst: IntArray
    ) -> Iterator[EventRows]:
        """Event rows of all bursts; a chunk belongs to one replication."""
        parts: list[tuple[int, int, int, TemplateRows]] = []
        n_rows, replication = 0, -1
        for of_replication, request, burst, start_ps, kind in zip(
            bursts.replication.tolist(),
            bursts.request.tolist(),
            bursts.burst.tolist(),
            bursts.start_ps.tolist(),
            of_burst.tolist(),
            strict=True,
        ):
            if parts and (of_replication != replication or n_rows >= _CHUNK_ROWS):
                yield _moved(replication, parts)
                parts, n_rows = [], 0
            rows = self._rows_of(kinds[kind])
            parts.append((request, burst, start_ps, rows))
            n_rows += len(rows.op_id)
            replication = of_replication
        if parts:
            yield _moved(replication, parts)


def _alone(kind: BurstKind) -> OutcomeTable:
    return OutcomeTable.of(
        0,
        [
            [
                BurstOutcome(
                    kind.context_length,
                    kind.accepted,
                    kind.committed,
                    kind.ahead_survives,
                )
            ]
        ],
    )


def _times(
    outcomes: OutcomeTable,
    drafted: IntArray,
    templates: list[BurstTemplate],
    of_burst: IntArray,
    arrivals_ps: IntArray,
    reserved: IntArray,
) -> BurstTable:
    """Bursts one after another, each as long as its template."""
    n_bursts = len(of_burst)
    first = np.cumsum(outcomes.bursts) - outcomes.bursts
    length = np.array([t.end_ps for t in templates], dtype=np.int64)[of_burst]
    before = np.cumsum(length) - length
    start = before + np.repeat(arrivals_ps - before[first], outcomes.bursts)
    # What the first of bursts that hand their room on has reserved.
    chain = np.maximum.accumulate(np.where(drafted == 0, np.arange(n_bursts), 0))
    found = np.empty((n_bursts, 9), dtype=np.int64)
    found[:, at.READY_PS] = start
    found[:, at.START_PS] = start
    for column, name in (
        (at.DRAFT_END_PS, "draft_end_ps"),
        (at.VERIFY_END_PS, "verify_end_ps"),
        (at.COMMIT_END_PS, "commit_end_ps"),
        (at.END_PS, "end_ps"),
    ):
        values = np.array([getattr(t, name) for t in templates], dtype=np.int64)
        found[:, column] = start + values[of_burst]
    found[:, at.SRAM_BYTES] = reserved[chain]
    for column, name in ((at.HOLDS, "holds"), (at.WASTED, "wasted_verify_steps")):
        values = np.array([getattr(t, name) for t in templates], dtype=np.int64)
        found[:, column] = values[of_burst]
    return burst_table(outcomes, drafted, found, 0)


def _moved(
    replication: int, parts: list[tuple[int, int, int, TemplateRows]]
) -> EventRows:
    """Rows of consecutive bursts at their times."""
    lengths = [len(rows.op_id) for *_, rows in parts]

    def each(values: list[int], dtype: type[np.signedinteger]) -> np.ndarray:
        return np.repeat(np.array(values, dtype=dtype), lengths)

    def joined(name: str) -> np.ndarray:
        return np.concatenate([getattr(rows, name) for *_, rows in parts])

    start = each([start for _, _, start, _ in parts], np.int64)
    return EventRows(
        replication,
        each([request for request, *_ in parts], np.int32),
        each([burst for _, burst, *_ in parts], np.int32),
        joined("op_id"),
        joined("resource_index"),
        joined("ready_ps") + start,
        joined("start_ps") + start,
        joined("duration_ps"),
        None,
    )


__all__ = [
    "BurstKind",
    "BurstTemplate",
    "BurstTemplates",
    "TemplateRows",
]
