"""Settings of a run that never change its results: who simulates, who is told."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Protocol

from simcore.experiments.executors.inline import InlineExecutor
from simcore.experiments.executors.job import Executor
from simcore.experiments.plan import RunPlan


class Progress(Protocol):
    """Told how far a run is."""

    def __call__(self, done: int, total: int, unit: str, note: str = "") -> None:
        """`done` of `total` are done; `note` says how precise the result is by now."""


@dataclass(frozen=True)
class HowToRun:
    """Settings of a run that never change its results.

    Attributes
    ----------
    executor : Executor
        Who simulates.
    shards_per_job : int
        How many shards a worker gets at a time.
    cross_check : bool
        Whether results are compared with formula and conservation laws.
    progress : callable or None
        Called with (done, total, unit).
    report : callable
        Told in words what went wrong and was mended.
    announce : callable
        Called with the plan when the run begins: how large it will be.
    """

    executor: Executor = field(default_factory=InlineExecutor)
    shards_per_job: int = 1
    cross_check: bool = True
    progress: Progress | None = None
    report: Callable[[str], None] = lambda _: None
    announce: Callable[[RunPlan], None] = lambda _: None
