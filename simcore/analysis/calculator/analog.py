"""Cost of one analog stage of a layer for one token, from converters and arrays.

All tiles and slices of a stage form one serial stream of executions, each a pipeline
of six parts. The stream latency of TIA, S&H, multiplexer and buffers multiplies the
scan time by their ns per operation: a product of two times, kept because the public
calculator has it.
"""

from __future__ import annotations

from dataclasses import dataclass

from simcore.analysis.calculator.cost import Cost, Costs, total_cost
from simcore.analysis.calculator.counts import StageShape
from simcore.analysis.calculator.inputs import AnalogInput, DeltaDac, Rate
from simcore.analysis.calculator.modes import ReadMode

#: Periphery that works on the samples of the ADC paths.
_SAMPLED = ("tia", "snh", "mux", "io_buffers")


@dataclass(frozen=True, slots=True)
class StageCost:
    """What one stage costs.

    Attributes
    ----------
    read : Cost
        Energy and stream latency of the read.
    buffers_add : Cost
        Accumulation of the outputs, beyond what the read hides.
    components : Costs
        The read by component; latencies are occupancies and do not add up.
    counts : dict of str to float or None
        Activations and conversions; None in the legacy mode.
    """

    read: Cost
    buffers_add: Cost
    components: Costs
    counts: dict[str, float] | None


#: What a stage costs that is not read.
NOTHING = StageCost(Cost(), Cost(), {}, {})


def analog_stage(
    analog: AnalogInput,
    shape: StageShape,
    mode: ReadMode,
    *,
    slices: int,
    delta_dac: DeltaDac | None,
    adder: Rate,
) -> StageCost:
    """Cost of one stage for one token.

    Parameters
    ----------
    analog : AnalogInput
        The crossbars.
    shape : StageShape
        Matrices of the stage.
    mode : ReadMode
        Which arrays and ADC paths work.
    slices : int
        Input slices per activation.
    delta_dac : DeltaDac or None
        Delta readout of the phase, if enabled.
    adder : Rate
        `buffers_add` of the phase.
    """
    size, periphery = analog.xbar_size, analog.periphery
    executions = shape.tiles(size) * slices
    activations = executions * mode.arrays
    driven = executions * size
    draft_samples = driven * mode.draft_adc
    residual_samples = driven * mode.residual_adc
    samples = draft_samples + residual_samples

    dac, draft, residual = analog.dac, analog.adc_draft, analog.adc_residual
    dac_ns = dac.latency_ns_per_conversion
    dac_pj = driven * dac.energy_pj_per_conversion
    if delta_dac is not None:
        dac_ns = max(dac_ns, delta_dac.spec.latency_ns_per_conversion)
        dac_pj += executions * delta_dac.spec.energy_pj_per_conversion
    draft_ns = (
        mode.draft_adc * analog.draft_columns_per_adc * draft.latency_ns_per_conversion
    )
    residual_ns = (
        mode.residual_adc
        * analog.residual_columns_per_adc
        * residual.latency_ns_per_conversion
    )
    scan_ns = max(draft_ns, residual_ns)
    draft_share = draft_ns / (draft_ns + residual_ns) if scan_ns else 0.0

    inputs, outputs = activations * size, activations * 2 * size
    in_block, out_block = periphery.input_registers, periphery.output_registers
    switches, drivers = periphery.subarray_switches, periphery.write_drivers
    array = analog.array
    components = {
        "arrays": Cost(
            activations * array.energy_pj_per_activation,
            executions * array.latency_ns_per_activation,
        ),
        "dac": Cost(dac_pj, executions * dac_ns),
        "adc_draft": Cost(
            draft_samples * draft.energy_pj_per_conversion,
            executions * scan_ns * draft_share,
        ),
        "adc_residual": Cost(
            residual_samples * residual.energy_pj_per_conversion,
            executions * scan_ns * (1.0 - draft_share),
        ),
        "input_registers": Cost(
            inputs * in_block.energy_pj_per_op, inputs * in_block.latency_ns_per_op
        ),
        "output_registers": Cost(
            outputs * out_block.energy_pj_per_op, outputs * out_block.latency_ns_per_op
        ),
        "subarray_switches": Cost(
            activations * switches.energy_pj_per_op,
            executions * switches.latency_ns_per_op,
        ),
        "write_drivers": Cost(
            driven * drivers.energy_pj_per_op, executions * drivers.latency_ns_per_op
        ),
    }
    scans_ns = [scan_ns]
    for name in _SAMPLED:
        block = getattr(periphery, name)
        scans_ns.append(scan_ns * block.latency_ns_per_op)
        components[name] = Cost(
            samples * block.energy_pj_per_op, executions * scans_ns[-1]
        )

    parts_ns = (
        mode.arrays * size * in_block.latency_ns_per_op,
        dac_ns,
        array.latency_ns_per_activation,
        max(*scans_ns, mode.arrays * 2 * size * out_block.latency_ns_per_op),
        switches.latency_ns_per_op,
        drivers.latency_ns_per_op,
    )
    period_ns = max(parts_ns)
    return StageCost(
        read=Cost(
            total_cost(components.values()).energy_pj,
            sum(parts_ns) + (executions - 1) * period_ns,
        ),
        buffers_add=_accumulate(
            analog, shape, mode, adder, executions, samples, period_ns
        ),
        components=components,
        counts={
            "array_activations": float(activations),
            "dac_conversions": float(driven),
            "adc_draft_conversions": float(draft_samples),
            "adc_residual_conversions": float(residual_samples),
        },
    )


def _accumulate(
    analog: AnalogInput,
    shape: StageShape,
    mode: ReadMode,
    adder: Rate,
    executions: int,
    samples: int,
    period_ns: float,
) -> Cost:
    """Adds of the output stream that the stream does not hide, and the final add."""
    scanned = max(
        mode.draft_adc * analog.draft_columns_per_adc,
        mode.residual_adc * analog.residual_columns_per_adc,
    )
    adds_ns = scanned * adder.latency_ns
    stream = Cost(
        samples * adder.energy_pj,
        adds_ns + max(0.0, (executions - 1) * (adds_ns - period_ns)),
    )
    if not mode.stored_draft_added:
        return stream
    scanned_outputs = (
        shape.output_tiles(analog.xbar_size) * analog.residual_columns_per_adc
    )
    return stream.plus(
        Cost(shape.outputs * adder.energy_pj, scanned_outputs * adder.latency_ns)
    )
