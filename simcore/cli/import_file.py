"""`simcore import`: what other programs wrote, as a model or an acceptance file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from simcore.cli.failures import DONE, problem
from simcore.cli.options import ForceOption, JsonOption, QuietOption
from simcore.cli.output import write_note, write_result

if TYPE_CHECKING:
    from simcore.config.importers.recording import ImportOptions

_SUFFIXES = (".yaml", ".yml")
_BITS_ARE_ASSUMED = (
    "activation_bits is assumed: a config.json has no such field. Set it to what the "
    "converters of the chip deliver."
)


def import_command(
    format_name: Annotated[
        str,
        typer.Argument(
            metavar="FORMAT",
            help="huggingface, stats, vllm, prometheus, sglang, spec-bench, "
            "position-trace; auto looks into the first file.",
        ),
    ],
    files: Annotated[
        list[Path], typer.Argument(metavar="FILE...", help="Added up if several.")
    ],
    out: Annotated[
        Path, typer.Option("--out", metavar="FILE.yaml", help="File to write.")
    ],
    convention: Annotated[
        Literal["accepted", "committed"] | None,
        typer.Option(
            help="What the file counts: accepted drafts (bonus token excluded) or "
            "committed tokens (included). Default: as the format says or totals show."
        ),
    ] = None,
    draft_length: Annotated[
        int | None,
        typer.Option(
            "--draft-length", min=0, max=1024, help="K, if the file does not say it."
        ),
    ] = None,
    kind: Annotated[
        Literal["histogram", "burst_replay", "position_replay"] | None,
        typer.Option(help="Default: what keeps most of the recording."),
    ] = None,
    records: Annotated[
        int | None,
        typer.Option(
            "--records", metavar="N", min=1, help="Only the first N of each file."
        ),
    ] = None,
    method: Annotated[
        str | None,
        typer.Option(metavar="NAME", help="Which drafter of a position trace."),
    ] = None,
    source: Annotated[
        str | None,
        typer.Option(metavar="TEXT", help="Where it was measured; goes into the file."),
    ] = None,
    label: Annotated[
        str | None, typer.Option(metavar="TEXT", help="Caveat for reports.")
    ] = None,
    force: ForceOption = False,
    as_json: JsonOption = False,
    quiet: QuietOption = False,
) -> int:
    """Write a model or an acceptance file from what another program wrote.

    Reads a config.json of Hugging Face, and recorded acceptance from the public
    calculator, vLLM, SGLang, Spec-Bench and SpecDecode-Bench. The bonus token is
    counted differently in them: what a file shows is checked, the rest must be stated.
    """
    from simcore.config.importers.formats import FORMATS
    from simcore.config.importers.recording import ImportOptions

    if format_name not in FORMATS:
        raise typer.BadParameter(
            f"{format_name[:60]!r} is not one of {', '.join(FORMATS)}",
            param_hint="FORMAT",
        )
    if out.suffix.lower() not in _SUFFIXES:
        raise problem(str(out), "the name must end in .yaml", "It is read by its name.")
    if out.exists() and not force:
        raise problem(str(out), "the file already exists", "Use --force to replace it.")
    options = ImportOptions(convention, draft_length, kind, method, records)
    stated = {"source": source, "label": label}
    if format_name == "auto":
        format_name = _detected(files[0])
    if format_name == "huggingface":
        report, result = _model(files, options, stated, out)
    else:
        report, result = _acceptance(format_name, files, options, stated, out)
    if as_json:
        from simcore.report.json_report import result_document

        write_result(result_document("import", result))
    else:
        write_result(report)
        if not quiet:
            write_note(_next(format_name, out))
    return DONE


def _detected(file: Path) -> str:
    from simcore.config.document import raise_problems
    from simcore.config.importers.importing import detected
    from simcore.config.importers.records import open_inputs

    inputs, problems = open_inputs([file])
    raise_problems(problems)
    return detected(inputs[0])


def _acceptance(
    format_name: str,
    files: list[Path],
    options: ImportOptions,
    stated: dict[str, str | None],
    out: Path,
) -> tuple[str, dict[str, Any]]:
    from simcore.config.importers.importing import import_acceptance
    from simcore.report.import_text import import_report, import_result

    imported = import_acceptance(
        format_name, files, options, source=stated["source"], label=stated["label"]
    )
    _write(out, imported.text)
    return import_report(imported, out), import_result(imported, out)


def _model(
    files: list[Path],
    options: ImportOptions,
    stated: dict[str, str | None],
    out: Path,
) -> tuple[str, dict[str, Any]]:
    from simcore.config.describe import describe
    from simcore.config.huggingface import is_huggingface
    from simcore.config.sources import open_source
    from simcore.report.import_text import model_report
    from simcore.report.show_text import show_report

    given = {
        "--convention": options.convention,
        "--draft-length": options.draft_length,
        "--kind": options.kind,
        "--records": options.records,
        "--method": options.method,
        **{f"--{name}": value for name, value in stated.items()},
    }
    unused = [name for name, value in given.items() if value is not None]
    if unused:
        raise typer.BadParameter(f"{unused[0]} means nothing for a model")
    if len(files) > 1:
        raise typer.BadParameter("a model is one file", param_hint="FILE...")
    # By its path, so that no shipped model of that name is taken instead.
    opened = open_source("scenario", files[0]).document
    if not is_huggingface(opened.data):
        raise problem(
            str(files[0]),
            "not a config.json of Hugging Face",
            "It has fields like model_type and hidden_size.",
        )
    described = describe("model", _as_path(files[0]))
    text = f"# Imported by `simcore import huggingface`.\n{show_report(described)}\n"
    _write(out, text)
    name = described[0].name
    notes = [_BITS_ARE_ASSUMED]
    result = {
        "path": str(out),
        "format": "huggingface",
        "kind": "model",
        "model": described[0].data,
        "notes": notes,
    }
    return model_report(name, out, notes), result


def _as_path(file: Path) -> str:
    text = str(file)
    return text if "/" in text else f"./{text}"


def _write(out: Path, text: str) -> None:
    from simcore.trace.folder import AtomicFile

    with AtomicFile(out) as file:
        file.write(text.encode())


def _next(format_name: str, out: Path) -> str:
    from simcore.report.facts import next_commands

    field = "model" if format_name == "huggingface" else "acceptance"
    return next_commands(
        f"simcore check {out}", f"simcore estimate SCENARIO --set {field}={out}"
    )
