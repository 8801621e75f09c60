"""Mixture-of-experts and latent-attention fields of a Hugging Face `config.json`.

Families name the same things differently; what decides which layers have experts is
written in the code of each family, not in its file.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from simcore.config.base import AS_TUPLE, FrozenConfig, PositiveCount
from simcore.config.document import Document, Path
from simcore.config.model import LayerCount
from simcore.config.problems import validate
from simcore.errors import Problem

#: Family of experts: how they are written.
Experts = Literal["mixtral", "qwen", "deepseek"]

#: Field of `model.yaml`: its value and the key of `config.json` it is from.
Fields = dict[str, tuple[Any, str]]

_Layer = Annotated[int, Field(ge=0, le=10_000)]
_Period = Annotated[int, Field(ge=1, le=10_000)]


class _Experts(FrozenConfig):
    # These files carry many keys that have no meaning for time and energy.
    model_config = ConfigDict(extra="ignore")

    num_hidden_layers: LayerCount
    num_experts_per_tok: PositiveCount


class _Mixtral(_Experts):
    num_local_experts: PositiveCount
    intermediate_size: PositiveCount


class _Qwen(_Experts):
    num_experts: PositiveCount
    moe_intermediate_size: PositiveCount
    decoder_sparse_step: _Period = 1
    mlp_only_layers: Annotated[tuple[_Layer, ...], AS_TUPLE] = ()


class _DeepSeek(_Experts):
    n_routed_experts: PositiveCount
    moe_intermediate_size: PositiveCount
    n_shared_experts: Annotated[int, Field(ge=0, le=1_000_000)] | None = None
    first_k_dense_replace: _Layer = 0
    moe_layer_freq: _Period = 1


class _Latent(FrozenConfig):
    model_config = ConfigDict(extra="ignore")

    kv_lora_rank: PositiveCount
    q_lora_rank: PositiveCount | None = None
    qk_nope_head_dim: PositiveCount
    qk_rope_head_dim: PositiveCount
    v_head_dim: PositiveCount


def expert_fields(
    family: Experts | None, document: Document, prefix: Path
) -> tuple[Fields, list[Problem]]:
    """The `moe` section of a `model.yaml`, empty for a dense model.

    Parameters
    ----------
    family : str or None
        How the file's family writes its experts; None when it has none.
    document : Document
        The file.
    prefix : Path
        Where it stands in the whole, for the paths of problems.
    """
    if family == "mixtral":
        mixtral, problems = validate(_Mixtral, document, prefix)
        return ({} if mixtral is None else _mixtral(mixtral)), problems
    if family == "qwen":
        qwen, problems = validate(_Qwen, document, prefix)
        return ({} if qwen is None else _qwen(qwen)), problems
    # A DeepSeek file says null when the model is dense.
    if family is None or document.data.get("n_routed_experts", ...) is None:
        return {}, []
    deepseek, problems = validate(_DeepSeek, document, prefix)
    return ({} if deepseek is None else _deepseek(deepseek)), problems


def latent_fields(document: Document, prefix: Path) -> tuple[Fields, list[Problem]]:
    """The `mla` section of a `model.yaml`; arguments as in `expert_fields`."""
    latent, problems = validate(_Latent, document, prefix)
    if latent is None:
        return {}, problems
    return {name: (value, name) for name, value in latent}, []


def _mixtral(config: _Mixtral) -> Fields:
    return {
        "n_experts": (config.num_local_experts, "num_local_experts"),
        "experts_per_token": (config.num_experts_per_tok, "num_experts_per_tok"),
        "expert_d_ff": (config.intermediate_size, "intermediate_size"),
    }


def _qwen(config: _Qwen) -> Fields:
    step = config.decoder_sparse_step
    layers = [
        (layer + 1) % step == 0 and layer not in config.mlp_only_layers
        for layer in range(config.num_hidden_layers)
    ]
    return {
        "n_experts": (config.num_experts, "num_experts"),
        "experts_per_token": (config.num_experts_per_tok, "num_experts_per_tok"),
        "expert_d_ff": (config.moe_intermediate_size, "moe_intermediate_size"),
        "layer_is_moe": (layers, "mlp_only_layers"),
    }


def _deepseek(config: _DeepSeek) -> Fields:
    first = config.first_k_dense_replace
    layers = [
        layer >= first and layer % config.moe_layer_freq == 0
        for layer in range(config.num_hidden_layers)
    ]
    return {
        "n_experts": (config.n_routed_experts, "n_routed_experts"),
        "experts_per_token": (config.num_experts_per_tok, "num_experts_per_tok"),
        "expert_d_ff": (config.moe_intermediate_size, "moe_intermediate_size"),
        # Its shared experts are one block of n times the width of an expert.
        "n_shared_experts": (config.n_shared_experts or 0, "n_shared_experts"),
        "layer_is_moe": (layers, "first_k_dense_replace"),
    }
