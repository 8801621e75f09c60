"""Timing of the bank state machine by hand: not one picosecond early, not one late."""

from __future__ import annotations

import numpy as np
import pytest
from hbm_patterns import mix, stack, stream

from simcore.config.hbm import HbmChannelConfig
from simcore.config.hbm_presets import PRESETS
from simcore.program.hbm import state_machine
from simcore.program.hbm.address_map import AddressMap
from simcore.program.hbm.fast_path import FastPath
from simcore.program.hbm.stack import HbmStack
from simcore.program.hbm.timing import StackTiming

# fine32: 3 channel bits, 1 pseudo-channel, 2 bank group, 5 column, 2 bank, row.
COLUMN, GROUP, BANK, ROW = 2048, 512, 65_536, 262_144
#: A row so far on that its banks are others.
HBM2 = StackTiming.of(HbmChannelConfig(preset="HBM2"))
DATA_PS = HBM2.cl + HBM2.burst + HBM2.command


def column_times(addresses, writes=(), arrivals=None, refresh="none") -> list[int]:
    """When each transaction of pseudo-channel 0 had its column access, in ps."""
    n = len(addresses)
    is_write = np.array([int(i in writes) for i in range(n)], dtype=np.int64)
    arrival = np.array(arrivals or [0] * n, dtype=np.int64)
    done, _ = stack("HBM2", refresh).serve(
        arrival, np.array(addresses, dtype=np.int64), is_write
    )
    data = np.where(is_write == 1, HBM2.cwl + HBM2.burst, DATA_PS)
    return (done - data).tolist()


def test_a_closed_bank_is_read_after_its_activation() -> None:
    assert column_times([0]) == [HBM2.rcd_read]
    assert column_times([0], writes={0}) == [HBM2.rcd_write]


def test_columns_of_one_group_keep_the_long_distance_and_others_the_short() -> None:
    t = HBM2
    assert column_times([0, COLUMN]) == [t.rcd_read, t.rcd_read + t.ccd_l]
    # The second bank's row is open tRRD later.
    first = t.rcd_read
    assert column_times([0, GROUP]) == [first, max(first + t.ccd_s, t.rrd + t.rcd_read)]


def test_another_row_of_the_bank_waits_for_precharge_and_activation() -> None:
    t = HBM2
    # Row 0 is open from 0; its precharge waits for tRAS, then tRP and tRCD.
    second = max(t.ras, t.rcd_read + t.rtp) + t.rp + t.rcd_read
    assert column_times([0, ROW]) == [t.rcd_read, second]


def test_a_row_that_is_still_needed_is_not_closed() -> None:
    t = HBM2
    first, other, again = column_times([0, ROW, COLUMN])
    assert again == first + t.ccd_l
    assert other == max(t.ras, again + t.rtp) + t.rp + t.rcd_read


def test_at_most_four_activations_in_their_window() -> None:
    t = HBM2
    # Five banks of two groups; each row opens tRRD after the one before, the fifth tFAW
    # after the first.
    found = column_times([0, GROUP, 2 * GROUP, 3 * GROUP, BANK])
    opened = [0, t.rrd, 2 * t.rrd, 3 * t.rrd, max(4 * t.rrd, t.faw)]
    assert found[4] == opened[4] + t.rcd_read
    assert found[:4] == [o + t.rcd_read for o in opened[:4]]


def test_the_bus_turns_around_after_its_distance() -> None:
    t = HBM2
    read, write = column_times([0, COLUMN], writes={1})
    assert write == read + max(t.rtw, t.ccd_l)
    # A write alone is drained; a read of the same group then waits for its data.
    write, read = column_times([0, COLUMN], writes={0}, arrivals=[0, 20_000])
    assert write == t.rcd_write
    assert read == write + t.cwl + t.burst + t.wtr_l
    write, read = column_times([0, GROUP], writes={0}, arrivals=[0, 18_000])
    assert read == max(write + t.cwl + t.burst + t.wtr_s, 18_000 + t.rcd_read)


def test_a_refresh_closes_rows_and_blocks() -> None:
    t = HBM2
    just_in_time = t.refi - 1 - t.rcd_read
    assert column_times([0], arrivals=[just_in_time], refresh="all_bank") == [
        t.refi - 1
    ]
    # One picosecond later the column access would meet the refresh.
    late = column_times([0], arrivals=[just_in_time + 1], refresh="all_bank")
    closed = max(t.refi, just_in_time + 1 + t.ras) + t.rp + t.rfc
    assert late == [closed + t.rcd_read]


@pytest.mark.parametrize("preset", list(PRESETS))
def test_the_fast_path_follows_the_state_machine(preset: str) -> None:
    # A read of 64 KiB on HBM3E has half its data before all first rows are open.
    bound = 0.03 if preset == "HBM3E" else 0.01
    sizes = [1 << power for power in range(16, 24)]
    config = HbmChannelConfig(preset=preset, refresh_phase="synchronous")
    fast = FastPath.of(config)
    for n_bytes in sizes:
        end, activates = HbmStack(config).transfer(0, 0, n_bytes, is_write=False)
        found = fast.duration_ps(n_bytes, is_write=False)
        assert found == pytest.approx(end, rel=bound), n_bytes
        assert activates >= n_bytes // 1024


@pytest.mark.parametrize("preset", ["HBM2", "HBM3"])
def test_a_transfer_that_ends_before_the_first_refresh_has_none(preset: str) -> None:
    config = HbmChannelConfig(preset=preset, refresh_phase="synchronous")
    fast, never = FastPath.of(config), config.model_copy(update={"refresh": "none"})
    # Longer than tREFI less the stall, and shorter than tREFI.
    n_bytes = int(3_700 * config.bytes_per_ns)
    end, _ = HbmStack(config).transfer(0, 0, n_bytes, is_write=False)
    found = fast.duration_ps(n_bytes, is_write=False)
    assert found == FastPath.of(never).duration_ps(n_bytes, is_write=False)
    assert found == pytest.approx(end, rel=0.01)


def test_stacks_share_the_bytes_and_count_their_rows() -> None:
    one, two = (HbmStack(HbmChannelConfig(preset="HBM3", stacks=n)) for n in (1, 2))
    end_one, rows_one = one.transfer(0, 0, 1 << 17, is_write=False)
    end_two, rows_two = two.transfer(0, 0, 1 << 18, is_write=False)
    assert end_one == end_two
    assert rows_two == 2 * rows_one
    assert two.transfer(end_two, 0, 0, is_write=False) == (end_two, 0)


def test_more_load_never_ends_earlier() -> None:
    ends = [
        stack("HBM3").transfer(0, 0, n, is_write=False)[0]
        for n in range(32_768, 262_144, 16_384)
    ]
    assert ends == sorted(ends)


def test_a_window_of_everything_is_no_window() -> None:
    for traffic in (mix(8192, 0.3, 64), stream(1 << 18)):
        without, _ = stack("HBM2").serve(*traffic[:3])
        wide, _ = stack("HBM2").serve(*traffic[:3], 1 << 40)
        narrow, _ = stack("HBM2").serve(*traffic[:3], 1 << 12)
        assert np.array_equal(without, wide)
        assert narrow.max() > without.max()


def test_plain_python_gives_the_compiled_numbers() -> None:
    compiled = [
        value for value in vars(state_machine).values() if hasattr(value, "py_func")
    ]
    assert compiled, "numba is an ordinary dependency"
    traffic = mix(1024, 0.3, 64)
    expected = stack("HBM2").serve(*traffic[:3], 1 << 14)
    plain = {
        name: value.py_func
        for name, value in vars(state_machine).items()
        if hasattr(value, "py_func")
    }
    with pytest.MonkeyPatch.context() as patch:
        for name, function in plain.items():
            patch.setattr(state_machine, name, function)
        memory = stack("HBM2")
        places = memory.map.places(traffic.address)
        found = state_machine.serve(
            memory.timing,
            memory.state,
            traffic.arrival_ps,
            *places,
            traffic.is_write,
            (1 << 14) // 32,
        )
    for a, b in zip(found, expected, strict=True):
        assert np.array_equal(a, b)


def test_every_number_of_a_preset_has_a_source() -> None:
    for preset, numbers in PRESETS.items():
        for name, number in numbers.items():
            assert number.source, (preset, name)
            assert number.status in ("measured", "published", "derived", "assumed")
            assert HbmChannelConfig(preset=preset).value(name) == number.value


def test_addresses_fall_apart_into_their_parts() -> None:
    address_map = AddressMap("ro:2,ba:1,co:2,bg:1,pc:1,ch:1")
    n = address_map.n_transactions
    assert n == 1 << 8
    places = address_map.places(np.arange(n, dtype=np.int64) * 32)
    seen = set(zip(*(p.tolist() for p in places), strict=True))
    assert len(seen) == n // 4  # four columns of each row
    assert address_map.servers == 4
    assert address_map.banks == 4
    with pytest.raises(ValueError, match="must name ro, ba as well"):
        AddressMap("bg:2,pc:1,ch:3")
