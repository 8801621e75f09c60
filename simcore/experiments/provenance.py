"""On what a result was made; belongs into manifests and nowhere else."""

from __future__ import annotations

import platform
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import simcore

_PACKAGES = ("simpy", "numpy", "scipy", "pyarrow", "pydantic", "duckdb")


def provenance() -> dict[str, Any]:
    """Versions, host and time of now."""
    return {
        "versions": {
            "simcore": simcore.__version__,
            "python": platform.python_version(),
            **{name: version(name) for name in _PACKAGES},
        },
        "host": platform.node(),
        "platform": platform.platform(),
        "created_at": datetime.now(UTC).isoformat(timespec="seconds"),
    }
