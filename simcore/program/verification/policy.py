"""What a verification policy is: how many verify steps a burst needs to run."""

from __future__ import annotations

from typing import Protocol


class VerificationPolicy(Protocol):
    """One verification policy; stateless.

    Attributes
    ----------
    name : str
        As a scenario writes it.
    summary : str
        One line for people.
    """

    @property
    def name(self) -> str: ...  # noqa: D102
    @property
    def summary(self) -> str: ...  # noqa: D102

    def steps(self, accepted: int, draft_length: int) -> int:
        """Verify steps after which the outcome is acted upon, 1..K + 1.

        Parameters
        ----------
        accepted : int
            Accepted drafts a: verify step a is the first that shows a mismatch.
        draft_length : int
            K.
        """
        ...
