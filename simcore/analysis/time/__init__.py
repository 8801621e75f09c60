"""Why a run took as long as it did: utilization, queues, critical paths, waste.

Everything is read from the run folder; `analyse_time` is the way in.
"""

from simcore.analysis.time.analysis import (
    RequestPath,
    TimeAnalysis,
    analyse_time,
    path_of,
)
from simcore.analysis.time.queues import littles_law

__all__ = [
    "RequestPath",
    "TimeAnalysis",
    "analyse_time",
    "littles_law",
    "path_of",
]
