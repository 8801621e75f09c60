"""The command line: parse, call, print; every exception becomes an exit code.

Commands import what they need when they run, so that `simcore --help` is quick.
"""

from __future__ import annotations

import gc
import sys
from collections.abc import Sequence
from typing import Annotated, Any

import typer

from simcore.cli import (
    check,
    compare,
    doctor,
    estimate,
    explain,
    import_file,
    init,
    list_names,
    report,
    resume,
    run,
    schema,
    show,
    sweep,
    trace,
    validate,
)
from simcore.cli.failures import DONE, Failure, failure_of
from simcore.cli.output import mute, write_note, write_result
from simcore.errors import SimcoreError
from simcore.report.json_report import error_document

_EPILOG = (
    "Exit codes: 0 done; 1 bug in simcore; 2 something you named is wrong; 3 a check "
    "did not hold or the simulation failed; 4 the system refused or a trace is "
    "damaged; 130 interrupted."
)

#: Objects between two garbage collections, instead of Python's hundreds.
_COLLECT_AFTER = 50_000

app = typer.Typer(
    name="simcore",
    help="Simulate LLM inference by speculative decoding, event by event.",
    epilog=_EPILOG,
    # Plain help: rich would take as long to load as everything else together.
    rich_markup_mode=None,
    add_completion=False,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


def _print_version(wanted: bool) -> None:
    if not wanted:
        return
    from simcore.versions import (
        SHORT,
        package_version,
        python_version,
        simcore_version,
    )

    lines = [f"simcore {simcore_version()}", f"python {python_version()}"]
    lines += [f"{name} {package_version(name) or 'missing'}" for name in SHORT]
    write_result("\n".join(lines))
    raise typer.Exit


@app.callback(invoke_without_command=True)
def _top(
    context: typer.Context,
    version: Annotated[
        bool,
        typer.Option(
            "--version",
            callback=_print_version,
            is_eager=True,
            help="Print the versions and exit.",
        ),
    ] = False,
) -> None:
    if context.invoked_subcommand is None:
        write_result(context.get_help())


app.command("init")(init.init_command)
app.command("run")(run.run_command)
app.command("resume")(resume.resume_command)
app.command("rerun")(resume.rerun_command)
app.command("sweep")(sweep.sweep_command)
app.command("compare")(compare.compare_command)
app.command("validate")(validate.validate_command)
app.command("estimate")(estimate.estimate_command)
app.command("check")(check.check_command)
app.command("show")(show.show_command)
app.command("explain")(explain.explain_command)
app.command("report")(report.report_command)
app.command("schema")(schema.schema_command)
app.command("import")(import_file.import_command)
app.command("list")(list_names.list_command)
app.command("doctor")(doctor.doctor_command)
app.add_typer(trace.trace_app, name="trace")


def main(arguments: Sequence[str] | None = None) -> None:
    """Entry point of the `simcore` command; ends the process.

    Parameters
    ----------
    arguments : sequence of str or None
        Without the program's name; None: those of the process.
    """
    # Imports make many objects that stay: collecting among them again and again takes
    # a quarter of the time of a short command.
    gc.set_threshold(_COLLECT_AFTER, 20, 20)
    sys.exit(execute(sys.argv[1:] if arguments is None else arguments))


def execute(arguments: Sequence[str]) -> int:
    """Run one command and return its exit code.

    Parameters
    ----------
    arguments : sequence of str
        Without the program's name.
    """
    try:
        return _invoke(list(arguments))
    except typer.Exit as end:
        return int(end.exit_code)
    except BrokenPipeError:
        # The reader of the help text has gone away.
        mute(sys.stdout)
        return DONE
    # One place turns everything into a message: nobody sees a raw traceback.
    except (Exception, KeyboardInterrupt) as error:
        failure = failure_of(error)
    _tell(failure, arguments)
    return failure.exit_code


def _invoke(arguments: list[str]) -> int:
    command: Any = typer.main.get_command(app)
    with command.make_context("simcore", arguments) as context:
        result = command.invoke(context)
    return DONE if result is None else int(result)


def _tell(failure: Failure, arguments: Sequence[str]) -> None:
    write_note(failure.text)
    if "--json" in arguments:
        document = error_document(
            _command_of(arguments), failure.kind, failure.text, failure.problems
        )
        try:
            write_result(document)
        except SimcoreError as error:
            write_note(str(error))


def _command_of(arguments: Sequence[str]) -> str:
    """Name of the command in a command line that may not even be valid."""
    names = [argument for argument in arguments if not argument.startswith("-")]
    known = {command.name for command in app.registered_commands}
    inner = {command.name for command in trace.trace_app.registered_commands}
    if names[:1] == ["trace"]:
        return " ".join(["trace", *(n for n in names[1:2] if n in inner)])
    return next((name for name in names[:1] if name in known), "")
