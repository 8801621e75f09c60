"""A window of a run as Chrome trace JSON, for https://ui.perfetto.dev.

One process per kind of block and one thread per resource; every hold is a slice,
every wait an async slice of the process "queue", every burst a slice of the process
"bursts" with arrows from its drafts to its verification to its commit. The process
"chip" has counters: queue lengths, SRAM bytes, power.
"""

from __future__ import annotations

from simcore.trace.perfetto.export import export_perfetto, write_perfetto
from simcore.trace.perfetto.text import TimeScale
from simcore.trace.perfetto.window import Selection, Window

__all__ = ["Selection", "TimeScale", "Window", "export_perfetto", "write_perfetto"]
