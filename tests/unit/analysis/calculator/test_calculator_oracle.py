"""Every number of the public calculator's recorded outputs, to 1e-9.

The file lies beside a checkout and is not part of it.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from calculator_cases import chip_of, numbers
from peer_names import peer_k_sweep, peer_point, peer_sweep

from simcore.analysis.calculator import (
    Calculator,
    CalculatorReport,
    Candidate,
    sweep_draft_lengths,
)
from simcore.analysis.calculator.speculation import speculation
from simcore.config.acceptance import HistogramAcceptance

ORACLE = (
    Path(__file__).resolve().parents[5]
    / "shared"
    / "data"
    / "oracle"
    / "closed_form_public.jsonl"
)
TOLERANCE = 1e-9

pytestmark = pytest.mark.skipif(
    not ORACLE.is_file(), reason="the recorded outputs are not beside the checkout"
)


def _cases(kind: str) -> list[dict[str, Any]]:
    if not ORACLE.is_file():
        return []
    rows = map(json.loads, ORACLE.read_text(encoding="utf-8").splitlines())
    return [row for row in rows if row["kind"] == kind]


def _report(inputs: dict[str, Any], prompt_lengths: list[int]) -> CalculatorReport:
    stats = HistogramAcceptance.model_validate(inputs["stats"])
    chip = chip_of(inputs["model"], inputs["hardware"])
    return Calculator(chip).report(speculation(stats), prompt_lengths)


def assert_same(ours: dict[str, Any], theirs: dict[str, Any]) -> int:
    """Compare every leaf; how many numbers were compared, which is all of theirs.

    The recorded outputs leave zeros out: what they lack must be 0 or None here. What
    they have, we must have.
    """
    mine, wanted = dict(numbers(ours)), dict(numbers(theirs))
    assert wanted.keys() <= mine.keys()
    assert all(mine[path] in (0, None) for path in mine.keys() - wanted.keys())
    compared = 0
    for path, expected in wanted.items():
        if expected is None or isinstance(expected, str | bool):
            assert mine[path] == expected, path
            continue
        # The difference of two nearly equal metrics has their absolute error.
        scale = _scale(path, wanted) if path.endswith("_diff") else abs(expected)
        assert abs(mine[path] - expected) <= TOLERANCE * scale, path
        compared += 1
    assert compared == sum(is_number(value) for value in wanted.values())
    return compared


def is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _scale(path: str, wanted: dict[str, Any]) -> float:
    prefix, _, name = path.rpartition("delta.")
    return float(abs(wanted[f"{prefix}metrics.{name.removesuffix('_diff')}"]))


@pytest.mark.parametrize("case", _cases("point"), ids=lambda case: case["id"])
def test_recorded_estimates(case: dict[str, Any]) -> None:
    report = _report(case["inputs"], [case["inputs"]["l_prompt"]])
    theirs = case["outputs"]
    mapping = theirs.pop("dpu_feature_mapping")
    ours = peer_point(report.to_dict())
    # Where coefficients are from is the loader's knowledge, not in resolved specs.
    assert ours.pop("dpu_feature_mapping").keys() == mapping.keys()
    assert assert_same(ours, theirs) > 90


@pytest.mark.parametrize("case", _cases("sweep"), ids=lambda case: case["id"])
def test_recorded_sweeps(case: dict[str, Any]) -> None:
    lengths = case["inputs"]["prompt_lengths"]
    ours = peer_sweep(_report(case["inputs"], lengths).to_dict(breakdown=False))
    assert assert_same(ours, case["outputs"]) == 17 * len(lengths)


@pytest.mark.parametrize("case", _cases("ksweep"), ids=lambda case: case["id"])
def test_recorded_draft_length_sweep(case: dict[str, Any]) -> None:
    inputs = case["inputs"]
    candidates = [
        Candidate(c["k"], c["expected_accepted_tokens"]) for c in inputs["candidates"]
    ]
    calculator = Calculator(chip_of(inputs["model"], inputs["hardware"]))
    sweep = sweep_draft_lengths(calculator, candidates, inputs["prompt_lengths"])
    assert assert_same(peer_k_sweep(sweep.to_dict()), case["outputs"]) > 30
