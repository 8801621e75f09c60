"""Grouped layers and closed sums against a loop over layers, steps and stages."""

from __future__ import annotations

from typing import Any

import pytest
from calculator_cases import chip_of
from example_chips import (
    BLOCKS,
    LEAKAGE,
    block,
    converter,
    legacy_chip,
    per_mac,
    tiny_chip,
)
from example_chips import soc as plain_soc
from hypothesis import given, settings
from hypothesis import strategies as st
from naive_calculator import Naive

from simcore.analysis.calculator import Calculator, Speculation

Plain = dict[str, Any]

# Zero, or far enough from it that sums do not underflow.
value = st.sampled_from([0.0, 1e-3, 0.25, 0.7, 1.0, 3.0, 40.0])
policy = st.sampled_from(["draft", "full"])
blocks = st.fixed_dictionaries(
    {}, optional={"qkv": policy, "wo": policy, "ffn": policy}
)
bits = st.integers(1, 12)


@st.composite
def models(draw: st.DrawFn) -> Plain:
    n_layers, heads = draw(st.integers(1, 5)), draw(st.integers(1, 4))
    layers = st.integers(0, n_layers - 1).map(str)
    return {
        "n_layers": n_layers,
        "d_model": heads * draw(st.integers(1, 9)),
        "n_heads": heads,
        "activation_bits": draw(bits),
        "ffn_type": draw(st.sampled_from(["mlp", "swiglu"])),
        "effective_d_ff": draw(st.integers(1, 50)),
        "draft_policy": {
            "default": draw(blocks),
            "per_layer": draw(st.dictionaries(layers, blocks, max_size=3)),
        },
    }


@st.composite
def socs(draw: st.DrawFn) -> Plain:
    soc = plain_soc()
    soc["schedule"] = draw(st.sampled_from(["serialized", "layer-pipelined"]))
    soc["attention_cim_units"] = draw(st.integers(1, 7))
    soc["buffers_add"] = {
        **block(draw(value), draw(value), 1.0),
        "draft": draw(st.sampled_from([{}, {"latency_ns_per_op": 0.1}])),
        "verify": draw(st.sampled_from([{}, {"energy_pj_per_op": 0.0}])),
    }
    for section in ("control", "verify_setup"):
        soc[section] = {name: draw(value) for name in soc[section]}
    for field in ("draft_activation_bits", "verify_activation_bits"):
        if draw(st.booleans()):
            soc[field] = draw(bits)
    return soc


technology = st.fixed_dictionaries(
    {},
    optional={
        f"{way}_{what}": value
        for way in ("read", "write")
        for what in ("energy_pj_per_byte", "bandwidth_GBps", "latency_ns")
    },
)
kv_format = st.fixed_dictionaries(
    {},
    optional={
        "value_bytes_per_elem": st.integers(0, 2),
        "scale_bytes": st.integers(0, 2),
        "scales_per_token_per_head": st.integers(0, 2),
    },
)
memories = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("sram", "hbm", "fabric"), technology),
        "kv_cache": st.fixed_dictionaries(
            {}, optional={"hbm": kv_format, "sram": kv_format}
        ),
    },
)


@st.composite
def chips(draw: st.DrawFn) -> Plain:
    pairs = st.builds(per_mac, value, value)
    if draw(st.integers(0, 3)) == 0:
        chip = legacy_chip()
        for name, cost in chip["costs"].items():
            if isinstance(cost, dict) and "energy_pj_per_mac" in cost:
                chip["costs"][name] = draw(pairs)
    else:
        chip = tiny_chip()
        analog, specs = chip["analog"], chip["specs"]
        shared = st.sampled_from([1, 2, 4, 8])
        analog["xbar_size"], analog["num_columns_per_adc"] = 8, draw(shared)
        analog["dac_bits"] = draw(st.integers(1, 5))
        if draw(st.booleans()):
            analog["adc"]["num_columns_per_adc"] = {
                "draft": draw(shared),
                "residual": draw(shared),
            }
        if draw(st.booleans()):
            analog["periphery"] = {n: block(draw(value), draw(value)) for n in BLOCKS}
        for name in ("dac", "adc_draft", "adc_residual"):
            specs[name] = converter(draw(value), draw(value), 0.0)
        specs["array"]["latency_ns_per_activation"] = draw(value)
        specs["digital_features"] = {
            name: draw(pairs) for name in specs["digital_features"]
        }
        specs["delta_dac"] = {
            phase: {"bits": 3, **converter(draw(value), draw(value), 0.0)}
            for phase in ("draft", "verify")
            if draw(st.booleans())
        }
    chip["soc"] = draw(socs())
    chip["reuse_policy"] = draw(st.sampled_from(["reuse", "reread"]))
    if draw(st.booleans()):
        chip["memory"] = draw(memories)
    if draw(st.booleans()):
        chip["leakage_power"] = {f"{name}_nw": draw(value) for name in LEAKAGE}
    return chip


@settings(max_examples=80, deadline=None)
@given(
    model=models(),
    hardware=chips(),
    k=st.integers(0, 6),
    share=st.floats(0, 1),
    length=st.integers(0, 40),
)
def test_same_as_every_layer_and_step_in_turn(
    model: Plain, hardware: Plain, k: int, share: float, length: int
) -> None:
    committed = 1 + share * k
    naive = Naive(model, hardware, k, committed, length)
    report = Calculator(chip_of(model, hardware)).report(
        Speculation(k, committed), [length]
    )
    point = report.points[0].to_dict()

    near = {"rel": 1e-11, "abs": 1e-12}
    assert point["burst_latency_ns"] == pytest.approx(naive.burst_ns, **near)
    power = sum(hardware.get("leakage_power", {}).values())
    energy = naive.energy_pj + power * naive.burst_ns * 1e-6
    metrics = point["metrics"]
    assert metrics["energy_pj_per_token"] * committed == pytest.approx(energy, **near)
    for phase in ("draft", "verify_drafted", "verify_bonus"):
        ours = point["phases"][phase]
        assert (ours["energy_pj"], ours["latency_ns"]) == pytest.approx(
            naive.phase_total(phase), **near
        )
        for kind, section in (("stage", "stages"), ("component", "components")):
            for name, cost in ours[section].items():
                entry = naive.ledger[phase, kind, name]
                found = [cost["energy_pj"], cost["latency_ns"]]
                assert found == pytest.approx(entry, **near), (phase, name)
        for name, cost in ours["features"].items():
            assert cost["ops"] == naive.ledger[phase, "ops", name][0]
        for name, n in (ours["counts"] or {}).items():
            assert n == naive.ledger[phase, "count", name][0]
        for name, n in (ours["traffic_bytes"] or {}).items():
            entry = naive.ledger[phase, "bytes", name]
            assert n == pytest.approx(entry[0], **near)
