"""One burst as a picture: which token is in which layer when, and what is busy.

A cell is the time from the first to the last hold of one token in one layer, so a burst
of thousands of holds stays readable. Gates are no work and make no cells.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from simcore.analysis.run_program import BoolArray, IntArray
from simcore.analysis.time.burst_structure import DRAFT_AHEAD, BurstStructure
from simcore.analysis.time.busy_time import busy_of
from simcore.analysis.time.replication import (
    Replication,
    RunTables,
    iter_replications,
)
from simcore.trace.reader import Trace

FloatArray = npt.NDArray[np.float64]

#: Where the holds are that belong to no layer, for example the setup of verification.
NO_LAYER = -1


@dataclass(frozen=True)
class TimelineCell:
    """One token in one layer.

    Attributes
    ----------
    phase : str
        As in the program.
    step : int
        Step of the phase, from 0.
    layer : int
        `NO_LAYER` outside of the layers.
    start_ps, end_ps : int
        From its first hold to the end of its last.
    is_kept : bool
        Whether anything committed came of it.
    """

    phase: str
    step: int
    layer: int
    start_ps: int
    end_ps: int
    is_kept: bool


@dataclass(frozen=True)
class KindLoad:
    """How many instances of a kind of resource are held, over the time of a burst.

    Attributes
    ----------
    kind : str
        For example `A1`.
    instances : int
        How many there are.
    busy : ndarray of float64, shape (n_bins,)
        Mean number held in each equal part of the burst, by all requests.
    """

    kind: str
    instances: int
    busy: FloatArray


@dataclass(frozen=True)
class BurstTimeline:
    """A burst from its start to its end.

    Attributes
    ----------
    replication, request, burst : int
        Which one.
    begin_ps, end_ps : int
        When.
    accepted, committed : int
        What came of it.
    layers : tuple of str
        Name of each layer by number.
    cells : tuple of TimelineCell
        Ordered by start, then phase, step and layer.
    loads : tuple of KindLoad
        Kinds in the order of the program, without gates.
    """

    replication: int
    request: int
    burst: int
    begin_ps: int
    end_ps: int
    accepted: int
    committed: int
    layers: tuple[str, ...]
    cells: tuple[TimelineCell, ...]
    loads: tuple[KindLoad, ...]


def typical_burst_timeline(trace: Trace, *, n_bins: int = 240) -> BurstTimeline | None:
    """The burst of the first replication whose time is its median.

    Parameters
    ----------
    trace : Trace
        A run that kept its events.
    n_bins : int
        Equal parts of the burst for what is given over time.

    Returns
    -------
    BurstTimeline or None
        None when the run has no event.

    Raises
    ------
    TraceError
        If the run kept no events, or they contradict its tables.
    """
    tables = RunTables.of(trace)
    number = min(tables.replications)
    for replication in iter_replications(trace, tables, only=number):
        bursts = replication.bursts
        took = bursts["end_ps"] - bursts["start_ps"]
        slot = int(np.argsort(took, kind="stable")[(took.size - 1) // 2])
        return burst_timeline(replication, slot, n_bins)
    return None


def burst_timeline(replication: Replication, slot: int, n_bins: int) -> BurstTimeline:
    """One burst of a replication.

    Parameters
    ----------
    replication : Replication
        Where it is.
    slot : int
        Its row in the bursts of the replication.
    n_bins : int
        Equal parts of the burst for what is given over time.
    """
    found = {name: int(column[slot]) for name, column in replication.bursts.items()}
    return BurstTimeline(
        replication=replication.number,
        request=found["request"],
        burst=found["burst"],
        begin_ps=found["start_ps"],
        end_ps=found["end_ps"],
        accepted=found["accepted"],
        committed=found["committed"],
        layers=_layer_names(replication.structure),
        cells=_cells(replication, slot),
        loads=_loads(replication, found["start_ps"], found["end_ps"], n_bins),
    )


def _layer_names(structure: BurstStructure) -> tuple[str, ...]:
    layers = [NO_LAYER if layer is None else layer for layer in structure.layer]
    head = {
        layer
        for layer, operation in zip(layers, structure.operation.code, strict=True)
        if structure.operation.names[operation] == "lm_head"
    }
    return tuple(
        "lm_head" if layer in head else str(layer)
        for layer in range(max(layers, default=NO_LAYER) + 1)
    )


def _cells(replication: Replication, slot: int) -> tuple[TimelineCell, ...]:
    structure = replication.structure
    mine = np.flatnonzero(
        (replication.slot == slot) & ~structure.is_gate[replication.op]
    )
    op = replication.op[mine]
    layers: IntArray = np.array(
        [NO_LAYER if layer is None else layer for layer in structure.layer],
        dtype=np.int64,
    )
    keys = np.stack([structure.phase.code[op], structure.step[op], layers[op]], axis=1)
    cells, place = np.unique(keys, axis=0, return_inverse=True)
    start = np.full(len(cells), np.iinfo(np.int64).max, dtype=np.int64)
    end = np.zeros(len(cells), dtype=np.int64)
    np.minimum.at(start, place.reshape(-1), replication.start_ps[mine])
    np.maximum.at(end, place.reshape(-1), replication.end_ps[mine])
    names = structure.phase.names
    kept = _kept(
        np.array([names[code] for code in cells[:, 0].tolist()], dtype=np.str_),
        cells[:, 1],
        int(replication.bursts["accepted"][slot]),
        int(replication.bursts["committed"][slot]),
    )
    order = np.lexsort([cells[:, 2], cells[:, 1], cells[:, 0], start])
    return tuple(
        TimelineCell(
            phase=names[int(cells[i, 0])],
            step=int(cells[i, 1]),
            layer=int(cells[i, 2]),
            start_ps=int(start[i]),
            end_ps=int(end[i]),
            is_kept=bool(kept[i]),
        )
        for i in order.tolist()
    )


def _kept(
    phases: npt.NDArray[np.str_], step: IntArray, accepted: int, committed: int
) -> BoolArray:
    """The rule of `wasted_work`; of drafts ahead the next burst decides, so kept."""
    is_draft = phases == "draft"
    is_verify = np.char.startswith(phases, "verify")
    kept: BoolArray = np.ones(step.size, dtype=np.bool_)
    kept[is_draft] = step[is_draft] < min(accepted, committed)
    kept[is_verify] = step[is_verify] < min(accepted + 1, committed)
    kept[phases == DRAFT_AHEAD] = True
    return kept


def _loads(
    replication: Replication, begin_ps: int, end_ps: int, n_bins: int
) -> tuple[KindLoad, ...]:
    structure = replication.structure
    length = end_ps - begin_ps
    edges = np.array(
        [begin_ps + length * i // n_bins for i in range(n_bins + 1)], dtype=np.int64
    )
    width = np.maximum(np.diff(edges), 1)
    loads = []
    for kind, name in enumerate(structure.resource_kinds):
        members = np.flatnonzero(structure.kind_of_resource == kind).tolist()
        if structure.gate_of_resource[members[0]]:
            continue
        held = np.zeros(n_bins, dtype=np.int64)
        for resource in members:
            held += np.diff(busy_of(replication, (resource,)).until(edges))
        loads.append(KindLoad(name, len(members), held / width))
    return tuple(loads)
