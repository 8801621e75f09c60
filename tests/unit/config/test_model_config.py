from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from pydantic import ValidationError

from simcore.config.load import config_dict, load_model
from simcore.config.model import BlockPolicy, ModelConfig

Mapping = dict[str, Any]
Errors = Callable[..., list[str]]
Write = Callable[..., str]


def test_the_public_defaults(model: Mapping) -> None:
    toy = load_model(model)
    assert toy.n_kv_heads == 8
    assert toy.head_dim == 64 // 8
    assert toy.d_ff == 4 * 64
    assert toy.ffn_type == "mlp"
    assert not toy.gated
    assert toy.vocab_size is None
    assert toy.layer_windows == (None, None)
    assert toy.block_policy(1) == BlockPolicy(qkv="draft", wo="draft", ffn="draft")
    assert toy.rotary
    assert not toy.qk_norm


def test_head_dim_and_kv_heads_may_be_explicit(model: Mapping) -> None:
    toy = load_model({**model, "n_heads": 6, "n_kv_heads": 3, "head_dim": 32})
    assert (toy.n_kv_heads, toy.head_dim) == (3, 32)


@pytest.mark.parametrize(
    ("d_model", "expansion", "d_ff"),
    # 5 x 2.5 = 12.5 and 7 x 2.5 = 17.5: halves go to the even neighbour.
    [(5, 2.5, 12), (7, 2.5, 18), (64, 1, 64), (64, 2.67, 171)],
)
def test_d_ff_is_rounded_half_to_even(
    model: Mapping, d_model: int, expansion: float, d_ff: int
) -> None:
    written = {**model, "d_model": d_model, "n_heads": 1, "ffn_expansion": expansion}
    assert load_model(written).d_ff == d_ff


def test_d_ff_wins_over_ffn_expansion(model: Mapping) -> None:
    assert load_model({**model, "d_ff": 100, "ffn_expansion": 2.0}).d_ff == 100


def test_a_block_left_out_of_a_layer_entry_is_draft(model: Mapping) -> None:
    model["draft_policy"] = {
        "default": {"qkv": "full", "wo": "full", "ffn": "full"},
        "per_layer": {"0": {"qkv": "full"}},
    }
    toy = load_model(model)
    assert toy.block_policy(0) == BlockPolicy(qkv="full", wo="draft", ffn="draft")
    assert toy.block_policy(1) == BlockPolicy(qkv="full", wo="full", ffn="full")


@pytest.mark.parametrize("key", ["0:", '"0":'])
def test_layer_keys_are_integers_however_written(write: Write, key: str) -> None:
    write(
        "m.yaml",
        "n_layers: 1\nd_model: 8\nn_heads: 2\nactivation_bits: 4\n"
        f"draft_policy:\n  per_layer:\n    {key}\n      wo: full\n",
    )
    toy = load_model("m.yaml")
    assert toy.draft_policy.per_layer == {0: BlockPolicy(wo="full")}
    assert toy.name == "m"


def test_one_window_for_all_layers_or_one_for_each(model: Mapping) -> None:
    assert load_model({**model, "sliding_window": 9}).layer_windows == (9, 9)
    mixed = load_model({**model, "layer_windows": [9, None]})
    assert mixed.layer_windows == (9, None)


def test_a_resolved_model_loads_to_an_equal_one(model: Mapping) -> None:
    model["draft_policy"] = {"per_layer": {"1": {"ffn": "full"}}}
    toy = load_model({**model, "layer_windows": [None, 12], "vocab_size": 100})
    assert load_model(config_dict(toy)) == toy


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            {"n_heads": 7},
            "d_model: got 64; must be divisible by n_heads (7). Or give head_dim.",
        ),
        ({"n_kv_heads": 3}, "n_kv_heads: got 3; must divide n_heads (8)."),
        (
            {"ffn_expansion": None},
            "d_ff: Either d_ff or ffn_expansion must be given.",
        ),
        ({"n_layers": 0}, "n_layers: got 0; must be an integer between 1 and 10000."),
        (
            {"n_layers": 2.0},
            "n_layers: got 2.0; must be an integer between 1 and 10000. "
            "Write 2, without a point or exponent.",
        ),
        (
            {"n_layers": "2"},
            "n_layers: got '2'; must be an integer between 1 and 10000. "
            "Write it as a plain number, without quotes, commas or underscores.",
        ),
        (
            {"n_layers": True},
            "n_layers: got true; must be an integer between 1 and 10000.",
        ),
        (
            {"n_layers": None},
            "n_layers: got null; must be an integer between 1 and 10000.",
        ),
        (
            {"ffn_type": "swigl"},
            "ffn_type: got 'swigl'; allowed: mlp, swiglu. Did you mean 'swiglu'?",
        ),
        (
            {"ffn_expansion": 0.5},
            "ffn_expansion: got 0.5; must be a number between 1 and 1000 or null.",
        ),
        ({"rotary": "on"}, "rotary: got 'on'; must be true or false."),
        (
            {"n_head": 8},
            "n_head: unknown field. Did you mean 'n_heads'?",
        ),
        (
            {"draft_policy": {"per_layer": {"2": {}}}},
            "draft_policy.per_layer.2: invalid layer index 2; must be between 0 and 1.",
        ),
        (
            {"draft_policy": {"per_layer": {"first": {}}}},
            "draft_policy.per_layer.first: key 'first'; must be an integer.",
        ),
        (
            {"draft_policy": {"per_layer": {"0": {"qkv": "fast"}}}},
            "draft_policy.per_layer.0.qkv: got 'fast'; allowed: draft, full.",
        ),
        ({"draft_policy": []}, "draft_policy: got a list of 0 items; must be a"),
        (
            {"layer_windows": [4]},
            "layer_windows: got 1 entries; must have one per layer (2).",
        ),
        (
            {"layer_windows": [4, 0]},
            "layer_windows[1]: got 0; must be an integer between 1 and 100000000 or",
        ),
        ({"layer_windows": 4}, "layer_windows: got 4; must be a list or null."),
        (
            {"name": "a\x1b"},
            "name: got 'a\\x1b'; must be text of 1 to 200 characters (no control "
            "characters) or null.",
        ),
        (
            {"d_model": 999_999, "head_dim": 8, "ffn_expansion": 1000.0},
            "d_ff: got 999999000; must be an integer between 1 and 1000000.",
        ),
    ],
)
def test_problems_of_a_model(
    model: Mapping, errors: Errors, change: Mapping, message: str
) -> None:
    (line,) = errors(load_model, {**model, **change})
    assert line.startswith(message)


def test_all_problems_of_a_file_come_together_with_their_lines(
    write: Write, errors: Errors
) -> None:
    write(
        "m.yaml",
        "# shapes\nn_layer: 2\nd_model: -64\nn_heads: 1e3\nactivation_bits: 012\n"
        "d_model: 3\ndraft_policy:\n  default:\n    qvk: full\n",
    )
    assert errors(load_model, "m.yaml") == [
        "m.yaml:2: n_layers: missing; must be an integer between 1 and 10000.",
        "m.yaml:2: n_layer: unknown field. Did you mean 'n_layers'?",
        "m.yaml:3: d_model: got -64; must be an integer between 1 and 1000000.",
        "m.yaml:4: n_heads: got 1000.0; must be an integer between 1 and 1000000. "
        "Write 1000, without a point or exponent.",
        "m.yaml:5: activation_bits: got 012; must not start with 0. "
        "Drop the zeros for a number; quote it for text.",
        "m.yaml:6: d_model: key given twice; first on line 3.",
        "m.yaml:9: draft_policy.default.qvk: unknown field. Did you mean 'qkv'?",
    ]


def test_direct_construction_is_checked_too(model: Mapping) -> None:
    toy = load_model(model)
    with pytest.raises(ValidationError, match="must divide n_heads"):
        ModelConfig.model_validate({**toy.model_dump(), "n_kv_heads": 3})
    with pytest.raises(ValidationError, match="frozen"):
        toy.n_layers = 3  # type: ignore[misc]
