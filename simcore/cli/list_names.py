"""`simcore list`: what can be named in a scenario or on the command line."""

from __future__ import annotations

from typing import Annotated, Literal

import typer

from simcore.cli.failures import DONE
from simcore.cli.options import JsonOption
from simcore.cli.output import write_result

_SHIPPED: dict[str, Literal["scenario", "hardware", "model", "acceptance"]] = {
    "scenarios": "scenario",
    "models": "model",
    "hardware": "hardware",
    "acceptance": "acceptance",
}
_KINDS = ("policies", *_SHIPPED)


def list_command(
    kind: Annotated[
        str,
        typer.Argument(metavar="KIND", help=f"{', '.join(_KINDS)}."),
    ],
    as_json: JsonOption = False,
) -> int:
    """List the names that a scenario may use, with a line about each."""
    from simcore.report.json_report import result_document
    from simcore.report.list_text import list_report

    if kind not in _KINDS:
        raise typer.BadParameter(
            f"{kind[:60]!r} is not one of {', '.join(_KINDS)}", param_hint="KIND"
        )
    listing = _policies() if kind == "policies" else _shipped(kind)
    if as_json:
        write_result(result_document("list", {"kind": kind, "listing": listing}))
    else:
        write_result(list_report(listing))
    return DONE


def _policies() -> dict[str, dict[str, str]]:
    from simcore.program.schedules import SCHEDULES
    from simcore.program.verification import VERIFICATIONS

    return {
        "schedule": {policy.name: policy.summary for policy in SCHEDULES},
        "verification": {policy.name: policy.summary for policy in VERIFICATIONS},
    }


def _shipped(kind: str) -> dict[str, dict[str, str]]:
    from simcore.config.shipped import shipped_files, shown_path

    files = shipped_files(_SHIPPED[kind])
    return {kind: {name: shown_path(path) for name, path in files.items()}}
