"""Jobs that do odd things to their workers; in a module that workers can import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from simcore.experiments.executors.job import ShardJob
from simcore.experiments.shard import ShardResult


@dataclass(frozen=True)
class DeadlyJob(ShardJob):
    """Kills its worker whenever it gets shard 3; others only say that they ran."""

    def run(self) -> Iterator[ShardResult | int]:
        for shard in self.shards:
            if shard == 3:
                os.kill(os.getpid(), signal.SIGKILL)
            yield shard


@dataclass(frozen=True)
class SleepingJob(ShardJob):
    """Tells the pid of its worker in the folder, then takes a minute."""

    def run(self) -> Iterator[ShardResult | int]:
        assert self.folder is not None
        for shard in self.shards:
            (Path(self.folder) / f"pid-{os.getpid()}").touch()
            time.sleep(60)
            yield shard


@dataclass(frozen=True)
class MaskJob(ShardJob):
    """Yields 1 in a worker that Ctrl-C cannot reach, else 0."""

    def run(self) -> Iterator[ShardResult | int]:
        yield int(signal.SIGINT in signal.pthread_sigmask(signal.SIG_BLOCK, []))
