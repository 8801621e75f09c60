"""Where two runs part: settings that differ, and the first event that does."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.analysis.run_program import integers
from simcore.trace.reader import Trace

_TIMES = ("ready_ps", "start_ps", "duration_ps")
_WHO = ("replication", "request", "burst")
_COLUMNS = (*_WHO, "op_id", "resource_index", *_TIMES)
_LABELS = ("phase", "step", "layer", "operation", "resource")

#: Fields that name things and change no result.
_NAMES = ("name", "description", "engine", "load_warnings", "provenance", "origins")


@dataclass(frozen=True)
class SettingDifference:
    """One field that two configurations have differently.

    Attributes
    ----------
    path : str
        Dotted path of the field.
    a, b : object
        Its values; `ABSENT` where a side does not have it.
    """

    path: str
    a: Any
    b: Any


ABSENT = "(absent)"


def setting_differences(
    a: Mapping[str, Any], b: Mapping[str, Any], path: str = ""
) -> list[SettingDifference]:
    """Fields of two resolved configurations that differ and can change a result.

    Parameters
    ----------
    a, b : mapping
        As in `run.json` under `config`.
    path : str
        Where they stand; for the recursion.
    """
    found: list[SettingDifference] = []
    for key in [*a, *(key for key in b if key not in a)]:
        if key in _NAMES:
            continue
        where = f"{path}.{key}" if path else str(key)
        left, right = a.get(key, ABSENT), b.get(key, ABSENT)
        if isinstance(left, Mapping) and isinstance(right, Mapping):
            found += setting_differences(left, right, where)
        elif left != right:
            found.append(SettingDifference(where, left, right))
    return found


@dataclass(frozen=True)
class Divergence:
    """The first event row in which two traces differ.

    Attributes
    ----------
    row : int
        Number of the row, from 0; as many rows before it are equal.
    a, b : dict or None
        The row on each side: who, what, where and when; None where a trace has ended.
    differing : tuple of str
        Columns that differ.
    """

    row: int
    a: dict[str, Any] | None
    b: dict[str, Any] | None
    differing: tuple[str, ...]


def first_divergence(a: Trace, b: Trace) -> Divergence | None:
    """The first event row in which two runs differ; None when all are equal.

    Operations are compared by what they are, not by their numbers, so that runs of
    different programs can be compared. How long a layer gate is kept is left out: it
    only sums up the holds behind it.

    Parameters
    ----------
    a, b : Trace
        Runs that kept events.

    Raises
    ------
    TraceError
        If a run kept no events, or is damaged.
    """
    labels = _Labels(a, b)
    row = 0
    for left, right in _side_by_side(labels.rows(a, 0), labels.rows(b, 1)):
        n = min(left["row"].size, right["row"].size)
        differs = np.zeros(n, dtype=np.bool_)
        for name in left:
            differs |= left[name][:n] != right[name][:n]
        if differs.any():
            at = int(np.argmax(differs))
            names = tuple(
                "operation" if name == "row" else name
                for name in left
                if left[name][at] != right[name][at]
            )
            return Divergence(
                row + at, labels.describe(left, at), labels.describe(right, at), names
            )
        row += n
        if left["row"].size != right["row"].size:
            more = ("number of rows",)
            if left["row"].size > n:
                return Divergence(row, labels.describe(left, n), None, more)
            return Divergence(row, None, labels.describe(right, n), more)
    return None


_Rows = dict[str, npt.NDArray[np.int64]]


class _Labels:
    """Gives the rows of two programs common numbers."""

    def __init__(self, a: Trace, b: Trace) -> None:
        self._texts: list[tuple[Any, ...]] = []
        numbers: dict[tuple[Any, ...], int] = {}
        self._codes: list[npt.NDArray[np.int64]] = []
        self._first: list[npt.NDArray[np.int64]] = []
        self._is_gate: list[npt.NDArray[np.bool_]] = []
        for trace in (a, b):
            program = trace.program().sort_by(
                [("op_id", "ascending"), ("resource_index", "ascending")]
            )
            texts = list(
                zip(*(program[name].to_pylist() for name in _LABELS), strict=True)
            )
            occurrences: dict[tuple[Any, ...], int] = {}
            codes = []
            for text in texts:
                # Operations of one name in a layer are told apart by their order.
                nth = occurrences[text] = occurrences.get(text, -1) + 1
                codes.append(numbers.setdefault((*text, nth), len(numbers)))
            gates = [channel == "gate" for channel in program["channel"].to_pylist()]
            self._is_gate.append(np.array(gates, dtype=np.bool_))
            self._codes.append(np.array(codes, dtype=np.int64))
            op = integers(program["op_id"])
            self._first.append(np.searchsorted(op, np.arange(op.max(initial=-1) + 1)))
        self._texts = list(numbers)

    def rows(self, trace: Trace, side: int) -> Iterator[_Rows]:
        """Event rows by group, operations by their common number."""
        for table in trace.iter_events(list(_COLUMNS)):
            at = self._first[side][integers(table["op_id"])]
            place = at + integers(table["resource_index"])
            names = (*_WHO, *_TIMES)
            columns = {name: _column(table, name) for name in names}
            # A layer is kept as long as what happens in it: that differs first.
            columns["duration_ps"][self._is_gate[side][place]] = 0
            yield {"row": self._codes[side][place], **columns}

    def describe(self, rows: _Rows, at: int) -> dict[str, Any]:
        """One row in words and numbers."""
        *text, _ = self._texts[int(rows["row"][at])]
        return {
            **{name: int(rows[name][at]) for name in _WHO},
            **dict(zip(_LABELS, text, strict=True)),
            **{name: int(rows[name][at]) for name in _TIMES},
        }


def _column(table: pa.Table, name: str) -> npt.NDArray[np.int64]:
    return np.array(integers(table[name]), dtype=np.int64)


def _side_by_side(
    a: Iterator[_Rows], b: Iterator[_Rows]
) -> Iterator[tuple[_Rows, _Rows]]:
    """Pieces of equal length; the last may not be."""
    left, right = next(a, None), next(b, None)
    while left is not None and right is not None:
        n = min(left["row"].size, right["row"].size)
        rest_left, rest_right = _rest(left, n, a), _rest(right, n, b)
        if rest_left is None or rest_right is None:
            # One has ended: what the other still has comes with the last piece.
            yield left, right
            if rest_left is None and rest_right is None:
                return
            longer = rest_left if rest_right is None else rest_right
            if left["row"].size == right["row"].size and longer is not None:
                empty = {name: values[:0] for name, values in longer.items()}
                yield (longer, empty) if rest_right is None else (empty, longer)
            return
        yield _cut(left, n), _cut(right, n)
        left, right = rest_left, rest_right


def _cut(rows: _Rows, n: int) -> _Rows:
    return {name: values[:n] for name, values in rows.items()}


def _rest(rows: _Rows, n: int, more: Iterator[_Rows]) -> _Rows | None:
    if rows["row"].size > n:
        return {name: values[n:] for name, values in rows.items()}
    return next(more, None)
