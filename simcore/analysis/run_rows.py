"""The rows of a run as arrays: grouped by request and by chip, and in time order.

What depends on what is decided here: requests that share a chip depend on each other,
requests on chips of their own do not, and bursts of one request do.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from simcore.analysis.leakage import gated_power_nw, total_power_nw
from simcore.program.burst import BurstProgram
from simcore.units import PJ_PER_J, PS_PER_NS, PS_PER_S, leakage_pj

#: Columns by name, equal lengths: lists, arrays or anything numpy reads.
Columns = Mapping[str, Any]

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]

_PHASES = ("draft", "verify", "commit")


class Ratio(NamedTuple):
    """A metric as a ratio of sums: what each unit adds above and below the line."""

    numerators: npt.NDArray[Any]
    denominators: npt.NDArray[Any]


@dataclass(frozen=True)
class RunRows:
    """Rows as arrays; bursts sorted, and grouped by request and replication.

    Attributes
    ----------
    burst, request : dict of str to ndarray
        Columns, sorted by replication, request and burst.
    request_of_burst : ndarray of int64
        Number of the request of each burst, from 0.
    replication_of_request : ndarray of int64
        Number of the replication of each request, from 0.
    makespan_ps : ndarray of int64
        End of the last burst of each replication.
    """

    burst: dict[str, npt.NDArray[Any]]
    request: dict[str, npt.NDArray[Any]]
    request_of_burst: IntArray
    replication_of_request: IntArray
    makespan_ps: IntArray

    @classmethod
    def of(cls, bursts: Columns, requests: Columns) -> RunRows:
        """From the columns of `bursts.parquet` and `requests.parquet`, in any order.

        Raises
        ------
        ValueError
            If there is no burst, or a request of one table is not in the other.
        """
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
    def n_requests(self) -> int:
        """Requests of all replications."""
        return int(self.request["request"].size)

    @property
    def n_bursts(self) -> int:
        """Bursts of all requests."""
        return int(self.request_of_burst.size)

    @property
    def is_shared(self) -> bool:
        """Whether several requests share a chip."""
        return bool(self.makespan_ps.size < self.n_requests)

    @property
    def clusters(self) -> str:
        """What is independent: `requests`, or `replications` where chips are shared."""
        return "replications" if self.is_shared else "requests"

    @property
    def n_clusters(self) -> int:
        """Independent units."""
        return int(self.makespan_ps.size)

    @property
    def cluster_of_burst(self) -> IntArray:
        """Number of the independent unit of each burst, from 0."""
        return self.replication_of_request[self.request_of_burst]

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
    def drafting_ps(self) -> FloatArray:
        """Time each replication drafts.

        Requests that share a chip overlap: their phases are scaled to the makespan.
        """
        drafts = self.by_replication(self.by_request(self.burst["draft_ps"]))
        scaled: FloatArray = drafts * self._drafting_scale
        return scaled

    @cached_property
    def _drafting_scale(self) -> FloatArray:
        """Makespan over the time in all phases, for each replication."""
        phases = (
            self.by_replication(self.by_request(self.burst[f"{phase}_ps"]))
            for phase in _PHASES
        )
        busy = np.maximum(sum(phases), 1)
        scale: FloatArray = self.makespan_ps / busy
        return scale

    def by_request(self, of_bursts: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sums over the bursts of each request."""
        return sums(of_bursts, self.request_of_burst, self.n_requests)

    def by_replication(self, of_requests: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Sums over the requests of each replication."""
        return sums(of_requests, self.replication_of_request, self.makespan_ps.size)

    # Metrics as ratios.

    def request_ratios(self) -> dict[str, Ratio]:
        """Metrics that belong to requests, one entry for each request."""
        burst, request = self.burst, self.request
        tokens, n_bursts = request["tokens"], request["bursts"]
        latency_ns = request["latency_ps"] / PS_PER_NS
        wasted = self.by_request(burst["wasted_verify_steps"])
        burst_ns = self.by_request(burst["end_ps"] - burst["start_ps"]) / PS_PER_NS
        return {
            "latency_ns_per_token": Ratio(latency_ns, tokens),
            "committed_tokens_per_burst": Ratio(tokens, n_bursts),
            "wasted_verify_steps_per_burst": Ratio(wasted, n_bursts),
            "burst_latency_ns": Ratio(burst_ns, n_bursts),
            "request_latency_ns": Ratio(latency_ns, np.ones(latency_ns.size)),
        }

    def replication_ratios(self, program: BurstProgram) -> dict[str, Ratio]:
        """Metrics that belong to a chip, one entry for each replication."""
        made = self.by_replication(self.request["tokens"])
        dynamic_pj = self.by_replication(self.request["energy_pj"])
        leaked_pj = _leaked_pj(program, self.makespan_ps, self.drafting_ps)
        return _chip_ratios(made, dynamic_pj, leaked_pj, self.makespan_ps)

    def cluster_ratios(self, program: BurstProgram) -> dict[str, Ratio]:
        """Every metric, one entry for each independent unit."""
        ratios = self.request_ratios()
        if self.is_shared:
            ratios = {
                name: Ratio(*(self.by_replication(part) for part in pair))
                for name, pair in ratios.items()
            }
        return {**ratios, **self.replication_ratios(program)}

    def burst_ratios(self, program: BurstProgram) -> dict[str, Ratio]:
        """Metrics that bursts add up to, one entry for each burst in time order.

        A burst counts from the commit before it to its own: of its request for
        latencies, of any request on its chip for rates and leakage.
        """
        burst, order = self.burst, self.time_order
        one = np.ones(order.size)
        committed = burst["committed"][order]
        request_ps, chip_ps = self._commit_gaps_ps
        scale = self._drafting_scale[self.cluster_of_burst]
        leaked_pj = _leaked_pj(program, chip_ps, burst["draft_ps"] * scale)
        busy_ps = burst["end_ps"] - burst["start_ps"]
        return {
            "latency_ns_per_token": Ratio(request_ps[order] / PS_PER_NS, committed),
            "committed_tokens_per_burst": Ratio(committed, one),
            "wasted_verify_steps_per_burst": Ratio(
                burst["wasted_verify_steps"][order], one
            ),
            "burst_latency_ns": Ratio(busy_ps[order] / PS_PER_NS, one),
            **_chip_ratios(
                committed, burst["energy_pj"][order], leaked_pj[order], chip_ps[order]
            ),
        }

    @cached_property
    def commit_ps(self) -> IntArray:
        """When each burst commits."""
        commit_ps = self.burst["start_ps"].astype(np.int64)
        for phase in _PHASES:
            commit_ps += self.burst[f"{phase}_ps"].astype(np.int64)
        return commit_ps

    @cached_property
    def time_order(self) -> IntArray:
        """Bursts by replication, then by when they commit."""
        order: IntArray = np.lexsort(
            [self.burst["burst"], self.commit_ps, self.cluster_of_burst]
        )
        return order

    @property
    def _commit_gaps_ps(self) -> tuple[npt.NDArray[Any], npt.NDArray[Any]]:
        """From the commit before in the request, and on the chip, to each commit."""
        commit = self.commit_ps
        of_request = np.empty_like(commit)
        of_request[0] = commit[0] - self.burst["ready_ps"][0]
        first = np.diff(self.request_of_burst) > 0
        of_request[1:] = np.where(
            first, commit[1:] - self.burst["ready_ps"][1:], np.diff(commit)
        )
        order = self.time_order
        in_order, cluster = commit[order], self.cluster_of_burst[order]
        gaps = np.empty_like(commit)
        gaps[0] = in_order[0]
        gaps[1:] = np.where(np.diff(cluster) > 0, in_order[1:], np.diff(in_order))
        of_chip = np.empty_like(commit)
        of_chip[order] = gaps
        return of_request, of_chip


def sums(values: npt.NDArray[Any], group: IntArray, n: int) -> npt.NDArray[Any]:
    """Sum of the values of each of `n` groups; integers stay integers."""
    found = np.zeros(n, dtype=values.dtype if values.dtype.kind == "f" else np.int64)
    np.add.at(found, group, values)
    return found


def _chip_ratios(
    tokens: npt.NDArray[Any],
    dynamic_pj: npt.NDArray[Any],
    leaked_pj: npt.NDArray[Any],
    time_ps: npt.NDArray[Any],
) -> dict[str, Ratio]:
    spent_pj = dynamic_pj + leaked_pj
    return {
        "energy_pj_per_token": Ratio(spent_pj, tokens),
        "dynamic_energy_pj_per_token": Ratio(dynamic_pj, tokens),
        "leakage_energy_pj_per_token": Ratio(leaked_pj, tokens),
        "throughput_tokens_per_s": Ratio(tokens, time_ps / PS_PER_S),
        "tokens_per_joule": Ratio(tokens, spent_pj / PJ_PER_J),
    }


def _leaked_pj(
    program: BurstProgram, time_ps: npt.NDArray[Any], drafting_ps: npt.NDArray[Any]
) -> npt.NDArray[Any]:
    leaked: npt.NDArray[Any] = (
        leakage_pj(total_power_nw(program), 1.0) * time_ps
        - leakage_pj(gated_power_nw(program), 1.0) * drafting_ps
    ) / PS_PER_NS
    return leaked


def _sorted(columns: Columns, keys: tuple[str, ...]) -> dict[str, npt.NDArray[Any]]:
    skipped = ("ttft_ps", "commit_gap_ps")
    arrays = {
        name: np.asarray(values)
        for name, values in columns.items()
        if name not in skipped
    }
    ordered = [arrays[key] for key in keys]
    if _is_sorted(ordered):
        # As the engines give them: nothing is copied.
        return arrays
    order = np.lexsort(ordered[::-1])
    return {name: values[order] for name, values in arrays.items()}


def _is_sorted(keys: Sequence[npt.NDArray[Any]]) -> bool:
    """Whether rows ascend by the first key, where it is equal by the second, ..."""
    undecided: npt.NDArray[np.bool_] | None = None
    for key in keys:
        falls, equal = key[1:] < key[:-1], key[1:] == key[:-1]
        if undecided is not None:
            falls &= undecided
            equal &= undecided
        if falls.any():
            return False
        undecided = equal
    return True


def _number(
    replication: npt.NDArray[Any], request: npt.NDArray[Any]
) -> tuple[IntArray, IntArray]:
    """Distinct (replication, request) as one integer each, and which each row has.

    Rows are sorted by both.
    """
    codes = (replication.astype(np.int64) << 32) + request.astype(np.int64)
    starts = np.ones(codes.size, dtype=np.bool_)
    starts[1:] = codes[1:] != codes[:-1]
    number: IntArray = np.cumsum(starts) - 1
    return codes[starts], number
