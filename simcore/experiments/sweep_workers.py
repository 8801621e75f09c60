"""Work out tasks one after another, or in several processes.

What a task gives depends on nothing but the task, so neither the number of processes
nor the order in which they finish changes a result.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import closing

from simcore.errors import ConfigError, SimcoreError, SimulationError
from simcore.experiments.executors.pool import WorkerPool
from simcore.experiments.sweep_figures import Figures, SweepTask

#: Called with each task and its figures, in any order.
TakeFigures = Callable[[SweepTask, Figures], None]

#: Deaths of workers with nothing finished in between, after which we give up.
_MOST_DEATHS = 3

#: Tasks of a worker process, handed over once so that they share their objects.
_tasks: Sequence[SweepTask] = ()


def work_out(tasks: Sequence[SweepTask], jobs: int, take: TakeFigures) -> None:
    """Work out every task.

    Parameters
    ----------
    tasks : sequence of SweepTask
        In the order in which they are begun.
    jobs : int
        Processes; 1 works in this one.
    take : callable
        Gets every result in this process, as soon as it is there.

    Raises
    ------
    SimcoreError
        If a task fails, with the label of its point; the first one that is noticed.
        `SimulationError` when workers die again and again.
    """
    if jobs == 1 or len(tasks) < 2:
        for task in tasks:
            take(task, _figures(task))
        return
    waiting = list(range(len(tasks)))
    deaths = 0
    while waiting:
        before = len(waiting)
        try:
            # Closed at once: an error would keep it, and its workers, alive.
            with closing(_results(tasks, list(waiting), jobs)) as results:
                for index, figures in results:
                    waiting.remove(index)
                    take(tasks[index], figures)
        except BrokenProcessPool as error:
            deaths = deaths + 1 if len(waiting) == before else 1
            if deaths >= _MOST_DEATHS:
                raise SimulationError(
                    f"a worker process died {deaths} times with nothing finished, at "
                    f"or after {tasks[waiting[0]].label}; points that are finished "
                    "are kept, and fewer --jobs take less memory"
                ) from error


def _figures(task: SweepTask) -> Figures:
    try:
        return task.figures()
    except ConfigError:
        raise  # names its fields
    except SimcoreError as error:
        raise type(error)(f"{task.label}: {error}") from error


def _results(
    tasks: Sequence[SweepTask], indices: Sequence[int], jobs: int
) -> Generator[tuple[int, Figures], None, None]:
    """Results as they come; few tasks are handed out at a time, to stop soon."""
    with WorkerPool(min(jobs, len(indices)), _begin, (tasks,)) as pool:
        remaining = iter(indices)
        running: dict[Future[Figures], int] = {}
        while True:
            for index in remaining:
                running[pool.submit(_work, index)] = index
                if len(running) >= 2 * jobs:
                    break
            if not running:
                return
            done, _ = wait(running, return_when=FIRST_COMPLETED)
            for future in done:
                yield running.pop(future), future.result()


def _begin(tasks: Sequence[SweepTask]) -> None:
    global _tasks
    _tasks = tasks


def _work(index: int) -> Figures:
    return _figures(_tasks[index])
