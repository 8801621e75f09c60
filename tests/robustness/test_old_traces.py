"""Runs that earlier versions wrote stay readable (C8), and their bytes are known."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from small_runs import hashes, quick

from simcore.cli.app import execute as command
from simcore.errors import TraceError
from simcore.experiments.resume import rerun, resume
from simcore.trace.reader import read_trace
from simcore.trace.schema import SCHEMA_VERSION

GOLDEN = Path(__file__).parents[1] / "golden"
RUNS = sorted(GOLDEN.glob("traces_v*"))
VERSIONS = [path.name.removeprefix("traces_v").replace("_", ".") for path in RUNS]


@pytest.fixture(params=RUNS, ids=VERSIONS)
def run(request: pytest.FixtureRequest) -> Path:
    path: Path = request.param
    return path


def test_there_is_a_run_of_every_schema() -> None:
    assert VERSIONS[0] == "2.0"
    assert SCHEMA_VERSION in VERSIONS
    for run, version in zip(RUNS, VERSIONS, strict=True):
        assert json.loads((run / "run.json").read_text())["schema_version"] == version


def test_an_old_run_is_read_whole(run: Path) -> None:
    trace = read_trace(run)
    counts = trace.summary["counts"]
    assert counts["requests"] == trace.requests().num_rows == 2
    assert counts["bursts"] == trace.bursts().num_rows > 2
    assert trace.has_bursts
    assert trace.has_every_event
    assert trace.traced_bursts().equals(trace.bursts())
    wide = trace.arrow(["energy_pj"])
    assert wide.num_rows == trace.n_events > 1000
    found = trace.duckdb().execute("select count(*) from wide").fetchone()
    assert found == (trace.n_events,)


@pytest.mark.parametrize("arguments", [("trace", "summary"), ("explain", "run")])
def test_commands_read_an_old_run(
    run: Path, arguments: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    assert command([*arguments, str(run), "--json", "--quiet"]) == 0
    told = capsys.readouterr()
    assert json.loads(told.out)["result"]
    assert told.err == ""


def test_an_old_run_can_be_exported(
    run: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "trace.json"
    assert command(["trace", "export", str(run), "--out", str(out)]) == 0
    assert json.loads(out.read_text())["traceEvents"]
    capsys.readouterr()


def test_an_old_run_is_whole_and_has_nothing_to_resume(run: Path) -> None:
    before = hashes(run)
    assert resume(run, quick()).result is None
    assert hashes(run) == before


def test_an_old_run_is_repeated_with_the_same_bursts(run: Path, tmp_path: Path) -> None:
    """Its configuration had fewer fields; theirs have taken the values of then."""
    result = rerun(run, tmp_path / "again", quick())
    assert result.summary["counts"] == read_trace(run).summary["counts"]
    old, new = (read_trace(path).bursts() for path in (run, tmp_path / "again"))
    names = ["request", "accepted", "context_length"]
    assert old.select(names).equals(new.select(names))


def test_a_damaged_old_run_is_not_repeated(tmp_path: Path) -> None:
    run = tmp_path / "run"
    shutil.copytree(GOLDEN / "traces_v2_0", run)
    path = run / "run.json"
    path.write_text(path.read_text().replace('"max_tokens": 16', '"max_tokens": 17'))
    with pytest.raises(TraceError, match=r"its configuration is damaged: it hashes to"):
        rerun(run, tmp_path / "again", quick())
    assert not (tmp_path / "again").exists()


def test_a_damaged_old_run_is_left_is_left_to_the_version_that_wrote_it(
    tmp_path: Path,
) -> None:
    run = tmp_path / "run"
    shutil.copytree(GOLDEN / "traces_v2_0", run)
    path = run / "bursts.parquet"
    path.write_bytes(path.read_bytes()[:-1])
    before = hashes(run)
    with pytest.raises(TraceError) as caught:
        resume(run, quick())
    assert "Only the simcore that wrote it can mend it: '0.1.0', schema '2.0'" in str(
        caught.value
    )
    assert hashes(run) == before
