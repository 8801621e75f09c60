"""`stop_at_mismatch`: verification ends with the step that shows a mismatch."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class StopAtMismatch:
    """Verify step a gives the token that replaces the rejected draft.

    One after another, later steps never start. In a wavefront they have entered the
    layers already: holds that have started end, the others are cancelled.
    """

    name: str = "stop_at_mismatch"
    summary: str = (
        "holds of steps behind the first rejected draft do not start any more"
    )

    def steps(self, accepted: int, draft_length: int) -> int:
        """Steps 0 to a; see `VerificationPolicy.steps`."""
        return min(accepted, draft_length) + 1
