"""The public formulas once more, the slow way: every layer, step and stage in turn.

Written on the public format's dictionaries and sharing no code with the calculator.
A ledger maps (phase, "stage" | "component" | "count" | "ops", name) to [pJ, ns] or a
number.
"""

from __future__ import annotations

from collections import defaultdict
from math import ceil
from typing import Any

Plain = dict[str, Any]
Ledger = dict[tuple[str, str, str], list[float]]

PERIPHERY = ("tia", "snh", "mux", "io_buffers")
DPU = {
    "attention_qk": ("qk", "attention_engine"),
    "attention_softmax": ("softmax", "softmax_unit"),
    "attention_pv": ("pv", "attention_engine"),
    "ffn_activation": ("elementwise", "elementwise_unit"),
    "ffn_gate_multiply": ("elementwise", "elementwise_unit"),
    "kv_cache_update": ("kv_cache", "kv_cache"),
}
LEGACY = {
    "attention_qk": "digital_attention",
    "attention_softmax": "digital_softmax",
    "attention_pv": "digital_attention",
    "ffn_activation": "digital_elementwise",
    "ffn_gate_multiply": "digital_elementwise",
    "kv_cache_update": "kv_cache",
}


class Naive:
    """One burst of `k` drafts that commits `committed` tokens after `length`."""

    def __init__(
        self, model: Plain, hardware: Plain, k: int, committed: float, length: int
    ) -> None:
        self.m, self.h, self.soc = model, hardware, hardware["soc"]
        self.k, self.committed, self.length = k, committed, length
        self.ledger: Ledger = defaultdict(lambda: [0.0, 0.0])
        self.layer_ns: dict[tuple[str, int], list[float]] = {}
        self.memory_ns: dict[str, float] = {}
        steps = [("draft", i) for i in range(k)]
        steps += [("verify_drafted", i) for i in range(k)]
        steps += [("verify_bonus", k)]
        for phase, i in steps:
            self.layer_ns[phase, i] = [
                self._layer(phase, layer, length + i)
                for layer in range(model["n_layers"])
            ]
        if "memory" in hardware:
            for phase in ("draft", "verify_drafted", "verify_bonus"):
                own = [i for name, i in steps if name == phase]
                traffic = self._traffic(phase, own, commit=phase == "verify_bonus")
                self.memory_ns[phase] = self._move(phase, traffic)

    def _put(self, phase: str, stage: str, component: str, e: float, t: float) -> float:
        for kind, name in (("stage", stage), ("component", component)):
            if name:
                entry = self.ledger[phase, kind, name]
                entry[0] += e
                entry[1] += t
        return t

    def _layer(self, phase: str, layer: int, context: int) -> float:
        m = self.m
        d, f = m["d_model"], m["effective_d_ff"]
        gated = m.get("ffn_type") == "swiglu"
        policy = m["draft_policy"]
        blocks = policy.get("per_layer", {}).get(str(layer))
        if blocks is None:
            blocks = policy["default"]
        stages = {
            "qkv": [(3 * d, d)],
            "wo": [(d, d)],
            "ffn": [(f, d)] * (2 if gated else 1) + [(d, f)],
        }
        run = self._legacy if "costs" in self.h else self._knobs
        time = sum(
            run(phase, name, matrices, blocks.get(name, "draft") == "full")
            for name, matrices in stages.items()
        )
        ops = {
            "attention_qk": d * context,
            "attention_softmax": m["n_heads"] * context,
            "attention_pv": d * context,
            "ffn_activation": f,
            "ffn_gate_multiply": f if gated else 0,
            "kv_cache_update": 0 if "memory" in self.h else d,
        }
        for name, n in ops.items():
            if "costs" in self.h:
                c = self.h["costs"][LEGACY[name]]
            else:
                c = self.h["specs"]["digital_features"][name]
            t = n * c["latency_ns_per_mac"]
            if name in ("attention_qk", "attention_pv"):
                t = t / self.soc["attention_cim_units"]
            time += self._put(phase, *DPU[name], n * c["energy_pj_per_mac"], t)
            self.ledger[phase, "ops", name][0] += n
        control = self.soc["control"]
        time += self._put(
            phase,
            "control",
            "control",
            control["energy_pj_per_token"],
            control["latency_ns_per_token"],
        )
        if phase == "verify_bonus":
            for c in (control, self.soc["verify_setup"]):
                e, t = c["energy_pj_per_burst"], c["latency_ns_per_burst"]
                time += self._put(phase, "control", "control", e, t)
        return time

    def _adder(self, phase: str) -> tuple[float, float]:
        base = self.soc["buffers_add"]
        own = base.get("draft" if phase == "draft" else "verify", {})
        return (
            own.get("energy_pj_per_op", base["energy_pj_per_op"]),
            own.get("latency_ns_per_op", base["latency_ns_per_op"]),
        )

    def _knobs(self, phase: str, stage: str, matrices: Any, full: bool) -> float:
        a, spec, size = self.h["analog"], self.h["specs"], self.h["analog"]["xbar_size"]
        reuse = self.h["reuse_policy"] == "reuse"
        if phase == "draft":
            n_a, u_d, u_r = (4, 1, 1) if full else (1, 1, 0)
        elif phase == "verify_drafted" and reuse:
            if full:
                return 0.0
            n_a, u_d, u_r = 3, 0, 1
        else:
            n_a, u_d, u_r = 4, 1, 1
        short = phase == "draft" and not full
        bits = self.soc.get(
            "draft_activation_bits" if short else "verify_activation_bits"
        )
        slices = ceil((bits or self.m["activation_bits"]) / a["dac_bits"])
        tiles = sum(ceil(r / size) * ceil(c / size) for r, c in matrices)
        execs = tiles * slices
        q = execs * size * (u_d + u_r)
        split = a["adc"].get("num_columns_per_adc") or {}
        c_d = split.get("draft", a["num_columns_per_adc"])
        c_r = split.get("residual", a["num_columns_per_adc"])
        delta = spec.get("delta_dac", {}).get("draft" if phase == "draft" else "verify")

        def e(block: str) -> float:
            return float(a["periphery"][block]["energy_pj_per_op"])

        def t(block: str) -> float:
            return float(a["periphery"][block]["latency_ns_per_op"])

        draft_ns = u_d * c_d * spec["adc_draft"]["latency_ns_per_conversion"]
        rest_ns = u_r * c_r * spec["adc_residual"]["latency_ns_per_conversion"]
        t_adc = max(draft_ns, rest_ns)
        t_dac = spec["dac"]["latency_ns_per_conversion"]
        e_dac = size * spec["dac"]["energy_pj_per_conversion"]
        if delta:
            t_dac = max(t_dac, delta["latency_ns_per_conversion"])
            e_dac += delta["energy_pj_per_conversion"]
        out_ns = n_a * 2 * size * t("output_registers")
        parts = [
            n_a * size * t("input_registers"),
            t_dac,
            spec["array"]["latency_ns_per_activation"],
            max([t_adc, out_ns] + [t_adc * t(name) for name in PERIPHERY]),
            t("subarray_switches"),
            t("write_drivers"),
        ]
        both = (draft_ns + rest_ns) or 1.0
        rows = {
            "arrays": (
                n_a * spec["array"]["energy_pj_per_activation"],
                spec["array"]["latency_ns_per_activation"],
            ),
            "dac": (e_dac, t_dac),
            "adc_draft": (
                u_d * size * spec["adc_draft"]["energy_pj_per_conversion"],
                t_adc * draft_ns / both,
            ),
            "adc_residual": (
                u_r * size * spec["adc_residual"]["energy_pj_per_conversion"],
                t_adc * rest_ns / both,
            ),
            "input_registers": (n_a * size * e("input_registers"), parts[0]),
            "output_registers": (n_a * 2 * size * e("output_registers"), out_ns),
            "subarray_switches": (n_a * e("subarray_switches"), parts[4]),
            "write_drivers": (size * e("write_drivers"), parts[5]),
        }
        for name in PERIPHERY:
            rows[name] = ((u_d + u_r) * size * e(name), t_adc * t(name))
        for name, (energy, ns) in rows.items():
            self._put(phase, "", name, execs * energy, execs * ns)
        energy = execs * sum(row[0] for row in rows.values())
        time = sum(parts) + (execs - 1) * max(parts)
        self._put(phase, stage, "", energy, time)
        for name, n in (
            ("array_activations", execs * n_a),
            ("dac_conversions", execs * size),
            ("adc_draft_conversions", execs * size * u_d),
            ("adc_residual_conversions", execs * size * u_r),
        ):
            self.ledger[phase, "count", name][0] += n
        add_pj, add_ns = self._adder(phase)
        scan = max(u_d * c_d, u_r * c_r) * add_ns
        add_energy = q * add_pj
        add_time = scan + max(0.0, (execs - 1) * (scan - max(parts)))
        if n_a == 3:
            add_energy += sum(r for r, _ in matrices) * add_pj
            add_time += sum(ceil(r / size) for r, _ in matrices) * c_r * add_ns
        return time + self._put(
            phase, "buffers_add", "buffers_add", add_energy, add_time
        )

    def _legacy(self, phase: str, stage: str, matrices: Any, full: bool) -> float:
        costs, reuse = self.h["costs"], self.h["reuse_policy"] == "reuse"
        if phase == "draft":
            name = "analog_full" if full else "analog_draft"
            adds = [1] * reuse + [1] * full
        elif phase == "verify_bonus" or not reuse:
            name, adds = "analog_full", [1]
        else:
            name, adds = ("", [1]) if full else ("analog_verify_reuse", [2])
        macs = sum(r * c for r, c in matrices)
        pair = costs.get(name, {"energy_pj_per_mac": 0.0, "latency_ns_per_mac": 0.0})
        energy = macs * pair["energy_pj_per_mac"]
        time = macs * pair["latency_ns_per_mac"]
        self._put(phase, stage, "arrays", energy, time)
        total = time
        add_pj, add_ns = self._adder(phase)
        for times in adds:
            n = times * sum(r for r, _ in matrices)
            late = max(0.0, n * add_ns - time)
            total += self._put(phase, "buffers_add", "buffers_add", n * add_pj, late)
        return total

    def _traffic(self, phase: str, steps: list[int], commit: bool) -> Plain:
        kv = self.h["memory"].get("kv_cache", {})
        default = {"value_bytes_per_elem": 1, "scale_bytes": 2}
        default["scales_per_token_per_head"] = 2
        hbm = {**default, **kv.get("hbm", {})}
        sram = hbm if kv.get("sram") is None else {**default, **kv["sram"]}

        def size(fmt: Plain) -> int:
            return int(
                self.m["n_layers"]
                * (
                    2 * self.m["d_model"] * fmt["value_bytes_per_elem"]
                    + self.m["n_heads"]
                    * fmt["scales_per_token_per_head"]
                    * fmt["scale_bytes"]
                )
            )

        traffic = {
            "sram": [sum(steps) * size(sram), len(steps) * size(sram)],
            "hbm": [
                len(steps) * self.length * size(hbm),
                self.committed * size(hbm) if commit else 0.0,
            ],
        }
        traffic["fabric"] = [
            traffic["sram"][0] + traffic["hbm"][0],
            traffic["sram"][1] + traffic["hbm"][1],
        ]
        return traffic

    def _move(self, phase: str, traffic: Plain) -> float:
        """Charge to a phase, or to none when its name is empty; latency in ns."""
        slowest = [0.0, 0.0]
        energy = 0.0
        for name, n_bytes in traffic.items():
            tech = self.h["memory"].get(name, {})
            busy, spent = 0.0, 0.0
            for i, way in enumerate(("read", "write")):
                spent += n_bytes[i] * tech.get(f"{way}_energy_pj_per_byte", 0.0)
                if n_bytes[i] > 0:
                    bandwidth = tech.get(f"{way}_bandwidth_GBps", 0.0)
                    ns = n_bytes[i] / bandwidth if bandwidth else 0.0
                    ns += tech.get(f"{way}_latency_ns", 0.0)
                    busy += ns
                    slowest[i] = max(slowest[i], ns)
            energy += spent
            if phase:
                self._put(phase, "", name, spent, busy)
                for i, way in enumerate(("read", "write")):
                    self.ledger[phase, "bytes", f"{name}_{way}"][0] += n_bytes[i]
        if phase:
            self._put(phase, "kv_cache", "", energy, sum(slowest))
        return sum(slowest)

    def phase_total(self, phase: str) -> tuple[float, float]:
        entries = [v for k, v in self.ledger.items() if k[:2] == (phase, "stage")]
        return sum(e[0] for e in entries), sum(e[1] for e in entries)

    @property
    def energy_pj(self) -> float:
        phases = ("draft", "verify_drafted", "verify_bonus")
        return sum(self.phase_total(phase)[0] for phase in phases)

    @property
    def verify_ns(self) -> float:
        """Verify phases under the hardware's schedule."""
        k = self.k
        if self.soc["schedule"] == "serialized" or not k:
            return (
                self.phase_total("verify_drafted")[1]
                + self.phase_total("verify_bonus")[1]
            )

        def moved(phase: str, i: int) -> float:
            if "memory" not in self.h:
                return 0.0
            return self._move("", self._traffic(phase, [i], commit=False))

        total = sum(self.layer_ns["verify_drafted", 0]) + moved("verify_drafted", 0)
        for i in range(1, k):
            slowest = max(self.layer_ns["verify_drafted", i])
            total += max(slowest, moved("verify_drafted", i))
        slowest = max(self.layer_ns["verify_bonus", k])
        return total + max(slowest, moved("verify_bonus", k))

    @property
    def burst_ns(self) -> float:
        return self.phase_total("draft")[1] + self.verify_ns

    def flow_shop_ns(self) -> float:
        """Verify steps in order, each layer busy with one at a time; no memory."""
        free = [0.0] * self.m["n_layers"]
        steps = [("verify_drafted", i) for i in range(self.k)]
        for step in [*steps, ("verify_bonus", self.k)]:
            done = 0.0
            for layer, time in enumerate(self.layer_ns[step]):
                done = free[layer] = max(done, free[layer]) + time
        return free[-1]
