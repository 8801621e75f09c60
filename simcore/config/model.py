"""The language model: shapes, attention windows, and what is drafted how.

`ModelConfig` is resolved: every number is present. `ModelFile` is the public
`model.yaml` as people write it; a Hugging Face `config.json` goes through
`simcore.config.huggingface` first and becomes a `ModelFile` too.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from simcore.config.base import (
    AS_TUPLE,
    INTEGER_KEYS,
    Bits,
    FieldIssue,
    FrozenConfig,
    Name,
    PositiveCount,
    Text,
    Tokens,
    raise_issues,
)
from simcore.errors import printable

Policy = Literal["draft", "full"]
FfnType = Literal["mlp", "swiglu"]
LayerCount = Annotated[int, Field(ge=1, le=10_000)]
LayerFlags = Annotated[tuple[bool, ...], AS_TUPLE]
LayerWindows = Annotated[tuple[Tokens | None, ...], AS_TUPLE]


class BlockPolicy(FrozenConfig):
    """How the draft step reads the three analog blocks of a layer.

    `draft` reads array 1 with the coarse converter, `full` reads all arrays.
    """

    qkv: Policy = Field(default="draft", description="Query, key, value projections.")
    wo: Policy = Field(default="draft", description="Attention output projection.")
    ffn: Policy = Field(default="draft", description="Feed-forward matrices.")


class DraftPolicy(FrozenConfig):
    """Block policies, with exceptions per layer."""

    default: BlockPolicy = Field(
        default_factory=BlockPolicy, description="Layers without an entry of their own."
    )
    per_layer: Annotated[dict[int, BlockPolicy], INTEGER_KEYS] = Field(
        default_factory=dict,
        description=(
            "Layer number to policies. A block left out of an entry is `draft`, "
            "not the default policy's value (the public format's rule)."
        ),
    )


class MlaConfig(FrozenConfig):
    """Multi-head latent attention: one compressed vector per token is cached.

    The cache holds kv_lora_rank + qk_rope_head_dim elements per token and layer, for
    all heads together.
    """

    kv_lora_rank: PositiveCount = Field(
        description="Width of the compressed keys and values."
    )
    q_lora_rank: PositiveCount | None = Field(
        default=None, description="Width of compressed queries; null: not compressed."
    )
    qk_nope_head_dim: PositiveCount = Field(
        description="Width of a query or key head without position."
    )
    qk_rope_head_dim: PositiveCount = Field(
        description="Width of the rotary part of a head; keys share one."
    )
    v_head_dim: PositiveCount = Field(description="Width of a value head.")

    @property
    def qk_head_dim(self) -> int:
        """Width of a query head."""
        return self.qk_nope_head_dim + self.qk_rope_head_dim


class _Experts(FrozenConfig):
    """Fields of a mixture of experts that mean the same as written and resolved."""

    n_experts: PositiveCount = Field(description="Routed experts of a layer.")
    experts_per_token: PositiveCount = Field(description="Experts a token is sent to.")
    expert_d_ff: PositiveCount = Field(description="Width of one routed expert.")
    n_shared_experts: Annotated[int, Field(ge=0, le=1_000_000)] = Field(
        default=0, description="Experts that every token visits."
    )

    @model_validator(mode="after")
    def _check_top_k(self) -> Self:
        if self.experts_per_token > self.n_experts:
            raise_issues(
                [
                    FieldIssue(
                        ("experts_per_token",),
                        got=printable(self.experts_per_token),
                        allowed=f"must be at most n_experts ({self.n_experts})",
                    )
                ]
            )
        return self


class MoeConfig(_Experts):
    """Feed-forward blocks of which each token visits some, every number present."""

    shared_expert_d_ff: PositiveCount = Field(description="Width of a shared expert.")
    first_dense_layers: Annotated[int, Field(ge=0, le=10_000)] = Field(
        description="Layers before the first one with experts."
    )
    layer_is_moe: LayerFlags = Field(
        description="Which layers have experts; the others are dense, of width d_ff."
    )


class MoeFile(_Experts):
    """The `moe` section of a `model.yaml` as written."""

    shared_expert_d_ff: PositiveCount | None = Field(
        default=None, description="Width of a shared expert; default expert_d_ff."
    )
    first_dense_layers: Annotated[int, Field(ge=0, le=10_000)] | None = Field(
        default=None, description="Layers before the first one with experts; default 0."
    )
    layer_is_moe: LayerFlags | None = Field(
        default=None,
        description="Which layers have experts; default all but the first dense ones.",
    )

    def issues(self, n_layers: int) -> Iterator[FieldIssue]:
        """What does not fit a model of so many layers."""
        first, flags = self.first_dense_layers, self.layer_is_moe
        if first is not None and first >= n_layers:
            yield FieldIssue(
                ("moe", "first_dense_layers"),
                got=printable(first),
                allowed=f"must be below n_layers ({n_layers})",
            )
        if flags is None:
            return
        if len(flags) != n_layers:
            yield FieldIssue(
                ("moe", "layer_is_moe"),
                got=f"{len(flags)} entries",
                allowed=f"must have one per layer ({n_layers})",
            )
        elif not any(flags):
            yield FieldIssue(
                ("moe", "layer_is_moe"),
                message="no layer has experts",
                hint="Leave moe out for a dense model.",
            )
        elif first is not None and first != flags.index(True):
            yield FieldIssue(
                ("moe", "first_dense_layers"),
                got=printable(first),
                allowed=f"must be {flags.index(True)}, as layer_is_moe says",
            )

    def resolved(self, n_layers: int) -> dict[str, Any]:
        """Fields of `MoeConfig`."""
        flags = self.layer_is_moe
        if flags is None:
            first = self.first_dense_layers or 0
            flags = tuple(layer >= first for layer in range(n_layers))
        return {
            **{name: getattr(self, name) for name in _Experts.model_fields},
            "shared_expert_d_ff": self.shared_expert_d_ff or self.expert_d_ff,
            "first_dense_layers": flags.index(True),
            "layer_is_moe": flags,
        }


class _Shape(FrozenConfig):
    """Fields that mean the same as written and as resolved."""

    n_layers: LayerCount = Field(description="Transformer layers.")
    d_model: PositiveCount = Field(description="Width of the residual stream.")
    n_heads: PositiveCount = Field(description="Query heads.")
    ffn_type: FfnType = Field(
        default="mlp", description="mlp: up, down; swiglu: gate, up, down."
    )
    vocab_size: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        default=None,
        description="Without it lm_head, embedding and sampling are excluded.",
    )
    tie_embeddings: bool = Field(
        default=False, description="lm_head shares the weights of the embedding."
    )
    qk_norm: bool = Field(
        default=False, description="Queries and keys are normalised per head."
    )
    rotary: bool = Field(
        default=True, description="Rotary position embedding (false for GPT-2)."
    )
    sliding_window: Tokens | None = Field(
        default=None, description="Tokens a windowed layer attends to at most."
    )
    max_position_embeddings: Tokens | None = Field(
        default=None, description="Longest context the model was made for, in tokens."
    )
    mla: MlaConfig | None = Field(
        default=None, description="Latent attention; null: heads of keys and values."
    )
    source: Text | None = Field(default=None, description="Where the shapes are from.")
    draft_policy: DraftPolicy = Field(
        default_factory=DraftPolicy,
        description="Precision of each block when drafting.",
    )


class ModelConfig(_Shape):
    """A decoder-only transformer, every number present."""

    name: Name = Field(description="Name in reports.")
    n_kv_heads: PositiveCount = Field(description="Key and value heads.")
    head_dim: PositiveCount = Field(
        description="Width of one head (of queries and keys with mla)."
    )
    d_ff: PositiveCount = Field(description="Width of the feed-forward block.")
    activation_bits: Bits = Field(description="Bits of an activation at full read.")
    layer_windows: LayerWindows = Field(
        description="Attention window of each layer in tokens; null: all tokens."
    )
    moe: MoeConfig | None = Field(
        default=None, description="Mixture of experts; null: every layer is dense."
    )

    @model_validator(mode="after")
    def _check_shapes(self) -> ModelConfig:
        issues = list(_head_issues(self.n_heads, self.n_kv_heads))
        if len(self.layer_windows) != self.n_layers:
            issues.append(
                FieldIssue(
                    ("layer_windows",),
                    got=f"{len(self.layer_windows)} entries",
                    allowed=f"must have one per layer ({self.n_layers})",
                )
            )
        issues += [
            FieldIssue(
                ("draft_policy", "per_layer", layer),
                message=f"invalid layer index {layer}",
                allowed=f"must be between 0 and {self.n_layers - 1}",
            )
            for layer in self.draft_policy.per_layer
            if not 0 <= layer < self.n_layers
        ]
        raise_issues(issues)
        return self

    @property
    def gated(self) -> bool:
        """Whether the feed-forward block has a gate matrix."""
        return self.ffn_type == "swiglu"

    def block_policy(self, layer: int) -> BlockPolicy:
        """Policies of one layer.

        Parameters
        ----------
        layer : int
            0 .. n_layers - 1.
        """
        return self.draft_policy.per_layer.get(layer, self.draft_policy.default)


def _head_issues(n_heads: int, n_kv_heads: int) -> Iterator[FieldIssue]:
    if n_heads % n_kv_heads:
        yield FieldIssue(
            ("n_kv_heads",),
            got=printable(n_kv_heads),
            allowed=f"must divide n_heads ({n_heads})",
        )


class ModelFile(_Shape):
    """The public `model.yaml` as written; `resolved` fills in what may be left out."""

    name: Name | None = Field(default=None, description="Name in reports.")
    n_kv_heads: PositiveCount | None = Field(
        default=None, description="Key and value heads; default n_heads."
    )
    head_dim: PositiveCount | None = Field(
        default=None, description="Width of one head; default d_model / n_heads."
    )
    d_ff: PositiveCount | None = Field(
        default=None, description="Width of the feed-forward block."
    )
    ffn_expansion: Annotated[float, Field(ge=1, le=1000)] | None = Field(
        default=4.0, description="d_ff / d_model, used when d_ff is not given."
    )
    activation_bits: Bits = Field(description="Bits of an activation at full read.")
    layer_windows: LayerWindows | None = Field(
        default=None, description="Attention window per layer; default sliding_window."
    )
    moe: MoeFile | None = Field(
        default=None, description="Mixture of experts; null: every layer is dense."
    )

    @model_validator(mode="after")
    def _check_derivable(self) -> ModelFile:
        issues = list(_head_issues(self.n_heads, self.n_kv_heads or self.n_heads))
        if self.moe is not None:
            issues += self.moe.issues(self.n_layers)
        if self.mla is not None:
            if self.head_dim not in (None, self.mla.qk_head_dim):
                issues.append(
                    FieldIssue(
                        ("head_dim",),
                        got=printable(self.head_dim),
                        allowed=(
                            "must be mla.qk_nope_head_dim + mla.qk_rope_head_dim "
                            f"({self.mla.qk_head_dim})"
                        ),
                    )
                )
        elif self.head_dim is None and self.d_model % self.n_heads:
            issues.append(
                FieldIssue(
                    ("d_model",),
                    got=printable(self.d_model),
                    allowed=f"must be divisible by n_heads ({self.n_heads})",
                    hint="Or give head_dim.",
                )
            )
        if self.d_ff is None and self.ffn_expansion is None:
            issues.append(
                FieldIssue(
                    ("d_ff",), message="Either d_ff or ffn_expansion must be given"
                )
            )
        raise_issues(issues)
        return self

    def resolved(self, default_name: str) -> dict[str, Any]:
        """Fields of `ModelConfig`, the defaults of the public format filled in.

        Parameters
        ----------
        default_name : str
            Name of the model when the file gives none.
        """
        d_ff = self.d_ff
        if d_ff is None:
            # Python's round is half to even, which is the format's rule.
            d_ff = round(self.d_model * (self.ffn_expansion or 4.0))
        windows = self.layer_windows
        if windows is None:
            windows = (self.sliding_window,) * self.n_layers
        head_dim = self.head_dim or self.d_model // self.n_heads
        if self.mla is not None:
            head_dim = self.mla.qk_head_dim
        moe = None if self.moe is None else self.moe.resolved(self.n_layers)
        return {
            **{name: getattr(self, name) for name in _Shape.model_fields},
            "name": self.name or default_name,
            "n_kv_heads": self.n_kv_heads or self.n_heads,
            "head_dim": head_dim,
            "d_ff": d_ff,
            "activation_bits": self.activation_bits,
            "layer_windows": windows,
            "moe": moe,
        }


#: Fields of `ModelFile` that the public format has.
_PUBLIC = {
    "name",
    "n_layers",
    "d_model",
    "n_heads",
    "activation_bits",
    "ffn_type",
    "d_ff",
    "ffn_expansion",
    "draft_policy",
}
#: Fields that only we read.
MODEL_EXTENSIONS = frozenset(ModelFile.model_fields) - _PUBLIC
