"""Write your own schedule: verify each draft as soon as it is there.

The shipped `layer-pipelined` drafts all K tokens and then verifies. But verify step j
works on draft j - 1 and needs nothing of the later ones: why wait? This schedule starts
it at once, and leaves it to the chip's resources who gets the arrays when.

A schedule says who waits for whom and nothing else. It never sees a clock, a duration
or a resource: the engine grants those, first come first served, and so the same
schedule runs on every chip and model. What it links must be right for the machine; that
no simulator can know. Here a draft step may read keys that a verify step has already
written over with better ones, which a chip would have to allow.
"""

from __future__ import annotations

from dataclasses import dataclass

import simcore
from simcore.program.schedules import Layout, Predecessors, entries, is_verify


@dataclass(frozen=True)
class VerifyAsDrafted:
    """Verify steps follow the draft steps through the layers, one step behind."""

    name: str = "verify-as-drafted"
    summary: str = "a verify step starts when the draft before it is there"
    # A gate keeps every layer for one token at a time, drafts included.
    pipelined: bool = True
    drafts_ahead: bool = False
    kv_buffers: int = 0

    def link(self, layout: Layout) -> Predecessors:
        """Say for every operation which others must have ended."""
        # Inside a layer of a step everything is in order already.
        links = list(layout.inside)
        drafted: tuple[int, ...] = ()  # the end of the draft step so far
        verified: tuple[int, ...] = ()  # the end of the verify step so far
        setup: tuple[int, ...] = ()
        draft_end: dict[int, tuple[int, ...]] = {}
        in_layer: dict[int, tuple[int, ...]] = {}
        for cell in layout.cells:
            before: tuple[int, ...]
            if cell.phase == "draft":
                before, drafted = drafted, cell.exits
                draft_end[cell.step] = cell.exits
            elif is_verify(cell):
                # Its token: draft j - 1, or the last committed one for step 0.
                token = draft_end.get(cell.step - 1, ()) or setup
                first = cell.layer == 0
                # Attention needs the keys of the steps before, layer by layer.
                keys = in_layer.get(cell.layer, ())
                before = (*(token if first else verified), *keys)
                verified = in_layer[cell.layer] = cell.exits
            elif cell.phase == "commit":
                before = verified
            else:  # the setup of the burst
                before, setup = (), cell.exits
            for op in entries(cell):
                links[op] = before
        return links


# At the top level, so that worker processes register it too.
simcore.register_schedule(VerifyAsDrafted())


def main() -> None:
    """Compare it with the shipped schedules at the same draws."""
    print("schedule            us/burst  ns/token  A1 busy  checks")
    for schedule in ("serialized", "layer-pipelined", "verify-as-drafted"):
        scenario = simcore.load_scenario("tiny", [f"schedule={schedule}"])
        result = simcore.simulate(scenario, requests=40)
        burst_ns = result.metrics["burst_latency_ns"]["value"]
        token_ns = result.metrics["latency_ns_per_token"]["value"]
        busy = result.summary["utilization"]["by_resource_kind"]["A1"]["max"]
        print(
            f"{schedule:18}  {burst_ns / 1e3:8.2f}  {token_ns:8.0f}  {busy:7.1%}"
            f"  {'hold' if result.holds else 'FAIL'}"
        )

    # No formula follows a schedule from outside, and the run says so; the laws that
    # hold of every trace are checked all the same.
    scenario = simcore.load_scenario("tiny", ["schedule=verify-as-drafted"])
    result = simcore.simulate(scenario, out="own", force=True)
    print()
    for what in result.summary["skipped"]:
        print(f"not compared: {what}")
    print(f"{sum(check.holds for check in result.checks)} laws of the trace hold")


if __name__ == "__main__":
    main()
