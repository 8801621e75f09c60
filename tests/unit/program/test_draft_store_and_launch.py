"""D_reg with figures of its own, and operations launched by software."""

from __future__ import annotations

from typing import Any

import pytest
from hand_chip import QWEN3_17B, burst

from simcore.errors import ProgramError
from simcore.program.operation import Operation


def operations(program: Any, phase: str) -> list[Operation]:
    (step, *_) = [s for s in program.steps if s.phase == phase]
    return [op for legs in step.layers[1].positions for op in legs]


def store(**fields: Any) -> dict[str, Any]:
    return {"reuse_policy": "reuse", "memory": {"d_reg": fields}}


def test_the_draft_store_of_qwen3_holds_20480_outputs_a_layer() -> None:
    # q, k, v 4096; wo 2048; gate and up 12288; down 2048; 28 layers, 2 bytes, K = 5.
    n_bytes = 28 * 20480 * 2 * 5
    assert n_bytes == 5_734_400
    burst(5, hardware=store(capacity_bytes=n_bytes))
    with pytest.raises(ProgramError, match=rf"reuse keeps {n_bytes} bytes"):
        burst(5, hardware=store(capacity_bytes=n_bytes - 1))
    # Without reuse nothing is kept.
    burst(5, hardware={**store(capacity_bytes=1), "reuse_policy": "reread"})


def test_the_draft_store_has_an_energy_of_its_own() -> None:
    program = burst(
        2,
        hardware=store(read_energy_pj_per_byte=0.5, write_energy_pj_per_byte=0.25),
    )
    written = [op for op in operations(program, "draft") if op.name == "d_reg_write"]
    read = [
        op for op in operations(program, "verify_drafted") if op.name == "d_reg_read"
    ]
    assert {op.status for op in written + read} == {"modeled"}
    bytes_a_layer = 2 * (4096 + 2048 + 12288 + 2048)
    assert sum(op.write_bytes.base for op in written) == bytes_a_layer
    assert sum(op.energy_pj[0][1].base for op in written) == 0.25 * bytes_a_layer
    assert sum(op.energy_pj[0][1].base for op in read) == 0.5 * bytes_a_layer


def test_software_launches_every_operation_of_a_layer() -> None:
    launch = {
        "instructions_per_operation": 20,
        "energy_pj_per_instruction": 40.0,
        "latency_ns_per_instruction": 1.0,
    }
    plain = operations(burst(model=QWEN3_17B), "draft")
    launched = operations(
        burst(
            model=QWEN3_17B,
            hardware={"soc": {"control": {"software_launch": launch}}},
        ),
        "draft",
    )
    (before,) = [op for op in plain if op.name == "control"]
    (after,) = [op for op in launched if op.name == "control"]
    # Everything before control; the hop after it is hardware.
    count = [op.name for op in plain].index("control")
    assert count > 30
    assert after.duration_ns.base - before.duration_ns.base == pytest.approx(count * 20)
    gained = after.energy_pj[0][1].base - before.energy_pj[0][1].base
    assert gained == pytest.approx(count * 20 * 40.0)
