"""Draft lengths compared, and the mean of an acceptance."""

from __future__ import annotations

import math
from typing import Any

import pytest
from calculator_cases import chip_of
from example_chips import tiny_chip, tiny_model

from simcore.analysis.calculator import (
    Calculator,
    Candidate,
    Speculation,
    sweep_draft_lengths,
)
from simcore.analysis.calculator.speculation import speculation
from simcore.config.acceptance import (
    AcceptanceConfig,
    BurstReplayAcceptance,
    FixedAcceptance,
    GeometricAcceptance,
    HistogramAcceptance,
    PositionReplayAcceptance,
)
from simcore.errors import ConfigError


@pytest.fixture
def calculator() -> Calculator:
    return Calculator(chip_of(tiny_model(), tiny_chip()))


def test_histogram_of_a_mean_is_the_two_integers_around_it() -> None:
    assert Candidate(5, 2.25).histogram == {2: 0.75, 3: 0.25}
    assert Candidate(5, 3.0).histogram == {3: 1.0}
    assert Candidate(5, 2.25).speculation == Speculation(5, 3.25)


def test_points_are_those_of_separate_reports(calculator: Calculator) -> None:
    candidates = [Candidate(4, 3.5), Candidate(1, 0.75)]
    sweep = sweep_draft_lengths(calculator, candidates, [10, 20])
    found = [(p.prompt_length, p.candidate) for p in sweep.points]
    assert found == [(length, c) for length in (10, 20) for c in candidates]
    for point in sweep.points:
        burst = point.candidate.speculation
        alone = calculator.report(burst, [point.prompt_length]).points[0]
        assert point.metrics == alone.metrics
        assert point.baseline_metrics == alone.baseline_metrics
        assert point.ratio == alone.ratio


def test_best_draft_length_of_each_metric(calculator: Calculator) -> None:
    # Drafts that are never accepted only add to a burst: the shortest is best.
    none = [Candidate(k, 0.0) for k in (3, 1, 2)]
    (best,) = sweep_draft_lengths(calculator, none, [1]).best
    assert (best.by_throughput, best.by_tokens_per_joule) == (1, 1)
    everything = [Candidate(k, float(k)) for k in (0, 1, 2)]
    data = sweep_draft_lengths(calculator, everything, [1]).to_dict()
    throughput = {
        p["draft_length"]: p["metrics"]["throughput_tokens_per_s"]
        for p in data["points"]
    }
    (found,) = data["best"]
    assert found["draft_length_by_throughput"] == max(throughput, key=throughput.get)


def test_the_smaller_of_equal_draft_lengths_is_best() -> None:
    # A chip without latency: throughput is 0 for all.
    chip = tiny_chip()
    for spec in chip["specs"].values():
        if isinstance(spec, dict):
            spec.update({key: 0.0 for key in spec if key.startswith("latency")})
    calculator = Calculator(chip_of(tiny_model(), chip))
    candidates = [Candidate(7, 1.0), Candidate(2, 1.0), Candidate(5, 1.0)]
    (best,) = sweep_draft_lengths(calculator, candidates, [1]).best
    assert best.by_throughput == 2


@pytest.mark.parametrize(
    ("candidates", "wording"),
    [
        ([], "candidates: must not be empty."),
        (
            [Candidate(-1, 0.0)],
            "candidates[0].draft_length: got -1; must be >= 0.",
        ),
        (
            [Candidate(2, 2.5)],
            "candidates[0].accepted: got 2.5; must be between 0 and the draft length "
            "(2).",
        ),
        (
            [Candidate(2, math.nan)],
            "candidates[0].accepted: got nan; must be between 0 and the draft length "
            "(2).",
        ),
        (
            [Candidate(2, 1.0), Candidate(2, 1.5)],
            "candidates[1].draft_length: 2 is there twice.",
        ),
    ],
)
def test_impossible_candidates(
    calculator: Calculator, candidates: list[Candidate], wording: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        sweep_draft_lengths(calculator, candidates, [1])
    assert str(caught.value).splitlines()[0] == wording


@pytest.mark.parametrize(
    ("acceptance", "draft_length", "expected"),
    [
        # (2 x 1 + 2 x 2 + 1 x 3 + 9 x 6) / 14
        (
            HistogramAcceptance(k=5, histogram={0: 2.0, 1: 2.0, 2: 1.0, 5: 9.0}),
            None,
            (5, 4.5),
        ),
        # The same cut at 2: (2 x 1 + 2 x 2 + 10 x 3) / 14
        (
            HistogramAcceptance(k=5, histogram={0: 2.0, 1: 2.0, 2: 1.0, 5: 9.0}),
            2,
            (2, 36 / 14),
        ),
        # 1 + 1/2 + 1/4 + 1/8
        (GeometricAcceptance(rate=0.5), 3, (3, 1.875)),
        (FixedAcceptance(accepted=2), 4, (4, 3.0)),
        (BurstReplayAcceptance(k=4, requests=((4, 0), (1,))), None, (4, 1 + 5 / 3)),
        (BurstReplayAcceptance(k=4, requests=((4, 0), (1,))), 2, (2, 2.0)),
    ],
)
def test_mean_of_an_acceptance(
    acceptance: AcceptanceConfig, draft_length: int | None, expected: tuple[Any, ...]
) -> None:
    found = speculation(acceptance, draft_length)
    assert (found.draft_length, found.committed) == pytest.approx(expected)


@pytest.mark.parametrize(
    ("acceptance", "draft_length", "wording"),
    [
        (GeometricAcceptance(rate=0.5), None, "workload.draft_length: missing."),
        (
            GeometricAcceptance(rate=0.5),
            -1,
            "workload.draft_length: got -1; must be >= 0.",
        ),
        (
            PositionReplayAcceptance(requests=((1, 2),)),
            2,
            "acceptance.kind: got 'position_replay'; must be histogram, geometric, "
            "fixed, burst_replay or markov. Accounting selfspec-calculator costs one "
            "burst of mean length.",
        ),
    ],
)
def test_acceptance_without_a_mean(
    acceptance: AcceptanceConfig, draft_length: int | None, wording: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        speculation(acceptance, draft_length)
    assert str(caught.value).splitlines()[0] == wording
