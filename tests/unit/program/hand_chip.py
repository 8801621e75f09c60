"""The chip and the model of the hand arithmetic: every number distinct and round."""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from simcore.config.accounting import AccountingConfig
from simcore.config.load import load_hardware, load_model
from simcore.program.burst import BurstProgram, build_burst_program
from simcore.program.operation import LayerStep, Operation

#: Qwen3-1.7B, typed from its Hugging Face config.json.
QWEN3_17B: dict[str, Any] = {
    "name": "qwen3-1.7b",
    "n_layers": 28,
    "d_model": 2048,
    "n_heads": 16,
    "n_kv_heads": 8,
    "head_dim": 128,
    "d_ff": 6144,
    "ffn_type": "swiglu",
    "vocab_size": 151936,
    "qk_norm": True,
    "activation_bits": 12,
}

#: Coefficient of each feature: (pJ per element, ns per element).
FEATURE = {
    "attention_qk": (1.1, 0.002),
    "attention_softmax": (1.2, 0.003),
    "attention_pv": (1.3, 0.004),
    "ffn_activation": (1.4, 0.005),
    "ffn_gate_multiply": (1.5, 0.006),
    "residual_add": (1.6, 0.007),
    "norm": (1.7, 0.008),
    "quantize": (1.8, 0.009),
    "dequantize": (1.9, 0.010),
    "kv_pack": (2.1, 0.011),
    "kv_unpack": (2.2, 0.012),
    "rope": (2.3, 0.013),
    "sampling": (2.4, 0.014),
}

_COARSE = {"energy_pj_per_mac": 99.0, "latency_ns_per_mac": 99.0}

HARDWARE: dict[str, Any] = {
    "name": "by-hand",
    "reuse_policy": "reread",
    "analog": {
        "xbar_size": 128,
        "dac_bits": 4,
        "num_columns_per_adc": 64,
        "adc": {
            "draft_bits": 4,
            "residual_bits": 12,
            "num_columns_per_adc": {"draft": 16, "residual": 32},
        },
        "periphery": {
            "input_registers": {"energy_pj_per_op": 0.011},
            "output_registers": {"energy_pj_per_op": 0.013},
            "tia": {"energy_pj_per_op": 0.017, "latency_ns_per_op": 1.5},
            "snh": {"energy_pj_per_op": 0.019, "latency_ns_per_op": 0.5},
            "mux": {"energy_pj_per_op": 0.023, "latency_ns_per_op": 0.25},
            "io_buffers": {"energy_pj_per_op": 0.029},
            "subarray_switches": {"energy_pj_per_op": 0.031},
            "write_drivers": {"energy_pj_per_op": 0.037},
        },
    },
    "soc": {
        "attention_cim_units": 2,
        "draft_activation_bits": 8,
        "verify_activation_bits": 12,
        "verify_setup": {"energy_pj_per_burst": 41.0, "latency_ns_per_burst": 9.0},
        "buffers_add": {
            "energy_pj_per_op": 0.043,
            "latency_ns_per_op": 0.75,
            "verify": {"energy_pj_per_op": 0.047, "latency_ns_per_op": 1.25},
        },
        "control": {
            "energy_pj_per_token": 51.0,
            "latency_ns_per_token": 3.0,
            "energy_pj_per_burst": 53.0,
            "latency_ns_per_burst": 6.0,
        },
    },
    "memory": {
        "sram": {
            "read_energy_pj_per_byte": 2.5,
            "write_energy_pj_per_byte": 3.5,
            "read_bandwidth_GBps": 64.0,
            "write_bandwidth_GBps": 32.0,
            "read_latency_ns": 4.0,
            "write_latency_ns": 5.0,
        },
        "hbm": {
            "read_energy_pj_per_byte": 30.0,
            "write_energy_pj_per_byte": 40.0,
            "read_bandwidth_GBps": 1024.0,
            "write_bandwidth_GBps": 512.0,
            "read_latency_ns": 100.0,
            "write_latency_ns": 120.0,
        },
        "fabric": {
            "read_energy_pj_per_byte": 0.5,
            "write_energy_pj_per_byte": 0.75,
            "read_bandwidth_GBps": 256.0,
            "write_bandwidth_GBps": 128.0,
            "read_latency_ns": 7.0,
            "write_latency_ns": 8.0,
        },
        "kv_cache": {
            "hbm": {
                "value_bytes_per_elem": 1,
                "scale_bytes": 2,
                "scales_per_token_per_head": 2,
            }
        },
    },
    "components": {
        "adc": {
            "4": {
                "energy_pj_per_conversion": 0.2,
                "latency_ns_per_conversion": 2.0,
                "area_mm2_per_unit": 0.0,
            },
            "12": {
                "energy_pj_per_conversion": 20.0,
                "latency_ns_per_conversion": 10.0,
                "area_mm2_per_unit": 0.0,
            },
        },
        "dac": {
            "4": {
                "energy_pj_per_conversion": 0.3,
                "latency_ns_per_conversion": 3.5,
                "area_mm2_per_unit": 0.0,
            }
        },
        "array": {
            "energy_pj_per_activation": 0.002,
            "latency_ns_per_activation": 11.0,
            "area_mm2_per_weight": 0.0,
        },
        "digital": {
            "attention": _COARSE,
            "softmax": _COARSE,
            "elementwise": _COARSE,
            "kv_cache": _COARSE,
            "features": {
                name: {"energy_pj_per_mac": pj, "latency_ns_per_mac": ns}
                for name, (pj, ns) in FEATURE.items()
            },
        },
    },
}


def merged(base: Mapping[str, Any], changes: Mapping[str, Any]) -> dict[str, Any]:
    """`base` with nested `changes`; a change to None removes the key."""
    result = deepcopy(dict(base))
    for key, value in changes.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
            result[key] = merged(result[key], value)
        else:
            result[key] = value
    return result


def burst(
    draft_length: int = 2,
    *,
    model: Mapping[str, Any] | None = None,
    hardware: Mapping[str, Any] | None = None,
    **switches: Any,
) -> BurstProgram:
    """A burst of the chip above with changes."""
    return build_burst_program(
        load_model(merged(QWEN3_17B, model or {})),
        load_hardware(merged(HARDWARE, hardware or {})),
        draft_length,
        AccountingConfig(**switches),
    )


#: What one operation costs: name, resources, elements, read and written bytes, ns,
#: pJ by component.
Row = tuple[str, tuple[str, ...], float, float, float, float, dict[str, float]]


def rows(part: LayerStep, cached: int, committed: int = 0) -> list[list[Row]]:
    """Every operation of a layer's part, one list of legs a position."""
    context = part.context(cached)

    def row(op: Operation) -> Row:
        energies: dict[str, float] = {}
        for component, cost in op.energy_pj:
            assert component not in energies, "a joule has one owner"
            energies[component] = cost.at(context, committed)
        return (
            op.name,
            op.resources,
            op.elements.at(context, committed),
            op.read_bytes.at(context, committed),
            op.write_bytes.at(context, committed),
            op.duration_ns.at(context, committed),
            energies,
        )

    return [[row(op) for op in legs] for legs in part.positions]


def find(part: LayerStep, name: str, cached: int = 0, committed: int = 0) -> list[Row]:
    """All operations of that name, in order."""
    return [
        row for legs in rows(part, cached, committed) for row in legs if row[0] == name
    ]
