from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from simcore.config.load import load_model, load_scenario

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]


def decoder(model_type: str, **fields: object) -> Mapping:
    return {
        "model_type": model_type,
        "architectures": ["XForCausalLM"],
        "hidden_size": 64,
        "num_hidden_layers": 4,
        "num_attention_heads": 8,
        "num_key_value_heads": 2,
        "intermediate_size": 96,
        "vocab_size": 1000,
        "max_position_embeddings": 512,
        "rope_theta": 1e6,
        "torch_dtype": "bfloat16",
        **fields,
    }


def test_qwen3_shapes_with_an_explicit_head_dim() -> None:
    # Qwen3-0.6B: 16 heads of 128 make 2048, not the hidden size of 1024.
    model = load_model(
        decoder(
            "qwen3",
            hidden_size=1024,
            num_hidden_layers=28,
            num_attention_heads=16,
            num_key_value_heads=8,
            head_dim=128,
            intermediate_size=3072,
            tie_word_embeddings=True,
            sliding_window=None,
            use_sliding_window=False,
        )
    )
    assert (model.n_layers, model.d_model, model.n_heads) == (28, 1024, 16)
    assert (model.n_kv_heads, model.head_dim, model.d_ff) == (8, 128, 3072)
    assert model.ffn_type == "swiglu"
    assert model.qk_norm
    assert model.rotary
    assert model.tie_embeddings
    assert model.vocab_size == 1000
    assert model.max_position_embeddings == 512
    assert model.activation_bits == 12
    assert model.block_policy(0).qkv == "draft"
    assert model.source == "Hugging Face config, model_type qwen3"


def test_gpt2_names_and_no_gate() -> None:
    model = load_model(
        {
            "model_type": "gpt2",
            "n_embd": 1600,
            "n_layer": 48,
            "n_head": 25,
            "n_inner": None,
            "n_positions": 1024,
            "vocab_size": 50257,
        }
    )
    assert (model.n_layers, model.d_model, model.n_heads) == (48, 1600, 25)
    assert (model.n_kv_heads, model.head_dim) == (25, 64)
    assert model.d_ff == 6400
    assert model.ffn_type == "mlp"
    assert not model.rotary
    assert model.tie_embeddings
    assert model.max_position_embeddings == 1024


@pytest.mark.parametrize(
    ("model_type", "head_dim"),
    [("llama", 8), ("mistral", 8), ("qwen3", 128), ("gemma", 256), ("gemma2", 256)],
)
def test_head_dim_left_out_is_the_familys(model_type: str, head_dim: int) -> None:
    assert load_model(decoder(model_type)).head_dim == head_dim
    # An explicit null means hidden_size / heads in every family.
    assert load_model(decoder(model_type, head_dim=None)).head_dim == 8


@pytest.mark.parametrize(
    ("model_type", "fields", "windows"),
    [
        ("llama", {"sliding_window": 9}, (None,) * 4),
        ("qwen2", {"sliding_window": 9, "use_sliding_window": False}, (None,) * 4),
        (
            "qwen2",
            {
                "sliding_window": 9,
                "use_sliding_window": True,
                "max_window_layers": 3,
            },
            (None, None, None, 9),
        ),
        ("mistral", {"sliding_window": 9}, (9,) * 4),
        ("mistral", {"sliding_window": None}, (None,) * 4),
        ("mistral", {}, (4096,) * 4),
        ("phi3", {"sliding_window": 2047}, (2047,) * 4),
        ("phi3", {}, (None,) * 4),
        ("gemma2", {"sliding_window": 9}, (9, None, 9, None)),
        (
            "gemma3_text",
            {"sliding_window": 9, "sliding_window_pattern": 4},
            (9, 9, 9, None),
        ),
        (
            "gemma2",
            {
                "sliding_window": 9,
                "layer_types": ["full_attention"] * 3 + ["sliding_attention"],
            },
            (None, None, None, 9),
        ),
    ],
)
def test_windows_by_family(
    model_type: str, fields: Mapping, windows: tuple[int | None, ...]
) -> None:
    assert load_model(decoder(model_type, **fields)).layer_windows == windows


@pytest.mark.parametrize(
    ("model_type", "tied"),
    [("llama", False), ("qwen2", False), ("phi3", False), ("gemma2", True)],
)
def test_tied_embeddings_left_out_are_the_familys(model_type: str, tied: bool) -> None:
    assert load_model(decoder(model_type)).tie_embeddings is tied


def test_key_value_heads_left_out_are_all_heads() -> None:
    fields = decoder("llama")
    del fields["num_key_value_heads"]
    assert load_model(fields).n_kv_heads == 8


def test_a_nested_text_config_is_the_model(errors: Errors) -> None:
    nested = decoder("gemma3_text", sliding_window=9)
    nested.pop("architectures")
    whole = {
        "model_type": "gemma3",
        "tie_word_embeddings": False,
        "text_config": nested,
    }
    assert not load_model(whole).tie_embeddings
    nested["hidden_size"] = 0
    assert errors(load_model, whole) == [
        "text_config.hidden_size: got 0; must be an integer between 1 and 1000000."
    ]


def test_the_name_is_the_repositorys_or_the_folders(write: Write) -> None:
    write("Qwen3-Mini/config.json", json.dumps(decoder("qwen3")))
    write("other.json", json.dumps(decoder("qwen3", _name_or_path="Org/Real-Name")))
    assert load_model("Qwen3-Mini/config.json").name == "Qwen3-Mini"
    assert load_model("other.json").name == "Real-Name"


def test_problems_carry_the_files_own_names_and_lines(
    write: Write, errors: Errors
) -> None:
    fields = decoder("llama", hidden_size=64.0, num_key_value_heads=3)
    del fields["num_hidden_layers"]
    write("config.json", json.dumps(fields, indent=1))
    assert errors(load_model, "config.json") == [
        "config.json:1: num_hidden_layers: missing; must be an integer between 1 and "
        "10000.",
        "config.json:6: hidden_size: got 64.0; must be an integer between 1 and "
        "1000000. Write 64, without a point or exponent.",
    ]
    fields = decoder("llama", num_key_value_heads=3)
    write("config.json", json.dumps(fields, indent=1))
    assert errors(load_model, "config.json") == [
        "config.json:9: n_kv_heads: got 3; must divide n_heads (8)."
    ]


@pytest.mark.parametrize(
    ("fields", "messages"),
    [
        (
            decoder("qwen2", num_experts=128),
            [
                "num_experts: mixture-of-experts of this family is not read; got 128. "
                "Write the shapes as a model.yaml."
            ],
        ),
        (
            decoder("mixtral9", n_routed_experts=256, kv_lora_rank=512),
            [
                "n_routed_experts: mixture-of-experts of this family is not read; got "
                "256. Write the shapes as a model.yaml.",
                "kv_lora_rank: latent attention (MLA) of this family is not read; got "
                "512. Write the shapes as a model.yaml.",
            ],
        ),
        (
            decoder("mamba2"),
            [
                "model_type: got 'mamba2'; allowed: llama, qwen2, qwen3, mistral, "
                "gemma, gemma2, gemma3, gemma3_text, phi3, mixtral, qwen3_moe, "
                "deepseek_v2, deepseek_v3, gpt2. Or write the shapes as a model.yaml."
            ],
        ),
        (
            decoder("qwen"),
            [
                "model_type: got 'qwen'; allowed: llama, qwen2, qwen3, mistral, "
                "gemma, gemma2, gemma3, gemma3_text, phi3, mixtral, qwen3_moe, "
                "deepseek_v2, deepseek_v3, gpt2. Did you mean 'qwen3'?"
            ],
        ),
        (
            decoder("x" * 500),
            [
                "model_type: got '" + "x" * 76 + "...; allowed: llama, qwen2, qwen3, "
                "mistral, gemma, gemma2, gemma3, gemma3_text, phi3, mixtral, "
                "qwen3_moe, deepseek_v2, deepseek_v3, gpt2. Or write the shapes as a "
                "model.yaml."
            ],
        ),
        (
            {"model_type": "gpt2", "n_embd": 8, "n_layer": 1, "n_head": 0},
            ["n_head: got 0; must be an integer between 1 and 1000000."],
        ),
        (
            {"hidden_size": 64},
            [
                "model_type: missing; allowed: llama, qwen2, qwen3, mistral, gemma, "
                "gemma2, gemma3, gemma3_text, phi3, mixtral, qwen3_moe, deepseek_v2, "
                "deepseek_v3, gpt2. Or write the shapes as a model.yaml."
            ],
        ),
        (
            decoder("gemma2", layer_types=["full_attention"]),
            ["layer_types: got 1 entries; must have one per layer (4)."],
        ),
        (
            decoder("gemma2", layer_types=["linear_attention"] * 4),
            [
                f"layer_types[{n}]: got 'linear_attention'; allowed: "
                "full_attention, sliding_attention. Did you mean 'sliding_attention'?"
                for n in range(4)
            ],
        ),
    ],
)
def test_what_is_not_modelled_is_refused(
    errors: Errors, fields: Mapping, messages: list[str]
) -> None:
    assert errors(load_model, fields) == messages


def test_a_scenario_may_override_on_top_of_a_file(
    write: Write, scenario: Mapping
) -> None:
    write("hf/config.json", json.dumps(decoder("llama")))
    scenario["model"] = {
        "file": "hf/config.json",
        "activation_bits": 8,
        "draft_policy": {"default": {"ffn": "full"}},
    }
    model = load_scenario(scenario).model
    assert model.name == "hf"
    assert model.d_ff == 96
    assert model.activation_bits == 8
    assert model.block_policy(3).ffn == "full"
