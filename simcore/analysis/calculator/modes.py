"""Which arrays and converters an analog stage uses in each kind of step."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from simcore.config.hardware import Phase
from simcore.config.model import Policy

#: The kinds of steps of a burst; they are also the phases of the report.
StepKind = Literal["draft", "verify_drafted", "verify_bonus"]
STEP_KINDS: tuple[StepKind, ...] = ("draft", "verify_drafted", "verify_bonus")


def phase_of(kind: StepKind) -> Phase:
    """Which phase's coefficients a kind of step uses."""
    return "draft" if kind == "draft" else "verify"


@dataclass(frozen=True, slots=True)
class ReadMode:
    """One way of reading a stage.

    Attributes
    ----------
    arrays : int
        Active arrays per tile.
    draft_adc, residual_adc : int
        1 where the path converts, else 0.
    precision : {"draft", "verify"}
        Whose activation bits set the number of slices.
    stored_draft_added : bool
        The stored result of array 1 is added at the end.
    """

    arrays: int
    draft_adc: int
    residual_adc: int
    precision: Phase
    stored_draft_added: bool = False


DRAFT_DEFAULT = ReadMode(1, 1, 0, "draft")
FULL = ReadMode(4, 1, 1, "verify")
RESIDUAL_ONLY = ReadMode(3, 0, 1, "verify", stored_draft_added=True)


def read_mode(kind: StepKind, policy: Policy, reuses_draft: bool) -> ReadMode | None:
    """Mode of a stage in a kind of step; None when nothing is read.

    Parameters
    ----------
    kind : StepKind
        Kind of step.
    policy : {"draft", "full"}
        How the stage is drafted.
    reuses_draft : bool
        Verification reuses what drafting stored, instead of reading all arrays.
    """
    if kind == "draft":
        return DRAFT_DEFAULT if policy == "draft" else FULL
    if kind == "verify_bonus" or not reuses_draft:
        return FULL
    return RESIDUAL_ONLY if policy == "draft" else None
