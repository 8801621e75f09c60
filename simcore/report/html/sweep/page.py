"""The page of a sweep, section by section."""

from __future__ import annotations

import json
from pathlib import Path

from simcore.report.html.page import Section, page
from simcore.report.html.sweep.against import against
from simcore.report.html.sweep.findings import (
    basis,
    findings,
    header,
    points,
    reproduce,
)
from simcore.report.html.sweep.maps import maps
from simcore.report.html.sweep.pareto import pareto
from simcore.report.html.sweep.view import SweepView


def sweep_page(folder: Path) -> str:
    """The report of a sweep as one HTML file.

    Parameters
    ----------
    folder : Path
        That `simcore sweep` wrote.

    Returns
    -------
    str
        The same for the same sweep, whatever the machine and the time.

    Raises
    ------
    TraceError
        If the sweep is unfinished or damaged.
    """
    view = SweepView.of(folder)
    config = {**view.manifest["config"], "sweep": view.manifest["sweep"]}
    text = json.dumps(config, indent=1, sort_keys=True)
    sections = [
        Section("What it says", findings(view)),
        *(
            Section(f"Against {view.name_of(field)}", against(view, field))
            for field in view.fields
            if len(view.values_of(field)) > 1
        ),
        Section("Two knobs", maps(view)),
        Section("Pareto front", pareto(view)),
        Section("Points", points(view)),
        Section("What this stands on", basis(view)),
        Section("Sweep again", reproduce(view, text)),
    ]
    return page(f"{view.manifest['scenario']} - simcore sweep", header(view), sections)
