"""Simulation against formula: the comparisons, without running anything.

Level 1, conditional: a simulated burst with known (L, a) takes exactly the integer
composition, and the unrounded composition within the bound of its roundings; each
operation was held exactly as long as its cost says; energy agrees to 1e-12.
Level 2, expected: means over requests agree with the expectation, all tests together
at one family-wise error rate (Holm).
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from simcore.analysis.check import Check
from simcore.analysis.closed_form import RequestExpectation, request_expectation
from simcore.analysis.composition import Composition
from simcore.analysis.expectation import ExpectedBursts
from simcore.analysis.ledger import Ledger
from simcore.analysis.statistics import bernstein_p, holm
from simcore.program.burst import BurstProgram
from simcore.program.outcomes import BurstOutcome
from simcore.program.table import IntArray, OperationTable
from simcore.units import PS_PER_NS

#: Relative difference allowed between two ways to sum the same energies.
ENERGY_TOLERANCE = 1e-12

#: Probability that any expected-value test fails although everything is right.
FAMILYWISE_ERROR = 0.001

#: Roundings move a hold by at most half a picosecond each; the float composition
#: itself carries a relative error of a few units in the last place.
_ROUNDING_PS = 0.5
_FLOAT_ERROR = 1e-12

#: Relative difference of two sums of the same numbers in another order.
_SUM_ERROR = 1e-12


@dataclass(frozen=True)
class ConditionalRow:
    """One simulated burst beside both compositions."""

    context_length: int
    accepted: int
    committed: int
    simulated_ps: int
    composed_ps: int
    float_difference_ps: float
    float_bound_ps: float
    differing_operations: tuple[str, ...]

    @property
    def difference_ps(self) -> int:
        """Simulated minus composed, which must be 0."""
        return self.simulated_ps - self.composed_ps

    @property
    def holds(self) -> bool:
        """Whether this burst agrees in every respect."""
        return (
            self.difference_ps == 0
            and abs(self.float_difference_ps) <= self.float_bound_ps
            and not self.differing_operations
        )

    def to_dict(self) -> dict[str, Any]:
        """Plain data."""
        return {
            **asdict(self),
            "difference_ps": self.difference_ps,
            "holds": self.holds,
        }


def conditional_row(
    composition: Composition,
    outcome: BurstOutcome,
    simulated_ps: int,
    duration_ps: IntArray | None = None,
) -> ConditionalRow:
    """Compare one simulated burst with the compositions of the same (L, a).

    Parameters
    ----------
    simulated_ps : int
        Burst start to burst end.
    duration_ps : ndarray of int64, optional
        Simulated duration of every hold by op_id, compared kind by kind.
    """
    steps = composition.verify_steps(outcome.accepted)
    burst = outcome.context_length, outcome.committed, steps
    composed, unrounded = composition.burst_ps(*burst), composition.burst_ns(*burst)
    float_ps = unrounded.total * PS_PER_NS
    differing: tuple[str, ...] = ()
    if duration_ps is not None:
        differing = differing_operations(composition, outcome, duration_ps)
    return ConditionalRow(
        context_length=outcome.context_length,
        accepted=outcome.accepted,
        committed=outcome.committed,
        simulated_ps=simulated_ps,
        composed_ps=int(composed.total),
        float_difference_ps=simulated_ps - float_ps,
        float_bound_ps=_ROUNDING_PS * composed.holds + _FLOAT_ERROR * float_ps,
        differing_operations=differing,
    )


def differing_operations(
    composition: Composition, outcome: BurstOutcome, duration_ps: IntArray
) -> tuple[str, ...]:
    """Kinds of operation that were not held as long as their cost says."""
    simulated = _busy_ps(composition.program.table, duration_ps)
    composed = composition.busy_ps(outcome.context_length, outcome.committed)
    return tuple(
        f"{operation} ({phase}): {simulated.get((phase, operation), 0)} ps simulated, "
        f"{composed.get((phase, operation), 0)} ps composed"
        for phase, operation in sorted(simulated.keys() | composed.keys())
        if simulated.get((phase, operation), 0) != composed.get((phase, operation), 0)
    )


def _busy_ps(
    table: OperationTable, duration_ps: IntArray
) -> dict[tuple[str, str], int]:
    busy: dict[tuple[str, str], int] = {}
    for op, ps in enumerate(duration_ps.tolist()):
        operation = table.operations[op]
        if operation.channel != "gate":
            key = (table.phase[op], operation.name)
            busy[key] = busy.get(key, 0) + ps
    return busy


def conditional_checks(
    rows: Sequence[ConditionalRow], bursts: int | None = None
) -> list[Check]:
    """The two latency checks and the per-operation check over many bursts.

    Parameters
    ----------
    rows : sequence of ConditionalRow
        At least one; equal bursts need only one.
    bursts : int, optional
        How many bursts the rows stand for; one each by default.
    """
    worst = max(rows, key=lambda row: abs(row.difference_ps))
    worst_float = max(
        rows,
        key=lambda row: abs(row.float_difference_ps) / max(row.float_bound_ps, 1e-9),
    )
    differing = sorted({name for row in rows for name in row.differing_operations})
    n_bursts = len(rows) if bursts is None else bursts
    return [
        Check(
            "burst_latency_equals_integer_composition",
            worst.difference_ps == 0,
            f"{worst.difference_ps} ps",
            "0 ps",
            f"{n_bursts} bursts; worst at L = {worst.context_length}, "
            f"a = {worst.accepted}",
        ),
        Check(
            "burst_latency_equals_float_closed_form",
            all(abs(row.float_difference_ps) <= row.float_bound_ps for row in rows),
            f"{worst_float.float_difference_ps:.1f} ps",
            f"{worst_float.float_bound_ps:.1f} ps",
            "0.5 ps for each hold on the longest path",
        ),
        Check(
            "operations_held_as_long_as_their_cost",
            not differing,
            f"{len(differing)} kinds differ",
            "0",
            "; ".join(differing[:8]),
        ),
    ]


def energy_check(
    program: BurstProgram,
    composition: Composition,
    occurred: Mapping[BurstOutcome, int],
    energy_pj: float,
) -> Check:
    """Simulated energy against the closed form of the bursts that occurred."""
    counted = ExpectedBursts({o: float(n) for o, n in occurred.items()})
    expected = request_expectation(program, counted, composition).dynamic_energy_pj
    scale = max(abs(expected), abs(energy_pj))
    error = abs(energy_pj - expected) / scale if scale else 0.0
    return Check(
        "energy_equals_closed_form",
        error <= ENERGY_TOLERANCE,
        f"{error:.2e}",
        f"{ENERGY_TOLERANCE:.0e}",
        f"relative, {sum(occurred.values())} bursts as they occurred",
    )


def outcome_values(
    program: BurstProgram, composition: Composition, ledger: Ledger
) -> dict[str, Callable[[BurstOutcome], float]]:
    """What one burst adds to each tested total of its request, by formula."""

    def traffic(memory: str, direction: str) -> Callable[[BurstOutcome], float]:
        return lambda o: ledger.bytes(o.context_length, o.committed).get(
            (memory, direction), 0
        )

    return {
        "latency_ns": lambda o: (
            composition.burst_ns(o.context_length, o.committed).total
        ),
        "energy_pj": lambda o: ledger.energy_pj(o.context_length, o.committed),
        "committed_tokens": lambda o: o.committed,
        "bursts": lambda o: 1,
        "wasted_verify_steps": lambda o: program.draft_length - o.accepted,
        "hbm_read_bytes": traffic("hbm", "read"),
        "hbm_write_bytes": traffic("hbm", "write"),
        # Most that roundings can move the latency.
        "rounding_ns": lambda o: (
            _ROUNDING_PS
            / PS_PER_NS
            * composition.burst_ps(o.context_length, o.committed).holds
        ),
    }


def expected_checks(
    expectation: RequestExpectation,
    expected: ExpectedBursts,
    values: Mapping[str, Callable[[BurstOutcome], float]],
    per_request: Mapping[str, npt.ArrayLike],
) -> list[Check]:
    """Means over simulated requests against the expectation.

    The p values are bounds that hold for any number of requests, from the variance
    that the acceptance model itself gives to a request's total.

    Parameters
    ----------
    expectation : RequestExpectation
        Of one request.
    expected : ExpectedBursts
        What it is the expectation over.
    values : mapping of str to callable
        As `outcome_values`.
    per_request : mapping of str to array
        Simulated totals of every request, by the names of `values`.
    """
    wanted = {
        "latency_ns": expectation.total_latency_ns,
        "energy_pj": expectation.dynamic_energy_pj,
        "committed_tokens": expectation.committed_tokens,
        "bursts": expectation.bursts,
        "wasted_verify_steps": expectation.wasted_verify_steps,
        "hbm_read_bytes": expectation.traffic_bytes.get(("hbm", "read"), 0.0),
        "hbm_write_bytes": expectation.traffic_bytes.get(("hbm", "write"), 0.0),
    }
    means, p_values = [], []
    for name, truth in wanted.items():
        sample = np.asarray(per_request[name], dtype=np.float64)
        mean = math.fsum(sample) / sample.size
        # Roundings to whole picoseconds, and sums in another order, are no evidence.
        slack = _SUM_ERROR * max(abs(truth), abs(mean))
        if name == "latency_ns":
            slack += expected.expect(values["rounding_ns"])
        difference = max(0.0, abs(mean - truth) - slack)
        moments = expected.moments(values[name])
        means.append(mean)
        p_values.append(
            bernstein_p(difference, moments.variance, moments.reach, sample.size)
        )
    rejected = holm(p_values, FAMILYWISE_ERROR)
    n = len(np.asarray(per_request["bursts"]))
    return [
        Check(
            f"expected_{name}_per_request",
            not reject,
            f"{mean:.6g}",
            f"{truth:.6g}",
            f"p <= {p:.3g} (Bernstein), Holm over {len(wanted)} tests at "
            f"{FAMILYWISE_ERROR:.1%}, n = {n}",
        )
        for (name, truth), mean, p, reject in zip(
            wanted.items(), means, p_values, rejected, strict=True
        )
    ]
