"""What is said of a chip description that leaves something out."""

from __future__ import annotations

from simcore.analysis.hardware_notes import hardware_notes
from simcore.config.load import load_scenario


def said(*settings: str) -> list[str]:
    return hardware_notes(load_scenario("tiny", settings).hardware)


def test_a_chip_that_says_everything_needs_no_note() -> None:
    assert said() == []


def test_a_chip_without_memory_says_so() -> None:
    (note,) = said("hardware.memory=null")
    assert note.startswith("The hardware describes no memory (hardware.memory null)")


def test_a_bandwidth_of_zero_is_no_limit_and_says_so() -> None:
    (note,) = said(
        "hardware.memory.hbm.read_bandwidth_GBps=0",
        "hardware.memory.fabric.write_bandwidth_GBps=0",
    )
    assert note == (
        "memory.hbm.read_bandwidth_GBps, memory.fabric.write_bandwidth_GBps are 0: "
        "bytes take no time there."
    )


def test_a_scaled_sram_says_what_is_not_scaled() -> None:
    (note,) = said(
        "hardware.memory.sram.capacity_bytes=131072",
        "hardware.memory.sram.reference_capacity_bytes=65536",
    )
    assert note.startswith("SRAM area and static power are scaled by 2, from 65,536")
    assert "energy a byte and its times are as given" in note
