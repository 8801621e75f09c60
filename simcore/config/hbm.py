"""An HBM stack by its timing: a preset of a generation, and what differs from it."""

from __future__ import annotations

import math
import re
from typing import Annotated, Literal

from pydantic import Field, model_validator

from simcore.config.base import FieldIssue, FrozenConfig, raise_issues
from simcore.config.hbm_presets import MAPS, PRESETS, PresetName
from simcore.errors import printable

#: Bytes of one transaction, the access granule of HBM2 and HBM3.
TRANSACTION_BYTES = 32
#: Bytes of one row of a pseudo-channel.
PAGE_BYTES = 1024

_Time = Annotated[float, Field(ge=0.001, le=1e6)] | None
_Energy = Annotated[float, Field(ge=0, le=1e9)] | None

_PART = re.compile(r"(ro|ba|si|co|cl|bg|pc|ch):([1-9][0-9]?)\Z")
#: Fields of an address map that must be there, and the most bits of each.
_MAP_BITS = {"ro": 20, "ba": 3, "si": 3, "co": 6, "cl": 3, "bg": 3, "pc": 1, "ch": 5}
_NEEDED = ("ro", "ba", "bg", "pc", "ch")


def _of_preset(what: str) -> str:
    return f"{what}; null: that of the preset."


class HbmChannelConfig(FrozenConfig):
    """HBM stacks whose transfers are timed by banks, rows, turnaround and refresh."""

    preset: PresetName = Field(description="Generation that gives what is null here.")
    stacks: Annotated[int, Field(ge=1, le=64)] = Field(
        default=1, description="Identical stacks that transfers are spread over."
    )
    address_map: Annotated[str, Field(min_length=1, max_length=200)] | None = Field(
        default=None,
        description=_of_preset(
            "Bits of an address above 32 B, highest first: ro row, ba bank, si stack "
            "ID, co and cl column, bg bank group, pc pseudo-channel, ch channel"
        ),
    )
    refresh: Literal["all_bank", "none"] = Field(
        default="all_bank", description="All banks of a channel at once, or never."
    )
    refresh_phase: Literal["synchronous", "staggered"] = Field(
        default="synchronous",
        description=(
            "All channels refresh at one instant, or one after another; a transfer is "
            "spread over all of them, so that staggered it nearly always waits for one."
        ),
    )
    burst_ns: _Time = Field(
        default=None, description=_of_preset("ns of 32 B on a pseudo-channel's pins")
    )
    activate_to_read_ns: _Time = Field(default=None, description=_of_preset("tRCDRD"))
    activate_to_write_ns: _Time = Field(default=None, description=_of_preset("tRCDWR"))
    read_latency_ns: _Time = Field(default=None, description=_of_preset("tCL"))
    write_latency_ns: _Time = Field(default=None, description=_of_preset("tCWL"))
    precharge_ns: _Time = Field(default=None, description=_of_preset("tRP"))
    activate_to_precharge_ns: _Time = Field(
        default=None, description=_of_preset("tRAS")
    )
    column_to_column_ns: _Time = Field(default=None, description=_of_preset("tCCDS"))
    column_to_column_same_group_ns: _Time = Field(
        default=None, description=_of_preset("tCCDL")
    )
    activate_to_activate_ns: _Time = Field(default=None, description=_of_preset("tRRD"))
    four_activates_ns: _Time = Field(default=None, description=_of_preset("tFAW"))
    read_to_write_ns: _Time = Field(default=None, description=_of_preset("tRTW"))
    write_to_read_ns: _Time = Field(default=None, description=_of_preset("tWTRS"))
    write_to_read_same_group_ns: _Time = Field(
        default=None, description=_of_preset("tWTRL")
    )
    read_to_precharge_ns: _Time = Field(default=None, description=_of_preset("tRTP"))
    write_recovery_ns: _Time = Field(default=None, description=_of_preset("tWR"))
    refresh_interval_ns: _Time = Field(default=None, description=_of_preset("tREFI"))
    refresh_ns: _Time = Field(default=None, description=_of_preset("tRFC"))
    command_ns: _Time = Field(
        default=None, description=_of_preset("ns a command and its data take beside")
    )
    queue_transactions: Annotated[int, Field(ge=4, le=1024)] | None = Field(
        default=None,
        description=_of_preset(
            "Reads, and writes, that a pseudo-channel chooses among"
        ),
    )
    stream_efficiency: Annotated[float, Field(ge=0.1, le=1)] | None = Field(
        default=None,
        description=_of_preset("Share of the peak rate in long reads without refresh"),
    )
    refresh_stall_ns: _Time = Field(
        default=None,
        description=_of_preset(
            "ns that a refresh costs a long read, reopening included"
        ),
    )
    activate_energy_pj: _Energy = Field(
        default=None, description=_of_preset("pJ to open and close a 1 KiB page")
    )
    read_energy_pj_per_byte: _Energy = Field(
        default=None, description=_of_preset("pJ per byte read, without activation")
    )
    write_energy_pj_per_byte: _Energy = Field(
        default=None, description=_of_preset("pJ per byte written, without activation")
    )
    io_energy_pj_per_byte: _Energy = Field(
        default=None, description=_of_preset("pJ per byte of the stack's I/O")
    )
    controller_energy_pj_per_byte: Annotated[float, Field(ge=0, le=1e9)] = Field(
        default=0.0, description="pJ per byte of PHY and controller on the chip."
    )

    @model_validator(mode="after")
    def _check(self) -> HbmChannelConfig:
        issues = []
        if self.address_map is not None:
            wrong = address_map_problem(self.address_map)
            if wrong is not None:
                issues.append(
                    FieldIssue(
                        ("address_map",), got=printable(self.address_map), allowed=wrong
                    )
                )
        stall = self.value("refresh_stall_ns")
        # What is left of an interval is counted in whole ps, and divided by.
        if not stall + 1 <= self.value("refresh_interval_ns"):
            issues.append(
                FieldIssue(
                    ("refresh_stall_ns",),
                    got=printable(stall),
                    allowed="must be at least 1 ns below refresh_interval_ns "
                    f"({self.value('refresh_interval_ns'):g})",
                )
            )
        raise_issues(issues)
        return self

    @property
    def refresh_to_access_ns(self) -> float:
        """Longest time from the start of a refresh until a row is open for access.

        The row waits for the refresh, or for rows that were opened just before it.
        """
        value = self.value
        return max(
            value("precharge_ns") + value("refresh_ns"),
            value("activate_to_activate_ns"),
            value("four_activates_ns"),
        ) + max(value("activate_to_read_ns"), value("activate_to_write_ns"))

    def value(self, name: str) -> float:
        """A number of the channel: as given, else that of the preset."""
        given = getattr(self, name, None)
        return PRESETS[self.preset][name].value if given is None else float(given)

    @property
    def bytes_per_ns(self) -> float:
        """Rate of long transfers over all stacks without refresh (= GB/s)."""
        servers = self.value("channels") * 2 * self.stacks
        peak = servers * TRANSACTION_BYTES / self.value("burst_ns")
        return peak * self.value("stream_efficiency")

    @property
    def unloaded_read_ns(self) -> float:
        """A read of one burst from a closed bank."""
        parts = ("activate_to_read_ns", "read_latency_ns", "burst_ns", "command_ns")
        return math.fsum(self.value(name) for name in parts)

    @property
    def unloaded_write_ns(self) -> float:
        """A write of one burst to a closed bank, to the end of its data."""
        parts = ("activate_to_write_ns", "write_latency_ns", "burst_ns")
        return math.fsum(self.value(name) for name in parts)

    def energy_pj_per_byte(self, direction: Literal["read", "write"]) -> float:
        """Column access, I/O and controller; without activation."""
        names = (f"{direction}_energy_pj_per_byte", "io_energy_pj_per_byte")
        access = math.fsum(self.value(name) for name in names)
        return access + self.controller_energy_pj_per_byte

    @property
    def activate_energy_pj_per_byte(self) -> float:
        """Activation of a sequential transfer, which opens every page once."""
        return self.value("activate_energy_pj") / PAGE_BYTES

    def scaled(self, *, energy: float = 1.0, rate: float = 1.0) -> HbmChannelConfig:
        """The same channel with all energies, or the rate of its pins, scaled."""
        energies = (
            "activate_energy_pj",
            "read_energy_pj_per_byte",
            "write_energy_pj_per_byte",
            "io_energy_pj_per_byte",
        )
        bursts = (
            "burst_ns",
            "column_to_column_ns",
            "column_to_column_same_group_ns",
        )
        changed = {name: self.value(name) * energy for name in energies}
        changed |= {name: self.value(name) / rate for name in bursts}
        on_chip = self.controller_energy_pj_per_byte * energy
        return self.model_copy(
            update={**changed, "controller_energy_pj_per_byte": on_chip}
        )

    @property
    def map_text(self) -> str:
        """The address map in use."""
        return self.address_map or MAPS[self.preset]


def address_map_problem(text: str) -> str | None:
    """What is wrong with an address map; None when it is right."""
    seen: dict[str, int] = {}
    for part in text.split(","):
        match = _PART.match(part)
        if match is None:
            return "must be name:bits parts joined by commas, names " + ", ".join(
                _MAP_BITS
            )
        name, bits = match.group(1), int(match.group(2))
        if name in seen:
            return f"must name each part once; '{name}' comes twice"
        if bits > _MAP_BITS[name]:
            return f"must give {name} at most {_MAP_BITS[name]} bits"
        seen[name] = bits
    missing = [name for name in _NEEDED if name not in seen]
    if missing:
        return f"must name {', '.join(missing)} as well"
    return None
