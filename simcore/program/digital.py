"""Cost of the DPU features and of control: elements times a coefficient."""

from __future__ import annotations

from dataclasses import dataclass, replace

from simcore.config.hardware import HardwareConfig
from simcore.program.cost import ZERO, Cost
from simcore.program.operation import Operation

#: feature -> (stage, resource, component)
FEATURES: dict[str, tuple[str, str, str]] = {
    "attention_qk": ("qk", "attention", "attention_engine"),
    "attention_softmax": ("softmax", "dpu", "softmax_unit"),
    "attention_pv": ("pv", "attention", "attention_engine"),
    "ffn_activation": ("elementwise", "dpu", "elementwise_unit"),
    "ffn_gate_multiply": ("elementwise", "dpu", "elementwise_unit"),
    "residual_add": ("elementwise", "dpu", "elementwise_unit"),
    "norm": ("elementwise", "dpu", "elementwise_unit"),
    "quantize": ("elementwise", "dpu", "elementwise_unit"),
    "dequantize": ("elementwise", "dpu", "elementwise_unit"),
    "rope": ("elementwise", "dpu", "elementwise_unit"),
    "sampling": ("elementwise", "dpu", "elementwise_unit"),
    "kv_pack": ("kv_cache", "dpu", "kv_cache"),
    "kv_unpack": ("kv_cache", "dpu", "kv_cache"),
    "kv_cache_update": ("kv_cache", "dpu", "kv_cache"),
}


@dataclass(frozen=True)
class DigitalUnit:
    """Costs of the digital processing unit and the attention unit of one layer."""

    hardware: HardwareConfig

    def feature(
        self,
        feature: str,
        elements: Cost,
        *,
        name: str | None = None,
        stage: str | None = None,
    ) -> Operation:
        """One DPU operation on `elements`; `name` and `stage` where they differ.

        Throughput is continuous: elements x ns per element, without rounding up to
        whole cycles; `attention_cim_units` divides the time of qk and pv.
        """
        usual_stage, resource, component = FEATURES[feature]
        coefficient = self.hardware.digital_feature(feature)
        units = 1
        if feature in ("attention_qk", "attention_pv"):
            units = self.hardware.soc.attention_cim_units
        return Operation(
            name=name or feature,
            stage=stage or usual_stage,
            resources=(resource,),
            channel="compute",
            owner=component,
            status=coefficient.status,
            duration_ns=elements * (coefficient.latency_ns_per_op / units),
            energy_pj=((component, elements * coefficient.energy_pj_per_op),),
            elements=elements,
        )

    def kv_load(self, elements: Cost) -> Operation:
        """Write K and V into the SRAM compute arrays of the attention unit (proxy)."""
        packed = self.feature("kv_pack", elements, name="kv_load")
        return replace(packed, resources=("attention",), status="proxy")

    def kv_convert(self, elements: Cost) -> Operation:
        """Dequantize from SRAM's format and quantize to HBM's, on the way to HBM.

        One stream through the elementwise lanes beside the transfer, so one hold
        with the costs of both features.
        """
        out = self.feature("dequantize", elements)
        back = self.feature("quantize", elements)
        component = out.owner
        both = sum((cost for op in (out, back) for _, cost in op.energy_pj), ZERO)
        return replace(
            out,
            name="kv_convert",
            stage="kv_cache",
            status=back.status if out.status == "modeled" else out.status,
            duration_ns=out.duration_ns + back.duration_ns,
            energy_pj=((component, both),),
        )

    def control(self, name: str, latency_ns: float, energy_pj: float) -> Operation:
        """One control action of the sequencer."""
        return Operation(
            name=name,
            stage="control",
            resources=("control",),
            channel="compute",
            owner="control",
            duration_ns=Cost(latency_ns),
            energy_pj=(("control", Cost(energy_pj)),),
            elements=Cost(1),
        )
