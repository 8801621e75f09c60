"""Cost of one analog read: a group of matrices on residual crossbar arrays.

Array 1 and the draft ADC are the draft engine, arrays 2..4 and the residual ADC the
verify engine; a full read uses both. Latency follows the physical formula of a tile
that converts its columns while the next slice settles::

    E     = ceil(T / n) S
    t_col = max over active paths p of c_p max(l_adc, l_tia, l_snh, l_mux)
    P     = max(l_dac, l_array, t_col)
    t     = l_dac + l_array + l_tia + l_snh + l_mux + t_col + (E - 1) P

with T tiles of which n work at once, S input slices, c_p columns sharing an ADC. The
accumulation of tile outputs adds only its tail, as an operation of its own.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import (
    AnalogConfig,
    ComponentsConfig,
    ConverterSpec,
    HardwareConfig,
)
from simcore.program.cost import Cost
from simcore.program.operation import Operation
from simcore.program.shape import Matrix

#: How a block is read: array 1 alone, arrays 2..4 alone, or all four together.
AnalogMode = Literal["draft", "residual", "full"]

_ARRAYS = {"draft": 1, "residual": 3, "full": 4}
_RESOURCES = {"draft": ("A1",), "residual": ("A2",), "full": ("A1", "A2")}


def engines(
    mode: AnalogMode, hardware: HardwareConfig, accounting: AccountingConfig
) -> tuple[str, ...]:
    """What a read holds; shared row drivers matter where A2 is read alone."""
    shared = accounting.dac_banks == 1 and hardware.reuse_policy == "reuse"
    return (*_RESOURCES[mode], "dac") if shared else _RESOURCES[mode]


def accumulation(
    resources: tuple[str, ...], adds: int, energy_pj: float, duration_ns: float
) -> Operation:
    """Additions of what a read gave, at `energy_pj` each, on what that read holds."""
    return Operation(
        name="accumulate",
        stage="buffers_add",
        resources=resources,
        channel="compute",
        owner="buffers_add",
        duration_ns=Cost(duration_ns),
        energy_pj=(("buffers_add", Cost(adds * energy_pj)),),
        elements=Cost(adds),
    )


@dataclass(frozen=True)
class AnalogReader:
    """Costs of analog reads on one chip under one set of switches.

    `analog` and `parts` are those of the hardware, which must have them.
    """

    hardware: HardwareConfig
    accounting: AccountingConfig
    activation_bits: int
    analog: AnalogConfig
    parts: ComponentsConfig

    def slices(self, mode: AnalogMode) -> int:
        """Input slices S: activation bits over DAC bits, rounded up."""
        soc = self.hardware.soc
        bits = (
            soc.draft_activation_bits if mode == "draft" else soc.verify_activation_bits
        )
        return math.ceil((bits or self.activation_bits) / self.analog.dac_bits)

    def tiles(self, matrices: Sequence[Matrix]) -> int:
        """Crossbar tiles of a group, each matrix rounded up to whole tiles."""
        size = self.analog.xbar_size
        return sum(
            math.ceil(m.rows_out / size) * math.ceil(m.columns_in / size)
            for m in matrices
        )

    def duration_ns(
        self, matrices: Sequence[Matrix], mode: AnalogMode, *, drafting: bool
    ) -> float:
        """Time of one read without the accumulation of its outputs."""
        if self.accounting.periphery_latency == "product":
            stages = self._stream_stages_ns(mode, drafting=drafting)
            executions = self._executions(matrices, mode)
            return sum(stages) + (executions - 1) * max(stages)
        parts, periphery = self.parts, self.analog.periphery
        sample_ns = [
            periphery.tia.latency_ns_per_op,
            periphery.snh.latency_ns_per_op,
            periphery.mux.latency_ns_per_op,
        ]
        column_ns = max(
            columns * max(adc_ns, *sample_ns) for columns, adc_ns in self._paths(mode)
        )
        dac_ns = self._dac_ns(drafting=drafting)
        array_ns = parts.array.latency_ns_per_activation
        executions = self._executions(matrices, mode)
        period_ns = max(dac_ns, array_ns, column_ns)
        fill_ns = dac_ns + array_ns + sum(sample_ns) + column_ns
        return fill_ns + (executions - 1) * period_ns

    def _delta_dac(self, *, drafting: bool) -> ConverterSpec | None:
        return self.parts.delta_dac.get("draft" if drafting else "verify")

    def _dac_ns(self, *, drafting: bool) -> float:
        """Slowest DAC of a read: the row drivers, or the delta readout's."""
        delta = self._delta_dac(drafting=drafting)
        row_ns = self.parts.dac.latency_ns_per_conversion
        return max(row_ns, delta.latency_ns_per_conversion if delta else 0.0)

    def _stream_stages_ns(
        self, mode: AnalogMode, *, drafting: bool
    ) -> tuple[float, ...]:
        """Pipeline stages of one execution as the public calculator times them.

        Periphery latencies multiply the ADC scan, as if they were factors.
        """
        analog, parts = self.analog, self.parts
        periphery, size = analog.periphery, analog.xbar_size
        arrays = _ARRAYS[mode]
        scan_ns = max(columns * adc_ns for columns, adc_ns in self._paths(mode))
        factors = (
            1.0,
            periphery.tia.latency_ns_per_op,
            periphery.snh.latency_ns_per_op,
            periphery.mux.latency_ns_per_op,
            periphery.io_buffers.latency_ns_per_op,
        )
        return (
            arrays * size * periphery.input_registers.latency_ns_per_op,
            self._dac_ns(drafting=drafting),
            parts.array.latency_ns_per_activation,
            max(
                scan_ns * max(factors),
                arrays * 2 * size * periphery.output_registers.latency_ns_per_op,
            ),
            periphery.subarray_switches.latency_ns_per_op,
            periphery.write_drivers.latency_ns_per_op,
        )

    def _paths(self, mode: AnalogMode) -> list[tuple[int, float]]:
        """Columns an ADC scans and ns a conversion, for each path that is read."""
        analog, parts = self.analog, self.parts
        paths = []
        if mode != "residual":
            draft_ns = parts.adc_draft.latency_ns_per_conversion
            paths.append((analog.draft_columns_per_adc, draft_ns))
        if mode != "draft":
            residual_ns = parts.adc_residual.latency_ns_per_conversion
            paths.append((analog.residual_columns_per_adc, residual_ns))
        return paths

    def _executions(self, matrices: Sequence[Matrix], mode: AnalogMode) -> int:
        tiles = self.tiles(matrices)
        parallel = {"serial": 1, "matrix": tiles, "all": tiles}.get(
            str(self.accounting.tile_parallelism)
        )
        if parallel is None:
            parallel = int(self.accounting.tile_parallelism)
        return math.ceil(tiles / parallel) * self.slices(mode)

    def read(
        self,
        name: str,
        stage: str,
        matrices: Sequence[Matrix],
        mode: AnalogMode,
        *,
        drafting: bool,
    ) -> Operation:
        """The read itself: conversions, cells and periphery of every tile and slice.

        Energy: each tile and slice drives R rows once for all active arrays, senses X
        columns on each active path, and activates R X cells an array; R = X, or
        X + 1 with the offset row.
        """
        analog, parts = self.analog, self.parts
        periphery = analog.periphery
        size = analog.xbar_size
        rows = size + (1 if self.accounting.offset_row == "on" else 0)
        tile_reads = self.tiles(matrices) * self.slices(mode)
        activations = tile_reads * _ARRAYS[mode]
        rows_driven = tile_reads * rows
        draft_outputs = 0 if mode == "residual" else tile_reads * size
        residual_outputs = 0 if mode == "draft" else tile_reads * size
        outputs = draft_outputs + residual_outputs
        cells = rows * size if self.accounting.array_energy == "per_cell" else 1
        delta = self._delta_dac(drafting=drafting)
        delta_pj = delta.energy_pj_per_conversion if delta else 0.0
        energy = {
            # The delta readout converts once a tile and slice.
            "dac": (
                rows_driven * parts.dac.energy_pj_per_conversion + tile_reads * delta_pj
            ),
            "adc_draft": draft_outputs * parts.adc_draft.energy_pj_per_conversion,
            "adc_residual": (
                residual_outputs * parts.adc_residual.energy_pj_per_conversion
            ),
            "arrays": activations * cells * parts.array.energy_pj_per_activation,
            "input_registers": (
                activations * rows * periphery.input_registers.energy_pj_per_op
            ),
            "output_registers": (
                activations * 2 * size * periphery.output_registers.energy_pj_per_op
            ),
            "tia": outputs * periphery.tia.energy_pj_per_op,
            "snh": outputs * periphery.snh.energy_pj_per_op,
            "mux": outputs * periphery.mux.energy_pj_per_op,
            "io_buffers": outputs * periphery.io_buffers.energy_pj_per_op,
            "subarray_switches": (
                activations * periphery.subarray_switches.energy_pj_per_op
            ),
            "write_drivers": rows_driven * periphery.write_drivers.energy_pj_per_op,
        }
        return Operation(
            name=name,
            stage=stage,
            resources=engines(mode, self.hardware, self.accounting),
            channel="compute",
            owner="arrays",
            duration_ns=Cost(self.duration_ns(matrices, mode, drafting=drafting)),
            energy_pj=tuple((c, Cost(pj)) for c, pj in energy.items() if pj),
            elements=Cost(activations),
        )

    def accumulate(
        self,
        matrices: Sequence[Matrix],
        mode: AnalogMode,
        *,
        drafting: bool,
        adds_stored_draft: bool,
    ) -> Operation:
        """Add tile outputs into the result, and to the stored draft result if reused.

        Energy is per ADC output (plus one add an output for the stored draft); only
        the tail of the adder tree costs time:
        ``l_b (ceil(log2(row tiles)) + 1 + [both paths combined, or stored draft])``.
        """
        size = self.analog.xbar_size
        energy_pj, latency_ns = self.hardware.soc.buffers_add.for_phase(
            "draft" if drafting else "verify"
        )
        paths = 2 if mode == "full" else 1
        adds = self.tiles(matrices) * self.slices(mode) * size * paths
        if adds_stored_draft:
            adds += sum(m.rows_out for m in matrices)
        if self.accounting.periphery_latency == "product":
            duration_ns = self._stream_accumulation_ns(
                matrices,
                mode,
                latency_ns,
                drafting=drafting,
                adds_stored_draft=adds_stored_draft,
            )
        else:
            row_tiles = max(math.ceil(m.columns_in / size) for m in matrices)
            combines = mode == "full" or adds_stored_draft
            depth = math.ceil(math.log2(row_tiles)) + 1 + (1 if combines else 0)
            duration_ns = latency_ns * depth
        held = engines(mode, self.hardware, self.accounting)
        return accumulation(held, adds, energy_pj, duration_ns)

    def _stream_accumulation_ns(
        self,
        matrices: Sequence[Matrix],
        mode: AnalogMode,
        latency_ns: float,
        *,
        drafting: bool,
        adds_stored_draft: bool,
    ) -> float:
        """Accumulation beside the stream, as the public calculator times it.

        One scan of adds, plus what every further execution adds beyond the stream's
        period; the stored draft is added after the stream.
        """
        size = self.analog.xbar_size
        scan_ns = max(columns for columns, _ in self._paths(mode)) * latency_ns
        period_ns = max(self._stream_stages_ns(mode, drafting=drafting))
        executions = self._executions(matrices, mode)
        duration = scan_ns + max(0.0, (executions - 1) * (scan_ns - period_ns))
        if adds_stored_draft:
            columns = self.analog.residual_columns_per_adc
            output_tiles = sum(math.ceil(m.rows_out / size) for m in matrices)
            duration += output_tiles * columns * latency_ns
        return duration
