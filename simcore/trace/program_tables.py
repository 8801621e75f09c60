"""The static tables of a run: the burst program as columns."""

from __future__ import annotations

from typing import Any

import numpy as np

from simcore.program.cost import Cost
from simcore.program.operation import HBM
from simcore.program.table import OperationTable, coefficients


def program_columns(table: OperationTable) -> dict[str, Any]:
    """Columns of `program.parquet`, one row per operation and resource.

    Bytes stand on the row with resource_index 0; durations on every row.
    """
    op, index = table.rows
    ops = [table.operations[i] for i in op]
    no_cap = np.iinfo(np.int64).max
    columns: dict[str, Any] = {
        "op_id": op,
        "resource_index": index,
        "phase": [table.phase[i] for i in op],
        "step": [None if table.step[i] < 0 else int(table.step[i]) for i in op],
        "layer": [None if table.layer[i] < 0 else int(table.layer[i]) for i in op],
        "operation": [o.name for o in ops],
        # A gate comes before the first operation of its layer, position 0.
        "position": np.maximum(table.position[op], 0).astype(np.int32),
        "stage": [o.stage for o in ops],
        "resource": [table.resources[r] for r in table.row_resource],
        "channel": [o.channel for o in ops],
        "status": [o.status for o in ops],
        "owner": [o.owner for o in ops],
        "predecessors": [list(table.predecessors[i]) for i in op],
        "stall_period_ps": [o.stall and o.stall.period_ps for o in ops],
        "stall_ps": [o.stall and o.stall.stall_ps for o in ops],
        "context_cap": [
            None if cap == no_cap else int(cap) for cap in table.context_cap[op]
        ],
    }
    first = (index == 0).astype(np.float64)
    costs = {
        "duration_ns": ([o.duration_ns for o in ops], np.ones(len(op))),
        "read_bytes": ([o.read_bytes for o in ops], first),
        "write_bytes": ([o.write_bytes for o in ops], first),
    }
    for name, (values, factor) in costs.items():
        for suffix, column in zip(_SUFFIXES, coefficients(values), strict=True):
            columns[f"{name}_{suffix}"] = column * factor
    return columns


def energy_columns(table: OperationTable) -> dict[str, Any]:
    """Columns of `program_energy.parquet`, one row per operation and component."""
    op_id: list[int] = []
    components: list[str] = []
    costs: list[Cost] = []
    per_activate: list[float] = []
    for number, operation in enumerate(table.operations):
        for component, cost in operation.energy_pj:
            op_id.append(number)
            components.append(component)
            costs.append(cost)
            per_activate.append(
                operation.activate_energy_pj if component == HBM else 0.0
            )
    base, per_token, per_committed = coefficients(costs)
    return {
        "op_id": np.array(op_id, dtype=np.int32),
        "component": components,
        "energy_pj_base": base,
        "energy_pj_per_token": per_token,
        "energy_pj_per_committed": per_committed,
        "energy_pj_per_activate": np.array(per_activate, dtype=np.float64),
    }


_SUFFIXES = ("base", "per_token", "per_committed")
