"""Is the exported JSON what ui.perfetto.dev draws without an overflow track?"""

from __future__ import annotations

from collections import defaultdict
from decimal import Decimal
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from chrome_events import read_events
from synthetic_run import ROW_OP, write_run

from simcore.errors import ConfigError, OutputError, TraceError
from simcore.trace.perfetto import export_perfetto
from simcore.trace.reader import Trace, read_trace


@pytest.fixture
def trace(tmp_path: Path) -> Trace:
    write_run(tmp_path / "run", bursts=4)
    return read_trace(tmp_path / "run")


def exported(trace: Trace, out: Path, **options: Any) -> dict[str, Any]:
    n_slices = export_perfetto(trace, out, **options)
    document, _ = read_events(out)
    slices = of(document, "X", "compute", "movement", "gate")
    assert len(slices) == n_slices
    return document


def of(document: dict[str, Any], kind: str, *categories: str) -> list[dict[str, Any]]:
    return [
        event
        for event in document["traceEvents"]
        if event["ph"] == kind and (not categories or event["cat"] in categories)
    ]


def track_names(document: dict[str, Any], name: str) -> dict[tuple[int, int], str]:
    return {
        (e["pid"], e["tid"]): e["args"]["name"]
        for e in of(document, "M")
        if e["name"] == name
    }


def end_us(trace: Trace) -> Decimal:
    """When the counters of replication 0 end: just after its last burst."""
    ends = [
        row["end_ps"] for row in trace.bursts().to_pylist() if row["replication"] == 0
    ]
    return Decimal(max(ends) + 1) / 10**6


def test_the_document_has_the_parts_of_the_format(trace: Trace, tmp_path: Path) -> None:
    document = exported(trace, tmp_path / "t.json")
    assert set(document) == {"displayTimeUnit", "otherData", "traceEvents"}
    assert document["displayTimeUnit"] == "ns"
    assert document["otherData"] == {
        "bursts": "0-3",
        "counters": f"whole chip from 0us to {end_us(trace)}us",
        "power": "dynamic energy of holds over their time, plus static power",
        "replication": "0",
        "requests": "all",
        "simcore.clock": "ps",
        "simcore.config_sha256": "c0ffee",
        "simcore.schema_version": "2.1",
        "simcore.seed": "7",
        "time_scale": "true time",
    }
    kinds = {event["ph"] for event in document["traceEvents"]}
    assert kinds == {"M", "X", "b", "e", "C", "s", "t", "f"}


def test_one_process_per_kind_of_block_and_one_thread_per_resource(
    trace: Trace, tmp_path: Path
) -> None:
    document = exported(trace, tmp_path / "t.json")
    processes = {
        pid: name for (pid, _), name in track_names(document, "process_name").items()
    }
    assert list(processes.values()) == [
        "bursts", "chip", "draft engine (A1)", "verify engine (A2)", "DPU",
        "HBM channel", "layer gate", "queue",
    ]  # fmt: skip
    threads = track_names(document, "thread_name")
    by_process = defaultdict(list)
    for (pid, _), name in threads.items():
        by_process[processes[pid]].append(name)
    assert by_process["draft engine (A1)"] == ["A1[0]", "A1[2]"]
    assert by_process["verify engine (A2)"] == ["A2[0]", "A2[2]"]
    assert by_process["DPU"] == ["dpu[10]"]
    order = {
        e["pid"]: e["args"]["sort_index"]
        for e in of(document, "M")
        if e["name"] == "process_sort_index"
    }
    assert sorted(order, key=lambda pid: order[pid]) == list(processes)


def test_slices_are_the_holds_to_the_picosecond(trace: Trace, tmp_path: Path) -> None:
    document = exported(trace, tmp_path / "t.json")
    threads = track_names(document, "thread_name")
    got = sorted(
        (
            threads[event["pid"], event["tid"]],
            event["name"],
            event["ts"] * 1_000_000,
            event["dur"] * 1_000_000,
        )
        for event in of(document, "X", "compute", "movement")
    )
    wanted = sorted(
        (row["resource"], row["operation"], row["start_ps"], row["duration_ps"])
        for row in trace.arrow().to_pylist()
        if row["replication"] == 0
    )
    assert got == wanted
    assert any(start % 1000 for _, _, start, _ in wanted)


def test_slices_on_a_track_never_overlap(trace: Trace, tmp_path: Path) -> None:
    for scale in ("us", "ps"):
        document = exported(trace, tmp_path / "t.json", time_scale=scale)
        tracks = defaultdict(list)
        for event in of(document, "X"):
            end = event["ts"] + event["dur"]
            tracks[event["pid"], event["tid"]].append((event["ts"], end))
        assert len(tracks) == 8
        for spans in tracks.values():
            spans.sort()
            for (_, end), (start, _) in pairwise(spans):
                assert start >= end


def test_arguments_say_what_and_how_much(trace: Trace, tmp_path: Path) -> None:
    document = exported(trace, tmp_path / "t.json", bursts=(1, 1))
    threads = track_names(document, "thread_name")
    reads = [e for e in of(document, "X") if e["name"] == "kv_read"]
    assert len(reads) == 1
    row = next(
        row
        for row in trace.arrow().to_pylist()
        if row["operation"] == "kv_read" and row["burst"] == 1
    )
    args = dict(reads[0]["args"])
    assert threads[reads[0]["pid"], reads[0]["tid"]] == "hbm"
    for name, value in args.items():
        assert (
            float(value) == row[name]
            if isinstance(value, Decimal)
            else (value == row[name])
        )
    assert {"phase", "stage", "request", "burst", "step", "layer", "duration_ps",
            "read_bytes", "write_bytes", "energy_pj"} <= set(args)  # fmt: skip


def test_waits_are_pairs_on_the_queue_track_one_per_hold(
    trace: Trace, tmp_path: Path
) -> None:
    document = exported(trace, tmp_path / "t.json")
    begins = {event["id"]: event for event in of(document, "b")}
    ends = {event["id"]: event for event in of(document, "e")}
    assert begins.keys() == ends.keys()
    assert len(begins) == len(of(document, "b"))
    queue = {
        pid
        for (pid, _), name in track_names(document, "process_name").items()
        if name == "queue"
    }
    assert {e["pid"] for e in (*begins.values(), *ends.values())} == queue
    events = trace.events().to_pylist()
    waits = sorted(
        event["start_ps"] - event["ready_ps"]
        for event in events
        if event["replication"] == 0
        and event["resource_index"] == 0
        and event["start_ps"] > event["ready_ps"]
    )
    assert waits
    got = [(ends[i]["ts"] - begins[i]["ts"]) * 1_000_000 for i in begins]
    assert sorted(got) == waits


def test_a_picosecond_is_shown_as_a_nanosecond_and_the_names_say_so(
    trace: Trace, tmp_path: Path
) -> None:
    true = exported(trace, tmp_path / "us.json")
    scaled = exported(trace, tmp_path / "ps.json", time_scale="ps")
    for a, b in zip(of(true, "X"), of(scaled, "X"), strict=True):
        assert b["ts"] == a["ts"] * 1000
        assert b["dur"] == a["dur"] * 1000
    names = track_names(scaled, "process_name").values()
    assert all(name.endswith(" (1 ns shown = 1 ps)") for name in names)
    assert scaled["otherData"]["time_scale"] == "1 ns shown = 1 ps"


def test_a_window_and_a_replication_are_cut_out(trace: Trace, tmp_path: Path) -> None:
    document = exported(trace, tmp_path / "t.json", bursts=(1, 2), replication=2)
    holds = of(document, "X", "compute", "movement")
    assert {event["args"]["burst"] for event in holds} == {1, 2}
    assert {event["args"]["request"] for event in holds} == {2}
    assert len(holds) == 2 * ROW_OP.size
    assert [e["name"] for e in of(document, "X", "burst")] == ["burst 1", "burst 2"]


def test_too_many_slices_are_refused_with_a_window_that_fits(
    trace: Trace, tmp_path: Path
) -> None:
    out = tmp_path / "t.json"
    per_burst = ROW_OP.size
    with pytest.raises(ConfigError) as caught:
        export_perfetto(trace, out, max_slices=2 * per_burst + 1)
    assert str(caught.value).startswith(
        f"bursts: {4 * per_burst} slices (about 0 MB); must be at most "
        f"{2 * per_burst + 1}. Choose bursts 0-1, or raise the limit."
    )
    assert not out.exists()
    exported(trace, out, bursts=(0, 1), max_slices=2 * per_burst)
    with pytest.raises(ConfigError, match="One burst alone is above the limit"):
        export_perfetto(trace, out, bursts=(1, 2), max_slices=per_burst - 1)


@pytest.mark.parametrize(
    ("window", "words"),
    [
        ({"bursts": (4, 9)}, "no burst in 4-9 of replication 0. It has 4 bursts a req"),
        ({"replication": 3}, "no burst of replication 3. Events were kept of 3 replic"),
    ],
)
def test_a_window_without_a_burst_is_refused(
    trace: Trace, tmp_path: Path, window: dict[str, Any], words: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        export_perfetto(trace, tmp_path / "t.json", **window)
    assert words in str(caught.value)


@pytest.mark.parametrize("rows", [1, 5])
def test_slices_waits_and_arrows_do_not_depend_on_how_much_is_read_at_a_time(
    trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    whole = exported(trace, tmp_path / "a.json")
    monkeypatch.setattr("simcore.trace.perfetto.export._ROWS_AT_A_TIME", rows)
    pieces = exported(trace, tmp_path / "b.json")
    for kind in "MXbestf":
        assert of(pieces, kind) == of(whole, kind)

    def steps(document: dict[str, Any]) -> list[Any]:
        return sorted(of(document, "C"), key=lambda e: (e["ts"], e["name"]))

    assert steps(pieces) == steps(whole)


def test_the_text_does_not_depend_on_how_many_lines_are_written_at_a_time(
    trace: Trace, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    exported(trace, tmp_path / "a.json")
    monkeypatch.setattr("simcore.trace.perfetto.export._LINES_PER_WRITE", 3)
    exported(trace, tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()


def test_a_run_without_bursts_or_without_events(tmp_path: Path) -> None:
    write_run(tmp_path / "a", replications=1, bursts=0)
    assert exported(read_trace(tmp_path / "a"), tmp_path / "t.json")["traceEvents"]
    write_run(tmp_path / "b", write_events=False)
    with pytest.raises(TraceError, match="the run kept no events"):
        export_perfetto(read_trace(tmp_path / "b"), tmp_path / "u.json")
    assert not (tmp_path / "u.json").exists()


def test_a_folder_that_is_not_there_is_an_output_error(
    trace: Trace, tmp_path: Path
) -> None:
    with pytest.raises(OutputError, match="No such file or directory"):
        export_perfetto(trace, tmp_path / "no" / "t.json")
