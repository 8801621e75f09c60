"""Shards one after another in this process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from simcore.experiments.executors.job import Report, ShardJob
from simcore.experiments.shard import ShardResult


class InlineExecutor:
    """No workers: what is simulated is there at once."""

    def run(
        self, jobs: Sequence[ShardJob], report: Report
    ) -> Iterator[ShardResult | int]:
        """Run all jobs in order; see `Executor.run`."""
        for job in jobs:
            yield from job.run()
