"""The numbers of a run: metrics with intervals, breakdowns, utilization, leakage.

Everything is computed from the rows of bursts and requests and from the program: the
events are not needed, and `invariants.py` checks that they say the same.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.analysis.leakage import (
    gated_power_nw,
    idle_in_draft,
    static_power_nw,
    total_power_nw,
)
from simcore.analysis.ledger import DIRECTIONS, Breakdown, Ledger, Totals, tally
from simcore.analysis.operation_sums import OperationSums
from simcore.analysis.statistics import (
    Estimate,
    lag_one_autocorrelation,
    mean_estimate,
    quantile_estimate,
    ratio_estimate,
)
from simcore.program.burst import BurstProgram
from simcore.program.operation import MEMORIES
from simcore.units import PJ_PER_J, PS_PER_NS, PS_PER_S, leakage_pj

#: Columns by name, equal lengths: lists, arrays or anything numpy reads.
Columns = Mapping[str, Any]

QUANTILES = {"p50": 0.5, "p95": 0.95, "p99": 0.99}

_GATE = "layer"
_PHASES = ("draft", "verify", "commit")
_IntArray = npt.NDArray[np.int64]
_FloatArray = npt.NDArray[np.float64]


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
        Plain data: `metrics`, `quantiles`, `counts`, `elapsed_ps`, `busy_ps`,
        `gate_ps`, `waits`, `energy_pj`, `leakage`, `bytes`, `utilization`,
        `accepted_histogram` and
        `accepted_autocorrelation` (lag 1, within requests; None where undefined).
        `elapsed_ps.total` is the makespan summed over replications; the intervals of
        quantiles take values as independent.

    Raises
    ------
    ValueError
        If there is no burst, or a request of one table is not in the other.
    """
    run = _Run.of(bursts, requests)
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
        "metrics": {
            name: estimate.as_dict()
            for name, estimate in _metrics(run, program, confidence).items()
        },
        "quantiles": _quantiles(run, confidence),
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


def _waits(run: _Run, sums: OperationSums) -> dict[str, Any]:
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


def _gates(program: BurstProgram, gate_ps: _IntArray | None) -> dict[str, Any]:
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


@dataclass(frozen=True)
class _Run:
    """Rows as arrays; bursts sorted, and grouped by request and replication."""

    burst: dict[str, npt.NDArray[Any]]
    request: dict[str, npt.NDArray[Any]]
    #: Number of the request of each burst, and of the replication of each request.
    request_of_burst: _IntArray
    replication_of_request: _IntArray
    #: Makespan of each replication.
    makespan_ps: _IntArray

    @classmethod
    def of(cls, bursts: Columns, requests: Columns) -> _Run:
        burst = _sorted(bursts, ("replication", "request", "burst"))
        request = _sorted(requests, ("replication", "request"))
        if not burst["burst"].size:
            raise ValueError("there are no bursts to summarize")
        keys, request_of_burst = _number(burst["replication"], burst["request"])
        known, _ = _number(request["replication"], request["request"])
        if not np.array_equal(keys, known):
            raise ValueError("bursts and requests are not of the same run")
        replications, replication_of_request = np.unique(
            request["replication"], return_inverse=True
        )
        makespan_ps = np.zeros(replications.size, dtype=np.int64)
        replication_of_burst = replication_of_request.reshape(-1)[request_of_burst]
        np.maximum.at(makespan_ps, replication_of_burst, burst["end_ps"])
        return cls(
            burst,
            request,
            request_of_burst,
            replication_of_request.reshape(-1),
            makespan_ps,
        )

    @property
    def is_shared(self) -> bool:
        """Whether several requests share a chip."""
        return bool(self.makespan_ps.size < self.request["request"].size)

    @property
    def elapsed_ps(self) -> dict[str, int]:
        """Makespan, and the time bursts spend in each phase."""
        phases = {name: int(self.burst[f"{name}_ps"].sum()) for name in _PHASES}
        return {"total": int(self.makespan_ps.sum()), **phases}

    @property
    def accepted_of_requests(self) -> list[npt.NDArray[Any]]:
        """Accepted lengths of the bursts of each request, in order."""
        borders = np.flatnonzero(np.diff(self.request_of_burst)) + 1
        return np.split(self.burst["accepted"], borders)

    @property
    def drafting_ps(self) -> _FloatArray:
        """Time each replication drafts.

        Requests that share a chip overlap: their phases are scaled to the makespan.
        """
        phases = [
            self.by_replication(self.by_request(self.burst[f"{phase}_ps"]))
            for phase in _PHASES
        ]
        busy = np.maximum(sum(phases), 1)
        scaled: _FloatArray = phases[0] * (self.makespan_ps / busy)
        return scaled

    def by_request(self, of_bursts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sums over the bursts of each request."""
        return _sums(of_bursts, self.request_of_burst, self.request["request"].size)

    def by_replication(self, of_requests: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sums over the requests of each replication."""
        return _sums(of_requests, self.replication_of_request, self.makespan_ps.size)


def _sorted(columns: Columns, keys: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    skipped = ("ttft_ps", "commit_gap_ps")
    arrays = {
        name: np.asarray(values)
        for name, values in columns.items()
        if name not in skipped
    }
    order = np.lexsort([arrays[key] for key in reversed(keys)])
    return {name: values[order] for name, values in arrays.items()}


def _number(
    replication: npt.NDArray[Any], request: npt.NDArray[Any]
) -> tuple[_IntArray, _IntArray]:
    """Distinct (replication, request) as one integer each, and which each row has."""
    keys, number = np.unique(
        (replication.astype(np.int64) << 32) + request.astype(np.int64),
        return_inverse=True,
    )
    return keys, number.reshape(-1)


def _sums(values: npt.NDArray[Any], group: _IntArray, n: int) -> npt.NDArray[Any]:
    sums = np.zeros(n, dtype=values.dtype if values.dtype.kind == "f" else np.int64)
    np.add.at(sums, group, values)
    return sums


def _ratio(
    numerators: npt.NDArray[Any], denominators: npt.NDArray[Any], confidence: float
) -> Estimate:
    # Hardware without any cost is legal; its rates are reported as 0.
    if not np.any(denominators):
        return Estimate(0.0, None, int(numerators.size), confidence)
    return ratio_estimate(numerators, denominators, confidence)


def _metrics(
    run: _Run, program: BurstProgram, confidence: float
) -> dict[str, Estimate]:
    """Clusters are requests, or replications where requests share the chip's time."""
    burst, request = run.burst, run.request
    tokens, n_bursts = request["tokens"], request["bursts"]
    latency_ns = request["latency_ps"] / PS_PER_NS
    wasted = run.by_request(burst["wasted_verify_steps"])
    burst_ns = run.by_request(burst["end_ps"] - burst["start_ps"]) / PS_PER_NS
    made = run.by_replication(tokens)
    dynamic_pj = run.by_replication(request["energy_pj"])
    leaked_pj = (
        leakage_pj(total_power_nw(program), 1.0) * run.makespan_ps
        - leakage_pj(gated_power_nw(program), 1.0) * run.drafting_ps
    ) / PS_PER_NS
    spent_pj = dynamic_pj + leaked_pj
    ratios: dict[str, tuple[npt.NDArray[Any], npt.NDArray[Any]]] = {
        "latency_ns_per_token": (latency_ns, tokens),
        "energy_pj_per_token": (spent_pj, made),
        "dynamic_energy_pj_per_token": (dynamic_pj, made),
        "leakage_energy_pj_per_token": (leaked_pj, made),
        "throughput_tokens_per_s": (made, run.makespan_ps / PS_PER_S),
        "tokens_per_joule": (made, spent_pj / PJ_PER_J),
        "committed_tokens_per_burst": (tokens, n_bursts),
        "wasted_verify_steps_per_burst": (wasted, n_bursts),
        "burst_latency_ns": (burst_ns, n_bursts),
    }
    if run.is_shared:
        # Requests on one chip depend on each other; replications do not.
        over = run.replication_of_request
        ratios["request_latency_ns"] = (latency_ns, np.ones(latency_ns.size))
        ratios = {
            name: pair
            if pair[0].size == run.makespan_ps.size
            else (
                _sums(pair[0], over, run.makespan_ps.size),
                _sums(pair[1], over, run.makespan_ps.size),
            )
            for name, pair in ratios.items()
        }
    estimates = {name: _ratio(*pair, confidence) for name, pair in ratios.items()}
    if not run.is_shared:
        estimates["request_latency_ns"] = mean_estimate(latency_ns, confidence)
    return estimates


def _quantiles(run: _Run, confidence: float) -> dict[str, Any]:
    samples = {
        "burst_latency_ns": run.burst["end_ps"] - run.burst["start_ps"],
        "request_latency_ns": run.request["latency_ps"],
    }
    return {
        name: {
            label: quantile_estimate(ps / PS_PER_NS, q, confidence).as_dict()
            for label, q in QUANTILES.items()
        }
        for name, ps in samples.items()
    }


def _counts(run: _Run) -> dict[str, int]:
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


def _leakage(program: BurstProgram, run: _Run) -> dict[str, Any]:
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


def _histogram(run: _Run, draft_length: int) -> dict[str, int]:
    counts = np.bincount(run.burst["accepted"], minlength=draft_length + 1)
    return {str(accepted): int(n) for accepted, n in enumerate(counts)}
