"""How often 95 % intervals of the latency per token contain the truth.

Many small studies of four scenarios whose exact expectation is known: independent
bursts, and bursts that keep what the last one accepted with probability 0.85; each as
40 requests of 128 tokens, and as one request of 250 correlation times of the chain.

Run it with ``python benchmarks/interval_coverage.py``; see RESULTS.md for a recorded
run. A file called ``coverage.py`` here would stand in the way of the package that numba
imports.
"""

from __future__ import annotations

import argparse
import time

from simcore.config.load import load_scenario
from simcore.experiments.interval_study import interval_study, study_scenarios

KEEP = 0.85


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--studies", type=int, default=1000)
    studies = parser.parse_args().studies
    print(
        "| scenario | bursts | lag 1 | interval from | covers | width | "
        "reduced covers | width | as if independent |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    started = time.perf_counter()
    base = load_scenario("qwen3-1.7b-k5")
    for name, scenario in study_scenarios(base, KEEP).items():
        found = interval_study(scenario, studies)
        reduced = ["-", "-"]
        if found.made["reduced"]:
            reduced = [
                f"{found.coverage('reduced'):.1%}",
                f"{found.relative_width['reduced']:.2%}",
            ]
        cells = [
            name,
            f"{found.bursts:.0f}",
            f"{found.autocorrelation:.2f}",
            ", ".join(f"{method} ({n})" for method, n in found.methods.items()),
            f"{found.coverage('headline'):.1%}",
            f"{found.relative_width['headline']:.2%}",
            *reduced,
            f"{found.coverage('naive'):.1%}",
        ]
        print(f"| {' | '.join(cells)} |", flush=True)
    print(f"{studies} studies each, {time.perf_counter() - started:.0f} s")


if __name__ == "__main__":
    main()
