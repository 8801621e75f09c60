"""What moves in the machine and who pays for it: one row for everything that moves.

Each row is an operation over the fabric or a memory, a proxy that is named, or an
exclusion that is stated, with one owner. `counting_anchors` tells what kind of count
each energy component is charged by: a component that two kinds of counts charged would
be counted twice somewhere.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from simcore.program.burst import BurstProgram
from simcore.program.operation import MEMORIES, Operation, Status

#: What an analog read counts for each of its components.
READ_ANCHORS = {
    "dac": "conversions",
    "adc_draft": "conversions",
    "adc_residual": "conversions",
    "arrays": "cells",
    "input_registers": "rows",
    "output_registers": "columns",
    "tia": "samples",
    "snh": "samples",
    "mux": "samples",
    "io_buffers": "samples",
    "subarray_switches": "activations",
    "write_drivers": "rows",
}


@dataclass(frozen=True)
class MovementRow:
    """One thing that moves.

    Attributes
    ----------
    moved : str
        What it is.
    status : {"modeled", "proxy", "excluded"}
        Counted as bytes, stood in for, or left out.
    owner : str
        The one component that pays, or who would have to.
    by : str
        Operations, or the coefficient that stands in, or why it is left out.
    """

    moved: str
    status: Status
    owner: str
    by: str


def movement_coverage(program: BurstProgram) -> list[MovementRow]:
    """Activations, scores, residual stream, weights, KV: how each is treated.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.
    """
    names = {op.name for op in operations(program)}
    rows = [
        _operation_or_excluded(
            names,
            "KV cache",
            ("kv_write", "kv_read", "kv_commit"),
            "sram, fabric, hbm",
            "the hardware describes no memory",
        ),
        _operation_or_excluded(
            names,
            "residual stream between layers",
            ("hop",),
            "fabric",
            "no fabric, or switched off (extra_features)",
        ),
        _operation_or_excluded(
            names,
            "embedding row",
            ("embedding_read",),
            "hbm, fabric",
            "no memory, no vocabulary, or switched off (extra_features)",
        ),
        _inside_a_layer(program),
        _scores(program),
        _operands(names),
        MovementRow(
            "weights of the layers", "excluded", "arrays", "they never leave the tiles"
        ),
        _head_weights(names),
    ]
    if program.hardware.reuse_policy == "reuse":
        stored = [name for name in ("d_reg_write", "d_reg_read") if name in names]
        rows.append(_stored_drafts(program, stored))
    return rows


def movement_rows(program: BurstProgram) -> list[dict[str, Any]]:
    """The same as plain data."""
    return [asdict(row) for row in movement_coverage(program)]


def counting_anchors(program: BurstProgram) -> dict[str, set[str]]:
    """Kinds of counts that charge each energy component.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.

    Returns
    -------
    dict of str to set of str
        For every component with energy: conversions, cells, rows, columns, samples,
        activations, adds, bytes, elements, macs or control actions.
    """
    found: dict[str, set[str]] = {}
    for op in operations(program):
        for component, _ in op.energy_pj:
            anchor = _anchor(program, op, component)
            found.setdefault(component, set()).add(anchor)
    return found


def _anchor(program: BurstProgram, op: Operation, component: str) -> str:
    if op.owner == "arrays":
        # Costs per MAC have one coefficient for the whole read.
        by_macs = program.hardware.costs is not None
        return "macs" if by_macs else READ_ANCHORS[component]
    if op.owner in MEMORIES:
        return "bytes"
    return {"buffers_add": "adds", "control": "control actions"}.get(
        op.owner, "elements"
    )


def operations(program: BurstProgram) -> Iterator[Operation]:
    """Every operation of a burst once for each distinct layer."""
    layers = [program.setup, *program.commit[:1]]
    for step in program.steps:
        layers += step.layers
    for part in {id(part): part for part in layers}.values():
        for legs in part.positions:
            yield from legs


def _operation_or_excluded(
    names: set[str], moved: str, wanted: tuple[str, ...], owner: str, why_not: str
) -> MovementRow:
    there = [name for name in wanted if name in names]
    if there:
        return MovementRow(moved, "modeled", owner, ", ".join(there))
    return MovementRow(moved, "excluded", owner, why_not)


def _stored_drafts(program: BurstProgram, stored: Sequence[str]) -> MovementRow:
    moved = "draft results kept for reuse"
    memory = program.hardware.memory
    if not stored or memory is None:
        why = "no memory, or switched off (extra_features)"
        return MovementRow(moved, "excluded", "d_reg", why)
    by = " and ".join(stored)
    if memory.d_reg is not None:
        return MovementRow(moved, "modeled", "d_reg", by)
    return MovementRow(moved, "proxy", "d_reg", f"{by}, at the SRAM's energy a byte")


def _inside_a_layer(program: BurstProgram) -> MovementRow:
    moved = "activations inside a layer"
    analog = program.hardware.analog
    if analog is not None and analog.periphery.io_buffers.energy_pj_per_op:
        by = "energy of the samples through io_buffers"
        return MovementRow(moved, "proxy", "io_buffers", by)
    return MovementRow(
        moved, "excluded", "io_buffers", "io_buffers cost nothing on this chip"
    )


def _scores(program: BurstProgram) -> MovementRow:
    coefficient = program.hardware.digital_feature("attention_softmax")
    moved = "attention scores"
    if coefficient.energy_pj_per_op:
        by = "inside the coefficient of attention_softmax"
        return MovementRow(moved, "proxy", "softmax_unit", by)
    by = "attention_softmax costs nothing on this chip"
    return MovementRow(moved, "excluded", "softmax_unit", by)


def _operands(names: set[str]) -> MovementRow:
    moved = "operands of attention"
    if "kv_load" in names:
        return MovementRow(moved, "proxy", "kv_cache", "kv_load")
    by = "inside the coefficients of attention_qk and attention_pv"
    return MovementRow(moved, "proxy", "attention_engine", by)


def _head_weights(names: set[str]) -> MovementRow:
    moved = "weights of the vocabulary projection"
    if "lm_head_weights" in names:
        return MovementRow(moved, "modeled", "hbm, fabric", "lm_head_weights")
    if "lm_head" in names:
        return MovementRow(moved, "excluded", "arrays", "they never leave the tiles")
    return MovementRow(moved, "excluded", "arrays", "no vocabulary projection")
