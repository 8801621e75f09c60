"""`simcore check`: what a scenario means and what a run of it would cost."""

from __future__ import annotations

from simcore.cli.failures import DONE
from simcore.cli.options import (
    AllowOutsideOption,
    JsonOption,
    QuietOption,
    ScenarioArgument,
    SetOption,
)
from simcore.cli.output import write_note, write_result


def check_command(
    scenario: ScenarioArgument,
    overrides: SetOption = None,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Check a scenario without running it.

    Prints the resolved values, warnings, how large a run would be, and what the
    closed form predicts.
    """
    from simcore.analysis.estimate import estimate_scenario
    from simcore.config.load import load_scenario
    from simcore.experiments.plan import plan_run
    from simcore.report.check_text import check_report, check_result
    from simcore.report.facts import next_commands
    from simcore.report.json_report import result_document

    loaded = load_scenario(scenario, overrides or (), allow_outside=allow_outside)
    estimate, plan = estimate_scenario(loaded), plan_run(loaded)
    if as_json:
        write_result(result_document("check", check_result(estimate, plan)))
    else:
        write_result(check_report(estimate, plan))
    if not quiet:
        changes = "".join(f" --set {change}" for change in overrides or ())
        write_note(next_commands(f"simcore run {scenario}{changes}"))
    return DONE
