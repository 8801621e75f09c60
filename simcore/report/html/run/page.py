"""The page of a run, section by section."""

from __future__ import annotations

from simcore.report.html.page import Section, page
from simcore.report.html.run.acceptance import acceptance
from simcore.report.html.run.basis import basis
from simcore.report.html.run.checks import cross_check
from simcore.report.html.run.distributions import distributions
from simcore.report.html.run.headline import header, headline, speculation
from simcore.report.html.run.memory import memory_bytes
from simcore.report.html.run.over_time import queues, sram, utilization
from simcore.report.html.run.reproduce import reproduce
from simcore.report.html.run.timeline import timeline
from simcore.report.html.run.view import RunView
from simcore.report.html.run.wasted import wasted_work
from simcore.report.html.run.where_it_goes import where_it_goes
from simcore.trace.reader import Trace


def run_page(trace: Trace) -> str:
    """The report of a run as one HTML file.

    Parameters
    ----------
    trace : Trace
        A run with or without events; what needs events then says so.

    Returns
    -------
    str
        The same for the same run folder, whatever the machine and the time.

    Raises
    ------
    TraceError
        If a file of the run is damaged.
    """
    view = RunView.of(trace)
    sections = [
        Section("Results", headline(view)),
        Section("Does speculation pay", speculation(view)),
        Section("One burst", timeline(view)),
        Section("Where time and energy go", where_it_goes(view)),
        Section("Latency", distributions(view)),
        Section("Acceptance", acceptance(view)),
        Section("Utilization", utilization(view)),
        Section("Queues", queues(view)),
        Section("Memory", [memory_bytes(view), sram(view)]),
        Section("Wasted work", wasted_work(view)),
        Section("Simulation against theory", cross_check(view)),
        Section("What this stands on", basis(view)),
        Section("Run it again", reproduce(view)),
    ]
    return page(f"{view.scenario.name} - simcore", header(view), sections)
