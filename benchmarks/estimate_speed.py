"""Time of one estimate and of a sweep, beside a naive loop over layers.

In one process, several rounds, medians quoted:

* the naive loop: every operation of every layer of every step is evaluated at each
  prompt length, and the wavefront is a recursion over cells;
* one estimate, everything kept from the call before (warm), at the same prompt length
  and at a new one each time;
* one estimate with nothing kept (the program is built and added up anew);
* a sweep of 1,000 prompt lengths x 8 draft lengths.

Run it with ``python benchmarks/estimate_speed.py``; see RESULTS.md for a recorded run.
"""

from __future__ import annotations

import argparse
import platform
import statistics
import time
from collections.abc import Callable
from itertools import count

from simcore.analysis.burst_model import forget_burst_models
from simcore.analysis.estimate import estimate
from simcore.analysis.k_sweep import sweep_draft_lengths
from simcore.config.acceptance import GeometricAcceptance
from simcore.config.load import load_hardware, load_model, load_scenario
from simcore.config.scenario import ScenarioConfig
from simcore.program.burst import BurstProgram, scenario_program
from simcore.program.operation import HBM, LayerStep


def naive_estimate(program: BurstProgram, context: int) -> tuple[float, float]:
    """Time in ns and dynamic energy in pJ of a burst that commits one token."""
    energy = draft = setup = 0.0
    for step in program.steps:
        for part in step.layers:
            energy += part_energy(part, part.context(context + step.index))
    for part in (program.setup, *program.commit):
        energy += part_energy(part, 0)
    for step in program.draft:
        for part in step.layers:
            cached = part.context(context + step.index)
            for legs in part.positions:
                draft += max(op.ns_at(cached) for op in legs)
    for legs in program.setup.positions:
        setup += max(op.ns_at(0) for op in legs)
    return draft + setup + naive_wavefront(program, context), energy


def part_energy(part: LayerStep, cached: int) -> float:
    total = 0.0
    for legs in part.positions:
        for op in legs:
            for _, cost in op.energy_pj:
                total += cost.at(cached, 1)
    return total


def naive_wavefront(program: BurstProgram, context: int) -> float:
    """Verify steps through the layers, HBM to whoever asked first; and the commit."""
    steps, n_layers = len(program.verify), len(program.verify[0].layers)
    now, layer, position = [0.0] * steps, [0] * steps, [0] * steps
    layer_end, through = [0.0] * n_layers, [0] * n_layers
    waiting: dict[int, float] = {}
    hbm_free = 0.0

    def run_on(j: int) -> None:
        """Work through positions until one asks for HBM or the layer is taken."""
        step = program.verify[j]
        while layer[j] < n_layers:
            at = layer[j]
            if position[j] == 0:
                if through[at] < j:
                    return
                now[j] = max(now[j], layer_end[at])
            part = step.layers[at]
            cached = part.context(context + step.index)
            while position[j] < len(part.positions):
                legs = part.positions[position[j]]
                if any(op.resources == (HBM,) for op in legs):
                    waiting[j] = now[j]
                    return
                now[j] += max(op.ns_at(cached) for op in legs)
                position[j] += 1
            layer_end[at] = now[j]
            through[at] += 1
            layer[j], position[j] = at + 1, 0

    while min(layer) < n_layers:
        for j in range(steps):
            if j not in waiting:
                run_on(j)
        if not waiting:
            continue
        j = min(waiting, key=lambda step: (waiting[step], step))
        ready = waiting.pop(j)
        part = program.verify[j].layers[layer[j]]
        cached = part.context(context + program.verify[j].index)
        for op in part.positions[position[j]]:
            time_ns = op.ns_at(cached)
            if op.resources == (HBM,):
                hbm_free = max(hbm_free, ready) + time_ns
                now[j] = max(now[j], hbm_free)
            else:
                now[j] = max(now[j], ready + time_ns)
        position[j] += 1
    commit = sum(
        op.ns_at(0, 1)
        for part in program.commit
        for legs in part.positions
        for op in legs
        if HBM in op.resources
    )
    return max(now) + commit


def seconds(call: Callable[[], object], rounds: int) -> list[float]:
    """CPU seconds of each call."""
    found = []
    for _ in range(rounds):
        before = time.process_time()
        call()
        found.append(time.process_time() - before)
    return found


def tell(name: str, times: list[float], target: str = "") -> float:
    median = statistics.median(times)
    print(
        f"{name:44s} {median * 1e3:9.2f} ms   (min {min(times) * 1e3:.2f}, "
        f"max {max(times) * 1e3:.2f})   {target}".rstrip()
    )
    return median


def burst_scenario(draft_length: int) -> ScenarioConfig:
    return load_scenario(
        {
            "name": "benchmark",
            "model": load_model("qwen3-1.7b"),
            "hardware": load_hardware("residual-analog-22nm"),
            "acceptance": GeometricAcceptance(rate=0.7),
            "workload": {
                "mode": "burst",
                "prompt_length": 128,
                "draft_length": draft_length,
            },
        }
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--prompts", type=int, default=1000)
    parser.add_argument("--draft-lengths", type=int, default=8)
    arguments = parser.parse_args()
    rounds = arguments.rounds
    scenario = burst_scenario(5)
    model, hardware = scenario.model, scenario.hardware
    acceptance = scenario.acceptance
    program = scenario_program(scenario)
    fresh = count(16)

    def one(prompt_length: int) -> object:
        return estimate(model, hardware, acceptance, prompt_length, draft_length=5)

    def cold() -> object:
        forget_burst_models()
        return one(128)

    print(f"{platform.machine()}, Python {platform.python_version()}, CPU time")
    print(f"Qwen3-1.7B, K = 5, {len(program.table)} operations a burst")
    one(128)
    naive_one = tell(
        "naive loop, program built before",
        seconds(lambda: naive_estimate(program, 128), rounds),
    )
    tell("estimate, warm, same prompt", seconds(lambda: one(128), rounds), "target 5")
    tell(
        "estimate, warm, a new prompt each time",
        seconds(lambda: one(next(fresh)), rounds),
        "target 5",
    )
    tell("estimate, nothing kept", seconds(cold, rounds))

    prompts = range(16, 16 * (arguments.prompts + 1), 16)
    draft_lengths = range(1, arguments.draft_lengths + 1)

    def sweep() -> object:
        forget_burst_models()
        return sweep_draft_lengths(scenario, draft_lengths, prompts).to_dict()

    swept = tell(
        f"sweep, {len(prompts)} prompts x {len(draft_lengths)} K, nothing kept",
        seconds(sweep, max(3, rounds // 5)),
        "target 2000",
    )
    points = len(prompts) * len(draft_lengths)
    loop = naive_one * points
    print(
        f"the naive loop would take about {loop:.0f} s for these {points} points "
        f"without their baselines: {loop / swept:.0f} times as long"
    )
    for context in (16, 1024, 16000):
        naive_ns, naive_pj = naive_estimate(program, context)
        found = sweep_draft_lengths(scenario, {5: 0.0}, [context]).sweeps[0].metrics
        latency = found["burst_latency_ns"][0]
        energy = found["dynamic_energy_pj_per_token"][0]
        print(
            f"prompt {context}: relative difference to the naive loop "
            f"{abs(naive_ns / latency - 1):.1e} in time, "
            f"{abs(naive_pj / energy - 1):.1e} in energy"
        )


if __name__ == "__main__":
    main()
