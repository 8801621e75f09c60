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
GATE, CLOSES, TIMED, AHEAD, DECIDES, JOINT, FORKS = 1, 2, 4, 8, 16, 32, 64

#: Columns of `ProgramArrays.op`. Most operations have one resource and one successor,
#: which stand here; where there are several (`JOINT`) or another number of them
#: (`FORKS`), lists count, which end where those of the next operation begin.
(
    FLAGS,
    LEVEL,
    CLASS,
    GATE_NUMBER,
    RESOURCE,
    FIRST_RESOURCE,
    SUCCESSOR,
    FIRST_SUCCESSOR,
) = range(8)

#: Columns of `ProgramArrays.class_ns` and of `ProgramArrays.class_whole`.
BASE, PER_TOKEN, PER_COMMITTED = range(3)
STEP, CONTEXT_CAP, PERIOD_PS, STALL_PS = range(4)

#: Columns of `ProgramArrays.gate`.
GATE_OP, FIRST_BEHIND, LAST_BEHIND, LEGS = range(4)


class ProgramArrays(NamedTuple):
    """A program as numbers.

    Operations of one class last equally long and see the same context in every burst;
    ends of operations are kept by level: draft, setup, verify step 0, 1, ..., commit,
    the rest.

    `op` has a row for each operation (columns above), `resource` and `successor` are
    the lists that it points into, `gate` has a row for each layer gate; `missing`
    counts predecessors, `roots` have none. The last two have a row for each class.
    """

    op: Int32Array
    resource: Int32Array
    successor: Int32Array
    gate: Int32Array
    missing: Int32Array
    roots: Int32Array
    class_ns: FloatArray
    class_whole: IntArray


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
    op = np.zeros((n + 1, 8), dtype=np.int32)
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
        + JOINT * np.array([len(held) != 1 for held in table.op_resources])
        + FORKS * np.array([len(after) != 1 for after in table.successors])
    )
    op[:n, LEVEL] = _levels(table)
    times, whole, op[:n, CLASS] = _classes(table, timed, class_each=class_each)
    op[:n, RESOURCE] = [(*held, -1)[0] for held in table.op_resources]
    op[:n, SUCCESSOR] = [(*after, -1)[0] for after in table.successors]
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
    op[:n, GATE_NUMBER] = np.where(
        is_gate, number, np.where(closes >= 0, number[closes], -1)
    )
    missing = np.array([len(before) for before in table.predecessors], dtype=np.int32)
    return ProgramArrays(
        op,
        resource,
        successor,
        gate,
        missing,
        np.flatnonzero(missing == 0).astype(np.int32),
        times,
        whole,
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
) -> tuple[FloatArray, IntArray, Int32Array]:
    """Columns of the classes, and the class of every operation."""
    # What is timed later lasts nothing until then.
    times = np.stack([np.where(timed, 0.0, c) for c in table.duration], axis=1)
    period, stall = table.stalls
    whole = np.stack(
        [table.step, table.context_cap, period, np.where(timed, 0, stall)], axis=1
    )
    first = of_op = np.arange(len(table))
    if not class_each:
        bits = np.concatenate([times.view(np.int64), whole], axis=1)
        _, first, of_op = np.unique(
            bits, axis=0, return_index=True, return_inverse=True
        )
    return times[first], whole[first], of_op.reshape(-1).astype(np.int32)


def _lists(lists: tuple[tuple[int, ...], ...]) -> tuple[IntArray, Int32Array]:
    """Where each list begins in all of them one after another, and where they end."""
    ends = np.cumsum([0, *(len(one) for one in lists)], dtype=np.int64)
    return ends, np.array([x for one in lists for x in one], dtype=np.int32)
