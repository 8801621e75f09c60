"""Equal times everywhere: the composition grants HBM in the engine's order."""

from __future__ import annotations

import pytest
from tie_prone_chips import tie_prone_case

from simcore.analysis.composition import Composition
from simcore.engine.simulate import simulate_replication
from simcore.program.outcomes import BurstOutcome
from simcore.trace.recorder import NullRecorder

#: Two HBM legs become ready at one instant, the lower step's after holds of no
#: duration: the engine has granted the other one by then. Found by a search.
LATE_AT_THE_INSTANT = (148, 378, 443, 455, 697, 724, 725)


def difference_ps(seed: int) -> int:
    case = tie_prone_case(seed)
    outcome = BurstOutcome(case.context_length, 0, 1)
    (times,) = simulate_replication(case.program, {0: [outcome]}, NullRecorder())
    composed = Composition(case.program).burst_ps(case.context_length, 1)
    return int(times.end_ps - composed.total)


@pytest.mark.parametrize("first", range(0, 80, 20))
def test_coinciding_holds_compose_as_they_are_simulated(first: int) -> None:
    assert {seed: difference_ps(seed) for seed in range(first, first + 20)} == (
        dict.fromkeys(range(first, first + 20), 0)
    )


@pytest.mark.parametrize("seed", LATE_AT_THE_INSTANT)
def test_a_leg_made_ready_by_holds_of_no_duration_comes_after_those_before(
    seed: int,
) -> None:
    assert difference_ps(seed) == 0
