"""Array latencies and sums equal the walk over operations, at every context."""

from __future__ import annotations

import numpy as np
import pytest

from simcore.analysis.burst_model import BurstModel
from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composition import Composition
from simcore.analysis.context_latency import ContextLatency
from simcore.analysis.expectation import expected_bursts
from simcore.analysis.pooled import PooledComposition, is_pooled
from simcore.analysis.pooled_latency import PooledLatency
from simcore.config.load import load_scenario
from simcore.program.burst import BurstProgram, scenario_program

#: Refresh every 60 ns of a slow stack: 0 to some hundred in a transfer.
CHANNEL = (
    "hardware.memory.hbm.model=channel",
    "hardware.memory.hbm.channel.preset=HBM3",
    "hardware.memory.hbm.channel.burst_ns=20",
    "hardware.memory.hbm.channel.refresh_interval_ns=60",
    "hardware.memory.hbm.channel.refresh_stall_ns=20",
    "hardware.memory.hbm.channel.refresh_ns=15",
)

CONTEXTS = np.array([1, 2, 5, 16, 40, 100, 101, 333, 1000, 3000])

SETTINGS = {
    "plain": (),
    "serialized": ("schedule=serialized",),
    "reuse": ("hardware.reuse_policy=reuse",),
    "window": ("model.sliding_window=24",),
    "shared reads": (
        "accounting.kv_read_sharing=per_burst",
        "hardware.memory.sram.capacity_bytes=100000000",
    ),
    "head on the DPU": ("accounting.lm_head=dpu",),
    "no draft": ("workload.draft_length=0",),
    "long draft": ("workload.draft_length=9",),
    "slow HBM": ("hardware.memory.hbm.read_bandwidth_GBps=1",),
    "nothing but HBM takes time": (
        "hardware.soc.control.latency_ns_per_token=0",
        "hardware.soc.buffers_add.latency_ns_per_op=0",
        "hardware.memory.sram.write_latency_ns=0",
        "hardware.memory.sram.write_bandwidth_GBps=0",
        "hardware.memory.fabric.write_latency_ns=0",
        "hardware.memory.fabric.write_bandwidth_GBps=0",
    ),
    "calculator": ("accounting=selfspec-calculator",),
    "calculator, serialized": (
        "accounting=selfspec-calculator",
        "schedule=serialized",
    ),
    "pooled only": ("accounting.memory_latency=per_phase",),
    "summed only": ("accounting.pipelined_latency=bottleneck_sum",),
    "channel": CHANNEL,
    "channel, serialized": (*CHANNEL, "schedule=serialized"),
    "channel, weights from HBM": (*CHANNEL, "accounting.lm_head=dpu"),
    "channel, window": (*CHANNEL, "model.sliding_window=24"),
    "channel, summed": (*CHANNEL, "accounting.pipelined_latency=bottleneck_sum"),
}


def program_of(*settings: str) -> BurstProgram:
    return scenario_program(load_scenario("tiny", settings))


def reference(program: BurstProgram) -> Composition:
    return PooledComposition(program) if is_pooled(program) else Composition(program)


@pytest.mark.parametrize("name", SETTINGS)
def test_many_contexts_at_once_equal_one_after_the_other(name: str) -> None:
    program = program_of(*SETTINGS[name])
    composition = reference(program)
    committed = 1.0 + CONTEXTS % (program.draft_length + 1)
    kind = PooledLatency if is_pooled(program) else ContextLatency
    found = np.column_stack(kind(program).burst_ns(CONTEXTS, committed))
    for row, context, tokens in zip(found, CONTEXTS, committed, strict=True):
        burst = composition.burst_ns(int(context), float(tokens))
        expected = (burst.draft, burst.verify, burst.commit)
        assert row.tolist() == pytest.approx(expected, rel=1e-13)


@pytest.mark.parametrize("name", SETTINGS)
def test_a_single_context_equals_the_same_among_many(name: str) -> None:
    program = program_of(*SETTINGS[name])
    committed = np.ones(CONTEXTS.shape)
    many = np.column_stack(BurstModel(program).burst_ns(CONTEXTS, committed))
    alone = BurstModel(program)
    for i in (3, 9, 0, 3):
        one = np.column_stack(alone.burst_ns(CONTEXTS[i : i + 1], committed[:1]))
        assert one[0].tolist() == pytest.approx(many[i].tolist(), rel=1e-13)


def test_a_wavefront_with_one_order_of_grants_is_replayed_not_walked() -> None:
    model = ContextLatency(program_of())
    contexts = np.arange(1, 1001)
    model.burst_ns(contexts, np.ones(contexts.shape))
    looked_up = model._composition._steps_ps.cache_info().misses
    assert looked_up < 20


@pytest.mark.parametrize("name", SETTINGS)
def test_summed_costs_equal_the_walk_over_operations(name: str) -> None:
    scenario = load_scenario("tiny", SETTINGS[name])
    program, expected = scenario_program(scenario), expected_bursts(scenario)
    walked = request_expectation(program, expected)
    summed = request_expectation(program, expected, burst=BurstModel(program))
    assert set(summed.energy_pj) == set(walked.energy_pj)
    for key, energy in walked.energy_pj.items():
        assert summed.energy_pj[key] == pytest.approx(energy, rel=1e-12)
    for key, n_bytes in walked.traffic_bytes.items():
        assert summed.traffic_bytes[key] == pytest.approx(n_bytes, rel=1e-12)
    assert summed.latency_ns == pytest.approx(walked.latency_ns, rel=1e-12)
    total = BurstModel(program).expected_energy_pj(expected)
    assert total == pytest.approx(walked.dynamic_energy_pj, rel=1e-12)


def test_step_times_equal_those_of_the_composition() -> None:
    for settings in ((), ("accounting=selfspec-calculator",)):
        program = program_of(*settings)
        composition, latency = Composition(program), BurstModel(program).latency
        for step in program.steps:
            expected = composition.step_ns(step, 77)
            assert latency.step_ns(step, 77) == pytest.approx(expected, rel=1e-13)
