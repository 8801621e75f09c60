"""Small chips and models written by hand, in the public format with resolved numbers.

Their numbers are round so that expected values can be worked out on paper.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

Plain = dict[str, Any]

BLOCKS = (
    "input_registers",
    "output_registers",
    "tia",
    "snh",
    "mux",
    "io_buffers",
    "subarray_switches",
    "write_drivers",
)
LEAKAGE = (
    *("arrays", "dac", "adc_draft", "adc_residual", *BLOCKS),
    *("attention_engine", "softmax_unit", "elementwise_unit", "kv_cache"),
    *("buffers_add", "control", "sram", "hbm", "fabric"),
)


def block(energy: float = 0.0, latency: float = 0.0, area: float = 0.0) -> Plain:
    return {
        "energy_pj_per_op": energy,
        "latency_ns_per_op": latency,
        "area_mm2_per_unit": area,
    }


def converter(energy: float, latency: float, area: float) -> Plain:
    return {
        "energy_pj_per_conversion": energy,
        "latency_ns_per_conversion": latency,
        "area_mm2_per_unit": area,
    }


def per_mac(energy: float, latency: float) -> Plain:
    return {"energy_pj_per_mac": energy, "latency_ns_per_mac": latency}


def soc() -> Plain:
    return {
        "schedule": "serialized",
        "attention_cim_units": 1,
        "attention_cim_mac_area_mm2_per_unit": 0.0,
        "verify_setup": {"energy_pj_per_burst": 0.0, "latency_ns_per_burst": 0.0},
        "buffers_add": {**block(), "draft": {}, "verify": {}},
        "control": {
            "energy_pj_per_token": 0.0,
            "latency_ns_per_token": 0.0,
            "energy_pj_per_burst": 0.0,
            "latency_ns_per_burst": 0.0,
        },
    }


def tiny_model(**changes: Any) -> Plain:
    """One layer of width 4: every matrix is a whole number of 4 x 4 tiles."""
    return {
        "n_layers": 1,
        "d_model": 4,
        "n_heads": 2,
        "activation_bits": 4,
        "ffn_type": "mlp",
        "effective_d_ff": 8,
        "draft_policy": {"default": {}, "per_layer": {}},
        **deepcopy(changes),
    }


def tiny_chip(**changes: Any) -> Plain:
    """Crossbars of 4 x 4, two slices an activation, nothing but arrays and converters.

    Free digital features; DAC 0.5 ns, array 0.25 ns, ADCs 1 and 2 ns a conversion.
    """
    return {
        "reuse_policy": "reuse",
        "soc": soc(),
        "analog": {
            "xbar_size": 4,
            "num_columns_per_adc": 2,
            "dac_bits": 2,
            "adc": {"draft_bits": 4, "residual_bits": 8},
            "periphery": {name: block() for name in BLOCKS},
        },
        "specs": {
            "dac": converter(1.0, 0.5, 0.01),
            "adc_draft": converter(2.0, 1.0, 0.1),
            "adc_residual": converter(3.0, 2.0, 0.2),
            "array": {
                "energy_pj_per_activation": 5.0,
                "latency_ns_per_activation": 0.25,
                "area_mm2_per_weight": 0.001,
                "arrays_per_weight": 4,
            },
            "digital_features": {
                name: per_mac(0.0, 0.0)
                for name in (
                    "attention_qk",
                    "attention_softmax",
                    "attention_pv",
                    "ffn_activation",
                    "ffn_gate_multiply",
                    "kv_cache_update",
                )
            },
            "digital_overhead_area_mm2_per_layer": 0.0,
        },
        **deepcopy(changes),
    }


def legacy_chip(**changes: Any) -> Plain:
    """Costs per MAC: 1 pJ and 1 ns drafting, 4 and 2 in full, 3 and 1.5 on reuse."""
    return {
        "reuse_policy": "reuse",
        "soc": soc(),
        "costs": {
            "analog_draft": per_mac(1.0, 1.0),
            "analog_full": per_mac(4.0, 2.0),
            "analog_verify_reuse": per_mac(3.0, 1.5),
            "digital_attention": per_mac(0.0, 0.0),
            "digital_softmax": per_mac(0.0, 0.0),
            "digital_elementwise": per_mac(0.0, 0.0),
            "kv_cache": per_mac(0.0, 0.0),
            "analog_weight_area": {"area_mm2_per_weight": 0.5},
            "digital_overhead_area_mm2_per_layer": 0.25,
        },
        **deepcopy(changes),
    }


def memory(**changes: Any) -> Plain:
    """Technologies without cost; the KV of a token has the default format."""
    return {"sram": {}, "hbm": {}, "fabric": {}, "kv_cache": {}, **deepcopy(changes)}
