"""How full the SRAM is over time, from the reservations of the bursts."""

from __future__ import annotations

import numpy as np
import pyarrow as pa

from simcore.trace.columns import primitive, to_numpy

_SCHEMA = pa.schema(
    [
        pa.field("replication", pa.int32(), nullable=False),
        pa.field("time_ps", pa.int64(), nullable=False),
        pa.field("occupied_bytes", pa.int64(), nullable=False),
    ]
)


def sram_occupancy(bursts: pa.Table) -> pa.Table:
    """The occupancy as a step function.

    A burst holds its `sram_bytes` from its start to its end. What ends at an instant is
    free for what starts then, so an instant has one row: the level after it.

    Parameters
    ----------
    bursts : pyarrow.Table
        Rows of `bursts.parquet`.

    Returns
    -------
    pyarrow.Table
        `replication`, `time_ps` and `occupied_bytes`, one row for each instant at which
        bursts start or end, ordered by replication and time.
    """
    columns = {
        name: to_numpy(bursts[name]).astype(np.int64)
        for name in ("replication", "start_ps", "end_ps", "sram_bytes")
    }
    replication = np.tile(columns["replication"], 2)
    time = np.concatenate([columns["start_ps"], columns["end_ps"]])
    change = np.concatenate([columns["sram_bytes"], -columns["sram_bytes"]])
    order = np.lexsort([time, replication])
    replication, time = replication[order], time[order]
    # Reservations of a replication add up to nothing: the sum may run on.
    level = np.cumsum(change[order])
    last = np.ones(time.size, dtype=np.bool_)
    last[:-1] = (np.diff(time) != 0) | (np.diff(replication) != 0)
    arrays = [primitive(values[last]) for values in (replication, time, level)]
    return pa.table(arrays, schema=_SCHEMA)
