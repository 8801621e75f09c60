"""The yardstick of benchmarks/ does the work of the engine, so that rates compare."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

from simcore.config.load import load_scenario
from simcore.engine.simulate import simulate_replication
from simcore.program.burst import scenario_program
from simcore.program.outcomes import request_outcomes
from simcore.trace.recorder import NullRecorder

BENCHMARKS = Path(__file__).parents[3] / "benchmarks"


@pytest.fixture
def natural_simpy(monkeypatch: pytest.MonkeyPatch) -> Any:
    monkeypatch.syspath_prepend(str(BENCHMARKS))
    module = pytest.importorskip("natural_simpy", reason="not in this distribution")
    yield module
    sys.modules.pop("natural_simpy", None)


def tiny(schedule: str, *changes: str) -> Any:
    return load_scenario(
        "tiny", [f"schedule={schedule}", "workload.draft_length=3", *changes]
    )


@pytest.mark.parametrize("schedule", ["serialized", "layer-pipelined"])
@pytest.mark.parametrize("streams", [1, 3])
def test_the_natural_model_executes_the_holds_of_the_engine(
    natural_simpy: Any, schedule: str, streams: int
) -> None:
    scenario = tiny(schedule)
    program = scenario_program(scenario, events=True)
    requests = {r: request_outcomes(scenario, r)[:3] for r in range(streams)}
    model = natural_simpy.NaturalModel(program)
    end_ps = model.run(requests)
    bursts = simulate_replication(program, requests, NullRecorder())
    assert model.holds == sum(burst.holds for burst in bursts) > 0
    if streams == 1:
        assert end_ps == max(burst.end_ps for burst in bursts)


@pytest.mark.parametrize(
    "changes", [("prefetch",), ("serialized", "verification=stop_at_mismatch")]
)
def test_programs_that_it_does_not_know_are_refused(
    natural_simpy: Any, changes: tuple[str, ...]
) -> None:
    program = scenario_program(tiny(*changes), events=True)
    with pytest.raises(ValueError, match="does not know this program"):
        natural_simpy.NaturalModel(program)
