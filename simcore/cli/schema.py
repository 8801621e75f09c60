"""`simcore schema`: JSON Schema of the files that people write."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from simcore.cli.failures import DONE, problem
from simcore.cli.options import ForceOption, JsonOption, QuietOption
from simcore.cli.output import write_note, write_result


def schema_command(
    kind: Annotated[
        str | None,
        typer.Argument(
            metavar="[KIND]",
            help="model, hardware, acceptance, scenario or library; default: all.",
        ),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", metavar="DIR", help="Write KIND.schema.json there."),
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Print or write the JSON Schema of input files.

    An editor that knows it completes names and shows units and ranges; the shipped
    files name theirs in their first line.
    """
    from simcore.config.json_schema import (
        SCHEMA_KINDS,
        file_name,
        json_schema,
        schema_text,
    )
    from simcore.report.json_report import result_document

    if kind is not None and kind not in SCHEMA_KINDS:
        raise typer.BadParameter(
            f"{kind[:60]!r} is not one of {', '.join(SCHEMA_KINDS)}",
            param_hint="KIND",
        )
    kinds = [name for name in SCHEMA_KINDS if kind in (None, name)]
    if out is None:
        if as_json:
            schemas = {name: json_schema(name) for name in kinds}
            write_result(result_document("schema", {"schemas": schemas}))
        elif kind is not None:
            write_result("".join(map(schema_text, kinds)).rstrip("\n"))
        else:
            write_result("\n".join(kinds))
            if not quiet:
                write_note("next: simcore schema KIND   |   simcore schema --out DIR")
        return DONE
    paths = {name: out / file_name(name) for name in kinds}
    for path in paths.values():
        if path.exists() and not force:
            raise problem(
                str(path), "the file already exists", "Use --force to replace it."
            )
    from simcore.trace.folder import AtomicFile

    out.mkdir(parents=True, exist_ok=True)
    for name, path in paths.items():
        with AtomicFile(path) as file:
            file.write(schema_text(name).encode())
    if as_json:
        files = {name: str(path) for name, path in paths.items()}
        write_result(result_document("schema", {"files": files}))
    else:
        write_result("\n".join(f"wrote {path}" for path in paths.values()))
    return DONE
