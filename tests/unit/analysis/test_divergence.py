"""Where two runs part: the settings, and the first event that differs."""

from __future__ import annotations

from pathlib import Path

import pytest

from simcore.analysis.divergence import (
    ABSENT,
    first_divergence,
    setting_differences,
)
from simcore.config.load import config_dict, load_scenario
from simcore.errors import TraceError
from simcore.experiments.run import simulate
from simcore.trace.reader import Trace, read_trace


def run(tmp_path: Path, name: str, *changes: str, requests: int = 2) -> Trace:
    scenario = load_scenario("tiny", list(changes))
    simulate(scenario, requests=requests, out=tmp_path / name, cross_check=False)
    return read_trace(tmp_path / name)


def test_equal_runs_do_not_diverge(tmp_path: Path) -> None:
    a = run(tmp_path, "a")
    b = run(tmp_path, "b", "name=another")
    assert first_divergence(a, b) is None
    assert setting_differences(a.run["config"], b.run["config"]) == []


def test_a_slower_memory_shows_in_the_first_hold_that_lasts_longer(
    tmp_path: Path,
) -> None:
    a = run(tmp_path, "a")
    b = run(tmp_path, "b", "hardware.memory.fabric.read_latency_ns=100")
    found = first_divergence(a, b)
    assert found is not None
    assert found.differing == ("duration_ps",)
    assert found.a is not None
    assert found.b is not None
    assert found.b["duration_ps"] > found.a["duration_ps"]
    same = [key for key in found.a if key != "duration_ps"]
    assert [found.a[key] for key in same] == [found.b[key] for key in same]
    assert found.a["resource"].startswith("fabric_read")
    # What comes before starts at the same time, and the row is that of the file.
    before, after = (t.arrow(["operation", "ready_ps", "start_ps"]) for t in (a, b))
    assert before.slice(0, found.row + 1) == after.slice(0, found.row + 1)
    lasts = [t.arrow(["duration_ps"])["duration_ps"][found.row].as_py() for t in (a, b)]
    assert lasts == [found.a["duration_ps"], found.b["duration_ps"]]


def test_programs_of_different_length_are_compared_by_what_they_do(
    tmp_path: Path,
) -> None:
    a = run(tmp_path, "a", "workload.draft_length=3")
    b = run(tmp_path, "b", "workload.draft_length=2")
    found = first_divergence(a, b)
    assert found is not None
    # The first two drafts are the same work at the same time.
    assert found.row > 0
    assert found.a is not None
    assert found.b is not None
    assert (found.a["phase"], found.b["phase"]) == ("draft", "verify_bonus")
    assert "operation" in found.differing


def test_a_run_that_ends_sooner_diverges_at_its_end(tmp_path: Path) -> None:
    a = run(tmp_path, "a", requests=1)
    b = run(tmp_path, "b", requests=2)
    for first, second in ((a, b), (b, a)):
        found = first_divergence(first, second)
        assert found is not None
        assert found.row == a.n_events
        assert found.differing == ("number of rows",)
        longer, ended = (found.b, found.a) if first is a else (found.a, found.b)
        assert ended is None
        assert longer is not None
        assert longer["request"] == 1


def test_runs_without_events_cannot_be_compared(tmp_path: Path) -> None:
    a = run(tmp_path, "a")
    b = run(tmp_path, "b", "trace=bursts")
    with pytest.raises(TraceError, match=r"kept no events \(trace: bursts\)"):
        first_divergence(a, b)


def test_settings_that_differ_are_named_by_their_path() -> None:
    a = config_dict(load_scenario("tiny"))
    b = config_dict(
        load_scenario(
            "tiny", ["workload.draft_length=2", "jitter_cv=0.5", "engine=simpy"]
        )
    )
    del b["streams"]
    found = {d.path: (d.a, d.b) for d in setting_differences(a, b)}
    assert found == {
        "workload.draft_length": (3, 2),
        "jitter_cv": (0.0, 0.5),
        "streams": (1, ABSENT),
    }
