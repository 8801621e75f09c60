"""Element counts of one layer under the accounting switches (semantics, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.config.accounting import AccountingConfig
from simcore.config.model import MlaConfig, ModelConfig, MoeConfig
from simcore.errors import ProgramError


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight matrix on crossbars: `rows_out` outputs of `columns_in` inputs each."""

    rows_out: int
    columns_in: int


@dataclass(frozen=True)
class LayerShape:
    """Sizes of one layer: heads, widths and the matrices of each analog group.

    Symbols of the formulas: D = d_model, Hq = n_heads, Hk = n_kv_heads, h = head_dim,
    F = d_ff. With latent attention (MLA) the cache holds one compressed vector a
    token, and the up-projections of K and V are absorbed into the query and the
    output side (DeepSeek-V2, section 2.1). With experts (MoE) a token visits
    `experts_per_token` of them and every shared one.
    """

    d_model: int
    n_heads: int
    n_kv_heads: int
    head_dim: int
    d_ff: int
    gated: bool
    qk_norm: bool
    rotary: bool
    vocab_size: int | None
    mla: MlaConfig | None = None
    moe: MoeConfig | None = None

    @classmethod
    def of(
        cls, model: ModelConfig, accounting: AccountingConfig, layer: int = 0
    ) -> LayerShape:
        """Shape of a layer as the switches `attention_heads` and `head_dim` see it.

        Raises
        ------
        ProgramError
            If `head_dim: derived` is asked of a model whose d_model is not divisible
            by n_heads, or either switch changes the heads of latent attention.
        """
        mha = accounting.attention_heads == "mha"
        derived = accounting.head_dim == "derived"
        if model.mla is not None and (mha or derived):
            raise ProgramError(
                "latent attention (mla) has no heads of keys and values to count "
                "otherwise: use accounting.attention_heads gqa and head_dim explicit"
            )
        head_dim = model.head_dim
        if derived:
            if model.d_model % model.n_heads:
                raise ProgramError(
                    f"accounting.head_dim: derived needs d_model ({model.d_model}) "
                    f"divisible by n_heads ({model.n_heads})"
                )
            head_dim = model.d_model // model.n_heads
        has_experts = model.moe is not None and model.moe.layer_is_moe[layer]
        return cls(
            d_model=model.d_model,
            n_heads=model.n_heads,
            n_kv_heads=model.n_heads if mha else model.n_kv_heads,
            head_dim=head_dim,
            d_ff=model.d_ff,
            gated=model.gated,
            qk_norm=model.qk_norm,
            rotary=model.rotary,
            vocab_size=model.vocab_size,
            mla=model.mla,
            moe=model.moe if has_experts else None,
        )

    # -- attention ------------------------------------------------------------------

    @property
    def query_width(self) -> int:
        """Elements of all queries: Hq h, with MLA Hq (nope + rope)."""
        return self.n_heads * (self.mla.qk_head_dim if self.mla else self.head_dim)

    @property
    def kv_width(self) -> int:
        """Cached elements of one token: 2 Hk h, with MLA rank + rope."""
        if self.mla:
            return self.mla.kv_lora_rank + self.mla.qk_rope_head_dim
        return 2 * self.n_kv_heads * self.head_dim

    @property
    def scaled_heads(self) -> int:
        """Heads with quantization scales of their own in the cache."""
        return 1 if self.mla else self.n_kv_heads

    @property
    def qk_width(self) -> int:
        """MACs of qk for one attended token."""
        return self.n_heads * self.kv_width if self.mla else self.query_width

    @property
    def pv_width(self) -> int:
        """MACs of pv for one attended token."""
        if self.mla:
            return self.n_heads * self.mla.kv_lora_rank
        return self.query_width

    @property
    def rotated_width(self) -> int:
        """Elements that the rotary embedding turns: queries and keys."""
        if self.mla:
            return (self.n_heads + 1) * self.mla.qk_rope_head_dim
        return self.query_width + self.kv_width // 2

    @property
    def head_output_width(self) -> int:
        """Inputs of wo: Hq h, with MLA Hq v_head_dim."""
        return self.n_heads * self.mla.v_head_dim if self.mla else self.query_width

    @property
    def qkv(self) -> tuple[Matrix, ...]:
        """Projections of the layer's input: fused q, k, v, or MLA's compressions."""
        if self.mla:
            queries = self.mla.q_lora_rank or self.query_width
            return (
                Matrix(queries, self.d_model),
                Matrix(self.kv_width, self.d_model),
            )
        return (Matrix(self.query_width + self.kv_width, self.d_model),)

    @property
    def q_up(self) -> tuple[Matrix, ...]:
        """Queries from their compression; empty without it."""
        if self.mla is None or self.mla.q_lora_rank is None:
            return ()
        return (Matrix(self.query_width, self.mla.q_lora_rank),)

    @property
    def k_absorb(self) -> tuple[Matrix, ...]:
        """Up-projection of K absorbed into each query head; empty without MLA."""
        if self.mla is None:
            return ()
        return (
            Matrix(self.mla.kv_lora_rank, self.mla.qk_nope_head_dim),
        ) * self.n_heads

    @property
    def v_up(self) -> tuple[Matrix, ...]:
        """Up-projection of V applied to each head's output; empty without MLA."""
        if self.mla is None:
            return ()
        return (Matrix(self.mla.v_head_dim, self.mla.kv_lora_rank),) * self.n_heads

    @property
    def wo(self) -> tuple[Matrix, ...]:
        """Output projection: D outputs."""
        return (Matrix(self.d_model, self.head_output_width),)

    # -- feed-forward ---------------------------------------------------------------

    @property
    def widths(self) -> tuple[int, ...]:
        """Inner width of every feed-forward block that a token visits."""
        if self.moe is None:
            return (self.d_ff,)
        routed = (self.moe.expert_d_ff,) * self.moe.experts_per_token
        shared = (self.moe.shared_expert_d_ff,) * self.moe.n_shared_experts
        return routed + shared

    @property
    def inner_width(self) -> int:
        """Activations between up and down projections."""
        return sum(self.widths)

    @property
    def gate_up(self) -> tuple[Matrix, ...]:
        """Gate and up projections, or the up projections when not gated."""
        copies = 2 if self.gated else 1
        return tuple(
            Matrix(width, self.d_model) for width in self.widths for _ in range(copies)
        )

    @property
    def down(self) -> tuple[Matrix, ...]:
        """Down projections: D outputs each."""
        return tuple(Matrix(self.d_model, width) for width in self.widths)

    @property
    def lm_head(self) -> tuple[Matrix, ...]:
        """Vocabulary projection, empty when the model gives no vocabulary."""
        if self.vocab_size is None:
            return ()
        return (Matrix(self.vocab_size, self.d_model),)


def outputs(matrices: tuple[Matrix, ...]) -> int:
    """Output elements of a group of matrices."""
    return sum(m.rows_out for m in matrices)
