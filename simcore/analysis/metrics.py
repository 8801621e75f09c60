"""The numbers of a run: metrics with intervals, breakdowns, utilization, leakage.

Everything is computed from the rows of bursts and requests and from the program: the
events are not needed, and `invariants.py` checks that they say the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from simcore.analysis.batch_means import MIN_BATCHES, BatchMeans
from simcore.analysis.burst_batches import BurstBatches
from simcore.analysis.clustered_quantile import clustered_quantile
from simcore.analysis.leakage import gated_power_nw, idle_in_draft, static_power_nw
from simcore.analysis.ledger import DIRECTIONS, Breakdown, Ledger, Totals, tally
from simcore.analysis.operation_sums import OperationSums
from simcore.analysis.run_rows import Columns, IntArray, Ratio, RunRows
from simcore.analysis.statistics import (
    Estimate,
    lag_one_autocorrelation,
    quantile_estimate,
    ratio_estimate,
)
from simcore.program.burst import BurstProgram
from simcore.program.operation import MEMORIES
from simcore.units import PS_PER_NS, leakage_pj

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_GATE = "layer"


def summarize(
    program: BurstProgram,
    bursts: Columns,
    requests: Columns,
    *,
    sums: OperationSums | None = None,
    ledger: Ledger | None = None,
    confidence: float = 0.95,
) -> dict[str, Any]:
    """Everything `summary.json` says of a run's results.

    Parameters
    ----------
    program : BurstProgram
        What every burst executed; its hardware gives the leakage power.
    bursts, requests : mapping of str to array_like
        Columns of `bursts.parquet` and `requests.parquet`, rows in any order.
    sums : OperationSums, optional
        What the holds of all bursts add up to. Without it every burst is taken as
        whole, its holds as long as programmed, and nothing is known of waits and of
        layer gates.
    ledger : Ledger, optional
        Of the same program, to share its tables.
    confidence : float
        Coverage of the intervals.

    Returns
    -------
    dict
        Plain data: `metrics`, `intervals`, `quantiles`, `counts`, `elapsed_ps`,
        `busy_ps`, `gate_ps`, `waits`, `energy_pj`, `leakage`, `bytes`, `utilization`,
        `accepted_histogram` and
        `accepted_autocorrelation` (lag 1, within requests; None where undefined).
        `elapsed_ps.total` is the makespan summed over replications. `method` of a
        metric or quantile says what its interval takes as independent; `intervals`
        says why.

    Raises
    ------
    ValueError
        If there is no burst, or a request of one table is not in the other.
    """
    run = RunRows.of(bursts, requests)
    batches = BurstBatches(run, program, confidence)
    ledger = ledger or Ledger(program)
    if sums is None:
        totals = ledger.totals(
            tally(run.burst["context_length"].tolist(), run.burst["committed"].tolist())
        )
    else:
        totals = ledger.totals_of(sums)
    leakage = _leakage(program, run)
    gates = _gates(program, None if sums is None else sums.gate_ps)
    return {
        "metrics": _metrics(run, program, batches, confidence),
        "intervals": batches.as_dict(),
        "quantiles": _quantiles(run, batches, confidence),
        "counts": _counts(run),
        "elapsed_ps": run.elapsed_ps,
        "busy_ps": _with_gates(totals.busy_ps, program, gates).as_dict(),
        "gate_ps": gates,
        "waits": {} if sums is None else _waits(run, sums),
        "energy_pj": totals.energy_pj.as_dict(),
        "leakage": leakage,
        "bytes": _traffic(totals),
        "utilization": utilization(
            totals.busy_ps, program.table.resources, run.elapsed_ps["total"]
        ),
        "accepted_histogram": _histogram(run, program.draft_length),
        "accepted_autocorrelation": lag_one_autocorrelation(run.accepted_of_requests),
    }


def _waits(run: RunRows, sums: OperationSums) -> dict[str, Any]:
    """Waits for resources and for SRAM room, and mean queue lengths.

    By Little's law the mean length of a queue is the waits over the time; of a kind
    with many instances it is the sum over them.
    """
    waits: dict[str, Any] = sums.waits()
    room = run.burst["start_ps"] - run.burst["ready_ps"]
    waits["by_resource_kind"]["sram_room"] = {
        "holds": int(room.size),
        "wait_ps": int(room.sum()),
    }
    elapsed = run.elapsed_ps["total"]
    for found in waits["by_resource_kind"].values():
        found["mean_queue_length"] = found["wait_ps"] / elapsed if elapsed else 0.0
    return waits


def _gates(program: BurstProgram, gate_ps: IntArray | None) -> dict[str, Any]:
    """Time that layers were kept for a token, by phase and resource."""
    by_phase: dict[str, int] = {}
    by_resource: dict[str, int] = {}
    table = program.table
    if gate_ps is not None:
        for op, ps in zip(table.gates.tolist(), gate_ps.tolist(), strict=True):
            phase, resource = table.phase[op], table.op_resources[op][0]
            name = table.resources[resource]
            by_phase[phase] = by_phase.get(phase, 0) + ps
            by_resource[name] = by_resource.get(name, 0) + ps
    return {
        "total": sum(by_phase.values()),
        "by_phase": by_phase,
        "by_resource": by_resource,
    }


def _with_gates(
    busy: Breakdown, program: BurstProgram, gates: Mapping[str, Any]
) -> Breakdown:
    """Busy time of all rows of the trace: of operations, and of layer gates."""
    if not gates["total"]:
        return busy
    gate = program.table.operations[program.table.gates[0]]
    added = {
        "by_phase": gates["by_phase"],
        "by_resource": gates["by_resource"],
        "by_stage": {gate.stage: gates["total"]},
        "by_component": {gate.owner: gates["total"]},
        "by_channel": {gate.channel: gates["total"]},
        "by_operation": {gate.name: gates["total"]},
    }
    return Breakdown(
        total=busy.total + gates["total"],
        **{
            name: {
                label: getattr(busy, name).get(label, 0) + values.get(label, 0)
                for label in sorted({*getattr(busy, name), *values})
            }
            for name, values in added.items()
        },
    )


def utilization(
    busy_ps: Breakdown, resources: tuple[str, ...], makespan_ps: int
) -> dict[str, Any]:
    """Share of the makespan that resources are held.

    Parameters
    ----------
    busy_ps : Breakdown
        Busy time of all bursts.
    resources : tuple of str
        Full names, for example `A1[0]`; layer gates are left out.
    makespan_ps : int
        Summed over replications.

    Returns
    -------
    dict
        `by_resource_kind`: max and mean ratio over the instances of each kind;
        `busiest`: name and ratio of the busiest single resource.
    """
    ratios: dict[str, list[float]] = {}
    busiest = ("", 0.0)
    for name in resources:
        kind = name.partition("[")[0]
        if kind == _GATE:
            continue
        busy = busy_ps.by_resource.get(name, 0)
        ratio = busy / makespan_ps if makespan_ps else 0.0
        ratios.setdefault(kind, []).append(ratio)
        if ratio > busiest[1] or not busiest[0]:
            busiest = (name, ratio)
    return {
        "by_resource_kind": {
            kind: {"max": max(values), "mean": math.fsum(values) / len(values)}
            for kind, values in sorted(ratios.items())
        },
        "busiest": {"name": busiest[0], "ratio": busiest[1]},
    }


def _metrics(
    run: RunRows, program: BurstProgram, batches: BurstBatches, confidence: float
) -> dict[str, dict[str, Any]]:
    """Every metric with its interval, and what the interval takes as independent."""
    return {
        name: metric_interval(ratio, run.clusters, batches.of(name), confidence)
        for name, ratio in run.cluster_ratios(program).items()
    }


def metric_interval(
    ratio: Ratio, clusters: str, batch: BatchMeans | None, confidence: float = 0.95
) -> dict[str, Any]:
    """One metric as `summary.json` has it.

    Parameters
    ----------
    ratio : Ratio
        One entry for each independent unit.
    clusters : str
        What those are.
    batch : BatchMeans or None
        Batch means of the bursts, where they are to be used.
    confidence : float
        Coverage of the interval.
    """
    estimate, length = _ratio(ratio, confidence), None
    method = None if estimate.half_width is None else clusters
    if batch is not None and batch.half_width is not None:
        method, length = "batch_means", batch.batch_length
        estimate = replace(estimate, half_width=batch.half_width, n=batch.batches)
    return {
        **estimate.as_dict(),
        "method": method,
        "batch_bursts": length,
        "burst_autocorrelation": None if batch is None else batch.autocorrelation,
    }


def _ratio(ratio: Ratio, confidence: float) -> Estimate:
    # Hardware without any cost is legal; its rates are reported as 0.
    if not np.any(ratio.denominators):
        return Estimate(0.0, None, int(ratio.numerators.size), confidence)
    return ratio_estimate(*ratio, confidence)


def _quantiles(
    run: RunRows, batches: BurstBatches, confidence: float
) -> dict[str, Any]:
    burst_ns = (run.burst["end_ps"] - run.burst["start_ps"]) / PS_PER_NS
    request_ns = run.request["latency_ps"] / PS_PER_NS
    samples = {
        "burst_latency_ns": (burst_ns, run.cluster_of_burst, run.clusters),
        "request_latency_ns": (request_ns, run.replication_of_request, run.clusters),
    }
    if batches.are_used:
        samples["burst_latency_ns"] = (
            burst_ns[run.time_order],
            np.arange(run.n_bursts) * MIN_BATCHES // run.n_bursts,
            "batches of bursts",
        )
    return {
        name: {
            label: (
                quantile_estimate(values, q, confidence)
                if values.size == run.n_clusters
                else clustered_quantile(values, clusters, q, confidence, method)
            ).as_dict()
            for label, q in QUANTILES.items()
        }
        for name, (values, clusters, method) in samples.items()
    }


def _counts(run: RunRows) -> dict[str, int]:
    accepted, committed = run.burst["accepted"], run.burst["committed"]
    return {
        "requests": int(run.request["request"].size),
        "bursts": int(accepted.size),
        "tokens": int(committed.sum()),
        "drafted_tokens": int(run.burst["k"].sum()),
        "accepted_tokens": int(accepted.sum()),
        # Valid tokens beyond what the request still wanted.
        "discarded_tokens": int((accepted + 1 - committed).sum()),
    }


def _leakage(program: BurstProgram, run: RunRows) -> dict[str, Any]:
    """Static power while it is on, by component and by phase.

    The chip is on for the makespan; what is gated while it drafts is left out there.
    """
    elapsed = run.elapsed_ps
    powers = static_power_nw(program)
    gated = {name: idle_in_draft(program, name) for name in powers}
    duration_ns = elapsed["total"] / PS_PER_NS
    draft_ns = math.fsum(run.drafting_ps) / PS_PER_NS
    by_component = {
        name: leakage_pj(power, duration_ns - gated[name] * draft_ns)
        for name, power in powers.items()
    }
    total = math.fsum(powers.values())
    drafting = total - gated_power_nw(program)
    later = elapsed["verify"] + elapsed["commit"]
    scale = (duration_ns - draft_ns) / later if later else 0.0
    return {
        "power_nw": total,
        "energy_pj": math.fsum(by_component.values()),
        "by_component": by_component,
        "by_phase": {
            "draft": leakage_pj(drafting, draft_ns),
            **{
                phase: leakage_pj(total, elapsed[phase] * scale)
                for phase in ("verify", "commit")
            },
        },
    }


def _traffic(totals: Totals) -> dict[str, dict[str, int]]:
    return {
        memory: {
            direction: totals.traffic_bytes[memory, direction]
            for direction in DIRECTIONS
        }
        for memory in MEMORIES
    }


def _histogram(run: RunRows, draft_length: int) -> dict[str, int]:
    counts = np.bincount(run.burst["accepted"], minlength=draft_length + 1)
    return {str(accepted): int(n) for accepted, n in enumerate(counts)}
