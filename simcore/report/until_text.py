"""Where a run to a precision ended, in one line."""

from __future__ import annotations

from simcore.experiments.until import Until
from simcore.report.numbers import counted, significant


def until_line(found: Until) -> str:
    """`latency/token to +-0.5 %: 1,200 requests, 57,000 bursts`, or why not."""
    width = found.precision.relative_half_width
    reached = "unknown" if width is None else f"+-{significant(100 * width)} %"
    text = (
        f"latency per token to {reached} (asked: +-{significant(100 * found.target)} "
        f"%): {counted(found.requests, 'request')}, {counted(found.bursts, 'burst')}"
    )
    if found.reason:
        more = found.precision.more_clusters
        text += f"; not reached: {found.reason}; about {more:,} more would be needed"
    return text
