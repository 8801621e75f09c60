"""A run against the closed form: every comparison that applies to it."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

from simcore.analysis.check import Check
from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composition import Composition
from simcore.analysis.crosscheck import (
    conditional_checks,
    conditional_row,
    energy_check,
    expected_checks,
    outcome_values,
)
from simcore.analysis.ledger import Ledger
from simcore.experiments.gather import Gathered
from simcore.experiments.plan import RunPlan
from simcore.units import PS_PER_NS


def formula_checks(
    plan: RunPlan, gathered: Gathered, requests: Mapping[str, Any]
) -> list[Check]:
    """Compare a run with the closed form.

    Parameters
    ----------
    plan : RunPlan
        What was run.
    gathered : Gathered
        What it gave.
    requests : mapping of str to ndarray
        Its `requests`.
    """
    if not plan.composes:
        return []
    composition = Composition(plan.program)
    rows = [
        conditional_row(composition, kind.outcome, kind.latency_ps)
        for kind in gathered.occurred
    ]
    checks = conditional_checks(rows, bursts=gathered.sums.bursts)[:2]
    if plan.scenario.event_only:
        return checks
    energy = energy_check(
        plan.program,
        composition,
        gathered.outcomes,
        math.fsum(requests["energy_pj"].tolist()),
    )
    expected = expected_checks(
        request_expectation(plan.program, plan.expected, composition),
        plan.expected,
        outcome_values(plan.program, composition, Ledger(plan.program)),
        {
            "latency_ns": requests["latency_ps"] / PS_PER_NS,
            "energy_pj": requests["energy_pj"],
            "committed_tokens": requests["tokens"],
            "bursts": requests["bursts"].astype(np.int64),
            "wasted_verify_steps": requests["wasted_verify_steps"],
            "hbm_read_bytes": requests["hbm_read_bytes"],
            "hbm_write_bytes": requests["hbm_write_bytes"],
        },
    )
    return [*checks, energy, *expected]
