"""Hand-written sequences for every kind of resource, each watched from both sides (A3).

The clock is stopped before the instant of the grant and after it: the operation has not
been granted one picosecond earlier, and it has not to wait one picosecond longer.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

import pytest
from hand_table import HoldKeeper, Op, hand_program, outcome

from simcore.engine.burst_controller import BurstController
from simcore.engine.burst_run import PENDING
from simcore.engine.chip import _BLOCKS, Chip
from simcore.engine.clock import Clock
from simcore.program.decisions import Decisions


@dataclass(frozen=True)
class Case:
    """Requests of one burst each, and when one operation is granted.

    `times` are the durations of the operations in ps, request by request; request
    `request` is the one whose operation `op` is granted at `at_ps`.
    """

    kind: str
    rule: str
    ops: Sequence[Op]
    times: Sequence[Sequence[int]]
    request: int
    op: int
    at_ps: int
    arrivals: dict[int, int] = field(default_factory=dict)
    burst_bytes: int = 0
    capacity_bytes: int | None = None


GATE = Op("layer[0]", name="layer_gate")

CASES = [
    # A1, array 1 of a layer.
    Case("A1", "behind the token before", [Op("A1[0]")], [[41], [7]], 1, 0, 41),
    Case(
        "A1",
        "another layer's array is another array",
        [Op("A1[0]"), Op("A1[1]", after=(0,)), Op("A1[0]", after=(1,))],
        [[10, 30, 5], [10, 30, 5]],
        # Request 1: layer 0 at 10..20, layer 1 free at 40.
        *(1, 1, 40),
    ),
    # A2, arrays 2 to 4.
    Case("A2", "behind two tokens", [Op("A2[0]")], [[13], [8], [5]], 2, 0, 21),
    Case(
        "A2",
        "with A1 in a joint hold, A2 being free last",
        [Op("A1[0]"), Op("A2[0]"), Op(("A1[0]", "A2[0]"))],
        [[17, 29, 3]],
        *(0, 2, 29),
    ),
    # dac, the shared row drivers.
    Case(
        "dac",
        "array 2 waits for drivers that array 1 uses",
        [Op(("A1[0]", "dac[0]")), Op(("A2[0]", "dac[0]"))],
        [[23, 4]],
        *(0, 1, 23),
    ),
    Case(
        "dac",
        "a joint hold in between keeps its turn",
        [Op("dac[0]"), Op(("A1[0]", "dac[0]")), Op("dac[0]")],
        [[6, 11, 1]],
        *(0, 2, 17),
    ),
    # dpu, the digital unit.
    Case(
        "dpu",
        "ready when its predecessor has ended, the unit being free",
        [Op("hbm"), Op("dpu[0]", after=(0,))],
        [[37, 1]],
        *(0, 1, 37),
    ),
    Case(
        "dpu",
        "ready at the instant the unit is released",
        [Op("dpu[0]"), Op("hbm"), Op("dpu[0]", after=(1,))],
        [[50, 50, 1]],
        *(0, 2, 50),
    ),
    # attention, the MAC lanes.
    Case(
        "attention",
        "two operands, the later one decides",
        [Op("hbm"), Op("sram[0]"), Op("attention[0]", after=(0, 1))],
        [[90, 91, 5]],
        *(0, 2, 91),
    ),
    Case(
        "attention",
        "behind a request that arrived later than 0",
        [Op("attention[0]")],
        [[9], [9]],
        *(1, 0, 14),
        arrivals={0: 5, 1: 6},
    ),
    # sram, the port of a layer's slice.
    Case(
        "sram",
        "one port for a write after a read",
        [Op("sram[0]", name="kv_read"), Op("sram[0]", name="kv_write")],
        [[19, 2]],
        *(0, 1, 19),
    ),
    Case("sram", "of three requests in turn", [Op("sram[0]")], [[3]] * 4, 3, 0, 9),
    # SRAM capacity, in bytes.
    Case(
        "sram capacity",
        "one byte too few for two bursts",
        [Op("dpu[0]"), Op("hbm", after=(0,))],
        [[20, 22], [1, 1]],
        *(1, 0, 42),
        burst_bytes=50,
        capacity_bytes=99,
    ),
    Case(
        "sram capacity",
        "room for exactly two bursts, so that only the unit is waited for",
        [Op("dpu[0]"), Op("hbm", after=(0,))],
        [[20, 22], [1, 1]],
        *(1, 0, 20),
        burst_bytes=50,
        capacity_bytes=100,
    ),
    Case(
        "sram capacity",
        "the third burst enters when the first of two leaves",
        [Op("hbm")],
        [[8], [100], [1]],
        *(2, 0, 108),
        burst_bytes=1,
        capacity_bytes=2,
    ),
    Case(
        "sram capacity",
        "a burst that arrives at the instant of a release",
        [Op("dpu[0]")],
        [[31], [4]],
        *(1, 0, 31),
        arrivals={1: 31},
        burst_bytes=10,
        capacity_bytes=10,
    ),
    # fabric, one channel for each direction.
    Case(
        "fabric_read",
        "one transfer of a direction at a time",
        [Op("fabric_read[0]"), Op("fabric_read[0]")],
        [[12, 5]],
        *(0, 1, 12),
    ),
    Case(
        "fabric_read",
        "the other direction is no hindrance",
        [Op("fabric_write[0]"), Op("hbm"), Op("fabric_read[0]", after=(1,))],
        [[70, 8, 5]],
        *(0, 2, 8),
    ),
    Case(
        "fabric_write",
        "one transfer of a direction at a time",
        [Op("fabric_write[0]"), Op("fabric_write[0]")],
        [[15, 5]],
        *(0, 1, 15),
    ),
    Case(
        "fabric_write",
        "the older of two requests first",
        [Op("dpu[0]"), Op("fabric_write[0]", after=(0,))],
        [[1, 44], [2, 10], [3, 10]],
        # The DPU ends at 1, 3 and 6; the channel at 45 and 55.
        *(2, 1, 55),
    ),
    # control, the sequencer.
    Case(
        "control",
        "a hold of no duration before it costs nothing",
        [Op("control[0]"), Op("control[0]", after=(0,)), Op("control[0]", after=(1,))],
        [[26, 0, 3]],
        *(0, 2, 26),
    ),
    Case(
        "control",
        "an arrival one picosecond after the release",
        [Op("control[0]")],
        [[60], [5]],
        *(1, 0, 61),
        arrivals={1: 61},
    ),
    Case(
        "control",
        "an arrival one picosecond before the release",
        [Op("control[0]")],
        [[60], [5]],
        *(1, 0, 60),
        arrivals={1: 59},
    ),
    # hbm, half-duplex and shared by all layers.
    Case(
        "hbm",
        "a read waits for a write of another layer",
        [Op("dpu[0]"), Op("dpu[1]"), Op("hbm", after=(0,)), Op("hbm", after=(1,))],
        [[2, 3, 80, 9]],
        *(0, 3, 82),
    ),
    Case(
        "hbm",
        "a joint hold that waits lets none of its resources go",
        [Op("dpu[0]"), Op(("hbm", "dpu[0]")), Op("hbm")],
        [[33, 6, 2]],
        *(0, 2, 39),
    ),
    # layer, the gate that keeps a layer for one token.
    Case(
        "layer",
        "entered when the last operation behind it has ended",
        [GATE, Op("dpu[0]", after=(0,)), Op("hbm", after=(1,), gate=0)],
        [[0, 14, 27], [0, 1, 1]],
        *(1, 0, 41),
    ),
    Case(
        "layer",
        "what it guards may start at once",
        [GATE, Op("dpu[0]", after=(0,), gate=0)],
        [[0, 35], [0, 1]],
        *(1, 1, 35),
    ),
    Case(
        "layer",
        "of two last legs the later one opens it",
        [GATE, Op("hbm", after=(0,), gate=0), Op("sram[0]", after=(0,), gate=0)],
        [[0, 18, 52], [0, 1, 1]],
        *(1, 0, 52),
    ),
    Case(
        "layer",
        "work behind the gate's last operation does not keep it",
        [GATE, Op("dpu[0]", after=(0,), gate=0), Op("hbm", after=(1,))],
        [[0, 16, 500], [0, 2, 1]],
        *(1, 0, 16),
    ),
]


def granted(chip: Chip, case: Case) -> bool:
    """Whether the operation holds its resources now; it has not ended yet."""
    return any(
        run.request == case.request and run.state[case.op] != PENDING
        for run in chip.in_flight
    )


def started(case: Case) -> tuple[Clock, Chip, HoldKeeper]:
    program = hand_program(
        case.ops,
        dict(enumerate(case.times)),
        burst_bytes=case.burst_bytes,
        capacity_bytes=case.capacity_bytes,
    )
    clock, keeper = Clock(), HoldKeeper()
    chip = Chip(clock, program)
    for request in range(len(case.times)):
        BurstController(
            chip,
            program,
            0,
            request,
            [outcome(request)],
            keeper,
            Decisions(program),
            arrival_ps=case.arrivals.get(request, 0),
        )
    return clock, chip, keeper


@pytest.mark.parametrize("case", CASES, ids=lambda c: f"{c.kind}: {c.rule}")
def test_granted_not_one_picosecond_earlier_and_not_one_later(case: Case) -> None:
    clock, chip, keeper = started(case)
    # The clock stops before the events of the instant it is given.
    clock.run(until=case.at_ps)
    assert not granted(chip, case)
    clock.run(until=case.at_ps + 1)
    assert granted(chip, case)
    clock.run()
    assert keeper.holds[case.request, 0].start[case.op] == case.at_ps


def test_every_kind_of_resource_has_sequences_of_its_own() -> None:
    kinds = [case.kind for case in CASES]
    assert set(kinds) == {*_BLOCKS, "sram capacity"}
    assert all(kinds.count(kind) >= 2 for kind in kinds)
    assert len(CASES) >= 20
    for case in CASES:
        # The sequence is about the resource it is listed under.
        if case.kind != "sram capacity":
            held = case.ops[case.op].resources
            names = [held] if isinstance(held, str) else held
            behind = [case.ops[i].resources for i in case.ops[case.op].after]
            assert any(re.match(rf"{case.kind}\b", str(n)) for n in [*names, *behind])
