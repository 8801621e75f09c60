"""Rows of a run as arrays, and checks that count the rows that break a rule."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.analysis.check import Check
from simcore.trace.columns import to_numpy

#: Columns of numbers by name.
Rows = dict[str, npt.NDArray[Any]]

#: Largest relative difference of two sums of the same energies.
ENERGY_BOUND = 1e-12


def plain_rows(table: pa.Table) -> Rows:
    """Columns of numbers, without those that hold lists or nulls."""
    return {
        field.name: to_numpy(table[field.name])
        if pa.types.is_floating(field.type)
        else to_numpy(table[field.name]).astype(np.int64)
        for field in table.schema
        if not field.nullable and not pa.types.is_list(field.type)
    }


def tuples(columns: Mapping[str, Any], *names: str) -> Iterator[tuple[Any, ...]]:
    """Rows of some columns."""
    lists = (
        values if isinstance(values, list) else values.tolist()
        for values in (columns[name] for name in names)
    )
    return zip(*lists, strict=True)


def count_check(
    name: str, broken: npt.NDArray[np.bool_], rows: Rows, meaning: str
) -> Check:
    """A check that no row is broken; tells the first that is."""
    count = int(np.count_nonzero(broken))
    detail = f"{meaning}; violations in {broken.size} rows{first_place(broken, rows)}"
    return Check(name, count == 0, count, 0, detail)


def first_place(broken: npt.NDArray[np.bool_], rows: Rows) -> str:
    """Keys of the first broken row, behind a semicolon; empty when none is."""
    if not broken.any():
        return ""
    i = int(np.argmax(broken))
    keys = [key for key in ("replication", "request", "burst") if key in rows]
    return "; first at " + ", ".join(f"{key} {rows[key][i]}" for key in keys)


def differences(
    found: npt.NDArray[Any], expected: npt.NDArray[Any]
) -> npt.NDArray[np.float64]:
    """Relative difference of each pair; 0 where both are 0."""
    scale = np.maximum(np.abs(found), np.abs(expected))
    off: npt.NDArray[np.float64] = np.abs(found - expected)
    np.divide(off, scale, out=off, where=scale > 0)
    return off


def difference(found: float, expected: float) -> float:
    """Relative difference; 0 where both are 0."""
    scale = max(abs(found), abs(expected))
    return abs(found - expected) / scale if scale else 0.0
