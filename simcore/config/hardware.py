"""The accelerator, after its component library has been looked up: final numbers.

Units are in the names: pJ, ns, mm2, nW, bytes; 1 GB/s is 1 byte per ns. Energies and
latencies are per operation of one unit. `simcore.config.library` says how a hardware
YAML and a library become this object.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Literal, cast, get_args

from pydantic import Field, model_validator

from simcore.config.base import (
    RESOLVED_ONLY,
    Bits,
    FieldIssue,
    FrozenConfig,
    Name,
    NonNegative,
    PositiveCount,
    Text,
    raise_issues,
)
from simcore.config.memory import MemoryConfig
from simcore.config.schedule_names import Schedule as Schedule
from simcore.errors import printable

Phase = Literal["draft", "verify"]
Feature = Literal[
    "attention_qk",
    "attention_softmax",
    "attention_pv",
    "ffn_activation",
    "ffn_gate_multiply",
    "residual_add",
    "norm",
    "quantize",
    "dequantize",
    "kv_pack",
    "kv_unpack",
    "rope",
    "sampling",
    "kv_cache_update",
]
#: The digital features, in the order of reports.
FEATURES: tuple[Feature, ...] = get_args(Feature)

#: Coarse coefficient that stands in for a feature without one of its own.
COARSE_SOURCE: MappingProxyType[Feature, str] = MappingProxyType(
    dict.fromkeys(FEATURES, "elementwise")
    | {
        "attention_qk": "attention",
        "attention_pv": "attention",
        "attention_softmax": "softmax",
        "kv_pack": "kv_cache",
        "kv_unpack": "kv_cache",
        "kv_cache_update": "kv_cache",
    }
)
#: The public format's one KV feature; its own coefficient stands for these as well.
KV_UPDATE: Feature = "kv_cache_update"

#: Features that the public format maps to a coarse coefficient by its own definition.
MODELED_WHEN_MAPPED: frozenset[Feature] = frozenset(
    {
        "attention_qk",
        "attention_softmax",
        "attention_pv",
        "ffn_activation",
        "ffn_gate_multiply",
        "kv_cache_update",
    }
)


class Provenance(FrozenConfig):
    """Where a number comes from."""

    status: Literal["measured", "published", "derived", "assumed"] = Field(
        description="How far it can be trusted."
    )
    source: Text = Field(description="Paper and table, data sheet, or the reasoning.")


class ConverterSpec(FrozenConfig):
    """One DAC or ADC of a given width."""

    energy_pj_per_conversion: NonNegative = Field(description="pJ per conversion.")
    latency_ns_per_conversion: NonNegative = Field(description="ns per conversion.")
    area_mm2_per_unit: NonNegative = Field(description="mm2 of one converter.")


class ArraySpec(FrozenConfig):
    """One crossbar array."""

    energy_pj_per_activation: NonNegative = Field(
        description="pJ per activation of a cell or array (accounting.array_energy)."
    )
    latency_ns_per_activation: NonNegative = Field(description="ns per activation.")
    area_mm2_per_weight: NonNegative = Field(description="mm2 per weight.")
    area_mm2_per_array: NonNegative | None = Field(
        default=None, description="mm2 per array; when given and > 0 it is used."
    )
    arrays_per_weight: PositiveCount = Field(
        default=1, description="Arrays that hold one weight; scales area only."
    )
    programming_pulses_per_cell: NonNegative | None = Field(
        default=None,
        description="Write-verify pulses a cell needs; null: programming not reported.",
    )
    programming_energy_pj_per_pulse: NonNegative = Field(
        default=0.0, description="pJ per pulse and the read that verifies it."
    )
    programming_latency_ns_per_pulse: NonNegative = Field(
        default=0.0, description="ns per pulse and the read that verifies it."
    )
    programming_cells_at_once: PositiveCount = Field(
        default=1, description="Cells of one array that are programmed together."
    )


class FeatureCoefficient(FrozenConfig):
    """Cost of one digital operation of a feature."""

    energy_pj_per_op: NonNegative = Field(description="pJ per operation.")
    latency_ns_per_op: NonNegative = Field(
        description="ns per operation, the lanes already divided out."
    )
    lanes: PositiveCount | None = Field(
        default=None, description="Parallel lanes it was derived from, if any."
    )
    origin: Name = Field(description="Which coefficient block it came from.")
    status: Literal["modeled", "proxy"] = Field(
        description="proxy: a coarse coefficient stands in for the feature's own."
    )


class DigitalConfig(FrozenConfig):
    """The digital processing unit: one coefficient per feature."""

    features: dict[Feature, FeatureCoefficient] = Field(
        description="Coefficient of each of the digital features."
    )
    digital_overhead_area_mm2_per_layer: NonNegative = Field(
        default=0.0, description="mm2 of digital logic per layer."
    )

    @model_validator(mode="after")
    def _check_complete(self) -> DigitalConfig:
        raise_issues(
            [
                FieldIssue(("features", feature), message="missing")
                for feature in FEATURES
                if feature not in self.features
            ]
        )
        return self

    def feature(self, name: str) -> FeatureCoefficient:
        """Coefficient of one feature.

        Parameters
        ----------
        name : str
            One of `FEATURES`.

        Raises
        ------
        KeyError
            If there is no such feature.
        """
        return self.features[cast("Feature", name)]


class MacCoefficient(FrozenConfig):
    """Cost of one operation in the legacy form."""

    energy_pj_per_mac: NonNegative = Field(description="pJ per operation.")
    latency_ns_per_mac: NonNegative = Field(description="ns per operation.")


class WeightArea(FrozenConfig):
    """Area of weights in the legacy form."""

    area_mm2_per_weight: NonNegative = Field(description="mm2 per weight.")


class LegacyCostsConfig(FrozenConfig):
    """A chip described by costs per MAC: no converters, no tiles, no library."""

    analog_draft: MacCoefficient = Field(description="Draft read of array 1.")
    analog_full: MacCoefficient = Field(description="Read of all arrays.")
    analog_verify_reuse: MacCoefficient = Field(
        description="Read of arrays 2 to 4, the draft's result reused."
    )
    digital_attention: MacCoefficient = Field(description="qk and pv.")
    digital_softmax: MacCoefficient = Field(description="Softmax.")
    digital_elementwise: MacCoefficient = Field(
        description="Everything without a coefficient of its own."
    )
    kv_cache: MacCoefficient = Field(description="Packing and unpacking of KV.")
    analog_weight_area: WeightArea = Field(description="Area of the arrays.")
    digital_overhead_area_mm2_per_layer: NonNegative = Field(
        default=0.0, description="mm2 of digital logic per layer."
    )
    digital_features: dict[str, MacCoefficient] = Field(
        default_factory=dict, description="Coefficients of single features."
    )

    @model_validator(mode="after")
    def _check_features(self) -> LegacyCostsConfig:
        raise_issues(
            [
                FieldIssue(
                    ("digital_features", name),
                    message="unknown feature",
                    allowed=f"allowed: {', '.join(FEATURES)}",
                    ignorable=True,
                )
                for name in self.digital_features
                if name not in FEATURES
            ]
        )
        return self

    def feature(self, name: str) -> FeatureCoefficient:
        """Coefficient of a digital feature.

        Raises
        ------
        KeyError
            If there is no such feature.
        """
        feature = cast("Feature", name)
        coarse = COARSE_SOURCE[feature]
        own = self.digital_features.get(feature)
        block, origin = own, f"explicit:costs.digital_features.{feature}"
        if block is None and coarse == "kv_cache":
            block = self.digital_features.get(KV_UPDATE)
            origin = f"mapped:costs.digital_features.{KV_UPDATE}"
        if block is None:
            section = coarse if coarse == "kv_cache" else f"digital_{coarse}"
            block, origin = getattr(self, section), f"mapped:costs.{section}"
        modeled = own is not None or feature in MODELED_WHEN_MAPPED
        return FeatureCoefficient(
            energy_pj_per_op=block.energy_pj_per_mac,
            latency_ns_per_op=block.latency_ns_per_mac,
            origin=origin,
            status="modeled" if modeled else "proxy",
        )


class ComponentsConfig(FrozenConfig):
    """What the library, or the file's own `components`, gave for this chip."""

    dac: ConverterSpec = Field(description="Row driver DAC.")
    adc_draft: ConverterSpec = Field(description="ADC of array 1.")
    adc_residual: ConverterSpec = Field(description="ADC of arrays 2 to 4.")
    delta_dac: dict[Phase, ConverterSpec] = Field(
        default_factory=dict,
        description="DAC of the delta readout, in each phase that has it enabled.",
    )
    array: ArraySpec = Field(description="Crossbar array.")
    digital: DigitalConfig = Field(description="Digital processing unit.")


class ColumnsPerAdc(FrozenConfig):
    """Columns that share one ADC, per path."""

    draft: PositiveCount = Field(description="Columns per draft ADC.")
    residual: PositiveCount = Field(description="Columns per residual ADC.")


class AdcConfig(FrozenConfig):
    """Widths of the two ADC paths."""

    draft_bits: Bits = Field(description="Bits of the draft ADC.")
    residual_bits: Bits = Field(description="Bits of the residual ADC.")
    num_columns_per_adc: ColumnsPerAdc | None = Field(
        default=None, description="Per-path override of analog.num_columns_per_adc."
    )


class PeripheryBlock(FrozenConfig):
    """One kind of analog periphery."""

    energy_pj_per_op: NonNegative = Field(default=0.0, description="pJ per operation.")
    latency_ns_per_op: NonNegative = Field(default=0.0, description="ns per operation.")
    area_mm2_per_unit: NonNegative = Field(default=0.0, description="mm2 per unit.")


class PeripheryConfig(FrozenConfig):
    """Everything between the array and the digital side."""

    input_registers: PeripheryBlock = Field(
        default_factory=PeripheryBlock, description="Registers before the DACs."
    )
    output_registers: PeripheryBlock = Field(
        default_factory=PeripheryBlock, description="Registers after the ADCs."
    )
    tia: PeripheryBlock = Field(
        default_factory=PeripheryBlock, description="Transimpedance amplifiers."
    )
    snh: PeripheryBlock = Field(
        default_factory=PeripheryBlock, description="Sample and hold."
    )
    mux: PeripheryBlock = Field(
        default_factory=PeripheryBlock, description="Column multiplexers."
    )
    io_buffers: PeripheryBlock = Field(
        default_factory=PeripheryBlock, description="Input and output buffers."
    )
    subarray_switches: PeripheryBlock = Field(
        default_factory=PeripheryBlock, description="Switches between subarrays."
    )
    write_drivers: PeripheryBlock = Field(
        default_factory=PeripheryBlock, description="Row drivers."
    )


class DeltaReadoutMode(FrozenConfig):
    """Delta readout of one phase: one more DAC conversion per execution of a tile."""

    enabled: bool = Field(default=False, description="Whether it is used.")
    dac_bits: Bits | None = Field(
        default=None, description="Bits of the delta DAC; null: analog.dac_bits."
    )


class DeltaReadoutConfig(FrozenConfig):
    """Delta readout per phase."""

    draft: DeltaReadoutMode = Field(
        default_factory=DeltaReadoutMode, description="In draft steps."
    )
    verify: DeltaReadoutMode = Field(
        default_factory=DeltaReadoutMode, description="In verify steps."
    )


class AnalogConfig(FrozenConfig):
    """The crossbars and their converters."""

    xbar_size: Annotated[int, Field(ge=1, le=65_536)] = Field(
        description="Rows and columns of one square crossbar tile."
    )
    dac_bits: Bits = Field(description="Bits driven per row and slice.")
    num_columns_per_adc: PositiveCount = Field(description="Columns sharing one ADC.")
    adc: AdcConfig = Field(description="ADC widths and sharing.")
    periphery: PeripheryConfig = Field(
        default_factory=PeripheryConfig, description="Analog periphery."
    )
    delta_readout: DeltaReadoutConfig = Field(
        default_factory=DeltaReadoutConfig, description="Delta readout."
    )

    @model_validator(mode="after")
    def _check_columns(self) -> AnalogConfig:
        columns: list[tuple[tuple[str, ...], int]] = [
            (("num_columns_per_adc",), self.num_columns_per_adc)
        ]
        if self.adc.num_columns_per_adc is not None:
            base = ("adc", "num_columns_per_adc")
            columns += [
                ((*base, "draft"), self.adc.num_columns_per_adc.draft),
                ((*base, "residual"), self.adc.num_columns_per_adc.residual),
            ]
        raise_issues(
            [
                FieldIssue(
                    ("xbar_size",),
                    got=printable(self.xbar_size),
                    allowed=(f"must be divisible by analog.{'.'.join(path)} ({count})"),
                )
                for path, count in columns
                if self.xbar_size % count
            ]
        )
        return self

    @property
    def draft_columns_per_adc(self) -> int:
        """Columns scanned one after the other by a draft ADC."""
        split = self.adc.num_columns_per_adc
        return self.num_columns_per_adc if split is None else split.draft

    @property
    def residual_columns_per_adc(self) -> int:
        """Columns scanned one after the other by a residual ADC."""
        split = self.adc.num_columns_per_adc
        return self.num_columns_per_adc if split is None else split.residual

    def delta_dac_bits(self, phase: Phase) -> int:
        """Bits of the delta DAC of a phase, the row driver's unless given."""
        delta = self.delta_readout
        mode = delta.draft if phase == "draft" else delta.verify
        return mode.dac_bits or self.dac_bits


class VerifySetupConfig(FrozenConfig):
    """Work at the start of the verify phase of a burst."""

    energy_pj_per_burst: NonNegative = Field(default=0.0, description="pJ per burst.")
    latency_ns_per_burst: NonNegative = Field(default=0.0, description="ns per burst.")


class BuffersAddOverride(FrozenConfig):
    """Values of `buffers_add` in one phase; null: the base value."""

    energy_pj_per_op: NonNegative | None = Field(
        default=None, description="pJ per add."
    )
    latency_ns_per_op: NonNegative | None = Field(
        default=None, description="ns per add."
    )
    area_mm2_per_unit: NonNegative | None = Field(
        default=None, description="mm2 per unit."
    )


class BuffersAddConfig(FrozenConfig):
    """The adders that accumulate ADC outputs."""

    energy_pj_per_op: NonNegative = Field(default=0.0, description="pJ per add.")
    latency_ns_per_op: NonNegative = Field(default=0.0, description="ns per add.")
    area_mm2_per_unit: NonNegative = Field(default=0.0, description="mm2 per unit.")
    draft: BuffersAddOverride | None = Field(
        default=None, description="Values in draft steps."
    )
    verify: BuffersAddOverride | None = Field(
        default=None, description="Values in verify steps."
    )

    def for_phase(self, phase: Phase) -> tuple[float, float]:
        """Energy in pJ and latency in ns of one add in a phase.

        The phase's own value wins over the base value.
        """
        override = self.draft if phase == "draft" else self.verify
        energy = None if override is None else override.energy_pj_per_op
        latency = None if override is None else override.latency_ns_per_op
        return (
            self.energy_pj_per_op if energy is None else energy,
            self.latency_ns_per_op if latency is None else latency,
        )


class SoftwareLaunchConfig(FrozenConfig):
    """A processor that launches every operation, instead of a hardware sequencer."""

    instructions_per_operation: Annotated[int, Field(ge=1, le=1_000_000)] = Field(
        description="Instructions to launch one operation."
    )
    energy_pj_per_instruction: NonNegative = Field(description="pJ per instruction.")
    latency_ns_per_instruction: NonNegative = Field(description="ns per instruction.")


class ControlConfig(FrozenConfig):
    """The sequencer."""

    energy_pj_per_token: NonNegative = Field(
        default=0.0, description="pJ per step and layer."
    )
    latency_ns_per_token: NonNegative = Field(
        default=0.0, description="ns per step and layer."
    )
    energy_pj_per_burst: NonNegative = Field(default=0.0, description="pJ per burst.")
    latency_ns_per_burst: NonNegative = Field(default=0.0, description="ns per burst.")
    software_launch: SoftwareLaunchConfig | None = Field(
        default=None,
        description="Launch of operations by software; null: a hardware sequencer.",
    )


class SocConfig(FrozenConfig):
    """What surrounds the crossbars."""

    schedule: Schedule = Field(
        default="serialized", description="Schedule when the scenario names none."
    )
    attention_cim_units: PositiveCount = Field(
        default=1, description="Attention units; divides the latency of qk and pv."
    )
    draft_activation_bits: Bits | None = Field(
        default=None, description="Activation bits of draft reads; null: the model's."
    )
    verify_activation_bits: Bits | None = Field(
        default=None, description="Activation bits of full reads; null: the model's."
    )
    verify_setup: VerifySetupConfig = Field(
        default_factory=VerifySetupConfig, description="Setup of the verify phase."
    )
    buffers_add: BuffersAddConfig = Field(
        default_factory=BuffersAddConfig, description="Accumulation of ADC outputs."
    )
    control: ControlConfig = Field(
        default_factory=ControlConfig, description="Sequencer."
    )
    attention_cim_mac_area_mm2_per_unit: NonNegative = Field(
        default=0.0, description="mm2 of one attention unit."
    )
    attention_cim_storage_bits_per_element: Bits | None = Field(
        default=None, description="Bits stored per element; null: activation bits."
    )


def _static(what: str) -> str:
    return f"Static power of the {what}, in nW."


class LeakagePowerConfig(FrozenConfig):
    """Static power of each component in nW, for the whole chip or one instance."""

    arrays_nw: NonNegative = Field(default=0.0, description=_static("analog arrays"))
    dac_nw: NonNegative = Field(default=0.0, description=_static("row driver DACs"))
    adc_draft_nw: NonNegative = Field(
        default=0.0, description=_static("ADCs of array 1")
    )
    adc_residual_nw: NonNegative = Field(
        default=0.0, description=_static("ADCs of arrays 2 to 4")
    )
    input_registers_nw: NonNegative = Field(
        default=0.0, description=_static("registers before the DACs")
    )
    output_registers_nw: NonNegative = Field(
        default=0.0, description=_static("registers after the ADCs")
    )
    tia_nw: NonNegative = Field(
        default=0.0, description=_static("transimpedance amplifiers")
    )
    snh_nw: NonNegative = Field(
        default=0.0, description=_static("sample-and-hold circuits")
    )
    mux_nw: NonNegative = Field(default=0.0, description=_static("column multiplexers"))
    io_buffers_nw: NonNegative = Field(
        default=0.0, description=_static("input and output buffers")
    )
    subarray_switches_nw: NonNegative = Field(
        default=0.0, description=_static("switches between subarrays")
    )
    write_drivers_nw: NonNegative = Field(
        default=0.0, description=_static("row drivers for programming")
    )
    attention_engine_nw: NonNegative = Field(
        default=0.0, description=_static("attention units")
    )
    softmax_unit_nw: NonNegative = Field(
        default=0.0, description=_static("softmax lanes")
    )
    elementwise_unit_nw: NonNegative = Field(
        default=0.0, description=_static("elementwise lanes")
    )
    kv_cache_nw: NonNegative = Field(
        default=0.0, description=_static("units that pack and unpack KV")
    )
    buffers_add_nw: NonNegative = Field(
        default=0.0, description=_static("adders of ADC outputs")
    )
    control_nw: NonNegative = Field(default=0.0, description=_static("sequencers"))
    sram_nw: NonNegative = Field(default=0.0, description=_static("SRAM buffer"))
    hbm_nw: NonNegative = Field(
        default=0.0, description=_static("HBM stacks, as background power")
    )
    fabric_nw: NonNegative = Field(
        default=0.0, description=_static("fabric between SRAM and HBM")
    )


#: Problems of a chip that is not described in exactly one way.
BOTH_FORMS = FieldIssue(
    ("costs",),
    message="ambiguous: both analog and costs",
    hint="Keep one of them: analog describes converters, costs is per MAC.",
)
NEITHER_FORM = FieldIssue(
    ("analog",), message="missing", allowed="must provide either analog or costs"
)


class HardwareConfig(FrozenConfig):
    """One accelerator, every number final."""

    name: Name = Field(description="Name in reports.")
    description: Text | None = Field(default=None, description="What it stands for.")
    reuse_policy: Literal["reuse", "reread"] = Field(
        default="reuse",
        description="Verify reuses the stored draft results, or reads all arrays.",
    )
    library: Name | None = Field(
        default=None, description="Component library; null: the file's own components."
    )
    library_file: Text | None = Field(
        default=None, description="File the library was read from, as written."
    )
    analog: AnalogConfig | None = Field(
        default=None, description="Crossbars and converters; null with costs."
    )
    components: ComponentsConfig | None = Field(
        default=None, description="Looked-up component numbers; null with costs."
    )
    costs: LegacyCostsConfig | None = Field(
        default=None, description="Costs per MAC (legacy form); null with analog."
    )
    soc: SocConfig = Field(default_factory=SocConfig, description="Surroundings.")
    memory: MemoryConfig | None = Field(
        default=None, description="Memories; null: no byte model."
    )
    leakage_power: LeakagePowerConfig = Field(
        default_factory=LeakagePowerConfig, description="Static power."
    )
    leakage_per: Literal["chip", "instance"] = Field(
        default="chip",
        description="Whether leakage_power is of the whole chip or of one instance.",
    )
    provenance: dict[str, Provenance] = Field(
        default_factory=dict,
        description="Source of numbers, by dotted path.",
        json_schema_extra=RESOLVED_ONLY,
    )
    origins: dict[str, Text] = Field(
        default_factory=dict,
        description='Per value: "explicit", "library NAME" or "default".',
        json_schema_extra=RESOLVED_ONLY,
    )

    @model_validator(mode="after")
    def _check_one_form(self) -> HardwareConfig:
        if self.analog is not None and self.costs is not None:
            raise_issues([BOTH_FORMS])
        if self.analog is None and self.costs is None:
            raise_issues([NEITHER_FORM])
        if (self.components is None) != (self.analog is None):
            needed = "needed by" if self.components is None else "given without"
            raise_issues([FieldIssue(("components",), message=f"{needed} analog")])
        if self.analog is not None and self.components is not None:
            delta, found = self.analog.delta_readout, self.components.delta_dac
            for phase, mode in (("draft", delta.draft), ("verify", delta.verify)):
                if mode.enabled != (phase in found):
                    path = ("components", "delta_dac")
                    message = f"does not fit analog.delta_readout.{phase}.enabled"
                    raise_issues([FieldIssue(path, message=message)])
        return self

    def digital_feature(self, name: str) -> FeatureCoefficient:
        """Coefficient of a digital feature, in either form of the hardware.

        Parameters
        ----------
        name : str
            One of `FEATURES`.

        Raises
        ------
        KeyError
            If there is no such feature.
        """
        if self.components is not None:
            return self.components.digital.feature(name)
        assert self.costs is not None  # checked when it was built
        return self.costs.feature(name)
