"""`simcore init`: a folder to start from."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated

import typer

from simcore.cli.failures import DONE
from simcore.cli.options import JsonOption, QuietOption
from simcore.cli.output import write_note, write_result


def init_command(
    folder: Annotated[
        Path, typer.Argument(metavar="DIR", help="A new folder, or an empty one.")
    ],
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Make a folder with a chip, a model, an acceptance, a scenario and a sweep.

    The files are commented and run as they are. Nothing that exists is replaced.
    """
    from simcore.experiments.new_study import STUDY_FILES, write_study
    from simcore.report.facts import next_commands
    from simcore.report.init_text import init_report, init_result
    from simcore.report.json_report import result_document

    files = write_study(folder)
    if as_json:
        write_result(result_document("init", init_result(folder, files)))
    else:
        write_result(init_report(folder, STUDY_FILES))
    if not quiet:
        scenario, sweep = (
            shlex.quote(str(folder / name)) for name in ("scenario.yaml", "sweep.yaml")
        )
        write_note(
            next_commands(
                f"simcore check {scenario}",
                f"simcore run {scenario}",
                f"simcore sweep {sweep}",
            )
        )
    return DONE
