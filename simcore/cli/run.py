"""`simcore run`: simulate a scenario, write its trace, report."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from simcore.cli.execution import (
    ChunkOption,
    EngineOption,
    ExecutorOption,
    NoCheckOption,
    SchedulerOption,
    UntilOption,
    WorkersOption,
    how_to_run,
    precision_of,
)
from simcore.cli.failures import exit_code_for
from simcore.cli.options import (
    MOST_REQUESTS,
    AllowOutsideOption,
    BurstsOption,
    ForceOption,
    JsonOption,
    QuietOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
)
from simcore.cli.output import write_note, write_result
from simcore.cli.report import write_report


def run_command(
    scenario: ScenarioArgument,
    requests: Annotated[
        int | None,
        typer.Option(
            "--requests",
            min=1,
            max=MOST_REQUESTS,
            help="How many requests to simulate.",
        ),
    ] = None,
    bursts: BurstsOption = None,
    until: UntilOption = None,
    seed: SeedOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Run folder. Default: traces/NAME-SEED."
        ),
    ] = None,
    force: ForceOption = False,
    overrides: SetOption = None,
    trace: Annotated[
        Literal["auto", "none", "bursts", "sample", "full"] | None,
        typer.Option("--trace", help="What to keep; see `simcore explain trace`."),
    ] = None,
    trace_requests: Annotated[
        int | None,
        typer.Option(
            "--trace-requests",
            min=1,
            max=MOST_REQUESTS,
            help="How many with --trace sample.",
        ),
    ] = None,
    max_events: Annotated[
        int | None,
        typer.Option(
            "--max-events", min=1, help="Event rows that may be written. [50 million]"
        ),
    ] = None,
    engine: EngineOption = None,
    workers: WorkersOption = 1,
    chunk: ChunkOption = 1,
    executor: ExecutorOption = "local",
    scheduler: SchedulerOption = None,
    no_check: NoCheckOption = False,
    allow_outside: AllowOutsideOption = False,
    report: Annotated[
        bool,
        typer.Option("--report", help="Also write report.html into the run folder."),
    ] = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Simulate a scenario, write its trace and report.

    The trace is a folder of Parquet and JSON files; see `simcore trace`.
    """
    if sum(given is not None for given in (requests, bursts, until)) > 1:
        raise typer.BadParameter("give one of --requests, --bursts and --until")
    target = None if until is None else precision_of(until)
    from simcore.config.load import load_scenario

    changes = [
        *(overrides or ()),
        *([] if trace is None else [f"trace={trace}"]),
        *([] if trace_requests is None else [f"trace_requests={trace_requests}"]),
        *([] if engine is None else [f"engine={engine}"]),
    ]
    loaded = load_scenario(scenario, changes, allow_outside=allow_outside)
    # Only now what is slow to import: a wrong file is told at once.
    from simcore.experiments.plan import DEFAULT_MAX_EVENTS, plan_run
    from simcore.experiments.run import execute, require_room
    from simcore.experiments.until import requests_until
    from simcore.report.json_report import result_document
    from simcore.report.run_text import after_run, run_report, run_result, took_line
    from simcore.report.until_text import until_line

    folder = out or default_run_folder(
        loaded.name, loaded.seed if seed is None else seed
    )
    started = time.monotonic()
    with how_to_run(
        executor=executor,
        scheduler=scheduler,
        workers=workers,
        chunk=chunk,
        no_check=no_check,
        quiet=quiet,
        folder=folder,
    ) as how:
        plan = plan_run(loaded, seed=seed, requests=requests, bursts=bursts)
        found_until = None
        if target is not None:
            found_until = requests_until(plan.scenario, target, how)
            if not quiet:
                write_note(until_line(found_until))
            plan = plan_run(plan.scenario, requests=found_until.requests)
        require_room(plan, max_events or DEFAULT_MAX_EVENTS)
        result = execute(plan, how, folder, force=force)
    page = write_report(folder)[0] if report else None
    if as_json:
        found = run_result(result.scenario, result.summary, folder)
        if page is not None:
            found["report"] = str(page)
        if found_until is not None:
            found["until"] = found_until.as_dict()
        write_result(result_document("run", found))
    else:
        text = run_report(result.scenario, result.summary, folder, result.engine)
        write_result(text if page is None else f"{text}\nreport: {page}")
    if not quiet:
        write_note(took_line(time.monotonic() - started, result.engine))
        named = "".join(f" --set {change}" for change in changes)
        write_note(after_run(plan.trace, folder, f"{scenario}{named}"))
    return exit_code_for([check["holds"] for check in result.summary["cross_check"]])


def default_run_folder(name: str, seed: int) -> Path:
    """Where a run goes when nobody says: a folder name without surprises.

    Parameters
    ----------
    name : str
        Name of the scenario; may hold any character.
    seed : int
        Seed of the run.
    """
    safe = re.sub(r"[^A-Za-z0-9._-]+", "_", name).lstrip(".-_")[:100]
    return Path("traces") / f"{safe or 'run'}-{seed}"
