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
import numpy.typing as npt
import pyarrow as pa

from simcore.analysis.check import Check
from simcore.analysis.event_sweep import RULES, Sweep, sweep_events
from simcore.analysis.ledger import DIRECTIONS, MARGINALS, Ledger
from simcore.program.burst import BurstProgram
from simcore.program.operation import LAYER_GATE, MEMORIES
from simcore.trace.program_tables import energy_columns, program_columns
from simcore.trace.reader import Trace
from simcore.trace.schema import PROGRAM_ENERGY_SCHEMA, PROGRAM_SCHEMA
from simcore.trace.tables import table_of

#: Largest relative difference of two sums of the same energies.
ENERGY_BOUND = 1e-12

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

_MEMORY_COLUMNS = [
    f"{memory}_{direction}_bytes" for memory in MEMORIES for direction in DIRECTIONS
]
_IntArray = npt.NDArray[np.int64]
_Rows = dict[str, npt.NDArray[Any]]


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
    bursts, requests = _rows(trace.bursts()), _rows(trace.requests())
    checks = [
        _program_is_the_run(trace, program),
        _bursts_in_order(bursts),
        _context_advances(bursts, requests),
        _requests_add_up(bursts, requests),
        _kv_slots(bursts, program),
        _sram_capacity(bursts, program),
        _spent_as_computed(bursts, program),
    ]
    if trace.has_events:
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
            _energy_in_summary(trace.program_energy(), sweep, summary),
            _busy_in_summary(sweep, summary),
        ]
    return checks


# -- tables -------------------------------------------------------------------------


def _program_is_the_run(trace: Trace, program: BurstProgram) -> Check:
    table = program.table
    expected = {
        "program": table_of(program_columns(table), PROGRAM_SCHEMA),
        "program_energy": table_of(energy_columns(table), PROGRAM_ENERGY_SCHEMA),
    }
    found = {"program": trace.program(), "program_energy": trace.program_energy()}
    differing = [
        f"{name}.{column}"
        for name, wanted in expected.items()
        for column in wanted.column_names
        if not found[name][column].equals(wanted[column])
    ]
    return Check(
        "program_is_the_run",
        not differing,
        len(differing),
        0,
        "columns of the run's program that differ from the scenario's"
        + (f"; first {differing[0]}" if differing else ""),
    )


def _bursts_in_order(bursts: _Rows) -> Check:
    same = _follows(bursts)
    broken = bursts["end_ps"] < bursts["start_ps"]
    broken[1:] |= same & (bursts["start_ps"][1:] < bursts["end_ps"][:-1])
    broken[1:] |= same & (bursts["burst"][1:] != bursts["burst"][:-1] + 1)
    return _count(
        "bursts_in_order",
        broken,
        bursts,
        "a burst starts when its predecessor has ended",
    )


def _context_advances(bursts: _Rows, requests: _Rows) -> Check:
    before = bursts["context_length"] - bursts["committed"]
    first = np.ones(before.size, dtype=np.bool_)
    first[1:] = ~_follows(bursts)
    expected = np.empty_like(before)
    expected[1:] = (bursts["context_length"] + bursts["committed"])[:-1]
    prompts = {
        (replication, request): prompt
        for replication, request, prompt in _tuples(
            requests, "replication", "request", "prompt_length"
        )
    }
    for i in np.flatnonzero(first).tolist():
        key = int(bursts["replication"][i]), int(bursts["request"][i])
        expected[i] = prompts.get(key, -1)
    broken = bursts["context_length"] != expected
    return _count(
        "context_advances",
        broken,
        bursts,
        "L is the prompt length, then advances by the tokens committed",
    )


def _requests_add_up(bursts: _Rows, requests: _Rows) -> Check:
    found: dict[tuple[int, int], list[Any]] = {}
    spent: dict[tuple[int, int], list[float]] = defaultdict(list)
    for replication, request, committed, start, end, energy in _tuples(
        bursts, "replication", "request", "committed", "start_ps", "end_ps", "energy_pj"
    ):
        key = (replication, request)
        spent[key].append(energy)
        if key not in found:
            found[key] = [0, 0, start, end]
        found[key][0] += committed
        found[key][1] += 1
        found[key][2] = min(found[key][2], start)
        found[key][3] = max(found[key][3], end)
    broken = np.zeros(requests["request"].size, dtype=np.bool_)
    names = ("tokens", "bursts", "start_ps", "end_ps", "latency_ps", "energy_pj")
    for i, (replication, request, *values, latency, energy) in enumerate(
        _tuples(requests, "replication", "request", *names)
    ):
        key = (replication, request)
        wanted = found.pop(key, [0, 0, 0, 0])
        broken[i] = (
            values != wanted
            or latency != wanted[3] - wanted[2]
            or _difference(energy, math.fsum(spent[key])) > ENERGY_BOUND
        )
    check = _count(
        "requests_add_up",
        broken,
        requests,
        "tokens, bursts, time and energy of requests are the sums of their bursts",
    )
    if not found:
        return check
    detail = f"bursts of {len(found)} requests that have no row"
    return Check(check.name, False, int(broken.sum()) + len(found), 0, detail)


def _kv_slots(bursts: _Rows, program: BurstProgram) -> Check:
    """Slots of speculative KV: allocated = committed + dropped + left, in tokens."""
    k, accepted, committed = (bursts[n] for n in ("k", "accepted", "committed"))
    allocated = int((k + 1).sum())
    rejected = int((k - accepted).sum())
    discarded = int((accepted + 1 - committed).sum())
    broken = (k != program.draft_length) | (accepted < 0) | (accepted > k)
    broken |= (committed < 1) | (committed > accepted + 1)
    broken |= bursts["wasted_verify_steps"] != k - accepted
    written = _tokens_written(bursts, program)
    holds = not broken.any() and allocated == int(committed.sum()) + rejected + (
        discarded
    )
    if written is not None:
        holds = holds and written == int(committed.sum())
    return Check(
        "kv_slots",
        holds,
        allocated,
        int(committed.sum()) + rejected + discarded,
        f"slots allocated = {int(committed.sum())} committed + {rejected} rejected "
        f"+ {discarded} discarded beyond the request + 0 left"
        + ("" if written is None else f"; KV of {written} tokens written to HBM")
        + _first(broken, bursts),
    )


def _tokens_written(bursts: _Rows, program: BurstProgram) -> float | None:
    """Tokens whose KV the commits wrote, from the bytes of the bursts table."""
    per_token = math.fsum(
        op.write_bytes.per_committed
        for part in program.commit
        for legs in part.positions
        for op in legs
        if op.owner == "hbm"
    )
    if not per_token:
        return None
    return int(bursts["hbm_write_bytes"].sum()) / per_token


def _sram_capacity(bursts: _Rows, program: BurstProgram) -> Check:
    """Occupancy from the intervals of the bursts, in every replication."""
    n = bursts["burst"].size
    reserved = program.speculative_bytes
    memory = program.hardware.memory
    capacity = memory.sram.capacity_bytes if memory else None
    replication = np.tile(bursts["replication"], 2)
    time = np.concatenate([bursts["start_ps"], bursts["end_ps"]])
    change = np.repeat(np.array([1, -1], dtype=np.int64), n)
    # What ends at an instant is free for what starts then, but a burst that starts
    # and ends at once must not be freed first: count whole instants.
    order = np.lexsort([time, replication])
    level = np.cumsum(change[order])
    last = np.ones(level.size, dtype=np.bool_)
    last[:-1] = np.diff(time[order]) != 0
    last[:-1] |= np.diff(replication[order]) != 0
    level = level[last]
    ends = np.ones(level.size, dtype=np.bool_)
    ends[:-1] = np.diff(replication[order][last]) != 0
    most = int(level.max(initial=0)) * reserved
    least = int(level.min(initial=0)) * reserved
    left = int(np.abs(level[ends]).sum()) * reserved
    holds = least >= 0 and left == 0 and (capacity is None or most <= capacity)
    return Check(
        "sram_capacity",
        holds,
        most,
        "unlimited" if capacity is None else capacity,
        f"most bytes of speculative KV at once; least {least}, left at the end {left}",
    )


def _spent_as_computed(bursts: _Rows, program: BurstProgram) -> Check:
    expected = Ledger(program).burst_columns(
        bursts["context_length"], bursts["committed"]
    )
    broken = np.zeros(bursts["burst"].size, dtype=np.bool_)
    for name in _MEMORY_COLUMNS:
        broken |= expected[name] != bursts[name]
    worst = _worst(bursts["energy_pj"], expected["energy_pj"])
    broken |= worst > ENERGY_BOUND
    return _count(
        "spent_as_computed",
        broken,
        bursts,
        "energy and bytes of bursts "
        "are those of the program at their context and committed tokens",
    )


# -- events -------------------------------------------------------------------------


def _rule(name: str, sweep: Sweep) -> Check:
    found = sweep.rules[name]
    first = f"; first at {found.first}" if found.count else ""
    detail = f"{_MEANING[name]}; violations in {sweep.n_events} event rows{first}"
    return Check(name, found.count == 0, found.count, 0, detail)


def _energy_of_bursts(bursts: _Rows, sweep: Sweep) -> Check:
    worst = _worst(bursts["energy_pj"], sweep.burst_energy_pj)
    return Check(
        "energy_of_bursts",
        bool(np.all(worst <= ENERGY_BOUND)),
        float(worst.max(initial=0.0)),
        ENERGY_BOUND,
        "relative difference of a burst's energy from its events"
        + _first(worst > ENERGY_BOUND, bursts),
    )


def _bytes_of_bursts(bursts: _Rows, sweep: Sweep) -> Check:
    broken = np.zeros(bursts["burst"].size, dtype=np.bool_)
    for m, memory in enumerate(MEMORIES):
        for d, direction in enumerate(DIRECTIONS):
            column = bursts[f"{memory}_{direction}_bytes"]
            broken |= sweep.burst_bytes[:, m, d] != column
    return _count(
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
    for op, component, base, per_token, per_committed in _tuples(
        {name: program_energy[name].to_pylist() for name in _ENERGY_COLUMNS},
        *_ENERGY_COLUMNS,
    ):
        row = int(owner[op])
        spent = (
            base * int(sweep.rows["events"][row]),
            per_token * int(sweep.rows["context"][row]),
            per_committed * int(sweep.rows["committed"][row]),
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
        difference = _difference(value, expected)
        if difference > worst:
            worst, where = difference, f"; largest in {name}"
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
)


def _busy_in_summary(sweep: Sweep, summary: Mapping[str, Any]) -> Check:
    rows = sweep.program
    total = 0
    sums: dict[str, dict[str, int]] = {
        marginal: defaultdict(int) for marginal in (*MARGINALS, "by_resource")
    }
    names = ("phase", "stage", "owner", "channel", "operation")
    for row, busy in enumerate(sweep.rows["busy_ps"].tolist()):
        # How long a layer is kept is no work of its own.
        if rows.labels["operation"][row] == LAYER_GATE:
            continue
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


# -- parts --------------------------------------------------------------------------


def _rows(table: pa.Table) -> _Rows:
    """Columns of numbers, without those that hold lists or nulls."""
    return {
        field.name: table[field.name].to_numpy()
        if pa.types.is_floating(field.type)
        else table[field.name].to_numpy().astype(np.int64)
        for field in table.schema
        if not field.nullable and not pa.types.is_list(field.type)
    }


def _tuples(columns: Mapping[str, Any], *names: str) -> Iterator[tuple[Any, ...]]:
    lists = (
        values if isinstance(values, list) else values.tolist()
        for values in (columns[name] for name in names)
    )
    return zip(*lists, strict=True)


def _follows(bursts: _Rows) -> npt.NDArray[np.bool_]:
    """Whether each row but the first is of the same request as the one before."""
    same: npt.NDArray[np.bool_] = np.diff(bursts["replication"]) == 0
    same &= np.diff(bursts["request"]) == 0
    return same


def _count(
    name: str, broken: npt.NDArray[np.bool_], rows: _Rows, meaning: str
) -> Check:
    count = int(np.count_nonzero(broken))
    detail = f"{meaning}; violations in {broken.size} rows{_first(broken, rows)}"
    return Check(name, count == 0, count, 0, detail)


def _first(broken: npt.NDArray[np.bool_], rows: _Rows) -> str:
    if not broken.any():
        return ""
    i = int(np.argmax(broken))
    keys = [key for key in ("replication", "request", "burst") if key in rows]
    return "; first at " + ", ".join(f"{key} {rows[key][i]}" for key in keys)


def _worst(
    found: npt.NDArray[Any], expected: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Relative difference of each pair; 0 where both are 0."""
    scale = np.maximum(np.abs(found), np.abs(expected))
    difference: npt.NDArray[np.float64] = np.abs(found - expected)
    np.divide(difference, scale, out=difference, where=scale > 0)
    return difference


def _difference(found: float, expected: float) -> float:
    scale = max(abs(found), abs(expected))
    return abs(found - expected) / scale if scale else 0.0


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
