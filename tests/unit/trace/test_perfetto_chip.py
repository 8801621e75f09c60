"""Do counters, arrows and windows of an export say what the trace says?"""

from __future__ import annotations

import math
from collections import defaultdict
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from chrome_events import Event, FormatError, check, read_events

from simcore import load_scenario, read_trace, simulate
from simcore.errors import ConfigError
from simcore.trace.perfetto import export_perfetto
from simcore.trace.perfetto.counters import _Steps
from simcore.trace.perfetto.text import parse_time, time_text
from simcore.trace.perfetto.window import Span
from simcore.trace.reader import Trace

RUNS = {
    "alone": ["workload.requests=2"],
    "shared": ["streams=3", "workload.requests=6", "workload.max_tokens=8"],
    "gated": [
        "schedule=serialized",
        "workload.max_tokens=8",
        "workload.requests=1",
        "hardware.leakage_power.arrays_nw=3e6",
        "hardware.leakage_power.adc_residual_nw=1e6",
    ],
    "plain": ["workload.draft_length=0", "workload.max_tokens=2"],
}


@pytest.fixture(scope="module", params=RUNS)
def trace(request: Any, tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return run(request.param, tmp_path_factory)


def run(name: str, factory: pytest.TempPathFactory) -> Trace:
    folder = factory.mktemp("runs") / name
    simulate(load_scenario("tiny", RUNS[name]), out=folder, cross_check=False)
    return read_trace(folder)


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Trace:
    return run("shared", tmp_path_factory)


def exported(trace: Trace, out: Path, **options: Any) -> list[Event]:
    export_perfetto(trace, out, **options)
    return read_events(out)[1]


def counters(events: list[Event]) -> dict[str, list[tuple[int, float]]]:
    """Steps of every counter, in ps."""
    found = defaultdict(list)
    for event in events:
        if event["ph"] == "C":
            (value,) = event["args"].values()
            found[event["name"]].append((int(event["ts"] * 10**6), float(value)))
    return found


def rows(trace: Trace, replication: int = 0) -> list[dict[str, Any]]:
    return [r for r in trace.arrow().to_pylist() if r["replication"] == replication]


def integral(steps: list[tuple[int, float]], end: int) -> float:
    times = [time for time, _ in steps] + [end]
    return math.fsum(
        value * (until - since)
        for (since, value), until in zip(steps, times[1:], strict=True)
    )


def test_power_over_time_is_the_energy_of_the_holds_and_of_leakage(
    trace: Trace, tmp_path: Path
) -> None:
    found = counters(exported(trace, tmp_path / "t.json"))
    bursts = [b for b in trace.bursts().to_pylist() if b["replication"] == 0]
    end = max(b["end_ps"] for b in bursts)
    dynamic = math.fsum(
        row["energy_pj"] for row in rows(trace) if row["duration_ps"] > 0
    )
    static = integral(found["static power"], end)
    # 1 mW for 1 ps is 1e-3 pJ; every hold may be off by half a nW.
    total = integral(found["power"], end) / 1e3
    assert total == pytest.approx(dynamic + static / 1e3, rel=1e-9)
    assert dynamic > 0
    assert static > 0


def test_static_power_adds_up_to_the_leakage_of_the_summary(
    trace: Trace, tmp_path: Path
) -> None:
    energy = 0.0
    n = trace.run["counts"]["replications"]
    for replication in range(n):
        events = exported(trace, tmp_path / "t.json", replication=replication)
        bursts = trace.bursts().to_pylist()
        end = max(b["end_ps"] for b in bursts if b["replication"] == replication)
        energy += integral(counters(events)["static power"], end) / 1e3
    # Levels are whole nW.
    assert energy == pytest.approx(trace.summary["leakage"]["energy_pj"], rel=1e-7)


def test_less_is_on_while_a_serialized_chip_drafts(
    tmp_path: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    trace = run("gated", tmp_path_factory)
    steps = counters(exported(trace, tmp_path / "t.json"))["static power"]
    levels = {level for _, level in steps}
    drafting, on = sorted(levels)
    assert on == 6
    assert 2 < drafting < on
    first = trace.bursts().to_pylist()[0]
    assert steps[:2] == [(0, drafting), (first["draft_ps"], on)]


def test_queues_are_as_long_as_holds_wait(trace: Trace, tmp_path: Path) -> None:
    found = counters(exported(trace, tmp_path / "t.json"))
    waits = defaultdict(list)
    for row in rows(trace):
        if row["wait_ps"]:
            kind = row["resource"].partition("[")[0]
            waits[f"queue of {kind}"].append((row["ready_ps"], row["start_ps"]))
    for burst in trace.bursts().to_pylist():
        if burst["replication"] == 0 and burst["ready_ps"] < burst["start_ps"]:
            waits["queue of SRAM room"].append((burst["ready_ps"], burst["start_ps"]))
    queues = {name: steps for name, steps in found.items() if "queue" in name}
    assert queues.keys() == waits.keys()
    for name, steps in queues.items():
        assert steps[0] == (0, 0) or steps[0][1] > 0
        for (time, length), before in zip(steps[1:], steps, strict=False):
            assert length != before[1]
            assert length == sum(r <= time < s for r, s in waits[name]), (name, time)
        assert steps[-1][1] == 0


def test_sram_bytes_are_those_of_the_occupancy(trace: Trace, tmp_path: Path) -> None:
    steps = counters(exported(trace, tmp_path / "t.json"))["SRAM"]
    wanted = [
        (row["time_ps"], row["occupied_bytes"])
        for row in trace.sram_occupancy().to_pylist()
        if row["replication"] == 0
    ]
    changes = [
        step
        for step, before in zip(wanted, [(0, 0), *wanted], strict=False)
        if step[1] != before[1]
    ]
    assert steps == changes


def test_arrows_go_from_the_last_draft_over_verification_to_the_commit(
    trace: Trace, tmp_path: Path
) -> None:
    events = exported(trace, tmp_path / "t.json")
    threads = {
        (e["pid"], e["tid"]): e["args"]["name"]
        for e in events
        if e["ph"] == "M" and e["name"] == "thread_name"
    }
    chains = defaultdict(list)
    for event in events:
        if event["ph"] in "stf":
            resource = threads[event["pid"], event["tid"]]
            chains[event["id"]].append((int(event["ts"] * 10**6), resource))
    bursts = [b for b in trace.bursts().to_pylist() if b["replication"] == 0]
    assert len(chains) == len(bursts)
    n_stops = 4 if bursts[0]["k"] else 3
    for burst, chain in zip(bursts, chains.values(), strict=True):
        holds = [
            row
            for row in rows(trace)
            if (row["request"], row["burst"]) == (burst["request"], burst["burst"])
            and row["channel"] != "gate"
            and row["duration_ps"]
        ]
        assert len(chain) == n_stops

        def at(stop: tuple[int, str], phase: str, holds: Any = holds) -> Any:
            (row,) = [
                r
                for r in holds
                if (r["start_ps"], r["resource"]) == stop
                and r["phase"].startswith(phase)
            ]
            return row

        def end(row: dict[str, Any]) -> int:
            return int(row["start_ps"] + row["duration_ps"])

        of = {
            phase: [r for r in holds if r["phase"].startswith(phase)]
            for phase in ("draft", "verify", "commit")
        }
        if burst["k"]:
            assert end(at(chain[0], "draft")) == max(map(end, of["draft"]))
        first, last = at(chain[-3], "verify"), at(chain[-2], "verify")
        assert first["start_ps"] == min(r["start_ps"] for r in of["verify"])
        assert end(last) == max(map(end, of["verify"]))
        commit = at(chain[-1], "commit")
        assert commit["start_ps"] == min(r["start_ps"] for r in of["commit"])


def test_a_time_shows_what_has_some_of_it_whole(shared: Trace, tmp_path: Path) -> None:
    begin, end = 9_000_000, 14_000_000
    events = exported(shared, tmp_path / "t.json", from_ps=begin, to_ps=end)
    got = sorted(
        (int(e["ts"] * 10**6), int(e["dur"] * 10**6), e["name"])
        for e in events
        if e["ph"] == "X" and e["cat"] != "burst"
    )
    wanted = sorted(
        (row["start_ps"], row["duration_ps"], row["operation"])
        for row in rows(shared)
        if row["start_ps"] < end
        and (row["start_ps"] + row["duration_ps"] > begin or row["start_ps"] >= begin)
    )
    assert got == wanted
    assert got[0][0] < begin
    waits = sorted(int(e["ts"] * 10**6) for e in events if e["ph"] == "b")
    assert waits == sorted(
        event["ready_ps"]
        for event in shared.events().to_pylist()
        if (event["replication"], event["resource_index"]) == (0, 0)
        and event["ready_ps"] < min(end, event["start_ps"])
        and event["start_ps"] > begin
    )
    assert waits[0] < begin


def test_counters_of_a_window_are_those_of_the_whole_chip_in_its_time(
    shared: Trace, tmp_path: Path
) -> None:
    whole = counters(exported(shared, tmp_path / "a.json"))
    begin, end = 9_000_000, 14_000_000
    cut = counters(exported(shared, tmp_path / "b.json", from_ps=begin, to_ps=end))
    assert cut["power"]
    for name, steps in cut.items():
        inside = [step for step in whole[name] if begin < step[0] < end]
        at_begin = [value for time, value in whole[name] if time <= begin]
        assert [step for step in steps if step[0] > begin] == inside
        assert steps[0] == (begin, at_begin[-1] if at_begin else 0)


def test_one_request_is_cut_out_and_the_counters_stay_those_of_the_chip(
    shared: Trace, tmp_path: Path
) -> None:
    events = exported(shared, tmp_path / "t.json", requests=(4, 4), bursts=(0, 0))
    slices = [e for e in events if e["ph"] == "X"]
    assert {e["args"]["request"] for e in slices} == {4}
    assert {e["args"]["burst"] for e in slices} == {0}
    (burst,) = [e for e in slices if e["cat"] == "burst"]
    assert burst["args"]["replication"] == 1
    whole = exported(shared, tmp_path / "w.json", replication=1)
    begin = int(burst["ts"] * 10**6)
    end = begin + int(burst["dur"] * 10**6)
    inside = [s for s in counters(whole)["power"] if begin < s[0] <= end]
    assert [s for s in counters(events)["power"] if s[0] > begin] == inside


def test_a_burst_that_the_time_cuts_has_no_arrow(shared: Trace, tmp_path: Path) -> None:
    bursts = [b for b in shared.bursts().to_pylist() if b["replication"] == 0]
    first = min(bursts, key=lambda b: b["end_ps"])
    events = exported(shared, tmp_path / "t.json", from_ps=0, to_ps=first["end_ps"])
    flows = {e["name"] for e in events if e["ph"] == "s"}
    drawn = [e for e in events if e["ph"] == "X" and e["cat"] == "burst"]
    assert len(drawn) > len(flows) == 1


@pytest.mark.parametrize(
    ("chosen", "words"),
    [
        ({"requests": (0, 5)}, "requests 0-5 are of 2 replications"),
        ({"requests": (9, 9)}, "no burst of requests 9-9, of replication 0"),
        ({"requests": (4, 4), "replication": 0}, "no burst of requests 4-4"),
        ({"from_ps": 7, "to_ps": 7}, "from 0.000007us to 0.000007us; must end after"),
        ({"from_ps": 10**12}, "no burst of replication 0 from 1000000us to its end"),
    ],
)
def test_a_window_of_nothing_is_refused(
    shared: Trace, tmp_path: Path, chosen: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        export_perfetto(shared, tmp_path / "t.json", **chosen)
    assert words in str(caught.value)
    assert list(tmp_path.iterdir()) == []


def test_of_a_sample_only_what_was_kept_can_be_shown(tmp_path: Path) -> None:
    changes = ["trace=sample", "trace_requests=1", "workload.requests=3"]
    simulate(load_scenario("tiny", changes), out=tmp_path / "run", cross_check=False)
    trace = read_trace(tmp_path / "run")
    assert exported(trace, tmp_path / "t.json", requests=(0, 0))
    with pytest.raises(ConfigError) as caught:
        export_perfetto(trace, tmp_path / "t.json", replication=1)
    assert (
        "no burst of replication 1. Events were kept of 1 replications, numbered from 0"
        in str(caught.value)
    )


def test_the_time_that_a_refusal_proposes_fits(shared: Trace, tmp_path: Path) -> None:
    limit = 200
    with pytest.raises(ConfigError) as caught:
        export_perfetto(shared, tmp_path / "t.json", max_slices=limit, bursts=(0, 0))
    text = str(caught.value)
    assert "Choose the time from 0us to " in text
    proposed = text.partition(" to ")[2].partition(",")[0]
    events = exported(
        shared,
        tmp_path / "t.json",
        max_slices=limit,
        bursts=(0, 0),
        to_ps=parse_time(proposed),
    )
    slices = [e for e in events if e["ph"] == "X" and e["cat"] != "burst"]
    assert limit - 64 < len(slices) <= limit


def test_a_large_file_is_told_of_with_a_window_that_is_small(
    shared: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[str] = []
    export_perfetto(shared, tmp_path / "t.json", report=told.append)
    assert told == []
    monkeypatch.setattr("simcore.trace.perfetto.export.LARGE_BYTES", 1_000_000)
    export_perfetto(shared, tmp_path / "t.json", report=told.append)
    (text,) = told
    assert text.endswith(
        "a browser will take its time. Choose bursts 0-0 to stay below 1 MB."
    )
    export_perfetto(shared, tmp_path / "t.json", report=told.append, bursts=(0, 0))
    assert len(told) == 1
    assert (tmp_path / "t.json").stat().st_size < 1_000_000


def test_the_estimated_size_is_near_the_size(trace: Trace, tmp_path: Path) -> None:
    from simcore.trace.perfetto import Selection, Window, write_perfetto

    window = Window(trace, Selection())
    write_perfetto(trace, window, tmp_path / "t.json")
    size = (tmp_path / "t.json").stat().st_size
    assert 0.65 < window.estimated_bytes / size < 1.35


@pytest.mark.parametrize("seed", range(5))
def test_steps_do_not_depend_on_how_they_come(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, lag = 400, 30
    start = np.sort(rng.integers(0, 300, n))
    ready = start - rng.integers(0, lag + 1, n)
    span = Span(40, 220)
    at_once, bit_by_bit = _Steps(2, span), _Steps(2, span)
    told = []
    for first in range(0, n, 7):
        part = slice(first, first + 7)
        for steps in (at_once, bit_by_bit):
            for series in (0, 1):
                rows = start[part] % 2 == series
                steps.add(ready[part][rows], series, np.ones(rows.sum()))
                steps.add(start[part][rows], series, -np.ones(rows.sum()))
        told += list(zip(*bit_by_bit.before(start[part][-1] - lag), strict=True))
    told += list(zip(*bit_by_bit.rest(), strict=True))
    assert told == list(zip(*at_once.rest(), strict=True))
    for time, series, level in told:
        waiting = (ready <= time) & (time < start) & (start % 2 == series)
        assert level == waiting.sum()
    assert {series for _, series, _ in told} == {0, 1}


@pytest.mark.parametrize(
    ("text", "ps"),
    [
        ("1500ns", 1_500_000),
        ("1.5us", 1_500_000),
        (" 2 ms ", 2 * 10**9),
        ("7ps", 7),
        ("1s", 10**12),
        ("0ns", 0),
        ("1e3us", 10**9),
    ],
)
def test_a_time_is_read_with_its_unit(text: str, ps: int) -> None:
    assert parse_time(text) == ps
    assert parse_time(time_text(ps)) == ps


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("12", "'12' has no unit; write 12us or ns"),
        ("us", "'us' is not a time, for example 1500ns or 1.5us"),
        ("1 kus", "is not a time"),
        ("1 su", "the unit must be one of ps, ns, us, ms, s"),
        ("-1us", "must be at least 0 and below 106 days"),
        ("nanus", "is not a time"),
        ("1e30s", "must be at least 0 and below 106 days"),
        ("infus", "must be at least 0"),
        ("0.5ps", "is no whole number of picoseconds"),
    ],
)
def test_a_time_that_is_none_is_refused(text: str, words: str) -> None:
    with pytest.raises(ValueError, match=r".") as caught:
        parse_time(text)
    assert words in str(caught.value)


# The reader of the tests: a planted error must be found.

PROCESS = {"ph": "M", "name": "process_name", "pid": 1, "tid": 0, "args": {"name": "a"}}
THREAD = {"ph": "M", "name": "thread_name", "pid": 1, "tid": 1, "args": {"name": "b"}}


def hold(ts: int, dur: int) -> Event:
    return {"ph": "X", "name": "h", "cat": "c", "pid": 1, "tid": 1, "ts": Decimal(ts),
            "dur": Decimal(dur), "args": {}}  # fmt: skip


def flow(kind: str, ts: int, number: int = 1) -> Event:
    return {"ph": kind, "name": "f", "cat": "c", "id": number, "pid": 1, "tid": 1,
            "ts": Decimal(ts), "bp": "e"}  # fmt: skip


def count(ts: int, value: float) -> Event:
    return {"ph": "C", "name": "n", "pid": 1, "ts": Decimal(ts), "args": {"u": value}}


def wait(kind: str, ts: int) -> Event:
    more = {"args": {}} if kind == "b" else {}
    return {"ph": kind, "name": "w", "cat": "c", "id": "1", "pid": 1, "tid": 0,
            "ts": Decimal(ts), **more}  # fmt: skip


GOOD = [
    hold(0, 10), hold(2, 3), hold(10, 5), wait("b", 3), wait("e", 4),
    flow("s", 1), flow("t", 11), flow("f", 12), count(0, 1), count(4, 2),
]  # fmt: skip


def test_a_good_file_passes() -> None:
    check([PROCESS, THREAD, *GOOD])


@pytest.mark.parametrize(
    ("events", "words"),
    [
        ([hold(0, 10), hold(9, 3)], "reaches out of the slice around it"),
        ([hold(-1, 3)], "ts of"),
        ([{**hold(0, 1), "extra": 1}], "fields of"),
        ([{**hold(0, 1), "tid": 7}], "a thread without a name"),
        ([{**count(0, 1), "pid": 7}], "a process without a name"),
        ([THREAD], "named twice"),
        ([count(0, 1), {**PROCESS, "pid": 2}], "metadata"),
        ([wait("b", 3)], "never ended"),
        ([wait("e", 3)], "ends what is not open"),
        ([wait("b", 3), wait("e", 2)], "ends what is not open"),
        ([wait("b", 3), wait("b", 4)], "begun twice"),
        ([hold(0, 9), flow("s", 1)], "is 's'"),
        ([hold(0, 9), flow("s", 1), flow("f", 9)], "tied to no slice"),
        ([hold(0, 9), flow("s", 3), flow("f", 1)], "goes back in time"),
        ([hold(0, 9), flow("f", 1), flow("s", 3)], "is 'fs'"),
        ([count(4, 1), count(4, 2)], "does not come after the one before"),
        ([count(0, -1)], "value of"),
        ([{**count(0, 1), "args": {}}], "values of"),
        ([count(0, 1), {**count(1, 1), "args": {"v": 1}}], "another unit"),
        ([{**hold(0, 1), "ph": "Q"}], "unknown kind 'Q'"),
    ],
)
def test_a_planted_error_is_found(events: list[Event], words: str) -> None:
    with pytest.raises(FormatError) as caught:
        check([PROCESS, THREAD, *events])
    assert words in str(caught.value)


@pytest.mark.parametrize("text", ['{"a": NaN}', '{"a": 1, "a": 2}', '{"a": 1,}'])
def test_what_is_no_json_is_found(text: str, tmp_path: Path) -> None:
    (tmp_path / "t.json").write_text(text)
    with pytest.raises(FormatError):
        read_events(tmp_path / "t.json")
