"""When the requests that share a chip arrive."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, model_validator

from simcore.config.base import AS_TUPLE, FieldIssue, FrozenConfig, raise_issues
from simcore.errors import printable

#: Fields that a kind of arrival needs; it knows no others.
_NEEDS = {"all_at_once": (), "poisson": ("rate_per_s",), "trace": ("times_ns",)}


class ArrivalConfig(FrozenConfig):
    """Arrival of the requests of one replication; `all_at_once` may stand alone."""

    kind: Literal["all_at_once", "poisson", "trace"] = Field(
        default="all_at_once",
        description=(
            "all_at_once: every request at time 0; poisson: independent arrivals at "
            "rate_per_s; trace: at times_ns."
        ),
    )
    rate_per_s: Annotated[float, Field(ge=1e-6, le=1e12)] | None = Field(
        default=None, description="Mean requests per second (poisson only)."
    )
    times_ns: (
        Annotated[
            tuple[Annotated[float, Field(ge=0, le=1e15)], ...],
            AS_TUPLE,
            Field(min_length=1, max_length=100_000),
        ]
        | None
    ) = Field(
        default=None,
        description="Arrival of each request of a replication in ns (trace only).",
    )

    @model_validator(mode="after")
    def _check_kind(self) -> ArrivalConfig:
        issues = []
        for name in ("rate_per_s", "times_ns"):
            value, needed = getattr(self, name), name in _NEEDS[self.kind]
            if needed and value is None:
                issues.append(
                    FieldIssue(
                        (name,),
                        message="missing",
                        allowed=f"required with kind '{self.kind}'",
                    )
                )
            elif value is not None and not needed:
                issues.append(
                    FieldIssue(
                        (name,),
                        got=printable(value),
                        allowed=f"must be absent with kind '{self.kind}'",
                    )
                )
        raise_issues(issues)
        return self
