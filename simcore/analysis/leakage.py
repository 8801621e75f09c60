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

from simcore.analysis.area import blocks, tiles_by_block
from simcore.program.burst import BurstProgram
from simcore.units import leakage_pj

_PHASES = ("draft", "verify", "commit")
#: Arrays of a weight that only verification reads.
_VERIFY_ARRAYS = 3 / 4
_BLOCK_POLICY = {"qkv": "qkv", "wo": "wo", "gate_up": "ffn", "down": "ffn"}


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
    model, hardware, accounting = program.model, program.hardware, program.accounting
    if hardware.analog is not None:
        sizes: Mapping[str, float] = tiles_by_block(model, hardware.analog, accounting)
    else:
        sizes = {
            name: layers * sum(m.rows_out * m.columns_in for m in matrices)
            for name, (matrices, layers) in blocks(model, accounting).items()
        }
    policies = [model.block_policy(layer) for layer in range(model.n_layers)]
    drafted: float = sum(
        sizes[name]
        * sum(getattr(policy, block) == "draft" for policy in policies)
        / model.n_layers
        for name, block in _BLOCK_POLICY.items()
    )
    return drafted / sum(sizes.values())
