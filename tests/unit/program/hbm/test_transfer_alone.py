"""A transfer followed server by server is that of all servers together, to the ps."""

from __future__ import annotations

import inspect
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simcore.config.hbm import TRANSACTION_BYTES, HbmChannelConfig
from simcore.config.hbm_presets import PRESETS
from simcore.program.hbm import state_machine
from simcore.program.hbm.stack import HbmStack

#: Maps of four servers: rows above what else an address has, and below.
ROW_ABOVE, ROW_BELOW = "ro:4,ba:1,co:3,bg:1,pc:1,ch:1", "ba:2,co:2,bg:1,pc:1,ch:1,ro:3"

#: Timings that a generated channel may have otherwise.
TIMINGS = (
    "burst_ns",
    "activate_to_read_ns",
    "precharge_ns",
    "column_to_column_same_group_ns",
    "activate_to_activate_ns",
    "four_activates_ns",
    "read_to_write_ns",
    "write_to_read_ns",
    "write_to_read_same_group_ns",
    "write_recovery_ns",
)

#: Address / 32, bytes, whether it is a write, and ps since the end of the one before.
Transfer = tuple[int, int, bool, int]

THE_EXIT = "            if start == soonest:\n                break\n"


@st.composite
def channels(draw: Any, maps: tuple[str | None, ...]) -> HbmChannelConfig:
    others = draw(st.sets(st.sampled_from(TIMINGS), max_size=4))
    values = {name: draw(st.floats(0.3, 40)) for name in sorted(others)}
    if draw(st.booleans()):
        values["queue_transactions"] = draw(st.integers(4, 40))
    if draw(st.booleans()):
        # So many refreshes that rows often wait for one. Between two of them a row has
        # to be opened and read.
        values |= {"refresh_interval_ns": 450.0, "refresh_stall_ns": 400.0}
    return HbmChannelConfig(
        preset=draw(st.sampled_from(list(PRESETS))),
        address_map=draw(st.sampled_from(maps)),
        refresh=draw(st.sampled_from(["all_bank", "all_bank", "none"])),
        refresh_phase=draw(st.sampled_from(["synchronous", "staggered"])),
        **values,
    )


def transfers(most_bytes: int) -> st.SearchStrategy[list[Transfer]]:
    gap_ps = st.just(0) | st.integers(0, 50_000) | st.integers(0, 8_000_000)
    one = st.tuples(
        st.integers(0, 1 << 16), st.integers(1, most_bytes), st.booleans(), gap_ps
    )
    return st.lists(one, min_size=1, max_size=6)


def all_together(
    machine: ModuleType, memory: HbmStack, start_ps: int, transfer: Transfer
) -> int:
    """End of a transfer by `serve`, which knows nothing of its being one."""
    number, n_bytes, is_write, _ = transfer
    n = -(-n_bytes // TRANSACTION_BYTES)
    places = memory.map.places(TRANSACTION_BYTES * (number + np.arange(n)))
    arrival = np.full(n, start_ps, dtype=np.int64)
    directions = np.full(n, int(is_write), dtype=np.int64)
    done, _ = machine.serve(
        memory.timing, memory.state, arrival, *places, directions, n
    )
    return int(done.max())


def one_by_one(
    machine: ModuleType, memory: HbmStack, start_ps: int, transfer: Transfer
) -> int:
    """End of a transfer by `transfer`."""
    number, n_bytes, is_write, _ = transfer
    n = -(-n_bytes // TRANSACTION_BYTES)
    places = memory.map.places(TRANSACTION_BYTES * (number + np.arange(n)))
    end = machine.transfer(memory.timing, memory.state, start_ps, *places, is_write)
    assert isinstance(end, int)
    return end


def assert_equal(
    quick: ModuleType,
    slow: ModuleType,
    channel: HbmChannelConfig,
    asked: list[Transfer],
) -> None:
    """Ends and all that the stack remembers, after every transfer."""
    one, other = HbmStack(channel), HbmStack(channel)
    now_ps = 0
    for transfer in asked:
        now_ps += transfer[3]
        end_ps = one_by_one(quick, one, now_ps, transfer)
        assert end_ps == all_together(slow, other, now_ps, transfer)
        for name in one.state._fields:
            found, expected = getattr(one.state, name), getattr(other.state, name)
            assert np.array_equal(found, expected), name
        now_ps = end_ps


def altered(old: str, new: str) -> ModuleType:
    """The state machine in plain Python with one piece of its text changed."""
    text = inspect.getsource(state_machine)
    assert text.count(old) == 1, old
    text = text.replace(old, new)
    for decorator in ("@_compiled\n", "@_compiled_bare\n"):
        text = text.replace(decorator, "")
    module = ModuleType("altered")
    exec(compile(text, "altered", "exec"), vars(module))
    return module


@settings(max_examples=150, deadline=None)
@given(channels((None, ROW_ABOVE, ROW_BELOW)), transfers(1 << 16))
def test_a_transfer_is_the_one_of_all_servers_together(channel, asked) -> None:
    assert_equal(state_machine, state_machine, channel, asked)


@settings(max_examples=40, deadline=None)
@given(channels((ROW_ABOVE, ROW_BELOW)), transfers(1 << 12))
def test_the_first_that_can_be_no_earlier_is_the_first_of_all(channel, asked) -> None:
    assert_equal(state_machine, altered(THE_EXIT, ""), channel, asked)


def test_transfers_of_the_stack_are_those_of_the_state_machine() -> None:
    channel = HbmChannelConfig(preset="HBM3", stacks=2)
    one, other = HbmStack(channel), HbmStack(channel)
    end_ps = 0
    for number, share in ((0, 133_120), (1 << 20, 1_040), (3, 2_048)):
        for is_write in (False, True):
            transfer = number, share, is_write, 0
            expected = all_together(state_machine, other, end_ps, transfer)
            before = one.activates
            end_ps, activates = one.transfer(
                end_ps, TRANSACTION_BYTES * number, 2 * share, is_write=is_write
            )
            assert end_ps == expected
            assert activates == other.activates - before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        # Too few at a time.
        ("min(head + t.queue, last[p])", "min(head + t.queue - 1, last[p])"),
        # Time stands still.
        ("            now = time\n", ""),
        # What was served does not leave the queue, and the head does.
        ("range(place, 0, -1)", "range(0)"),
        # The oldest is not the first.
        ("if start == soonest", "if start <= soonest + t.ccd_s"),
        # Servers take turns on a bus of their own.
        ("        now = start\n", "        now = end\n"),
    ],
)
def test_an_error_in_either_would_be_found(old: str, new: str) -> None:
    channels = [
        HbmChannelConfig(preset="HBM3", address_map=ROW_BELOW, queue_transactions=n)
        for n in (6, 32)
    ]
    asked = [(0, 3000, False, 0), (77, 3000, True, 0), (500, 5000, False, 100)]

    def compare(quick: ModuleType) -> None:
        for channel in channels:
            assert_equal(quick, altered(THE_EXIT, ""), channel, asked)

    compare(altered(THE_EXIT, THE_EXIT))
    with pytest.raises(AssertionError):
        compare(altered(old, new))
