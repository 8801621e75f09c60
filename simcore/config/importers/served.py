"""Per-request counts of a server, whichever names it has for them.

vLLM and SGLang both answer a request with a histogram over its bursts and with totals
beside it; the totals show whether the histogram counts the bonus token.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from simcore.config.base import FieldIssue
from simcore.config.importers.recording import (
    Convention,
    accepted_bins,
    total_issue,
)


@dataclass(frozen=True)
class RequestCounts:
    """What one request's record says, and the names it says it by.

    Attributes
    ----------
    histogram : mapping of int to float
        Bin to bursts, as the file counts.
    histogram_name : str
        Its field.
    bursts, bursts_name : int or None, str
        Bursts of the request.
    accepted, accepted_name : int or None, str
        Accepted drafts of the request.
    """

    histogram: Mapping[int, float]
    histogram_name: str
    bursts: int | None
    bursts_name: str
    accepted: int | None
    accepted_name: str

    def checked(
        self, convention: Convention, k: int | None
    ) -> tuple[dict[int, float], list[FieldIssue]]:
        """Histogram of accepted drafts, and what does not add up."""
        path = (self.histogram_name,)
        bins, issues = accepted_bins(self.histogram, convention, k, path)
        counted = sum(self.histogram.values())
        if self.bursts is not None and counted != self.bursts:
            issues.append(
                FieldIssue(
                    (self.bursts_name,),
                    got=str(self.bursts),
                    allowed=f"must be {counted:.0f}, as {self.histogram_name} has",
                )
            )
        elif self.accepted is not None:
            path = (self.accepted_name,)
            total = total_issue(bins, convention, self.accepted, path)
            if total is not None:
                # Says how to mend it; what else is wrong follows from it.
                issues = [total]
        return bins, issues
