"""The wide view: every event row with what the program and its burst say of it.

Two faces of one definition: Arrow batches in file order (here), and a DuckDB view
(`duck.py`). Energy and bytes stand on the owner's row (`resource_index` 0).
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.errors import TraceError
from simcore.trace.columns import filled, to_numpy
from simcore.trace.schema import WIDE_COLUMNS

FloatArray = npt.NDArray[np.float64]
IntArray = npt.NDArray[np.int64]

#: Parts of a cost, and the columns that hold them behind a prefix.
_SUFFIXES = ("base", "per_token", "per_committed")
ENERGY_SUFFIXES = (*_SUFFIXES, "per_activate")

_NO_CAP = np.iinfo(np.int64).max
_TEXT = ("phase", "operation", "stage", "resource", "channel", "status")
_FROM_EVENTS = (
    "replication",
    "request",
    "burst",
    "ready_ps",
    "start_ps",
    "duration_ps",
)
_KEYS = ("replication", "request", "burst")


def energy_by_operation(program_energy: pa.Table, n_operations: int) -> FloatArray:
    """Energy coefficients of each operation, over all its components.

    Parameters
    ----------
    program_energy : pyarrow.Table
        Rows of `program_energy.parquet`.
    n_operations : int
        Operations of the program.

    Returns
    -------
    ndarray of float64, shape (4, n_operations)
        Base, per token, per committed token and per activate, in pJ; sums are
        rounded once (`math.fsum`).

    Raises
    ------
    TraceError
        If an energy belongs to no operation of the program.
    """
    op_id = _integers(program_energy["op_id"]).tolist()
    if op_id and not 0 <= min(op_id) <= max(op_id) < n_operations:
        raise TraceError(
            "program_energy.parquet: an operation is not in program.parquet"
        )
    total = np.zeros((len(ENERGY_SUFFIXES), n_operations))
    for row, suffix in enumerate(ENERGY_SUFFIXES):
        terms: defaultdict[int, list[float]] = defaultdict(list)
        values = _floats(program_energy[f"energy_pj_{suffix}"]).tolist()
        for operation, value in zip(op_id, values, strict=True):
            terms[operation].append(float(value))
        for operation, summands in terms.items():
            total[row, operation] = math.fsum(summands)
    return total


class WideView:
    """Widens batches of event rows.

    Parameters
    ----------
    program, program_energy, bursts : pyarrow.Table
        The tables of the run.
    """

    def __init__(
        self, program: pa.Table, program_energy: pa.Table, bursts: pa.Table
    ) -> None:
        op_id = _integers(program["op_id"])
        index = _integers(program["resource_index"])
        self._stride = int(index.max(initial=0)) + 1
        n_operations = int(op_id.max(initial=-1)) + 1
        self._row_of = np.full(n_operations * self._stride, -1, dtype=np.int64)
        self._row_of[op_id * self._stride + index] = np.arange(op_id.size)
        owner = index == 0
        self._energy = energy_by_operation(program_energy, n_operations)[:, op_id]
        self._energy *= owner
        self._step = _integers(program["step"], 0)
        self._cap = _integers(program["context_cap"], _NO_CAP)
        self._labels = {name: _dictionary(program[name]) for name in _TEXT}
        self._places = {name: program[name] for name in ("step", "layer")}
        self._costs = {
            prefix: [_floats(program[f"{prefix}_{suffix}"]) for suffix in _SUFFIXES]
            for prefix in ("read_bytes", "write_bytes")
        }
        request, burst = self._codes(bursts)
        self._requests = np.unique(request)
        self._burst_code = self._code(request, burst)
        if np.any(np.diff(self._burst_code) <= 0):
            raise TraceError("bursts.parquet is not sorted by its keys")
        self._context = _integers(bursts["context_length"])
        self._committed = _integers(bursts["committed"])

    def widen(self, events: pa.Table, columns: Sequence[str]) -> pa.Table:
        """Columns of the wide view for some event rows, in the same order.

        Parameters
        ----------
        events : pyarrow.Table
            Rows of the events with the columns of `needed`.
        columns : sequence of str
            Names out of `WIDE_COLUMNS`.

        Raises
        ------
        TraceError
            If a row names an operation or a burst that the run does not have.
        """
        row = self._program_rows(events)
        burst = self._burst_rows(events)
        arrays: dict[str, Any] = {}
        for name in columns:
            if name in _FROM_EVENTS:
                arrays[name] = events[name]
            elif name in _TEXT:
                codes, texts = self._labels[name]
                arrays[name] = pa.DictionaryArray.from_arrays(codes[row], texts)
            elif name in self._places:
                arrays[name] = self._places[name].take(row)
            elif name == "context_length":
                arrays[name] = self._context[burst] + self._step[row]
            elif name == "wait_ps":
                start_ps = _integers(events["start_ps"])
                arrays[name] = start_ps - _integers(events["ready_ps"])
            elif name == "energy_pj":
                arrays[name] = self._energy_pj(events, row, burst)
            else:
                arrays[name] = self._cost(self._costs[name], row, burst)
        return pa.table(arrays)

    @staticmethod
    def needed(columns: Sequence[str]) -> list[str]:
        """Columns of the events that `widen` reads for these columns."""
        names = {"op_id", "resource_index", *_KEYS}
        names.update(name for name in columns if name in _FROM_EVENTS)
        if "wait_ps" in columns:
            names.update(("ready_ps", "start_ps"))
        if "energy_pj" in columns:
            names.add("activates")
        return sorted(names)

    @staticmethod
    def _codes(rows: pa.Table) -> tuple[IntArray, IntArray]:
        """One number for (replication, request), both below 2^31, and the burst."""
        replication, request, burst = (_integers(rows[name]) for name in _KEYS)
        return (replication << 31) + request, burst

    def _code(self, request: IntArray, burst: IntArray) -> IntArray:
        return (np.searchsorted(self._requests, request) << 31) + burst

    def _burst_rows(self, events: pa.Table) -> IntArray:
        request, burst = self._codes(events)
        code = self._code(request, burst)
        row = np.searchsorted(self._burst_code, code)
        known = np.isin(request, self._requests) & (row < self._burst_code.size)
        row[~known] = 0
        if self._burst_code.size:
            known &= self._burst_code[row] == code
        _require(known, events, _KEYS, "bursts.parquet")
        return row

    def _program_rows(self, events: pa.Table) -> IntArray:
        op_id = _integers(events["op_id"])
        index = _integers(events["resource_index"])
        slot = op_id * self._stride + index
        known = (op_id >= 0) & (index >= 0) & (index < self._stride)
        known &= slot < self._row_of.size
        row = np.full(slot.size, -1, dtype=np.int64)
        row[known] = self._row_of[slot[known]]
        _require(row >= 0, events, ("op_id", "resource_index"), "program.parquet")
        return row

    def _cost(
        self, parts: Sequence[FloatArray], row: IntArray, burst: IntArray
    ) -> FloatArray:
        base, per_token, per_committed = parts
        cached = np.minimum(self._context[burst] + self._step[row], self._cap[row])
        total: FloatArray = base[row] + per_token[row] * cached
        total += per_committed[row] * self._committed[burst]
        return total

    def _energy_pj(
        self, events: pa.Table, row: IntArray, burst: IntArray
    ) -> FloatArray:
        energy = self._cost(list(self._energy[:3]), row, burst)
        energy += self._energy[3][row] * _integers(events["activates"], 0)
        return energy


def check_columns(columns: Sequence[str] | None) -> list[str]:
    """Names of the wide view, all of them for None.

    Raises
    ------
    TraceError
        If a name is not a column of the wide view.
    """
    if columns is None:
        return list(WIDE_COLUMNS)
    unknown = [name for name in columns if name not in WIDE_COLUMNS]
    if unknown:
        raise TraceError(
            f"the wide view has no column {unknown[0]!r}; it has "
            f"{', '.join(WIDE_COLUMNS)}"
        )
    return list(columns)


def _integers(column: Any, missing: int | None = None) -> IntArray:
    values = to_numpy(column) if missing is None else filled(column, missing)
    array: IntArray = values.astype(np.int64, copy=False)
    return array


def _floats(column: Any) -> FloatArray:
    array: FloatArray = to_numpy(column).astype(np.float64, copy=False)
    return array


def _dictionary(column: Any) -> tuple[npt.NDArray[np.int32], Any]:
    encoded = column.combine_chunks().dictionary_encode()
    return to_numpy(encoded.indices).astype(np.int32), encoded.dictionary


def _require(
    known: npt.NDArray[np.bool_], events: pa.Table, names: Sequence[str], file: str
) -> None:
    if not known.all():
        first = int(np.argmin(known))
        key = ", ".join(f"{name} {events[name][first]}" for name in names)
        raise TraceError(f"events: {key} is not in {file}")
