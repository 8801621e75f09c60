"""`simcore trace`: read a run that is on disk."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from simcore.cli.failures import DONE, problem
from simcore.cli.options import ForceOption, JsonOption, QuietOption, RunArgument
from simcore.cli.output import write_note, write_result

if TYPE_CHECKING:
    from simcore.trace.reader import Trace

trace_app = typer.Typer(help="Look at a run that is on disk.", rich_markup_mode=None)


@trace_app.callback(invoke_without_command=True)
def _top(context: typer.Context) -> None:
    if context.invoked_subcommand is None:
        write_result(context.get_help())


@trace_app.command("summary")
def summary_command(
    run: RunArgument,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Print the report of a run again.

    Every file is compared with its checksum first.
    """
    from simcore.config.load import load_scenario
    from simcore.report.json_report import result_document
    from simcore.report.run_text import after_run, run_report, run_result

    trace = _open(run)
    scenario = load_scenario(trace.run["config"])
    if as_json:
        document = run_result(scenario, trace.summary, run)
        write_result(result_document("trace summary", document))
    else:
        write_result(run_report(scenario, trace.summary, run, trace.run.get("engine")))
    if not quiet:
        write_note(after_run(_kept(trace), run, scenario.name))
    return DONE


def _kept(trace: Trace) -> str:
    """What a run kept, in the words of the field `trace`."""
    if trace.has_events:
        return "full" if trace.has_every_event else "sample"
    return "bursts" if trace.has_bursts else "none"


@trace_app.command("export")
def export_command(
    run: RunArgument,
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE", help="JSON file to write.")
    ],
    kind: Annotated[
        Literal["perfetto"],
        typer.Option("--format", help="Chrome trace JSON for ui.perfetto.dev."),
    ] = "perfetto",
    bursts: Annotated[
        str | None,
        typer.Option(
            "--bursts", metavar="A-B", help="First to last burst of each request."
        ),
    ] = None,
    requests: Annotated[
        str | None,
        typer.Option(
            "--requests",
            metavar="A-B",
            help="First to last request, of one replication.",
        ),
    ] = None,
    begin: Annotated[
        str | None,
        typer.Option(
            "--from", metavar="TIME", help="Start with its unit: 1500ns, 1.5us."
        ),
    ] = None,
    end: Annotated[
        str | None,
        typer.Option("--to", metavar="TIME", help="End with its unit, not included."),
    ] = None,
    replication: Annotated[
        int | None,
        typer.Option(
            "--replication",
            min=0,
            help="Which chip. Default: that of the first request.",
        ),
    ] = None,
    max_slices: Annotated[
        int,
        typer.Option("--max-slices", min=1, help="Refuse a larger file."),
    ] = 1_000_000,
    time_scale: Annotated[
        Literal["us", "ps"],
        typer.Option("--time-scale", help="us: true time; ps: 1 ps is shown as 1 ns."),
    ] = "us",
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Write the holds and waits of a run for a timeline viewer."""
    wanted_bursts, wanted_requests = (
        None if text is None else parse_range(text, option, example)
        for text, option, example in (
            (bursts, "--bursts", "0-3"),
            (requests, "--requests", "0-7"),
        )
    )
    if out.exists() and not force:
        raise problem(str(out), "the file already exists", "Use --force to replace it.")
    from simcore.report.json_report import result_document
    from simcore.trace.perfetto import Selection, Window, write_perfetto
    from simcore.trace.perfetto.export import LARGE_BYTES, large_file

    selection = Selection(
        bursts=wanted_bursts,
        requests=wanted_requests,
        from_ps=_time(begin, "--from"),
        to_ps=_time(end, "--to"),
        replication=replication,
    )
    trace = _open(run)
    window = Window(trace, selection)
    window.require_at_most(max_slices)
    if window.estimated_bytes > LARGE_BYTES and not quiet:
        write_note(large_file(window))
    write_perfetto(trace, window, out, time_scale)
    if as_json:
        result = {
            "file": str(out),
            "format": kind,
            "slices": window.n_slices,
            "bytes": out.stat().st_size,
            "replication": window.replication,
            "bursts": None if wanted_bursts is None else list(wanted_bursts),
            "requests": None if wanted_requests is None else list(wanted_requests),
            "from_ps": selection.from_ps,
            "to_ps": selection.to_ps,
        }
        write_result(result_document("trace export", result))
    else:
        write_result(f"wrote {out} ({window.n_slices:,} slices)")
    if not quiet:
        write_note(
            "open it at https://ui.perfetto.dev (the file stays on your machine)"
        )
    return DONE


def parse_range(text: str, option: str, example: str) -> tuple[int, int]:
    """First and last number of `A-B` or `A`.

    Parameters
    ----------
    text : str
        As on the command line.
    option, example : str
        For the message.

    Raises
    ------
    typer.BadParameter
        If it is neither.
    """
    match = re.fullmatch(r"([0-9]{1,9})(?:-([0-9]{1,9}))?", text.strip())
    if match is None:
        raise typer.BadParameter(
            f"{text[:60]!r} is not A-B, for example {example}", param_hint=option
        )
    first, last = int(match[1]), int(match[2] or match[1])
    if first > last:
        raise typer.BadParameter(
            f"{text[:60]!r}: the first must not be above the last",
            param_hint=option,
        )
    return first, last


def _time(text: str | None, option: str) -> int | None:
    """Picoseconds of an option, if it is given."""
    from simcore.trace.perfetto.text import parse_time

    if text is None:
        return None
    try:
        return parse_time(text)
    except ValueError as error:
        raise typer.BadParameter(str(error), param_hint=option) from None


def _open(run: Path) -> Trace:
    # A folder that is not there is a slip of the pen, not a damaged trace.
    if not run.exists():
        raise problem(str(run), "there is no such run folder")
    if not run.is_dir():
        raise problem(str(run), "this is a file, not a run folder")
    from simcore.trace.reader import read_trace

    return read_trace(run)
