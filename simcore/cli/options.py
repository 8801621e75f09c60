"""Options that mean the same in every command."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

#: Most requests or bursts that can be asked for.
MOST_REQUESTS = 100_000_000

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
BurstsOption = Annotated[
    int | None,
    typer.Option(
        "--bursts", min=1, max=MOST_REQUESTS, help="At least so many bursts instead."
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
KindOption = Annotated[
    str | None,
    typer.Option(metavar="KIND", help="When a name stands for several things."),
]
RunArgument = Annotated[
    Path, typer.Argument(metavar="RUN", help="Folder that `simcore run` wrote.")
]
