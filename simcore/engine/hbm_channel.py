"""The HBM of the chip: one half-duplex channel that every layer shares."""

from __future__ import annotations

from simcore.engine.hardware_block import HardwareBlock


class HbmChannel(HardwareBlock):
    """One transfer at a time, read or write, for the time its bandwidth gives."""

    __slots__ = ()
