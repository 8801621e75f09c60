"""`simcore estimate`: the closed form alone, nothing is simulated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

import typer

from simcore.cli.draft_lengths import parse_draft_lengths
from simcore.cli.failures import DONE, problem
from simcore.cli.options import (
    AllowOutsideOption,
    ForceOption,
    JsonOption,
    QuietOption,
    SetOption,
)
from simcore.cli.output import write_note, write_result
from simcore.cli.prompt_lengths import parse_prompt_lengths

if TYPE_CHECKING:
    from simcore.config.scenario import ScenarioConfig

_LONGEST = 100_000_000
_CALCULATOR = "selfspec-calculator"


class _Parts(NamedTuple):
    """What stands in for a scenario."""

    model: str | None
    hardware: str | None
    acceptance: str | None

    def given(self) -> list[str]:
        return [
            f"--{name}" for name, value in self._asdict().items() if value is not None
        ]


class _Settings(NamedTuple):
    """What the options change; None: as it is."""

    prompt_length: int | None
    draft_length: int | None
    max_tokens: int | None
    schedule: str | None
    accounting: str | None


def estimate_command(
    scenario: Annotated[
        str | None,
        typer.Argument(
            metavar="[NAME_OR_FILE]",
            help="A scenario; or give --model, --hardware and --acceptance.",
        ),
    ] = None,
    prompt_lengths: Annotated[
        str | None,
        typer.Option(
            "--prompt-lengths",
            metavar="LIST",
            help="Sweep: 64,128,256 or '64:4096:*2' or 64:256:+64.",
        ),
    ] = None,
    prompt_length: Annotated[
        int | None,
        typer.Option("--prompt-length", min=0, max=_LONGEST, help="One length."),
    ] = None,
    draft_length: Annotated[
        int | None,
        typer.Option("--draft-length", min=0, max=1024, help="Drafts per burst (K)."),
    ] = None,
    k_sweep: Annotated[
        str | None,
        typer.Option(
            "--k-sweep",
            metavar="LIST",
            help="Draft lengths to compare: 0:8 or 0,2,4, or with measured means of "
            "accepted drafts 2=1.31,4=1.96.",
        ),
    ] = None,
    area: Annotated[
        bool, typer.Option("--area", help="Area and static power by component.")
    ] = False,
    sensitivity: Annotated[
        bool,
        typer.Option("--sensitivity", help="Scale what is uncertain by 0.1 to 10."),
    ] = False,
    model: Annotated[
        str | None,
        typer.Option(help="model.yaml, a Hugging Face config.json, or a name."),
    ] = None,
    hardware: Annotated[
        str | None, typer.Option(help="Hardware YAML or a name.")
    ] = None,
    acceptance: Annotated[
        str | None, typer.Option(help="stats.json, YAML or a name.")
    ] = None,
    max_tokens: Annotated[
        int | None,
        typer.Option(
            min=1, max=_LONGEST, help="New tokens; default: one burst (no scenario)."
        ),
    ] = None,
    schedule: Annotated[
        Literal["serialized", "layer-pipelined", "prefetch", "overlap"] | None,
        typer.Option(help="Default: that of the scenario or the hardware."),
    ] = None,
    accounting: Annotated[
        Literal["physical", "selfspec-calculator"] | None,
        typer.Option(help="Profile of modelling switches."),
    ] = None,
    overrides: SetOption = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", metavar="FILE", help="Write the JSON there as well."),
    ] = None,
    force: ForceOption = False,
    allow_outside: AllowOutsideOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Estimate by the closed form, at one prompt length or several.

    Latency, energy, throughput, and whether speculation pays, without simulating.
    """
    parts = _Parts(model, hardware, acceptance)
    _check_usage(scenario, parts, prompt_length, prompt_lengths, overrides)
    candidates = None if k_sweep is None else parse_draft_lengths(k_sweep)
    lengths: list[int] | None = None
    if prompt_lengths is not None:
        smallest = 0 if accounting == _CALCULATOR else 1
        lengths = parse_prompt_lengths(prompt_lengths, smallest)
    elif prompt_length is not None:
        lengths = [prompt_length]
    if output is not None and output.exists() and not force:
        raise problem(
            str(output), "the file already exists", "Use --force to replace it."
        )
    from simcore.report.estimate_result import EstimateResult
    from simcore.report.estimate_text import estimate_report
    from simcore.report.json_report import result_document

    settings = _Settings(
        lengths[0] if lengths else None,
        draft_length,
        max_tokens,
        schedule,
        accounting,
    )
    if scenario is not None:
        loaded = _of_scenario(scenario, settings, overrides or [], allow_outside)
    else:
        loaded = _of_parts(parts, settings, allow_outside)
    found = EstimateResult.of(
        loaded,
        lengths or [loaded.workload.prompt_length],
        candidates,
        with_area=area,
        with_sensitivity=sensitivity,
    )
    document = None
    if output is not None or as_json:
        document = result_document("estimate", found.to_dict())
    if output is not None:
        from simcore.trace.folder import AtomicFile

        with AtomicFile(output) as file:
            file.write(f"{document}\n".encode())
        if not quiet:
            write_note(f"wrote {output}")
    write_result(document if as_json and document else estimate_report(found))
    return DONE


def _check_usage(
    scenario: str | None,
    parts: _Parts,
    prompt_length: int | None,
    prompt_lengths: str | None,
    overrides: list[str] | None,
) -> None:
    given = parts.given()
    if prompt_length is not None and prompt_lengths is not None:
        raise typer.BadParameter("give --prompt-length or --prompt-lengths, not both")
    if scenario is not None:
        if given:
            raise typer.BadParameter(
                f"give a scenario or {given[0]}, not both; "
                "--set model=... changes a scenario"
            )
        return
    missing = [
        name for name in ("--model", "--hardware", "--acceptance") if name not in given
    ]
    if prompt_length is None and prompt_lengths is None:
        missing.append("--prompt-length")
    if missing:
        raise typer.BadParameter(
            f"without a scenario, {', '.join(missing)} must be given"
        )
    if overrides:
        raise typer.BadParameter("--set changes a scenario, and none is given")


def _of_scenario(
    name: str, settings: _Settings, overrides: list[str], allow_outside: bool
) -> ScenarioConfig:
    from simcore.config.load import load_scenario

    # An option is an override like any other: its problems name the field.
    keys = {
        "workload.prompt_length": settings.prompt_length,
        "workload.draft_length": settings.draft_length,
        "workload.max_tokens": settings.max_tokens,
        "schedule": settings.schedule,
        "accounting": settings.accounting,
    }
    changes = [f"{key}={value}" for key, value in keys.items() if value is not None]
    return load_scenario(name, [*changes, *overrides], allow_outside=allow_outside)


def _of_parts(
    parts: _Parts, settings: _Settings, allow_outside: bool
) -> ScenarioConfig:
    from simcore.config.load import (
        load_acceptance,
        load_hardware,
        load_model,
        load_scenario,
    )

    lenient = settings.accounting == _CALCULATOR
    passed_over: list[str] = []
    document: dict[str, Any] = {
        "name": "estimate",
        "model": load_model(str(parts.model), lenient=lenient, warnings=passed_over),
        "hardware": load_hardware(
            str(parts.hardware),
            allow_outside=allow_outside,
            lenient=lenient,
            warnings=passed_over,
        ),
        "acceptance": load_acceptance(
            str(parts.acceptance), lenient=lenient, warnings=passed_over
        ),
        "workload": {
            "prompt_length": settings.prompt_length,
            **({} if settings.max_tokens else {"mode": "burst"}),
            **_given("max_tokens", settings.max_tokens),
            **_given("draft_length", settings.draft_length),
        },
        "load_warnings": tuple(passed_over),
        **_given("schedule", settings.schedule),
        **_given("accounting", settings.accounting),
    }
    return load_scenario(document)


def _given(key: str, value: object) -> dict[str, object]:
    return {} if value is None else {key: value}
