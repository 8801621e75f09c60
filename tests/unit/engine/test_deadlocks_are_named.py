"""Constructed deadlocks: who waits, for what, and who holds it (A11)."""

from __future__ import annotations

import re

import pytest
from hand_table import CROSSWISE, Op, hand_program, simulated

from simcore.engine.chip import Chip
from simcore.engine.clock import Clock
from simcore.errors import SimulationError

GATE = "layer_gate"


def deadlock(program: object, requests: dict[int, list[int]]) -> str:
    with pytest.raises(SimulationError) as caught:
        simulated(program, requests)  # type: ignore[arg-type]
    text = str(caught.value)
    assert text.startswith("deadlock at t=")
    return text


def waits(text: str, who: str, what: str, holder: str) -> bool:
    """Whether one of the reasons says so."""
    place = r"\(draft step 0 layer 0\)"
    pattern = rf"{who} {place} waits for (.*, )?{re.escape(what)} held by {holder} "
    return any(re.match(pattern, reason) for reason in text.split("; "))


def test_two_layers_entered_crosswise_by_one_token() -> None:
    text = deadlock(hand_program(CROSSWISE, {0: [0] * 8}), {0: [0]})
    who = "request 0 burst 0 layer_gate"
    assert waits(text, who, "layer[0]", who)
    assert waits(text, who, "layer[1]", who)


def test_a_joint_hold_of_two_layers_that_another_keeps() -> None:
    ops = [
        Op("layer[0]", name=GATE),
        Op(("dpu[0]", "layer[0]"), after=(0,), name="norm", gate=0),
    ]
    text = deadlock(hand_program(ops, {0: [0, 4]}), {3: [0]})
    gate = "request 3 burst 0 layer_gate"
    assert waits(text, "request 3 burst 0 norm", "layer[0]", gate)


def test_a_port_that_a_layer_gate_keeps_from_the_work_behind_it() -> None:
    ops = [
        Op(("layer[0]", "sram[0]"), name=GATE),
        Op("hbm", after=(0,), name="kv_read"),
        Op("sram[0]", after=(1,), name="kv_write", gate=0),
    ]
    text = deadlock(hand_program(ops, {0: [0, 25, 4]}), {0: [0]})
    assert text.startswith("deadlock at t=25 ps: 1 unfinished requests; ")
    gate = "request 0 burst 0 layer_gate"
    assert waits(text, "request 0 burst 0 kv_write", "sram[0]", gate)


def test_a_request_behind_one_that_waits_for_itself() -> None:
    """Both wait for the layer, and the first of them holds it."""
    ops = [
        Op("layer[0]", name=GATE),
        Op("layer[0]", after=(0,), name=GATE),
        Op("dpu[0]", after=(1,), gate=1),
        Op("hbm", after=(2,), gate=0),
    ]
    text = deadlock(hand_program(ops, {0: [0, 0, 1, 1]}), {0: [0], 1: [0]})
    gate = "request 0 burst 0 layer_gate"
    assert text.startswith("deadlock at t=0 ps: 2 unfinished requests; ")
    assert waits(text, gate, "layer[0]", gate)
    assert waits(text, "request 1 burst 0 layer_gate", "layer[0]", gate)


@pytest.mark.parametrize("waiting", [1, 7, 100])
def test_a_cycle_is_named_before_all_who_wait_for_its_sram(waiting: int) -> None:
    """One burst hangs in a cycle with its bytes; however many wait, it is named."""
    ops = [Op("dpu[0]", after=(1,), name="norm"), Op("hbm", after=(0,), name="kv_read")]
    program = hand_program(ops, {0: [1, 1]}, burst_bytes=60, capacity_bytes=100)
    text = deadlock(program, {request: [0] for request in range(waiting + 1)})
    reasons = text.split("; ")[1:]
    for name, reason in zip(("norm", "kv_read"), reasons, strict=False):
        assert reason.startswith(f"request 0 burst 0 {name} (draft step 0 layer 0)")
        assert "waits for operations that never end: " in reason
    assert reasons[2] == (
        "request 1 burst 0 waits for 60 bytes of SRAM "
        "(60 of 100 held: 60 by request 0 burst 0)"
    )


def test_sram_whose_holder_waits_for_a_layer_names_both() -> None:
    ops = [
        Op("layer[0]", name=GATE),
        Op("layer[0]", after=(0,), name=GATE),
        Op("dpu[0]", after=(1,), gate=1),
        Op("hbm", after=(2,), gate=0),
    ]
    program = hand_program(ops, {0: [0, 0, 1, 1]}, burst_bytes=10, capacity_bytes=19)
    text = deadlock(program, {0: [0], 1: [0]})
    gate = "request 0 burst 0 layer_gate"
    assert waits(text, gate, "layer[0]", gate)
    assert text.endswith(
        "request 1 burst 0 waits for 10 bytes of SRAM "
        "(10 of 19 held: 10 by request 0 burst 0)"
    )


def test_all_holders_of_sram_are_named() -> None:
    ops = [Op("dpu[0]", after=(0,))]
    program = hand_program(ops, {0: [1]}, burst_bytes=30, capacity_bytes=70)
    text = deadlock(program, {5: [0], 6: [0], 7: [0]})
    assert (
        "request 7 burst 0 waits for 30 bytes of SRAM (60 of 70 held: 30 by request 5 "
        "burst 0, 30 by request 6 burst 0)" in text
    )


def test_a_burst_that_fits_waits_behind_one_that_never_will() -> None:
    """SRAM is granted in turn: who asked first and cannot be served stops the rest."""
    program = hand_program(
        [Op("dpu[0]")], {0: [5], 1: [5]}, burst_bytes=10, capacity_bytes=100
    )
    program.__dict__["cached_bytes_per_token"] = 95
    text = deadlock(program, {0: [1], 1: [0]})
    reasons = text.split("; ")[1:]
    assert reasons == [
        "request 0 burst 0 waits for 105 bytes of SRAM (0 of 100 held)",
        "request 1 burst 0 waits for 10 bytes of SRAM (0 of 100 held)",
    ]


def test_bytes_freed_through_the_chip_go_to_who_waits_at_that_instant() -> None:
    program = hand_program([Op("dpu[0]")], {0: [5]}, capacity_bytes=100)
    clock = Clock()
    chip = Chip(clock, program)
    granted: list[tuple[int, int]] = []

    def ask(request: int, n_bytes: int) -> None:
        chip.reserve(
            (request, 0), n_bytes, lambda: granted.append((request, clock.now))
        )

    def process():  # type: ignore[no-untyped-def]
        ask(0, 60)
        ask(1, 70)
        yield clock.timeout(9)
        chip.release((0, 0))
        yield clock.timeout(1)
        chip.release((1, 0))

    clock.process(process())
    clock.run()
    assert granted == [(0, 0), (1, 9)]
    assert chip.sram.held == {}


def test_a_cycle_behind_a_layer_gate_comes_before_who_waits_at_the_gate() -> None:
    ops = [
        Op("layer[0]", name="layer_gate"),
        Op("dpu[0]", after=(0, 2), name="norm", gate=0),
        Op("hbm", after=(1,), name="kv_read"),
    ]
    text = deadlock(hand_program(ops, {0: [0, 1, 1]}), {0: [0], 1: [0]})
    cycle = text.index(
        "request 0 burst 0 norm (draft step 0 layer 0) waits for operations that never "
        "end: kv_read"
    )
    assert cycle < text.index("request 1 burst 0 layer_gate")
    # What request 1 would do behind the gate is no cause.
    assert "request 1 burst 0 norm" not in text


def test_a_reserved_resource_names_who_has_reserved_it() -> None:
    ops = [
        Op("layer[0]", name="layer_gate"),
        Op(("layer[0]", "A1[0]"), after=(0,), name="qkv", gate=0),
        Op("A1[0]", after=(0,), name="wo"),
    ]
    text = deadlock(hand_program(ops, {0: [0, 1, 1]}), {0: [0]})
    assert "wo (draft step 0 layer 0) waits for A1[0] reserved by request 0 " in text
