"""The named modelling choices: one switch each, set together by a profile.

A switch changes what is counted (operations, bytes, conversions) or how an analog
read is timed; it never changes the scenario. Reports print every switch.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

OnOff = Literal["on", "off"]


class AccountingConfig(BaseModel):
    """Accounting switches; the defaults are the `physical` profile."""

    model_config = ConfigDict(frozen=True, strict=True, extra="forbid")

    profile: Literal["physical"] = Field(
        default="physical", description="Named set of switches this started from."
    )
    tile_parallelism: (
        Literal["serial", "matrix", "all"] | Annotated[int, Field(ge=1, le=1_000_000)]
    ) = Field(
        default="matrix",
        description=(
            "How many crossbar tiles of a group of matrices convert at once: serial "
            "(one), matrix (all tiles of a group), all (matrix, and the down "
            "projection does not wait for gate and up: an ideal bound), or a number."
        ),
    )
    array_energy: Literal["per_cell", "per_array"] = Field(
        default="per_cell",
        description="Whether the array's energy per activation is of a cell or array.",
    )
    attention_heads: Literal["gqa", "mha"] = Field(
        default="gqa",
        description="Keys and values of n_kv_heads heads, or one per query head.",
    )
    head_dim: Literal["explicit", "derived"] = Field(
        default="explicit",
        description="The model's head_dim, or d_model / n_heads.",
    )
    extra_features: OnOff = Field(
        default="on",
        description=(
            "Norm, residual add, rope, quantize, dequantize, KV pack and unpack, "
            "embedding, lm_head and sampling are counted."
        ),
    )
    kv_commit_sram_read: OnOff = Field(
        default="on",
        description="The commit reads the accepted KV from SRAM before writing HBM.",
    )
    offset_row: OnOff = Field(
        default="on",
        description="Every tile drives one extra row that offsets signed weights.",
    )
    self_token: OnOff = Field(
        default="on",
        description="A token attends to itself: attended = cached + 1.",
    )
    baseline_setup: OnOff = Field(
        default="off",
        description="The K = 0 baseline pays the verify setup of a burst.",
    )
