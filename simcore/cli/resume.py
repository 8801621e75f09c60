"""`simcore resume` and `simcore rerun`: from a run folder to a whole run."""

from __future__ import annotations

import time
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from simcore.cli.execution import (
    ChunkOption,
    EngineOption,
    ExecutorOption,
    NoCheckOption,
    SchedulerOption,
    WorkersOption,
    how_to_run,
)
from simcore.cli.failures import DONE, exit_code_for
from simcore.cli.options import ForceOption, JsonOption, QuietOption, RunArgument
from simcore.cli.output import write_note, write_result

if TYPE_CHECKING:
    from simcore.experiments.run import RunResult


def resume_command(
    run: RunArgument,
    engine: EngineOption = None,
    workers: WorkersOption = 1,
    chunk: ChunkOption = 1,
    executor: ExecutorOption = "local",
    scheduler: SchedulerOption = None,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Complete an interrupted run, or mend a damaged one.

    The result is what the run would have been without the interruption, to the byte;
    so there is a cross-check if the run was begun with one.
    """
    from simcore.experiments.resume import resume
    from simcore.report.resume_text import resume_line

    with how_to_run(
        executor=executor,
        scheduler=scheduler,
        workers=workers,
        chunk=chunk,
        no_check=False,
        quiet=quiet,
        folder=run,
    ) as how:
        done = resume(run, how, engine=engine)
    if done.result is None:
        if as_json:
            _write_json("resume", {"path": str(run), "resumed": False})
        else:
            write_result(f"{run}: complete and whole; nothing to do")
        return DONE
    if not quiet:
        write_note(resume_line(done))
    extra = {
        "resumed": True,
        "shards": done.shards,
        "kept": done.kept,
        "mended": list(done.mended),
    }
    return _tell("resume", done.result, run, extra, as_json=as_json)


def rerun_command(
    run: RunArgument,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Run folder. Default: RUN-again."),
    ] = None,
    force: ForceOption = False,
    engine: EngineOption = None,
    workers: WorkersOption = 1,
    chunk: ChunkOption = 1,
    executor: ExecutorOption = "local",
    scheduler: SchedulerOption = None,
    no_check: NoCheckOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Repeat a run from the configuration in its folder, and compare.

    With the same versions every file but run.json comes out the same.
    """
    from simcore.experiments.resume import rerun
    from simcore.report.run_text import took_line

    started = time.monotonic()
    folder = out or run.with_name(f"{run.name}-again")
    with how_to_run(
        executor=executor,
        scheduler=scheduler,
        workers=workers,
        chunk=chunk,
        no_check=no_check,
        quiet=quiet,
        folder=folder,
    ) as how:
        result = rerun(run, folder, how, engine=engine, force=force)
    if not quiet:
        write_note(took_line(time.monotonic() - started, result.engine))
    return _tell("rerun", result, folder, {}, as_json=as_json)


def _tell(
    command: str,
    result: RunResult,
    folder: Path,
    extra: dict[str, Any],
    *,
    as_json: bool,
) -> int:
    from simcore.report.run_text import run_report, run_result

    if as_json:
        found = run_result(result.scenario, result.summary, folder)
        _write_json(command, found | extra)
    else:
        write_result(run_report(result.scenario, result.summary, folder, result.engine))
    return exit_code_for([check.holds for check in result.checks])


def _write_json(command: str, result: dict[str, Any]) -> None:
    from simcore.report.json_report import result_document

    write_result(result_document(command, result))
