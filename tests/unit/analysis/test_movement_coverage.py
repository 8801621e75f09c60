"""Everything that moves has one row, every component one kind of count."""

from __future__ import annotations

import pytest

from simcore.analysis.movement_coverage import counting_anchors, movement_coverage
from simcore.config.load import load_scenario
from simcore.program.burst import BurstProgram, scenario_program

MOVED = {
    "KV cache",
    "residual stream between layers",
    "embedding row",
    "activations inside a layer",
    "attention scores",
    "operands of attention",
    "weights of the layers",
    "weights of the vocabulary projection",
}

#: Every component costs something, so that every one must show its anchor.
ALL_PERIPHERY = tuple(
    f"hardware.analog.periphery.{name}.energy_pj_per_op=0.5"
    for name in (
        "input_registers",
        "output_registers",
        "tia",
        "snh",
        "mux",
        "io_buffers",
        "subarray_switches",
        "write_drivers",
    )
)


def program(*settings: str) -> BurstProgram:
    return scenario_program(load_scenario("tiny", settings))


@pytest.mark.parametrize(
    "settings",
    [
        (),
        ("hardware.reuse_policy=reuse",),
        ("accounting=selfspec-calculator",),
        ("accounting.lm_head=dpu", "accounting.attention=sram_cim"),
        ("accounting.kv_read_sharing=per_burst", "accounting.dac_banks=2"),
        ("schedule=serialized", "workload.draft_length=0"),
    ],
)
def test_every_component_has_exactly_one_counting_anchor(settings) -> None:
    found = counting_anchors(program(*ALL_PERIPHERY, *settings))
    several = {name: kinds for name, kinds in found.items() if len(kinds) != 1}
    assert several == {}
    anchors = {name: next(iter(kinds)) for name, kinds in found.items()}
    for name in ("dac", "adc_draft", "adc_residual"):
        assert anchors.get(name, "conversions") == "conversions"
    for name in ("sram", "hbm", "fabric"):
        assert anchors[name] == "bytes"
    assert anchors["arrays"] == "cells"
    assert anchors["buffers_add"] == "adds"
    assert anchors["control"] == "control actions"
    assert anchors["attention_engine"] == anchors["softmax_unit"] == "elements"


def test_a_component_charged_twice_is_found() -> None:
    from dataclasses import replace

    plain = program()
    step = plain.verify[0]
    part = step.layers[0]
    (op,) = part.positions[-1]
    assert op.owner == "fabric"
    # A transfer that charges the attention unit as well.
    wrong = replace(op, energy_pj=(*op.energy_pj, ("attention_engine", op.elements)))
    layers = (replace(part, positions=(*part.positions[:-1], (wrong,))),)
    verify = (replace(step, layers=(*layers, *step.layers[1:])), *plain.verify[1:])
    found = counting_anchors(replace(plain, verify=verify))
    assert found["attention_engine"] == {"elements", "bytes"}


def test_everything_that_moves_is_modeled_proxied_or_left_out_by_name() -> None:
    rows = {row.moved: row for row in movement_coverage(program())}
    assert set(rows) == MOVED
    assert all(row.owner and row.by for row in rows.values())
    assert rows["KV cache"].status == "modeled"
    assert rows["KV cache"].by == "kv_write, kv_read, kv_commit"
    assert rows["residual stream between layers"].owner == "fabric"
    assert rows["activations inside a layer"].status == "excluded"
    assert rows["attention scores"].status == "proxy"
    assert rows["weights of the layers"].status == "excluded"


def test_rows_follow_the_switches() -> None:
    rows = {
        row.moved: row
        for row in movement_coverage(
            program(
                *ALL_PERIPHERY,
                "hardware.reuse_policy=reuse",
                "accounting.lm_head=dpu",
                "accounting.attention=sram_cim",
            )
        )
    }
    assert set(rows) == {*MOVED, "draft results kept for reuse"}
    assert rows["draft results kept for reuse"].status == "proxy"
    assert rows["weights of the vocabulary projection"].status == "modeled"
    assert rows["operands of attention"].by == "kv_load"
    assert rows["activations inside a layer"].status == "proxy"
    off = movement_coverage(program("accounting.extra_features=off"))
    status = {row.moved: row.status for row in off}
    assert status["residual stream between layers"] == "excluded"
    assert status["embedding row"] == "excluded"
