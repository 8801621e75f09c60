"""Does the event simulation take exactly as long as the formula says? (holds A2)

210 generated chips, models and bursts; case `n` alone is replayed by
`generated_case(n)`.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import pytest
from generated_chips import Case, generated_case

from simcore.analysis.closed_form import request_expectation
from simcore.analysis.composition import Composition
from simcore.analysis.crosscheck import conditional_row
from simcore.analysis.expectation import fixed_context
from simcore.engine.simulate import simulate_replication
from simcore.program.burst import BurstProgram, Step
from simcore.program.operation import LayerStep, Operation
from simcore.trace.memory import MemoryRecorder
from simcore.trace.recorder import Recorder

CASES = 210
CHUNK = 21


class Holds(Recorder):
    """Keeps the holds of the one burst it sees, by op_id."""

    def record_burst(self, *columns, activates=None):  # type: ignore[no-untyped-def]
        *_, self.ready_ps, self.start_ps, self.duration_ps = columns

    def flush_before(self, watermark_ps: int) -> None:
        pass

    def end_replication(self, replication: int) -> None:
        pass


def chunk(first: int) -> Iterator[tuple[int, Case]]:
    return ((seed, generated_case(seed)) for seed in range(first, first + CHUNK))


def accepted_of(seed: int, case: Case) -> int:
    """None, all or half of the drafts."""
    k = case.draft_length
    return (0, k, k // 2)[seed // 3 % 3]


@pytest.mark.parametrize("first", range(0, CASES, CHUNK))
def test_a_burst_takes_the_integer_composition_to_the_picosecond(first: int) -> None:
    for seed, case in chunk(first):
        program = case.program()
        composition = Composition(program)
        outcome = case.outcome(accepted_of(seed, case))
        holds = Holds()
        (times,) = simulate_replication(program, {0: [outcome]}, holds)
        simulated = times.end_ps - times.start_ps
        row = conditional_row(composition, outcome, simulated, holds.duration_ps)
        assert row.difference_ps == 0, f"case {seed}"
        assert abs(row.float_difference_ps) <= row.float_bound_ps, f"case {seed}"
        assert row.differing_operations == (), f"case {seed}"
        burst = composition.burst_ps(outcome.context_length, outcome.committed)
        phases = (
            times.draft_end_ps - times.start_ps,
            times.verify_end_ps - times.draft_end_ps,
            times.end_ps - times.verify_end_ps,
        )
        assert phases == (burst.draft, burst.verify, burst.commit), f"case {seed}"


def test_the_generated_cases_reach_every_corner() -> None:
    cases = [generated_case(seed) for seed in range(CASES)]
    assert {case.draft_length for case in cases} == set(range(9))
    assert {case.model["n_layers"] for case in cases} == set(range(1, 13))
    assert {case.schedule for case in cases} == {"serialized", "layer-pipelined"}
    assert {case.hardware["reuse_policy"] for case in cases} == {"reuse", "reread"}
    assert {case.accounting["tile_parallelism"] for case in cases} == {
        "serial",
        "matrix",
        "all",
        2,
        7,
    }
    assert any("memory" not in case.hardware for case in cases)
    hbm = [case.hardware.get("memory", {}).get("hbm", {}) for case in cases]
    channels = [each["channel"] for each in hbm if "channel" in each]
    assert {channel["preset"] for channel in channels} == {
        "HBM2",
        "HBM2E",
        "HBM3",
        "HBM3E",
    }
    assert {channel["refresh"] for channel in channels} == {"all_bank", "none"}
    assert len(channels) > CASES // 3
    assert any(any(case.model["layer_windows"]) for case in cases)
    assert any(case.model["draft_policy"]["per_layer"] for case in cases)
    accepted = {
        (case.draft_length, accepted_of(seed, case)) for seed, case in enumerate(cases)
    }
    assert all((k, k) in accepted and (k, 0) in accepted for k in range(9))


def test_many_generated_transfers_meet_refreshes_and_many_meet_none() -> None:
    met = {False: 0, True: 0}
    for seed in range(1, CASES, 2):
        case = generated_case(seed)
        table = case.program().table
        context = table.context(case.context_length).tolist()
        held = table.durations_ps(case.context_length, 0).tolist()
        for op, operation in enumerate(table.operations):
            if operation.stall is None:
                continue
            # Hold by hold, against the walk from refresh to refresh.
            if table.phase[op] != "commit":
                assert held[op] == hold_ps(operation, context[op]), f"case {seed}"
                linear = round(operation.duration_ns.at(context[op]) * 1000)
                met[held[op] > linear] += 1
    assert met[True] > 1000
    assert met[False] > 1000


def test_a_request_of_several_bursts_takes_the_sum_of_its_bursts() -> None:
    for seed in range(9):
        case = generated_case(seed)
        program = case.program()
        composition = Composition(program)
        outcomes = []
        context = case.context_length
        for accepted in (0, case.draft_length, case.draft_length // 2):
            outcomes.append(type(case.outcome(0))(context, accepted, accepted + 1))
            context += accepted + 1
        table = program.table
        times = simulate_replication(
            program, {0: outcomes}, MemoryRecorder(*table.rows)
        )
        start = 0
        for burst in times:
            outcome = burst.outcome
            latency = composition.burst_ps(outcome.context_length, outcome.committed)
            assert (burst.start_ps, burst.end_ps) == (start, start + latency.total)
            start = burst.end_ps


# -- pipelining -------------------------------------------------------------------


def test_pipelining_is_never_slower_than_one_hold_after_another() -> None:
    faster = 0
    for seed in range(0, CASES, 5):
        case = generated_case(seed)
        pipelined = Composition(case.program(schedule="layer-pipelined"))
        serialized = Composition(case.program(schedule="serialized"))
        overlapped = pipelined.burst_ps(case.context_length, 1)
        one_by_one = serialized.burst_ps(case.context_length, 1)
        assert overlapped.verify <= one_by_one.verify, f"case {seed}"
        assert overlapped.draft == one_by_one.draft, f"case {seed}"
        assert overlapped.commit == one_by_one.commit, f"case {seed}"
        faster += overlapped.verify < one_by_one.verify
    assert faster > CASES // 10


@pytest.mark.parametrize("first", range(0, CASES, CHUNK))
def test_a_pipelined_burst_is_its_recursion_whatever_the_chip_prefers(
    first: int,
) -> None:
    """The cases that the first test runs one hold after another, pipelined too."""
    for seed, case in chunk(first):
        if case.schedule == "layer-pipelined":
            continue
        program = case.program(schedule="layer-pipelined")
        outcome = case.outcome(accepted_of(seed, case))
        (times,) = simulate_replication(program, {0: [outcome]}, Holds())
        burst = Composition(program).burst_ps(outcome.context_length, outcome.committed)
        assert times.end_ps - times.start_ps == burst.total, f"case {seed}"


def hold_ps(op: Operation, context: int) -> int:
    """One hold by its own, refresh after refresh until none is met."""
    end = round(op.duration_ns.at(context) * 1000)
    if op.stall is not None:
        interval = op.stall.period_ps + op.stall.stall_ps
        refresh = interval
        while end >= refresh:
            end += op.stall.stall_ps
            refresh += interval
    return end


def layer_ps(part: LayerStep, cached: int) -> int:
    """One layer's time by its own: positions add up, legs run side by side."""
    context = part.context(cached)
    return sum(max(hold_ps(op, context) for op in legs) for legs in part.positions)


def setup_ps(program: BurstProgram) -> int:
    return layer_ps(program.setup, 0)


def without_hbm_time(case: Case) -> Case:
    """The same chip with an HBM that takes no time."""
    hardware = dict(case.hardware)
    memory = dict(hardware["memory"])
    hbm = dict(memory["hbm"])
    for name in hbm:
        if name.endswith(("_ns", "_GBps")):
            hbm[name] = 0.0
    memory["hbm"] = {**hbm, "model": "bandwidth"}
    hardware["memory"] = memory
    return Case(
        case.model,
        hardware,
        case.accounting,
        "layer-pipelined",
        case.draft_length,
        case.context_length,
    )


def plain_wavefront_ps(steps: tuple[Step, ...], context_length: int) -> int:
    """end(j, l) = max(end(j, l-1), end(j-1, l)) + d(j, l)."""
    layers = range(len(steps[0].layers))
    end = dict.fromkeys(layers, 0)
    for step in steps:
        before = 0
        for layer in layers:
            d = layer_ps(step.layers[layer], context_length + step.index)
            before = end[layer] = max(before, end[layer]) + d
    return before


def test_without_hbm_time_verification_is_the_plain_wavefront() -> None:
    checked = 0
    for seed in range(0, CASES, 5):
        case = generated_case(seed)
        if "memory" in case.hardware:
            case = without_hbm_time(case)
        program = case.program(schedule="layer-pipelined")
        expected = plain_wavefront_ps(program.verify, case.context_length)
        burst = Composition(program).burst_ps(case.context_length, 1)
        assert burst.verify == setup_ps(program) + expected, f"case {seed}"
        checked += len(program.verify) > 1 and program.n_layers > 1
    assert checked > CASES // 10


def shared_hbm_wavefront_ps(steps: tuple[Step, ...], context_length: int) -> int | None:
    """Recursion with one HBM read a layer, evaluated in order (j + l, j).

    None where a layer reads HBM more than once, or where reads become ready in
    another order, which the engine then follows.
    """
    cells = {}
    for j, step in enumerate(steps):
        for layer, part in enumerate(step.layers):
            found = _read_of(part, context_length + step.index)
            if found is None:
                return None
            cells[j, layer] = found
    end: dict[tuple[int, int], int] = {}
    hbm_free = last_ready = 0
    for j, layer in sorted(cells, key=lambda cell: (sum(cell), cell[0])):
        pre, read, others, post = cells[j, layer]
        start = max(end.get((j, layer - 1), 0), end.get((j - 1, layer), 0))
        ready = start + pre
        if read is None:
            end[j, layer] = ready + post
            continue
        if ready < last_ready:
            return None
        last_ready = ready
        granted = max(ready, hbm_free)
        hbm_free = granted + read
        end[j, layer] = max(hbm_free, ready + others) + post
    return end[len(steps) - 1, len(steps[0].layers) - 1]


def _read_of(part: LayerStep, cached: int) -> tuple[int, int | None, int, int] | None:
    """(before, HBM read, other legs, after) of a layer; None with two reads."""
    context = part.context(cached)
    before = others = after = 0
    read = None
    for legs in part.positions:
        times = {op.resources: hold_ps(op, context) for op in legs}
        if ("hbm",) in times:
            if read is not None:
                return None
            read = times.pop(("hbm",))
            others = max(times.values(), default=0)
        elif read is None:
            before += max(times.values())
        else:
            after += max(times.values())
    return (before, read, others, after) if read is not None else (before, None, 0, 0)


def test_verification_is_the_wavefront_that_shares_one_hbm() -> None:
    checked = contended = 0
    for seed in range(0, CASES, 3):
        case = generated_case(seed)
        # The embedding would be a second read of the first layer.
        model = {**case.model, "vocab_size": None}
        case = Case(
            model,
            case.hardware,
            case.accounting,
            "layer-pipelined",
            case.draft_length,
            case.context_length,
        )
        program = case.program()
        expected = shared_hbm_wavefront_ps(program.verify, case.context_length)
        if expected is None:
            continue
        burst = Composition(program).burst_ps(case.context_length, 1)
        assert burst.verify == setup_ps(program) + expected, f"case {seed}"
        checked += 1
        plain = plain_wavefront_ps(program.verify, case.context_length)
        contended += expected > plain
    assert checked > 20
    assert contended > 8


# -- energy -----------------------------------------------------------------------


def test_energy_is_the_sum_over_the_program() -> None:
    for seed in range(0, CASES, 8):
        case = generated_case(seed)
        program = case.program()
        k = case.draft_length
        probabilities = [(a + 1) / ((k + 1) * (k + 2) / 2) for a in range(k + 1)]
        expected = fixed_context(probabilities, case.context_length)
        found = request_expectation(program, expected)
        committed = math.fsum(p * (a + 1) for a, p in enumerate(probabilities))
        table = program.table
        context = table.context(case.context_length).tolist()
        by_component: dict[str, list[float]] = {}
        moved: dict[tuple[str, str], list[float]] = {}
        for op, operation in enumerate(table.operations):
            for component, cost in operation.energy_pj:
                pj = cost.at(context[op], committed)
                by_component.setdefault(component, []).append(pj)
            for direction in ("read", "write"):
                n_bytes = getattr(operation, f"{direction}_bytes")
                key = operation.owner, direction
                moved.setdefault(key, []).append(n_bytes.at(context[op], committed))
        brute = {name: math.fsum(values) for name, values in by_component.items()}
        assert found.energy_by("component") == pytest.approx(brute, rel=1e-11), seed
        assert found.dynamic_energy_pj == pytest.approx(
            math.fsum(brute.values()), rel=1e-12
        )
        for key, n_bytes in found.traffic_bytes.items():
            assert n_bytes == pytest.approx(math.fsum(moved[key]), rel=1e-12), seed
        for field in ("phase", "stage", "channel", "operation"):
            total = math.fsum(found.energy_by(field).values())
            assert total == pytest.approx(found.dynamic_energy_pj, rel=1e-12)
