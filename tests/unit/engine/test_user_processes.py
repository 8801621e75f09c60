"""Processes that users write in SimPy, beside the requests on a chip."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import pytest

from simcore.config.load import load_scenario
from simcore.errors import ConfigError, SimulationError, TraceError
from simcore.experiments.resume import rerun
from simcore.experiments.run import simulate
from simcore.trace.reader import read_trace

SEEN: list[tuple[int, int]] = []
TAKEN: list[tuple[int, int]] = []
PERIOD_PS, TAKEN_PS = 1_000_000, 400_000


def watch(chip):
    """Note how many bursts are in flight, for ever."""
    while True:
        SEEN.append((chip.clock.now, len(chip.in_flight)))
        yield chip.clock.timeout(PERIOD_PS)


def other_traffic(chip):
    """Take the HBM for 0.4 us in every microsecond."""
    while True:
        yield chip.occupy("hbm", TAKEN_PS)
        TAKEN.append((chip.clock.now - TAKEN_PS, chip.clock.now))
        yield chip.clock.timeout(PERIOD_PS - TAKEN_PS)


def one_hold(chip):
    yield chip.occupy("A1[0]", 5_000_000)


def wrong_block(chip):
    yield chip.occupy("hbn", 1)


def test_watching_changes_nothing_and_ends_with_the_last_request(tmp_path: Path):
    SEEN.clear()
    plain = simulate("tiny", out=tmp_path / "plain", cross_check=False)
    watched = simulate("tiny", out=tmp_path / "watched", processes=[watch])
    assert watched.summary["metrics"] == plain.summary["metrics"]
    assert watched.holds
    assert read_trace(tmp_path / "watched").events() == (
        read_trace(tmp_path / "plain").events()
    )
    per_chip = [time for time, _ in SEEN].count(0)
    assert per_chip == 4
    assert len(SEEN) > 40
    assert {in_flight for time, in_flight in SEEN if time} == {1}
    assert watched.engine["name"] == "simpy"
    assert watched.engine["note"] == (
        "A process of yours takes part, which only the SimPy engine can run."
    )


def test_other_traffic_delays_transfers_and_never_overlaps_them(tmp_path: Path):
    TAKEN.clear()
    plain = simulate("tiny", requests=1)
    busy = simulate("tiny", requests=1, out=tmp_path / "a", processes=[other_traffic])
    latency = "latency_ns_per_token"
    assert busy.metrics[latency]["value"] > plain.metrics[latency]["value"]
    # Every law of the trace holds; what the formula cannot follow is said.
    assert busy.checks
    assert busy.holds
    skipped = "\n".join(busy.summary["skipped"])
    assert "none follows your processes test_user_processes.other_traffic" in skipped
    holds = [
        (row["start_ps"], row["start_ps"] + row["duration_ps"])
        for row in read_trace(tmp_path / "a").arrow().to_pylist()
        if row["resource"] == "hbm"
    ]
    both = sorted(holds + TAKEN)
    assert len(TAKEN) > 20
    assert all(first[1] <= second[0] for first, second in pairwise(both))


def test_a_process_gets_a_free_block_before_any_operation():
    plain = simulate("tiny", requests=1)
    late = simulate("tiny", requests=1, processes=[one_hold])
    # The first draft needs A1[0] from the beginning, and gets it 5 us later.
    first = plain.summary["elapsed_ps"]["total"]
    assert first + 4_000_000 < late.summary["elapsed_ps"]["total"] <= first + 5_000_000


def test_the_compiled_engine_is_refused_and_unknown_blocks_are_named():
    with pytest.raises(ConfigError, match="auto or simpy with processes of your own"):
        simulate(load_scenario("tiny", ["engine=fast"]), processes=[watch])
    with pytest.raises(SimulationError, match="asks for 'hbn'; the blocks in use are"):
        simulate("tiny", processes=[wrong_block])
    with pytest.raises(ConfigError, match="not with processes of your own"):
        simulate("tiny", processes=[watch], until=0.1)


def test_such_a_run_is_not_repeated_without_its_processes(tmp_path: Path):
    simulate("tiny", requests=1, out=tmp_path / "run", processes=[watch])
    with pytest.raises(TraceError, match="processes of your own took part"):
        rerun(tmp_path / "run")
