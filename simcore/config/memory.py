"""The memories of a chip: SRAM buffer, HBM, the fabric between them, the KV formats."""

from __future__ import annotations

from typing import Annotated, Literal, Self

from pydantic import Field, model_validator

from simcore.config.base import (
    FieldIssue,
    FrozenConfig,
    NonNegative,
    Tokens,
    raise_issues,
)
from simcore.config.hbm import HbmChannelConfig


class MemoryTechnology(FrozenConfig):
    """One memory or link; a bandwidth of 0 drops the bandwidth term."""

    read_energy_pj_per_byte: NonNegative = Field(
        default=0.0, description="pJ per byte read."
    )
    write_energy_pj_per_byte: NonNegative = Field(
        default=0.0, description="pJ per byte written."
    )
    read_bandwidth_GBps: NonNegative = Field(
        default=0.0, description="Read rate in GB/s = bytes per ns; 0: not limiting."
    )
    write_bandwidth_GBps: NonNegative = Field(
        default=0.0, description="Write rate in GB/s = bytes per ns; 0: not limiting."
    )
    read_latency_ns: NonNegative = Field(
        default=0.0, description="ns of one read before its first byte."
    )
    write_latency_ns: NonNegative = Field(
        default=0.0, description="ns of one write before its first byte."
    )
    area_mm2: NonNegative = Field(default=0.0, description="mm2 on the chip.")
    capacity_bytes: Annotated[int, Field(ge=1, le=10**15)] | None = Field(
        default=None, description="Bytes it holds; null: no limit."
    )


class HbmConfig(MemoryTechnology):
    """HBM as a bandwidth, or as the channels of its stacks.

    With model `channel` time and energy come from `channel`; the bandwidth, latency and
    energies beside it are those of model `bandwidth`. Capacity and area count in both.
    """

    model: Literal["bandwidth", "channel"] = Field(
        default="bandwidth",
        description=(
            "bandwidth: latency + bytes / bandwidth; channel: banks, rows, turnaround "
            "and refresh."
        ),
    )
    channel: HbmChannelConfig | None = Field(
        default=None, description="Stacks by their timing; needed by model channel."
    )

    @model_validator(mode="after")
    def _check_channel(self) -> HbmConfig:
        if self.channel is not None and "model" not in self.model_fields_set:
            # The default would pass over a whole section without a word.
            raise_issues(
                [
                    FieldIssue(
                        ("model",),
                        message="missing beside channel",
                        allowed="required: 'channel' to use it, 'bandwidth' to keep it "
                        "for later",
                    )
                ]
            )
        if self.model == "channel" and self.channel is None:
            raise_issues(
                [
                    FieldIssue(
                        ("channel",),
                        message="missing",
                        allowed="required with model 'channel'",
                        hint="For example channel: {preset: HBM3, stacks: 2}.",
                    )
                ]
            )
        return self

    @property
    def in_use(self) -> HbmChannelConfig | None:
        """The channel, when it is the model."""
        return self.channel if self.model == "channel" else None

    @property
    def technology(self) -> MemoryTechnology:
        """What a long transfer sees: rate, latency and energy of the model in use."""
        channel = self.in_use
        if channel is None:
            return self
        activation = channel.activate_energy_pj_per_byte
        return MemoryTechnology(
            read_energy_pj_per_byte=channel.energy_pj_per_byte("read") + activation,
            write_energy_pj_per_byte=channel.energy_pj_per_byte("write") + activation,
            read_bandwidth_GBps=channel.bytes_per_ns,
            write_bandwidth_GBps=channel.bytes_per_ns,
            read_latency_ns=channel.unloaded_read_ns,
            write_latency_ns=channel.unloaded_write_ns,
            area_mm2=self.area_mm2,
            capacity_bytes=self.capacity_bytes,
        )


class SizedMemory(FrozenConfig):
    """A memory on the chip whose figures may be those of another capacity.

    CACTI 7 at 22 nm, 1 to 8 MiB of high-performance cells: area and leakage grow in
    proportion to the capacity (0.95 to 7.1 mm2, 134 to 1,070 mW), energy a byte and
    access time about with its square root. Only the first two are scaled.
    """

    area_mm2: NonNegative = Field(default=0.0, description="mm2 on the chip.")
    capacity_bytes: Annotated[int, Field(ge=1, le=10**15)] | None = Field(
        default=None, description="Bytes it holds; null: no limit."
    )
    reference_capacity_bytes: Annotated[int, Field(ge=1, le=10**15)] | None = Field(
        default=None,
        description="Bytes that area_mm2 and the static power are given for; both "
        "scale in proportion to capacity_bytes; null: as given.",
    )

    @model_validator(mode="after")
    def _check_capacity(self) -> Self:
        if self.reference_capacity_bytes is not None and self.capacity_bytes is None:
            path = ("reference_capacity_bytes",)
            raise_issues([FieldIssue(path, message="needed beside it: capacity_bytes")])
        return self

    @property
    def capacity_ratio(self) -> float:
        """Capacity over the one that area and static power are given for."""
        if self.capacity_bytes is None or self.reference_capacity_bytes is None:
            return 1.0
        return self.capacity_bytes / self.reference_capacity_bytes

    @property
    def scaled_area_mm2(self) -> float:
        """Area at its capacity."""
        return self.area_mm2 * self.capacity_ratio


class SramConfig(MemoryTechnology, SizedMemory):
    """The SRAM buffer."""


class KvFormat(FrozenConfig):
    """How keys and values are packed."""

    value_bytes_per_elem: Annotated[int, Field(ge=0, le=64)] = Field(
        default=1, description="Bytes of one key or value element."
    )
    scale_bytes: Annotated[int, Field(ge=0, le=64)] = Field(
        default=2, description="Bytes of one scale."
    )
    scales_per_token_per_head: Annotated[int, Field(ge=0, le=65_536)] = Field(
        default=2, description="Scales per token, head and layer (one of K, one of V)."
    )


class KvCacheConfig(FrozenConfig):
    """Formats of the KV cache and its limit."""

    hbm: KvFormat = Field(default_factory=KvFormat, description="Format in HBM.")
    sram: KvFormat | None = Field(
        default=None, description="Format in SRAM; null: as in HBM."
    )
    max_context_tokens: Tokens | None = Field(
        default=None, description="Longest context in tokens; null: no limit."
    )

    @property
    def sram_format(self) -> KvFormat:
        """Format in SRAM, HBM's unless given."""
        return self.hbm if self.sram is None else self.sram


class DraftStoreConfig(SizedMemory):
    """D_reg, where draft results wait for reuse; each layer has a part of it."""

    read_energy_pj_per_byte: NonNegative = Field(
        default=0.0, description="pJ per byte read."
    )
    write_energy_pj_per_byte: NonNegative = Field(
        default=0.0, description="pJ per byte written."
    )
    capacity_bytes: Annotated[int, Field(ge=1, le=10**15)] | None = Field(
        default=None, description="Bytes of all layers together; null: no limit."
    )


class MemoryConfig(FrozenConfig):
    """Byte-based model of the KV cache's memories."""

    sram: SramConfig = Field(
        default_factory=SramConfig, description="Buffer of speculative KV."
    )
    hbm: HbmConfig = Field(default_factory=HbmConfig, description="KV cache.")
    fabric: MemoryTechnology = Field(
        default_factory=MemoryTechnology, description="Link between them."
    )
    kv_cache: KvCacheConfig = Field(
        default_factory=KvCacheConfig, description="Formats and capacity."
    )
    d_reg: DraftStoreConfig | None = Field(
        default=None,
        description="Store of draft results under reuse; null: as the SRAM (proxy).",
    )
