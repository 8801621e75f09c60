"""`simcore run`: simulate a scenario, write its trace, report."""

from __future__ import annotations

import re
import time
from pathlib import Path
from typing import Annotated

import typer

from simcore.cli.failures import exit_code_for
from simcore.cli.options import (
    AllowOutsideOption,
    ForceOption,
    JsonOption,
    QuietOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
)
from simcore.cli.output import write_note, write_result
from simcore.cli.progress import progress_on_stderr

_MOST = 100_000_000


def run_command(
    scenario: ScenarioArgument,
    requests: Annotated[
        int | None,
        typer.Option(
            "--requests", min=1, max=_MOST, help="How many requests to simulate."
        ),
    ] = None,
    bursts: Annotated[
        int | None,
        typer.Option(
            "--bursts", min=1, max=_MOST, help="At least so many bursts instead."
        ),
    ] = None,
    seed: SeedOption = None,
    out: Annotated[
        Path | None,
        typer.Option(
            "--out", metavar="DIR", help="Run folder. Default: traces/NAME-SEED."
        ),
    ] = None,
    force: ForceOption = False,
    overrides: SetOption = None,
    no_check: Annotated[
        bool,
        typer.Option("--no-check", help="Skip the cross-check with the closed form."),
    ] = False,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Simulate a scenario, write its trace and report.

    The trace is a folder of Parquet and JSON files; see `simcore trace`.
    """
    if requests is not None and bursts is not None:
        raise typer.BadParameter("give --requests or --bursts, not both")
    from simcore.config.load import load_scenario

    loaded = load_scenario(scenario, overrides or (), allow_outside=allow_outside)
    # Only now what is slow to import: a wrong file is told at once.
    from simcore.experiments.run import simulate
    from simcore.report.json_report import result_document
    from simcore.report.run_text import after_run, run_report, run_result

    folder = out or default_run_folder(
        loaded.name, loaded.seed if seed is None else seed
    )
    started = time.monotonic()
    with progress_on_stderr(quiet) as progress:
        result = simulate(
            loaded,
            seed=seed,
            requests=requests,
            bursts=bursts,
            out=folder,
            force=force,
            cross_check=not no_check,
            progress=progress,
        )
    if as_json:
        write_result(
            result_document("run", run_result(result.scenario, result.summary, folder))
        )
    else:
        write_result(run_report(result.scenario, result.summary, folder))
    if not quiet:
        write_note(f"took {time.monotonic() - started:.1f} s")
        changes = "".join(f" --set {change}" for change in overrides or ())
        write_note(after_run(result.scenario, folder, f"{scenario}{changes}"))
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
