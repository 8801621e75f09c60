"""What a reader must know of a chip description that leaves something out."""

from __future__ import annotations

from simcore.config.hardware import HardwareConfig
from simcore.config.memory import MemoryConfig


def hardware_notes(hardware: HardwareConfig) -> list[str]:
    """Sentences on memories that are not there, not limiting, or scaled.

    Parameters
    ----------
    hardware : HardwareConfig
        The chip.
    """
    memory = hardware.memory
    if memory is None:
        return [
            "The hardware describes no memory (hardware.memory null): moving KV, "
            "embedding and activations takes no time and no energy here."
        ]
    return [*_unlimited(memory), *_scaled(memory)]


def _unlimited(memory: MemoryConfig) -> list[str]:
    free = [
        f"memory.{name}.{way}_bandwidth_GBps"
        for name in ("sram", "hbm", "fabric")
        for way in ("read", "write")
        if not getattr(getattr(memory, name), f"{way}_bandwidth_GBps")
    ]
    if not free:
        return []
    verb = "is" if len(free) == 1 else "are"
    return [f"{', '.join(free)} {verb} 0: bytes take no time there."]


def _scaled(memory: MemoryConfig) -> list[str]:
    sram = memory.sram
    if sram.capacity_ratio == 1:
        return []
    return [
        f"SRAM area and static power are scaled by {sram.capacity_ratio:.3g}, from "
        f"{sram.reference_capacity_bytes:,} to {sram.capacity_bytes:,} bytes; its "
        "energy a byte and its times are as given (in CACTI they grow about with the "
        "square root of the capacity)."
    ]
