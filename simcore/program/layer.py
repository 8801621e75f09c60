"""One layer of one step as operations in order: the catalogue of semantics section 2.

The same catalogue serves draft, verify and bonus steps; they differ in which arrays
are read, in where the KV of the newest tokens is, and in what is reused.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import HardwareConfig
from simcore.config.model import ModelConfig
from simcore.program.blocks import BlockBuilder
from simcore.program.cost import Cost
from simcore.program.digital import DigitalUnit
from simcore.program.movement import Mover
from simcore.program.operation import LayerStep, Operation, Phase
from simcore.program.shape import LayerShape

Block = Literal["qkv", "wo", "ffn", "lm_head"]
_Positions = list[tuple[Operation, ...]]


@dataclass(frozen=True)
class LayerBuilder:
    """Builds the operations of a layer, of the head, and of a commit."""

    model: ModelConfig
    hardware: HardwareConfig
    accounting: AccountingConfig
    draft_length: int = 0

    @cached_property
    def shape(self) -> LayerShape:
        """Element counts under the switches."""
        return LayerShape.of(self.model, self.accounting)

    @cached_property
    def _blocks(self) -> BlockBuilder:
        return BlockBuilder(
            self.model,
            self.hardware,
            self.accounting,
            self.mover if self._extra else None,
        )

    @cached_property
    def _digital(self) -> DigitalUnit:
        return DigitalUnit(self.hardware)

    @cached_property
    def mover(self) -> Mover | None:
        """Transfer costs; None when the hardware describes no memory."""
        if self.hardware.memory is None:
            return None
        return Mover(self.hardware, self.hardware.memory, self.shape)

    @property
    def _extra(self) -> bool:
        return self.accounting.extra_features == "on"

    def layer(self, phase: Phase, step: int, layer: int) -> LayerStep:
        """Everything layer `layer` does for step `step` of `phase`."""
        window = self.model.layer_windows[layer]
        positions = [
            *(self._embedding() if layer == 0 else []),
            *self._before_attention(phase, layer),
            *self._kv_traffic(phase, step),
            *self._attention(),
            *self._after_attention(phase, layer),
            *self._feed_forward(phase, layer),
            *self._leave_layer(),
        ]
        # A window counts the token itself where that is attended.
        itself = 1 if self.accounting.self_token == "on" else 0
        return _layer_step(positions, None if window is None else window - itself)

    def head(self, phase: Phase) -> LayerStep:
        """Final norm, vocabulary projection and sampling: pseudo-layer N."""
        vocab, where = self.model.vocab_size, self.accounting.lm_head
        if not self._extra or vocab is None or where == "excluded":
            return LayerStep(())
        width = Cost(self.shape.d_model)
        digital = self._digital
        if where == "analog":
            projection = [
                (digital.feature("quantize", width),),
                *self._blocks.positions("lm_head", self.shape.lm_head, phase, "full"),
                (digital.feature("dequantize", Cost(vocab)),),
            ]
        else:
            projection = self._digital_projection(vocab * self.shape.d_model)
        return _layer_step(
            [
                (digital.feature("norm", width, name="final_norm"),),
                *projection,
                (digital.feature("sampling", Cost(vocab)),),
            ]
        )

    def _digital_projection(self, weights: int) -> _Positions:
        """The vocabulary projection on the MAC lanes, weights streamed from HBM."""
        macs = self._digital.feature(
            "attention_qk", Cost(weights), name="lm_head", stage="lm_head"
        )
        if self.mover is None:
            return [(macs,)]
        return [self.mover.lm_head_weights(weights), (macs,)]

    def setup(self, *, verify: bool, pipelined: bool) -> LayerStep:
        """Once a burst: its control, and the setup of verification.

        With `burst_setup: per_layer` every layer pays the energy, and the time too
        when layers work one after another.
        """
        soc = self.hardware.soc
        actions = [
            (
                "control_burst",
                soc.control.latency_ns_per_burst,
                soc.control.energy_pj_per_burst,
            )
        ]
        if verify:
            actions.append(
                (
                    "verify_setup",
                    soc.verify_setup.latency_ns_per_burst,
                    soc.verify_setup.energy_pj_per_burst,
                )
            )
        layers = 1
        if self.accounting.burst_setup == "per_layer":
            layers = self.model.n_layers
        return _layer_step(
            [
                (
                    self._digital.control(
                        name, time * (1 if pipelined else layers), energy * layers
                    ),
                )
                for name, time, energy in actions
            ]
        )

    def commit(self) -> LayerStep:
        """What a layer moves to commit the accepted tokens of a burst."""
        if self.mover is None:
            return LayerStep(())
        sram_read = self.accounting.kv_commit_sram_read == "on"
        return _layer_step([self.mover.commit(sram_read=sram_read)])

    # -- parts of a layer -------------------------------------------------------

    def _embedding(self) -> _Positions:
        if self.mover is None or not self._extra or self.model.vocab_size is None:
            return []
        return [self.mover.embedding_read()]

    def _features(self, *features: tuple[str, Cost]) -> _Positions:
        """DPU operations that the `extra_features` switch adds."""
        if not self._extra:
            return []
        return [(self._digital.feature(name, count),) for name, count in features]

    def _before_attention(self, phase: Phase, layer: int) -> _Positions:
        shape = self.shape
        width = Cost(shape.d_model)
        projected = Cost(shape.query_width + shape.kv_width)
        # K has half of the elements of K and V.
        rotated = Cost(shape.query_width + shape.kv_width // 2)
        policy = self.model.block_policy(layer).qkv
        positions = [
            *self._features(("norm", width), ("quantize", width)),
            *self._blocks.positions("qkv", shape.qkv, phase, policy),
            *self._features(("dequantize", projected)),
        ]
        if self._extra and shape.qk_norm:
            positions.append((self._digital.feature("norm", rotated, name="qk_norm"),))
        if shape.rotary:
            positions += self._features(("rope", rotated))
        return positions

    def _kv_traffic(self, phase: Phase, step: int) -> _Positions:
        shape = self.shape
        if self.mover is None:
            if self._extra:
                return []
            # The public calculator's one coefficient for a cache without a memory.
            return [(self._digital.feature("kv_cache_update", Cost(shape.d_model)),)]
        # Per-token scales: one of K and one of V for every cached token and query
        # head; static scales: once an element of the attended heads.
        form = self.mover.memory.kv_cache.hbm
        if form.scales_per_token_per_head:
            unpacked = Cost(per_token=2 * shape.n_heads)
        else:
            unpacked = Cost(2 * shape.query_width)
        return [
            *self._features(("kv_pack", Cost(shape.kv_width))),
            self.mover.kv_write(),
            self._kv_read(self.mover, phase, step),
            *self._features(("kv_unpack", unpacked)),
        ]

    def _kv_read(self, mover: Mover, phase: Phase, step: int) -> tuple[Operation, ...]:
        # Draft steps come one at a time: there is nothing to share.
        if phase != "draft" and self.accounting.kv_read_sharing == "per_burst":
            return mover.shared_kv_read(step, fills=self.draft_length > 0)
        return mover.kv_read(step)

    def _attention(self) -> _Positions:
        # Attended tokens: the cached ones, and the token itself.
        itself = 1 if self.accounting.self_token == "on" else 0
        attended = Cost(itself, per_token=1)
        macs = attended * self.shape.query_width
        load: _Positions = []
        if self.accounting.attention == "sram_cim":
            cached = Cost(per_token=self.shape.kv_width)
            load = [(self._digital.kv_load(cached),)]
        return [
            *load,
            (self._digital.feature("attention_qk", macs),),
            (
                self._digital.feature(
                    "attention_softmax", attended * self.shape.n_heads
                ),
            ),
            (self._digital.feature("attention_pv", macs),),
        ]

    def _after_attention(self, phase: Phase, layer: int) -> _Positions:
        shape = self.shape
        policy = self.model.block_policy(layer).wo
        return [
            *self._features(("quantize", Cost(shape.query_width))),
            *self._blocks.positions("wo", shape.wo, phase, policy),
            *self._features(
                ("dequantize", Cost(shape.d_model)),
                ("residual_add", Cost(shape.d_model)),
            ),
        ]

    def _feed_forward(self, phase: Phase, layer: int) -> _Positions:
        shape = self.shape
        width, inner = Cost(shape.d_model), Cost(shape.d_ff)
        expanded = Cost(sum(m.rows_out for m in shape.gate_up))
        policy = self.model.block_policy(layer).ffn
        digital = self._digital
        if (
            self.accounting.tile_parallelism == "all"
            or self.accounting.periphery_latency == "product"
        ):
            # One stream for all three matrices: down does not wait for gate and up.
            first = self._blocks.positions(
                "gate_up_down", (*shape.gate_up, *shape.down), phase, policy
            )
            second: _Positions = []
        else:
            first = self._blocks.positions("gate_up", shape.gate_up, phase, policy)
            second = self._blocks.positions("down", shape.down, phase, policy)
        gate = (digital.feature("ffn_gate_multiply", inner),)
        return [
            *self._features(("norm", width), ("quantize", width)),
            *first,
            *self._features(("dequantize", expanded)),
            (digital.feature("ffn_activation", inner),),
            *([gate] if shape.gated else []),
            *self._features(("quantize", inner)),
            *second,
            *self._features(("dequantize", width), ("residual_add", width)),
        ]

    def _leave_layer(self) -> _Positions:
        control = self.hardware.soc.control
        positions: _Positions = [
            (
                self._digital.control(
                    "control",
                    control.latency_ns_per_token,
                    control.energy_pj_per_token,
                ),
            )
        ]
        if self.mover is not None and self._extra:
            positions.append(self.mover.hop())
        return positions


def _layer_step(
    positions: Sequence[tuple[Operation, ...]], context_cap: int | None = None
) -> LayerStep:
    """Keep what costs something; what is free is not in the program."""
    kept = (tuple(op for op in legs if op.has_cost()) for legs in positions)
    return LayerStep(tuple(legs for legs in kept if legs), context_cap)
