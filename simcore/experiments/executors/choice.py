"""Which executor a user means by a few words."""

from __future__ import annotations

import os

from simcore.errors import ConfigError, Problem, printable
from simcore.experiments.executors.distributed import DaskExecutor
from simcore.experiments.executors.inline import InlineExecutor
from simcore.experiments.executors.job import Executor
from simcore.experiments.executors.processes import ProcessExecutor

KINDS = ("local", "dask")


def executor_of(
    kind: str = "local", *, workers: int = 1, scheduler: str | None = None
) -> Executor:
    """Executor of a kind.

    Parameters
    ----------
    kind : {"local", "dask"}
        Processes of this machine, or a Dask cluster.
    workers : int
        Processes (local only); 1: this process itself, 0: one for each processor.
    scheduler : str, optional
        Address of the Dask scheduler (dask only).

    Raises
    ------
    ConfigError
        If these do not fit together.
    """
    problems = []
    if kind not in KINDS:
        problems.append(
            Problem(path="executor", got=printable(kind), allowed=", ".join(KINDS))
        )
    if workers < 0:
        problems.append(Problem(path="workers", got=str(workers), allowed=">= 0"))
    if kind == "dask" and workers != 1:
        problems.append(
            Problem(
                path="workers",
                got=str(workers),
                allowed="must be absent with executor 'dask'",
                hint="The cluster has its own.",
            )
        )
    if kind == "dask" and scheduler is None:
        problems.append(
            Problem(
                path="scheduler",
                message="missing",
                allowed="required with executor 'dask'",
                hint="for example tcp://127.0.0.1:8786",
            )
        )
    if kind == "local" and scheduler is not None:
        problems.append(
            Problem(
                path="scheduler",
                got=printable(scheduler),
                allowed="must be absent with executor 'local'",
            )
        )
    if problems:
        raise ConfigError(problems)
    if kind == "dask":
        assert scheduler is not None
        return DaskExecutor(scheduler)
    processes = workers or os.cpu_count() or 1
    return InlineExecutor() if processes == 1 else ProcessExecutor(processes)
