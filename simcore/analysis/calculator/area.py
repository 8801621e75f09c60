"""Silicon area; it depends on neither draft length nor context."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.analysis.calculator.counts import (
    ANALOG_STAGES,
    stage_shapes,
    storage_bytes,
)
from simcore.analysis.calculator.inputs import (
    AnalogInput,
    CalculatorInput,
    LegacyInput,
)

#: On-chip components, in report order.
AREA_COMPONENTS = (
    "arrays",
    "dac",
    "adc_draft",
    "adc_residual",
    "input_registers",
    "output_registers",
    "tia",
    "snh",
    "mux",
    "io_buffers",
    "subarray_switches",
    "write_drivers",
    "attention_cim_mac",
    "attention_cim_sram",
    "sram",
    "fabric",
    "digital_overhead",
)


@dataclass(frozen=True, slots=True)
class AreaReport:
    """Areas in mm2.

    Attributes
    ----------
    stages : dict of str to float
        Arrays of the analog stages, and the digital logic.
    components : dict of str to float
        On the chip, one entry for each of `AREA_COMPONENTS`.
    off_chip_hbm : float
        Of the HBM, not on the chip.
    """

    stages: dict[str, float]
    components: dict[str, float]
    off_chip_hbm: float

    @property
    def on_chip(self) -> float:
        """Sum of the components on the chip."""
        return sum(self.components.values())


def area_report(chip: CalculatorInput) -> AreaReport:
    """Area of a chip that holds the whole model.

    Parameters
    ----------
    chip : CalculatorInput
        Model and hardware.
    """
    components = dict.fromkeys(AREA_COMPONENTS, 0.0)
    if isinstance(chip.analog, LegacyInput):
        per_weight = chip.analog.area_mm2_per_weight
        stages = {
            name: chip.model.n_layers * shape.weights * per_weight
            for name, shape in stage_shapes(chip.model).items()
        }
    else:
        stages = _array_areas(chip, chip.analog)
        components.update(_analog_areas(chip, chip.analog))
        components.update(_attention_areas(chip, chip.analog))
    components["arrays"] = sum(stages[name] for name in ANALOG_STAGES)
    overhead = chip.model.n_layers * chip.digital_overhead_area_mm2_per_layer
    stages["digital"] = components["digital_overhead"] = overhead
    memory = chip.memory
    if memory is not None:
        components["sram"] = memory.sram.area_mm2
        components["fabric"] = memory.fabric.area_mm2
    return AreaReport(
        stages=stages,
        components=components,
        off_chip_hbm=0.0 if memory is None else memory.hbm.area_mm2,
    )


def _array_areas(chip: CalculatorInput, analog: AnalogInput) -> dict[str, float]:
    array, n_layers = analog.array, chip.model.n_layers
    areas = {}
    for name, shape in stage_shapes(chip.model).items():
        if array.area_mm2_per_array:
            arrays = shape.tiles(analog.xbar_size) * array.arrays_per_weight
            areas[name] = n_layers * arrays * array.area_mm2_per_array
        else:
            areas[name] = n_layers * shape.weights * array.area_mm2_per_weight
    return areas


def _analog_areas(chip: CalculatorInput, analog: AnalogInput) -> dict[str, float]:
    size, periphery = analog.xbar_size, analog.periphery
    per_layer = sum(s.tiles(size) for s in stage_shapes(chip.model).values())
    tiles = chip.model.n_layers * per_layer
    arrays = tiles * analog.array.arrays_per_weight
    dacs = tiles * size
    draft_adcs = tiles * (size // analog.draft_columns_per_adc)
    residual_adcs = tiles * (size // analog.residual_columns_per_adc)
    units = {
        "input_registers": arrays,
        "output_registers": arrays,
        "subarray_switches": arrays,
        "tia": draft_adcs + residual_adcs,
        "snh": draft_adcs + residual_adcs,
        "mux": draft_adcs + residual_adcs,
        "io_buffers": draft_adcs + residual_adcs,
        "write_drivers": dacs,
    }
    deltas = [dac for dac in (analog.draft_delta_dac, analog.verify_delta_dac) if dac]
    delta_area = 0.0
    if deltas:
        # One delta DAC a tile serves both phases: the wider one.
        widest = max(deltas, key=lambda dac: dac.bits)
        delta_area = tiles * widest.spec.area_mm2_per_unit
    return {
        "dac": dacs * analog.dac.area_mm2_per_unit + delta_area,
        "adc_draft": draft_adcs * analog.adc_draft.area_mm2_per_unit,
        "adc_residual": residual_adcs * analog.adc_residual.area_mm2_per_unit,
        **{
            name: n * getattr(periphery, name).area_mm2_per_unit
            for name, n in units.items()
        },
    }


def _attention_areas(chip: CalculatorInput, analog: AnalogInput) -> dict[str, float]:
    soc = chip.soc
    units = chip.model.n_layers * soc.attention_cim_units
    sram = 0.0
    macro = None if chip.memory is None else chip.memory.sram
    if macro is not None and macro.capacity_bytes:
        per_byte = macro.area_mm2 / macro.capacity_bytes
        bits = soc.attention_cim_storage_bits_per_element or chip.model.activation_bits
        sram = units * analog.xbar_size**2 * storage_bytes(bits) * per_byte
    return {
        "attention_cim_mac": units * soc.attention_cim_mac_area_mm2_per_unit,
        "attention_cim_sram": sram,
    }
