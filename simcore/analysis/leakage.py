"""Static power by component instance, with power gating, split over phases.

The hardware gives the static power of each component for the whole chip, or of one
instance, which is then counted as the area is. In the serialized schedule arrays 2..4
and the residual ADCs have nothing to do while array 1 drafts: under the switch
`power_gating` they are off in the draft phase, on tiles of blocks that draft steps
read with array 1 alone (the vocabulary projection always needs all four arrays). HBM
background power stands apart and is never gated.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simcore.analysis.area import area_report
from simcore.analysis.resident import (
    BLOCK_POLICY,
    resident_blocks,
    resident_layers,
    tiles,
)
from simcore.config.hardware import HardwareConfig
from simcore.program.burst import BurstProgram
from simcore.program.shape import Matrix
from simcore.units import leakage_pj

_PHASES = ("draft", "verify", "commit")
_INSTANCES = {
    "chip": "one of each component: the hardware gives power for the whole chip",
    "instance": "counted: the hardware gives power for one instance",
}
#: Arrays of a weight that only verification reads.
_VERIFY_ARRAYS = 3 / 4


@dataclass(frozen=True)
class LeakageRow:
    """Static power and energy of one component.

    Attributes
    ----------
    component : str
        Name as in the hardware's `leakage_power`.
    power_nw : float
        When everything is powered.
    powered : dict of str to float
        Fraction of the component that is powered, by phase.
    energy_pj : dict of str to float
        By phase, of one request, gated.
    """

    component: str
    power_nw: float
    powered: dict[str, float]
    energy_pj: dict[str, float]


@dataclass(frozen=True)
class LeakageReport:
    """Static energy of one request.

    Attributes
    ----------
    rows : tuple of LeakageRow
        Components that leak, HBM left out.
    background_power_nw, background_energy_pj : float
        Of the HBM stacks, never gated.
    ungated_energy_pj : float
        Everything powered all the time, HBM included.
    instances : str
        What one power of the hardware stands for.
    not_given : tuple of str
        Main components that count as 0 because the hardware gives no static power;
        with any, the energy is a lower bound.
    """

    rows: tuple[LeakageRow, ...]
    background_power_nw: float
    background_energy_pj: float
    ungated_energy_pj: float
    instances: str
    not_given: tuple[str, ...] = ()

    @property
    def gated_energy_pj(self) -> float:
        """What the metrics charge: gated under the switch, HBM included."""
        return math.fsum(
            [
                self.background_energy_pj,
                *(pj for row in self.rows for pj in row.energy_pj.values()),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "instances": self.instances,
            "components": [
                {
                    "component": row.component,
                    "power_nw": row.power_nw,
                    "powered": row.powered,
                    "energy_pj": row.energy_pj,
                }
                for row in self.rows
            ],
            "hbm_background": {
                "power_nw": self.background_power_nw,
                "energy_pj": self.background_energy_pj,
            },
            "gated_energy_pj": self.gated_energy_pj,
            "ungated_energy_pj": self.ungated_energy_pj,
            "not_given": list(self.not_given),
        }


def leakage_report(
    program: BurstProgram, latency_ns: Mapping[str, float]
) -> LeakageReport:
    """Static energy of a request.

    Parameters
    ----------
    program : BurstProgram
        For the chip, its schedule and which blocks draft on array 1.
    latency_ns : mapping
        Time of the request by phase: draft, verify, commit.
    """
    powers = static_power_nw(program)
    background = powers.pop("hbm", 0.0)
    total_ns = math.fsum(latency_ns[phase] for phase in _PHASES)
    rows = []
    for component, power in powers.items():
        idle = idle_in_draft(program, component)
        powered = dict.fromkeys(_PHASES, 1.0) | {"draft": 1.0 - idle}
        energy = {
            phase: leakage_pj(power * powered[phase], latency_ns[phase])
            for phase in _PHASES
        }
        rows.append(LeakageRow(component, power, powered, energy))
    rows.sort(key=lambda row: (-row.power_nw, row.component))
    return LeakageReport(
        rows=tuple(rows),
        background_power_nw=background,
        background_energy_pj=leakage_pj(background, total_ns),
        ungated_energy_pj=leakage_pj(
            math.fsum([background, *powers.values()]), total_ns
        ),
        instances=_INSTANCES[program.hardware.leakage_per],
        not_given=tuple(without_static_power(program.hardware)),
    )


def static_power_nw(program: BurstProgram) -> dict[str, float]:
    """Static power of each component that leaks, all its instances powered, in nW."""
    leakage = program.hardware.leakage_power
    powers: dict[str, float] = {
        name.removesuffix("_nw"): power
        for name, power in leakage.model_dump().items()
        if power
    }
    memory = program.hardware.memory
    if memory is not None and "sram" in powers:
        powers["sram"] *= memory.sram.capacity_ratio
    if program.hardware.leakage_per == "instance":
        counts = instances(program)
        powers = {name: power * counts[name] for name, power in powers.items()}
    return powers


def without_static_power(hardware: HardwareConfig) -> list[str]:
    """Main components of a chip whose static power is not given and counts as 0."""
    names = ["attention_engine", "softmax_unit", "elementwise_unit", "control"]
    if hardware.analog is not None:
        names = ["arrays", "dac", "adc_draft", "adc_residual", *names]
    if hardware.memory is not None:
        names += ["sram", "hbm", "fabric"]
    given = hardware.leakage_power
    return [name for name in names if not getattr(given, f"{name}_nw")]


def instances(program: BurstProgram) -> Mapping[str, float]:
    """How many of each component a chip has.

    Converters, arrays and periphery as in the area; one digital unit of each kind in
    every layer; one SRAM, fabric and HBM.
    """
    area = area_report(
        program.model, program.hardware, program.accounting, program.draft_length
    )
    units = dict.fromkeys(("sram", "hbm", "fabric"), 1.0)
    units |= {row.component: float(row.units) for row in area.rows}
    return defaultdict(lambda: float(program.n_layers), units)


def gated_power_nw(program: BurstProgram) -> float:
    """Static power that is off while the chip drafts, in nW."""
    return math.fsum(
        power * idle_in_draft(program, component)
        for component, power in static_power_nw(program).items()
    )


def total_power_nw(program: BurstProgram) -> float:
    """Static power with everything on, in nW."""
    return math.fsum(static_power_nw(program).values())


def idle_in_draft(program: BurstProgram, component: str) -> float:
    """Fraction of a component that is gated while the chip drafts.

    Parameters
    ----------
    program : BurstProgram
        For the schedule and the draft policies.
    component : str
        One of the hardware's `leakage_power`.
    """
    if component not in ("arrays", "adc_residual"):
        return 0.0
    if program.policy.pipelined or program.accounting.power_gating == "off":
        return 0.0
    drafted = _share_on_array_one(program)
    return drafted * (_VERIFY_ARRAYS if component == "arrays" else 1.0)


def _share_on_array_one(program: BurstProgram) -> float:
    """Share of the tiles (or weights) that draft steps read with array 1 alone."""
    analog = program.hardware.analog
    drafted = total = 0.0

    def size(matrix: Matrix) -> int:
        if analog is not None:
            return tiles(matrix, analog.xbar_size)
        return matrix.rows_out * matrix.columns_in

    model, accounting = program.model, program.accounting
    for blocks, policy, times in resident_layers(model, accounting):
        for name, matrices in blocks.items():
            here = times * sum(size(matrix) for matrix in matrices)
            total += here
            if getattr(policy, BLOCK_POLICY[name]) == "draft":
                drafted += here
    # The vocabulary projection is always read in full.
    head = resident_blocks(model, accounting).get("lm_head", ())
    return drafted / (total + sum(size(matrix) for matrix in head))
