"""Weights that live on the chip: every matrix of every layer, all experts included."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace

from simcore.config.accounting import AccountingConfig
from simcore.config.model import BlockPolicy, ModelConfig
from simcore.program.shape import LayerShape, Matrix

#: Analog blocks in program order, and the draft policy that each follows.
BLOCK_POLICY = {
    "qkv": "qkv",
    "q_up": "qkv",
    "k_absorb": "qkv",
    "v_up": "wo",
    "wo": "wo",
    "gate_up": "ffn",
    "down": "ffn",
}


def resident_layers(
    model: ModelConfig, accounting: AccountingConfig
) -> Iterator[tuple[dict[str, tuple[Matrix, ...]], BlockPolicy, int]]:
    """Kinds of layers: their blocks, their draft policy, and how many there are.

    Parameters
    ----------
    model : ModelConfig
        Shapes and draft policies.
    accounting : AccountingConfig
        Which heads there are.
    """
    kinds: Counter[tuple[bool, BlockPolicy]] = Counter()
    first: dict[tuple[bool, BlockPolicy], int] = {}
    for layer in range(model.n_layers):
        has_experts = model.moe is not None and model.moe.layer_is_moe[layer]
        kind = (has_experts, model.block_policy(layer))
        kinds[kind] += 1
        first.setdefault(kind, layer)
    for kind, times in kinds.items():
        yield _blocks(LayerShape.of(model, accounting, first[kind])), kind[1], times


def resident_blocks(
    model: ModelConfig, accounting: AccountingConfig
) -> dict[str, Counter[Matrix]]:
    """Matrices of the whole chip by block, each with how many there are.

    Parameters
    ----------
    model : ModelConfig
        Shapes.
    accounting : AccountingConfig
        Which heads there are, and whether the vocabulary projection is on tiles.
    """
    found: dict[str, Counter[Matrix]] = {}
    for blocks, _, times in resident_layers(model, accounting):
        for name, matrices in blocks.items():
            counts = found.setdefault(name, Counter())
            for matrix in matrices:
                counts[matrix] += times
    if has_head(model, accounting) and accounting.lm_head == "analog":
        found["lm_head"] = Counter(LayerShape.of(model, accounting).lm_head)
    return found


def has_head(model: ModelConfig, accounting: AccountingConfig) -> bool:
    """Whether final norm, vocabulary projection and sampling are counted."""
    return (
        model.vocab_size is not None
        and accounting.extra_features == "on"
        and accounting.lm_head != "excluded"
    )


def visited_outputs(model: ModelConfig, accounting: AccountingConfig) -> int:
    """Outputs of all analog reads of one token in all layers, the head left out."""
    total = 0
    for layer in range(model.n_layers):
        shape = LayerShape.of(model, accounting, layer)
        total += sum(m.rows_out for name in BLOCK_POLICY for m in getattr(shape, name))
    return total


def tiles(matrix: Matrix, xbar_size: int) -> int:
    """Crossbar tiles of a matrix, rounded up to whole ones in both directions."""
    rows = math.ceil(matrix.rows_out / xbar_size)
    return rows * math.ceil(matrix.columns_in / xbar_size)


def _blocks(shape: LayerShape) -> dict[str, tuple[Matrix, ...]]:
    """Blocks of a layer; one that looks up experts holds all of them."""
    moe = shape.moe
    if moe is not None:
        shape = replace(
            shape, moe=moe.model_copy(update={"experts_per_token": moe.n_experts})
        )
    found = {name: getattr(shape, name) for name in BLOCK_POLICY}
    return {name: matrices for name, matrices in found.items() if matrices}
