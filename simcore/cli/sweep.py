"""`simcore sweep`: a scenario at many points, one table of results."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Literal

import typer

from simcore.cli.failures import exit_code_for, was_interrupted
from simcore.cli.grid import parse_grid
from simcore.cli.options import (
    MOST_REQUESTS,
    AllowOutsideOption,
    BurstsOption,
    ForceOption,
    JsonOption,
    QuietOption,
    SeedOption,
    SetOption,
)
from simcore.cli.output import write_note, write_result
from simcore.cli.progress import progress_on_stderr
from simcore.cli.report import write_report
from simcore.cli.run import default_run_folder


def sweep_command(
    scenario: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_FILE",
            help="A scenario with a sweep section, or any scenario with --grid.",
        ),
    ],
    grid: Annotated[
        list[str] | None,
        typer.Option(
            "--grid",
            metavar="KEY=V1,V2,...",
            help="Values of a field, or a range: workload.draft_length=0:8, "
            "'workload.prompt_length=64:8192:*2'; repeat for more fields. Replaces "
            "the points of the scenario.",
        ),
    ] = None,
    method: Annotated[
        Literal["simulate", "estimate"] | None,
        typer.Option(help="Simulate every point, or the closed form alone."),
    ] = None,
    requests: Annotated[
        int | None,
        typer.Option(
            "--requests", min=1, max=MOST_REQUESTS, help="Requests of every point."
        ),
    ] = None,
    bursts: BurstsOption = None,
    baseline: Annotated[
        bool | None,
        typer.Option(
            "--baseline/--no-baseline",
            help="Simulate every point at K = 0 as well, or not.",
        ),
    ] = None,
    seed: SeedOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Folder. Default: traces/NAME-sweep-SEED."
        ),
    ] = None,
    force: ForceOption = False,
    jobs: Annotated[
        int, typer.Option("--jobs", min=1, max=1024, help="Worker processes.")
    ] = 1,
    report: Annotated[
        bool,
        typer.Option("--report", help="Also write report.html into the folder."),
    ] = False,
    overrides: SetOption = None,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Work out a scenario at many points: one table, best K, break-even, Pareto.

    Every point is checked before any runs. The same command after an interruption
    goes on where it ended. Results do not depend on --jobs.
    """
    if requests is not None and bursts is not None:
        raise typer.BadParameter("give --requests or --bursts, not both")
    count = "--requests" if requests is not None else "--bursts"
    if method == "estimate" and (requests or bursts):
        raise typer.BadParameter(f"{count} is for simulations, not for estimates")
    if method == "estimate" and baseline is False:
        raise typer.BadParameter("an estimate always has its baseline")
    points = parse_grid(grid) if grid else None
    from simcore.config.load import load_scenario

    # Said before what is slow to import is imported.
    loaded = load_scenario(scenario, overrides or (), allow_outside=allow_outside)
    from simcore.experiments.sweep import sweep
    from simcore.report.facts import next_commands
    from simcore.report.json_report import result_document
    from simcore.report.sweep_text import sweep_report, sweep_result

    used = loaded.seed if seed is None else seed
    folder = out or default_run_folder(f"{loaded.name}-sweep", used)
    started = time.monotonic()
    try:
        with progress_on_stderr(quiet) as progress:
            result = sweep(
                scenario,
                grid=points,
                method=method,
                requests=requests,
                bursts=bursts,
                baseline=baseline,
                overrides=overrides or (),
                seed=seed,
                out=folder,
                force=force,
                jobs=jobs,
                allow_outside=allow_outside,
                progress=progress,
                given_as="option",
            )
    except BaseException as error:
        if was_interrupted(error) and not quiet:
            write_note(f"{folder} keeps the finished points; the same command goes on")
        raise
    page = write_report(folder)[0] if report else None
    if as_json:
        found = sweep_result(result)
        if page is not None:
            found["report"] = str(page)
        write_result(result_document("sweep", found))
    else:
        text = sweep_report(result)
        write_result(text if page is None else f"{text}\nreport: {page}")
    if not quiet:
        if result.resumed:
            write_note(
                f"{result.resumed} of {result.resumed + result.computed} were there "
                "already"
            )
        write_note(f"took {time.monotonic() - started:.1f} s")
        if page is None:
            write_note(next_commands(f"simcore report {folder}"))
    return exit_code_for([result.holds])
