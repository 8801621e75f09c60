"""Cost of moving bytes: KV cache, embedding, hops between layers, stored drafts.

A transfer has one leg a memory, and each leg is an operation of its own: it takes
``latency + bytes / bandwidth`` of that memory, costs energy a byte, and owns those
bytes. A leg without bytes is absent. A bandwidth of 0 means unlimited.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from simcore.config.hardware import HardwareConfig
from simcore.config.memory import KvFormat, MemoryConfig, MemoryTechnology
from simcore.program.cost import ZERO, Cost
from simcore.program.hbm.fast_path import FastPath
from simcore.program.operation import HBM, Operation
from simcore.program.shape import LayerShape

Direction = Literal["read", "write"]

#: Bytes of one activation value between blocks (16 bit).
ACTIVATION_BYTES = 2


@dataclass(frozen=True)
class Mover:
    """Costs of the transfers of one layer; memory must be configured.

    With `counts_activates` the energy of HBM row activations is left to be counted one
    by one; without it every page of a transfer is opened once.
    """

    hardware: HardwareConfig
    memory: MemoryConfig
    shape: LayerShape
    counts_activates: bool = False

    def kv_bytes(self, where: Literal["hbm", "sram"]) -> int:
        """Packed bytes of one token's K and V in one layer, scales included.

        ``2 Hk h value_bytes + scales_per_head Hk scale_bytes``
        """
        cache = self.memory.kv_cache
        form: KvFormat = cache.hbm if where == "hbm" else (cache.sram or cache.hbm)
        return self.shape.kv_width * form.value_bytes_per_elem + (
            self.shape.scaled_heads * form.scales_per_token_per_head * form.scale_bytes
        )

    @property
    def values_differ(self) -> bool:
        """Whether SRAM keeps keys and values as other numbers than HBM does."""
        ours, theirs = self.memory.kv_cache.sram_format, self.memory.kv_cache.hbm
        return (
            ours.value_bytes_per_elem != theirs.value_bytes_per_elem
            or ours.scales_per_token_per_head != theirs.scales_per_token_per_head
        )

    @property
    def converted_elements(self) -> int:
        """Elements of one token and layer that a commit brings into HBM's format.

        Every key and value where the numbers differ; the scales alone where only
        their width does; none where both memories keep one format.
        """
        if self.values_differ:
            return self.shape.kv_width
        ours, theirs = self.memory.kv_cache.sram_format, self.memory.kv_cache.hbm
        if ours.scale_bytes == theirs.scale_bytes:
            return 0
        return self.shape.scaled_heads * ours.scales_per_token_per_head

    def leg(
        self, name: str, stage: str, memory: str, direction: Direction, n_bytes: Cost
    ) -> Operation:
        """One leg of a transfer: `n_bytes` through `memory` in one direction."""
        technology: MemoryTechnology = getattr(self.memory, memory)
        channel = None
        if memory == "hbm":
            technology = self.memory.hbm.technology
            channel = self.memory.hbm.in_use
        if direction == "read":
            bandwidth = technology.read_bandwidth_GBps
            latency_ns = technology.read_latency_ns
            energy_pj = technology.read_energy_pj_per_byte
        else:
            bandwidth = technology.write_bandwidth_GBps
            latency_ns = technology.write_latency_ns
            energy_pj = technology.write_energy_pj_per_byte
        resource = {
            "hbm": HBM,
            "sram": "sram",
            "fabric": f"fabric_{direction}",
        }[memory]
        service_ns = n_bytes * (1 / bandwidth) if bandwidth else ZERO
        activate_pj = 0.0
        if channel is not None and self.counts_activates:
            energy_pj = channel.energy_pj_per_byte(direction)
            activate_pj = channel.value("activate_energy_pj")
        return Operation(
            name=name,
            stage=stage,
            resources=(resource,),
            channel="movement",
            owner=memory,
            duration_ns=Cost(latency_ns) + service_ns,
            read_bytes=n_bytes if direction == "read" else ZERO,
            write_bytes=n_bytes if direction == "write" else ZERO,
            energy_pj=((memory, n_bytes * energy_pj),),
            elements=n_bytes,
            stall=None if channel is None else FastPath.of(channel).stall,
            activate_energy_pj=activate_pj,
        )

    def _legs(
        self, name: str, stage: str, *legs: tuple[str, Direction, Cost]
    ) -> tuple[Operation, ...]:
        """Legs (memory, direction, bytes) of a transfer; an empty one is absent."""
        return tuple(
            self.leg(name, stage, memory, direction, n_bytes)
            for memory, direction, n_bytes in legs
            if n_bytes
        )

    def kv_write(self) -> tuple[Operation, ...]:
        """The step's own K and V into the SRAM buffer, over the fabric."""
        n_bytes = Cost(self.kv_bytes("sram"))
        return self._legs(
            "kv_write",
            "kv_cache",
            ("sram", "write", n_bytes),
            ("fabric", "write", n_bytes),
        )

    def kv_read(self, step: int) -> tuple[Operation, ...]:
        """Cached K and V: L tokens from HBM, `step` speculative ones from SRAM.

        As a function of the context L + step the HBM leg has a negative base.
        """
        hbm = Cost(-step * self.kv_bytes("hbm"), per_token=self.kv_bytes("hbm"))
        sram = Cost(step * self.kv_bytes("sram"))
        return self._legs(
            "kv_read",
            "kv_cache",
            ("hbm", "read", hbm),
            ("sram", "read", sram),
            ("fabric", "read", hbm + sram),
        )

    def kv_buffer_fill(self, step: int) -> tuple[Operation, ...]:
        """Cached K and V into the double buffer, as they come out of HBM (proxy).

        Counted in bytes and energy; the time is that of the transfer beside it, for
        the buffer's fill port is taken to be as wide as the HBM.
        """
        cached = Cost(-step * self.kv_bytes("hbm"), per_token=self.kv_bytes("hbm"))
        return self._streaming("kv_buffer_fill", "write", cached)

    def kv_buffer_read(self, step: int) -> tuple[Operation, ...]:
        """Cached K and V out of the double buffer into the attention unit (proxy).

        Counted in bytes and energy; the time is inside the qk and pv coefficients, as
        without a buffer.
        """
        cached = Cost(-step * self.kv_bytes("hbm"), per_token=self.kv_bytes("hbm"))
        return self._streaming("kv_buffer_read", "read", cached)

    def _streaming(
        self, name: str, direction: Direction, n_bytes: Cost
    ) -> tuple[Operation, ...]:
        """A leg through SRAM that takes no time of its own."""
        return tuple(
            replace(leg, duration_ns=ZERO, status="proxy")
            for leg in self._legs(name, "kv_cache", ("sram", direction, n_bytes))
        )

    def shared_kv_read(self, step: int, *, fills: bool) -> tuple[Operation, ...]:
        """Verify step of a burst that reads HBM once and then its SRAM buffer.

        The first step reads the cache from HBM and, when others follow, writes it
        into the buffer; the others read it there, at the bytes of the HBM format.
        """
        cached = Cost(-step * self.kv_bytes("hbm"), per_token=self.kv_bytes("hbm"))
        speculative = Cost(step * self.kv_bytes("sram"))
        if step:
            return self._legs(
                "kv_read",
                "kv_cache",
                ("sram", "read", cached + speculative),
                ("fabric", "read", cached + speculative),
            )
        return self._legs(
            "kv_read",
            "kv_cache",
            ("hbm", "read", cached),
            ("sram", "write", cached if fills else ZERO),
            ("fabric", "read", cached),
        )

    def lm_head_weights(self, weights: int) -> tuple[Operation, ...]:
        """The vocabulary projection's weights from HBM, one byte each (INT8)."""
        n_bytes = Cost(weights)
        return self._legs(
            "lm_head_weights",
            "lm_head",
            ("hbm", "read", n_bytes),
            ("fabric", "read", n_bytes),
        )

    def commit(self, *, sram_read: bool) -> tuple[Operation, ...]:
        """Accepted K and V of one layer from SRAM over the fabric to HBM.

        The fabric carries the SRAM's format, or the HBM's where the read is left out.
        """
        sram = Cost(per_committed=self.kv_bytes("sram"))
        hbm = Cost(per_committed=self.kv_bytes("hbm"))
        return self._legs(
            "kv_commit",
            "kv_cache",
            ("sram", "read", sram if sram_read else ZERO),
            ("fabric", "write", sram if sram_read else hbm),
            ("hbm", "write", hbm),
        )

    def embedding_read(self) -> tuple[Operation, ...]:
        """One embedding row from HBM over the fabric (the table exceeds the SRAM)."""
        n_bytes = Cost(self.shape.d_model * ACTIVATION_BYTES)
        return self._legs(
            "embedding_read",
            "activations",
            ("hbm", "read", n_bytes),
            ("fabric", "read", n_bytes),
        )

    def hop(self) -> tuple[Operation, ...]:
        """The residual stream to the next layer, D values over the fabric."""
        n_bytes = Cost(self.shape.d_model * ACTIVATION_BYTES)
        return self._legs("hop", "activations", ("fabric", "write", n_bytes))

    def stored_draft(
        self, outputs: int, resources: tuple[str, ...], direction: Direction
    ) -> Operation:
        """Draft results kept for reuse in D_reg, a store of each layer off the fabric.

        Streams with the conversion, so it takes no time of its own. Without figures
        of its own, energy a byte is that of the SRAM (proxy).
        """
        n_bytes = Cost(outputs * ACTIVATION_BYTES)
        store = self.memory.d_reg or self.memory.sram
        energy_pj = (
            store.read_energy_pj_per_byte
            if direction == "read"
            else store.write_energy_pj_per_byte
        )
        return Operation(
            name=f"d_reg_{direction}",
            stage="buffers_add",
            resources=resources,
            channel="movement",
            owner="d_reg",
            status="modeled" if self.memory.d_reg else "proxy",
            read_bytes=n_bytes if direction == "read" else ZERO,
            write_bytes=n_bytes if direction == "write" else ZERO,
            energy_pj=(("d_reg", n_bytes * energy_pj),),
            elements=n_bytes,
        )
