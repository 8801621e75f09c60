"""Mixtures of experts and latent attention, counted by hand."""

from __future__ import annotations

from typing import Any

import pytest

from simcore.analysis.composition import Composition
from simcore.config.accounting import AccountingConfig
from simcore.config.load import load_hardware, load_model
from simcore.engine.simulate import simulate_replication
from simcore.errors import ProgramError
from simcore.program.burst import BurstProgram, build_burst_program
from simcore.program.operation import LayerStep
from simcore.program.outcomes import BurstOutcome
from simcore.trace.recorder import NullRecorder

L = 100

MIXTURE = {
    "name": "mixture",
    "n_layers": 3,
    "d_model": 256,
    "n_heads": 4,
    "n_kv_heads": 2,
    "head_dim": 64,
    "d_ff": 512,
    "ffn_type": "swiglu",
    "vocab_size": 1000,
    "activation_bits": 8,
    "moe": {
        "n_experts": 16,
        "experts_per_token": 2,
        "expert_d_ff": 128,
        "n_shared_experts": 1,
        "shared_expert_d_ff": 384,
        "first_dense_layers": 1,
    },
}

LATENT = {
    "name": "latent",
    "n_layers": 2,
    "d_model": 256,
    "n_heads": 4,
    "d_ff": 512,
    "ffn_type": "swiglu",
    "vocab_size": 1000,
    "activation_bits": 8,
    "mla": {
        "kv_lora_rank": 128,
        "q_lora_rank": 96,
        "qk_nope_head_dim": 32,
        "qk_rope_head_dim": 16,
        "v_head_dim": 48,
    },
}


def program(model: dict[str, Any], **switches: Any) -> BurstProgram:
    return build_burst_program(
        load_model(model),
        load_hardware("toy-ideal"),
        2,
        AccountingConfig(**switches),
        "layer-pipelined",
    )


def elements(part: LayerStep) -> dict[str, float]:
    """Counted elements at L, summed by operation; transfers are counted in bytes."""
    found: dict[str, float] = {}
    for legs in part.positions:
        for op in legs[:1]:
            found[op.name] = found.get(op.name, 0) + op.elements.at(L)
    return found


def test_a_token_visits_its_experts_and_every_shared_one() -> None:
    d, experts, top, width, shared = 256, 16, 2, 128, 384
    part = program(MIXTURE).verify[0].layers[1]
    found = elements(part)
    inner = top * width + shared
    assert found["router"] == d * experts
    assert found["router_softmax"] == experts
    assert found["ffn_activation"] == found["ffn_gate_multiply"] == inner == 640
    assert found["expert_combine"] == (top + 1) * d
    # Inputs of qkv, of wo (4 heads of 64), of gate and up, of down.
    assert found["quantize"] == d + 256 + d + inner
    # Outputs: q, k, v; wo; gate and up of three; down of three.
    assert found["dequantize"] == (256 + 2 * 128) + d + 2 * inner + 3 * d


def test_experts_are_tiles_of_their_own() -> None:
    size = load_hardware("toy-ideal").analog.xbar_size
    found = {
        op.name: op
        for legs in program(MIXTURE).verify[0].layers[1].positions
        for op in legs
    }
    slices = 8 // load_hardware("toy-ideal").analog.dac_bits
    across = -(-256 // size)

    def tiles(width: int) -> int:
        return -(-width // size) * across

    # Gate and up, in all four arrays.
    assert found["gate_up"].elements.base == 4 * slices * 2 * (
        2 * tiles(128) + tiles(384)
    )


def test_dense_layers_before_the_experts_have_none() -> None:
    layers = program(MIXTURE).verify[0].layers
    assert "router" not in elements(layers[0])
    assert elements(layers[0])["ffn_activation"] == 512
    assert elements(layers[1]) == elements(layers[2])


def test_latent_attention_caches_one_vector_a_token() -> None:
    heads, rank, q_rank, nope, rope, v, d = 4, 128, 96, 32, 16, 48, 256
    part = program(LATENT).draft[0].layers[1]
    found = elements(part)
    attended = L + 1
    assert found["attention_qk"] == heads * (rank + rope) * attended
    assert found["attention_pv"] == heads * rank * attended
    assert found["attention_softmax"] == heads * attended
    assert found["kv_pack"] == rank + rope
    assert found["latent_norm"] == q_rank + rank
    assert found["rope"] == (heads + 1) * rope
    written = [op for legs in part.positions for op in legs if op.name == "kv_write"]
    # Values of one byte, and two scales of two bytes for the one latent head.
    assert written[0].write_bytes.base == rank + rope + 2 * 2
    # Inputs: qkv, q up, absorbed K, V up, wo, gate and up, down.
    assert found["quantize"] == (
        d + q_rank + heads * nope + heads * rank + heads * v + d + 512
    )
    assert found["dequantize"] == (
        (q_rank + rank + rope)
        + heads * (nope + rope)
        + heads * rank
        + heads * v
        + d
        + 2 * 512
        + d
    )


def test_uncompressed_queries_need_no_second_projection() -> None:
    mla = {**LATENT["mla"], "q_lora_rank": None}
    found = elements(program({**LATENT, "mla": mla}).draft[0].layers[1])
    assert "q_up" not in found
    assert found["latent_norm"] == 128
    assert "k_absorb" in found


@pytest.mark.parametrize(
    "switch", [{"attention_heads": "mha"}, {"head_dim": "derived"}]
)
def test_latent_attention_has_no_heads_to_count_otherwise(
    switch: dict[str, str],
) -> None:
    with pytest.raises(ProgramError, match="latent attention"):
        program(LATENT, **switch)


@pytest.mark.parametrize("model", [MIXTURE, LATENT])
@pytest.mark.parametrize("switch", [{}, {"tile_parallelism": "serial"}])
def test_simulated_bursts_take_the_composed_time(
    model: dict[str, Any], switch: dict[str, str]
) -> None:
    burst = program(model, **switch)
    outcome = BurstOutcome(L, 1, 2)
    (times,) = simulate_replication(burst, {0: [outcome]}, NullRecorder())
    assert times.end_ps - times.start_ps == Composition(burst).burst_ps(L, 2).total
