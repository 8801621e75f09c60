"""The arrays that the kernel works on: what each holds, and how the program fills them.

Positions in the arrays of mixed content have names, in capitals.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from simcore.program.burst import BurstProgram
from simcore.program.operation import LAYER_GATE
from simcore.program.table import FloatArray, IntArray, OperationTable

Int32Array = npt.NDArray[np.int32]
Int8Array = npt.NDArray[np.int8]

#: Flags of an operation.
GATE, CLOSES, TIMED, AHEAD, DECIDES = 1, 2, 4, 8, 16

#: Columns of `ProgramArrays.op`. The level stands in the flags, from a bit on; lists
#: end where those of the next operation begin.
FLAGS, CLASS, FIRST_RESOURCE, FIRST_SUCCESSOR = range(4)
LEVEL_SHIFT = 8

#: Columns of `ProgramArrays.gate`.
GATE_OP, FIRST_BEHIND, LAST_BEHIND, LEGS = range(4)


class ProgramArrays(NamedTuple):
    """A program as numbers.

    Operations of one class last equally long and see the same context in every burst;
    ends of operations are kept by level: draft, setup, verify step 0, 1, ..., commit,
    the rest.

    `op` has a row for each operation (columns above), `resource` and `successor` are
    the lists that it points into, `gate` has a row for each layer gate; `gate_number`
    is that of the gate that an operation is or closes; `missing` counts predecessors,
    `roots` have none. The last seven describe the classes.
    """

    op: Int32Array
    resource: Int32Array
    successor: Int32Array
    gate: Int32Array
    gate_number: Int32Array
    missing: Int32Array
    roots: Int32Array
    base: FloatArray
    per_token: FloatArray
    per_committed: FloatArray
    step: IntArray
    context_cap: IntArray
    period_ps: IntArray
    stall_ps: IntArray


#: Columns of `BurstArrays.given`.
CONTEXT, COMMITTED, ACCEPTED, SURVIVES, DRAFTED, STEPS, VARIANT, BYTES = range(8)

#: Columns of `BurstArrays.found`.
(
    READY_PS,
    START_PS,
    DRAFT_END_PS,
    VERIFY_END_PS,
    COMMIT_END_PS,
    END_PS,
    SRAM_BYTES,
    HOLDS,
    WASTED,
) = range(9)


class BurstArrays(NamedTuple):
    """Bursts of all requests: what is given of them and what was found.

    `STEPS` are the verify steps that are acted upon, `VARIANT` the row of
    `VariantArrays`, `BYTES` the SRAM that the burst would reserve.
    """

    given: IntArray
    found: IntArray


#: Columns of `VariantArrays.ranges`: first and last of four lists, and whether the
#: burst has cancellations.
(
    FIRST_AT_START,
    LAST_AT_START,
    FIRST_AFTER,
    LAST_AFTER,
    FIRST_CUT,
    LAST_CUT,
    FIRST_GATE,
    LAST_GATE,
    CANCELS,
) = range(9)


class VariantArrays(NamedTuple):
    """What bursts cancel, a row for each kind of outcome.

    `ranges` points into `numbers`: operations cancelled at the start, operations whose
    ends decide, those that are cancelled then, and the numbers of their gates.
    """

    ranges: IntArray
    numbers: Int32Array


class Columns(NamedTuple):
    """Event rows under construction, in the order of the file; see `EventRows`.

    The duration of a gate that is open is -1.
    """

    request: Int32Array
    burst: Int32Array
    op_id: Int32Array
    resource_index: Int8Array
    ready_ps: IntArray
    start_ps: IntArray
    duration_ps: IntArray
    activates: Int32Array


def program_arrays(
    program: BurstProgram, timed: npt.NDArray[np.bool_], *, class_each: bool
) -> ProgramArrays:
    """Lay out a program.

    Parameters
    ----------
    timed : ndarray of bool, shape (n_operations,)
        Transfers whose duration is found when they start.
    class_each : bool
        Give every operation a class of its own: durations come from elsewhere.
    """
    table = program.table
    n = len(table)
    op = np.zeros((n + 1, 4), dtype=np.int32)
    is_gate = np.array([o.name == LAYER_GATE for o in table.operations], dtype=bool)
    closes = np.array(table.closes_gate, dtype=np.int64).reshape(-1)
    decides = np.zeros(n, dtype=bool)
    for cell in table.cells:
        if cell.phase.startswith("verify"):
            decides[list(cell.exits)] = True
    op[:n, FLAGS] = (
        GATE * is_gate
        + CLOSES * (closes >= 0)
        + TIMED * timed
        + AHEAD * table.is_ahead
        + DECIDES * decides
        + (_levels(table) << LEVEL_SHIFT)
    )
    times, whole, op[:n, CLASS] = _classes(table, timed, class_each=class_each)
    op[:, FIRST_RESOURCE], resource = _lists(table.op_resources)
    op[:, FIRST_SUCCESSOR], successor = _lists(table.successors)
    gate = np.array(
        [
            (cell.gate, cell.first, cell.last, len(cell.exits))
            for cell in table.cells
            if cell.gate >= 0
        ],
        dtype=np.int32,
    ).reshape(-1, 4)
    number = np.full(n, -1, dtype=np.int32)
    number[gate[:, GATE_OP]] = np.arange(len(gate))
    of_op = np.where(is_gate, number, np.where(closes >= 0, number[closes], -1))
    missing = np.array([len(before) for before in table.predecessors], dtype=np.int32)
    return ProgramArrays(
        op,
        resource,
        successor,
        gate,
        of_op.astype(np.int32),
        missing,
        np.flatnonzero(missing == 0).astype(np.int32),
        *times,
        *whole,
    )


def commit_level(table: OperationTable) -> int:
    """The level of commits: after those of verification; the rest comes after it."""
    verify = np.where(table.is_verify, table.step + 2, 0)
    return max(int(verify.max(initial=0)), 1) + 1


def _levels(table: OperationTable) -> Int32Array:
    verify, commit = table.step + 2, commit_level(table)
    level = np.where(
        table.is_verify,
        verify,
        np.where(table.is_draft, 0, np.where(table.is_commit, commit, commit + 1)),
    )
    return level.astype(np.int32)


def _classes(
    table: OperationTable, timed: npt.NDArray[np.bool_], *, class_each: bool
) -> tuple[list[FloatArray], list[IntArray], Int32Array]:
    """Columns of the classes, and the class of every operation."""
    # What is timed later lasts nothing until then.
    times = [np.where(timed, 0.0, column) for column in table.duration]
    period, stall = table.stalls
    whole = [table.step, table.context_cap, period, np.where(timed, 0, stall)]
    first = of_op = np.arange(len(table))
    if not class_each:
        bits = np.stack([*(column.view(np.int64) for column in times), *whole], axis=1)
        _, first, of_op = np.unique(
            bits, axis=0, return_index=True, return_inverse=True
        )
    return (
        [np.ascontiguousarray(column[first]) for column in times],
        [np.ascontiguousarray(column[first]) for column in whole],
        of_op.reshape(-1).astype(np.int32),
    )


def _lists(lists: tuple[tuple[int, ...], ...]) -> tuple[IntArray, Int32Array]:
    """Where each list begins in all of them one after another, and where they end."""
    ends = np.cumsum([0, *(len(one) for one in lists)], dtype=np.int64)
    return ends, np.array([x for one in lists for x in one], dtype=np.int32)
