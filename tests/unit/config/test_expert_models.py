"""Shapes of mixture-of-experts models and of multi-head latent attention."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from simcore.config.load import config_dict, config_sha256, load_model
from simcore.config.model import MlaConfig, MoeConfig

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]

MOE: Mapping = {"n_experts": 8, "experts_per_token": 2, "expert_d_ff": 32}
MLA: Mapping = {
    "kv_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
}


def huggingface(model_type: str, **fields: object) -> Mapping:
    return {
        "model_type": model_type,
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "num_key_value_heads": 8,
        "intermediate_size": 96,
        "num_experts_per_tok": 2,
        **fields,
    }


# As a model.yaml.


def test_what_is_left_out_of_a_mixture(model: Mapping) -> None:
    loaded = load_model({**model, "moe": MOE})
    assert loaded.moe == MoeConfig(
        n_experts=8,
        experts_per_token=2,
        expert_d_ff=32,
        n_shared_experts=0,
        shared_expert_d_ff=32,
        first_dense_layers=0,
        layer_is_moe=(True, True),
    )
    assert loaded.mla is None
    assert load_model(model).moe is None


@pytest.mark.parametrize(
    "layers",
    [
        {"first_dense_layers": 1},
        {"layer_is_moe": [False, True]},
        {"layer_is_moe": [False, True], "first_dense_layers": 1},
    ],
)
def test_dense_layers_first(model: Mapping, layers: Mapping) -> None:
    shared = {"n_shared_experts": 2, "shared_expert_d_ff": 48}
    moe = load_model({**model, "moe": {**MOE, **shared, **layers}}).moe
    assert moe is not None
    assert (moe.first_dense_layers, moe.layer_is_moe) == (1, (False, True))
    assert (moe.n_shared_experts, moe.shared_expert_d_ff) == (2, 48)


def test_latent_attention(model: Mapping) -> None:
    loaded = load_model({**model, "d_model": 65, "mla": MLA})
    assert loaded.mla == MlaConfig(**MLA, q_lora_rank=None)
    assert loaded.head_dim == loaded.mla.qk_head_dim == 12
    with_queries = load_model({**model, "mla": {**MLA, "q_lora_rank": 24}})
    assert with_queries.mla is not None
    assert with_queries.mla.q_lora_rank == 24


def test_the_resolved_form_loads_again(model: Mapping) -> None:
    loaded = load_model({**model, "moe": {**MOE, "first_dense_layers": 1}, "mla": MLA})
    again = load_model(json.loads(json.dumps(config_dict(loaded))))
    assert again == loaded
    assert config_sha256(again) == config_sha256(loaded)
    assert config_sha256(loaded) != config_sha256(load_model({**model, "mla": MLA}))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"moe": {}}, "moe.n_experts: missing; must be an integer between 1 and"),
        ({"moe": 5}, "moe: got 5; must be a mapping or null."),
        (
            {"moe": {**MOE, "experts_per_token": 9}},
            "moe.experts_per_token: got 9; must be at most n_experts (8).",
        ),
        (
            {"moe": {**MOE, "n_expert": 9}},
            "moe.n_expert: unknown field. Did you mean 'n_experts'?",
        ),
        (
            {"moe": {**MOE, "first_dense_layers": 2}},
            "moe.first_dense_layers: got 2; must be below n_layers (2).",
        ),
        (
            {"moe": {**MOE, "layer_is_moe": [True]}},
            "moe.layer_is_moe: got 1 entries; must have one per layer (2).",
        ),
        (
            {"moe": {**MOE, "layer_is_moe": [False, False]}},
            "moe.layer_is_moe: no layer has experts. Leave moe out for a dense model.",
        ),
        (
            {"moe": {**MOE, "layer_is_moe": [1, 1]}},
            "moe.layer_is_moe[0]: got 1; must be true or false.",
        ),
        (
            {"moe": {**MOE, "layer_is_moe": [True, True], "first_dense_layers": 1}},
            "moe.first_dense_layers: got 1; must be 0, as layer_is_moe says.",
        ),
        (
            {"mla": {**MLA, "v_head_dim": 0}},
            "mla.v_head_dim: got 0; must be an integer between 1 and 1000000.",
        ),
        (
            {"mla": MLA, "head_dim": 8},
            "head_dim: got 8; must be mla.qk_nope_head_dim + mla.qk_rope_head_dim "
            "(12).",
        ),
    ],
)
def test_problems(
    model: Mapping, errors: Errors, change: Mapping, message: str
) -> None:
    assert errors(load_model, {**model, **change})[0].startswith(message)


# As a Hugging Face config.json.


def test_mixtral() -> None:
    loaded = load_model(huggingface("mixtral", num_local_experts=8))
    assert loaded.moe == MoeConfig(
        n_experts=8,
        experts_per_token=2,
        expert_d_ff=96,
        shared_expert_d_ff=96,
        first_dense_layers=0,
        layer_is_moe=(True,) * 4,
    )
    assert loaded.layer_windows == (None,) * 4
    assert loaded.gated


@pytest.mark.parametrize(
    ("fields", "layers"),
    [
        ({}, (True, True, True, True)),
        ({"decoder_sparse_step": 2}, (False, True, False, True)),
        ({"mlp_only_layers": [0, 3]}, (False, True, True, False)),
    ],
)
def test_qwen3_moe(fields: Mapping, layers: tuple[bool, ...]) -> None:
    written = huggingface(
        "qwen3_moe", num_experts=128, moe_intermediate_size=24, head_dim=16, **fields
    )
    loaded = load_model(written)
    assert loaded.moe is not None
    assert loaded.moe.layer_is_moe == layers
    assert loaded.moe.first_dense_layers == layers.index(True)
    assert (loaded.moe.n_experts, loaded.moe.expert_d_ff) == (128, 24)
    assert (loaded.d_ff, loaded.head_dim, loaded.qk_norm) == (96, 16, True)


@pytest.mark.parametrize("switch", [True, False])
def test_qwen3_moe_windows_need_their_switch(switch: bool) -> None:
    written = huggingface(
        "qwen3_moe",
        num_experts=8,
        moe_intermediate_size=24,
        sliding_window=100,
        use_sliding_window=switch,
    )
    assert load_model(written).layer_windows == (100 if switch else None,) * 4


DEEPSEEK = huggingface(
    "deepseek_v3",
    n_routed_experts=16,
    moe_intermediate_size=24,
    n_shared_experts=2,
    first_k_dense_replace=1,
    kv_lora_rank=16,
    q_lora_rank=None,
    qk_nope_head_dim=8,
    qk_rope_head_dim=4,
    v_head_dim=6,
    head_dim=4,
    num_nextn_predict_layers=1,
)


def test_deepseek() -> None:
    loaded = load_model(DEEPSEEK)
    assert loaded.moe == MoeConfig(
        n_experts=16,
        experts_per_token=2,
        expert_d_ff=24,
        n_shared_experts=2,
        shared_expert_d_ff=24,
        first_dense_layers=1,
        layer_is_moe=(False, True, True, True),
    )
    assert loaded.mla == MlaConfig(
        kv_lora_rank=16, qk_nope_head_dim=8, qk_rope_head_dim=4, v_head_dim=6
    )
    assert loaded.head_dim == 12
    assert loaded.n_layers == 4
    every_other = load_model({**DEEPSEEK, "moe_layer_freq": 2}).moe
    assert every_other is not None
    assert every_other.layer_is_moe == (False, False, True, False)


def test_a_dense_deepseek() -> None:
    loaded = load_model(
        {**DEEPSEEK, "model_type": "deepseek_v2"} | {"n_routed_experts": None}
    )
    assert loaded.moe is None
    assert loaded.mla is not None
    assert loaded.d_ff == 96


def test_problems_carry_the_names_of_the_file(write: Write, errors: Errors) -> None:
    written = {**DEEPSEEK, "num_experts_per_tok": 17}
    del written["v_head_dim"]
    del written["n_routed_experts"]
    del written["num_hidden_layers"]
    assert errors(load_model, written) == [
        "num_hidden_layers: missing; must be an integer between 1 and 10000.",
        "n_routed_experts: missing; must be an integer between 1 and 1000000.",
        "v_head_dim: missing; must be an integer between 1 and 1000000.",
    ]
    write("m.json", json.dumps({**DEEPSEEK, "num_experts_per_tok": 17}, indent=1))
    assert errors(load_model, "m.json") == [
        "m.json:8: moe.experts_per_token: got 17; must be at most n_experts (16)."
    ]


# What cannot be run yet.
