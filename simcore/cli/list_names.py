"""`simcore list`: what can be named in a scenario or on the command line."""

from __future__ import annotations

from typing import Annotated

import typer

from simcore.cli.failures import DONE
from simcore.cli.options import JsonOption
from simcore.cli.output import write_result


def list_command(
    kind: Annotated[
        str,
        typer.Argument(
            metavar="KIND",
            help="scenarios, hardware, libraries, models, acceptance, policies or "
            "operations.",
        ),
    ],
    as_json: JsonOption = False,
) -> int:
    """List names, with a line about each and the file that defines it."""
    from simcore.report.json_report import result_document
    from simcore.report.list_text import LIST_KINDS, list_report, list_result, listing

    if kind not in LIST_KINDS:
        raise typer.BadParameter(
            f"{kind[:60]!r} is not one of {', '.join(LIST_KINDS)}", param_hint="KIND"
        )
    found = listing(kind)
    if as_json:
        result = {"kind": kind, "listing": list_result(found)}
        write_result(result_document("list", result))
    else:
        write_result(list_report(found))
    return DONE
