"""Results of shards put together, in the order of the shards, for the summary.

Keeps the columns that statistics need, as arrays: about 90 bytes a burst. Everything
else goes from the shards to the files without staying in memory.
"""

from __future__ import annotations

import math
from collections import Counter
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa
from scipy import special

from simcore.analysis.operation_sums import OperationSums
from simcore.experiments.shard import ShardResult
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import OperationTable
from simcore.trace.columns import to_numpy

_OF_BURSTS = (
    "replication",
    "request",
    "burst",
    "k",
    "accepted",
    "committed",
    "context_length",
    "ready_ps",
    "start_ps",
    "end_ps",
    "draft_ps",
    "verify_ps",
    "commit_ps",
    "wasted_verify_steps",
    "energy_pj",
)
_OF_REQUESTS = (
    "replication",
    "request",
    "tokens",
    "bursts",
    "arrival_ps",
    "start_ps",
    "end_ps",
    "latency_ps",
    "energy_pj",
)
#: Totals of each request that the checks compare and no other column has.
_TOTALS = ("wasted_verify_steps", "hbm_read_bytes", "hbm_write_bytes")

#: Room for bursts, relative to the number expected.
_ROOM = 1.02

Columns = dict[str, npt.NDArray[Any]]


class Occurrence(NamedTuple):
    """One kind of burst as it was simulated; latency 0 where it is not kept."""

    outcome: BurstOutcome
    latency_ps: int


class _Column:
    """An array that grows at its end.

    Room that is asked for at once costs no memory until it is filled; growing again
    and again scatters it.
    """

    def __init__(self, room: int = 0) -> None:
        self._values: npt.NDArray[Any] = np.zeros(0)
        self._n = 0
        self._room = room

    def extend(self, values: npt.NDArray[Any]) -> None:
        """Copy values to the end; the first ones say of what type all are."""
        end = self._n + values.size
        if not self._n:
            self._values = np.empty(max(self._room, end), dtype=values.dtype)
        if end > self._values.size:
            # Views of older values have been dropped: the array may move.
            self._values.resize(max(end, self._values.size * 9 // 8), refcheck=False)
        self._values[self._n : end] = values
        self._n = end

    @property
    def values(self) -> npt.NDArray[Any]:
        """All values; good until the next `extend`."""
        return self._values[: self._n]


class Gathered:
    """What shards gave so far.

    Parameters
    ----------
    table : OperationTable
        Of the program.
    keep_latency : bool
        Whether `occurred` tells bursts of different latency apart; there may be as
        many as bursts.
    expected_bursts : float
        How many are going to come, about.

    Attributes
    ----------
    sums : OperationSums
        Over all bursts.
    occurred : Counter
        How often each `Occurrence` was seen.
    """

    def __init__(
        self, table: OperationTable, *, keep_latency: bool, expected_bursts: float = 0
    ) -> None:
        self._keep_latency = keep_latency
        self.sums = OperationSums(table)
        self.occurred: Counter[Occurrence] = Counter()
        # Chips, latency y, tokens x, and the sums of yy, xy and xx over chips.
        self._moments = np.zeros(6)
        room = math.ceil(expected_bursts * _ROOM)
        self._bursts = {name: _Column(room) for name in _OF_BURSTS}
        self._requests = {name: _Column() for name in (*_OF_REQUESTS, *_TOTALS)}

    def add(self, result: ShardResult) -> None:
        """Take the next shard."""
        self.sums.add_holds(result.sums)
        bursts = result.bursts
        for name, column in self._bursts.items():
            column.extend(to_numpy(bursts[name]))
        for name in _OF_REQUESTS:
            self._requests[name].extend(to_numpy(result.requests[name]))
        self._add_moments(result.requests)
        first = np.flatnonzero(to_numpy(bursts["burst"]) == 0)
        for name in _TOTALS:
            values = to_numpy(bursts[name]).astype(np.int64)
            self._requests[name].extend(np.add.reduceat(values, first))
        self.occurred.update(_occurrences(bursts, self._keep_latency))

    def _add_moments(self, requests: pa.Table) -> None:
        _, chip = np.unique(to_numpy(requests["replication"]), return_inverse=True)
        latency_ps = np.bincount(chip, to_numpy(requests["latency_ps"]))
        tokens = np.bincount(chip, to_numpy(requests["tokens"]))
        self._moments += np.array(
            [
                latency_ps.size,
                latency_ps.sum(),
                tokens.sum(),
                latency_ps @ latency_ps,
                latency_ps @ tokens,
                tokens @ tokens,
            ],
            dtype=np.float64,
        )

    def relative_half_width(self, confidence: float = 0.95) -> float | None:
        """Half width of the latency per token so far, over its value.

        None when there are fewer than two independent requests, or replications where
        requests share a chip.
        """
        n, y, x, yy, xy, xx = (float(value) for value in self._moments)
        if n < 2 or not x or not y:
            return None
        ratio = y / x
        squares = max(yy - 2 * ratio * xy + ratio * ratio * xx, 0.0)
        error = math.sqrt(squares / (n - 1) / n) / (x / n)
        return float(special.stdtrit(n - 1, (1 + confidence) / 2)) * error / ratio

    @property
    def bursts(self) -> Columns:
        """Columns of all bursts, by replication, request and burst.

        They are good until the next `add`.
        """
        return {name: column.values for name, column in self._bursts.items()}

    @property
    def requests(self) -> Columns:
        """Columns of all requests, by replication and request; see `bursts`."""
        return {name: column.values for name, column in self._requests.items()}

    @property
    def outcomes(self) -> Counter[BurstOutcome]:
        """How often each outcome was seen."""
        found: Counter[BurstOutcome] = Counter()
        for occurrence, n in self.occurred.items():
            found[occurrence.outcome] += n
        return found


def _occurrences(bursts: pa.Table, keep_latency: bool) -> Counter[Occurrence]:
    latency_ps = to_numpy(bursts["end_ps"]) - to_numpy(bursts["start_ps"])
    keys = np.stack(
        [
            to_numpy(bursts["context_length"]),
            to_numpy(bursts["accepted"]),
            to_numpy(bursts["committed"]),
            to_numpy(bursts["ahead_survives"]),
            latency_ps if keep_latency else np.zeros_like(latency_ps),
        ]
    )
    distinct, counts = np.unique(keys, axis=1, return_counts=True)
    return Counter(
        {
            Occurrence(
                BurstOutcome(context, accepted, committed, bool(survives)), latency
            ): n
            for (context, accepted, committed, survives, latency), n in zip(
                distinct.T.tolist(), counts.tolist(), strict=True
            )
        }
    )
