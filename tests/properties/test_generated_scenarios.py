"""Laws that hold over any scenario, whatever its policies (A1, A3, A5, A7 to A12).

Every generated scenario is run with a full trace, and every check of the trace must
hold: order of time, tight gates, exclusive resources, capacity, conservation of bytes
and tokens, equal sums, complete holds.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcore.config.load import load_scenario
from simcore.errors import ProgramError
from simcore.experiments.run import simulate

POLICIES = [
    ("serialized", ()),
    ("layer-pipelined", ()),
    ("prefetch", ()),
    ("overlap", ("hardware.reuse_policy=reuse", "accounting.dac_banks=2")),
    ("layer-pipelined", ("hardware.reuse_policy=reuse",)),
]


@st.composite
def overrides(draw: Any) -> list[str]:
    schedule, needs = draw(st.sampled_from(POLICIES))
    streams = draw(st.integers(1, 4))
    k = draw(st.integers(0, 3))
    found = [
        f"schedule={schedule}",
        *needs,
        f"streams={streams}",
        f"workload.requests={streams * draw(st.integers(1, 2))}",
        f"workload.draft_length={k}",
        f"workload.max_tokens={draw(st.integers(1, 5))}",
        f"workload.prompt_length={draw(st.integers(1, 200))}",
        f"seed={draw(st.integers(0, 1000))}",
        f"jitter_cv={draw(st.sampled_from([0.0, 0.0, 0.4]))}",
        f"verification={draw(st.sampled_from(['full_burst', 'stop_at_mismatch']))}",
    ]
    if draw(st.booleans()):
        found += [
            "arrival.kind=poisson",
            f"arrival.rate_per_s={draw(st.sampled_from([1e3, 1e5, 1e7]))}",
        ]
    if draw(st.booleans()):
        found.append(
            f"hardware.memory.hbm.read_bandwidth_GBps={draw(st.integers(1, 64))}"
        )
    if draw(st.booleans()):
        found += [
            "hardware.memory.hbm.model=channel",
            "hardware.memory.hbm.channel.preset="
            + draw(st.sampled_from(["HBM2", "HBM3"])),
        ]
    # Room for one burst, or for a few: later ones wait.
    found.append(
        f"hardware.memory.sram.capacity_bytes={draw(st.integers(2_000, 20_000))}"
    )
    return found


def check(changes: list[str]) -> None:
    scenario = load_scenario("tiny", changes)
    with tempfile.TemporaryDirectory() as folder:
        try:
            result = simulate(scenario, out=Path(folder) / "run")
        except ProgramError as error:
            # A burst that can never fit is refused before anything is simulated.
            if "but the SRAM has" not in str(error):
                raise
            return
    assert not [str(found) for found in result.checks if not found.holds]
    tokens = result.summary["counts"]["tokens"]
    assert tokens == scenario.workload.requests * (scenario.workload.max_tokens or 0)


@settings(
    max_examples=100,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=True,
)
@given(overrides())
def test_every_law_holds_for_generated_scenarios(changes: list[str]) -> None:
    check(changes)


@pytest.mark.slow
@settings(
    max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.too_slow]
)
@given(overrides())
def test_every_law_holds_for_a_thousand_generated_scenarios(changes: list[str]) -> None:
    check(changes)
