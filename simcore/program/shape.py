"""Element counts of one layer under the accounting switches (semantics, section 2)."""

from __future__ import annotations

from dataclasses import dataclass

from simcore.config.accounting import AccountingConfig
from simcore.config.model import ModelConfig
from simcore.errors import ProgramError


@dataclass(frozen=True, slots=True)
class Matrix:
    """A weight matrix on crossbars: `rows_out` outputs of `columns_in` inputs each."""

    rows_out: int
    columns_in: int


@dataclass(frozen=True)
class LayerShape:
    """Sizes of a layer: heads, widths and the matrices of each analog group.

    Symbols of the formulas: D = d_model, Hq = n_heads, Hk = n_kv_heads, h = head_dim,
    F = d_ff.
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

    @classmethod
    def of(cls, model: ModelConfig, accounting: AccountingConfig) -> LayerShape:
        """Shape of `model` as the switches `attention_heads` and `head_dim` see it.

        Raises
        ------
        ProgramError
            If `head_dim: derived` is asked of a model whose d_model is not divisible
            by n_heads.
        """
        head_dim = model.head_dim
        if accounting.head_dim == "derived":
            if model.d_model % model.n_heads:
                raise ProgramError(
                    f"accounting.head_dim: derived needs d_model ({model.d_model}) "
                    f"divisible by n_heads ({model.n_heads})"
                )
            head_dim = model.d_model // model.n_heads
        mha = accounting.attention_heads == "mha"
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
        )

    @property
    def query_width(self) -> int:
        """Hq h."""
        return self.n_heads * self.head_dim

    @property
    def kv_width(self) -> int:
        """Elements of K and V of one token: 2 Hk h."""
        return 2 * self.n_kv_heads * self.head_dim

    @property
    def qkv(self) -> tuple[Matrix, ...]:
        """One fused matrix: (Hq + 2 Hk) h outputs of D inputs."""
        return (Matrix(self.query_width + self.kv_width, self.d_model),)

    @property
    def wo(self) -> tuple[Matrix, ...]:
        """Output projection: D outputs of Hq h inputs."""
        return (Matrix(self.d_model, self.query_width),)

    @property
    def gate_up(self) -> tuple[Matrix, ...]:
        """Gate and up projection, or the one up projection when not gated."""
        return (Matrix(self.d_ff, self.d_model),) * (2 if self.gated else 1)

    @property
    def down(self) -> tuple[Matrix, ...]:
        """Down projection: D outputs of F inputs."""
        return (Matrix(self.d_model, self.d_ff),)

    @property
    def lm_head(self) -> tuple[Matrix, ...]:
        """Vocabulary projection, empty when the model gives no vocabulary."""
        if self.vocab_size is None:
            return ()
        return (Matrix(self.vocab_size, self.d_model),)
