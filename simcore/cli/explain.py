"""`simcore explain hardware`: the numbers of a chip and where they are from."""

from __future__ import annotations

from typing import Annotated

import typer

from simcore.cli.failures import DONE
from simcore.cli.kinds import chosen_kind
from simcore.cli.options import AllowOutsideOption, JsonOption, QuietOption
from simcore.cli.output import write_result


def explain_command(
    topic: Annotated[
        str, typer.Argument(metavar="TOPIC", help="What to explain: hardware.")
    ],
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_FILE",
            help="Hardware, a scenario (its hardware) or a component library.",
        ),
    ],
    kind: Annotated[
        str | None,
        typer.Option(metavar="KIND", help="When a name stands for several things."),
    ] = None,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """List the numbers of a chip with unit, status and source.

    Assumed numbers first, then those that are implausible and why.
    """
    if topic != "hardware":
        raise typer.BadParameter(
            f"{topic[:60]!r} is not a topic; there is: hardware", param_hint="TOPIC"
        )
    from simcore.config.describe import describe, hardware_values
    from simcore.config.load import load_scenario
    from simcore.config.plausibility import lint_description, lint_hardware
    from simcore.report.explain_text import hardware_report, hardware_result
    from simcore.report.json_report import result_document
    from simcore.report.layout import sections

    found = chosen_kind(source, kind, ("hardware", "library", "scenario"), quiet)
    if found == "scenario":
        scenario = load_scenario(source, allow_outside=allow_outside)
        chip = scenario.hardware
        findings = lint_hardware(chip, scenario.accounting)
        entries = [(chip.name, hardware_values(chip), findings)]
    else:
        entries = [
            (each.name, each.values, lint_description(each))
            for each in describe(found, source, allow_outside=allow_outside)
        ]
    if as_json:
        results = [hardware_result(*entry) for entry in entries]
        write_result(result_document(f"explain {topic}", {"hardware": results}))
    else:
        write_result(sections(hardware_report(*entry) for entry in entries))
    return DONE
