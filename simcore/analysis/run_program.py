"""The program of a run folder as arrays, for checks that go over its events."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from simcore.program.operation import LAYER_GATE, MEMORIES
from simcore.trace.columns import filled, to_numpy
from simcore.trace.wide import energy_by_operation

IntArray = npt.NDArray[np.int64]
FloatArray = npt.NDArray[np.float64]
BoolArray = npt.NDArray[np.bool_]

_PARTS = ("base", "per_token", "per_committed")
_NO_CAP = np.iinfo(np.int64).max


class ProgramRows:
    """The program table of a run as arrays; one entry for each row.

    Parameters
    ----------
    program, program_energy : pyarrow.Table
        Tables of the run.
    """

    def __init__(self, program: pa.Table, program_energy: pa.Table) -> None:
        self.op = integers(program["op_id"])
        self.index = integers(program["resource_index"])
        self.n = self.op.size
        self.n_operations = int(self.op.max(initial=-1)) + 1
        self.stride = int(self.index.max(initial=0)) + 1
        self.number = np.full(self.n_operations * self.stride, -1, dtype=np.int64)
        self.number[self.op * self.stride + self.index] = np.arange(self.n)
        self.step = integers(program["step"], 0)
        self.cap = integers(program["context_cap"], _NO_CAP)
        encoded: Any = program["resource"].combine_chunks().dictionary_encode()
        self.resource = to_numpy(encoded.indices).astype(np.int64)
        self.resources: list[str] = encoded.dictionary.to_pylist()
        self.labels: dict[str, list[Any]] = {
            name: program[name].to_pylist()
            for name in ("phase", "stage", "channel", "operation", "owner", "layer")
        }
        self.is_gate = np.array(
            [name == LAYER_GATE for name in self.labels["operation"]], dtype=np.bool_
        )
        self.duration_ns = _cost(program, "duration_ns")
        self.bytes = np.stack(
            [_cost(program, f"{direction}_bytes") for direction in ("read", "write")]
        )
        self.memory = np.array(
            [
                MEMORIES.index(owner) if owner in MEMORIES else -1
                for owner in self.labels["owner"]
            ],
            dtype=np.int64,
        )
        energy = energy_by_operation(program_energy, self.n_operations)[:, self.op]
        energy *= self.index == 0
        self.energy_pj, self.activate_pj = energy[:3], energy[3]
        self.stall_period_ps = integers(program["stall_period_ps"], _NO_CAP)
        self.stall_ps = integers(program["stall_ps"], 0)
        # The owner's row of every operation, by op_id.
        self.owner = self.number[:: self.stride]
        predecessors: list[Any] = program["predecessors"].to_pylist()
        edges = [
            (op, before)
            for op, row in enumerate(self.owner.tolist())
            for before in predecessors[row]
        ]
        pairs = np.array(edges, dtype=np.int64).reshape(-1, 2)
        self.after, self.before = pairs[:, 0], pairs[:, 1]

    def gated(self) -> tuple[IntArray, IntArray]:
        """Operations that stand behind a gate, and the gate of each, by op_id."""
        labels = self.labels
        cells: dict[tuple[Any, ...], int] = {}
        for gate in np.flatnonzero(self.is_gate).tolist():
            cells[labels["phase"][gate], self.step[gate], labels["layer"][gate]] = gate
        members, gates = [], []
        for row in self.owner.tolist():
            gate = cells.get(
                (labels["phase"][row], self.step[row], labels["layer"][row]), -1
            )
            if gate >= 0 and gate != row:
                members.append(self.op[row])
                gates.append(self.op[gate])
        return np.array(members, dtype=np.int64), np.array(gates, dtype=np.int64)


def integers(column: Any, missing: int | None = None) -> IntArray:
    """A column as int64, nulls as `missing`."""
    values = to_numpy(column) if missing is None else filled(column, missing)
    array: IntArray = values.astype(np.int64, copy=False)
    return array


def _cost(program: pa.Table, name: str) -> FloatArray:
    return np.stack([to_numpy(program[f"{name}_{part}"]) for part in _PARTS])
