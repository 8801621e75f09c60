"""Timing of a stack in integer picoseconds, from its configuration."""

from __future__ import annotations

from typing import NamedTuple

from simcore.config.hbm import HbmChannelConfig
from simcore.units import PS_PER_NS


class StackTiming(NamedTuple):
    """Picoseconds, under the names that JEDEC uses; `queue` counts transactions."""

    burst: int
    rcd_read: int
    rcd_write: int
    cl: int
    cwl: int
    rp: int
    ras: int
    ccd_s: int
    ccd_l: int
    rrd: int
    faw: int
    rtw: int
    wtr_s: int
    wtr_l: int
    rtp: int
    wr: int
    refi: int
    rfc: int
    command: int
    queue: int

    @classmethod
    def of(cls, config: HbmChannelConfig) -> StackTiming:
        """Round every time of the configuration to whole ps."""
        values = [round(config.value(name) * PS_PER_NS) for name in _FIELDS]
        values.append(round(config.value("queue_transactions")))
        return cls(*values)


#: Fields of the configuration in the order of `StackTiming`.
_FIELDS = (
    "burst_ns",
    "activate_to_read_ns",
    "activate_to_write_ns",
    "read_latency_ns",
    "write_latency_ns",
    "precharge_ns",
    "activate_to_precharge_ns",
    "column_to_column_ns",
    "column_to_column_same_group_ns",
    "activate_to_activate_ns",
    "four_activates_ns",
    "read_to_write_ns",
    "write_to_read_ns",
    "write_to_read_same_group_ns",
    "read_to_precharge_ns",
    "write_recovery_ns",
    "refresh_interval_ns",
    "refresh_ns",
    "command_ns",
)
