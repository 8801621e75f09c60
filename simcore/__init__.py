"""Event simulation of LLM inference by speculative decoding on an accelerator.

Public names are imported on first use, so that `import simcore` stays fast.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from simcore.analysis.estimate import Estimate, estimate
    from simcore.config.load import (
        load_acceptance,
        load_hardware,
        load_model,
        load_scenario,
    )
    from simcore.experiments.run import RunResult, simulate
    from simcore.experiments.sweep import SweepResult, sweep
    from simcore.experiments.validate import ValidationReport, validate
    from simcore.program.schedules import register_schedule
    from simcore.trace.reader import Trace, read_trace

_HOME = {
    "Estimate": "simcore.analysis.estimate",
    "estimate": "simcore.analysis.estimate",
    "load_acceptance": "simcore.config.load",
    "load_hardware": "simcore.config.load",
    "load_model": "simcore.config.load",
    "load_scenario": "simcore.config.load",
    "register_schedule": "simcore.program.schedules",
    "RunResult": "simcore.experiments.run",
    "simulate": "simcore.experiments.run",
    "SweepResult": "simcore.experiments.sweep",
    "sweep": "simcore.experiments.sweep",
    "ValidationReport": "simcore.experiments.validate",
    "validate": "simcore.experiments.validate",
    "Trace": "simcore.trace.reader",
    "read_trace": "simcore.trace.reader",
}

__all__ = [
    "Estimate",
    "RunResult",
    "SweepResult",
    "Trace",
    "ValidationReport",
    "__version__",
    "estimate",
    "load_acceptance",
    "load_hardware",
    "load_model",
    "load_scenario",
    "read_trace",
    "register_schedule",
    "simulate",
    "sweep",
    "validate",
]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(import_module(_HOME[name]), name)
    raise AttributeError(f"module 'simcore' has no attribute {name!r}")


def __dir__() -> list[str]:
    return sorted(__all__)
