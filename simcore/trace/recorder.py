"""The small protocol the engines write through, and the recorders without a file."""

from __future__ import annotations

from typing import Protocol

import numpy as np
import numpy.typing as npt

Int64Array = npt.NDArray[np.int64]
Int32Array = npt.NDArray[np.int32]
BoolArray = npt.NDArray[np.bool_]


class Recorder(Protocol):
    """Where an engine puts the holds of every burst."""

    def record_burst(
        self,
        replication: int,
        request: int,
        burst: int,
        ready_ps: Int64Array,
        start_ps: Int64Array,
        duration_ps: Int64Array,
        activates: Int32Array | None = None,
        executed: BoolArray | None = None,
    ) -> None:
        """Take the holds of one burst, one per operation of the program.

        Bursts of one replication come in any order, replications ascending. The
        recorder may keep the arrays: do not change them afterwards.

        Parameters
        ----------
        replication, request, burst : int
            Whose holds these are; a burst is recorded once.
        ready_ps, start_ps, duration_ps : ndarray of int64, shape (n_operations,)
            Indexed by op_id. Ready is the end of the last predecessor, start the
            grant.
        activates : ndarray of int32, shape (n_operations,), optional
            HBM row activations; None when the memory model has none.
        executed : ndarray of bool, shape (n_operations,), optional
            Which operations ran; None when all did. The others have no hold: they
            were cancelled, or the burst before had done their work.
        """

    def flush_before(self, watermark_ps: int) -> None:
        """Promise that no later burst of this replication holds before a time.

        Lets the recorder sort and write what starts before the watermark, so that
        its memory does not grow with the length of the replication.

        Parameters
        ----------
        watermark_ps : int
            Earliest `start_ps` that may still be recorded.
        """

    def end_replication(self, replication: int) -> None:
        """Tell that every burst of a replication has been recorded.

        Parameters
        ----------
        replication : int
            The replication that ended.
        """


class NullRecorder:
    """Forgets everything; for runs that need the times only."""

    def record_burst(
        self,
        replication: int,
        request: int,
        burst: int,
        ready_ps: Int64Array,
        start_ps: Int64Array,
        duration_ps: Int64Array,
        activates: Int32Array | None = None,
        executed: BoolArray | None = None,
    ) -> None:
        """Forget the burst."""

    def flush_before(self, watermark_ps: int) -> None:
        """Do nothing: nothing is kept."""

    def end_replication(self, replication: int) -> None:
        """Do nothing: nothing is kept."""
