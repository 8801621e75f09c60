"""`simcore validate`: compare the simulation with the closed form."""

from __future__ import annotations

import time

from simcore.cli.failures import exit_code_for
from simcore.cli.options import (
    AllowOutsideOption,
    JsonOption,
    QuietOption,
    ScenarioArgument,
    SeedOption,
    SetOption,
)
from simcore.cli.output import write_note, write_result
from simcore.cli.progress import progress_on_stderr


def validate_command(
    scenario: ScenarioArgument,
    seed: SeedOption = None,
    overrides: SetOption = None,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Compare the simulation with the closed form.

    Every accepted length at several contexts, expected values, and the laws of
    conservation. Exits with 3 if a check does not hold. No trace is kept.
    """
    from simcore.config.load import load_scenario

    loaded = load_scenario(scenario, overrides or (), allow_outside=allow_outside)
    from simcore.experiments.validate import validate
    from simcore.report.json_report import result_document
    from simcore.report.validation_text import validation_report, validation_result

    used = loaded.seed if seed is None else seed
    started = time.monotonic()
    with progress_on_stderr(quiet) as progress:
        report = validate(loaded, seed=seed, progress=progress)
    if as_json:
        document = validation_result(loaded, report.to_dict(), used)
        write_result(result_document("validate", document))
    else:
        write_result(validation_report(loaded, report.to_dict(), used))
    if not quiet:
        write_note(f"took {time.monotonic() - started:.1f} s")
    return exit_code_for([report.holds])
