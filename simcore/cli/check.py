"""`simcore check`: what a file means, what is doubtful, what a run would cost."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from simcore.cli.failures import CHECK_FAILED, DONE
from simcore.cli.options import (
    AllowOutsideOption,
    JsonOption,
    KindOption,
    QuietOption,
    SetOption,
)
from simcore.cli.output import write_note, write_result

if TYPE_CHECKING:
    from collections.abc import Sequence

    from simcore.config.describe import FileKind
    from simcore.config.plausibility import Finding


def check_command(
    source: Annotated[
        str,
        typer.Argument(
            metavar="NAME_OR_FILE",
            help="A scenario; or hardware, a model, an acceptance or a library.",
        ),
    ],
    overrides: SetOption = None,
    strict: Annotated[
        bool,
        typer.Option("--strict", help="Exit with 3 when a number is implausible."),
    ] = False,
    kind: KindOption = None,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Check a scenario without running it.

    Prints the resolved values, warnings, how large a run would be, what the closed
    form predicts, and which hardware numbers are implausible and why. Other files
    are loaded and their numbers judged.
    """
    from simcore.cli.kinds import chosen_kind
    from simcore.config.describe import FILE_KINDS

    # What is meant is a scenario, so a model of the same name needs no word.
    found = chosen_kind(source, kind, FILE_KINDS, quiet=True)
    if found != "scenario":
        if overrides:
            raise typer.BadParameter(f"--set changes a scenario, and this is a {found}")
        return _check_part(found, source, strict, allow_outside, as_json)
    from simcore.analysis.estimate import estimate_scenario
    from simcore.config.load import load_scenario
    from simcore.config.plausibility import lint_scenario
    from simcore.experiments.plan import plan_run
    from simcore.report.check_text import check_report, check_result
    from simcore.report.facts import next_commands
    from simcore.report.json_report import result_document
    from simcore.report.layout import sections
    from simcore.report.plausibility_text import findings_result, plausibility_section

    loaded = load_scenario(source, overrides or (), allow_outside=allow_outside)
    estimate, plan = estimate_scenario(loaded), plan_run(loaded)
    findings = lint_scenario(loaded)
    if as_json:
        result = check_result(estimate, plan)
        result["plausibility"] = findings_result(findings)
        write_result(result_document("check", result))
    else:
        report = check_report(estimate, plan)
        write_result(sections([report, plausibility_section(findings)]))
    if not quiet:
        changes = "".join(f" --set {change}" for change in overrides or ())
        write_note(next_commands(f"simcore run {source}{changes}"))
    return _exit_code(findings, strict)


def _check_part(
    kind: FileKind, source: str, strict: bool, allow_outside: bool, as_json: bool
) -> int:
    from simcore.config.describe import describe
    from simcore.config.plausibility import lint_description
    from simcore.report.json_report import result_document
    from simcore.report.layout import sections
    from simcore.report.plausibility_text import findings_result, plausibility_section

    entries = [
        (each, lint_description(each))
        for each in describe(kind, source, allow_outside=allow_outside)
    ]
    if as_json:
        checked = [
            {"name": each.name, "plausibility": findings_result(findings)}
            for each, findings in entries
        ]
        write_result(result_document("check", {"kind": kind, "checked": checked}))
    else:
        parts = []
        for each, findings in entries:
            parts.append(f"{kind} {each.name} is valid")
            if kind in ("hardware", "library"):
                parts.append(plausibility_section(findings))
        write_result(sections(parts))
    return _exit_code([f for _, findings in entries for f in findings], strict)


def _exit_code(findings: Sequence[Finding], strict: bool) -> int:
    doubtful = any(finding.level == "warning" for finding in findings)
    return CHECK_FAILED if strict and doubtful else DONE
