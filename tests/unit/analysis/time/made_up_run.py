"""Runs for the analysis of time: written by hand, or simulated with shared chips."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa

from simcore.analysis.time.blockers import Blockers, find_blockers
from simcore.analysis.time.critical_path import PathFinder
from simcore.analysis.time.replication import (
    HoldTimes,
    Replication,
    RunTables,
    iter_replications,
)
from simcore.config.load import load_scenario
from simcore.engine.simulate import simulate_replication
from simcore.program.burst import scenario_program
from simcore.program.outcomes import request_outcomes
from simcore.trace.program_tables import energy_columns, program_columns
from simcore.trace.schema import EVENTS_SCHEMA, PROGRAM_ENERGY_SCHEMA, PROGRAM_SCHEMA
from simcore.trace.tables import table_of


@dataclass
class MadeUpTrace:
    """What the analysis reads of a run folder, in memory."""

    program_table: pa.Table
    energy_table: pa.Table
    burst_rows: list[dict[str, int]]
    request_rows: list[dict[str, int]]
    event_rows: list[dict[str, int]]
    rows_at_once: int = 50

    def program(self) -> pa.Table:
        return self.program_table

    def program_energy(self) -> pa.Table:
        return self.energy_table

    def bursts(self) -> pa.Table:
        return pa.Table.from_pylist(self.burst_rows)

    def requests(self) -> pa.Table:
        return pa.Table.from_pylist(self.request_rows)

    def require_events(self) -> None:
        pass

    traced_bursts = bursts
    traced_requests = requests

    def iter_events(self, columns: Sequence[str]) -> Iterator[pa.Table]:
        names = (
            "replication", "start_ps", "request", "burst", "op_id", "resource_index",
        )  # fmt: skip
        rows = sorted(self.event_rows, key=lambda row: [row[name] for name in names])
        for first in range(0, len(rows), self.rows_at_once):
            part = rows[first : first + self.rows_at_once]
            yield pa.Table.from_pylist(part, schema=EVENTS_SCHEMA).select(list(columns))


class Op(NamedTuple):
    """One operation of a program made by hand."""

    resources: str
    after: tuple[int, ...] = ()
    phase: str = "draft"
    step: int | None = 0
    layer: int | None = 0
    operation: str = "work"
    stage: str = "ffn"


def program_of(ops: Sequence[Op]) -> tuple[pa.Table, pa.Table]:
    rows: list[dict[str, Any]] = []
    for op_id, op in enumerate(ops):
        for index, resource in enumerate(op.resources.split()):
            row: dict[str, Any] = dict.fromkeys(PROGRAM_SCHEMA.names, 0.0)
            row.update(
                op_id=op_id, resource_index=index, phase=op.phase, step=op.step,
                layer=op.layer, operation=op.operation, position=0, stage=op.stage,
                resource=resource, status="modeled", owner="dpu", context_cap=None,
                channel="gate" if op.operation == "layer_gate" else "compute",
                predecessors=list(op.after),
            )  # fmt: skip
            rows.append(row)
    energy = [
        {
            "op_id": op_id,
            "component": "dpu",
            "energy_pj_base": 1.0,
            "energy_pj_per_token": 0.0,
            "energy_pj_per_committed": 0.0,
            "energy_pj_per_activate": 0.0,
        }
        for op_id, op in enumerate(ops)
        if op.operation != "layer_gate"
    ]
    return (
        pa.Table.from_pylist(rows, schema=PROGRAM_SCHEMA),
        pa.Table.from_pylist(energy, schema=PROGRAM_ENERGY_SCHEMA),
    )


#: Ready, start and end of the operations of a burst, by op_id.
Times = Mapping[int, tuple[int, int, int]]


def made_up(
    ops: Sequence[Op],
    requests: Mapping[int, Sequence[Times]],
    *,
    bursts: Mapping[tuple[int, int], Mapping[str, int]] | None = None,
    arrivals: Mapping[int, int] | None = None,
    replications: Mapping[int, int] | None = None,
) -> MadeUpTrace:
    """A run of bursts by hand; absent operations have no times.

    `bursts` sets columns of (request, burst), `arrivals` gives requests an arrival,
    `replications` puts requests elsewhere than into replication 0.
    """
    program, energy = program_of(ops)
    trace = MadeUpTrace(program, energy, [], [], [])
    for request, parts in requests.items():
        replication = (replications or {}).get(request, 0)
        for burst, times in enumerate(parts):
            row = {
                "replication": replication, "request": request, "burst": burst,
                "accepted": 0, "committed": 1, "context_length": 16,
                "start_ps": min(ready for ready, _, _ in times.values()),
                "end_ps": max(end for _, _, end in times.values()),
            }  # fmt: skip
            row.update((bursts or {}).get((request, burst), {}))
            if bursts is not None:
                row.setdefault("ready_ps", row["start_ps"])
            trace.burst_rows.append(row)
            for op_id, (ready, start, end) in times.items():
                for index in range(len(ops[op_id].resources.split())):
                    trace.event_rows.append(
                        {
                            "replication": replication,
                            "request": request,
                            "burst": burst,
                            "op_id": op_id,
                            "resource_index": index,
                            "ready_ps": ready,
                            "start_ps": start,
                            "duration_ps": end - start,
                            "activates": None,
                        }
                    )
        mine = [row for row in trace.burst_rows if row["request"] == request]
        of_request = {
            "replication": replication, "request": request,
            "start_ps": mine[0]["start_ps"], "end_ps": mine[-1]["end_ps"],
        }  # fmt: skip
        if arrivals is not None:
            of_request["arrival_ps"] = arrivals.get(request, mine[0]["start_ps"])
        trace.request_rows.append(of_request)
    return trace


def simulated(*overrides: str, requests: int = 3, bursts: int = 2) -> MadeUpTrace:
    """Requests that share the toy chip, as the engine runs them."""
    scenario = load_scenario("tiny", ["workload.draft_length=2", *overrides])
    program = scenario_program(scenario, events=True)
    outcomes = {r: request_outcomes(scenario, r)[:bursts] for r in range(requests)}
    table = program.table
    trace = MadeUpTrace(
        table_of(program_columns(table), PROGRAM_SCHEMA),
        table_of(energy_columns(table), PROGRAM_ENERGY_SCHEMA),
        [], [], [], rows_at_once=1000,
    )  # fmt: skip
    keeper = _Keeper()
    times = simulate_replication(program, outcomes, keeper)
    row_op, row_index = (column.tolist() for column in table.rows)
    for (request, burst), (ready, start, duration) in keeper.holds.items():
        trace.event_rows += [
            {
                "replication": 0, "request": request, "burst": burst, "op_id": op,
                "resource_index": index, "ready_ps": int(ready[op]),
                "start_ps": int(start[op]), "duration_ps": int(duration[op]),
                "activates": None,
            }
            for op, index in zip(row_op, row_index, strict=True)
        ]  # fmt: skip
    for burst in times:
        before = [t for t in times if t.request == burst.request][: burst.burst]
        trace.burst_rows.append(
            {
                "replication": 0, "request": burst.request, "burst": burst.burst,
                "accepted": burst.outcome.accepted,
                "committed": burst.outcome.committed,
                "context_length": burst.outcome.context_length,
                "ready_ps": before[-1].end_ps if before else 0,
                "start_ps": burst.start_ps, "end_ps": burst.end_ps,
            }
        )  # fmt: skip
    for request in outcomes:
        mine = [row for row in trace.burst_rows if row["request"] == request]
        trace.request_rows.append(
            {
                "replication": 0, "request": request, "arrival_ps": 0,
                "start_ps": mine[0]["start_ps"], "end_ps": mine[-1]["end_ps"],
            }
        )  # fmt: skip
    return trace


class _Keeper:
    def __init__(self) -> None:
        self.holds: dict[tuple[int, int], tuple[np.ndarray, ...]] = {}

    def record_burst(  # type: ignore[no-untyped-def]
        self, replication, request, burst, ready_ps, start_ps, duration_ps,
        activates=None, executed=None,
    ) -> None:  # fmt: skip
        self.holds[request, burst] = ready_ps, start_ps, duration_ps

    def flush_before(self, watermark_ps: int) -> None:
        pass

    def end_replication(self, replication: int) -> None:
        pass


class Opened(NamedTuple):
    """One replication with everything that is found out about it."""

    replication: Replication
    holds: HoldTimes
    blockers: Blockers
    finder: PathFinder


def opened(trace: MadeUpTrace, number: int = 0) -> Opened:
    tables = RunTables.of(trace)  # type: ignore[arg-type]
    (replication,) = iter_replications(trace, tables, only=number)  # type: ignore[arg-type]
    holds = HoldTimes(replication)
    blockers = find_blockers(replication, holds)
    return Opened(
        replication, holds, blockers, PathFinder(replication, holds, blockers)
    )
