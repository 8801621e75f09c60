"""Chips whose operations take 0, 1, 2 or 3 ns, most of them 0: everything coincides."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from generated_chips import FEATURES

from simcore.config.load import load_hardware, load_model
from simcore.program.burst import BurstProgram, build_burst_program


@dataclass(frozen=True)
class TieProneCase:
    """A pipelined burst of a tie-prone chip."""

    program: BurstProgram
    context_length: int


def tie_prone_case(seed: int) -> TieProneCase:
    """Case number `seed`; times of whole ns, so that equal times are equal."""
    rng = np.random.default_rng([seed, 7])
    busy = float(rng.choice([0.03, 0.1, 0.2, 0.6]))

    def ns() -> float:
        return float(rng.integers(0, 4)) if rng.random() < busy else 0.0

    def coefficient() -> dict[str, float]:
        return {"energy_pj_per_mac": 1.0, "latency_ns_per_mac": ns()}

    def converter() -> dict[str, float]:
        return {
            "energy_pj_per_conversion": 1.0,
            "latency_ns_per_conversion": ns(),
            "area_mm2_per_unit": 0.0,
        }

    def technology(read_gbps: float) -> dict[str, float]:
        return {
            "read_energy_pj_per_byte": 1.0,
            "write_energy_pj_per_byte": 1.0,
            "read_latency_ns": ns(),
            "write_latency_ns": ns(),
            "read_bandwidth_GBps": read_gbps,
            "write_bandwidth_GBps": float(rng.choice([0, 1, 2])),
        }

    n_layers, draft_length = int(rng.integers(1, 6)), int(rng.integers(1, 6))
    model: dict[str, Any] = {
        "name": "tie-prone",
        "n_layers": n_layers,
        "d_model": 1,
        "n_heads": 1,
        "n_kv_heads": 1,
        "head_dim": 1,
        "d_ff": 1,
        "vocab_size": 1 if rng.random() < 0.5 else None,
        "activation_bits": 4,
        "layer_windows": [
            None if rng.random() < 0.5 else draft_length + int(rng.integers(2, 5))
            for _ in range(n_layers)
        ],
        "draft_policy": {
            "per_layer": {
                layer: {"qkv": "full"} for layer in range(n_layers) if layer % 2
            }
        },
    }
    hardware: dict[str, Any] = {
        "name": "tie-prone",
        "reuse_policy": "reuse" if rng.random() < 0.5 else "reread",
        "analog": {
            "xbar_size": 1,
            "dac_bits": 4,
            "num_columns_per_adc": 1,
            "adc": {"draft_bits": 4, "residual_bits": 8},
        },
        "soc": {
            "buffers_add": {"energy_pj_per_op": 1.0, "latency_ns_per_op": ns()},
            "control": {"energy_pj_per_token": 1.0, "latency_ns_per_token": ns()},
        },
        "components": {
            "adc": {"4": converter(), "8": converter()},
            "dac": {"4": converter()},
            "array": {
                "energy_pj_per_activation": 1.0,
                "latency_ns_per_activation": ns(),
                "area_mm2_per_weight": 0.0,
            },
            "digital": {
                "attention": coefficient(),
                "softmax": coefficient(),
                "elementwise": coefficient(),
                "kv_cache": coefficient(),
                "features": {name: coefficient() for name in FEATURES},
            },
        },
        "memory": {
            "sram": technology(float(rng.choice([0, 1, 2]))),
            # The one resource that is never free: a byte takes a nanosecond.
            "hbm": technology(1.0),
            "fabric": technology(float(rng.choice([0, 1, 2]))),
            "kv_cache": {
                "hbm": {
                    "value_bytes_per_elem": 1,
                    "scale_bytes": 0,
                    "scales_per_token_per_head": 0,
                }
            },
        },
    }
    program = build_burst_program(
        load_model(model),
        load_hardware(hardware),
        draft_length,
        schedule="layer-pipelined",
    )
    return TieProneCase(program, int(rng.integers(1, 6)))
