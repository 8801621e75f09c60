"""Latency and throughput of one chip against the offered load, as table and figure.

Requests of a scenario arrive at one chip as a Poisson process at rates up to and beyond
what the chip can serve. Usage::

    python benchmarks/latency_against_load.py [--requests 48] [--out load.svg]

The figure needs matplotlib; without it the table is printed alone.
"""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import NamedTuple

from simcore.config.load import load_scenario
from simcore.experiments.run import simulate

#: Offered load relative to the saturation throughput.
LOADS = (0.2, 0.4, 0.6, 0.8, 0.9, 1.0, 1.2, 1.5)


class Point(NamedTuple):
    load: float
    latency_us: float
    p95_us: float
    tokens_per_s: float
    busiest: str
    utilization: float


def run(scenario: str, requests: int, tokens: int, *arrival: str) -> tuple[Point, dict]:
    """One chip, `requests` requests of `tokens` tokens."""
    source = load_scenario(
        scenario,
        [
            f"streams={requests}",
            f"workload.requests={requests}",
            f"workload.max_tokens={tokens}",
            *arrival,
        ],
    )
    result = simulate(source, cross_check=False)
    busiest = result.summary["utilization"]["busiest"]
    quantiles = result.summary["quantiles"]["request_latency_ns"]
    point = Point(
        0.0,
        result.metrics["request_latency_ns"]["value"] / 1e3,
        quantiles["p95"]["value"] / 1e3,
        result.metrics["throughput_tokens_per_s"]["value"],
        busiest["name"],
        busiest["ratio"],
    )
    return point, result.summary


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--scenario", default="qwen3-1.7b-k5")
    parser.add_argument("--requests", type=int, default=32)
    parser.add_argument("--tokens", type=int, default=8)
    parser.add_argument("--out", type=Path)
    options = parser.parse_args()
    full, summary = run(options.scenario, options.requests, options.tokens)
    tokens = summary["counts"]["tokens"]
    busy = summary["busy_ps"]["by_resource"][full.busiest]
    bound = tokens / (busy / 1e12)
    print(
        f"all at once: {full.tokens_per_s:,.0f} tokens/s, {full.busiest} busy "
        f"{full.utilization:.1%}; bound by its demand {bound:,.0f} tokens/s"
    )
    print(f"{'load':>5} {'mean us':>9} {'p95 us':>9} {'tokens/s':>9}  busiest")
    points = []
    for load in LOADS:
        rate = load * full.tokens_per_s / options.tokens
        point, _ = run(
            options.scenario,
            options.requests,
            options.tokens,
            "arrival.kind=poisson",
            f"arrival.rate_per_s={rate}",
        )
        points.append(point._replace(load=load))
        print(
            f"{load:5.2f} {point.latency_us:9.0f} {point.p95_us:9.0f} "
            f"{point.tokens_per_s:9,.0f}  {point.busiest} {point.utilization:.1%}"
        )
    if options.out is not None:
        draw(points, full.tokens_per_s, options.out)
        print(f"wrote {options.out}")


def draw(points: list[Point], saturation: float, out: Path) -> None:
    """Mean and p95 latency of a request over the offered load."""
    import matplotlib as mpl

    mpl.use("Agg")
    from matplotlib import pyplot

    figure, axes = pyplot.subplots(figsize=(6, 4), layout="constrained")
    loads = [point.load for point in points]
    axes.plot(loads, [p.latency_us for p in points], "o-", label="mean")
    axes.plot(loads, [p.p95_us for p in points], "s--", label="p95")
    axes.axvline(1.0, color="grey", linewidth=1)
    axes.set_xlabel(f"offered load, of {saturation:,.0f} tokens/s at saturation")
    axes.set_ylabel("latency of a request, us")
    axes.legend()
    figure.savefig(out)


if __name__ == "__main__":
    main()
