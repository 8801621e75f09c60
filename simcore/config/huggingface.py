"""A Hugging Face `config.json` as a `model.yaml`: other names, same shapes.

Only the decoder-only families of the table below are read. What a family leaves out of
its file has the default of its class in `transformers`; the table says which.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from simcore.config.base import AS_TUPLE, FrozenConfig, PositiveCount, Tokens
from simcore.config.document import Document, Path, path_text
from simcore.config.huggingface_experts import (
    Experts,
    Fields,
    expert_fields,
    latent_fields,
)
from simcore.config.model import LayerCount
from simcore.config.problems import choices_text, did_you_mean, validate
from simcore.errors import Problem, printable

#: Activation bits when the scenario gives none; assumed, no such field exists there.
DEFAULT_ACTIVATION_BITS = 12

_MARKS = {
    "model_type",
    "architectures",
    "hidden_size",
    "n_embd",
    "num_hidden_layers",
    "num_attention_heads",
    "text_config",
}
_EXPERTS = ("num_experts", "num_local_experts", "n_routed_experts")
_LATENT = "kv_lora_rank"


@dataclass(frozen=True)
class _Family:
    """What a model type means beyond the numbers in its file."""

    windows: Literal["none", "all", "switched", "late", "alternating", "pattern"]
    gated: bool = True
    rotary: bool = True
    qk_norm: bool = False
    tied: bool = False
    head_dim: int | None = None
    sliding_window: int | None = None
    experts: Experts | None = None
    latent: bool = False


_GEMMA3 = _Family("pattern", qk_norm=True, tied=True, head_dim=256, sliding_window=4096)
_FAMILIES = {
    "llama": _Family("none"),
    "qwen2": _Family("late"),
    "qwen3": _Family("late", qk_norm=True, head_dim=128),
    "mistral": _Family("all", sliding_window=4096),
    "gemma": _Family("none", tied=True, head_dim=256),
    "gemma2": _Family("alternating", tied=True, head_dim=256, sliding_window=4096),
    "gemma3": _GEMMA3,
    "gemma3_text": _GEMMA3,
    "phi3": _Family("all"),
    "mixtral": _Family("all", experts="mixtral"),
    "qwen3_moe": _Family("switched", qk_norm=True, experts="qwen"),
    "deepseek_v2": _Family("none", experts="deepseek", latent=True),
    "deepseek_v3": _Family("none", experts="deepseek", latent=True),
    "gpt2": _Family("none", gated=False, rotary=False, tied=True),
}


class _Common(FrozenConfig):
    # These files carry many keys that have no meaning for time and energy.
    model_config = ConfigDict(extra="ignore")

    vocab_size: Annotated[int, Field(ge=1, le=100_000_000)] | None = None
    tie_word_embeddings: bool | None = None


class _Decoder(_Common):
    hidden_size: PositiveCount
    num_hidden_layers: LayerCount
    num_attention_heads: PositiveCount
    num_key_value_heads: PositiveCount | None = None
    head_dim: PositiveCount | None = None
    intermediate_size: PositiveCount
    max_position_embeddings: Tokens | None = None
    sliding_window: Tokens | None = None
    use_sliding_window: bool = False
    max_window_layers: Annotated[int, Field(ge=0, le=10_000)] = 28
    sliding_window_pattern: Annotated[int, Field(ge=1, le=10_000)] = 6
    layer_types: (
        Annotated[tuple[Literal["full_attention", "sliding_attention"], ...], AS_TUPLE]
        | None
    ) = None


class _Gpt2(_Common):
    n_embd: PositiveCount
    n_layer: LayerCount
    n_head: PositiveCount
    n_inner: PositiveCount | None = None
    n_positions: Tokens | None = None


def is_huggingface(data: Any) -> bool:
    """Whether a mapping has the field names of a Hugging Face `config.json`."""
    return isinstance(data, dict) and bool(_MARKS & data.keys())


def from_huggingface(
    document: Document, prefix: Path = ()
) -> tuple[Document | None, list[Problem]]:
    """Rewrite a `config.json` in the fields of `model.yaml`.

    Parameters
    ----------
    document : Document
        The file.
    prefix : Path
        Where it stands in the whole, for the paths of problems.

    Returns
    -------
    Document or None
        With the places of the fields it was made from; None when there are problems.
    list of Problem
        Unknown families, and experts in a family that has none, are refused.
    """
    if isinstance(document.get("text_config"), dict):
        # Multimodal files nest the language model.
        nested = document.section("text_config")
        for key in ("tie_word_embeddings", "_name_or_path"):
            if nested.get(key) is None and document.get(key) is not None:
                nested.put((key,), document, (key,))
        document, prefix = nested, (*prefix, "text_config")
    problems = _refusals(document, prefix)
    if problems:
        return None, problems
    model_type = document.get("model_type")
    family = _FAMILIES[model_type]
    if model_type == "gpt2":
        gpt2, problems = validate(_Gpt2, document, prefix)
        if gpt2 is None:
            return None, problems
        written, sections = _gpt2_fields(gpt2), {}
    else:
        decoder, problems = validate(_Decoder, document, prefix)
        moe, wrong = expert_fields(family.experts, document, prefix)
        problems += wrong
        mla: Fields = {}
        if family.latent:
            mla, wrong = latent_fields(document, prefix)
            problems += wrong
        if decoder is None or problems:
            return None, list(dict.fromkeys(problems))
        problems = _window_problems(decoder, document, prefix)
        if problems:
            return None, problems
        written = _decoder_fields(decoder, family, document)
        sections = {"moe": moe, "mla": mla}
    return _document(document, family, written, sections), []


def _refusals(document: Document, prefix: Path) -> list[Problem]:
    def problem(key: str, **parts: str | None) -> Problem:
        place = document.place((key,))
        return Problem(path_text((*prefix, key)), place.file, place.line, **parts)

    model_type = document.get("model_type")
    family = _FAMILIES.get(model_type) if isinstance(model_type, str) else None
    found = []
    if family is None or family.experts is None:
        found += [
            problem(
                key,
                message="mixture-of-experts of this family is not read",
                got=printable(document.get(key)),
                hint="Write the shapes as a model.yaml.",
            )
            for key in _EXPERTS
            if document.get(key) is not None
        ]
    if document.get(_LATENT) is not None and (family is None or not family.latent):
        found.append(
            problem(
                _LATENT,
                message="latent attention (MLA) of this family is not read",
                got=printable(document.get(_LATENT)),
                hint="Write the shapes as a model.yaml.",
            )
        )
    if not found and family is None:
        close = (
            did_you_mean(model_type, _FAMILIES) if isinstance(model_type, str) else None
        )
        found.append(
            problem(
                "model_type",
                message="missing" if model_type is None else None,
                got=None if model_type is None else printable(model_type),
                allowed=choices_text(list(_FAMILIES)),
                hint=close or "Or write the shapes as a model.yaml.",
            )
        )
    return found


def _window_problems(
    config: _Decoder, document: Document, prefix: Path
) -> list[Problem]:
    types = config.layer_types
    if types is None or len(types) == config.num_hidden_layers:
        return []
    place = document.place(("layer_types",))
    return [
        Problem(
            path_text((*prefix, "layer_types")),
            place.file,
            place.line,
            got=f"{len(types)} entries",
            allowed=f"must have one per layer ({config.num_hidden_layers})",
        )
    ]


def _layer_windows(
    config: _Decoder, family: _Family, document: Document
) -> list[int | None]:
    """Attention window of each layer, by the rules of the family."""
    window = config.sliding_window
    # A key that is there and null switches windows off; an absent one does not.
    if window is None and "sliding_window" not in document.data:
        window = family.sliding_window
    if family.windows == "none" or (
        family.windows in ("late", "switched") and not config.use_sliding_window
    ):
        window = None
    if config.layer_types is not None:
        return [
            window if kind == "sliding_attention" else None
            for kind in config.layer_types
        ]
    return [
        window if _is_windowed(layer, config, family) else None
        for layer in range(config.num_hidden_layers)
    ]


def _is_windowed(layer: int, config: _Decoder, family: _Family) -> bool:
    if family.windows == "late":
        return layer >= config.max_window_layers
    if family.windows == "alternating":
        return layer % 2 == 0
    if family.windows == "pattern":
        return bool((layer + 1) % config.sliding_window_pattern)
    return True


def _decoder_fields(config: _Decoder, family: _Family, document: Document) -> Fields:
    head_dim = config.head_dim
    if head_dim is None and "head_dim" not in document.data:
        head_dim = family.head_dim
    if family.latent:
        head_dim = None  # some files have the rotary part there
    windows = _layer_windows(config, family, document)
    fields: Fields = {
        "n_layers": (config.num_hidden_layers, "num_hidden_layers"),
        "d_model": (config.hidden_size, "hidden_size"),
        "n_heads": (config.num_attention_heads, "num_attention_heads"),
        "n_kv_heads": (config.num_key_value_heads, "num_key_value_heads"),
        "head_dim": (head_dim, "head_dim"),
        "d_ff": (config.intermediate_size, "intermediate_size"),
        "max_position_embeddings": (
            config.max_position_embeddings,
            "max_position_embeddings",
        ),
        "sliding_window": (
            next((w for w in windows if w is not None), None),
            "sliding_window",
        ),
        **_common_fields(config, family),
    }
    if len(set(windows)) > 1:
        fields["layer_windows"] = (windows, "sliding_window")
    return fields


def _gpt2_fields(config: _Gpt2) -> Fields:
    return {
        "n_layers": (config.n_layer, "n_layer"),
        "d_model": (config.n_embd, "n_embd"),
        "n_heads": (config.n_head, "n_head"),
        "d_ff": (config.n_inner or 4 * config.n_embd, "n_inner"),
        "max_position_embeddings": (config.n_positions, "n_positions"),
        **_common_fields(config, _FAMILIES["gpt2"]),
    }


def _common_fields(config: _Common, family: _Family) -> Fields:
    tied = config.tie_word_embeddings
    return {
        "vocab_size": (config.vocab_size, "vocab_size"),
        "tie_embeddings": (
            family.tied if tied is None else tied,
            "tie_word_embeddings",
        ),
    }


def _document(
    document: Document,
    family: _Family,
    fields: Fields,
    sections: Mapping[str, Fields],
) -> Document:
    result = Document(
        data={
            "activation_bits": DEFAULT_ACTIVATION_BITS,
            "ffn_type": "swiglu" if family.gated else "mlp",
            "rotary": family.rotary,
            "qk_norm": family.qk_norm,
            "source": f"Hugging Face config, model_type {document.get('model_type')}",
        },
        places={(): document.place(())},
        file=document.file,
    )
    for name, (value, key) in fields.items():
        result.data[name] = value
        result.places[(name,)] = document.place((key,))
    for section, below in sections.items():
        for name, (value, key) in below.items():
            result.put((section, name), Document(value, {(): document.place((key,))}))
    origin = document.get("_name_or_path")
    if isinstance(origin, str) and origin.strip("/ "):
        result.data["name"] = origin.strip("/ ").rsplit("/", 1)[-1][:200]
    return result
