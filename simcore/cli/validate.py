"""`simcore validate`: compare the simulation with the closed form, or with theory."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Annotated

import typer

from simcore.cli.failures import exit_code_for, problem
from simcore.cli.options import (
    AllowOutsideOption,
    JsonOption,
    QuietOption,
    SeedOption,
    SetOption,
)
from simcore.cli.output import write_note, write_result
from simcore.cli.progress import ProgressCallback, progress_on_stderr

if TYPE_CHECKING:
    from simcore.config.scenario import ScenarioConfig
    from simcore.experiments.theory import TheoryReport


def validate_command(
    scenario: Annotated[
        str | None,
        typer.Argument(
            metavar="NAME_OR_FILE",
            help="A shipped scenario by name, or a YAML file; not needed for --theory.",
        ),
    ] = None,
    theory: Annotated[
        bool,
        typer.Option(
            "--theory",
            help="Compare the engine's queues with queueing theory; takes a minute.",
        ),
    ] = False,
    seed: SeedOption = None,
    overrides: SetOption = None,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Compare the simulation with the closed form.

    Every accepted length at several contexts, expected values, and the laws of
    conservation. With --theory, mean waits of M/M/1, M/D/1, M/G/1 and M/M/3 through
    the engine's resources, and Little's law. Exits with 3 if a check does not hold. No
    trace is kept.
    """
    started = time.monotonic()
    if scenario is not None:
        from simcore.config.load import load_scenario

        loaded = load_scenario(scenario, overrides or (), allow_outside=allow_outside)
        holds = _scenario(loaded, seed, theory=theory, as_json=as_json, quiet=quiet)
    elif not theory:
        raise problem(
            "NAME_OR_FILE",
            "a scenario or --theory is needed",
            "For example `simcore validate tiny`.",
        )
    elif overrides or allow_outside:
        option = "--set" if overrides else "--allow-outside"
        raise problem(option, "changes a scenario, and none is named")
    else:
        holds = _theory_alone(seed, as_json=as_json, quiet=quiet)
    if not quiet:
        write_note(f"took {time.monotonic() - started:.1f} s")
    return exit_code_for([holds])


def _scenario(
    scenario: ScenarioConfig,
    seed: int | None,
    *,
    theory: bool,
    as_json: bool,
    quiet: bool,
) -> bool:
    from simcore.experiments.validate import validate
    from simcore.report.json_report import result_document
    from simcore.report.validation_text import validation_report, validation_result

    used = scenario.seed if seed is None else seed
    with progress_on_stderr(quiet) as progress:
        report = validate(scenario, seed=seed, theory=theory, progress=progress)
        queues = _theory(used, progress) if theory else None
    more = None if queues is None else queues.to_dict()
    if as_json:
        document = validation_result(scenario, report.to_dict(), used, more)
        write_result(result_document("validate", document))
    else:
        write_result(validation_report(scenario, report.to_dict(), used, more))
    return report.holds and (queues is None or queues.holds)


def _theory_alone(seed: int | None, *, as_json: bool, quiet: bool) -> bool:
    from simcore.report.json_report import result_document
    from simcore.report.theory_text import theory_report

    with progress_on_stderr(quiet) as progress:
        report = _theory(seed, progress)
    data = report.to_dict()
    if as_json:
        document = {"seed": report.seed, "holds": report.holds, "theory": data}
        write_result(result_document("validate", document))
    else:
        write_result(theory_report(data))
    return report.holds


def _theory(seed: int | None, progress: ProgressCallback | None) -> TheoryReport:
    from simcore.experiments.theory import DEFAULT_SEED, validate_theory

    used = DEFAULT_SEED if seed is None else seed
    return validate_theory(seed=used, progress=progress)
