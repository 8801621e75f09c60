"""What a sweep runs: the `sweep:` section of a scenario, and the points it means."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from itertools import product
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import Discriminator, Field, Tag, model_validator

from simcore.config.base import (
    AS_TUPLE,
    FieldIssue,
    FrozenConfig,
    Name,
    Text,
    raise_issues,
)
from simcore.errors import printable

_Whole = Annotated[int, Field(ge=-(2**63), le=2**63 - 1)]
_Real = Annotated[float, Field(ge=-1e18, le=1e18)]
#: A value that one field may have; what `--set` can write.
Scalar: TypeAlias = bool | _Whole | _Real | Text | None
#: Values of one point, by dotted field.
PointValues: TypeAlias = Mapping[str, Scalar]
Method = Literal["simulate", "estimate"]

#: A sweep of more points is refused: it is meant by nobody.
MAX_POINTS = 10_000

_Bound = (
    Annotated[int, Field(ge=-(10**15), le=10**15)]
    | Annotated[float, Field(ge=-1e15, le=1e15)]
)


class SweepRange(FrozenConfig):
    """Values from one number to another, the last included where it is met."""

    from_: _Bound = Field(alias="from", description="First value.")
    to: _Bound = Field(description="No value is beyond it.")
    step: _Bound | None = Field(
        default=None, description="Added to each value for the next one; > 0."
    )
    factor: _Bound | None = Field(
        default=None, description="Each value times this is the next one; > 1."
    )

    @model_validator(mode="after")
    def _check_end(self) -> SweepRange:
        issues = []
        if (self.step is None) == (self.factor is None):
            issues.append(
                FieldIssue(
                    ("step",),
                    message="give either step or factor",
                    hint="For example {from: 64, to: 4096, factor: 2}.",
                )
            )
        if self.from_ > self.to:
            issues.append(
                FieldIssue(
                    ("to",),
                    got=printable(self.to),
                    allowed=f"must be >= from ({self.from_})",
                )
            )
        for name, value, least in (("step", self.step, 0), ("factor", self.factor, 1)):
            if value is not None and not value > least:
                issues.append(
                    FieldIssue(
                        (name,),
                        got=printable(value),
                        allowed=f"must be > {least}",
                        hint="It would never end.",
                    )
                )
        if self.factor is not None and self.from_ <= 0:
            issues.append(
                FieldIssue(
                    ("from",),
                    got=printable(self.from_),
                    allowed="must be > 0 with a factor",
                )
            )
        raise_issues(issues)
        return self

    def values(self) -> list[int | float]:
        """Every value in order, at most one more than a sweep may have."""
        # In decimals as written: ten steps of 0.1 make 1, and whole stays whole.
        first, last = Decimal(repr(self.from_)), Decimal(repr(self.to))
        by = Decimal(repr(self.step if self.factor is None else self.factor))
        whole = all(
            isinstance(part, int | None)
            for part in (self.from_, self.step, self.factor)
        )
        found: list[int | float] = []
        value = first
        while value <= last and len(found) <= MAX_POINTS:
            found.append(int(value) if whole else float(value))
            value = value + by if self.factor is None else value * by
        return found


def _form(value: Any) -> str:
    return "range" if isinstance(value, dict | SweepRange) else "values"


_Values = Annotated[
    Annotated[SweepRange, Tag("range")]
    | Annotated[
        Annotated[tuple[Scalar, ...], AS_TUPLE, Field(min_length=1)], Tag("values")
    ],
    Discriminator(_form),
]


class SweepConfig(FrozenConfig):
    """Points that differ in a few fields, and how to work each out."""

    grid: Annotated[dict[Name, _Values], Field(min_length=1)] | None = Field(
        default=None,
        description=(
            "Dotted field to a list of values, or to {from, to, step} or {from, to, "
            "factor}; every combination is a point, the last field changes first."
        ),
    )
    list: (
        Annotated[
            tuple[Annotated[dict[Name, Scalar], Field(min_length=1)], ...],
            AS_TUPLE,
            Field(min_length=1),
        ]
        | None
    ) = Field(
        default=None,
        description="Instead of grid: one mapping of dotted fields to values a point.",
    )
    method: Method = Field(
        default="simulate",
        description="simulate every point, or estimate it by the closed form alone.",
    )
    requests: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        default=None,
        description="Requests of every point (simulate); default: workload.requests.",
    )
    bursts: Annotated[int, Field(ge=1, le=100_000_000)] | None = Field(
        default=None,
        description="Instead: at least so many bursts a point, in whole requests.",
    )
    baseline: bool = Field(
        default=True,
        description=(
            "Simulate each point at K = 0 as well, for speed-up and efficiency; an "
            "estimate always has it."
        ),
    )

    @model_validator(mode="after")
    def _check_sweep(self) -> SweepConfig:
        issues = [*self._form_issues(), *self._field_issues()]
        if self.requests is not None and self.bursts is not None:
            issues.append(FieldIssue(("bursts",), message="give requests or bursts"))
        if self.method == "estimate":
            issues += [
                FieldIssue(
                    (name,),
                    got=printable(getattr(self, name)),
                    allowed="must be absent with method 'estimate'",
                    hint="An estimate simulates nothing.",
                )
                for name in ("requests", "bursts")
                if getattr(self, name) is not None
            ]
            if not self.baseline:
                issues.append(
                    FieldIssue(
                        ("baseline",),
                        got="false",
                        allowed="must be true or absent with method 'estimate'",
                        hint="It costs nothing there.",
                    )
                )
        raise_issues(issues)
        return self

    def _form_issues(self) -> Iterator[FieldIssue]:
        if (self.grid is None) == (self.list is None):
            yield FieldIssue(
                ("grid",),
                message="give either grid or list",
                hint="For example grid: {workload.draft_length: [0, 2, 4]}.",
            )
        n_points = self.n_points
        if n_points > MAX_POINTS:
            yield FieldIssue(
                ("list" if self.grid is None else "grid",),
                got=f"more than {MAX_POINTS:,} points"
                if self._is_cut
                else f"{n_points:,} points",
                allowed=f"must be at most {MAX_POINTS:,}",
                hint="Take fewer values of a field, or several sweeps.",
            )

    def _field_issues(self) -> Iterator[FieldIssue]:
        written: dict[str, tuple[str | int, ...]] = {}
        for field in self.grid or ():
            written.setdefault(field, ("grid", field))
        for number, point in enumerate(self.list or ()):
            for field in point:
                written.setdefault(field, ("list", number, field))
        for field, path in written.items():
            parts = field.split(".")
            if not all(part.strip() == part and part for part in parts):
                yield FieldIssue(
                    path,
                    message="is no dotted field",
                    hint="For example workload.draft_length.",
                )
            elif parts[0] == "sweep":
                yield FieldIssue(path, message="a sweep cannot change itself")
            elif field == "workload.requests":
                for name in ("requests", "bursts"):
                    if getattr(self, name) is not None:
                        yield FieldIssue(
                            path,
                            message=f"sweep.{name} sets it for every point",
                            hint="Leave one of them out.",
                        )

    @property
    def _axes(self) -> dict[str, Sequence[Scalar]]:
        return {
            field: values.values() if isinstance(values, SweepRange) else values
            for field, values in (self.grid or {}).items()
        }

    @property
    def _is_cut(self) -> bool:
        """Whether a range goes on beyond what is counted."""
        return any(len(values) > MAX_POINTS for values in self._axes.values())

    @property
    def n_points(self) -> int:
        """How many points it has."""
        if self.grid is None:
            return len(self.list or ())
        count = 1
        for values in self._axes.values():
            count *= len(values)
        return count

    @property
    def fields(self) -> tuple[str, ...]:
        """Dotted fields that change, in the order written."""
        if self.grid is not None:
            return tuple(self.grid)
        return tuple(
            dict.fromkeys(field for point in self.list or () for field in point)
        )

    def points(self) -> tuple[PointValues, ...]:
        """Values of every point, in the order in which they are numbered."""
        if self.grid is None:
            return tuple(dict(point) for point in self.list or ())
        axes = self._axes
        return tuple(
            dict(zip(axes, values, strict=True)) for values in product(*axes.values())
        )
