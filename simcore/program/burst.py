"""One burst: K draft steps, K + 1 verify steps, one commit, as layers of operations.

This is the static program of a chip for a model: no clock, no randomness. The closed
form composes it by formula; `table.py` lays it out as numbered operations with
predecessors for the engines and the trace.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from functools import cached_property

from simcore.config.accounting import AccountingConfig
from simcore.config.hardware import HardwareConfig, Schedule
from simcore.config.model import ModelConfig
from simcore.config.scenario import ScenarioConfig
from simcore.errors import ProgramError
from simcore.program.layer import LayerBuilder
from simcore.program.movement import ACTIVATION_BYTES
from simcore.program.operation import LayerStep, Phase
from simcore.program.schedules import SchedulePolicy, schedule_named
from simcore.program.shape import outputs
from simcore.program.table import OperationTable


@dataclass(frozen=True)
class Step:
    """One token through all layers.

    Attributes
    ----------
    phase : Phase
        `draft`, `verify_drafted`, `verify_bonus` or `draft_ahead`.
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
        Speculative KV in SRAM from burst start to commit end: N (K + 1) tokens, twice
        that where the next burst is drafted ahead.
    cached_bytes_per_token : int
        SRAM that a cached token takes: in the buffer that verify steps share, or in
        the double buffer that reads are prefetched into; 0 when KV streams from HBM.
    cached_tokens_cap : int or None
        Most cached tokens a layer looks at, when every layer has a window.
    ahead : tuple of Step
        K + 1 steps that guess the bonus token and draft the next burst from it, when
        the schedule drafts ahead.
    verification : str
        Name of the verification policy.
    times_transfers : bool
        Whether HBM transfers are timed by the state of the stack as they start, and
        row activations counted.
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
    cached_bytes_per_token: int = 0
    cached_tokens_cap: int | None = None
    ahead: tuple[Step, ...] = ()
    verification: str = "full_burst"
    times_transfers: bool = False

    def sram_bytes(self, context_length: int) -> int:
        """SRAM that a burst reserves when it starts at `context_length`."""
        return sum(self.sram_uses(context_length).values())

    def sram_uses(self, context_length: int) -> dict[str, int]:
        """What a burst that starts at `context_length` keeps in SRAM, by purpose."""
        cached = context_length
        if self.cached_tokens_cap is not None:
            cached = min(cached, self.cached_tokens_cap)
        uses = {"speculative_kv": self.speculative_bytes}
        if self.cached_bytes_per_token:
            name = "kv_double_buffer" if self.policy.kv_buffers else "shared_kv"
            uses[name] = cached * self.cached_bytes_per_token
        return uses

    @cached_property
    def policy(self) -> SchedulePolicy:
        """The schedule as a policy."""
        return schedule_named(self.schedule)

    @property
    def n_layers(self) -> int:
        """Layers of the model, without the head."""
        return self.model.n_layers

    @property
    def steps(self) -> Iterator[Step]:
        """The steps that every burst runs unless it is cut short, draft first."""
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
    counts_activates: bool = False,
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
    counts_activates : bool
        Leave the energy of HBM row activations to be counted in the simulation.

    Raises
    ------
    ProgramError
        If what a burst keeps in SRAM does not fit, or a sliding window is
        not longer than the burst.
    """
    accounting = accounting or AccountingConfig()
    if draft_length < 0 or (baseline and draft_length):
        raise ProgramError(f"draft_length {draft_length} is not possible here")
    policy = schedule_named(schedule)
    ahead = draft_length + 1 if policy.drafts_ahead and draft_length else 0
    builder = LayerBuilder(
        model,
        hardware,
        accounting,
        draft_length,
        prefetches=policy.kv_buffers > 0,
        counts_activates=counts_activates,
    )
    _check_windows(model, draft_length + ahead)
    _check_drafting_ahead(builder, ahead)
    _check_channel(builder)
    _check_draft_store(builder, draft_length, bursts=2 if ahead else 1)
    verify_setup = not baseline or accounting.baseline_setup == "on"
    program = BurstProgram(
        model=model,
        hardware=hardware,
        accounting=accounting,
        schedule=schedule,
        draft_length=draft_length,
        draft=tuple(_step(builder, "draft", i) for i in range(draft_length)),
        setup=builder.setup(
            verify=verify_setup,
            # A single step fills no pipeline: its layers work one after another.
            pipelined=policy.pipelined and draft_length > 0,
        ),
        verify=(
            *(_step(builder, "verify_drafted", j) for j in range(draft_length)),
            _step(builder, "verify_bonus", draft_length),
        ),
        commit=(builder.commit(),) * model.n_layers,
        speculative_bytes=_speculative_bytes(builder, draft_length, bool(ahead)),
        cached_bytes_per_token=_cached_bytes_per_token(builder, draft_length, policy),
        cached_tokens_cap=_cached_tokens_cap(builder),
        # A draft step by all it does; only its place in the burst differs.
        times_transfers=counts_activates,
        ahead=tuple(
            replace(_step(builder, "draft", index), phase="draft_ahead")
            for index in range(draft_length, draft_length + ahead)
        ),
    )
    _check_sram(builder, program, longest_context)
    return program


def scenario_program(scenario: ScenarioConfig, *, events: bool = False) -> BurstProgram:
    """The burst program of a scenario.

    Parameters
    ----------
    events : bool
        For the event simulation: switches that exist only in the closed form take
        the value that events follow.
    """
    accounting = scenario.accounting
    if events and times_transfers(scenario):
        _check_refresh(scenario)
    program = build_burst_program(
        scenario.model,
        scenario.hardware,
        scenario.workload.draft_length,
        accounting.for_events() if events else accounting,
        scenario.schedule,
        baseline=scenario.workload.draft_length == 0,
        longest_context=longest_context(scenario),
        counts_activates=events and times_transfers(scenario),
    )
    return replace(program, verification=scenario.verification)


def times_transfers(scenario: ScenarioConfig) -> bool:
    """Whether HBM transfers are timed by the state of their banks as they start.

    One request at a time always finds the stack idle: there the formula of a long
    transfer is exact by definition.
    """
    memory = scenario.hardware.memory
    return scenario.streams > 1 and memory is not None and memory.hbm.in_use is not None


def _check_refresh(scenario: ScenarioConfig) -> None:
    """Between two refreshes a row is opened and accessed, or nothing is ever served."""
    memory = scenario.hardware.memory
    channel = None if memory is None else memory.hbm.in_use
    if channel is None or channel.refresh == "none":
        return
    interval_ns = channel.value("refresh_interval_ns")
    # Times are rounded to whole ps.
    least_ns = channel.refresh_to_access_ns + 0.01
    if interval_ns < least_ns:
        raise ProgramError(
            f"hardware.memory.hbm.channel.refresh_interval_ns: got {interval_ns:g}; "
            f"must be at least {least_ns:g} where streams share the chip, for a row to "
            "be opened and accessed between two refreshes"
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


def _check_windows(model: ModelConfig, steps: int) -> None:
    windows = [w for w in model.layer_windows if w is not None]
    if windows and min(windows) <= steps + 1:
        raise ProgramError(
            f"sliding window of {min(windows)} tokens is not longer than the "
            f"{steps} steps + 1 of a burst; use a smaller draft_length"
        )


def _check_channel(builder: LayerBuilder) -> None:
    mover = builder.mover
    if (
        mover is not None
        and mover.memory.hbm.in_use is not None
        and builder.accounting.memory_latency == "per_phase"
    ):
        raise ProgramError(
            "memory.hbm.model: channel times every transfer; it needs "
            "accounting.memory_latency: per_access, or memory.hbm.model: bandwidth"
        )


def _check_drafting_ahead(builder: LayerBuilder, ahead: int) -> None:
    """Drafting ahead is legal where array 1 is free while the others verify."""
    if not ahead:
        return
    found = []
    if builder.hardware.reuse_policy != "reuse":
        found.append(
            "hardware.reuse_policy: reuse, so that verification leaves array 1"
        )
    if builder.accounting.dac_banks != 2:
        found.append("accounting.dac_banks: 2, row drivers for both at once")
    if builder.accounting.kv_read_sharing != "per_step":
        found.append("accounting.kv_read_sharing: per_step")
    if found:
        raise ProgramError("schedule overlap needs " + "; and ".join(found))


def _speculative_bytes(builder: LayerBuilder, draft_length: int, ahead: bool) -> int:
    """SRAM bytes a burst reserves: N (K + 1) tokens of packed KV, twice when ahead."""
    if builder.mover is None:
        return 0
    one = builder.model.n_layers * (draft_length + 1) * builder.mover.kv_bytes("sram")
    return 2 * one if ahead else one


def _cached_bytes_per_token(
    builder: LayerBuilder, draft_length: int, policy: SchedulePolicy
) -> int:
    """SRAM a cached token takes in buffers of cached KV.

    Where verify steps share one read and follow each other through the layers, at most
    min(K + 1, N) layers hold their cache at once; one after another, a step passes all
    layers before the next reads the first. Prefetching keeps two layers.
    """
    if builder.mover is None:
        return 0
    layers = builder.model.n_layers
    shared = builder.accounting.kv_read_sharing == "per_burst" and draft_length > 0
    if policy.kv_buffers:
        if builder.accounting.kv_read_sharing == "per_burst":
            raise ProgramError(
                f"schedule {policy.name} has buffers of its own for the KV it reads; "
                "use accounting.kv_read_sharing: per_step"
            )
        kept = min(policy.kv_buffers, layers)
    elif shared:
        kept = min(draft_length + 1, layers) if policy.pipelined else layers
    else:
        kept = 0
    return kept * builder.mover.kv_bytes("hbm")


def _cached_tokens_cap(builder: LayerBuilder) -> int | None:
    windows = [w for w in builder.model.layer_windows if w is not None]
    if len(windows) < len(builder.model.layer_windows):
        return None
    return max(windows)


def _check_sram(
    builder: LayerBuilder, program: BurstProgram, longest_context: int
) -> None:
    """Refuse a burst that can never fit, and say who holds what."""
    if builder.mover is None:
        return
    capacity = builder.mover.memory.sram.capacity_bytes
    uses = program.sram_uses(longest_context)
    needed = sum(uses.values())
    if capacity is None or needed <= capacity:
        return
    layers, k = program.n_layers, program.draft_length
    one_token = layers * builder.mover.kv_bytes("sram")
    parts = [
        f"{uses['speculative_kv']} bytes of speculative KV ({layers} layers x {k + 1} "
        + ("tokens, twice to draft ahead)" if program.ahead else "tokens)")
    ]
    hints = []
    if "shared_kv" in uses:
        parts.append(
            f"{uses['shared_kv']} bytes of cached KV that verify steps share at "
            f"{longest_context} tokens (accounting.kv_read_sharing: per_burst)"
        )
        hints.append("use per_step, a shorter context or a larger SRAM")
    elif "kv_double_buffer" in uses:
        parts.append(
            f"{uses['kv_double_buffer']} bytes of double buffers for the KV of two "
            f"layers at {longest_context} tokens (schedule prefetch)"
        )
        hints.append("use a shorter context, another schedule or a larger SRAM")
    else:
        fits = capacity // (one_token * (2 if program.ahead else 1))
        hints.append(
            f"draft_length {fits - 1} would fit"
            if fits >= 1
            else "not even one token fits"
        )
    raise ProgramError(
        f"a burst of draft_length {k} holds {' and '.join(parts)}, but the SRAM has "
        f"{capacity}; {'; '.join(hints)}"
    )


def draft_store_bytes(builder: LayerBuilder, draft_length: int) -> int:
    """Bytes of draft results that a burst keeps: K steps of every block's outputs."""
    kept = 0
    for layer in range(builder.model.n_layers):
        shape = builder.shape(layer)
        groups = (shape.qkv, shape.q_up, shape.k_absorb, shape.v_up, shape.wo)
        kept += sum(outputs(group) for group in (*groups, shape.gate_up, shape.down))
    return draft_length * kept * ACTIVATION_BYTES


def _check_draft_store(
    builder: LayerBuilder, draft_length: int, *, bursts: int
) -> None:
    if builder.mover is None or builder.hardware.reuse_policy == "reread":
        return
    store = builder.mover.memory.d_reg
    if store is None or store.capacity_bytes is None:
        return
    needed = bursts * draft_store_bytes(builder, draft_length)
    if needed > store.capacity_bytes:
        raise ProgramError(
            f"reuse keeps {needed} bytes of draft results at draft_length "
            f"{draft_length}, but memory.d_reg has {store.capacity_bytes}; use a "
            "smaller draft_length or reuse_policy reread"
        )
