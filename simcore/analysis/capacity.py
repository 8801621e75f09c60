"""What must fit and how tokens follow each other: HBM bytes, period of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from simcore.program.burst import BurstProgram
from simcore.program.layer import LayerBuilder
from simcore.program.movement import ACTIVATION_BYTES
from simcore.program.operation import HBM


@dataclass(frozen=True)
class HbmCapacity:
    """What HBM holds at the longest context.

    Attributes
    ----------
    longest_context_tokens : int
        Tokens of one request, committed and prompt.
    kv_bytes : int
        Their keys and values in all layers; a sliding window keeps only its tokens.
    embedding_bytes, lm_head_bytes : int
        Tables that live in HBM as well.
    capacity_bytes : int or None
        Of the HBM; None: no limit is given.
    """

    longest_context_tokens: int
    kv_bytes: int
    embedding_bytes: int
    lm_head_bytes: int
    capacity_bytes: int | None

    @property
    def needed_bytes(self) -> int:
        """All together."""
        return self.kv_bytes + self.embedding_bytes + self.lm_head_bytes

    @property
    def fits(self) -> bool | None:
        """Whether it fits; None when no capacity is given."""
        if self.capacity_bytes is None:
            return None
        return self.needed_bytes <= self.capacity_bytes

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "longest_context_tokens": self.longest_context_tokens,
            "kv_bytes": self.kv_bytes,
            "embedding_bytes": self.embedding_bytes,
            "lm_head_bytes": self.lm_head_bytes,
            "needed_bytes": self.needed_bytes,
            "capacity_bytes": self.capacity_bytes,
            "fits": self.fits,
        }


def hbm_capacity(program: BurstProgram, longest_context: int) -> HbmCapacity | None:
    """What HBM must hold; None when the hardware describes no memory.

    Parameters
    ----------
    program : BurstProgram
        Model, hardware and switches.
    longest_context : int
        Tokens of the longest request, prompt and answer.
    """
    model, accounting = program.model, program.accounting
    builder = LayerBuilder(model, program.hardware, accounting, program.draft_length)
    mover = builder.mover
    if mover is None:
        return None
    tokens = sum(
        longest_context if window is None else min(longest_context, window)
        for window in model.layer_windows
    )
    vocabulary = model.vocab_size or 0
    extra = accounting.extra_features == "on"
    table = vocabulary * model.d_model * ACTIVATION_BYTES
    return HbmCapacity(
        longest_context_tokens=longest_context,
        kv_bytes=tokens * mover.kv_bytes("hbm"),
        embedding_bytes=table if extra else 0,
        lm_head_bytes=(
            vocabulary * model.d_model if extra and accounting.lm_head == "dpu" else 0
        ),
        capacity_bytes=mover.memory.hbm.capacity_bytes,
    )


@dataclass(frozen=True)
class PipelineTimes:
    """A layer pipeline filled with verify steps.

    Attributes
    ----------
    token_period_ns : float
        Between two tokens that leave it: the slowest layer, or the HBM of all layers.
    end_to_end_latency_ns : float
        Of one token through all layers, alone.
    bound_by : str
        What sets the period: `layer` or `hbm`.
    """

    token_period_ns: float
    end_to_end_latency_ns: float
    bound_by: str

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            "token_period_ns": self.token_period_ns,
            "end_to_end_latency_ns": self.end_to_end_latency_ns,
            "bound_by": self.bound_by,
        }


def pipeline_times(program: BurstProgram, context_length: int) -> PipelineTimes | None:
    """Period and latency of verify steps; None when the schedule is serialized.

    Parameters
    ----------
    program : BurstProgram
        What a burst executes.
    context_length : int
        Context at burst start; the first verify step is looked at.
    """
    if not program.policy.pipelined:
        return None
    step = program.verify[0]
    total = hbm = slowest = 0.0
    stays: dict[int, tuple[float, float]] = {}
    for part in step.layers:
        if id(part) not in stays:
            context = part.context(context_length + step.index)
            stay = served = 0.0
            for legs in part.positions:
                stay += max(op.ns_at(context) for op in legs)
                served += sum(op.ns_at(context) for op in legs if HBM in op.resources)
            stays[id(part)] = (stay, served)
        stay, served = stays[id(part)]
        total, hbm, slowest = total + stay, hbm + served, max(slowest, stay)
    return PipelineTimes(
        token_period_ns=max(slowest, hbm),
        end_to_end_latency_ns=total,
        bound_by="hbm" if hbm > slowest else "layer",
    )
