"""Shapes that can be read and that the program cannot run."""

from __future__ import annotations

from simcore.config.model import ModelConfig
from simcore.errors import Problem, printable


def unsupported_shape(model: ModelConfig) -> Problem | None:
    """What of a model is not modelled; None when everything is."""
    if model.moe is not None:
        return Problem(
            "moe",
            message="mixture-of-experts models are not modelled",
            got=f"{printable(model.moe.n_experts)} experts",
            hint="Use a dense model.",
        )
    if model.mla is not None:
        return Problem(
            "mla",
            message="multi-head latent attention (MLA) is not modelled",
            got=f"kv_lora_rank {printable(model.mla.kv_lora_rank)}",
            hint="Use a model with grouped-query attention.",
        )
    return None
