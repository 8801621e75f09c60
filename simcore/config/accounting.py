"""The named modelling choices: one switch each, set together by a profile.

A switch changes what is counted (operations, bytes, conversions) or how it is timed;
it never changes the scenario. Reports print every switch.
"""

from __future__ import annotations

from types import MappingProxyType
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from simcore.config.base import FrozenConfig

OnOff = Literal["on", "off"]
Profile = Literal["physical", "selfspec-calculator"]

#: What `selfspec-calculator` sets differently from `physical`.
_CALCULATOR: dict[str, Any] = {
    "tile_parallelism": "serial",
    "periphery_latency": "product",
    "array_energy": "per_array",
    "attention_heads": "mha",
    "head_dim": "derived",
    "extra_features": "off",
    "memory_latency": "per_phase",
    "kv_commit_sram_read": "off",
    "offset_row": "off",
    "self_token": "off",
    "pipelined_latency": "bottleneck_sum",
    "burst_setup": "per_layer",
    "power_gating": "off",
    "baseline_setup": "on",
    "commit_size": "expected",
}

PROFILES: MappingProxyType[str, dict[str, Any]] = MappingProxyType(
    {"physical": {}, "selfspec-calculator": _CALCULATOR}
)

#: Switch values that only a closed form can follow, and what events do instead.
CLOSED_FORM_ONLY = MappingProxyType(
    {
        "memory_latency": ("per_phase", "per_access"),
        "pipelined_latency": ("bottleneck_sum", "wavefront"),
        "commit_size": ("expected", "sampled"),
    }
)


class AccountingConfig(FrozenConfig):
    """Accounting switches; the defaults are those of the profile."""

    profile: Profile = Field(
        default="physical", description="Named set of switches this starts from."
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
    periphery_latency: Literal["per_sample", "product"] = Field(
        default="per_sample",
        description=(
            "TIA, S&H and mux work on every sample beside the ADC, or multiply its "
            "time, with the whole ffn as one stream (the public calculator)."
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
            "embedding, hops between layers, lm_head and sampling are counted."
        ),
    )
    lm_head: Literal["analog", "dpu", "excluded"] = Field(
        default="analog",
        description=(
            "Where the vocabulary projection runs: on analog tiles, on the DPU with "
            "weights from HBM, or nowhere."
        ),
    )
    attention: Literal["streaming", "sram_cim"] = Field(
        default="streaming",
        description=(
            "Attention operands stream into the MAC lanes (their load is inside the "
            "coefficients), or are first written into SRAM compute arrays."
        ),
    )
    memory_latency: Literal["per_access", "per_phase"] = Field(
        default="per_access",
        description="Fixed memory latency with every access, or once a phase.",
    )
    kv_commit_sram_read: OnOff = Field(
        default="on",
        description="The commit reads the accepted KV from SRAM before writing HBM.",
    )
    kv_read_sharing: Literal["per_step", "per_burst"] = Field(
        default="per_step",
        description=(
            "Every verify step reads the cache from HBM, or the first one fills an "
            "SRAM buffer that the others read."
        ),
    )
    dac_banks: Annotated[int, Field(ge=1, le=2)] = Field(
        default=1,
        description="Row drivers shared by array 1 and arrays 2..4, or one set each.",
    )
    offset_row: OnOff = Field(
        default="on",
        description="Every tile drives one extra row that offsets signed weights.",
    )
    self_token: OnOff = Field(
        default="on",
        description="A token attends to itself: attended = cached + 1.",
    )
    pipelined_latency: Literal["wavefront", "bottleneck_sum"] = Field(
        default="wavefront",
        description=(
            "Layer-pipelined latency by the exact wavefront, or by the sum of the "
            "slowest layer of each step (the public calculator)."
        ),
    )
    burst_setup: Literal["once", "per_layer"] = Field(
        default="once",
        description=(
            "Burst control and verify setup once a burst, or in every layer when "
            "serialized (the public calculator)."
        ),
    )
    baseline_setup: OnOff = Field(
        default="off",
        description="The K = 0 baseline pays the verify setup of a burst.",
    )
    power_gating: OnOff = Field(
        default="on",
        description=(
            "Arrays 2..4 and the residual ADCs are off while a serialized chip drafts "
            "on array 1; otherwise everything leaks all the time."
        ),
    )
    commit_size: Literal["sampled", "expected"] = Field(
        default="sampled",
        description="A burst commits the tokens it accepted, or their expectation.",
    )

    @model_validator(mode="before")
    @classmethod
    def _start_from_profile(cls, data: Any) -> Any:
        if not isinstance(data, dict):
            return data
        profile = PROFILES.get(str(data.get("profile", "physical")), {})
        return {**profile, **data}

    @property
    def overrides(self) -> dict[str, Any]:
        """Switches that differ from the profile."""
        standard = type(self)(profile=self.profile)
        return {
            name: value
            for name, value in dict(self).items()
            if value != getattr(standard, name)
        }

    def for_events(self) -> AccountingConfig:
        """The same switches, with what only a closed form can follow replaced."""
        events = {name: instead for name, (_, instead) in CLOSED_FORM_ONLY.items()}
        return type(self).model_validate({**dict(self), **events})

    def event_differences(self) -> list[str]:
        """What the event engine does instead of a switch that it cannot follow."""
        return [
            f"accounting.{name}: {value} exists only in the closed form; the event "
            f"simulation runs {instead}"
            for name, (value, instead) in CLOSED_FORM_ONLY.items()
            if getattr(self, name) == value
        ]
