"""How many drafted tokens a burst accepts: measured, replayed or assumed.

Convention everywhere: `accepted` counts accepted drafts, the bonus token excluded.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from simcore.config.base import (
    AS_TUPLE,
    INTEGER_KEYS,
    MAX_DRAFT_LENGTH,
    FieldIssue,
    FrozenConfig,
    Text,
    raise_issues,
)
from simcore.config.closed_class import closed_class
from simcore.errors import printable

DraftLength = Annotated[int, Field(ge=0, le=MAX_DRAFT_LENGTH)]
Weight = Annotated[float, Field(ge=0, le=1e15)]
Accepted = Annotated[int, Field(ge=0, le=MAX_DRAFT_LENGTH)]
Committed = Annotated[int, Field(ge=1, le=MAX_DRAFT_LENGTH + 1)]


#: What a file may say of its numbers; see `_Acceptance.status`.
Status = Literal["measured", "published", "derived", "assumed"]


class _Acceptance(FrozenConfig):
    status: Status | None = Field(default=None, description="How it is known.")
    source: Text | None = Field(default=None, description="Where it was measured.")
    label: Text | None = Field(
        default=None, description='Caveat for reports, e.g. "proxy: different drafter".'
    )


def _check_weights(value: Any) -> Any:
    if isinstance(value, dict):
        raise_issues(
            [
                FieldIssue(
                    (bin_,), got=printable(weight), allowed="must be non-negative"
                )
                for bin_, weight in value.items()
                if isinstance(weight, int | float) and weight < 0
            ]
        )
    return value


class HistogramAcceptance(_Acceptance):
    """Independent bursts from measured counts (`stats.json`)."""

    kind: Literal["histogram"] = Field(
        default="histogram", description="Independent bursts from a histogram."
    )
    convention: Literal["accepted"] = Field(
        default="accepted",
        description="What is counted: accepted drafts, the bonus token excluded.",
    )
    k: DraftLength = Field(description="Draft length at which it was measured.")
    histogram: Annotated[
        dict[int, Weight], INTEGER_KEYS, BeforeValidator(_check_weights)
    ] = Field(
        description="Accepted drafts (0..k) to count or weight; the bonus is excluded."
    )

    @model_validator(mode="after")
    def _check_histogram(self) -> HistogramAcceptance:
        issues = [
            FieldIssue(
                ("histogram", accepted),
                message=f"histogram bin {accepted} is out of range",
                allowed=f"must be between 0 and k = {self.k}",
                hint="Bins count accepted drafts, the bonus token excluded.",
            )
            for accepted in self.histogram
            if not 0 <= accepted <= self.k
        ]
        if not self.histogram:
            issues.append(
                FieldIssue(("histogram",), message="histogram must not be empty")
            )
        elif math.fsum(self.histogram.values()) <= 0:
            issues.append(
                FieldIssue(("histogram",), message="histogram sum must be > 0")
            )
        raise_issues(issues)
        return self


class GeometricAcceptance(_Acceptance):
    """Every drafted token is accepted with the same probability, independently."""

    kind: Literal["geometric"] = Field(
        default="geometric", description="One acceptance rate for every token."
    )
    rate: Annotated[float, Field(ge=0, le=1)] = Field(
        description="Probability that a drafted token is accepted (alpha)."
    )


class FixedAcceptance(_Acceptance):
    """Every burst accepts the same number of drafts."""

    kind: Literal["fixed"] = Field(
        default="fixed", description="The same outcome in every burst."
    )
    accepted: Accepted = Field(description="Accepted drafts, the bonus excluded.")


class BurstReplayAcceptance(_Acceptance):
    """Recorded bursts, replayed in order."""

    kind: Literal["burst_replay"] = Field(
        default="burst_replay", description="Recorded bursts in order."
    )
    convention: Literal["accepted"] = Field(
        default="accepted",
        description="What is counted: accepted drafts, the bonus token excluded.",
    )
    k: DraftLength = Field(description="Draft length of the recording.")
    requests: Annotated[
        tuple[
            Annotated[tuple[Accepted, ...], AS_TUPLE, Field(min_length=1)],
            ...,
        ],
        AS_TUPLE,
        Field(min_length=1),
    ] = Field(description="Per request, accepted drafts of each burst, bonus excluded.")

    @model_validator(mode="after")
    def _check_requests(self) -> BurstReplayAcceptance:
        raise_issues(
            [
                FieldIssue(
                    ("requests", request, burst),
                    got=printable(accepted),
                    allowed=f"must be between 0 and k = {self.k}",
                    hint="Accepted drafts, the bonus token excluded.",
                )
                for request, bursts in enumerate(self.requests)
                for burst, accepted in enumerate(bursts)
                if accepted > self.k
            ]
        )
        return self


class PositionReplayAcceptance(_Acceptance):
    """What a burst starting at each token position would commit; serves any K."""

    kind: Literal["position_replay"] = Field(
        default="position_replay", description="Outcome per token position."
    )
    convention: Literal["committed"] = Field(
        default="committed",
        description="What is counted: committed tokens, the bonus token included.",
    )
    requests: Annotated[
        tuple[
            Annotated[tuple[Committed, ...], AS_TUPLE, Field(min_length=1)],
            ...,
        ],
        AS_TUPLE,
        Field(min_length=1),
    ] = Field(
        description=(
            "Per request and position, tokens a burst starting there commits, the "
            "bonus included (>= 1)."
        )
    )


class MarkovAcceptance(_Acceptance):
    """Bursts that depend on the burst before: a chain of accepted lengths."""

    kind: Literal["markov"] = Field(
        default="markov", description="Each burst depends on the one before."
    )
    k: DraftLength = Field(description="Draft length at which it was measured.")
    transitions: Annotated[
        tuple[Annotated[tuple[Weight, ...], AS_TUPLE], ...], AS_TUPLE
    ] = Field(
        description=(
            "k + 1 rows of k + 1 counts or weights: from the accepted drafts of a "
            "burst (row) to those of the next (column), both 0..k."
        )
    )
    initial: Annotated[tuple[Weight, ...], AS_TUPLE] | None = Field(
        default=None,
        description=(
            "k + 1 weights of the accepted drafts of a request's first burst; default: "
            "as often as in the long run."
        ),
    )

    @model_validator(mode="after")
    def _check_chain(self) -> MarkovAcceptance:
        issues = list(self._shape_issues())
        if not issues and closed_class(self.transitions) is None:
            issues.append(
                FieldIssue(
                    ("transitions",),
                    message="the lengths fall into groups that never meet",
                    allowed="some length must be reachable from every other",
                    hint="Make a scenario of each group.",
                )
            )
        raise_issues(issues)
        return self

    def _shape_issues(self) -> Iterator[FieldIssue]:
        states = self.k + 1
        if len(self.transitions) != states:
            yield FieldIssue(
                ("transitions",),
                got=f"{len(self.transitions)} rows",
                allowed=f"must be k + 1 = {states} rows",
            )
        for path, weights in self._distributions():
            if len(weights) != states:
                yield FieldIssue(
                    path,
                    got=f"{len(weights)} weights",
                    allowed=f"must be k + 1 = {states} weights",
                )
            elif math.fsum(weights) <= 0:
                yield FieldIssue(
                    path,
                    message="sum must be > 0",
                    hint="A length that never occurs still needs a row.",
                )

    def _distributions(
        self,
    ) -> Iterator[tuple[tuple[str | int, ...], tuple[float, ...]]]:
        for length, row in enumerate(self.transitions):
            yield ("transitions", length), row
        if self.initial is not None:
            yield ("initial",), self.initial


AnyAcceptance = (
    HistogramAcceptance
    | GeometricAcceptance
    | FixedAcceptance
    | BurstReplayAcceptance
    | PositionReplayAcceptance
    | MarkovAcceptance
)
AcceptanceConfig = Annotated[AnyAcceptance, Field(discriminator="kind")]

#: Class of each `kind`.
ACCEPTANCE_KINDS: dict[str, type[AnyAcceptance]] = {
    "histogram": HistogramAcceptance,
    "geometric": GeometricAcceptance,
    "fixed": FixedAcceptance,
    "burst_replay": BurstReplayAcceptance,
    "position_replay": PositionReplayAcceptance,
    "markov": MarkovAcceptance,
}

#: Fields of a `stats.json` that only we read, and that may be wrong in a lenient
#: reading. Not `convention`: numbers of another convention must not pass.
ACCEPTANCE_EXTENSIONS = ("source", "label", "status")


#: Kinds that are biased when cut to a shorter draft.
_MEASURED_AT_ONE_K = (HistogramAcceptance, BurstReplayAcceptance, MarkovAcceptance)


def natural_draft_length(acceptance: object) -> int | None:
    """Draft length at which the acceptance was measured; None if it serves any."""
    if isinstance(acceptance, _MEASURED_AT_ONE_K):
        return acceptance.k
    return None
