"""`simcore compare`: two runs or scenarios side by side."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcore.cli.execution import WorkersOption, how_to_run
from simcore.cli.failures import DONE, problem
from simcore.cli.options import MOST_REQUESTS, JsonOption, QuietOption, SeedOption
from simcore.cli.output import write_result

_SIDE = "A run folder, a shipped scenario by name, or a YAML file."


def compare_command(
    a: Annotated[str, typer.Argument(metavar="A", help=_SIDE)],
    b: Annotated[str, typer.Argument(metavar="B", help=_SIDE)],
    requests: Annotated[
        int | None,
        typer.Option(
            "--requests", min=1, max=MOST_REQUESTS, help="Of sides that are simulated."
        ),
    ] = None,
    seed: SeedOption = None,
    confidence: Annotated[
        float,
        typer.Option("--confidence", min=0.5, max=0.9999, help="Of the intervals."),
    ] = 0.95,
    workers: WorkersOption = 1,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Show what differs in settings, results and events of two runs.

    Runs with the same seed meet the same random numbers, so that the interval of a
    difference is much narrower than those of the results. A scenario is simulated
    first, without a trace.
    """
    from simcore.experiments.compare import compare
    from simcore.report.compare_text import compare_report
    from simcore.report.json_report import result_document

    with how_to_run(
        executor="local",
        scheduler=None,
        workers=workers,
        chunk=1,
        no_check=True,
        quiet=quiet,
        folder=None,
    ) as how:
        found = compare(
            _source(a),
            _source(b),
            seed=seed,
            requests=requests,
            how=how,
            confidence=confidence,
        )
    if as_json:
        write_result(result_document("compare", found.to_dict()))
    else:
        write_result(compare_report(found))
    return DONE


def _source(named: str) -> str | Path:
    from simcore.config.shipped import shipped_files

    if Path(named).is_dir():
        return Path(named)
    if not Path(named).exists() and named not in shipped_files("scenario"):
        hint = "`simcore list scenarios` names what is shipped."
        raise problem(
            named, "neither a run folder nor a scenario, by file or name", hint
        )
    return named
