"""What must hold of every run: conservation, order, exclusiveness, equal sums.

The rules are checked on the run folder itself; the program being simulated and the
summary only have to agree with it. Integers must be equal, energies to 1e-12.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from simcore.analysis.check import Check
from simcore.analysis.event_sweep import RULES, Sweep, sweep_events
from simcore.analysis.ledger import DIRECTIONS, MARGINALS
from simcore.analysis.run_tables import (
    ENERGY_BOUND,
    Rows,
    count_check,
    difference,
    differences,
    first_place,
    plain_rows,
    tuples,
)
from simcore.analysis.table_invariants import check_tables
from simcore.analysis.time.queues import littles_law
from simcore.errors import TraceError
from simcore.program.burst import BurstProgram
from simcore.program.operation import MEMORIES
from simcore.trace.reader import Trace

_MEANING = {
    "holds_complete": "every operation of every burst once on each of its resources",
    "waits_not_negative": "no hold starts before it is ready",
    "predecessors_first": "holds are ready when their last predecessor ends",
    "durations_as_programmed": "holds last as long as the program says",
    "gates_span_their_layer": "a layer is kept until its last operation ends",
    "exclusive_holds": "no two holds of one resource overlap",
    "rows_in_order": "rows sorted by replication, start, request, burst, op_id",
    "burst_times": "start, end and phases of bursts are those of their holds",
}


def check_trace(
    trace: Trace, program: BurstProgram, summary: Mapping[str, Any] | None = None
) -> list[Check]:
    """All invariants of a run.

    Parameters
    ----------
    trace : Trace
        The run; checks of events are left out when it kept none.
    program : BurstProgram
        What every burst should have executed.
    summary : mapping, optional
        Result of `metrics.summarize`; that of the run folder by default.

    Returns
    -------
    list of Check
        Table checks first, then those of the events.
    """
    if summary is None:
        summary = trace.summary
    checks = check_tables(trace, program)
    if trace.has_events:
        bursts = plain_rows(trace.traced_bursts())
        sweep = sweep_events(trace)
        gated = bool(sweep.program.is_gate.any())
        checks += [
            _rule(name, sweep)
            for name in RULES
            if gated or name != "gates_span_their_layer"
        ]
        checks += [
            _energy_of_bursts(bursts, sweep),
            _bytes_of_bursts(bursts, sweep),
            _littles_law(trace),
        ]
        if trace.has_every_event:
            # Of a sample, the sums are not those of the summary.
            checks[-1:-1] = [
                _energy_in_summary(trace.program_energy(), sweep, summary),
                _busy_in_summary(sweep, summary),
            ]
    return checks


def _littles_law(trace: Trace) -> Check:
    try:
        return littles_law(trace)
    except TraceError as error:
        # Rows that belong to nothing have no queue; they are named elsewhere too.
        return Check("littles_law", False, "no queues", 0, str(error))


def _rule(name: str, sweep: Sweep) -> Check:
    found = sweep.rules[name]
    first = f"; first at {found.first}" if found.count else ""
    detail = f"{_MEANING[name]}; violations in {sweep.n_events} event rows{first}"
    return Check(name, found.count == 0, found.count, 0, detail)


def _energy_of_bursts(bursts: Rows, sweep: Sweep) -> Check:
    worst = differences(bursts["energy_pj"], sweep.burst_energy_pj)
    return Check(
        "energy_of_bursts",
        bool(np.all(worst <= ENERGY_BOUND)),
        float(worst.max(initial=0.0)),
        ENERGY_BOUND,
        "relative difference of a burst's energy from its events"
        + first_place(worst > ENERGY_BOUND, bursts),
    )


def _bytes_of_bursts(bursts: Rows, sweep: Sweep) -> Check:
    broken = np.zeros(bursts["burst"].size, dtype=np.bool_)
    for m, memory in enumerate(MEMORIES):
        for d, direction in enumerate(DIRECTIONS):
            column = bursts[f"{memory}_{direction}_bytes"]
            broken |= sweep.burst_bytes[:, m, d] != column
    return count_check(
        "bytes_of_bursts",
        broken,
        bursts,
        "bytes by memory and direction are those of their events",
    )


def _energy_in_summary(
    program_energy: pa.Table,
    sweep: Sweep,
    summary: Mapping[str, Any],
) -> Check:
    """Exact sums over the events of every operation, then `math.fsum`."""
    everything: list[float] = []
    terms: dict[tuple[str, str], list[float]] = defaultdict(list)
    names = ("phase", "stage", "component", "channel", "operation")
    rows = sweep.program
    owner = rows.owner
    for op, component, base, per_token, per_committed, per_activate in tuples(
        {name: program_energy[name].to_pylist() for name in _ENERGY_COLUMNS},
        *_ENERGY_COLUMNS,
    ):
        row = int(owner[op])
        spent = (
            base * int(sweep.rows["events"][row]),
            per_token * int(sweep.rows["context"][row]),
            per_committed * int(sweep.rows["committed"][row]),
            per_activate * int(sweep.rows["activates"][row]),
        )
        everything.extend(spent)
        for marginal, name in zip(MARGINALS, names, strict=True):
            label = component if name == "component" else rows.labels[name][row]
            terms[marginal, label].extend(spent)
    sums: dict[str, dict[str, float]] = {marginal: {} for marginal in MARGINALS}
    for (marginal, label), values in terms.items():
        sums[marginal][label] = math.fsum(values)
    found = {"total": math.fsum(everything), **sums}
    worst, where = 0.0, ""
    for name, value, expected in _leaves(summary["energy_pj"], found):
        off = difference(value, expected)
        if off > worst:
            worst, where = off, f"; largest in {name}"
    detail = "relative difference of energies of the summary from sums over the events"
    return Check(
        "energy_in_summary", worst <= ENERGY_BOUND, worst, ENERGY_BOUND, detail + where
    )


_ENERGY_COLUMNS = (
    "op_id",
    "component",
    "energy_pj_base",
    "energy_pj_per_token",
    "energy_pj_per_committed",
    "energy_pj_per_activate",
)


def _busy_in_summary(sweep: Sweep, summary: Mapping[str, Any]) -> Check:
    rows = sweep.program
    total = 0
    sums: dict[str, dict[str, int]] = {
        marginal: defaultdict(int) for marginal in (*MARGINALS, "by_resource")
    }
    names = ("phase", "stage", "owner", "channel", "operation")
    for row, busy in enumerate(sweep.rows["busy_ps"].tolist()):
        total += busy
        sums["by_resource"][rows.resources[rows.resource[row]]] += busy
        for marginal, name in zip(MARGINALS, names, strict=True):
            sums[marginal][rows.labels[name][row]] += busy
    found = {"total": total, **sums}
    differing = [
        name
        for name, value, expected in _leaves(summary["busy_ps"], found)
        if value != expected
    ]
    detail = "busy times of the summary that are not the sum over the events"
    if differing:
        detail += f"; first {differing[0]}"
    return Check("busy_in_summary", not differing, len(differing), 0, detail)


def _leaves(
    found: Mapping[str, Any], expected: Mapping[str, Any]
) -> Iterator[tuple[str, float, float]]:
    """Pairs of numbers by name; a name that one side lacks counts as 0 there."""
    for name in sorted({*found, *expected}):
        a, b = found.get(name, {}), expected.get(name, {})
        if name == "total":
            yield name, a or 0, b or 0
            continue
        for label in sorted({*a, *b}):
            yield f"{name}.{label}", a.get(label, 0), b.get(label, 0)
