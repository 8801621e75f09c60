"""Invariants of the tables of a run: they need no events."""

from __future__ import annotations

import math
from collections import defaultdict
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.analysis.check import Check
from simcore.analysis.ledger import DIRECTIONS, Ledger
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
from simcore.program.burst import BurstProgram
from simcore.program.operation import MEMORIES
from simcore.trace.occupancy import sram_occupancy
from simcore.trace.program_tables import energy_columns, program_columns
from simcore.trace.reader import Trace
from simcore.trace.schema import PROGRAM_ENERGY_SCHEMA, PROGRAM_SCHEMA
from simcore.trace.tables import table_of


def check_tables(trace: Trace, program: BurstProgram) -> list[Check]:
    """Invariants of the program, bursts and requests of a run.

    Parameters
    ----------
    trace : Trace
        The run.
    program : BurstProgram
        What every burst should have executed.
    """
    bursts, requests = plain_rows(trace.bursts()), plain_rows(trace.requests())
    return [
        _program_is_the_run(trace, program),
        _bursts_in_order(bursts),
        _context_advances(bursts, requests),
        _requests_add_up(bursts, requests),
        _kv_slots(bursts, program),
        _sram_capacity(trace.bursts(), bursts, program),
        _spent_as_computed(bursts, program),
    ]


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


def _bursts_in_order(bursts: Rows) -> Check:
    same = _follows(bursts)
    broken = bursts["end_ps"] < bursts["start_ps"]
    broken |= bursts["start_ps"] < bursts["ready_ps"]
    broken[1:] |= same & (bursts["ready_ps"][1:] != bursts["end_ps"][:-1])
    broken[1:] |= same & (bursts["burst"][1:] != bursts["burst"][:-1] + 1)
    return count_check(
        "bursts_in_order",
        broken,
        bursts,
        "a burst is ready when its predecessor has ended, and does not start before",
    )


def _context_advances(bursts: Rows, requests: Rows) -> Check:
    before = bursts["context_length"] - bursts["committed"]
    first = np.ones(before.size, dtype=np.bool_)
    first[1:] = ~_follows(bursts)
    expected = np.empty_like(before)
    expected[1:] = (bursts["context_length"] + bursts["committed"])[:-1]
    prompts = {
        (replication, request): prompt
        for replication, request, prompt in tuples(
            requests, "replication", "request", "prompt_length"
        )
    }
    for i in np.flatnonzero(first).tolist():
        key = int(bursts["replication"][i]), int(bursts["request"][i])
        expected[i] = prompts.get(key, -1)
    broken = bursts["context_length"] != expected
    return count_check(
        "context_advances",
        broken,
        bursts,
        "L is the prompt length, then advances by the tokens committed",
    )


def _requests_add_up(bursts: Rows, requests: Rows) -> Check:
    found: dict[tuple[int, int], list[Any]] = {}
    spent: dict[tuple[int, int], list[float]] = defaultdict(list)
    names = ("committed", "ready_ps", "start_ps", "end_ps", "tail_ps", "energy_pj")
    for replication, request, committed, ready, start, end, tail, energy in tuples(
        bursts, "replication", "request", *names
    ):
        key = (replication, request)
        spent[key].append(energy)
        if key not in found:
            found[key] = [0, 0, ready, start, end - tail]
        found[key][0] += committed
        found[key][1] += 1
        found[key][2] = min(found[key][2], ready)
        found[key][3] = min(found[key][3], start)
        found[key][4] = max(found[key][4], end - tail)
    broken = np.zeros(requests["request"].size, dtype=np.bool_)
    totals = ("tokens", "bursts", "arrival_ps", "start_ps", "end_ps")
    for i, (replication, request, *values, latency, energy) in enumerate(
        tuples(requests, "replication", "request", *totals, "latency_ps", "energy_pj")
    ):
        key = (replication, request)
        wanted = found.pop(key, [0, 0, 0, 0, 0])
        broken[i] = (
            values != wanted
            or latency != wanted[4] - wanted[2]
            or difference(energy, math.fsum(spent[key])) > ENERGY_BOUND
        )
    check = count_check(
        "requests_add_up",
        broken,
        requests,
        "tokens, bursts, time and energy of requests are the sums of their bursts",
    )
    if not found:
        return check
    detail = f"bursts of {len(found)} requests that have no row"
    return Check(check.name, False, int(broken.sum()) + len(found), 0, detail)


def _kv_slots(bursts: Rows, program: BurstProgram) -> Check:
    """Slots of speculative KV: allocated = committed + dropped + left, in tokens."""
    k, accepted, committed = (bursts[n] for n in ("k", "accepted", "committed"))
    allocated, kept = int((k + 1).sum()), int(committed.sum())
    rejected = int((k - accepted).sum())
    discarded = int((accepted + 1 - committed).sum())
    broken = (k != program.draft_length) | (accepted < 0) | (accepted > k)
    broken |= (committed < 1) | (committed > accepted + 1)
    wasted = bursts["wasted_verify_steps"]
    broken |= (wasted < 0) | (wasted > k - accepted)
    if program.verification == "full_burst":
        broken |= wasted != k - accepted
    # What the commits wrote counts the committed tokens a second time.
    written = _tokens_written(bursts, program)
    return Check(
        "kv_slots",
        not broken.any() and written in (None, kept),
        allocated,
        kept + rejected + discarded,
        f"slots allocated = {kept} committed + {rejected} rejected + {discarded} "
        "discarded beyond the request + 0 left"
        + ("" if written is None else f"; KV of {written:.12g} tokens written to HBM")
        + first_place(broken, bursts),
    )


def _tokens_written(bursts: Rows, program: BurstProgram) -> float | None:
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


def _sram_capacity(table: pa.Table, bursts: Rows, program: BurstProgram) -> Check:
    """Occupancy from the intervals of the bursts, in every replication."""
    # Where drafts stay in place, so does the room of the burst that made them.
    needed = [program.sram_bytes(c) for c in bursts["context_length"].tolist()]
    reserved = bursts["sram_bytes"]
    as_needed = np.array_equal(reserved, np.array(needed, dtype=np.int64))
    memory = program.hardware.memory
    capacity = memory.sram.capacity_bytes if memory else None
    series = plain_rows(sram_occupancy(table))
    level = series["occupied_bytes"]
    ends = np.ones(level.size, dtype=np.bool_)
    ends[:-1] = np.diff(series["replication"]) != 0
    most = int(level.max(initial=0))
    least = int(level.min(initial=0))
    left = int(np.abs(level[ends]).sum())
    holds = as_needed and least >= 0 and left == 0
    holds &= capacity is None or most <= capacity
    return Check(
        "sram_capacity",
        holds,
        most,
        "unlimited" if capacity is None else capacity,
        f"most bytes of KV held at once; least {least}, left at the end {left}"
        + ("" if as_needed else "; not what the program reserves"),
    )


def _spent_as_computed(bursts: Rows, program: BurstProgram) -> Check:
    expected = Ledger(program).burst_columns(
        bursts["context_length"], bursts["committed"]
    )
    broken = np.zeros(bursts["burst"].size, dtype=np.bool_)
    for name in (f"{m}_{d}_bytes" for m in MEMORIES for d in DIRECTIONS):
        broken |= expected[name] != bursts[name]
    worst = differences(bursts["energy_pj"], expected["energy_pj"])
    if not program.times_transfers:
        # Row activations are known from the events only.
        broken |= worst > ENERGY_BOUND
    # What bursts spend of which only some holds ran follows from their events only.
    broken &= bursts["event_rows"] == len(program.table.rows[0])
    return count_check(
        "spent_as_computed",
        broken,
        bursts,
        "energy and bytes of bursts "
        "are those of the program at their context and committed tokens",
    )


def _follows(bursts: Rows) -> npt.NDArray[np.bool_]:
    """Whether each row but the first is of the same request as the one before."""
    same: npt.NDArray[np.bool_] = np.diff(bursts["replication"]) == 0
    same &= np.diff(bursts["request"]) == 0
    return same
