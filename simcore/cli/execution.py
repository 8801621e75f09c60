"""Options of every command that simulates: who does it, with which engine."""

from __future__ import annotations

import math
import shlex
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from simcore.cli.failures import was_interrupted
from simcore.cli.output import write_note
from simcore.cli.progress import progress_on_stderr
from simcore.errors import printable

if TYPE_CHECKING:
    from simcore.experiments.how_to_run import HowToRun

EngineOption = Annotated[
    Literal["auto", "simpy", "fast"] | None,
    typer.Option("--engine", help="simpy: reference; fast: compiled, same results."),
]
WorkersOption = Annotated[
    int,
    typer.Option(
        "--workers",
        min=0,
        max=1024,
        help="Processes; 1: no other process, 0: one for each processor.",
    ),
]
ChunkOption = Annotated[
    int,
    typer.Option(
        "--chunk", min=1, max=1_000_000, help="Shards that a worker gets at a time."
    ),
]
ExecutorOption = Annotated[
    Literal["local", "dask"],
    typer.Option("--executor", help="Processes of this machine, or a Dask cluster."),
]
SchedulerOption = Annotated[
    str | None,
    typer.Option("--scheduler", metavar="ADDRESS", help="Of the Dask scheduler."),
]
NoCheckOption = Annotated[
    bool,
    typer.Option("--no-check", help="Skip the cross-check with the closed form."),
]
UntilOption = Annotated[
    str | None,
    typer.Option(
        "--until",
        metavar="0.5%",
        help="As many requests as give the latency per token to this precision.",
    ),
]


def precision_of(text: str) -> float:
    """Relative half-width in `0.5%` or `0.005`.

    Raises
    ------
    typer.BadParameter
        If it is neither.
    """
    number, percent = text.removesuffix("%"), text.endswith("%")
    try:
        value = float(number) / (100 if percent else 1)
    except ValueError:
        value = math.nan
    if not 0 < value < 1:
        raise typer.BadParameter(
            f"--until: got {printable(text)}; must be a relative half-width such as "
            "0.5% or 0.005"
        )
    return value


@contextmanager
def how_to_run(
    *,
    executor: str,
    scheduler: str | None,
    workers: int,
    chunk: int,
    no_check: bool,
    quiet: bool,
    folder: Path | None,
) -> Iterator[HowToRun]:
    """Settings of a run from its options, with progress on stderr.

    Parameters
    ----------
    executor, scheduler, workers, chunk, no_check, quiet
        The options of these names.
    folder : Path or None
        Run folder; after an interruption the user is told how to go on with it.
    """
    from simcore.experiments.executors.choice import executor_of
    from simcore.experiments.how_to_run import HowToRun
    from simcore.report.check_text import size_line

    chosen = executor_of(executor, workers=workers, scheduler=scheduler)
    tell: Callable[[str], None] = _forget if quiet else write_note
    with progress_on_stderr(quiet) as progress:
        try:
            yield HowToRun(
                executor=chosen,
                shards_per_job=chunk,
                cross_check=not no_check,
                progress=progress,
                report=tell,
                announce=lambda plan: tell(size_line(plan)),
            )
        except BaseException as error:
            if was_interrupted(error) and folder is not None and folder.is_dir():
                again = f"simcore resume {shlex.quote(str(folder))}"
                write_note(f"Finished shards are kept. Go on with: {again}")
            raise


def _forget(_: str) -> None:
    """Say nothing."""
