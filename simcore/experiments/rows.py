"""Rows of bursts.parquet and requests.parquet from what the engine reports."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.analysis.ledger import Ledger
from simcore.engine.burst_table import BurstTable
from simcore.experiments.spending import Spent
from simcore.program.burst import BurstProgram
from simcore.trace.columns import primitive, to_numpy
from simcore.trace.schema import BURSTS_SCHEMA, REQUESTS_SCHEMA
from simcore.trace.tables import table_of


def bursts_table(
    program: BurstProgram,
    ledger: Ledger,
    bursts: BurstTable,
    spent: Mapping[tuple[int, int], Spent] | None = None,
) -> pa.Table:
    """Rows of `bursts.parquet`.

    Parameters
    ----------
    program : BurstProgram
        What every burst executed.
    ledger : Ledger
        Of the same program.
    bursts : BurstTable
        What the engine reported.
    spent : mapping of (request, burst) to Spent, optional
        Bursts that did not spend what their program says.
    """
    n = len(bursts)
    columns: dict[str, npt.NDArray[Any]] = {
        "replication": bursts.replication,
        "request": bursts.request,
        "burst": bursts.burst,
        "k": np.full(n, program.draft_length, dtype=np.int64),
        "accepted": bursts.accepted,
        "committed": bursts.committed,
        "context_length": bursts.context_length,
        "ready_ps": bursts.ready_ps,
        "start_ps": bursts.start_ps,
        "end_ps": bursts.end_ps,
        "draft_ps": bursts.draft_end_ps - bursts.start_ps,
        "verify_ps": bursts.verify_end_ps - bursts.draft_end_ps,
        "commit_ps": bursts.commit_end_ps - bursts.verify_end_ps,
        "tail_ps": bursts.end_ps - bursts.commit_end_ps,
        "wasted_verify_steps": bursts.wasted_verify_steps,
        "sram_bytes": bursts.sram_bytes,
        "drafted_ahead": bursts.drafted_ahead,
        "ahead_survives": bursts.ahead_survives,
        "holds": bursts.holds,
        "event_rows": np.full(n, len(program.table.rows[0]), dtype=np.int64),
        **ledger.burst_columns(bursts.context_length, bursts.committed),
    }
    if spent:
        keys = zip(bursts.request.tolist(), bursts.burst.tolist(), strict=True)
        for row, key in enumerate(keys):
            found = spent.get(key)
            if found is not None:
                columns["energy_pj"][row] = found.energy_pj
                columns["event_rows"][row] = found.event_rows
                for (memory, direction), n_bytes in found.traffic_bytes.items():
                    columns[f"{memory}_{direction}_bytes"][row] = n_bytes
    return table_of(columns, BURSTS_SCHEMA)


def requests_table(prompt_length: int, bursts: pa.Table) -> pa.Table:
    """Rows of `requests.parquet`.

    Parameters
    ----------
    prompt_length : int
        Context length at the first burst of each request.
    bursts : pyarrow.Table
        As `bursts_table`, sorted by replication, request and burst.
    """
    of = {name: to_numpy(bursts[name]) for name in _NEEDED}
    first = np.flatnonzero(of["burst"] == 0)
    last = np.append(first[1:], bursts.num_rows) - 1
    commit_end_ps = of["end_ps"] - of["tail_ps"]
    gaps = np.delete(np.diff(commit_end_ps), last[:-1])
    energy = of["energy_pj"].tolist()
    starts, ends = first.tolist(), (last + 1).tolist()
    n = first.size
    return table_of(
        {
            "replication": of["replication"][first],
            "request": of["request"][first],
            "prompt_length": np.full(n, prompt_length, dtype=np.int64),
            "tokens": np.add.reduceat(of["committed"].astype(np.int64), first),
            "bursts": last - first + 1,
            # The first burst is ready when the request arrives; it may wait for SRAM.
            "arrival_ps": of["ready_ps"][first],
            "start_ps": of["start_ps"][first],
            # The answer is complete when its last tokens are committed.
            "end_ps": commit_end_ps[last],
            "latency_ps": commit_end_ps[last] - of["ready_ps"][first],
            "energy_pj": [
                math.fsum(energy[start:end])
                for start, end in zip(starts, ends, strict=True)
            ],
            # Prefill is not modelled, so there is no first token to time.
            "ttft_ps": pa.nulls(n, pa.int64()),
            "commit_gap_ps": _lists(last - first, gaps),
        },
        REQUESTS_SCHEMA,
    )


_NEEDED = (
    "replication",
    "request",
    "burst",
    "committed",
    "ready_ps",
    "start_ps",
    "end_ps",
    "tail_ps",
    "energy_pj",
)


def _lists(lengths: npt.NDArray[Any], values: npt.NDArray[Any]) -> pa.Array:
    """Values cut into lists of these lengths."""
    offsets = np.concatenate([[0], np.cumsum(lengths)]).astype(np.int32)
    dtype = REQUESTS_SCHEMA.field("commit_gap_ps").type
    return pa.ListArray.from_arrays(
        primitive(offsets), primitive(values.astype(np.int64)), type=dtype
    )
