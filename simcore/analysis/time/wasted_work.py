"""Work whose result nobody kept, with its busy time and its dynamic energy.

Verification makes token j + 1 of a burst from step j, drafting token i + 1 from step
i. With a accepted and c committed tokens the work is wasted in these ways:

================  ==============================================================
rejected_drafts   draft steps a, a + 1, ...: their tokens were not accepted
verify_beyond     verify steps a + 1, a + 2, ...: beyond the accepted prefix
discarded         draft steps c .. a - 1 and verify steps c .. a: right, but more
                  than the request still wanted
cancelled_ahead   drafts of the next burst (phase `draft_ahead`) that did not
                  survive: that burst drafted itself, or there was none
================  ==============================================================
"""

from __future__ import annotations

import math
from typing import Any, Final

import numpy as np

from simcore.analysis.run_program import BoolArray, IntArray
from simcore.analysis.time.burst_structure import BurstStructure
from simcore.analysis.time.replication import HoldTimes, Replication

WASTES: Final = ("rejected_drafts", "verify_beyond", "discarded", "cancelled_ahead")
_REJECTED, _BEYOND, _DISCARDED, _CANCELLED, _USEFUL = range(5)


class WasteTally:
    """Adds up wasted work over replications.

    Parameters
    ----------
    structure : BurstStructure
        The program.
    """

    def __init__(self, structure: BurstStructure) -> None:
        self._structure = structure
        size = (_USEFUL + 1) * structure.rows.n
        # Sums over the event rows by waste and program row: rows, cached tokens,
        # committed tokens, activates, busy ps.
        self._sums = np.zeros((5, size), dtype=np.int64)
        self._counts = np.zeros(len(WASTES), dtype=np.int64)
        names = structure.phase.names
        self._code = structure.phase.code
        self._draft = _code_of(names, "draft")
        self._verify = [i for i, n in enumerate(names) if n.startswith("verify")]
        # The setup of verification is no step.
        steps = [structure.rows.labels["layer"][r] for r in structure.rows.owner]
        self._is_step = np.array([layer is not None for layer in steps], dtype=np.bool_)

    def add(self, replication: Replication, holds: HoldTimes) -> None:
        """Take the holds of one replication."""
        structure, bursts = self._structure, replication.bursts
        accepted, committed = bursts["accepted"], bursts["committed"]
        step = np.broadcast_to(structure.step, (accepted.size, structure.n_ops))
        a, c = accepted[:, None], committed[:, None]
        draft = np.broadcast_to(self._code == self._draft, step.shape)
        verify = np.broadcast_to(
            np.isin(self._code, self._verify) & self._is_step, step.shape
        )
        waste = np.full(step.shape, _USEFUL, dtype=np.int64)
        waste[draft & (step >= a)] = _REJECTED
        waste[verify & (step > a)] = _BEYOND
        waste[draft & (step >= c) & (step < a)] = _DISCARDED
        waste[verify & (step >= c) & (step <= a)] = _DISCARDED
        cancelled = ~self._survived(replication, holds)
        waste[cancelled[:, None] & structure.is_ahead[None, :]] = _CANCELLED
        present = holds.present.reshape(step.shape)
        self._count_steps(waste, present)
        self._add_rows(replication, waste.reshape(-1))

    def _survived(self, replication: Replication, holds: HoldTimes) -> BoolArray:
        """Bursts whose successor did not draft everything itself."""
        structure = self._structure
        present = holds.present.reshape(replication.n_slots, structure.n_ops)
        drafts = self._code == self._draft
        skipped: BoolArray = np.any(~present[:, drafts], axis=1)
        request = replication.bursts["request"]
        survived = np.zeros(request.size, dtype=np.bool_)
        survived[:-1] = skipped[1:] & (request[1:] == request[:-1])
        return survived

    def _count_steps(self, waste: IntArray, present: BoolArray) -> None:
        """Steps of each kind of waste that ran at least one operation."""
        structure = self._structure
        step_key = self._code * (int(structure.step.max(initial=0)) + 1)
        step_key = step_key + structure.step
        for kind in range(len(WASTES)):
            slots, ops = np.nonzero((waste == kind) & present & ~structure.is_gate)
            keys = slots * (int(step_key.max(initial=0)) + 1) + step_key[ops]
            self._counts[kind] += np.unique(keys).size

    def _add_rows(self, replication: Replication, waste: IntArray) -> None:
        structure, bursts = self._structure, replication.bursts
        rows = np.flatnonzero(~structure.row_is_gate[replication.program_row])
        row, slot = replication.program_row[rows], replication.slot[rows]
        place = waste[replication.hold[rows]] * structure.rows.n + row
        cached = np.minimum(
            bursts["context_length"][slot] + structure.rows.step[row],
            structure.rows.cap[row],
        )
        values = (
            np.ones(rows.size, dtype=np.int64),
            cached,
            bursts["committed"][slot],
            replication.activates[rows],
            replication.end_ps[rows] - replication.start_ps[rows],
        )
        for total, value in zip(self._sums, values, strict=True):
            np.add.at(total, place, value)

    def result(self) -> dict[str, Any]:
        """Busy time and energy of each kind of waste, and of everything.

        Returns
        -------
        dict
            By waste, and `all`: `busy_ps` (holds of all resources added, without
            gates), `energy_pj` (dynamic), and their ratios to those of all work;
            `steps` of each waste. `total`: all work.
        """
        busy, energy = self._by_waste()
        total_busy, total_energy = sum(busy), math.fsum(energy)
        entries: dict[str, dict[str, Any]] = {}
        for kind, name in enumerate(WASTES):
            entries[name] = {
                "steps": int(self._counts[kind]),
                **_entry(busy[kind], energy[kind], total_busy, total_energy),
            }
        entries["all"] = _entry(
            sum(busy[:_USEFUL]), math.fsum(energy[:_USEFUL]), total_busy, total_energy
        )
        entries["total"] = {"busy_ps": total_busy, "energy_pj": total_energy}
        return entries

    def _by_waste(self) -> tuple[list[int], list[float]]:
        structure = self._structure
        owner = structure.rows.index == 0
        coefficients = structure.energy_pj[:, structure.rows.op] * owner
        sums = self._sums.reshape(5, _USEFUL + 1, structure.rows.n)
        busy: list[int] = sums[4].sum(axis=1).tolist()
        energy = [
            math.fsum((coefficients * sums[:4, kind]).reshape(-1).tolist())
            for kind in range(_USEFUL + 1)
        ]
        return busy, energy


def _entry(
    busy_ps: int, energy_pj: float, total_busy: int, total_energy: float
) -> dict[str, Any]:
    return {
        "busy_ps": busy_ps,
        "busy_ratio": busy_ps / total_busy if total_busy else 0.0,
        "energy_pj": energy_pj,
        "energy_ratio": energy_pj / total_energy if total_energy else 0.0,
    }


def _code_of(names: tuple[str, ...], name: str) -> int:
    return names.index(name) if name in names else -1
