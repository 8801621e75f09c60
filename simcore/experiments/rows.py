"""Rows of bursts.parquet and requests.parquet from what the engine reports."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from simcore.analysis.ledger import Ledger
from simcore.engine.burst_controller import BurstTimes
from simcore.program.burst import BurstProgram

Columns = dict[str, list[Any]]


def burst_columns(
    program: BurstProgram, ledger: Ledger, bursts: Sequence[BurstTimes]
) -> Columns:
    """Columns of `bursts.parquet`."""
    draft_length = program.draft_length
    columns: Columns = {
        "replication": [b.replication for b in bursts],
        "request": [b.request for b in bursts],
        "burst": [b.burst for b in bursts],
        "k": [draft_length] * len(bursts),
        "accepted": [b.outcome.accepted for b in bursts],
        "committed": [b.outcome.committed for b in bursts],
        "context_length": [b.outcome.context_length for b in bursts],
        "start_ps": [b.start_ps for b in bursts],
        "end_ps": [b.end_ps for b in bursts],
        "draft_ps": [b.draft_end_ps - b.start_ps for b in bursts],
        "verify_ps": [b.verify_end_ps - b.draft_end_ps for b in bursts],
        "commit_ps": [b.end_ps - b.verify_end_ps for b in bursts],
        "wasted_verify_steps": [draft_length - b.outcome.accepted for b in bursts],
    }
    spent = ledger.burst_columns(columns["context_length"], columns["committed"])
    return columns | {name: values.tolist() for name, values in spent.items()}


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
        "start_ps": [bursts[0].start_ps for bursts in requests],
        "end_ps": [bursts[-1].end_ps for bursts in requests],
        "latency_ps": [bursts[-1].end_ps - bursts[0].start_ps for bursts in requests],
        "energy_pj": energy,
        # Prefill is not modelled, so there is no first token to time.
        "ttft_ps": [None] * len(requests),
        "commit_gap_ps": [
            [after.end_ps - before.end_ps for before, after in pairwise(bursts)]
            for bursts in requests
        ],
    }
