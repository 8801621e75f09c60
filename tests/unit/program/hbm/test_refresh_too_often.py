"""Refreshes so close that no row is ever read: refused, and only those."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest

from simcore.config.hbm import HbmChannelConfig
from simcore.config.load import load_scenario
from simcore.errors import ProgramError
from simcore.program.burst import scenario_program
from simcore.program.hbm.stack import HbmStack

CHANNEL = "hardware.memory.hbm.channel"
SHARED = (
    "hardware.memory.hbm.model=channel",
    f"{CHANNEL}.preset=HBM3",
    f"{CHANNEL}.refresh_stall_ns=1",
    "streams=2",
)

#: Refresh, its precharge, opening a row: 350 + 16.25 + 19.375 ns in HBM3.
REFRESH_TO_ACCESS_NS = 385.625


@dataclass
class Case:
    """Timings, and the shortest interval that they leave room in."""

    timings: dict[str, float]
    least_ns: float


CASES = [
    Case({}, REFRESH_TO_ACCESS_NS),
    Case({"activate_to_write_ns": 50.0}, 350 + 16.25 + 50),
    Case({"four_activates_ns": 900.0}, 900 + 19.375),
    Case({"activate_to_activate_ns": 1000.0}, 1000 + 19.375),
]


def load(case: Case, interval_ns: float, *more: str):
    timings = {**case.timings, "refresh_interval_ns": interval_ns}
    settings = [f"{CHANNEL}.{name}={value}" for name, value in timings.items()]
    return load_scenario("tiny", [*SHARED, *settings, *more])


@pytest.mark.parametrize("case", CASES)
def test_an_interval_in_which_no_row_is_read_is_refused(case: Case) -> None:
    with pytest.raises(ProgramError) as caught:
        scenario_program(load(case, case.least_ns), events=True)
    assert str(caught.value) == (
        f"{CHANNEL}.refresh_interval_ns: got {case.least_ns:g}; must be at least "
        f"{case.least_ns + 0.01:g} where streams share the chip, for a row to be "
        "opened and accessed between two refreshes"
    )


@pytest.mark.parametrize("case", CASES)
def test_every_transfer_ends_at_an_interval_that_is_just_enough(case: Case) -> None:
    """Also when many rows wait, of which each refresh closes those not read yet."""
    interval_ns = case.least_ns + 0.01
    scenario_program(load(case, interval_ns), events=True)
    stack = HbmStack(
        HbmChannelConfig(
            preset="HBM3",
            address_map="ba:2,co:2,bg:1,pc:1,ch:1,ro:3",
            refresh_stall_ns=1.0,
            refresh_interval_ns=interval_ns,
            **case.timings,
        )
    )
    end_ps = 0
    for is_write in (False, True, False):
        start_ps = end_ps
        end_ps, activates = stack.transfer(start_ps, 0, 2048, is_write=is_write)
        assert activates > 0
        # As long as it takes, but not for ever.
        assert 0 < end_ps - start_ps < 64 * 8 * interval_ns * 1000
    done, _ = stack.serve(np.full(64, end_ps), 32 * np.arange(64), np.arange(64) % 2)
    assert done.min() > end_ps


def test_without_refreshes_or_alone_nothing_is_refused() -> None:
    case = CASES[0]
    scenario_program(load(case, 300.0, f"{CHANNEL}.refresh=none"), events=True)
    scenario_program(load(case, 300.0, "streams=1"), events=True)
    scenario_program(load(case, 300.0))
