"""What `simcore import` says of the file that it has written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from simcore.config.importers.formats import TITLES
from simcore.config.importers.importing import Imported
from simcore.config.importers.recording import MEANING, Convention
from simcore.report.layout import bullets, table
from simcore.report.numbers import count, significant


def import_report(imported: Imported, out: Path) -> str:
    """What was found, how it was counted, and what to know about it.

    Parameters
    ----------
    imported : Imported
        The acceptance.
    out : pathlib.Path
        Where it was written.
    """
    acceptance: Any = imported.acceptance
    written: Convention = acceptance.convention
    rows = [["format", TITLES[imported.format]], ["kind", acceptance.kind]]
    if hasattr(acceptance, "k"):
        rows.append(["draft length", f"K = {acceptance.k}"])
    if imported.requests is not None:
        rows.append(["requests", count(imported.requests)])
    if imported.positions is not None:
        rows.append(["positions", count(imported.positions)])
    if imported.bursts is not None and imported.mean_accepted is not None:
        if imported.bursts % 1 == 0:
            rows.append(["bursts", count(int(imported.bursts))])
        mean = significant(imported.mean_accepted)
        committed = significant(imported.mean_accepted + 1)
        rows.append(["per burst", f"{mean} accepted drafts, {committed} tokens"])
    rows.append(["file counts", MEANING[imported.convention]])
    rows.append(["written as", MEANING[written]])
    return _report(out, rows, imported.notes)


def import_result(imported: Imported, out: Path) -> dict[str, Any]:
    """The same for machines."""
    acceptance: Any = imported.acceptance
    return {
        "path": str(out),
        "format": imported.format,
        "kind": acceptance.kind,
        "draft_length": getattr(acceptance, "k", None),
        "convention": {"file": imported.convention, "written": acceptance.convention},
        "requests": imported.requests,
        "bursts": imported.bursts,
        "positions": imported.positions,
        "mean_accepted": imported.mean_accepted,
        "source": acceptance.source,
        "notes": list(imported.notes),
    }


def model_report(name: str, out: Path, notes: Sequence[str]) -> str:
    """What was written of a model.

    Parameters
    ----------
    name : str
        Of the model.
    out : pathlib.Path
        Where it was written.
    notes : sequence of str
        What the user should know.
    """
    rows = [["format", TITLES["huggingface"]], ["model", name]]
    return _report(out, rows, notes)


def _report(out: Path, rows: list[list[str]], notes: Sequence[str]) -> str:
    lines = [f"wrote {out}", table(rows, left=2)]
    if notes:
        lines.append(bullets(notes))
    return "\n".join(lines)
