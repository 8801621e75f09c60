"""A hold starts at the first picosecond it may: not one earlier, not one later (A3)."""

from __future__ import annotations

import pytest
from hand_table import Op, hand_program, simulated

RESOURCES = [
    "A1[0]",
    "A2[0]",
    "dac[0]",
    "dpu[0]",
    "attention[0]",
    "sram[0]",
    "fabric_read[0]",
    "fabric_write[0]",
    "control[0]",
    "hbm",
]

#: A resource of no interest, to keep an operation from being ready at once.
ELSEWHERE = "dpu[9]"


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("busy", [1, 2, 999, 1000, 1_000_003])
def test_a_second_hold_starts_when_the_first_has_ended(
    resource: str, busy: int
) -> None:
    program = hand_program([Op(resource)], {0: [busy], 1: [7]})
    holds = simulated(program, {0: [0], 1: [1]})
    assert (holds[0, 0].start, holds[0, 0].end) == ([0], [busy])
    assert (holds[1, 0].ready, holds[1, 0].start) == ([0], [busy])
    assert holds[1, 0].end == [busy + 7]


@pytest.mark.parametrize("resource", RESOURCES)
@pytest.mark.parametrize("ready", [998, 999, 1000, 1001, 1002])
def test_a_hold_waits_for_its_predecessor_and_its_resource(
    resource: str, ready: int
) -> None:
    """The resource is busy until 1000; the second request is ready around that."""
    ops = [Op(ELSEWHERE), Op(resource, after=(0,))]
    program = hand_program(ops, {0: [0, 1000], 1: [ready, 5]})
    holds = simulated(program, {0: [0], 1: [1]})
    assert holds[1, 0].ready == [0, ready]
    assert holds[1, 0].start == [0, max(ready, 1000)]


@pytest.mark.parametrize(("a1", "a2"), [(10, 20), (20, 10), (15, 15), (0, 9), (9, 0)])
def test_a_joint_hold_starts_when_the_last_of_its_resources_is_free(
    a1: int, a2: int
) -> None:
    ops = [Op("A1[0]"), Op("A2[0]"), Op(("A1[0]", "A2[0]"))]
    holds = simulated(hand_program(ops, {0: [a1, a2, 5]}), {0: [0]})[0, 0]
    assert holds.start == [0, 0, max(a1, a2)]


def test_a_joint_hold_occupies_both_resources_until_it_ends() -> None:
    ops = [Op(("A1[0]", "A2[0]")), Op("A1[0]"), Op("A2[0]")]
    holds = simulated(hand_program(ops, {0: [8, 3, 4]}), {0: [0]})[0, 0]
    assert holds.start == [0, 8, 8]


def test_a_joint_hold_of_three_resources() -> None:
    ops = [
        Op("A1[0]"),
        Op("A2[0]"),
        Op("dac[0]"),
        Op(("A1[0]", "A2[0]", "dac[0]")),
        Op("dac[0]", after=(2,)),
    ]
    holds = simulated(hand_program(ops, {0: [4, 9, 6, 2, 1]}), {0: [0]})[0, 0]
    # The younger hold of the drivers is ready at 6, but the older joint one waits.
    assert holds.start == [0, 0, 0, 9, 11]


@pytest.mark.parametrize("legs", [(3, 8, 5), (8, 3, 5), (5, 5, 5), (0, 0, 1)])
def test_what_follows_waits_for_the_last_leg(legs: tuple[int, int, int]) -> None:
    ops = [
        Op("hbm"),
        Op("sram[0]"),
        Op("fabric_read[0]"),
        Op("dpu[0]", after=(0, 1, 2)),
    ]
    holds = simulated(hand_program(ops, {0: [*legs, 1]}), {0: [0]})[0, 0]
    assert holds.start == [0, 0, 0, max(legs)]
    assert holds.ready[3] == max(legs)


def gated(*middle: Op) -> list[Op]:
    """A gate around two operations, the second of which closes it."""
    return [
        Op("layer[0]", name="layer_gate"),
        Op("dpu[0]", after=(0,)),
        Op("hbm", after=(1,), gate=0),
        *middle,
    ]


def test_a_layer_gate_is_held_from_the_first_operation_to_the_last() -> None:
    program = hand_program(gated(), {0: [0, 4, 6], 1: [0, 3, 2]})
    holds = simulated(program, {0: [0], 1: [1]})
    assert holds[0, 0].start == [0, 0, 4]
    assert holds[0, 0].duration == [10, 4, 6]
    # The layer is entered when the token before has left it.
    assert holds[1, 0].ready == [0, 10, 13]
    assert holds[1, 0].start == [10, 10, 13]
    assert holds[1, 0].duration == [5, 3, 2]


@pytest.mark.parametrize("legs", [(6, 2), (2, 6), (4, 4)])
def test_a_gate_with_two_last_legs_is_released_by_the_later_one(
    legs: tuple[int, int],
) -> None:
    ops = [
        Op("layer[0]", name="layer_gate"),
        Op("hbm", after=(0,), gate=0),
        Op("fabric_write[0]", after=(0,), gate=0),
    ]
    program = hand_program(ops, {0: [0, *legs], 1: [0, 1, 1]})
    holds = simulated(program, {0: [0], 1: [1]})
    assert holds[0, 0].duration[0] == max(legs)
    assert holds[1, 0].start == [max(legs)] * 3


def test_the_next_burst_of_a_request_starts_when_the_last_one_has_ended() -> None:
    ops = [Op("dpu[0]"), Op("hbm")]
    program = hand_program(ops, {0: [3, 11], 1: [5, 2]})
    holds = simulated(program, {0: [0, 1, 0]})
    assert holds[0, 1].ready == holds[0, 1].start == [11, 11]
    assert holds[0, 2].start == [16, 16]


def test_sram_is_granted_at_the_picosecond_it_is_released() -> None:
    program = hand_program(
        [Op("dpu[0]"), Op("hbm")],
        {0: [7, 13], 1: [1, 1]},
        burst_bytes=60,
        capacity_bytes=100,
    )
    holds = simulated(program, {0: [0], 1: [1]})
    # Two bursts of 60 bytes do not fit 100: the second starts when the first ends.
    assert holds[1, 0].ready == [13, 13]
    assert holds[1, 0].start == [13, 13]


def test_sram_for_two_bursts_lets_two_run_and_the_third_wait() -> None:
    program = hand_program(
        [Op("dpu[0]")],
        {0: [10], 1: [5], 2: [1]},
        burst_bytes=50,
        capacity_bytes=100,
    )
    holds = simulated(program, {0: [0], 1: [1], 2: [2]})
    assert holds[1, 0].ready == [0]
    assert holds[1, 0].start == [10]
    assert holds[2, 0].ready == [10]
    assert holds[2, 0].start == [15]


def test_unlimited_sram_never_makes_a_burst_wait() -> None:
    program = hand_program([Op("dpu[0]")], {0: [10]}, burst_bytes=10**12)
    holds = simulated(program, {request: [0] for request in range(4)})
    assert [holds[r, 0].ready for r in range(4)] == [[0]] * 4
