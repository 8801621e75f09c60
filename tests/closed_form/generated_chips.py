"""Random chips, models and bursts from a seed: the cases of the closed-form tests.

Case `n` is always the same chip. Small shapes keep a case at a few milliseconds; the
numbers spread over orders of magnitude so that every kind of resource is the
bottleneck of some case.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import FEATURES as ALL_FEATURES
from simcore.config.hardware import KV_UPDATE
from simcore.config.load import load_hardware, load_model
from simcore.program.burst import BurstProgram, Schedule, build_burst_program
from simcore.program.outcomes import BurstOutcome

#: Without the one that stands for several others.
FEATURES = tuple(name for name in ALL_FEATURES if name != KV_UPDATE)


@dataclass(frozen=True)
class Case:
    """Configuration mappings of one generated chip, and where its burst stands."""

    model: dict[str, Any]
    hardware: dict[str, Any]
    accounting: dict[str, Any]
    schedule: Schedule
    draft_length: int
    context_length: int

    def program(
        self, *, schedule: Schedule | None = None, draft_length: int | None = None
    ) -> BurstProgram:
        return build_burst_program(
            load_model(self.model),
            load_hardware(self.hardware),
            self.draft_length if draft_length is None else draft_length,
            AccountingConfig(**self.accounting),
            schedule or self.schedule,
        )

    def outcome(self, accepted: int) -> BurstOutcome:
        return BurstOutcome(self.context_length, accepted, accepted + 1)


def generated_case(seed: int) -> Case:
    """Case number `seed`; every second chip with memories has HBM channels."""
    case = _Generator(np.random.default_rng([seed, 20_26])).case(seed)
    if seed % 2 and "memory" in case.hardware:
        # Drawn apart, so that the rest of the chip does not depend on it.
        channel = _channel(np.random.default_rng([seed, 20_26, 4]))
        case.hardware["memory"]["hbm"] |= {"model": "channel", "channel": channel}
    return case


def _channel(rng: np.random.Generator) -> dict[str, Any]:
    """HBM whose refreshes fall into the short transfers of small models."""

    def ns(low: float, high: float) -> float:
        value = float(np.exp(rng.uniform(np.log(low), np.log(high))))
        # Whole ns now and then: a refresh at the very end of a transfer.
        return float(np.ceil(value)) if rng.random() < 0.5 else value

    interval = ns(8, 400)
    stall = float(rng.uniform(0.1, 0.9)) * (interval - 1)
    return {
        "preset": str(rng.choice(["HBM2", "HBM2E", "HBM3", "HBM3E"])),
        "stacks": int(rng.integers(1, 4)),
        # From the real rate to one at which HBM is the bottleneck.
        "burst_ns": ns(0.8, 3000),
        "activate_to_read_ns": ns(1, 30),
        "refresh": "none" if rng.random() < 0.15 else "all_bank",
        "refresh_interval_ns": interval,
        "refresh_stall_ns": float(np.ceil(stall)) if rng.random() < 0.5 else stall,
        "refresh_ns": stall / 2,
        "controller_energy_pj_per_byte": float(rng.uniform(0, 10)),
    }


class _Generator:
    def __init__(self, rng: np.random.Generator) -> None:
        self._rng = rng

    def case(self, seed: int) -> Case:
        draft_length = self._integer(0, 8)
        return Case(
            model=self._model(draft_length),
            hardware=self._hardware(),
            accounting=self._accounting(),
            # Two of three: the wavefront is the harder half.
            schedule="serialized" if seed % 3 == 0 else "layer-pipelined",
            draft_length=draft_length,
            context_length=self._integer(1, 400),
        )

    # -- draws --------------------------------------------------------------------

    def _integer(self, low: int, high: int) -> int:
        return int(self._rng.integers(low, high + 1))

    def _pick(self, *choices: Any) -> Any:
        return choices[self._integer(0, len(choices) - 1)]

    def _ns(self, low: float, high: float) -> float:
        """Log-uniform; sometimes 0, sometimes whole ns so that times coincide."""
        kind = self._integer(0, 5)
        if kind == 0:
            return 0.0
        value = float(np.exp(self._rng.uniform(np.log(low), np.log(high))))
        return float(np.ceil(value)) if kind <= 2 else value

    def _chance(self, probability: float) -> bool:
        return bool(self._rng.random() < probability)

    # -- parts --------------------------------------------------------------------

    def _model(self, draft_length: int) -> dict[str, Any]:
        # Long drafts through many layers would only cost time.
        n_layers = self._integer(1, 12 if draft_length <= 4 else 5)
        n_kv_heads = self._pick(1, 2, 4)

        def policy() -> dict[str, str]:
            blocks = ("qkv", "wo", "ffn")
            return {block: self._pick("draft", "draft", "full") for block in blocks}

        # A window must be longer than a burst.
        window = self._integer(draft_length + 2, draft_length + 40)
        windows = [window if self._chance(0.5) else None for _ in range(n_layers)]
        return {
            "name": "generated",
            "n_layers": n_layers,
            "d_model": 16 * self._integer(1, 8),
            "n_heads": n_kv_heads * self._pick(1, 2),
            "n_kv_heads": n_kv_heads,
            "head_dim": self._pick(8, 16),
            "d_ff": 16 * self._integer(1, 16),
            "ffn_type": self._pick("mlp", "swiglu"),
            "vocab_size": self._pick(None, 100, 1000),
            "qk_norm": self._chance(0.5),
            "rotary": self._chance(0.5),
            "activation_bits": self._integer(4, 12),
            "layer_windows": windows if self._chance(0.4) else [None] * n_layers,
            "draft_policy": {
                "default": policy(),
                "per_layer": {
                    layer: policy() for layer in range(n_layers) if self._chance(0.2)
                },
            },
        }

    def _converter(self) -> dict[str, float]:
        return {
            "energy_pj_per_conversion": float(self._rng.uniform(0.1, 9)),
            "latency_ns_per_conversion": self._ns(0.1, 9),
            "area_mm2_per_unit": 0.0,
        }

    def _technology(self, reads_gbps: float) -> dict[str, Any]:
        def bandwidth() -> float:
            # 0 is unlimited.
            return 0.0 if self._chance(0.15) else reads_gbps * self._integer(1, 40)

        return {
            "read_energy_pj_per_byte": float(self._rng.uniform(0.1, 40)),
            "write_energy_pj_per_byte": float(self._rng.uniform(0.1, 40)),
            "read_bandwidth_GBps": bandwidth(),
            "write_bandwidth_GBps": bandwidth(),
            "read_latency_ns": self._ns(0.5, 200),
            "write_latency_ns": self._ns(0.5, 200),
        }

    def _memory(self) -> dict[str, Any] | None:
        if self._chance(0.12):
            return None
        kv = {
            "value_bytes_per_elem": self._pick(1, 2),
            "scale_bytes": 2,
            "scales_per_token_per_head": self._pick(0, 2),
        }
        cache = {"hbm": kv}
        if self._chance(0.3):
            cache["sram"] = {**kv, "value_bytes_per_elem": 2}
        return {
            "sram": self._technology(4.0),
            # From far slower than a layer computes to never in the way.
            "hbm": self._technology(self._pick(0.05, 0.5, 20.0)),
            "fabric": self._technology(8.0),
            "kv_cache": cache,
        }

    def _hardware(self) -> dict[str, Any]:
        def block(ns: float) -> dict[str, float]:
            return {
                "energy_pj_per_op": float(self._rng.uniform(0, 1)),
                "latency_ns_per_op": self._ns(ns / 10, ns),
            }

        def coefficient() -> dict[str, float]:
            return {
                "energy_pj_per_mac": float(self._rng.uniform(0.1, 2)),
                "latency_ns_per_mac": self._ns(0.001, 1),
            }

        hardware: dict[str, Any] = {
            "name": "generated",
            "reuse_policy": self._pick("reuse", "reread"),
            "analog": {
                "xbar_size": 32,
                "dac_bits": self._pick(2, 4),
                "num_columns_per_adc": self._pick(1, 8, 32),
                "adc": {"draft_bits": 4, "residual_bits": 8},
                "periphery": {
                    name: block(5.0)
                    for name in ("tia", "snh", "mux", "input_registers")
                },
            },
            "soc": {
                "attention_cim_units": self._integer(1, 3),
                "buffers_add": {**block(3.0), "verify": block(3.0)},
                "verify_setup": {
                    "energy_pj_per_burst": float(self._rng.uniform(0, 9)),
                    "latency_ns_per_burst": self._ns(1, 100),
                },
                "control": {
                    "energy_pj_per_token": float(self._rng.uniform(0, 9)),
                    "latency_ns_per_token": self._ns(0.1, 10),
                    "energy_pj_per_burst": float(self._rng.uniform(0, 9)),
                    "latency_ns_per_burst": self._ns(0.1, 100),
                },
            },
            "components": {
                "adc": {"4": self._converter(), "8": self._converter()},
                "dac": {"2": self._converter(), "4": self._converter()},
                "array": {
                    "energy_pj_per_activation": float(self._rng.uniform(0, 1)),
                    "latency_ns_per_activation": self._ns(1, 20),
                    "area_mm2_per_weight": 0.0,
                },
                "digital": {
                    "attention": coefficient(),
                    "softmax": coefficient(),
                    "elementwise": coefficient(),
                    "kv_cache": coefficient(),
                    "features": {
                        name: coefficient() for name in FEATURES if self._chance(0.5)
                    },
                },
            },
        }
        memory = self._memory()
        if memory is not None:
            hardware["memory"] = memory
        return hardware

    def _accounting(self) -> dict[str, Any]:
        switches = {
            "tile_parallelism": self._pick("serial", "matrix", "all", 2, 7),
            "array_energy": self._pick("per_cell", "per_array"),
            "attention_heads": self._pick("gqa", "gqa", "mha"),
            "attention": self._pick("streaming", "streaming", "sram_cim"),
            "lm_head": self._pick("analog", "analog", "dpu", "excluded"),
            "kv_read_sharing": self._pick("per_step", "per_step", "per_burst"),
            "dac_banks": self._pick(1, 2),
            "periphery_latency": self._pick("per_sample", "per_sample", "product"),
            "burst_setup": self._pick("once", "per_layer"),
        }
        for name in (
            "extra_features",
            "kv_commit_sram_read",
            "offset_row",
            "self_token",
            "baseline_setup",
        ):
            switches[name] = self._pick("on", "on", "off")
        return switches
