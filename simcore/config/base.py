"""What every configuration class shares: strictness, and the ranges of numbers.

Ranges are wide on purpose: they stop slips of the pen (a negative latency, a bandwidth
in bytes per second), not unusual chips.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, JsonValue


class FrozenConfig(BaseModel):
    """Base of the configuration classes: frozen, strict, unknown keys refused."""

    model_config = ConfigDict(
        frozen=True,
        strict=True,
        extra="forbid",
        allow_inf_nan=False,
        # Error text must never echo unbounded user input.
        hide_input_in_errors=True,
    )


@dataclass(frozen=True)
class FieldIssue:
    """A rule between fields that does not hold, told at the field to change.

    Attributes
    ----------
    path : tuple of str or int
        Field, relative to the object that is being checked.
    message, got, allowed, hint : str or None
        As in `simcore.errors.Problem`.
    ignorable : bool
        The public calculator ignores the field, and so does a lenient reading.
    """

    path: tuple[str | int, ...]
    message: str | None = None
    got: str | None = None
    allowed: str | None = None
    hint: str | None = None
    ignorable: bool = False


class FieldIssues(ValueError):
    """Carries `FieldIssue`s through pydantic to the problem report."""

    def __init__(self, issues: Sequence[FieldIssue]) -> None:
        self.issues = tuple(issues)
        super().__init__("; ".join(_issue_text(issue) for issue in self.issues))


def _issue_text(issue: FieldIssue) -> str:
    path = ".".join(str(part) for part in issue.path)
    got = f"got {issue.got}" if issue.got is not None else None
    parts = [part for part in (issue.message, got, issue.allowed) if part]
    return f"{path}: {'; '.join(parts)}"


def raise_issues(issues: Sequence[FieldIssue]) -> None:
    """Raise `FieldIssues` when there is any; for use in `model_validator`s."""
    if issues:
        raise FieldIssues(issues)


_INTEGER_KEY = re.compile(r"-?(0|[1-9][0-9]{0,8})\Z")


def _integer_keys(value: Any) -> Any:
    # YAML and JSON readers keep every key as text; `0` and `"0"` mean the same.
    if not isinstance(value, Mapping):
        return value
    return {
        int(key) if isinstance(key, str) and _INTEGER_KEY.match(key) else key: item
        for key, item in value.items()
    }


def _as_tuple(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


#: For `dict[int, ...]` fields: keys written as text become integers.
INTEGER_KEYS = BeforeValidator(_integer_keys)

#: For `tuple[...]` fields: a list becomes a tuple, nothing else does.
AS_TUPLE = BeforeValidator(_as_tuple)

#: Marks fields that resolving fills in and that nobody writes by hand.
RESOLVED_ONLY: dict[str, JsonValue] = {"resolvedOnly": True}

#: Longest draft of a burst.
MAX_DRAFT_LENGTH = 1024

# Names and notes reach terminals and reports: no control characters in them.
Text = Annotated[
    str, Field(max_length=2000, pattern=r"^[^\x00-\x08\x0b-\x1f\x7f-\x9f]*$")
]
Name = Annotated[
    str, Field(min_length=1, max_length=200, pattern=r"^[^\x00-\x1f\x7f-\x9f]*$")
]
NonNegative = Annotated[float, Field(ge=0, le=1e15)]
Bits = Annotated[int, Field(ge=1, le=64)]
PositiveCount = Annotated[int, Field(ge=1, le=1_000_000)]
Tokens = Annotated[int, Field(ge=1, le=100_000_000)]
