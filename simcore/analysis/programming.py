"""One-time cost of writing the weights into the arrays by write-verify.

Arrays 1 to 4 of a tile hold one weight as a coarse value and its corrections: each is
programmed after the one before has been read, so they follow each other; tiles are
programmed side by side. This is no part of decoding and enters no other figure.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from simcore.analysis.area import tiles_by_block
from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import HardwareConfig
from simcore.config.model import ModelConfig

#: Arrays of a tile that hold one weight together: array 1 and arrays 2..4.
RESIDUAL_ARRAYS = 4


@dataclass(frozen=True)
class ProgrammingReport:
    """Cost of programming every weight of the model once.

    Attributes
    ----------
    cells : int
        Cells of all arrays, padding of tiles and offset rows included.
    pulses : float
        Write-verify pulses of all cells.
    energy_pj : float
        Of all pulses.
    latency_ns : float
        All tiles side by side, the arrays of a tile one after another.
    """

    cells: int
    pulses: float
    energy_pj: float
    latency_ns: float

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def programming_report(
    model: ModelConfig, hardware: HardwareConfig, accounting: AccountingConfig
) -> ProgrammingReport | None:
    """Programming cost; None where the hardware gives no figures for it.

    ``cells = tiles x 4 arrays x rows x columns`` with one more row under
    `offset_row`; ``latency = 4 x cells of an array / cells at once x pulses x t``.
    """
    analog, components = hardware.analog, hardware.components
    if analog is None or components is None:
        return None
    array = components.array
    if array.programming_pulses_per_cell is None:
        return None
    size = analog.xbar_size
    rows = size + (1 if accounting.offset_row == "on" else 0)
    tiles = sum(tiles_by_block(model, analog, accounting).values())
    cells = tiles * RESIDUAL_ARRAYS * rows * size
    pulses = cells * array.programming_pulses_per_cell
    rounds = -(-rows * size // array.programming_cells_at_once)
    pulses_in_turn = RESIDUAL_ARRAYS * rounds * array.programming_pulses_per_cell
    return ProgrammingReport(
        cells=cells,
        pulses=pulses,
        energy_pj=pulses * array.programming_energy_pj_per_pulse,
        latency_ns=(
            (pulses_in_turn if tiles else 0) * array.programming_latency_ns_per_pulse
        ),
    )
