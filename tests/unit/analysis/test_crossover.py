"""L*: solved exactly where costs are linear, by bisection where they are not."""

from __future__ import annotations

import pytest

from simcore.analysis.crossover import (
    AttentionCrossover,
    attention_crossover,
    break_even_prompt_length,
)
from simcore.config.load import load_scenario
from simcore.program.burst import BurstProgram, baseline_program, scenario_program

ATTENTION = ("attention_qk", "attention_softmax", "attention_pv")


def baseline(*settings: str) -> BurstProgram:
    return baseline_program(scenario_program(load_scenario("tiny", settings)))


def crossover(*settings: str) -> AttentionCrossover:
    return attention_crossover(baseline(*settings))


def cost_of_attention(program: BurstProgram, context: int) -> tuple[float, float]:
    """Time of attention and of the rest without the cache's reads, op by op."""
    attention = rest = 0.0
    for part in program.verify[0].layers:
        for legs in part.positions:
            time = max(op.duration_ns.at(part.context(context)) for op in legs)
            if legs[0].name in ATTENTION:
                attention += time
            elif legs[0].name not in ("kv_read", "kv_unpack"):
                rest += time
    return attention, rest


def test_attention_of_the_toy_crosses_where_arithmetic_says() -> None:
    # Two layers: (2 x 256 / 256 + 8 / 8) (L + 1) ns against a constant.
    _, rest = cost_of_attention(baseline(), 0)
    assert crossover().latency.context_length == pytest.approx(rest / 6 - 1)
    assert crossover().latency.context_length == 463.5
    assert crossover().latency.first_above == 464


@pytest.mark.parametrize("settings", [(), ("model.sliding_window=470",)])
def test_attention_costs_more_from_the_first_context_above(settings) -> None:
    program = baseline(*settings)
    first = attention_crossover(program).latency.first_above
    assert first is not None
    below, above = (cost_of_attention(program, n) for n in (first - 1, first))
    assert below[0] <= below[1]
    assert above[0] > above[1]


def test_a_window_can_end_the_growth_before_the_crossing() -> None:
    found = crossover("model.sliding_window=400")
    assert found.latency.context_length is None
    assert found.latency.first_above is None
    assert found.energy.first_above == 181


def test_with_the_cache_on_its_side_attention_crosses_earlier() -> None:
    found = crossover()
    assert found.latency_with_kv.first_above < found.latency.first_above
    assert found.energy_with_kv.first_above < found.energy.first_above


def test_reads_that_change_their_longest_leg_are_bisected() -> None:
    # Fabric first (10 ns latency), HBM later (slower).
    settings = (
        "hardware.memory.fabric.read_latency_ns=400",
        "hardware.memory.hbm.read_latency_ns=0",
    )
    program = baseline(*settings)
    found = attention_crossover(program).latency_with_kv
    length = found.context_length
    assert length is not None
    sides = [0.0, 0.0]
    for part in program.verify[0].layers:
        for legs in part.positions:
            time = max(op.duration_ns.at(length) for op in legs)
            cached = legs[0].name in (*ATTENTION, "kv_read", "kv_unpack")
            sides[cached] += time
    assert sides[1] == pytest.approx(sides[0], rel=1e-12)
    assert found.first_above == int(length) + 1


def test_free_attention_never_crosses() -> None:
    free = [
        f"hardware.components.digital.features.{name}.latency_ns_per_op=0"
        for name in ATTENTION
    ]
    scenario = load_scenario(load_scenario("tiny"), free)
    found = attention_crossover(baseline_program(scenario_program(scenario)))
    assert found.latency.context_length is None


def test_break_even_is_the_shortest_prompt_asked_for() -> None:
    assert break_even_prompt_length([64, 16, 32], [1.5, 0.9, 1.1]) == 32
    assert break_even_prompt_length([64, 16], [1.0, None]) is None
