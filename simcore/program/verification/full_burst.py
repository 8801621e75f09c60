"""`full_burst`: all K + 1 verify steps run, whatever they find."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class FullBurst:
    """The steps behind a rejected draft are wasted and paid for."""

    name: str = "full_burst"
    summary: str = "all K + 1 verify steps always run"

    def steps(self, accepted: int, draft_length: int) -> int:
        """All of them; see `VerificationPolicy.steps`."""
        return draft_length + 1
