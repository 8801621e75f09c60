"""The same input through both engines, and where what they give differs."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.analysis.operation_sums import OperationSums
from simcore.engine.burst_table import BurstTable
from simcore.engine.clock import DEFAULT_EVENT_BUDGET
from simcore.engine.fast.engine import FastEngine
from simcore.engine.simulate import simulate_replication
from simcore.errors import SimulationError
from simcore.program.burst import BurstProgram
from simcore.program.jitter import Jitter
from simcore.program.outcomes import BurstOutcome, OutcomeTable
from simcore.trace.hold_sums import HoldSums
from simcore.trace.holds import EventBuffer, EventRows, HoldExpansion

SUMS = ("count", "context", "committed", "busy_ps", "wait_ps", "activates")


@dataclass
class Given:
    """Everything that an engine gives, as plain lists by name."""

    columns: dict[str, Any]
    error: str | None = None

    def differences(self, other: Given) -> list[str]:
        """Names of what differs, with the first place where it does."""
        found = []
        for name in sorted(self.columns.keys() | other.columns.keys()):
            mine, theirs = self.columns.get(name), other.columns.get(name)
            if mine == theirs:
                continue
            place = ""
            if isinstance(mine, list) and isinstance(theirs, list):
                pairs = enumerate(zip(mine, theirs, strict=False))
                first = [(i, a, b) for i, (a, b) in pairs if a != b][:1]
                place = f" {first or (len(mine), len(theirs))}"
            found.append(name + place)
        if self.error != other.error:
            found.append(f"error {self.error!r} {other.error!r}")
        return found


@dataclass
class Input:
    """One replication."""

    program: BurstProgram
    outcomes: OutcomeTable
    arrivals_ps: Mapping[int, int] | None = None
    jitter: Jitter | None = None
    replication: int = 0
    event_budget: int = DEFAULT_EVENT_BUDGET


class _Keeper:
    """Keeps all that the SimPy engine records."""

    def __init__(self, given: Input) -> None:
        table = given.program.table
        self.rows: list[EventRows] = []
        self.sums = OperationSums(table)
        self.partial: dict[tuple[int, int], Any] = {}
        self._bursts = given.outcomes.by_request()
        self._buffer = EventBuffer(HoldExpansion(*table.rows), self.rows.append)
        self.flush_before = self._buffer.flush_before
        self.end_replication = self._buffer.end_replication

    def record_burst(
        self,
        replication: int,
        request: int,
        burst: int,
        ready: Any,
        start: Any,
        duration: Any,
        activates: Any = None,
        executed: Any = None,
    ) -> None:
        self._buffer.record_burst(
            replication, request, burst, ready, start, duration, activates, executed
        )
        outcome = self._bursts[request][burst]
        self.sums.add(
            outcome.context_length,
            outcome.committed,
            start - ready,
            duration,
            activates,
            executed,
        )
        if executed is not None or activates is not None:
            self.partial[request, burst] = as_lists(executed, activates)


def as_lists(*arrays: npt.NDArray[Any] | None) -> list[tuple[str, list[Any]] | None]:
    return [None if a is None else (str(a.dtype), a.tolist()) for a in arrays]


def table_of(requests: Mapping[int, list[BurstOutcome]]) -> OutcomeTable:
    """Consecutive requests, given by number or not."""
    first = min(requests)
    return OutcomeTable.of(first, [requests[r] for r in sorted(requests)])


def by_reference(given: Input) -> Given:
    """What the SimPy engine gives."""
    keeper = _Keeper(given)
    try:
        bursts = simulate_replication(
            given.program,
            given.outcomes.by_request(),
            keeper,
            replication=given.replication,
            arrivals_ps=given.arrivals_ps,
            jitter=given.jitter,
            event_budget=given.event_budget,
        )
    except (SimulationError, ValueError) as error:
        return Given({}, f"{type(error).__name__} {error}")
    return Given(
        {
            **burst_lists(BurstTable.of(bursts)),
            **row_lists(keeper.rows),
            **sum_lists(keeper.sums),
            "partial": keeper.partial,
        }
    )


def by_kernel(given: Input) -> Given:
    """What the compiled engine gives."""
    rows: list[EventRows] = []
    partial: dict[tuple[int, int], Any] = {}
    sums = HoldSums.empty(len(given.program.table))

    def keep(request: int, burst: int, executed: Any, activates: Any) -> None:
        assert (request, burst) not in partial
        partial[request, burst] = as_lists(executed, activates)

    engine = FastEngine(
        given.program, jitter=given.jitter, event_budget=given.event_budget
    )
    try:
        bursts = engine.simulate(
            given.outcomes,
            replication=given.replication,
            arrivals_ps=given.arrivals_ps,
            sums=sums,
            take_rows=rows.append,
            on_partial=keep,
        )
    except (SimulationError, ValueError) as error:
        return Given({}, f"{type(error).__name__} {error}")
    return Given(
        {
            **burst_lists(bursts),
            **row_lists(rows),
            **sum_lists(sums),
            "partial": partial,
        }
    )


def burst_lists(bursts: BurstTable) -> dict[str, Any]:
    found = {f.name: getattr(bursts, f.name) for f in fields(bursts)}
    assert {column.dtype for column in found.values()} == {np.dtype(np.int64)}
    return {f"bursts.{name}": column.tolist() for name, column in found.items()}


def row_lists(rows: list[EventRows]) -> dict[str, Any]:
    columns: dict[str, Any] = {}
    for name in EventRows._fields:
        parts = [getattr(chunk, name) for chunk in rows]
        if name == "replication":
            columns[f"rows.{name}"] = sorted(set(parts))
        elif any(part is None for part in parts):
            assert all(part is None for part in parts)
            columns[f"rows.{name}"] = None
        elif parts:
            columns[f"rows.{name}"] = np.concatenate(parts).tolist()
            columns[f"rows.{name}.dtype"] = sorted({str(p.dtype) for p in parts})
    return columns


def sum_lists(sums: HoldSums) -> dict[str, Any]:
    found = {f"sums.{name}": getattr(sums, name).tolist() for name in SUMS}
    return {**found, "sums.bursts": sums.bursts}


def differences(given: Input) -> list[str]:
    """Where the two engines differ on one input."""
    return by_reference(given).differences(by_kernel(given))
