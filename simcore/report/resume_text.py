"""What `resume` did, in one line."""

from __future__ import annotations

from simcore.experiments.resume import Resumed
from simcore.report.numbers import counted


def resume_line(done: Resumed) -> str:
    """`3 of 8 shards were there, 5 simulated`, or which files were mended."""
    if done.mended:
        names = ", ".join(done.mended[:3])
        more = f" and {len(done.mended) - 3} more" if len(done.mended) > 3 else ""
        return f"damaged and written again: {names}{more}"
    new = done.shards - done.kept
    return f"{done.kept} of {counted(done.shards, 'shard')} were there, {new} simulated"
