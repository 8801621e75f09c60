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
from simcore.program.shape import LayerShape, Matrix, outputs

Block = Literal["qkv", "wo", "ffn", "lm_head"]
_Positions = list[tuple[Operation, ...]]


@dataclass(frozen=True)
class LayerBuilder:
    """Builds the operations of a layer, of the head, and of a commit.

    With `prefetches` the cache is read into a buffer before it is needed.
    """

    model: ModelConfig
    hardware: HardwareConfig
    accounting: AccountingConfig
    draft_length: int = 0
    prefetches: bool = False
    counts_activates: bool = False

    def shape(self, layer: int) -> LayerShape:
        """Element counts of a layer under the switches."""
        return LayerShape.of(self.model, self.accounting, layer)

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
        return Mover(
            self.hardware,
            self.hardware.memory,
            self.shape(0),
            self.counts_activates,
        )

    @property
    def _extra(self) -> bool:
        return self.accounting.extra_features == "on"

    def layer(self, phase: Phase, step: int, layer: int) -> LayerStep:
        """Everything layer `layer` does for step `step` of `phase`."""
        window = self.model.layer_windows[layer]
        policy, shape = self.model.block_policy(layer), self.shape(layer)
        positions = [
            *(self._embedding() if layer == 0 else []),
            *self._before_attention(shape, phase, policy.qkv),
            *self._kv_traffic(shape, phase, step),
            *self._attention(shape),
            *self._after_attention(shape, phase, policy.wo),
            *self._feed_forward(shape, phase, policy.ffn),
        ]
        positions += self._leave_layer(sum(len(legs) for legs in positions))
        # A window counts the token itself where that is attended.
        itself = 1 if self.accounting.self_token == "on" else 0
        return _layer_step(positions, None if window is None else window - itself)

    def head(self, phase: Phase) -> LayerStep:
        """Final norm, vocabulary projection and sampling: pseudo-layer N."""
        vocab, where = self.model.vocab_size, self.accounting.lm_head
        if not self._extra or vocab is None or where == "excluded":
            return LayerStep(())
        shape = self.shape(0)
        width = Cost(shape.d_model)
        digital = self._digital
        if where == "analog":
            projection = [
                (digital.feature("quantize", width),),
                *self._blocks.positions("lm_head", shape.lm_head, phase, "full"),
                (digital.feature("dequantize", Cost(vocab)),),
            ]
        else:
            projection = self._digital_projection(vocab * shape.d_model)
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
        legs = self.mover.commit(sram_read=sram_read)
        converted = self.mover.converted_elements
        if converted and self._extra:
            # Streams with the transfer: a leg of its own, on the DPU.
            elements = Cost(per_committed=converted)
            legs = (self._digital.kv_convert(elements), *legs)
        return _layer_step([legs])

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

    def _before_attention(
        self, shape: LayerShape, phase: Phase, policy: str
    ) -> _Positions:
        rotated = Cost(shape.rotated_width)
        positions = [
            *self._features(("norm", Cost(shape.d_model))),
            *self._analog("qkv", shape.qkv, shape.d_model, phase, policy),
        ]
        if shape.mla is not None:
            positions += self._latent_queries(shape, phase, policy)
        if self._extra and shape.qk_norm:
            heads = Cost(shape.query_width + shape.kv_width // 2)
            positions.append((self._digital.feature("norm", heads, name="qk_norm"),))
        if shape.rotary:
            positions += self._features(("rope", rotated))
        return positions

    def _latent_queries(
        self, shape: LayerShape, phase: Phase, policy: str
    ) -> _Positions:
        """Norms of the compressed vectors, queries, and K absorbed into them."""
        assert shape.mla is not None
        ranks = (shape.mla.q_lora_rank or 0) + shape.mla.kv_lora_rank
        nope = shape.n_heads * shape.mla.qk_nope_head_dim
        positions: _Positions = []
        if self._extra:
            norm = self._digital.feature("norm", Cost(ranks), name="latent_norm")
            positions.append((norm,))
        if shape.mla.q_lora_rank is not None:
            rank = shape.mla.q_lora_rank
            positions += self._analog("q_up", shape.q_up, rank, phase, policy)
        return [
            *positions,
            *self._analog("k_absorb", shape.k_absorb, nope, phase, policy),
        ]

    def _analog(
        self,
        name: str,
        matrices: tuple[Matrix, ...],
        inputs: int,
        phase: Phase,
        policy: str,
    ) -> _Positions:
        """A group of matrices: quantize the inputs, read, dequantize the outputs."""
        return [
            *self._features(("quantize", Cost(inputs))),
            *self._blocks.positions(name, matrices, phase, policy),
            *self._features(("dequantize", Cost(outputs(matrices)))),
        ]

    def _kv_traffic(self, shape: LayerShape, phase: Phase, step: int) -> _Positions:
        if self.mover is None:
            if self._extra:
                return []
            # The public calculator's one coefficient for a cache without a memory.
            return [(self._digital.feature("kv_cache_update", Cost(shape.d_model)),)]
        return [
            *self._features(("kv_pack", Cost(shape.kv_width))),
            self.mover.kv_write(),
            self._kv_read(self.mover, phase, step),
            *([self.mover.kv_buffer_read(step)] if self.prefetches else []),
            *self._kv_unpack(self.mover, shape, step),
        ]

    def _kv_unpack(self, mover: Mover, shape: LayerShape, step: int) -> _Positions:
        """Scales of what HBM holds, and speculative tokens from SRAM's own format."""
        # Per-token scales: one of K and one of V for every cached token and query
        # head; static scales: once an element of the attended heads.
        if mover.memory.kv_cache.hbm.scales_per_token_per_head:
            # Speculative tokens in another format are no part of it.
            apart = step if mover.values_differ else 0
            unpacked = Cost(-2 * shape.n_heads * apart, per_token=2 * shape.n_heads)
        else:
            unpacked = Cost(2 * shape.query_width)
        positions = self._features(("kv_unpack", unpacked))
        if self._extra and mover.values_differ and step:
            # To the operand format of the MAC lanes, their scales included.
            values = self._digital.feature(
                "dequantize",
                Cost(step * shape.kv_width),
                name="kv_dequantize",
                stage="kv_cache",
            )
            positions.append((values,))
        return positions

    def _kv_read(self, mover: Mover, phase: Phase, step: int) -> tuple[Operation, ...]:
        if self.prefetches:
            return (*mover.kv_read(step), *mover.kv_buffer_fill(step))
        # Draft steps come one at a time: there is nothing to share.
        if phase != "draft" and self.accounting.kv_read_sharing == "per_burst":
            return mover.shared_kv_read(step, fills=self.draft_length > 0)
        return mover.kv_read(step)

    def _attention(self, shape: LayerShape) -> _Positions:
        # Attended tokens: the cached ones, and the token itself.
        itself = 1 if self.accounting.self_token == "on" else 0
        attended = Cost(itself, per_token=1)
        digital = self._digital
        load: _Positions = []
        if self.accounting.attention == "sram_cim":
            load = [(digital.kv_load(Cost(per_token=shape.kv_width)),)]
        return [
            *load,
            (digital.feature("attention_qk", attended * shape.qk_width),),
            (digital.feature("attention_softmax", attended * shape.n_heads),),
            (digital.feature("attention_pv", attended * shape.pv_width),),
        ]

    def _after_attention(
        self, shape: LayerShape, phase: Phase, policy: str
    ) -> _Positions:
        width = shape.head_output_width
        values: _Positions = []
        if shape.mla is not None:
            values = self._analog("v_up", shape.v_up, shape.pv_width, phase, policy)
        return [
            *values,
            *self._analog("wo", shape.wo, width, phase, policy),
            *self._features(("residual_add", Cost(shape.d_model))),
        ]

    def _feed_forward(self, shape: LayerShape, phase: Phase, policy: str) -> _Positions:
        inner = Cost(shape.inner_width)
        block = self._blocks.positions
        if (
            self.accounting.tile_parallelism == "all"
            or self.accounting.periphery_latency == "product"
        ):
            # One stream for all matrices: down does not wait for gate and up.
            both = (*shape.gate_up, *shape.down)
            first = block("gate_up_down", both, phase, policy)
            second: _Positions = []
        else:
            first = block("gate_up", shape.gate_up, phase, policy)
            second = block("down", shape.down, phase, policy)
        gate = (self._digital.feature("ffn_gate_multiply", inner),)
        return [
            *self._features(("norm", Cost(shape.d_model))),
            *self._route(shape),
            *self._features(("quantize", Cost(shape.d_model))),
            *first,
            *self._features(("dequantize", Cost(outputs(shape.gate_up)))),
            (self._digital.feature("ffn_activation", inner),),
            *([gate] if shape.gated else []),
            *self._features(("quantize", inner)),
            *second,
            *self._features(("dequantize", Cost(outputs(shape.down)))),
            *self._combine(shape),
            *self._features(("residual_add", Cost(shape.d_model))),
        ]

    def _route(self, shape: LayerShape) -> _Positions:
        """Router of a mixture of experts: scores on the MAC lanes, then softmax."""
        if shape.moe is None:
            return []
        experts, digital = shape.moe.n_experts, self._digital
        scores = Cost(shape.d_model * experts)
        return [
            (digital.feature("attention_qk", scores, name="router", stage="ffn"),),
            (
                digital.feature(
                    "attention_softmax",
                    Cost(experts),
                    name="router_softmax",
                    stage="ffn",
                ),
            ),
        ]

    def _combine(self, shape: LayerShape) -> _Positions:
        """Weighted sum of the visited experts' outputs."""
        if shape.moe is None:
            return []
        summed = Cost(outputs(shape.down))
        return [
            (self._digital.feature("ffn_gate_multiply", summed, name="expert_combine"),)
        ]

    def _leave_layer(self, operations: int) -> _Positions:
        """Control of the layer's `operations`, and the hop to the next layer."""
        control = self.hardware.soc.control
        time, energy = control.latency_ns_per_token, control.energy_pj_per_token
        software = control.software_launch
        if software is not None:
            instructions = operations * software.instructions_per_operation
            time += instructions * software.latency_ns_per_instruction
            energy += instructions * software.energy_pj_per_instruction
        positions: _Positions = [(self._digital.control("control", time, energy),)]
        if self.mover is not None and self._extra:
            positions.append(self.mover.hop())
        return positions


def _layer_step(
    positions: Sequence[tuple[Operation, ...]], context_cap: int | None = None
) -> LayerStep:
    """Keep what costs something; what is free is not in the program."""
    kept = (tuple(op for op in legs if op.has_cost()) for legs in positions)
    return LayerStep(tuple(legs for legs in kept if legs), context_cap)
