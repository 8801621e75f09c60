"""Rows of bursts.parquet and requests.parquet from what the engine reports."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import pairwise
from typing import Any

from simcore.analysis.ledger import Ledger
from simcore.engine.burst_controller import BurstTimes
from simcore.experiments.spending import Spent
from simcore.program.burst import BurstProgram

Columns = dict[str, list[Any]]


def burst_columns(
    program: BurstProgram,
    ledger: Ledger,
    bursts: Sequence[BurstTimes],
    spent: Mapping[tuple[int, int], Spent] | None = None,
) -> Columns:
    """Columns of `bursts.parquet`.

    Parameters
    ----------
    spent : mapping of (request, burst) to Spent, optional
        Bursts that did not spend what their program says.
    """
    n_rows = len(program.table.rows[0])
    columns: Columns = {
        "replication": [b.replication for b in bursts],
        "request": [b.request for b in bursts],
        "burst": [b.burst for b in bursts],
        "k": [program.draft_length] * len(bursts),
        "accepted": [b.outcome.accepted for b in bursts],
        "committed": [b.outcome.committed for b in bursts],
        "context_length": [b.outcome.context_length for b in bursts],
        "ready_ps": [b.ready_ps for b in bursts],
        "start_ps": [b.start_ps for b in bursts],
        "end_ps": [b.end_ps for b in bursts],
        "draft_ps": [b.draft_end_ps - b.start_ps for b in bursts],
        "verify_ps": [b.verify_end_ps - b.draft_end_ps for b in bursts],
        "commit_ps": [b.commit_end_ps - b.verify_end_ps for b in bursts],
        "tail_ps": [b.end_ps - b.commit_end_ps for b in bursts],
        "wasted_verify_steps": [b.wasted_verify_steps for b in bursts],
        "sram_bytes": [b.sram_bytes for b in bursts],
        "drafted_ahead": [int(b.drafted_ahead) for b in bursts],
        "ahead_survives": [int(b.outcome.ahead_survives) for b in bursts],
        "holds": [b.holds for b in bursts],
        "event_rows": [n_rows] * len(bursts),
    }
    whole = ledger.burst_columns(columns["context_length"], columns["committed"])
    columns |= {name: values.tolist() for name, values in whole.items()}
    if spent:
        for i, times in enumerate(bursts):
            found = spent.get((times.request, times.burst))
            if found is not None:
                columns["energy_pj"][i] = found.energy_pj
                columns["event_rows"][i] = found.event_rows
                for (memory, direction), n_bytes in found.traffic_bytes.items():
                    columns[f"{memory}_{direction}_bytes"][i] = n_bytes
    return columns


def request_columns(
    prompt_length: int, requests: Sequence[Sequence[BurstTimes]], columns: Columns
) -> Columns:
    """Columns of `requests.parquet`.

    Parameters
    ----------
    prompt_length : int
        Context length at the first burst of each request.
    requests : sequence of sequence of BurstTimes
        Bursts of each request in order.
    columns : dict
        The burst columns of the same bursts in the same order, for their energy.
    """
    energies = iter(columns["energy_pj"])
    energy = [math.fsum(next(energies) for _ in bursts) for bursts in requests]
    return {
        "replication": [bursts[0].replication for bursts in requests],
        "request": [bursts[0].request for bursts in requests],
        "prompt_length": [prompt_length] * len(requests),
        "tokens": [sum(b.outcome.committed for b in bursts) for bursts in requests],
        "bursts": [len(bursts) for bursts in requests],
        # The first burst is ready when the request arrives; it may wait for SRAM.
        "arrival_ps": [bursts[0].ready_ps for bursts in requests],
        "start_ps": [bursts[0].start_ps for bursts in requests],
        # The answer is complete when its last tokens are committed.
        "end_ps": [bursts[-1].commit_end_ps for bursts in requests],
        "latency_ps": [
            bursts[-1].commit_end_ps - bursts[0].ready_ps for bursts in requests
        ],
        "energy_pj": energy,
        # Prefill is not modelled, so there is no first token to time.
        "ttft_ps": [None] * len(requests),
        "commit_gap_ps": [
            [b.commit_end_ps - a.commit_end_ps for a, b in pairwise(bursts)]
            for bursts in requests
        ],
    }
