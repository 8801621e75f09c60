"""`simcore report`: one HTML page about a run or a sweep."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcore.cli.failures import DONE, problem
from simcore.cli.options import ForceOption, JsonOption, QuietOption
from simcore.cli.output import write_note, write_result


def report_command(
    folder: Annotated[
        Path,
        typer.Argument(
            metavar="RUN", help="Folder that `simcore run` or `simcore sweep` wrote."
        ),
    ],
    out: Annotated[
        Path | None,
        typer.Option(
            "--out",
            metavar="FILE",
            help="HTML file to write. Default: RUN/report.html.",
        ),
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Write one HTML page about a run or a sweep: figures, tables, assumptions.

    It needs no network and no JavaScript, and is the same for the same folder.
    """
    if not folder.exists():
        hint = "Give the folder that `simcore run` or `sweep` wrote, not the scenario."
        raise problem(str(folder), "there is no such folder", hint)
    if not folder.is_dir():
        raise problem(str(folder), "this is a file, not a folder")
    # The page inside the folder is the run's own and may be made again.
    if out is not None and out.exists() and not force:
        raise problem(str(out), "the file already exists", "Use --force to replace it.")
    from simcore.report.json_report import result_document

    file, size = write_report(folder, out)
    if as_json:
        result = {"run": str(folder), "file": str(file), "bytes": size}
        write_result(result_document("report", result))
    else:
        write_result(f"wrote {file} ({size:,} bytes)")
    if not quiet:
        write_note("open it in a browser; it needs neither network nor JavaScript")
    return DONE


def write_report(folder: Path, out: Path | None = None) -> tuple[Path, int]:
    """Make the page of a folder.

    Parameters
    ----------
    folder : Path
        A run or a sweep.
    out : Path or None
        File; None: `report.html` in the folder.

    Returns
    -------
    file : Path
        Where it is.
    size : int
        Its bytes.

    Raises
    ------
    TraceError
        If it is incomplete or damaged.
    OutputError
        If the system refuses to write.
    """
    from simcore.report.html.run.page import run_page
    from simcore.report.html.save import save_page
    from simcore.report.html.sweep.page import sweep_page
    from simcore.report.html.sweep.view import is_sweep
    from simcore.trace.reader import read_trace
    from simcore.trace.schema import REPORT_HTML

    text = sweep_page(folder) if is_sweep(folder) else run_page(read_trace(folder))
    file = folder / REPORT_HTML if out is None else out
    return file, save_page(text, file)
