"""How uncertain results are because the acceptance was measured, not known.

The intervals of a simulation shrink with every request; this one does not. A histogram
of 14 bursts leaves much room for what the 15th would have been, and every histogram
that could stand behind the 14 gives another latency by the closed form. Only counts
carry this information: weights that are no counts, a rate or a fixed length have none.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any
from zlib import crc32

import numpy as np
import numpy.typing as npt
from scipy import special

from simcore.analysis.burst_model import BurstModel, scenario_burst_model
from simcore.analysis.leakage import gated_power_nw, total_power_nw
from simcore.config.acceptance import (
    BurstReplayAcceptance,
    HistogramAcceptance,
    MarkovAcceptance,
    PositionReplayAcceptance,
)
from simcore.config.scenario import ScenarioConfig, WorkloadConfig
from simcore.program.outcomes import OutcomeDraws, replay_lengths
from simcore.program.random_words import random_words, uniform
from simcore.units import NS_PER_S, PJ_PER_J, leakage_pj

_FloatArray = npt.NDArray[np.float64]

#: The same draws for every scenario and seed: the acceptance file decides, not luck.
_SEED = 0
_STREAM = crc32(b"input_uncertainty")

RESAMPLES = 2000

#: Fewer recorded requests cannot stand for all others.
MIN_RECORDINGS = 5

#: What a request adds up, in the order of the rows of a table of totals.
_TOTALS = ("latency_ns", "draft_ns", "energy_pj", "tokens", "bursts")


@dataclass(frozen=True)
class InputUncertainty:
    """Intervals of the closed form over what the acceptance may really be.

    Attributes
    ----------
    method : str or None
        `dirichlet` for counts, `bootstrap` over recorded requests; None without one.
    n_bursts_measured, n_requests_measured : int or None
        What the acceptance was measured on, as far as its file says.
    confidence : float
        Of the intervals.
    metrics : dict of str to dict
        `low`, `value` (by the acceptance as given) and `high` of each metric, for one
        request alone on the chip.
    reason : str
        Why there is no interval; empty when there is one.
    """

    method: str | None
    n_bursts_measured: int | None
    n_requests_measured: int | None
    confidence: float
    metrics: dict[str, dict[str, float]] = field(default_factory=dict)
    reason: str = ""

    def as_dict(self) -> dict[str, Any]:
        """Plain data."""
        return asdict(self)


def input_uncertainty(
    scenario: ScenarioConfig, confidence: float = 0.95
) -> InputUncertainty | None:
    """Intervals from the uncertainty of the measured acceptance alone.

    Counts: probabilities are drawn from the Dirichlet distribution of the counts plus
    a prior that weighs one burst in all. Recordings: requests are drawn with
    replacement. Between the quantiles of the metrics that follow lies the interval,
    widened to the given acceptance where that is outside.

    Parameters
    ----------
    scenario : ScenarioConfig
        Its acceptance, chip and workload.
    confidence : float
        Between 0 and 1.

    Returns
    -------
    InputUncertainty or None
        None for a rate or a fixed length: these are assumptions, not measurements.

    References
    ----------
    Barton, Nelson and Xie, Quantifying input uncertainty via simulation confidence
    intervals, INFORMS J. Computing 26 (2014) 74-87. Perks, J. Institute of Actuaries
    73 (1947) 285-334, for the prior.
    """
    acceptance = scenario.acceptance
    if isinstance(acceptance, HistogramAcceptance):
        return _of_counts(scenario, acceptance, confidence)
    if isinstance(acceptance, BurstReplayAcceptance | PositionReplayAcceptance):
        return _of_recordings(scenario, acceptance, confidence)
    if isinstance(acceptance, MarkovAcceptance):
        return InputUncertainty(
            None, None, None, confidence, reason="not worked out for a Markov chain"
        )
    return None


# Counts of bursts.


def _of_counts(
    scenario: ScenarioConfig, acceptance: HistogramAcceptance, confidence: float
) -> InputUncertainty:
    counts = np.zeros(acceptance.k + 1)
    for accepted, weight in acceptance.histogram.items():
        counts[accepted] = weight
    total = counts.sum()
    if total <= 1 or np.any(counts != np.rint(counts)):
        return InputUncertainty(
            None,
            None,
            None,
            confidence,
            reason="the histogram has weights, not counts of bursts",
        )
    words = random_words(_SEED, (_STREAM,), RESAMPLES * counts.size)
    gammas = special.gammaincinv(
        counts + 1 / counts.size, uniform(words).reshape(RESAMPLES, counts.size)
    )
    drawn = gammas / gammas.sum(axis=1, keepdims=True)
    probabilities = np.vstack([counts / total, drawn])
    totals = _expected_totals(
        scenario_burst_model(scenario), scenario.workload, _cut(scenario, probabilities)
    )
    return InputUncertainty(
        "dirichlet",
        int(total),
        None,
        confidence,
        _intervals(scenario, totals, confidence),
    )


def _cut(scenario: ScenarioConfig, probabilities: _FloatArray) -> _FloatArray:
    """Probabilities of min(a, K), one column for each a."""
    k = scenario.workload.draft_length
    head = probabilities[:, :k]
    return np.column_stack([head, probabilities[:, k:].sum(axis=1)])


def _expected_totals(
    model: BurstModel, workload: WorkloadConfig, probabilities: _FloatArray
) -> _FloatArray:
    """Expected totals of a request for each row of probabilities: [total, row]."""
    lengths = np.arange(probabilities.shape[1])
    # In mode burst a request is one burst whose tokens are never cut.
    generates = workload.mode == "generation"
    wanted = (workload.max_tokens or 0) if generates else 1
    done = np.repeat(np.arange(wanted), lengths.size)
    committed = np.tile(lengths + 1, wanted)
    if generates:
        committed = np.minimum(committed, wanted - done)
    each = _burst_totals(model, workload.prompt_length + done, committed)
    table = each.reshape(len(_TOTALS), wanted, lengths.size)
    # Bursts that start after t tokens, in a ring as long as a burst reaches.
    ring = lengths.size + 1
    starts = np.zeros((ring, len(probabilities)))
    starts[0] = 1.0
    totals = np.zeros((len(_TOTALS), len(probabilities)))
    for t in range(wanted):
        bursts = starts[t % ring] * probabilities.T
        starts[t % ring] = 0.0
        totals += table[:, t] @ bursts
        for accepted, weight in enumerate(bursts):
            starts[(t + accepted + 1) % ring] += weight
    return totals


def _burst_totals(
    model: BurstModel, contexts: npt.NDArray[np.int64], committed: npt.NDArray[np.int64]
) -> _FloatArray:
    """What bursts add to the totals of their requests: [total, burst]."""
    tokens = committed.astype(np.float64)
    draft, verify, commit = model.burst_ns(contexts, tokens)
    return np.stack(
        [
            draft + verify + commit,
            draft,
            model.costs.total_energy_pj.at(contexts, tokens),
            tokens,
            np.ones(contexts.shape),
        ]
    )


# Recorded requests.


def _of_recordings(
    scenario: ScenarioConfig,
    acceptance: BurstReplayAcceptance | PositionReplayAcceptance,
    confidence: float,
) -> InputUncertainty:
    k = scenario.workload.draft_length
    bursts = [
        len(replay_lengths(acceptance, number, k))
        for number in range(len(acceptance.requests))
    ]
    # In mode burst every recorded burst is replayed as a request of its own.
    owner = np.arange(len(bursts))
    if scenario.workload.mode == "burst":
        owner = np.repeat(owner, bursts)
    used = min(owner.size, scenario.workload.requests)
    recorded = int(owner[used - 1]) + 1
    measured = sum(bursts[:recorded])
    if recorded < MIN_RECORDINGS:
        seen = f"{recorded} recorded request{'s' if recorded > 1 else ''}"
        return InputUncertainty(
            None,
            measured,
            recorded,
            confidence,
            reason=f"{seen}, fewer than {MIN_RECORDINGS}",
        )
    draws, model = OutcomeDraws(scenario), scenario_burst_model(scenario)
    each = np.zeros((len(_TOTALS), recorded))
    for number in range(used):
        outcomes = draws.request(number)
        each[:, owner[number]] += _burst_totals(
            model,
            np.array([o.context_length for o in outcomes], dtype=np.int64),
            np.array([o.committed for o in outcomes], dtype=np.int64),
        ).sum(axis=1)
    totals = np.empty((len(_TOTALS), RESAMPLES + 1))
    totals[:, 0] = each.sum(axis=1)
    for row in range(RESAMPLES):
        chance = uniform(random_words(_SEED, (_STREAM, row), recorded))
        picked = np.bincount((chance * recorded).astype(int), minlength=recorded)
        totals[:, row + 1] = each @ picked
    return InputUncertainty(
        "bootstrap",
        measured,
        recorded,
        confidence,
        _intervals(scenario, totals, confidence),
    )


# Both.


def _intervals(
    scenario: ScenarioConfig, totals: _FloatArray, confidence: float
) -> dict[str, dict[str, float]]:
    """Interval of each metric; the first column is the acceptance as given."""
    latency, draft, dynamic, tokens, bursts = totals
    program = scenario_burst_model(scenario).program
    saved = leakage_pj(gated_power_nw(program), 1.0) * draft
    energy = dynamic + leakage_pj(total_power_nw(program), 1.0) * latency - saved
    values = {
        "latency_ns_per_token": latency / tokens,
        "energy_pj_per_token": energy / tokens,
        "committed_tokens_per_burst": tokens / bursts,
    }
    # Hardware without any cost is legal; it has no rates.
    if np.all(latency):
        values["throughput_tokens_per_s"] = NS_PER_S * tokens / latency
    if np.all(energy):
        values["tokens_per_joule"] = PJ_PER_J * tokens / energy
    tail = (1 - confidence) / 2
    found = {}
    for name, each in values.items():
        low, high = np.quantile(each[1:], [tail, 1 - tail])
        found[name] = {
            "low": float(min(low, each[0])),
            "value": float(each[0]),
            "high": float(max(high, each[0])),
        }
    return found
