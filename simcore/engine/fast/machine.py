"""What the kernel needs of a program, laid out once for all its replications."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from simcore.engine.fast import arrays as at
from simcore.engine.fast.arrays import commit_level, program_arrays
from simcore.engine.fast.variants import Variants
from simcore.engine.hbm_channel import stack_transfers
from simcore.program.burst import BurstProgram
from simcore.program.jitter import Jitter
from simcore.program.outcomes import OutcomeTable
from simcore.program.table import IntArray, OperationTable
from simcore.program.verification import verification_named

#: SRAM of hardware that names no capacity.
NO_LIMIT = 2**62


class Machine:
    """The kernel's view of one program.

    Parameters
    ----------
    program : BurstProgram
        What every burst executes.
    jitter : Jitter, optional
        Random durations.

    Attributes
    ----------
    arrays : ProgramArrays
        The program as numbers.
    variants : Variants
        What its bursts cancel.
    timed : ndarray of bool, shape (n_operations,)
        Transfers that are timed as they start.
    times_transfers : bool
        Whether there are such; then row activations are counted.
    given_durations : bool
        Whether durations come from Python, burst by burst.
    commit_level : int
        Level of commits; see `ProgramArrays`.
    sram_capacity_bytes : int
        SRAM that bursts share.
    """

    def __init__(self, program: BurstProgram, jitter: Jitter | None) -> None:
        table = program.table
        transfers = stack_transfers(program, jitter)
        self.program = program
        self.jitter = jitter
        self.times_transfers = transfers is not None
        self.timed = np.array(
            [transfers is not None and transfers.is_timed(i) for i in range(len(table))]
        )
        # A table may have times of its own instead of coefficients.
        own = type(table).durations_ps is not OperationTable.durations_ps
        self.given_durations = jitter is not None or own
        self.arrays = program_arrays(
            program, self.timed, class_each=self.given_durations
        )
        self.variants = Variants(program, self.arrays)
        self.commit_level = commit_level(table)
        memory = program.hardware.memory
        capacity = memory.sram.capacity_bytes if memory else None
        self.sram_capacity_bytes = NO_LIMIT if capacity is None else capacity
        self._verification = verification_named(program.verification)
        self._sram_bytes = lru_cache(maxsize=None)(program.sram_bytes)

    def sram_bytes(self, context_length: IntArray) -> IntArray:
        """SRAM that bursts reserve, shape (n_bursts,)."""
        lengths, of_burst = np.unique(context_length, return_inverse=True)
        needed = [self._sram_bytes(length) for length in lengths.tolist()]
        found: IntArray = np.array(needed, dtype=np.int64)[of_burst.reshape(-1)]
        return found

    def given(self, outcomes: OutcomeTable, drafted_ahead: IntArray) -> IntArray:
        """What the kernel is given of bursts: the columns of `BurstArrays.given`."""
        accepted = outcomes.accepted
        k = self.program.draft_length
        lengths, of_burst = np.unique(accepted, return_inverse=True)
        steps = [self._verification.steps(a, k) for a in lengths.tolist()]
        given = np.empty((len(accepted), 8), dtype=np.int64)
        given[:, at.CONTEXT] = outcomes.context_length
        given[:, at.COMMITTED] = outcomes.committed
        given[:, at.ACCEPTED] = accepted
        given[:, at.SURVIVES] = outcomes.ahead_survives
        given[:, at.DRAFTED] = drafted_ahead
        given[:, at.STEPS] = np.array(steps, dtype=np.int64)[of_burst.reshape(-1)]
        given[:, at.VARIANT] = self.variants.rows_of(
            accepted, outcomes.ahead_survives, drafted_ahead
        )
        given[:, at.BYTES] = self.sram_bytes(outcomes.context_length)
        return given


def drafted_ahead(outcomes: OutcomeTable) -> IntArray:
    """Whether the burst before has drafted for each burst, 0 or 1."""
    drafted = np.zeros_like(outcomes.ahead_survives)
    drafted[1:] = outcomes.ahead_survives[:-1]
    first = np.cumsum(outcomes.bursts) - outcomes.bursts
    drafted[first[first < len(drafted)]] = 0
    return drafted
