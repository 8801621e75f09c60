"""How many tiles, outputs and weights the three analog stages of a layer have."""

from __future__ import annotations

from dataclasses import dataclass
from math import ceil

from simcore.analysis.calculator.inputs import AnalogInput, ModelInput

#: The analog stages of a layer, in order.
ANALOG_STAGES = ("qkv", "wo", "ffn")


@dataclass(frozen=True, slots=True)
class StageShape:
    """Matrices of one stage, as (outputs, inputs) pairs."""

    matrices: tuple[tuple[int, int], ...]

    @property
    def outputs(self) -> int:
        """Output elements per token."""
        return sum(rows for rows, _ in self.matrices)

    @property
    def weights(self) -> int:
        """Weights, which is also MACs per token."""
        return sum(rows * columns for rows, columns in self.matrices)

    def tiles(self, xbar_size: int) -> int:
        """Crossbar tiles, each matrix padded by itself."""
        return sum(
            _ceil_div(rows, xbar_size) * _ceil_div(columns, xbar_size)
            for rows, columns in self.matrices
        )

    def output_tiles(self, xbar_size: int) -> int:
        """Tiles along the outputs only."""
        return sum(_ceil_div(rows, xbar_size) for rows, _ in self.matrices)


def stage_shapes(model: ModelInput) -> dict[str, StageShape]:
    """Shapes of the analog stages; keys and values are as wide as queries."""
    d, f = model.d_model, model.d_ff
    up = ((f, d), (f, d)) if model.gated else ((f, d),)
    return {
        "qkv": StageShape(((3 * d, d),)),
        "wo": StageShape(((d, d),)),
        "ffn": StageShape((*up, (d, f))),
    }


def activation_slices(analog: AnalogInput, activation_bits: int) -> int:
    """Input slices of `dac_bits` that make up one activation."""
    return _ceil_div(activation_bits, analog.dac_bits)


def storage_bytes(bits: int) -> int:
    """Whole bytes that hold `bits`."""
    return ceil(bits / 8)


def _ceil_div(n: int, size: int) -> int:
    return -(-n // size)
