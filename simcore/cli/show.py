"""`simcore show`: a configuration as it is used, and where each value came from."""

from __future__ import annotations

from typing import Annotated

import typer

from simcore.cli.failures import DONE
from simcore.cli.kinds import chosen_kind
from simcore.cli.options import (
    AllowOutsideOption,
    JsonOption,
    KindOption,
    QuietOption,
    SetOption,
)
from simcore.cli.output import write_result


def show_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_FILE",
            help="A scenario, hardware, model, acceptance or component library.",
        ),
    ],
    kind: KindOption = None,
    overrides: SetOption = None,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Print a resolved configuration as YAML.

    Every value has a comment: explicit, library, profile, derived or default, and
    the status of hardware numbers. The output can be loaded again.
    """
    from simcore.config.describe import FILE_KINDS, describe
    from simcore.report.json_report import result_document
    from simcore.report.show_text import show_report, show_result

    found = chosen_kind(source, kind, FILE_KINDS, quiet)
    if overrides and found != "scenario":
        raise typer.BadParameter(f"--set changes a scenario, and this is a {found}")
    described = describe(found, source, overrides or (), allow_outside)
    if as_json:
        write_result(result_document("show", show_result(described)))
    else:
        write_result(show_report(described))
    return DONE
