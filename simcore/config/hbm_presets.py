"""Timing and energy of HBM generations, each number with where it is from.

Times are of one pseudo-channel, in ns. They follow the public presets of Ramulator 2.1
(HBM2_2000, HBM3_6400 and HBM3_9200, which quote JESD235 and JESD238); what those do not
name is marked derived or assumed. HBM2E is HBM2 at a higher pin rate: its core timing
is taken over.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Literal, NamedTuple

PresetName = Literal["HBM2", "HBM2E", "HBM3", "HBM3E"]


class Sourced(NamedTuple):
    """A number, how well it is known, and from where."""

    value: float
    status: Literal["measured", "published", "derived", "assumed"]
    source: str


def _published(value: float, source: str) -> Sourced:
    return Sourced(value, "published", source)


_R2 = "Ramulator 2.1 preset HBM2_2000 (JESD235)"
_R3 = "Ramulator 2.1 preset HBM3_6400 (JESD238)"
_R3E = "Ramulator 2.1 preset HBM3_9200 (JESD238, clocks of 2.3 GHz)"
_OLDER = "core timing of the older generation, taken over"
_ATTACC = "AttAcc energy table of an HBM stack: 0.44 cell + 1.01 + 1.23 + 0.5 TSV pJ/b"
_ACT = "O'Connor et al., MICRO 2017: 909 pJ to activate and precharge a 1 KiB page"
_IO = "AttAcc energy table of an HBM stack: 0.3 pJ/b of I/O"

_HBM2: dict[str, Sourced] = {
    "burst_ns": _published(2.0, f"{_R2}: 32 B over 64 pins at 2.0 Gb/s"),
    "activate_to_read_ns": _published(14.0, f"{_R2}: tRCDRD"),
    "activate_to_write_ns": _published(12.0, f"{_R2}: tRCDWR"),
    "read_latency_ns": _published(14.0, f"{_R2}: tCL"),
    "write_latency_ns": _published(5.0, f"{_R2}: tCWL"),
    "precharge_ns": _published(14.0, f"{_R2}: tRP"),
    "activate_to_precharge_ns": _published(34.0, f"{_R2}: tRAS"),
    "column_to_column_ns": _published(2.0, f"{_R2}: tCCDS"),
    "column_to_column_same_group_ns": _published(4.0, f"{_R2}: tCCDL"),
    "activate_to_activate_ns": _published(4.0, f"{_R2}: tRRD"),
    "four_activates_ns": _published(15.0, f"{_R2}: tFAW"),
    "read_to_write_ns": _published(13.0, f"{_R2}: tRTW"),
    "write_to_read_ns": _published(6.0, f"{_R2}: tWTRS"),
    "write_to_read_same_group_ns": _published(8.0, f"{_R2}: tWTRL"),
    "read_to_precharge_ns": _published(5.0, f"{_R2}: tRTP"),
    "write_recovery_ns": _published(16.0, f"{_R2}: tWR"),
    "refresh_interval_ns": _published(3900.0, f"{_R2}: tREFI"),
    "refresh_ns": _published(350.0, f"{_R2}: tRFC of an 8 Gb channel"),
    "command_ns": Sourced(1.0, "derived", "one clock: closed-bank read of 31 ns"),
    "channels": _published(8, "JESD235: 8 channels"),
    "queue_transactions": Sourced(
        32, "assumed", "as Ramulator 2.1 was run: 64 entries a channel"
    ),
    "bank_groups": _published(4, "JESD235: 4 bank groups of 4 banks"),
    "stream_efficiency": Sourced(
        1.0, "derived", "long streams of the state machine without refresh"
    ),
    "refresh_stall_ns": Sourced(
        398.0, "derived", "long streams of the state machine: tRFC, close and reopen"
    ),
    "activate_energy_pj": _published(909.0, _ACT),
    "read_energy_pj_per_byte": _published(25.44, _ATTACC),
    "write_energy_pj_per_byte": Sourced(25.44, "assumed", "as read"),
    "io_energy_pj_per_byte": _published(2.4, _IO),
}

_HBM3: dict[str, Sourced] = {
    **_HBM2,
    "burst_ns": _published(1.25, f"{_R3}: 32 B over 32 pins at 6.4 Gb/s"),
    "activate_to_read_ns": _published(19.375, f"{_R3}: tRCDRD"),
    "activate_to_write_ns": _published(9.375, f"{_R3}: tRCDWR"),
    "read_latency_ns": _published(12.5, f"{_R3}: tCL"),
    "write_latency_ns": _published(6.25, f"{_R3}: tCWL"),
    "precharge_ns": _published(16.25, f"{_R3}: tRP"),
    "activate_to_precharge_ns": _published(28.125, f"{_R3}: tRAS"),
    "column_to_column_ns": _published(1.25, f"{_R3}: tCCDS"),
    "column_to_column_same_group_ns": _published(2.5, f"{_R3}: tCCDL"),
    "activate_to_activate_ns": _published(2.5, f"{_R3}: tRRD"),
    "four_activates_ns": _published(15.0, f"{_R3}: tFAW"),
    "read_to_write_ns": _published(12.5, f"{_R3}: tRTW"),
    "write_to_read_ns": _published(4.375, f"{_R3}: tWTRS"),
    "write_to_read_same_group_ns": _published(6.25, f"{_R3}: tWTRL"),
    "read_to_precharge_ns": _published(5.625, f"{_R3}: tRTP"),
    "write_recovery_ns": _published(20.625, f"{_R3}: tWR"),
    "refresh_ns": _published(350.0, f"{_R3}: tRFC of an 8 Gb channel and stack ID"),
    "command_ns": Sourced(0.94, "derived", "closed-bank read of 34.1 ns"),
    "channels": _published(16, "JESD238: 16 channels"),
    "stream_efficiency": Sourced(
        0.998,
        "derived",
        "long reads without refresh: 0.996 in Ramulator 2.1, 1.0 in the state machine",
    ),
    "refresh_stall_ns": Sourced(
        400.0, "derived", "long streams of the state machine: tRFC, close and reopen"
    ),
}

_HBM2E: dict[str, Sourced] = {
    **_HBM2,
    "burst_ns": _published(1.25, "32 B over 64 pins at 3.2 Gb/s"),
    "column_to_column_ns": Sourced(1.25, "derived", "back-to-back bursts"),
    "column_to_column_same_group_ns": Sourced(2.5, "derived", "two bursts, as HBM2"),
    "activate_to_read_ns": Sourced(14.0, "assumed", f"tRCDRD: {_OLDER}"),
    "precharge_ns": Sourced(14.0, "assumed", f"tRP: {_OLDER}"),
}

_HBM3E: dict[str, Sourced] = {
    **_HBM3,
    "burst_ns": _published(0.8696, "32 B over 32 pins at 9.2 Gb/s"),
    "column_to_column_ns": Sourced(0.8696, "derived", "back-to-back bursts"),
    "column_to_column_same_group_ns": _published(2.609, f"{_R3E}: tCCDL, 6 clocks"),
    "activate_to_read_ns": _published(19.565, f"{_R3E}: tRCDRD, 45 clocks"),
    "activate_to_write_ns": _published(9.565, f"{_R3E}: tRCDWR, 22 clocks"),
    "read_latency_ns": _published(12.609, f"{_R3E}: tCL, 29 clocks"),
    "write_latency_ns": _published(6.087, f"{_R3E}: tCWL, 14 clocks"),
    "precharge_ns": _published(16.087, f"{_R3E}: tRP, 37 clocks"),
    "activate_to_precharge_ns": _published(28.261, f"{_R3E}: tRAS, 65 clocks"),
    "activate_to_activate_ns": _published(2.609, f"{_R3E}: tRRDS, 6 clocks"),
    "four_activates_ns": _published(15.217, f"{_R3E}: tFAW, 35 clocks"),
    "read_to_write_ns": _published(12.609, f"{_R3E}: tRTW, 29 clocks"),
    "write_to_read_ns": _published(4.348, f"{_R3E}: tWTRS, 10 clocks"),
    "write_to_read_same_group_ns": _published(6.087, f"{_R3E}: tWTRL, 14 clocks"),
    "read_to_precharge_ns": _published(5.652, f"{_R3E}: tRTP, 13 clocks"),
    "write_recovery_ns": _published(20.435, f"{_R3E}: tWR, 47 clocks"),
    "queue_transactions": Sourced(
        64, "assumed", "32 reads are 28 ns of data, less than a row takes to open"
    ),
}

PRESETS: MappingProxyType[PresetName, dict[str, Sourced]] = MappingProxyType(
    {"HBM2": _HBM2, "HBM2E": _HBM2E, "HBM3": _HBM3, "HBM3E": _HBM3E}
)

#: Address maps, highest bits first: 64 B, or 32 B of HBM2, in one channel.
MAPS: MappingProxyType[PresetName, str] = MappingProxyType(
    {
        "HBM2": "ro:14,ba:2,co:5,bg:2,pc:1,ch:3",
        "HBM2E": "ro:14,ba:2,co:5,bg:2,pc:1,ch:3",
        "HBM3": "ro:14,ba:2,si:1,co:4,bg:2,pc:1,ch:4,cl:1",
        "HBM3E": "ro:14,ba:2,si:1,co:4,bg:2,pc:1,ch:4,cl:1",
    }
)
