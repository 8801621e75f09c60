"""Are the hardware numbers plausible? Findings, never errors.

Each number is compared with published figures (`simcore.config.reference_values`). A
number somewhat outside is a note, one far outside a warning. Zero means "not counted"
in this format and is told only where that is easily overlooked.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from simcore.config import reference_values as ref
from simcore.config.accounting import AccountingConfig
from simcore.config.describe import Description
from simcore.config.field_units import unit_of
from simcore.config.hardware import (
    FEATURES,
    ArraySpec,
    ConverterSpec,
    HardwareConfig,
    LeakagePowerConfig,
    PeripheryConfig,
    SocConfig,
)
from simcore.config.library import LibraryFile
from simcore.config.memory import HbmConfig, MemoryConfig, MemoryTechnology
from simcore.config.scenario import ScenarioConfig

Level = Literal["warning", "note"]

#: A number this many times outside its range is a warning.
FAR = 4.0
#: Areas vary more: with node, with calibration, with what is counted.
FAR_AREA = 10.0


@dataclass(frozen=True)
class Finding:
    """One number that a reader should doubt, or know about.

    Attributes
    ----------
    level : str
        `warning` or `note`.
    rule : str
        Which rule found it.
    path : str
        Field, dotted.
    value : float or str
        What it is.
    unit : str or None
        Of `value`, `low` and `high`.
    low, high : float or None
        Plausible range; None: no limit on that side.
    why : str
        What is wrong with it.
    source : str
        Where the range is from.
    """

    level: Level
    rule: str
    path: str
    value: float | str
    unit: str | None
    low: float | None
    high: float | None
    why: str
    source: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data for JSON."""
        return asdict(self)


def lint_hardware(
    hardware: HardwareConfig, accounting: AccountingConfig | None = None
) -> list[Finding]:
    """Compare every number of a chip with published figures.

    Parameters
    ----------
    hardware : HardwareConfig
        The chip.
    accounting : AccountingConfig, optional
        Decides whether array energy is per cell or per array; default `physical`.

    Returns
    -------
    list of Finding
        Warnings first, each part in the order of the file.
    """
    accounting = accounting or AccountingConfig()
    found: list[Finding] = []
    analog, parts = hardware.analog, hardware.components
    if analog is not None and parts is not None:
        for name, bits, spec in (
            ("adc_draft", analog.adc.draft_bits, parts.adc_draft),
            ("adc_residual", analog.adc.residual_bits, parts.adc_residual),
        ):
            found += adc_findings(f"components.{name}", bits, spec)
        found += dac_findings("components.dac", analog.dac_bits, parts.dac)
        found += array_findings(
            "components.array", parts.array, analog.xbar_size, accounting.array_energy
        )
        found += periphery_findings("analog.periphery", analog.periphery)
    found += _feature_findings(hardware)
    found += soc_findings("soc", hardware.soc)
    if hardware.memory is not None:
        found += memory_findings("memory", hardware.memory, hardware.leakage_power)
    found += leakage_findings("leakage_power", hardware.leakage_power)
    return _warnings_first(found)


def lint_library(library: LibraryFile) -> list[Finding]:
    """Compare every number of a component library, all widths, the same way.

    Parameters
    ----------
    library : LibraryFile
        As `simcore.config.describe.load_libraries` reads it.
    """
    found: list[Finding] = []
    for bits, spec in sorted(library.adc.items()):
        found += adc_findings(f"adc.{bits}", bits, spec)
    for bits, spec in sorted(library.dac.items()):
        found += dac_findings(f"dac.{bits}", bits, spec)
    # Per cell or per array is the scenario's choice: the array alone cannot be judged.
    found += array_findings("array", library.array, None, None)
    if library.analog_periphery:
        periphery = PeripheryConfig.model_validate(library.analog_periphery)
        found += periphery_findings("analog_periphery", periphery)
    seen: set[str] = set()
    for feature in FEATURES:
        where, block = library.digital.block(feature)
        path = ".".join(("digital", *where))
        if block is None or path in seen:
            continue
        seen.add(path)
        found += operation_findings(
            path,
            where[-1],
            block.energy_pj_per_mac,
            None if block.lanes else block.latency_ns_per_mac,
        )
    leakage = LeakagePowerConfig.model_validate(library.leakage_power)
    found += soc_findings("soc", SocConfig.model_validate(library.soc))
    if library.memory:
        memory = MemoryConfig.model_validate(library.memory)
        found += memory_findings("memory", memory, leakage)
    if library.leakage_power:
        found += leakage_findings("leakage_power", leakage)
    return _warnings_first(found)


def lint_scenario(scenario: ScenarioConfig) -> list[Finding]:
    """Findings of the scenario's chip, and of switches that make it ideal.

    Parameters
    ----------
    scenario : ScenarioConfig
        Any scenario; paths are from its top.
    """
    found = [
        Finding(**{**asdict(finding), "path": f"hardware.{finding.path}"})
        for finding in lint_hardware(scenario.hardware, scenario.accounting)
    ]
    if scenario.accounting.tile_parallelism == "all":
        found.append(
            Finding(
                "note",
                "tile_parallelism",
                "accounting.tile_parallelism",
                "all",
                None,
                None,
                None,
                "an ideal bound: the down projection does not wait for gate and up, "
                "whose results it needs",
                "data dependence of a gated feed-forward block",
            )
        )
    return _warnings_first(found)


def lint_description(description: Description) -> list[Finding]:
    """Findings of whatever was described; none for models and acceptances.

    Parameters
    ----------
    description : Description
        Of any kind of file.
    """
    config = description.config
    if isinstance(config, ScenarioConfig):
        return lint_scenario(config)
    if isinstance(config, HardwareConfig):
        return lint_hardware(config)
    if isinstance(config, LibraryFile):
        return lint_library(config)
    return []


def _warnings_first(found: Iterable[Finding]) -> list[Finding]:
    return sorted(found, key=lambda finding: finding.level != "warning")


def _outside(
    rule: str,
    path: str,
    value: float,
    limits: ref.Range,
    why: str = "",
    *,
    other_low: float | None = None,
    instead: str = "",
    far: float = FAR,
) -> Iterator[Finding]:
    """A finding if a number is outside its range; 0 is not counted, hence not judged.

    Parameters
    ----------
    why : str
        Follows how many times the number is outside.
    other_low : float or None
        A second, higher limit that was published; tells the factor as a span.
    instead : str
        The whole text, `{times}` standing for how many times it is outside.
    far : float
        Outside by more than this factor it is a warning.
    """
    if value == 0:
        return
    low, high = limits.low, limits.high
    if low is not None and value < low:
        factor, side = low / value, "below"
    elif high is not None and value > high:
        factor, side = value / high, "above"
    else:
        return
    text = f"{_times(factor)} {side} what is published"
    if other_low is not None and side == "below":
        text = f"{factor:.2g} to {_times(other_low / value)} below what is published"
    yield Finding(
        "warning" if factor > far else "note",
        rule,
        path,
        value,
        unit_of(path),
        low,
        high,
        instead.format(times=_times(factor)) or (f"{text}; {why}" if why else text),
        limits.source,
    )


def _times(factor: float) -> str:
    """`19 times`, `2.4 times`: never more digits than the figures deserve."""
    if factor >= 10:
        return f"{factor:,.0f} times"
    if factor < 1.05:
        return "slightly"
    return f"{factor:.2g} times"


# Converters.


def adc_findings(path: str, bits: int, spec: ConverterSpec) -> Iterator[Finding]:
    """Energy, speed and area of one ADC.

    Effective bits are at most the nominal ones, so a nominal width is compared with
    parts of as many effective bits; one wider than the survey with its widest.
    """
    widest = max(row.enob for row in ref.ADC_SURVEY)
    rows = [row for row in ref.ADC_SURVEY if row.enob == min(bits, widest)]
    energy, area = spec.energy_pj_per_conversion, spec.area_mm2_per_unit
    energy_path = f"{path}.energy_pj_per_conversion"
    if rows:
        tenths = sorted(row.energy_p10_pj for row in rows)
        limits = ref.Range(
            tenths[0],
            10 * max(row.energy_median_pj for row in rows),
            f"{ref.SURVEY}, {rows[0].enob - 0.5:g} to {rows[0].enob + 0.5:g} effective "
            "bits: 10th percentile, and ten times the median",
        )
        parts = " and ".join(
            f"{row.energy_p10_pj:g} pJ for {row.parts} parts at {row.band}"
            for row in rows
        )
        why = f"the 10th percentile of the survey is {parts}"
        other = tenths[-1] if len(tenths) > 1 else None
        smallest = min(row.area_p10_mm2 for row in rows)
        area_limits = ref.Range(
            smallest, None, f"{ref.SURVEY}, 10th percentile of the area"
        )
    else:
        scale = 2.0 ** (bits - 4)
        limits = ref.Range(ref.ADC_4BIT_PJ * scale, None, ref.ADC_4BIT_SOURCE)
        area_limits = ref.Range(ref.ADC_4BIT_MM2 * scale, None, ref.ADC_4BIT_SOURCE)
        why, other = f"a {bits}-bit converter", None
    yield from _outside("adc_energy", energy_path, energy, limits, why, other_low=other)
    latency = spec.latency_ns_per_conversion
    fastest = ref.along_bits(ref.ADC_LATENCY_NS, bits)
    if latency:
        yield from _outside(
            "adc_rate",
            f"{path}.latency_ns_per_conversion",
            latency,
            ref.Range(fastest, None, ref.ADC_LATENCY_SOURCE),
            instead=f"{bits} bits at {1 / latency:.3g} GS/s: about {{times}} faster "
            f"than a {_rate(fastest)} part",
        )
    yield from _outside(
        "adc_area",
        f"{path}.area_mm2_per_unit",
        area,
        area_limits,
        "smaller than nine of ten published converters of this width" if rows else "",
        far=FAR_AREA,
    )


def _rate(latency_ns: float) -> str:
    rate = 1 / latency_ns
    return f"{rate:.2g} GS/s" if rate >= 1 else f"{rate * 1000:.0f} MS/s"


def dac_findings(path: str, bits: int, spec: ConverterSpec) -> Iterator[Finding]:
    """Energy and speed of one row driver."""
    low = ref.along_bits([(b, least) for b, least, _ in ref.DAC_PJ], bits)
    high = ref.along_bits([(b, most) for b, _, most in ref.DAC_PJ], bits)
    yield from _outside(
        "dac_energy",
        f"{path}.energy_pj_per_conversion",
        spec.energy_pj_per_conversion,
        ref.Range(low, high, ref.DAC_SOURCE),
        f"a {bits}-bit row driver charges its row line as well",
    )
    yield from _outside(
        "dac_latency",
        f"{path}.latency_ns_per_conversion",
        spec.latency_ns_per_conversion,
        ref.DAC_LATENCY,
        instead="{times} faster than its row line settles",
    )


# Arrays and periphery.


def array_findings(
    path: str,
    spec: ArraySpec,
    xbar_size: int | None,
    array_energy: str | None,
) -> Iterator[Finding]:
    """Read energy of an array, taken per cell or per array, and its latency."""
    if xbar_size is not None:
        yield from _array_energy(
            f"{path}.energy_pj_per_activation",
            spec.energy_pj_per_activation,
            xbar_size,
            array_energy == "per_array",
        )
    yield from _outside(
        "array_latency",
        f"{path}.latency_ns_per_activation",
        spec.latency_ns_per_activation,
        ref.ARRAY_NS,
        "bitlines and amplifiers have to settle",
    )


def _array_energy(
    path: str, energy: float, xbar_size: int, per_array: bool
) -> Iterator[Finding]:
    cells = xbar_size**2 if per_array else 1
    low, high = ref.CELL_PJ.low or 0.0, ref.CELL_PJ.high or 0.0
    limits = ref.Range(low * cells, high * cells, ref.CELL_PJ.source)
    if per_array:
        why = f"{1000 * energy / cells:.2g} fJ for each of {cells:,} cells"
        if low <= energy <= high:
            why += "; it looks like the energy of one cell: accounting.array_energy: "
            why += "per_cell"
    else:
        why = f"{1000 * energy:.3g} fJ per cell"
        if low * xbar_size <= energy <= high * xbar_size**2 and energy > high:
            why += "; it looks like the energy of a whole array: "
            why += "accounting.array_energy: per_array"
    yield from _outside("array_energy", path, energy, limits, why)


def periphery_findings(path: str, periphery: PeripheryConfig) -> Iterator[Finding]:
    """Amplifier and sample-and-hold of a column."""
    blocks = (
        ("tia", periphery.tia, ref.TIA_PJ),
        ("snh", periphery.snh, ref.SNH_PJ),
    )
    missing = [name for name, block, _ in blocks if block.energy_pj_per_op == 0]
    for name, block, limits in blocks:
        yield from _outside(
            f"{name}_energy",
            f"{path}.{name}.energy_pj_per_op",
            block.energy_pj_per_op,
            limits,
        )
    yield from _outside(
        "tia_latency",
        f"{path}.tia.latency_ns_per_op",
        periphery.tia.latency_ns_per_op,
        ref.TIA_NS,
    )
    if missing:
        limits = ref.TIA_PJ if "tia" in missing else ref.SNH_PJ
        first = f"{path}.{missing[0]}.energy_pj_per_op"
        yield Finding(
            "note",
            "periphery_missing",
            first,
            0.0,
            unit_of(first),
            limits.low,
            limits.high,
            f"not counted: {' and '.join(missing)} of every sample",
            limits.source,
        )


# Digital units and control.


def _feature_findings(hardware: HardwareConfig) -> Iterator[Finding]:
    """One finding for a coefficient, however many features it serves."""
    seen: set[str] = set()
    for feature in FEATURES:
        found = hardware.digital_feature(feature)
        where = found.origin.partition(":")[2]
        if where in seen:
            continue
        seen.add(where)
        inside = hardware.components is not None
        name = where.rpartition(".")[2].removeprefix("digital_")
        yield from operation_findings(
            f"components.{where}" if inside else where,
            name,
            found.energy_pj_per_op,
            found.latency_ns_per_op if found.lanes is None else None,
        )


def operation_findings(
    path: str, name: str, energy_pj: float, serial_ns: float | None
) -> Iterator[Finding]:
    """Energy of one digital operation, and a latency without lanes.

    Parameters
    ----------
    path : str
        The coefficient block.
    name : str
        Coarse section or feature.
    energy_pj : float
        Of one operation.
    serial_ns : float or None
        Time of one operation as written; None: it was given as lanes.
    """
    yield from _outside(
        "digital_energy",
        f"{path}.energy_pj_per_mac",
        energy_pj,
        ref.DIGITAL_PJ.get(name, ref.DIGITAL_PJ_DEFAULT),
    )
    if serial_ns is not None and serial_ns >= ref.SERIAL_OP_NS:
        yield Finding(
            "warning",
            "serial_latency",
            f"{path}.latency_ns_per_mac",
            serial_ns,
            "ns/mac",
            None,
            ref.SERIAL_OP_NS,
            "every operation waits for the one before, as if the unit had one lane: a "
            "latency artefact; write lanes and digital.clock_ghz instead",
            "a synthesised unit is pipelined: one operation per lane and cycle of 1 ns",
        )


def soc_findings(path: str, soc: SocConfig) -> Iterator[Finding]:
    """Adders and the sequencer."""
    yield from _outside(
        "shift_add_energy",
        f"{path}.buffers_add.energy_pj_per_op",
        soc.buffers_add.energy_pj_per_op,
        ref.SHIFT_ADD_PJ,
    )
    energy = soc.control.energy_pj_per_token
    low = ref.RISCV_PJ.low or 0.0
    if 0 < energy < low:
        yield Finding(
            "note",
            "control_energy",
            f"{path}.control.energy_pj_per_token",
            energy,
            "pJ/token",
            None,
            None,
            "less than one instruction of a host processor per step and layer: only a "
            "hardware sequencer; launching in software costs 1 to 10 nJ an operation",
            ref.RISCV_PJ.source,
        )


# Memories.


def memory_findings(
    path: str, memory: MemoryConfig, leakage: LeakagePowerConfig
) -> Iterator[Finding]:
    """SRAM, HBM and the link between them."""
    leaks = leakage.sram_nw * memory.sram.capacity_ratio
    yield from sram_findings(f"{path}.sram", memory.sram, leaks)
    yield from hbm_findings(f"{path}.hbm", memory.hbm)
    for name in _energies(memory.fabric):
        yield from _outside(
            "fabric_energy",
            f"{path}.fabric.{name}",
            getattr(memory.fabric, name),
            ref.FABRIC_PJ_PER_BYTE,
            "per hop",
        )
    fabric = memory.fabric.read_bandwidth_GBps
    hbm = _technology(memory.hbm).read_bandwidth_GBps
    if 0 < fabric < hbm:
        yield Finding(
            "note",
            "fabric_bandwidth",
            f"{path}.fabric.read_bandwidth_GBps",
            fabric,
            "GB/s",
            hbm,
            None,
            f"{_times(hbm / fabric)} below the HBM it carries: the fabric, not the "
            "HBM, sets the time of every KV read",
            f"{_hbm_paths(f'{path}.hbm', memory.hbm)['bandwidth']} of the same chip",
        )


def _technology(hbm: MemoryTechnology) -> MemoryTechnology:
    """The model in use; a library knows the model `bandwidth` only."""
    return hbm.technology if isinstance(hbm, HbmConfig) else hbm


def _hbm_paths(path: str, hbm: MemoryTechnology) -> dict[str, str]:
    """Fields to change for another rate and latency, by the model in use."""
    if isinstance(hbm, HbmConfig) and hbm.in_use is not None:
        channel = f"{path}.channel"
        return {
            "energy": channel,
            "bandwidth": f"{channel}.stacks",
            "latency": f"{channel}.read_latency_ns",
        }
    return {
        "energy": path,
        "bandwidth": f"{path}.read_bandwidth_GBps",
        "latency": f"{path}.read_latency_ns",
    }


def _energies(memory: MemoryTechnology) -> list[str]:
    """Energy fields to tell about: both only if they differ."""
    same = memory.read_energy_pj_per_byte == memory.write_energy_pj_per_byte
    names = ["read_energy_pj_per_byte", "write_energy_pj_per_byte"]
    return names[:1] if same else names


def sram_findings(
    path: str, sram: MemoryTechnology, leakage_nw: float
) -> Iterator[Finding]:
    """Energy, bandwidth and leakage of an SRAM of its capacity."""
    capacity = sram.capacity_bytes
    if capacity is None:
        used = sram.read_energy_pj_per_byte or sram.read_bandwidth_GBps
        if used:
            yield Finding(
                "note",
                "sram_capacity",
                f"{path}.capacity_bytes",
                "null",
                None,
                None,
                None,
                "without a capacity its energy, speed and leakage cannot be judged: "
                "8 KiB take 0.105 pJ/B, 8 MiB 4.7 pJ/B",
                ref.SRAM_SOURCE,
            )
        return
    kib = capacity / 1024
    size = f"{kib:g} KiB" if kib < 1024 else f"{kib / 1024:g} MiB"
    energy = ref.along_power_law([(k, pj) for k, pj, _, _ in ref.SRAM_22NM], kib)
    limits = ref.Range(
        energy * ref.SRAM_ENERGY_LOW,
        energy * ref.SRAM_ENERGY_HIGH,
        f"{ref.SRAM_SOURCE}; from 7 nm to 32 nm with a 64-bit port",
    )
    why = f"{size} take {energy:.2g} pJ/B at 22 nm"
    for name in _energies(sram):
        yield from _outside(
            "sram_energy", f"{path}.{name}", getattr(sram, name), limits, why
        )
    access_ns = ref.along_power_law([(k, ns) for k, _, ns, _ in ref.SRAM_22NM], kib)
    port = ref.SRAM_PORT_BYTES / access_ns
    bandwidth = sram.read_bandwidth_GBps
    rule, where = "sram_bandwidth", f"{path}.read_bandwidth_GBps"
    one = f"one 512-bit port of {size} gives {port:.3g} GB/s"
    source = f"{ref.SRAM_SOURCE}: 64 B per access of {access_ns:.2g} ns"
    if bandwidth > port * 16:
        banks = f"{one}; this needs {bandwidth / port:,.0f} such banks at once"
        yield from _outside(
            rule, where, bandwidth, ref.Range(None, port * 16, source), banks
        )
    elif 0 < bandwidth < port:
        # Slow is never implausible, only a choice that a reader should know of.
        yield Finding(
            "note",
            rule,
            where,
            bandwidth,
            "GB/s",
            port,
            port * 16,
            f"{_times(port / bandwidth)} below a single port: {one}",
            source,
        )
    leaks = 1e6 * ref.along_power_law([(k, mw) for k, _, _, mw in ref.SRAM_22NM], kib)
    yield from _outside(
        "sram_leakage",
        "leakage_power.sram_nw",
        leakage_nw,
        ref.Range(
            leaks * ref.SRAM_LEAKAGE_LOW,
            leaks * ref.SRAM_LEAKAGE_HIGH,
            f"{ref.SRAM_SOURCE}; low-standby-power cells leak 280 times less",
        ),
        f"{size} of high-performance cells leak {leaks / 1e6:.3g} mW at 22 nm",
    )


def hbm_findings(path: str, hbm: MemoryTechnology) -> Iterator[Finding]:
    """Energy, bandwidth, latency and area of the HBM, by its model in use."""
    paths, written = _hbm_paths(path, hbm), hbm
    hbm = _technology(hbm)
    per_bit = "pJ per bit"
    if hbm is not written:
        per_bit += " of a long transfer: activation, access, I/O and controller"
    for name in _energies(hbm):
        value = getattr(hbm, name)
        yield from _outside(
            "hbm_energy",
            f"{paths['energy']}.{name}",
            value,
            ref.HBM_PJ_PER_BYTE,
            f"{value / 8:.2g} {per_bit}",
            far=2.0,
        )
    low, most = ref.HBM_STACK_GBPS
    yield from _outside(
        "hbm_bandwidth",
        paths["bandwidth"],
        hbm.read_bandwidth_GBps,
        ref.Range(low, most * ref.HBM_STACKS, ref.HBM_BANDWIDTH_SOURCE),
        f"{hbm.read_bandwidth_GBps / most:.2g} HBM3E stacks",
        far=1.0 if hbm.read_bandwidth_GBps > low else FAR,
    )
    yield from _outside(
        "hbm_latency",
        paths["latency"],
        hbm.read_latency_ns,
        ref.HBM_LATENCY_NS,
    )
    if hbm.area_mm2 > 0:
        stacked = hbm.area_mm2 >= ref.HBM_FOOTPRINT_MM2
        yield Finding(
            "warning" if stacked else "note",
            "hbm_area",
            f"{path}.area_mm2",
            hbm.area_mm2,
            "mm2",
            None,
            ref.HBM_FOOTPRINT_MM2,
            "counted as area of the chip, but stacks stand beside it"
            + (
                "; looks like the sum of all dies of the stacks"
                if stacked
                else "; right only for the PHY"
            ),
            "a stack has a footprint of 100 to 120 mm2 of its own",
        )


# Leakage.


#: Components of which a chip has thousands, or one per layer.
_MANY = tuple(
    name
    for name in LeakagePowerConfig.model_fields
    if name not in ("sram_nw", "hbm_nw", "fabric_nw", "control_nw")
)


def leakage_findings(path: str, leakage: LeakagePowerConfig) -> Iterator[Finding]:
    """Leakage that is missing, or that is of one instance only."""
    small = [name for name in _MANY if 0 < getattr(leakage, name) < ref.CHIP_LEAKAGE_NW]
    if small:
        value = max(getattr(leakage, name) for name in small)
        first = next(name for name in small if getattr(leakage, name) == value)
        yield Finding(
            "warning",
            "leakage_of_one_instance",
            f"{path}.{first}",
            value,
            "nW",
            ref.CHIP_LEAKAGE_NW,
            None,
            "looks like the leakage of one instance, and the field is for the whole "
            f"chip; the same for {len(small)} fields: {', '.join(small)}",
            "a chip has thousands of converters and arrays and one digital unit per "
            "layer; 32 KiB of low-standby-power SRAM alone leak 17 uW (CACTI 7, 22 nm)",
        )
    if not any(getattr(leakage, name) for name in _MANY):
        yield Finding(
            "note",
            "leakage_missing",
            path,
            0.0,
            "nW",
            None,
            None,
            "no leakage of arrays, converters and digital units: static energy is a "
            "lower bound",
            "0 means not counted",
        )
