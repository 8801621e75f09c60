"""When requests arrive: drawn before any time is simulated, in whole picoseconds."""

from __future__ import annotations

import math
from zlib import crc32

from simcore.config.scenario import ScenarioConfig
from simcore.program.random_words import random_words, uniform
from simcore.units import PS_PER_NS, PS_PER_S

_STREAM = crc32(b"arrival")


def arrivals_ps(scenario: ScenarioConfig, replication: int) -> list[int]:
    """Arrival of each request of one replication, in order of the requests.

    Parameters
    ----------
    scenario : ScenarioConfig
        Streams, arrival and seed.
    replication : int
        Number of the replication; its clock starts at 0.

    Returns
    -------
    list of int
        One for each of `streams` requests. A Poisson process draws one word a request
        by (seed, request), so that more streams do not change the first ones.
    """
    arrival, streams = scenario.arrival, scenario.streams
    if arrival.times_ns is not None:
        return [round(ns * PS_PER_NS) for ns in arrival.times_ns]
    if arrival.rate_per_s is None:
        return [0] * streams
    mean_ps = PS_PER_S / arrival.rate_per_s
    times, now = [], 0.0
    for request in range(replication * streams, (replication + 1) * streams):
        words = random_words(scenario.seed, (request, _STREAM), 1)
        now -= mean_ps * math.log(float(uniform(words)[0]))
        times.append(round(now))
    return times
