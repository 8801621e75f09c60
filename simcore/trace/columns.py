"""Columns between numpy and Arrow.

`pyarrow.array`, `Array.to_numpy` and `pyarrow.parquet.read_table` load pandas where it
is installed, which no run needs: 50 MB of every worker and a third of a second before
the first result. The ways here give the same arrays without it.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq


def to_arrow(values: Any, dtype: pa.DataType) -> Any:
    """Arrow array of some values.

    Parameters
    ----------
    values : sequence, ndarray or pyarrow.Array
        None where there is no value.
    dtype : pyarrow.DataType
        Type of the result.

    Raises
    ------
    ValueError
        If a value does not fit the type.
    """
    if isinstance(values, pa.Array):
        return values.cast(dtype)
    if (
        isinstance(values, np.ndarray)
        and values.ndim == 1
        and values.dtype.kind in "if"
    ):
        # A cast refuses what does not fit.
        return primitive(values).cast(dtype)
    if isinstance(values, list):
        found = _of_list(values, dtype)
        if found is not None:
            return found
    if pa.types.is_integer(dtype) or pa.types.is_floating(dtype):
        # Building an array of another type would truncate.
        return pa.array(values).cast(dtype)
    return pa.array(values, type=dtype)


def to_numpy(column: Any) -> npt.NDArray[Any]:
    """Numbers of an Arrow column without nulls, to be read only; copied if in pieces.

    Parameters
    ----------
    column : pyarrow.Array or pyarrow.ChunkedArray
        The numbers.
    """
    return np.from_dlpack(_in_one_piece(column))


def filled(column: Any, missing: int) -> npt.NDArray[Any]:
    """Numbers of an Arrow column, `missing` where there is none; see `to_numpy`."""
    array = _in_one_piece(column)
    if not array.null_count:
        return to_numpy(array)
    validity, data = array.buffers()
    here = slice(array.offset, array.offset + len(array))
    is_valid = np.unpackbits(np.frombuffer(validity, np.uint8), bitorder="little")
    values = np.frombuffer(data, dtype=str(array.type))
    return np.where(is_valid[here], values[here], missing)


def read_whole(path: Path) -> pa.Table:
    """Read a Parquet file; page checksums are verified."""
    with pq.ParquetFile(path, page_checksum_verification=True) as file:
        return file.read()


def primitive(
    values: npt.NDArray[Any], is_valid: npt.NDArray[np.bool_] | None = None
) -> Any:
    """Arrow array on the memory of a numpy array of numbers; it must not change.

    Parameters
    ----------
    values : ndarray of integers or floats, shape (n,)
        The numbers.
    is_valid : ndarray of bool, shape (n,), optional
        Where there is one; everywhere without it.
    """
    validity = None
    if is_valid is not None and not is_valid.all():
        validity = pa.py_buffer(np.packbits(is_valid, bitorder="little"))
    return pa.Array.from_buffers(
        pa.from_numpy_dtype(values.dtype),
        values.size,
        [validity, pa.py_buffer(np.ascontiguousarray(values))],
    )


def _in_one_piece(column: Any) -> Any:
    if not isinstance(column, pa.ChunkedArray):
        return column
    return column.chunk(0) if column.num_chunks == 1 else column.combine_chunks()


def _of_list(values: list[Any], dtype: pa.DataType) -> Any:
    """Arrow array of a list; None if it holds what it usually does not."""
    kinds = {type(value) for value in values}
    if pa.types.is_string(dtype) and kinds <= {str}:
        return _texts(values)
    if pa.types.is_integer(dtype) and kinds <= {int, type(None)}:
        is_valid = np.array([value is not None for value in values], dtype=np.bool_)
        numbers = [0 if value is None else value for value in values]
        if numbers and not -(2**63) <= min(numbers) <= max(numbers) < 2**63:
            return None
        return primitive(np.array(numbers, dtype=np.int64), is_valid).cast(dtype)
    if pa.types.is_floating(dtype) and kinds <= {float}:
        return primitive(np.array(values, dtype=np.float64)).cast(dtype)
    if pa.types.is_list(dtype) and kinds <= {list}:
        inner = _of_list(list(chain.from_iterable(values)), dtype.value_type)
        if inner is not None:
            ends = _offsets([len(value) for value in values])
            return pa.ListArray.from_arrays(primitive(ends), inner, type=dtype)
    return None


def _texts(values: list[str]) -> Any:
    encoded = [value.encode() for value in values]
    ends = _offsets([len(value) for value in encoded])
    return pa.StringArray.from_buffers(
        len(encoded), pa.py_buffer(ends), pa.py_buffer(b"".join(encoded))
    )


def _offsets(lengths: Sequence[int]) -> npt.NDArray[np.int32]:
    """Where each value begins, and the last one ends."""
    ends = np.cumsum([0, *lengths], dtype=np.int64)
    if ends[-1] >= 2**31:
        raise ValueError("a column of lists or texts of 2^31 values or more")
    return ends.astype(np.int32)
