"""Static energy by component, with power gating, split over the phases of a burst.

The hardware gives the static power of each component for the whole chip, so each is
one instance here. In the serialized schedule arrays 2..4 and the residual ADCs have
nothing to do while array 1 drafts: they are gated in the draft phase, but only on
tiles of blocks that draft steps read with array 1 alone (the vocabulary projection
always needs all four arrays). HBM background power stands apart. The metrics charge
every component all the time, as the public calculator does; what gating would save is
told here.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from simcore.analysis.resident import (
    BLOCK_POLICY,
    resident_blocks,
    resident_layers,
    tiles,
)
from simcore.program.burst import BurstProgram
from simcore.program.shape import Matrix
from simcore.units import leakage_pj

_PHASES = ("draft", "verify", "commit")
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
        Everything powered all the time, HBM included: what the metrics charge.
    """

    rows: tuple[LeakageRow, ...]
    background_power_nw: float
    background_energy_pj: float
    ungated_energy_pj: float

    @property
    def gated_energy_pj(self) -> float:
        """With power gating, HBM background included."""
        return math.fsum(
            [
                self.background_energy_pj,
                *(pj for row in self.rows for pj in row.energy_pj.values()),
            ]
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "instances": (
                "one of each component: the hardware gives power for the whole chip"
            ),
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
    powers = {
        name.removesuffix("_nw"): power
        for name, power in program.hardware.leakage_power.model_dump().items()
        if power
    }
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
    )


def idle_in_draft(program: BurstProgram, component: str) -> float:
    """Fraction of a component that is gated while the chip drafts.

    Parameters
    ----------
    program : BurstProgram
        For the schedule and the draft policies.
    component : str
        One of the hardware's `leakage_power`.
    """
    if program.schedule != "serialized" or component not in ("arrays", "adc_residual"):
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
