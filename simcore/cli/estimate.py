"""`simcore estimate`: the closed form alone, nothing is simulated."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

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
    from simcore.analysis.estimate import Estimate

_LONGEST = 100_000_000


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
            help="Sweep: 64,128,256 or 64:4096:*2 or 64:256:+64.",
        ),
    ] = None,
    prompt_length: Annotated[
        int | None,
        typer.Option("--prompt-length", min=1, max=_LONGEST, help="One length."),
    ] = None,
    draft_length: Annotated[
        int | None,
        typer.Option("--draft-length", min=0, max=1024, help="Drafts per burst (K)."),
    ] = None,
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
        Literal["serialized", "layer-pipelined"] | None,
        typer.Option(help="Default: that of the scenario or the hardware."),
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
    parts = {"--model": model, "--hardware": hardware, "--acceptance": acceptance}
    _check_usage(scenario, parts, prompt_length, prompt_lengths, overrides)
    from simcore.report.estimate_text import estimate_report, estimate_result
    from simcore.report.json_report import result_document

    if output is not None and output.exists() and not force:
        raise problem(
            str(output), "the file already exists", "Use --force to replace it."
        )
    lengths: list[int] | None = None
    if prompt_lengths is not None:
        lengths = parse_prompt_lengths(prompt_lengths)
    elif prompt_length is not None:
        lengths = [prompt_length]
    if scenario is not None:
        changes = [
            *(overrides or ()),
            *_override("workload.draft_length", draft_length),
            *_override("workload.max_tokens", max_tokens),
            *_override("schedule", schedule),
        ]
        found = _of_scenario(scenario, changes, lengths, allow_outside)
    else:
        found = _of_parts(
            str(model),
            str(hardware),
            str(acceptance),
            lengths or [],
            draft_length,
            max_tokens,
            schedule,
            allow_outside,
        )
    document = result_document("estimate", estimate_result(found))
    if output is not None:
        from simcore.trace.folder import AtomicFile

        with AtomicFile(output) as file:
            file.write(f"{document}\n".encode())
        if not quiet:
            write_note(f"wrote {output}")
    write_result(document if as_json else estimate_report(found))
    return DONE


def _check_usage(
    scenario: str | None,
    parts: dict[str, str | None],
    prompt_length: int | None,
    prompt_lengths: str | None,
    overrides: list[str] | None,
) -> None:
    given = [name for name, value in parts.items() if value is not None]
    if prompt_length is not None and prompt_lengths is not None:
        raise typer.BadParameter("give --prompt-length or --prompt-lengths, not both")
    if scenario is not None:
        if given:
            raise typer.BadParameter(
                f"give a scenario or {given[0]}, not both; "
                "--set model=... changes a scenario"
            )
        return
    missing = [name for name in parts if name not in given]
    if prompt_length is None and prompt_lengths is None:
        missing.append("--prompt-length")
    if missing:
        raise typer.BadParameter(
            f"without a scenario, {', '.join(missing)} must be given"
        )
    if overrides:
        raise typer.BadParameter("--set changes a scenario, and none is given")


def _override(key: str, value: object) -> list[str]:
    return [] if value is None else [f"{key}={value}"]


def _of_scenario(
    name: str,
    changes: list[str],
    lengths: list[int] | None,
    allow_outside: bool,
) -> list[Estimate]:
    from simcore.analysis.estimate import estimate_scenario
    from simcore.config.load import load_scenario

    if lengths is None:
        loaded = load_scenario(name, changes, allow_outside=allow_outside)
        return [estimate_scenario(loaded)]
    # The length is an override like any other: its problems name the field.
    return [
        estimate_scenario(
            load_scenario(
                name,
                [*changes, f"workload.prompt_length={length}"],
                allow_outside=allow_outside,
            )
        )
        for length in lengths
    ]


def _of_parts(
    model: str,
    hardware: str,
    acceptance: str,
    lengths: list[int],
    draft_length: int | None,
    max_tokens: int | None,
    schedule: Literal["serialized", "layer-pipelined"] | None,
    allow_outside: bool,
) -> list[Estimate]:
    from simcore.analysis.estimate import estimate
    from simcore.config.load import load_acceptance, load_hardware, load_model

    chip = load_hardware(hardware, allow_outside=allow_outside)
    network = load_model(model)
    accepted = load_acceptance(acceptance)
    return [
        estimate(
            network,
            chip,
            accepted,
            length,
            draft_length=draft_length,
            max_tokens=max_tokens,
            schedule=schedule,
        )
        for length in lengths
    ]
