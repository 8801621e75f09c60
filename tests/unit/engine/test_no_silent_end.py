"""A simulation that cannot finish says who waits for what (A11)."""

from __future__ import annotations

import pytest
from hand_table import Op, hand_program, simulated

from simcore.engine.sram_buffer import Reservation, SramBuffer
from simcore.errors import SimulationError


def deadlock(program: object, requests: dict[int, list[int]]) -> str:
    with pytest.raises(SimulationError) as caught:
        simulated(program, requests)  # type: ignore[arg-type]
    return str(caught.value)


def test_two_operations_that_wait_for_each_other() -> None:
    ops = [Op("dpu[0]", after=(1,), name="norm"), Op("hbm", after=(0,), name="kv_read")]
    text = deadlock(hand_program(ops, {0: [1, 1]}), {4: [0]})
    assert text.startswith("deadlock at t=0 ps: 1 unfinished requests; ")
    for name in ("norm", "kv_read"):
        assert (
            f"request 4 burst 0 {name} (draft step 0 layer 0) waits for operations "
            "that never end" in text
        )


def test_an_operation_that_waits_for_itself() -> None:
    text = deadlock(hand_program([Op("dpu[0]", after=(0,))], {0: [1]}), {0: [0]})
    assert "request 0 burst 0 work" in text
    assert "waits for operations that never end" in text


def test_a_cycle_after_work_that_was_done() -> None:
    ops = [
        Op("dpu[0]", name="norm"),
        Op("hbm", after=(0, 2), name="kv_read"),
        Op("sram[0]", after=(1,), name="kv_write"),
    ]
    text = deadlock(hand_program(ops, {0: [70, 1, 1]}), {0: [0]})
    assert text.startswith("deadlock at t=70 ps")
    assert "norm" not in text
    assert "kv_read (draft step 0 layer 0) waits for operations that never end" in text


def test_the_second_burst_of_a_request_may_be_the_one_that_hangs() -> None:
    """The first request finishes; the other is named with its burst."""
    program = hand_program(
        [Op("dpu[0]")], {0: [5], 1: [5]}, burst_bytes=10, capacity_bytes=100
    )
    program.__dict__["cached_bytes_per_token"] = 95
    text = deadlock(program, {0: [0], 1: [0, 1]})
    assert text.startswith("deadlock at t=10 ps: 1 unfinished requests; ")
    assert "request 1 burst 1 waits for 105 bytes of SRAM (0 of 100 held)" in text


def test_an_sram_that_no_burst_fits_into() -> None:
    program = hand_program(
        [Op("dpu[0]")], {0: [5]}, burst_bytes=101, capacity_bytes=100
    )
    text = deadlock(program, {0: [0], 1: [0]})
    assert text.startswith("deadlock at t=0 ps: 2 unfinished requests; ")
    for request in (0, 1):
        assert (
            f"request {request} burst 0 waits for 101 bytes of SRAM (0 of 100 held)"
            in text
        )


def test_sram_that_is_never_released() -> None:
    """One burst hangs with its bytes, the other waits for them."""
    ops = [Op("dpu[0]", after=(0,))]
    program = hand_program(ops, {0: [5]}, burst_bytes=60, capacity_bytes=100)
    text = deadlock(program, {0: [0], 1: [0]})
    assert (
        "request 1 burst 0 waits for 60 bytes of SRAM (60 of 100 held: 60 by request 0 "
        "burst 0)" in text
    )
    # What hangs comes before who waits for it.
    assert text.index("request 0 burst 0 work") < text.index("request 1 burst 0")


def test_a_layer_that_is_entered_twice_by_one_token() -> None:
    """The second gate can open only when the first has closed, which waits for it."""
    ops = [
        Op("layer[0]", name="layer_gate"),
        Op("layer[0]", after=(0,), name="layer_gate"),
        Op("hbm", after=(1,), name="kv_read", gate=1),
        Op("dpu[0]", after=(2,), name="norm", gate=0),
    ]
    text = deadlock(hand_program(ops, {0: [0, 0, 1, 1]}), {0: [0]})
    assert (
        "request 0 burst 0 layer_gate (draft step 0 layer 0) waits for layer[0] held "
        "by request 0 burst 0 layer_gate (draft step 0 layer 0)" in text
    )


def test_a_layer_that_is_never_left_keeps_the_next_request_out() -> None:
    ops = [
        Op("layer[0]", name="layer_gate"),
        Op("dpu[0]", after=(0, 2), name="norm", gate=0),
        Op("hbm", after=(1,), name="kv_read"),
    ]
    text = deadlock(hand_program(ops, {0: [0, 1, 1]}), {0: [0], 1: [0]})
    assert "request 1 burst 0 layer_gate" in text
    assert "waits for layer[0] held by request 0 burst 0 layer_gate" in text


def test_a_joint_hold_behind_a_layer_that_is_never_left() -> None:
    ops = [
        Op(("A1[0]", "layer[0]"), name="layer_gate"),
        Op(("A1[0]", "A2[0]"), after=(0,), name="qkv", gate=0),
    ]
    text = deadlock(hand_program(ops, {0: [0, 3]}), {0: [0]})
    assert (
        "request 0 burst 0 qkv (draft step 0 layer 0) waits for A1[0] held by" in text
    )
    assert "A2[0]" in text


def test_only_the_first_of_many_are_named() -> None:
    ops = [Op("dpu[0]", after=(0,))]
    program = hand_program(ops, {0: [5]}, burst_bytes=60, capacity_bytes=60)
    text = deadlock(program, {request: [0] for request in range(30)})
    assert text.startswith("deadlock at t=0 ps: 30 unfinished requests; ")
    assert text.count("waits for") == 8
    assert text.endswith("; and 22 more")


def test_what_a_burst_does_not_hold_it_cannot_free() -> None:
    buffer = SramBuffer(100)
    buffer.request(Reservation(0, 0, 0, 40, lambda: None))
    buffer.serve()
    with pytest.raises(
        SimulationError, match=r"burst \(0, 1\) frees SRAM that it does"
    ):
        buffer.release((0, 1))
    buffer.release((0, 0))
    assert (buffer.occupied_bytes, buffer.peak_bytes) == (0, 40)


def test_sram_is_reserved_all_or_nothing_and_in_turn() -> None:
    buffer = SramBuffer(100)
    granted: list[int] = []

    def ask(request: int, n_bytes: int, ready_ps: int = 0) -> None:
        buffer.request(
            Reservation(ready_ps, request, 0, n_bytes, lambda: granted.append(request))
        )

    ask(0, 60)
    # Who asks later is served later, in whatever order the events of SimPy came.
    ask(2, 30, ready_ps=7)
    ask(1, 70)
    buffer.serve()
    # The small one would fit, but not past the one that waits.
    assert granted == [0]
    assert buffer.occupied_bytes == 60
    buffer.release((0, 0))
    buffer.serve()
    assert granted == [0, 1, 2]
    assert buffer.occupied_bytes == buffer.peak_bytes == 100


def test_an_heir_keeps_the_room_of_the_burst_before() -> None:
    buffer = SramBuffer(100)
    buffer.request(Reservation(0, 0, 0, 60, lambda: None))
    buffer.serve()
    buffer.hand_over((0, 0), (0, 1))
    assert buffer.held == {(0, 1): 60}
    assert buffer.occupied_bytes == 60
