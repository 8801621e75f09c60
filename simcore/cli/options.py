"""Options that mean the same in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

ScenarioArgument = Annotated[
    str,
    typer.Argument(
        metavar="NAME_OR_FILE", help="A shipped scenario by name, or a YAML file."
    ),
]
JsonOption = Annotated[
    bool, typer.Option("--json", help="Print one JSON document instead of text.")
]
QuietOption = Annotated[
    bool, typer.Option("--quiet", "-q", help="No progress and no notes on stderr.")
]
SetOption = Annotated[
    list[str] | None,
    typer.Option(
        "--set",
        metavar="KEY=VALUE",
        help="Change one value, e.g. workload.draft_length=3; may be repeated.",
    ),
]
SeedOption = Annotated[
    int | None,
    typer.Option("--seed", min=0, max=2**63 - 1, help="Seed of every random draw."),
]
ForceOption = Annotated[bool, typer.Option("--force", help="Replace what is there.")]
AllowOutsideOption = Annotated[
    bool,
    typer.Option(
        "--allow-outside",
        help="Let files refer to library files outside their own folder.",
    ),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder that `simcore run` wrote.")
]
