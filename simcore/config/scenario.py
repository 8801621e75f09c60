"""One experiment: model, hardware, acceptance, workload and how to run them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import Field, model_validator

from simcore.config.acceptance import (
    AcceptanceConfig,
    BurstReplayAcceptance,
    DraftLength,
    FixedAcceptance,
    HistogramAcceptance,
    MarkovAcceptance,
    natural_draft_length,
)
from simcore.config.accounting import AccountingConfig
from simcore.config.arrival import ArrivalConfig
from simcore.config.base import (
    AS_TUPLE,
    RESOLVED_ONLY,
    FieldIssue,
    FrozenConfig,
    Name,
    Text,
    Tokens,
    raise_issues,
)
from simcore.config.hardware import HardwareConfig, Schedule
from simcore.config.model import ModelConfig
from simcore.config.reading import LENIENT_PROFILE
from simcore.config.schedule_names import SHIPPED_SCHEDULES
from simcore.config.sweep import SweepConfig
from simcore.errors import printable

#: What the public calculator knows.
_CALCULATOR_SCHEDULES = ("serialized", "layer-pipelined")


class WorkloadConfig(FrozenConfig):
    """What is decoded."""

    mode: Literal["generation", "burst"] = Field(
        default="generation",
        description=(
            "generation: requests grow until max_tokens; burst: every burst is a "
            "request of its own at the context of the prompt."
        ),
    )
    prompt_length: Annotated[int, Field(ge=0, le=100_000_000)] = Field(
        description=(
            "Tokens before the first burst; 0 only with accounting profile "
            "selfspec-calculator."
        )
    )
    draft_length: DraftLength = Field(
        description="Drafted tokens per burst (K); default: the acceptance's k."
    )
    max_tokens: Tokens | None = Field(
        default=None, description="Tokens per request (generation only)."
    )
    requests: Annotated[int, Field(ge=1, le=100_000_000)] = Field(
        default=1, description="Requests to simulate."
    )

    @model_validator(mode="after")
    def _check_max_tokens(self) -> WorkloadConfig:
        if self.mode == "generation" and self.max_tokens is None:
            raise_issues(
                [
                    FieldIssue(
                        ("max_tokens",),
                        message="missing",
                        allowed="required with mode 'generation'",
                    )
                ]
            )
        if self.mode == "burst" and self.max_tokens is not None:
            raise_issues(
                [
                    FieldIssue(
                        ("max_tokens",),
                        got=printable(self.max_tokens),
                        allowed="must be absent with mode 'burst'",
                        hint="A burst is one request; use workload.requests.",
                    )
                ]
            )
        return self


class _Settings(FrozenConfig):
    """Fields that mean the same as written and as resolved."""

    description: Text | None = Field(default=None, description="What it shows.")
    accounting: AccountingConfig = Field(
        default_factory=AccountingConfig, description="Modelling switches."
    )
    workload: WorkloadConfig = Field(description="What is decoded.")
    verification: Literal["full_burst", "stop_at_mismatch"] = Field(
        default="full_burst",
        description=(
            "full_burst: all K + 1 verify steps always run; stop_at_mismatch: what "
            "has not started when a mismatch shows is cancelled."
        ),
    )
    streams: Annotated[int, Field(ge=1, le=100_000)] = Field(
        default=1, description="Requests that share a chip: one replication."
    )
    arrival: ArrivalConfig = Field(
        default_factory=ArrivalConfig,
        description="When the requests of a replication arrive.",
    )
    jitter_cv: Annotated[float, Field(ge=0, le=10)] = Field(
        default=0.0,
        description=(
            "Coefficient of variation of a lognormal factor of mean 1 on every "
            "hold's duration; 0: none."
        ),
    )
    seed: Annotated[int, Field(ge=0, le=2**63 - 1)] = Field(
        default=1, description="Seed of every random draw."
    )
    trace: Literal["auto", "none", "bursts", "sample", "full"] = Field(
        default="auto",
        description=(
            "What a run folder keeps. full: every hold; sample: the holds of the first "
            "trace_requests requests, and every burst; bursts: one row per burst and "
            "per request; none: totals only; auto: full while it is small, else bursts."
        ),
    )
    trace_requests: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        default=None,
        description=(
            "Requests whose holds are kept, rounded up to whole replications (sample "
            "only)."
        ),
    )
    shard_replications: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        default=None,
        description=(
            "Replications in one shard: what a worker does at a time, what an "
            "interrupted run keeps, and one part file of events. Default: by size."
        ),
    )
    engine: Literal["auto", "simpy", "fast"] = Field(
        default="auto",
        description=(
            "simpy: the readable reference; fast: compiled, the same results bit for "
            "bit; auto: fast where it can be used."
        ),
    )
    load_warnings: Annotated[tuple[Text, ...], AS_TUPLE] = Field(
        default=(),
        description="What a lenient reading passed over.",
        json_schema_extra=RESOLVED_ONLY,
    )


class ScenarioFile(_Settings):
    """A scenario as written, its three parts not looked at yet."""

    name: Name | None = Field(default=None, description="Default: the file's name.")
    model: Any = Field(description="File, shipped name or mapping.")
    hardware: Any = Field(description="File, shipped name or mapping.")
    acceptance: Any = Field(description="File, shipped name or mapping.")
    schedule: Schedule | None = Field(
        default=None, description="Default: the hardware's soc.schedule."
    )
    sweep: SweepConfig | None = Field(
        default=None,
        description="Points for `simcore sweep`; a run alone does not look at it.",
    )


class ScenarioConfig(_Settings):
    """Everything a run needs, resolved."""

    name: Name = Field(description="Name in reports and of the run folder.")
    model: ModelConfig = Field(description="The language model.")
    hardware: HardwareConfig = Field(description="The accelerator.")
    acceptance: AcceptanceConfig = Field(description="Accepted drafts per burst.")
    schedule: Schedule = Field(
        description="How holds follow each other; default: the hardware's soc.schedule."
    )

    @model_validator(mode="after")
    def _check_parts_fit(self) -> ScenarioConfig:
        raise_issues(
            list(
                scenario_issues(
                    self.model,
                    self.hardware,
                    self.acceptance,
                    self.workload,
                    self.accounting,
                )
            )
            + list(settings_issues(self, self.schedule))
        )
        return self

    @property
    def event_only(self) -> tuple[str, ...]:
        """What no formula follows: only the event simulation shows its effect."""
        found = []
        if self.streams > 1:
            found.append(f"streams: {self.streams} requests share the chip")
        if self.schedule == "overlap" and self.workload.draft_length:
            found.append(
                "schedule overlap: drafts of the next burst beside verification"
            )
        if self.schedule not in SHIPPED_SCHEDULES:
            found.append(f"schedule {self.schedule}: it is not one of simcore's own")
        if self.verification != "full_burst" and self.workload.draft_length:
            found.append(f"verification {self.verification}")
        if self.jitter_cv:
            found.append(f"jitter_cv {self.jitter_cv:g}: durations are random")
        return tuple(found)

    @property
    def bursts_repeat(self) -> bool:
        """Whether bursts of equal context and outcome take equal times.

        Each then has the chip to itself, and nothing but the outcome is random.
        """
        return self.streams == 1 and not self.jitter_cv

    @property
    def warnings(self) -> tuple[str, ...]:
        """What a report must say beside the results."""
        return tuple(scenario_warnings(self))


def scenario_issues(
    model: ModelConfig | None,
    hardware: HardwareConfig | None,
    acceptance: AcceptanceConfig | None,
    workload: WorkloadConfig | None,
    accounting: AccountingConfig | None,
) -> Iterator[FieldIssue]:
    """Rules between the parts; a part that is None is not checked.

    Yields
    ------
    FieldIssue
        With paths from the top of the scenario.
    """
    if model is not None and accounting is not None:
        yield from _head_dim_issues(model, accounting)
    if workload is None:
        return
    compatible = accounting is not None and accounting.profile == LENIENT_PROFILE
    if workload.prompt_length == 0 and accounting is not None and not compatible:
        yield FieldIssue(
            ("workload", "prompt_length"),
            got="0",
            allowed="must be an integer between 1 and 100000000",
        )
    if acceptance is not None:
        yield from _draft_length_issues(acceptance, workload)
    if hardware is not None:
        yield from _context_issues(hardware, workload, compatible)
    if model is not None:
        yield from _window_issues(model, workload)


def settings_issues(
    settings: ScenarioFile | ScenarioConfig, schedule: Schedule
) -> Iterator[FieldIssue]:
    """Rules between the settings of a scenario.

    Parameters
    ----------
    settings : ScenarioFile or ScenarioConfig
        The scenario's own fields.
    schedule : str
        The schedule in use.

    Yields
    ------
    FieldIssue
        With paths from the top of the scenario.
    """
    streams, arrival = settings.streams, settings.arrival
    if settings.workload.requests % streams:
        yield FieldIssue(
            ("workload", "requests"),
            got=printable(settings.workload.requests),
            allowed=f"must be a multiple of streams ({streams})",
            hint="streams requests share one chip: a replication.",
        )
    if arrival.times_ns is not None and len(arrival.times_ns) != streams:
        yield FieldIssue(
            ("arrival", "times_ns"),
            got=f"{len(arrival.times_ns)} times",
            allowed=f"must be one time for each of streams ({streams}) requests",
        )
    yield from _trace_issues(settings)
    compatible = settings.accounting.profile == LENIENT_PROFILE
    if compatible and schedule not in _CALCULATOR_SCHEDULES:
        yield FieldIssue(
            ("schedule",),
            got=printable(schedule),
            allowed=(
                f"must be {' or '.join(_CALCULATOR_SCHEDULES)} with profile "
                f"{LENIENT_PROFILE}"
            ),
            hint="Use accounting: physical.",
        )


def _trace_issues(settings: ScenarioFile | ScenarioConfig) -> Iterator[FieldIssue]:
    wanted = settings.trace == "sample"
    if wanted and settings.trace_requests is None:
        yield FieldIssue(
            ("trace_requests",),
            message="missing",
            allowed="required with trace 'sample'",
        )
    elif not wanted and settings.trace_requests is not None:
        yield FieldIssue(
            ("trace_requests",),
            got=printable(settings.trace_requests),
            allowed=f"must be absent with trace '{settings.trace}'",
        )


def _head_dim_issues(
    model: ModelConfig, accounting: AccountingConfig
) -> Iterator[FieldIssue]:
    if accounting.head_dim == "derived" and model.d_model % model.n_heads:
        yield FieldIssue(
            ("accounting", "head_dim"),
            got="'derived'",
            allowed=(
                f"needs d_model ({model.d_model}) that must be divisible by n_heads "
                f"({model.n_heads})"
            ),
            hint="Use explicit.",
        )


def _draft_length_issues(
    acceptance: AcceptanceConfig, workload: WorkloadConfig
) -> Iterator[FieldIssue]:
    k = workload.draft_length
    measured = natural_draft_length(acceptance)
    if measured is not None and k > measured:
        yield FieldIssue(
            ("workload", "draft_length"),
            got=printable(k),
            allowed=f"must be at most {measured}, the k of the acceptance",
            hint="Nothing is known beyond it; measure at a larger k.",
        )
    if isinstance(acceptance, FixedAcceptance) and acceptance.accepted > k:
        yield FieldIssue(
            ("acceptance", "accepted"),
            got=printable(acceptance.accepted),
            allowed=f"must be at most workload.draft_length ({k})",
        )


def _context_issues(
    hardware: HardwareConfig, workload: WorkloadConfig, compatible: bool
) -> Iterator[FieldIssue]:
    if hardware.memory is None:
        return
    limit = hardware.memory.kv_cache.max_context_tokens
    if limit is None:
        return
    if workload.mode == "burst" and compatible:
        # The public calculator leaves the bonus token out.
        need = workload.prompt_length + workload.draft_length
        what = "prompt_length + draft_length"
    elif workload.mode == "burst":
        need = workload.prompt_length + workload.draft_length + 1
        what = "prompt_length + draft_length + 1"
    else:
        need = (
            workload.prompt_length + (workload.max_tokens or 0) + workload.draft_length
        )
        what = "prompt_length + max_tokens + draft_length"
    if need > limit:
        yield FieldIssue(
            ("workload", "prompt_length"),
            message="Max context capacity exceeded",
            got=f"{what} = {need}",
            allowed=(
                f"must be at most hardware.memory.kv_cache.max_context_tokens ({limit})"
            ),
        )


def _window_issues(
    model: ModelConfig, workload: WorkloadConfig
) -> Iterator[FieldIssue]:
    windows = [window for window in model.layer_windows if window is not None]
    if windows and min(windows) <= workload.draft_length + 1:
        yield FieldIssue(
            ("model", "sliding_window"),
            got=printable(min(windows)),
            allowed=f"must be > draft_length + 1 ({workload.draft_length + 1})",
        )


def scenario_warnings(scenario: ScenarioConfig) -> list[str]:
    """Say what a reader of the results must know.

    Parameters
    ----------
    scenario : ScenarioConfig
        A valid scenario.
    """
    found = list(scenario.load_warnings)
    k = scenario.workload.draft_length
    acceptance = scenario.acceptance
    if (
        isinstance(
            acceptance, HistogramAcceptance | BurstReplayAcceptance | MarkovAcceptance
        )
        and k < acceptance.k
    ):
        found.append(
            f"draft_length {k} is below the k = {acceptance.k} of the acceptance: "
            f"min(a, {k}) is used, which is biased; a position replay serves any "
            "draft_length."
        )
    if isinstance(acceptance, MarkovAcceptance) and scenario.workload.mode == "burst":
        found.append(
            "In mode burst every burst is the first of its request: bursts do not "
            "depend on each other, whatever acceptance.transitions says."
        )
    if scenario.event_only:
        found.append(
            "The closed form is that of one request alone, all verify steps, nothing "
            "drafted ahead and no jitter; it does not follow "
            + "; ".join(scenario.event_only)
            + "."
        )
    limit = scenario.model.max_position_embeddings
    last = scenario.workload.prompt_length + (scenario.workload.max_tokens or 1)
    if limit is not None and last > limit:
        found.append(
            f"prompt_length + max_tokens = {last} is beyond the model's "
            f"max_position_embeddings ({limit})."
        )
    return found
