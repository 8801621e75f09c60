"""How often intervals contain the truth: many small studies of which it is known.

Every study draws other outcomes of the same scenario; its bursts take what the closed
form says of them, so that the exact expectation is the truth and a study takes
milliseconds. The intervals are made as for any run.
"""

from __future__ import annotations

import math
from collections import Counter
from dataclasses import dataclass, field

import numpy as np

from simcore.analysis.burst_batches import BurstBatches
from simcore.analysis.burst_model import scenario_burst_model
from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composed_run import composed_run
from simcore.analysis.expectation import expected_bursts
from simcore.analysis.metrics import metric_interval
from simcore.analysis.run_rows import RunRows
from simcore.analysis.statistics import ratio_estimate
from simcore.analysis.variance_reduction import reduce_variance
from simcore.config.acceptance import MarkovAcceptance
from simcore.config.scenario import ScenarioConfig

METRIC = "latency_ns_per_token"


@dataclass
class StudyResult:
    """What many studies of one scenario found.

    Attributes
    ----------
    truth : float
        Exact expectation of the metric.
    studies : int
        How many were made.
    methods : Counter
        How often each method gave the interval.
    covered, made : Counter
        Intervals that contain the truth, and intervals there were: `headline` as in a
        summary, `reduced` by variance reduction, `naive` as if bursts were
        independent.
    relative_width : dict
        Mean half-width over the truth, of the same.
    bursts : float
        Of one study, on average.
    autocorrelation : float
        Lag 1 of the accepted lengths, on average.
    """

    truth: float
    studies: int
    methods: Counter[str] = field(default_factory=Counter)
    covered: Counter[str] = field(default_factory=Counter)
    made: Counter[str] = field(default_factory=Counter)
    relative_width: dict[str, float] = field(default_factory=dict)
    bursts: float = 0.0
    autocorrelation: float = 0.0

    def coverage(self, kind: str) -> float:
        """Share of the intervals that contain the truth."""
        return self.covered[kind] / self.made[kind] if self.made[kind] else math.nan


def interval_study(
    scenario: ScenarioConfig, studies: int, metric: str = METRIC
) -> StudyResult:
    """Count how often 95 % intervals of a metric contain the truth.

    Parameters
    ----------
    scenario : ScenarioConfig
        One request at a time; seeds 0, 1, ... replace its own.
    studies : int
        How many, >= 1.
    metric : str
        As in a summary; not `request_latency_ns`, of which bursts have no share.
    """
    model, expected = scenario_burst_model(scenario), expected_bursts(scenario)
    program = model.program
    truth = request_expectation(program, expected, burst=model).metrics()[metric]
    result = StudyResult(truth, studies)
    widths: dict[str, list[float]] = {}

    def note(kind: str, value: float, half_width: float | None) -> None:
        if half_width is not None:
            result.made[kind] += 1
            result.covered[kind] += abs(value - truth) <= half_width
            widths.setdefault(kind, []).append(half_width / truth)

    n_bursts, lags = [], []
    for seed in range(studies):
        bursts, requests = composed_run(scenario.model_copy(update={"seed": seed}))
        run = RunRows.of(bursts, requests)
        batch = BurstBatches(run, program).of(metric)
        ratio = run.cluster_ratios(program)[metric]
        found = metric_interval(ratio, run.clusters, batch)
        result.methods[str(found["method"])] += 1
        note("headline", found["value"], found["half_width"])
        naive = ratio_estimate(*run.burst_ratios(program)[metric])
        note("naive", naive.value, naive.half_width)
        reduced = reduce_variance(program, expected, bursts, requests)
        if metric in reduced.metrics:
            narrow = reduced.metrics[metric]
            note("reduced", narrow.value, narrow.half_width)
        n_bursts.append(run.n_bursts)
        accepted = bursts["accepted"] - np.mean(bursts["accepted"])
        lags.append(float(accepted[1:] @ accepted[:-1]) / float(accepted @ accepted))
    result.relative_width = {kind: float(np.mean(w)) for kind, w in widths.items()}
    result.bursts = float(np.mean(n_bursts))
    result.autocorrelation = float(np.mean(lags))
    return result


def study_scenarios(base: ScenarioConfig, keep: float) -> dict[str, ScenarioConfig]:
    """The four scenarios that coverage is stated for.

    Independent bursts and bursts that depend on the one before, each as many requests
    and as one long request.

    Parameters
    ----------
    base : ScenarioConfig
        With a histogram; its requests are 128 tokens or so long.
    keep : float
        Chance that a burst accepts what the one before did; otherwise it is drawn from
        the histogram. It is the lag-1 autocorrelation.
    """
    counts = base.acceptance.model_dump()["histogram"]
    k = base.workload.draft_length
    total = math.fsum(counts.values())
    shares = [(1 - keep) * counts.get(a, 0) / total for a in range(k + 1)]
    chain = {
        "kind": "markov",
        "k": k,
        "transitions": [
            [share + keep * (a == b) for b, share in enumerate(shares)]
            for a in range(k + 1)
        ],
    }
    markov = MarkovAcceptance.model_validate(chain, strict=False)
    # The correlation time is (1 + keep) / (1 - keep) bursts; a run spans 250 of them.
    long = round(250 * (1 + keep) / (1 - keep) * _mean_tokens(counts))
    found = {}
    for name, acceptance in (("independent", base.acceptance), ("chain", markov)):
        for shape, requests, tokens in (
            ("40 requests", 40, base.workload.max_tokens),
            ("one request", 1, long),
        ):
            workload = base.workload.model_copy(
                update={"requests": requests, "max_tokens": tokens}
            )
            found[f"{name}, {shape}"] = base.model_copy(
                update={"acceptance": acceptance, "workload": workload}
            )
    return found


def _mean_tokens(counts: dict[int, float]) -> float:
    total = math.fsum(counts.values())
    return math.fsum((a + 1) * n for a, n in counts.items()) / total
