"""A first study: whether speculation pays on a chip, for which K, and what limits it.

Runs in seconds; put the names of your own files in the first lines, and take more
requests and tokens for a result that you will defend. In a notebook, leave the prints
away: estimates, results and traces show themselves as tables.
"""

from __future__ import annotations

import simcore
from simcore.config.scenario import ScenarioConfig

STUDY = {
    "name": "first-study",
    "model": "qwen3-1.7b",
    "hardware": "residual-analog-22nm",
    "acceptance": "alpha-0.85",
    "schedule": "layer-pipelined",
    "workload": {"prompt_length": 128, "max_tokens": 16, "requests": 4},
}


def ask_the_formula() -> int:
    """Latency per token for each K by the closed form: nothing is simulated."""
    print("K   us/token  speed-up    C*  committed")
    latency_ns = {}
    for k in range(1, 9):
        estimate = simcore.estimate(
            STUDY["model"],
            STUDY["hardware"],
            STUDY["acceptance"],
            prompt_length=128,
            draft_length=k,
            max_tokens=128,
            schedule="layer-pipelined",
        )
        latency_ns[k] = estimate.metrics["latency_ns_per_token"]
        verdict = estimate.verdict
        print(
            f"{k}  {latency_ns[k] / 1e3:9.1f}  {verdict.speedup:7.2f}x"
            f"  {verdict.break_even_committed_tokens:4.2f}"
            f"  {verdict.committed_tokens_per_burst:9.2f}"
        )
    return min(latency_ns, key=lambda k: latency_ns[k])


def simulate(scenario: ScenarioConfig) -> None:
    """The best K by events: the mean again, and what a formula cannot say."""
    result = simcore.simulate(scenario, out="first-study", force=True)
    latency = result.metrics["latency_ns_per_token"]
    print(
        f"\nK = {scenario.workload.draft_length} simulated: "
        f"{latency['value'] / 1e3:.1f} +- {latency['half_width'] / 1e3:.1f} us/token, "
        f"checks {'hold' if result.holds else 'FAIL'}"
    )


def look_into_the_trace() -> None:
    """Where the time goes: the busiest instance of each kind of resource."""
    database = simcore.read_trace("first-study").duckdb()
    rows = database.sql("""
        WITH busy AS (
            SELECT split_part(resource::VARCHAR, '[', 1) AS kind,
                   sum(duration_ps) / 1e6 AS busy_us, sum(wait_ps) / 1e6 AS waited_us
            FROM wide WHERE channel != 'gate' GROUP BY resource
        )
        SELECT kind, max(busy_us), sum(waited_us) FROM busy
        GROUP BY kind ORDER BY max(busy_us) DESC, kind LIMIT 4
    """)
    print("\nkind        busy us  waited us")
    for kind, busy_us, waited_us in rows.fetchall():
        print(f"{kind:10} {busy_us:8.0f}  {waited_us:9.0f}")


def try_a_change(scenario: ScenarioConfig) -> None:
    """What twice the memory would bring, at the same draws of acceptance."""
    faster = simcore.load_scenario(scenario, ["hardware.memory.hbm.channel.stacks=4"])
    latency_ns = simcore.simulate(faster).metrics["latency_ns_per_token"]["value"]
    print(f"\nwith four HBM stacks: {latency_ns / 1e3:.1f} us/token")


def main() -> None:
    """The study."""
    best = ask_the_formula()
    scenario = simcore.load_scenario(STUDY, [f"workload.draft_length={best}"])
    simulate(scenario)
    look_into_the_trace()
    try_a_change(scenario)


if __name__ == "__main__":
    main()
