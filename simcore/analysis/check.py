"""One thing that must hold of a run, with what was measured and what was allowed."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Check:
    """The outcome of one check.

    Attributes
    ----------
    name : str
        What must hold, in snake case, the same in every run.
    holds : bool
        Whether it does.
    measured, bound : str or float
        What was found and what is allowed, in the unit that `detail` names.
    detail : str
        What was compared, over how much; where it first fails.
    """

    name: str
    holds: bool
    measured: str | float
    bound: str | float
    detail: str = ""

    def __str__(self) -> str:
        """`PASS name: measured X, bound Y (detail)`."""
        verdict = "PASS" if self.holds else "FAIL"
        text = f"{verdict} {self.name}: measured {self.measured}, bound {self.bound}"
        return f"{text} ({self.detail})" if self.detail else text
