"""Silicon of a chip that holds the whole model, instance by instance.

Every crossbar tile has its arrays, drivers and converters, every layer its attention
and digital units, the chip one SRAM and one fabric; HBM stands beside the chip. The
area depends on neither prompt length nor acceptance. Under `offset_row` every tile
has one more row of cells and drivers; the vocabulary projection counts where it is on
tiles.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from simcore.analysis.resident import (
    has_head,
    resident_blocks,
    tiles,
    visited_outputs,
)
from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import AnalogConfig, ComponentsConfig, HardwareConfig
from simcore.config.memory import MemoryConfig, SizedMemory
from simcore.config.model import ModelConfig
from simcore.program.movement import ACTIVATION_BYTES

#: Largest field a scanner exposes at once, 26 mm x 33 mm.
RETICLE_MM2 = 858.0


@dataclass(frozen=True)
class AreaRow:
    """Instances of one component.

    Attributes
    ----------
    component : str
        Name as in the energy breakdown, where it has one there.
    units : float
        How many there are.
    area_mm2 : float
        All together.
    label : str
        What it is, in words.
    """

    component: str
    units: float
    area_mm2: float
    label: str

    @property
    def unit_area_mm2(self) -> float:
        """Of one."""
        return self.area_mm2 / self.units if self.units else 0.0


@dataclass(frozen=True)
class AreaReport:
    """Area of a chip.

    Attributes
    ----------
    rows : tuple of AreaRow
        On the chip, the largest first; components without instances are left out.
    off_chip_hbm_mm2 : float
        Of the HBM stacks.
    tiles : dict of str to int
        Crossbar tiles by block; empty for costs per MAC.
    """

    rows: tuple[AreaRow, ...]
    off_chip_hbm_mm2: float
    tiles: dict[str, int]

    @property
    def on_chip_mm2(self) -> float:
        """Sum of the rows."""
        return math.fsum(row.area_mm2 for row in self.rows)

    @property
    def reticles(self) -> int:
        """Chips of one reticle each that it takes."""
        return max(1, math.ceil(self.on_chip_mm2 / RETICLE_MM2))

    @property
    def words(self) -> str:
        """Total and what dominates it, in one line."""
        total = self.on_chip_mm2
        if not total:
            return "The hardware gives no areas."
        first = self.rows[0]
        size = f"{total:,.0f}" if total >= 100 else f"{total:.3g}"
        chips = "reticle" if self.reticles == 1 else "reticles"
        return (
            f"{size} mm2 = {self.reticles:,} {chips} of {RETICLE_MM2:.0f} mm2; "
            f"{100 * first.area_mm2 / total:.0f} % is {first.label}"
        )

    @property
    def warning(self) -> str | None:
        """Said when the chip does not fit into one reticle."""
        if self.reticles == 1:
            return None
        return (
            f"The chip needs {self.reticles:,} reticles: as one piece of silicon it "
            "cannot be made, and links between pieces are not modelled."
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        total = self.on_chip_mm2
        return {
            "on_chip_mm2": total,
            "off_chip_hbm_mm2": self.off_chip_hbm_mm2,
            "reticle_mm2": RETICLE_MM2,
            "reticles": self.reticles,
            "words": self.words,
            "warning": self.warning,
            "tiles": self.tiles,
            "components": [
                {
                    "component": row.component,
                    "label": row.label,
                    "units": row.units,
                    "unit_area_mm2": row.unit_area_mm2,
                    "area_mm2": row.area_mm2,
                    "share": row.area_mm2 / total if total else 0.0,
                }
                for row in self.rows
            ],
        }


def tiles_by_block(
    model: ModelConfig, analog: AnalogConfig, accounting: AccountingConfig
) -> dict[str, int]:
    """Crossbar tiles of the whole chip, each matrix rounded up to whole tiles."""
    return {
        name: sum(tiles(m, analog.xbar_size) * n for m, n in matrices.items())
        for name, matrices in resident_blocks(model, accounting).items()
    }


def area_report(
    model: ModelConfig,
    hardware: HardwareConfig,
    accounting: AccountingConfig,
    draft_length: int,
) -> AreaReport:
    """Area of a chip for a model.

    Parameters
    ----------
    model, hardware : ModelConfig, HardwareConfig
        What is on the chip.
    accounting : AccountingConfig
        `offset_row`, `dac_banks`, `lm_head`, `attention` and the shape switches.
    draft_length : int
        K, for the store of draft results under reuse.
    """
    by_block: dict[str, int] = {}
    if hardware.analog is not None and hardware.components is not None:
        analog, parts = hardware.analog, hardware.components
        by_block = tiles_by_block(model, analog, accounting)
        total = sum(by_block.values())
        rows = _analog_rows(analog, parts, hardware, accounting, total)
        overhead = parts.digital.digital_overhead_area_mm2_per_layer
    else:
        assert hardware.costs is not None  # one of the two forms is there
        weights = sum(
            m.rows_out * m.columns_in * n
            for matrices in resident_blocks(model, accounting).values()
            for m, n in matrices.items()
        )
        per_weight = hardware.costs.analog_weight_area.area_mm2_per_weight
        rows = [AreaRow("arrays", weights, weights * per_weight, "analog weights")]
        overhead = hardware.costs.digital_overhead_area_mm2_per_layer
    layers = model.n_layers + (1 if has_head(model, accounting) else 0)
    rows.append(
        AreaRow(
            "digital_overhead",
            layers,
            layers * overhead,
            "digital units, 1 a layer and head"
            if layers > model.n_layers
            else "digital units, 1 a layer",
        )
    )
    rows += _attention_rows(model, hardware, accounting)
    memory = hardware.memory
    if memory is not None:
        rows += [
            AreaRow("sram", 1, memory.sram.scaled_area_mm2, _sram_label(memory)),
            *_stored_draft_rows(model, hardware, memory, accounting, draft_length),
            AreaRow("fabric", 1, memory.fabric.area_mm2, "fabric"),
        ]
    kept = [row for row in rows if row.units]
    kept.sort(key=lambda row: (-row.area_mm2, row.component))
    return AreaReport(
        rows=tuple(kept),
        off_chip_hbm_mm2=0.0 if memory is None else memory.hbm.area_mm2,
        tiles=by_block,
    )


def _analog_rows(
    analog: AnalogConfig,
    parts: ComponentsConfig,
    hardware: HardwareConfig,
    accounting: AccountingConfig,
    n_tiles: int,
) -> list[AreaRow]:
    size, array, periphery = analog.xbar_size, parts.array, analog.periphery
    offset = 1 if accounting.offset_row == "on" else 0
    rows_driven = size + offset
    arrays = n_tiles * array.arrays_per_weight
    if array.area_mm2_per_array:
        cells_mm2 = arrays * array.area_mm2_per_array
    else:
        # Per weight: all arrays that hold it are in the number.
        cells_mm2 = n_tiles * size * size * array.area_mm2_per_weight
    dacs = n_tiles * rows_driven * accounting.dac_banks
    draft = n_tiles * (size // analog.draft_columns_per_adc)
    residual = n_tiles * (size // analog.residual_columns_per_adc)
    units: Sequence[tuple[str, float, float, str]] = [
        (
            "arrays",
            arrays,
            cells_mm2 * rows_driven / size / arrays if arrays else 0.0,
            f"arrays, {array.arrays_per_weight} per tile",
        ),
        (
            "dac",
            dacs,
            parts.dac.area_mm2_per_unit,
            f"{analog.dac_bits}-bit DACs, {_each(dacs, n_tiles)} per tile",
        ),
        (
            "adc_draft",
            draft,
            parts.adc_draft.area_mm2_per_unit,
            f"{analog.adc.draft_bits}-bit ADCs, {_each(draft, n_tiles)} per tile",
        ),
        (
            "adc_residual",
            residual,
            parts.adc_residual.area_mm2_per_unit,
            f"{analog.adc.residual_bits}-bit ADCs, {_each(residual, n_tiles)} per tile",
        ),
        *(
            (
                name,
                count,
                getattr(periphery, name).area_mm2_per_unit,
                f"{name.replace('_', ' ')}, {_each(count, n_tiles)} per tile",
            )
            for name, count in {
                "input_registers": arrays,
                "output_registers": arrays,
                "subarray_switches": arrays,
                "tia": draft + residual,
                "snh": draft + residual,
                "mux": draft + residual,
                "io_buffers": draft + residual,
                "write_drivers": n_tiles * rows_driven,
            }.items()
        ),
    ]
    rows = [AreaRow(name, n, n * mm2, label) for name, n, mm2, label in units]
    # One adder follows each ADC.
    adders_mm2 = draft * _adder_mm2(hardware, "draft")
    adders_mm2 += residual * _adder_mm2(hardware, "verify")
    rows.append(
        AreaRow(
            "buffers_add",
            draft + residual,
            adders_mm2,
            f"shift-and-add units, {_each(draft + residual, n_tiles)} per tile",
        )
    )
    if parts.delta_dac:
        # One delta DAC a tile serves both phases: the larger one.
        per_tile = max(spec.area_mm2_per_unit for spec in parts.delta_dac.values())
        label = "delta DACs, 1 per tile"
        rows.append(AreaRow("delta_dac", n_tiles, n_tiles * per_tile, label))
    return rows


def _each(count: float, n_tiles: int) -> str:
    return f"{count / n_tiles:g}" if n_tiles else "0"


def _adder_mm2(hardware: HardwareConfig, phase: str) -> float:
    adder = hardware.soc.buffers_add
    override = adder.draft if phase == "draft" else adder.verify
    own = None if override is None else override.area_mm2_per_unit
    return adder.area_mm2_per_unit if own is None else own


def _attention_rows(
    model: ModelConfig, hardware: HardwareConfig, accounting: AccountingConfig
) -> list[AreaRow]:
    soc = hardware.soc
    units = model.n_layers * soc.attention_cim_units
    unit_mm2 = soc.attention_cim_mac_area_mm2_per_unit
    rows = [
        AreaRow(
            "attention_cim_mac",
            units,
            units * unit_mm2,
            f"attention units, {soc.attention_cim_units} a layer",
        )
    ]
    density = _sram_mm2_per_byte(hardware.memory)
    if accounting.attention == "sram_cim" and hardware.analog is not None:
        bits = soc.attention_cim_storage_bits_per_element or model.activation_bits
        stored = hardware.analog.xbar_size**2 * math.ceil(bits / 8)
        label = "operand SRAM of the attention units"
        rows.append(
            AreaRow("attention_cim_sram", units, units * stored * density, label)
        )
    return rows


def _stored_draft_rows(
    model: ModelConfig,
    hardware: HardwareConfig,
    memory: MemoryConfig,
    accounting: AccountingConfig,
    draft_length: int,
) -> list[AreaRow]:
    """D_reg: its own area, or the bytes it must hold at the density of the SRAM."""
    n_bytes = stored_draft_bytes(model, hardware, accounting, draft_length)
    if not n_bytes:
        return []
    store = memory.d_reg
    if store is not None and store.area_mm2:
        label = f"draft results{_size(store)}"
        return [AreaRow("d_reg", 1, store.scaled_area_mm2, label)]
    area = n_bytes * _sram_mm2_per_byte(memory)
    return [AreaRow("d_reg", 1, area, f"draft results, {n_bytes:,} bytes")]


def stored_draft_bytes(
    model: ModelConfig,
    hardware: HardwareConfig,
    accounting: AccountingConfig,
    draft_length: int,
) -> int:
    """Bytes that D_reg must hold for a burst; 0 without reuse."""
    kept = hardware.reuse_policy == "reuse" and hardware.memory is not None
    if not kept or accounting.extra_features == "off":
        return 0
    outputs = visited_outputs(model, accounting)
    return outputs * ACTIVATION_BYTES * draft_length


def _sram_mm2_per_byte(memory: MemoryConfig | None) -> float:
    if memory is None or not memory.sram.capacity_bytes:
        return 0.0
    return memory.sram.scaled_area_mm2 / memory.sram.capacity_bytes


def _sram_label(memory: MemoryConfig) -> str:
    return f"SRAM{_size(memory.sram)}"


def _size(memory: SizedMemory) -> str:
    """Its capacity, and the one its area was scaled from."""
    if memory.capacity_bytes is None:
        return ""
    size = f" of {memory.capacity_bytes:,} bytes"
    if memory.capacity_ratio == 1:
        return size
    return f"{size}, area scaled from {memory.reference_capacity_bytes:,}"
