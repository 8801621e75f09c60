"""One burst: K draft steps, K + 1 verify steps, one commit, as layers of operations.

This is the static program of a chip for a model: no clock, no randomness. The closed
form composes it by formula; `table.py` lays it out as numbered operations with
predecessors for the engines and the trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import HardwareConfig
from simcore.config.model import ModelConfig
from simcore.config.scenario import ScenarioConfig
from simcore.errors import ProgramError
from simcore.program.layer import LayerBuilder
from simcore.program.movement import ACTIVATION_BYTES
from simcore.program.operation import LayerStep, Phase
from simcore.program.shape import outputs
from simcore.program.table import OperationTable

Schedule = Literal["serialized", "layer-pipelined"]


@dataclass(frozen=True)
class Step:
    """One token through all layers.

    Attributes
    ----------
    phase : Phase
        `draft`, `verify_drafted` or `verify_bonus`.
    index : int
        Position in the burst: the step sees a context of L + index tokens.
    layers : tuple of LayerStep
        One for each layer, and last the head (pseudo-layer N), which may be empty.
    """

    phase: Phase
    index: int
    layers: tuple[LayerStep, ...]


@dataclass(frozen=True)
class BurstProgram:
    """The operations of one burst of `draft_length` drafts under one schedule.

    Attributes
    ----------
    draft : tuple of Step
        K draft steps.
    setup : LayerStep
        Once a burst, before the first verify step.
    verify : tuple of Step
        K verify steps of drafted tokens and the bonus step.
    commit : tuple of LayerStep
        One for each layer; all start when the last verify step has ended.
    speculative_bytes : int
        Speculative KV in SRAM from burst start to commit end: N (K + 1) tokens.
    shared_bytes_per_token : int
        SRAM a cached token takes in the buffer that verify steps share; 0 when every
        step reads HBM.
    """

    model: ModelConfig
    hardware: HardwareConfig
    accounting: AccountingConfig
    schedule: Schedule
    draft_length: int
    draft: tuple[Step, ...]
    setup: LayerStep
    verify: tuple[Step, ...]
    commit: tuple[LayerStep, ...]
    speculative_bytes: int
    shared_bytes_per_token: int = 0

    def sram_bytes(self, context_length: int) -> int:
        """SRAM that a burst reserves when it starts at `context_length`."""
        return self.speculative_bytes + context_length * self.shared_bytes_per_token

    @property
    def n_layers(self) -> int:
        """Layers of the model, without the head."""
        return self.model.n_layers

    @property
    def steps(self) -> Iterator[Step]:
        """All steps, draft first."""
        yield from self.draft
        yield from self.verify

    @cached_property
    def table(self) -> OperationTable:
        """The numbered operations with resources and predecessors."""
        return OperationTable.of(self)


def build_burst_program(
    model: ModelConfig,
    hardware: HardwareConfig,
    draft_length: int,
    accounting: AccountingConfig | None = None,
    schedule: Schedule = "serialized",
    *,
    baseline: bool = False,
    longest_context: int = 1,
) -> BurstProgram:
    """Lay out one burst.

    Parameters
    ----------
    draft_length : int
        K, >= 0. With 0 the burst is one full step and its commit.
    baseline : bool
        Build the no-speculation baseline: K = 0, and no verify setup unless the
        switch `baseline_setup` is on.
    longest_context : int
        Largest context length at which a burst will start, for the SRAM's capacity.

    Raises
    ------
    ProgramError
        If what a burst keeps in SRAM does not fit, or a sliding window is
        not longer than the burst.
    """
    accounting = accounting or AccountingConfig()
    if draft_length < 0 or (baseline and draft_length):
        raise ProgramError(f"draft_length {draft_length} is not possible here")
    builder = LayerBuilder(model, hardware, accounting, draft_length)
    _check_windows(model, draft_length)
    speculative_bytes = _speculative_bytes(builder, draft_length)
    shared_bytes = _shared_bytes_per_token(builder, draft_length, schedule)
    _check_shared_buffer(builder, speculative_bytes, shared_bytes, longest_context)
    _check_draft_store(builder, draft_length)
    verify_setup = not baseline or accounting.baseline_setup == "on"
    return BurstProgram(
        model=model,
        hardware=hardware,
        accounting=accounting,
        schedule=schedule,
        draft_length=draft_length,
        draft=tuple(_step(builder, "draft", i) for i in range(draft_length)),
        setup=builder.setup(
            verify=verify_setup,
            # A single step fills no pipeline: its layers work one after another.
            pipelined=schedule == "layer-pipelined" and draft_length > 0,
        ),
        verify=(
            *(_step(builder, "verify_drafted", j) for j in range(draft_length)),
            _step(builder, "verify_bonus", draft_length),
        ),
        commit=(builder.commit(),) * model.n_layers,
        speculative_bytes=speculative_bytes,
        shared_bytes_per_token=shared_bytes,
    )


def scenario_program(scenario: ScenarioConfig, *, events: bool = False) -> BurstProgram:
    """The burst program of a scenario.

    Parameters
    ----------
    events : bool
        For the event simulation: switches that exist only in the closed form take
        the value that events follow.
    """
    accounting = scenario.accounting
    return build_burst_program(
        scenario.model,
        scenario.hardware,
        scenario.workload.draft_length,
        accounting.for_events() if events else accounting,
        scenario.schedule,
        baseline=scenario.workload.draft_length == 0,
        longest_context=longest_context(scenario),
    )


def longest_context(scenario: ScenarioConfig) -> int:
    """Largest context length at which a burst of the scenario can start."""
    workload = scenario.workload
    return workload.prompt_length + max(0, (workload.max_tokens or 1) - 1)


def baseline_program(program: BurstProgram) -> BurstProgram:
    """The same chip, model, schedule and switches without speculation (K = 0)."""
    return build_burst_program(
        program.model,
        program.hardware,
        0,
        program.accounting,
        program.schedule,
        baseline=True,
    )


def _step(builder: LayerBuilder, phase: Phase, index: int) -> Step:
    """One step; layers of the same kind share one LayerStep object."""
    model = builder.model
    seen: dict[object, LayerStep] = {}
    layers = []
    for layer in range(model.n_layers):
        kind = (
            layer == 0,
            model.layer_windows[layer],
            model.block_policy(layer),
            model.moe is not None and model.moe.layer_is_moe[layer],
        )
        if kind not in seen:
            seen[kind] = builder.layer(phase, index, layer)
        layers.append(seen[kind])
    return Step(phase, index, (*layers, builder.head(phase)))


def _check_windows(model: ModelConfig, draft_length: int) -> None:
    windows = [w for w in model.layer_windows if w is not None]
    if windows and min(windows) <= draft_length + 1:
        raise ProgramError(
            f"sliding window of {min(windows)} tokens is not longer than a burst of "
            f"draft_length {draft_length} + 1; use a smaller draft_length"
        )


def _speculative_bytes(builder: LayerBuilder, draft_length: int) -> int:
    """SRAM bytes a burst reserves: N (K + 1) tokens of packed KV."""
    if builder.mover is None:
        return 0
    model, sram = builder.model, builder.mover.memory.sram
    needed = model.n_layers * (draft_length + 1) * builder.mover.kv_bytes("sram")
    if sram.capacity_bytes is not None and needed > sram.capacity_bytes:
        fits = sram.capacity_bytes // (model.n_layers * builder.mover.kv_bytes("sram"))
        raise ProgramError(
            f"a burst of draft_length {draft_length} holds {needed} bytes of "
            f"speculative KV ({model.n_layers} layers x {draft_length + 1} tokens), "
            f"but the SRAM has {sram.capacity_bytes}; "
            + (
                f"draft_length {fits - 1} would fit"
                if fits >= 1
                else "not even one token fits"
            )
        )
    return needed


def _shared_bytes_per_token(
    builder: LayerBuilder, draft_length: int, schedule: Schedule
) -> int:
    """SRAM a cached token takes in the buffer of verify steps that share one read.

    In the pipelined schedule steps follow each other through the layers, so at most
    min(K + 1, N) layers hold their cache at once; in the serialized one a step
    passes all layers before the next step reads the first.
    """
    if (
        builder.mover is None
        or builder.accounting.kv_read_sharing == "per_step"
        or draft_length == 0
    ):
        return 0
    layers = builder.model.n_layers
    if schedule == "layer-pipelined":
        layers = min(draft_length + 1, layers)
    return layers * builder.mover.kv_bytes("hbm")


def _check_shared_buffer(
    builder: LayerBuilder, speculative: int, per_token: int, longest_context: int
) -> None:
    if builder.mover is None or not per_token:
        return
    capacity = builder.mover.memory.sram.capacity_bytes
    needed = speculative + per_token * longest_context
    if capacity is not None and needed > capacity:
        raise ProgramError(
            "accounting.kv_read_sharing: per_burst keeps the cache of "
            f"{longest_context} tokens in SRAM: {needed} bytes with the speculative "
            f"KV, but the SRAM has {capacity}; use per_step, a shorter context or a "
            "larger SRAM"
        )


def draft_store_bytes(builder: LayerBuilder, draft_length: int) -> int:
    """Bytes of draft results that a burst keeps: K steps of every block's outputs."""
    kept = 0
    for layer in range(builder.model.n_layers):
        shape = builder.shape(layer)
        groups = (shape.qkv, shape.q_up, shape.k_absorb, shape.v_up, shape.wo)
        kept += sum(outputs(group) for group in (*groups, shape.gate_up, shape.down))
    return draft_length * kept * ACTIVATION_BYTES


def _check_draft_store(builder: LayerBuilder, draft_length: int) -> None:
    if builder.mover is None or builder.hardware.reuse_policy == "reread":
        return
    store = builder.mover.memory.d_reg
    if store is None or store.capacity_bytes is None:
        return
    needed = draft_store_bytes(builder, draft_length)
    if needed > store.capacity_bytes:
        raise ProgramError(
            f"reuse keeps {needed} bytes of draft results at draft_length "
            f"{draft_length}, but memory.d_reg has {store.capacity_bytes}; use a "
            "smaller draft_length or reuse_policy reread"
        )
