"""Columns between numpy and Arrow: the arrays of pyarrow, and no pandas for them."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from simcore.trace.columns import filled, primitive, read_whole, to_arrow, to_numpy

LISTS = pa.list_(pa.field("element", pa.int32(), nullable=False))


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([1, None, -3], pa.int32()),
        ([None, None], pa.int64()),
        ([], pa.int8()),
        ([2**63 - 1, -(2**63)], pa.int64()),
        ([0.5, -1.0], pa.float64()),
        ([1, 2], pa.float64()),
        (["a", "", "µ", "a"], pa.string()),
        (["a", None], pa.string()),
        ([], pa.string()),
        ([[1, 2], [], [3]], LISTS),
        ([[], []], LISTS),
        ([[1], None], pa.list_(pa.int32())),
    ],
)
def test_a_list_becomes_what_pyarrow_makes_of_it(values, dtype):
    found = to_arrow(values, dtype)
    found.validate(full=True)
    assert found.type == dtype
    assert found.equals(pa.array(values, type=dtype))
    assert found.null_count == sum(value is None for value in values)


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        ([128], pa.int8()),
        ([2**63], pa.int64()),
        ([1.5], pa.int32()),
        (np.array([1.5]), pa.int32()),
        (np.array([300]), pa.int8()),
        ([[2**40]], LISTS),
    ],
)
def test_a_value_that_does_not_fit_is_refused(values, dtype):
    # pa.ArrowInvalid is a ValueError; a Python integer beyond 64 bits is its own.
    with pytest.raises((ValueError, OverflowError)):
        to_arrow(values, dtype)


def test_arrays_come_back_as_they_went():
    numbers = np.arange(10, dtype=np.int32)
    assert np.array_equal(to_numpy(primitive(numbers[::3])), numbers[::3])
    pieces = pa.chunked_array([primitive(numbers), primitive(numbers).slice(4)])
    assert np.array_equal(to_numpy(pieces), [*numbers, *numbers[4:]])
    assert to_numpy(primitive(numbers)).dtype == np.int32
    assert to_numpy(pa.chunked_array([], type=pa.int64())).size == 0


def test_nulls_are_filled_wherever_the_column_begins():
    numbers = np.arange(20, dtype=np.int64)
    column = primitive(numbers, numbers % 3 != 0)
    assert column.null_count == 7
    expected = np.where(numbers % 3 == 0, -1, numbers)
    assert np.array_equal(filled(column, -1), expected)
    assert np.array_equal(filled(column.slice(5, 9), -1), expected[5:14])
    assert np.array_equal(filled(column.slice(1, 2), -1), [1, 2])
    assert np.array_equal(filled(pa.nulls(3, pa.int32()), 7), [7, 7, 7])


def test_a_file_is_read_whole(tmp_path):
    table = pa.table({"text": ["a", "b"], "number": [1, None]})
    pq.write_table(table, tmp_path / "file.parquet")
    assert read_whole(tmp_path / "file.parquet").equals(table)


def test_a_run_does_not_load_pandas(tmp_path):
    program = (
        "import sys\n"
        "from simcore import simulate\n"
        f"result = simulate('tiny', requests=2, out={str(tmp_path / 'run')!r})\n"
        "assert result.holds\n"
        "assert 'pandas' not in sys.modules\n"
    )
    subprocess.run([sys.executable, "-c", program], check=True, env=os.environ)
