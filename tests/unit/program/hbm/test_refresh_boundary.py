"""Durations around a refresh, by hand, wherever a duration is evaluated.

The channel moves 1,000 bytes a ns behind a latency of 20 ns; it refreshes every
3,900 ns, which costs a transfer 400 ns. The first refresh is met by a transfer that
lasts 3,900 ns without any; then 3,500 ns of transfer fit between two refreshes.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest

from simcore.analysis.composition import Composition
from simcore.analysis.crossover import attention_crossover
from simcore.config.hbm import HbmChannelConfig
from simcore.config.load import load_hardware, load_scenario
from simcore.program.burst import BurstProgram, scenario_program
from simcore.program.cost import Cost
from simcore.program.hbm.fast_path import FastPath
from simcore.program.movement import Mover
from simcore.program.operation import Operation
from simcore.program.shape import LayerShape
from simcore.program.stall import RefreshStall

CHANNEL = HbmChannelConfig(
    preset="HBM3",
    # 32 pseudo-channels x 32 bytes in 1.024 ns.
    burst_ns=1.024,
    stream_efficiency=1.0,
    activate_to_read_ns=10.0,
    read_latency_ns=8.0,
    command_ns=0.976,
    activate_to_write_ns=10.0,
    write_latency_ns=8.976,
    refresh_interval_ns=3900.0,
    refresh_stall_ns=400.0,
    activate_energy_pj=1024.0,
    read_energy_pj_per_byte=20.0,
    write_energy_pj_per_byte=22.0,
    io_energy_pj_per_byte=2.0,
    controller_energy_pj_per_byte=7.0,
)

#: Bytes, and whole picoseconds by hand.
BY_HAND = [
    (0, 20_000),
    (1, 20_001),
    # One byte short of the first refresh, at it, and one byte beyond.
    (3_879_999, 3_899_999),
    (3_880_000, 3_900_000 + 400_000),
    (3_880_001, 3_900_001 + 400_000),
    # The second refresh is at 7,800 ns of the clock, 7,400 ns of them transfer.
    (7_379_999, 7_399_999 + 400_000),
    (7_380_000, 7_400_000 + 800_000),
    (7_380_001, 7_400_001 + 800_000),
    # The thousandth: 400 + 1,000 x 3,500 ns of transfer.
    (3_500_379_999, 3_500_399_999 + 999 * 400_000),
    (3_500_380_000, 3_500_400_000 + 1000 * 400_000),
]


def leg(n_bytes: Cost, direction: str = "read", *, counted: bool = False) -> Operation:
    chip = load_hardware("toy-ideal")
    assert chip.memory is not None
    hbm = chip.memory.hbm.model_copy(update={"model": "channel", "channel": CHANNEL})
    memory = chip.memory.model_copy(update={"hbm": hbm})
    scenario = load_scenario("tiny")
    shape = LayerShape.of(scenario.model, scenario.accounting, 0)
    mover = Mover(chip, memory, shape, counted)
    return mover.leg("kv_read", "kv_cache", "hbm", direction, n_bytes)  # type: ignore[arg-type]


@pytest.mark.parametrize("direction", ["read", "write"])
@pytest.mark.parametrize(("n_bytes", "ps"), BY_HAND)
def test_one_byte_below_at_and_above_a_refresh(
    n_bytes: int, ps: int, direction: str
) -> None:
    operation = leg(Cost(n_bytes), direction)
    assert operation.ps_at(0) == ps
    assert operation.ns_at(0) == pytest.approx(ps / 1000, rel=1e-12)
    fast = FastPath.of(CHANNEL)
    assert fast.duration_ps(n_bytes, is_write=direction == "write") == ps


def test_arrays_of_contexts_are_evaluated_as_one_context_is() -> None:
    operation = leg(Cost(per_token=1))
    contexts = np.array([n_bytes for n_bytes, _ in BY_HAND])
    whole = [ps for _, ps in BY_HAND]
    assert [operation.ps_at(int(n)) for n in contexts] == whole
    exact = operation.ns_at(contexts)
    assert exact.tolist() == [operation.ns_at(int(n)) for n in contexts]
    assert np.rint(exact * 1000).astype(int).tolist() == whole


def test_the_float_twin_meets_the_refreshes_of_the_whole_picoseconds() -> None:
    # 0.4 ps short of a refresh, but rounded to it: both count it.
    stall = RefreshStall(period_ps=3_500_000, stall_ps=400_000)
    assert stall.ns(3899.9996) == pytest.approx(4299.9996, abs=1e-9)
    assert stall.ps(round(3899.9996 * 1000)) == 4_300_000
    assert stall.ns(3899.9994) == 3899.9994
    assert stall.ns(np.array([3899.9996, 3899.9994])).tolist() == [
        stall.ns(3899.9996),
        stall.ns(3899.9994),
    ]


def test_without_refresh_a_transfer_is_linear() -> None:
    fast = FastPath.of(CHANNEL.model_copy(update={"refresh": "none"}))
    assert fast.stall is None
    assert fast.duration_ps(3_500_380_000, is_write=False) == 3_500_400_000


# -- energy -----------------------------------------------------------------------


def test_a_sequential_transfer_opens_every_page_once() -> None:
    (energy,) = leg(Cost(1)).energy_pj
    # 1,024 pJ a page of 1,024 bytes, access, I/O, controller.
    assert energy == ("hbm", Cost(1.0 + 20.0 + 2.0 + 7.0))
    (energy,) = leg(Cost(1), "write").energy_pj
    assert energy == ("hbm", Cost(1.0 + 22.0 + 2.0 + 7.0))
    assert leg(Cost(1)).activate_energy_pj == 0.0


def test_activations_that_are_counted_are_not_in_the_bytes() -> None:
    operation = leg(Cost(1), counted=True)
    assert operation.energy_pj == (("hbm", Cost(20.0 + 2.0 + 7.0)),)
    assert operation.activate_energy_pj == 1024.0


def test_counted_or_not_a_page_costs_the_same() -> None:
    linear, counted = leg(Cost(8192)), leg(Cost(8192), counted=True)
    ((_, spread),) = linear.energy_pj
    ((_, rest),) = counted.energy_pj
    assert rest.base + 8 * counted.activate_energy_pj == pytest.approx(
        spread.base, rel=1e-12
    )


# -- everywhere a duration is evaluated ---------------------------------------------

#: Refresh every 60 ns of a slow stack.
SLOW = (
    "hardware.memory.hbm.model=channel",
    "hardware.memory.hbm.channel.preset=HBM3",
    "hardware.memory.hbm.channel.burst_ns=20",
    "hardware.memory.hbm.channel.refresh_interval_ns=60",
    "hardware.memory.hbm.channel.refresh_stall_ns=20",
    "hardware.memory.hbm.channel.refresh_ns=15",
)


def slow(*settings: str) -> BurstProgram:
    return scenario_program(load_scenario("tiny", [*SLOW, *settings]))


def test_the_table_holds_every_operation_as_long_as_the_operation_says() -> None:
    table = slow().table
    for context_length, committed in ((1, 1), (77, 3), (4000, 2)):
        context = table.context(context_length).tolist()
        whole = table.durations_ps(context_length, committed).tolist()
        exact = table.durations_ns(context_length, committed).tolist()
        for op, operation in enumerate(table.operations):
            seen = (context[op], committed)
            assert whole[op] == operation.ps_at(*seen)
            assert exact[op] == pytest.approx(operation.ns_at(*seen), rel=1e-14)
            assert abs(whole[op] - 1000 * exact[op]) <= 0.5 + 1e-9 * whole[op]


def test_refresh_makes_a_burst_longer_and_never_cheaper_or_dearer() -> None:
    refreshed, never = slow(), slow("hardware.memory.hbm.channel.refresh=none")
    assert (
        Composition(refreshed).burst_ps(400, 1).total
        > Composition(never).burst_ps(400, 1).total
    )
    for one, other in zip(
        refreshed.table.operations, never.table.operations, strict=True
    ):
        assert one.energy_pj == other.energy_pj


def crossing(*settings: str) -> Any:
    return attention_crossover(slow("workload.draft_length=0", *settings))


def test_the_crossover_counts_the_refreshes_of_the_cache() -> None:
    found = crossing().latency_with_kv
    linear = crossing("hardware.memory.hbm.channel.refresh=none").latency_with_kv
    assert found.first_above is not None
    assert found.first_above < linear.first_above
    (step,) = slow("workload.draft_length=0").verify

    def excess(context: int) -> float:
        total = 0.0
        for part in step.layers:
            for legs in part.positions:
                time = max(float(op.ns_at(part.context(context))) for op in legs)
                grows = legs[0].name in {
                    "attention_qk",
                    "attention_softmax",
                    "attention_pv",
                    "kv_read",
                    "kv_unpack",
                }
                total += time if grows else -time
        return total

    assert excess(found.first_above) > 0 >= excess(found.first_above - 1)


def test_the_shipped_model_of_the_reference_chip_is_a_channel() -> None:
    chip = load_hardware("residual-analog-22nm")
    assert chip.memory is not None
    hbm = chip.memory.hbm
    assert hbm.in_use is not None
    assert (hbm.in_use.preset, hbm.in_use.stacks) == ("HBM3", 2)
    # 909 / 1024 + 25.44 + 2.4 + 8, as the bandwidth model's 36.7.
    assert hbm.technology.read_energy_pj_per_byte == pytest.approx(36.7277, abs=1e-4)
    assert hbm.technology.read_energy_pj_per_byte == pytest.approx(
        hbm.read_energy_pj_per_byte, rel=1e-3
    )
