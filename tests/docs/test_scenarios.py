"""Every shipped scenario runs, and its trace can be read in every way."""

from __future__ import annotations

from pathlib import Path

import pyarrow.compute as pc
import pytest

from simcore import read_trace
from simcore.cli.app import execute
from simcore.config.shipped import shipped_files
from simcore.trace.schema import WIDE_COLUMNS

SCENARIOS = shipped_files("scenario")
#: A page must open at once and fit into a mail.
MOST_PAGE_BYTES = 1_500_000
ROOT = Path(__file__).resolve().parents[2]


def run_and_read(name: str, folder: Path, *extra: str) -> None:
    arguments = ["run", name, "--requests", "1", "--out", str(folder), "-q", *extra]
    assert execute(arguments) == 0
    trace = read_trace(folder)
    wide = trace.arrow()
    assert tuple(wide.column_names) == WIDE_COLUMNS
    assert wide.num_rows == trace.n_events > 0
    ((counted, energy),) = (
        trace.duckdb().sql("SELECT count(*), sum(energy_pj) FROM wide").fetchall()
    )
    assert counted == wide.num_rows
    assert energy == pytest.approx(pc.sum(wide["energy_pj"]).as_py(), rel=1e-12)
    requests = trace.requests().to_pylist()
    assert [row["tokens"] for row in requests] == [
        trace.run["config"]["workload"]["max_tokens"]
    ]
    assert execute(["report", str(folder), "-q"]) == 0
    page = (folder / "report.html").read_text(encoding="utf-8")
    assert f"<h1>{trace.run['scenario']}</h1>" in page
    assert len(page.encode()) < MOST_PAGE_BYTES
    bursts = pc.sum(trace.bursts()["committed"]).as_py()
    assert bursts == requests[0]["tokens"]


def test_every_scenario_file_is_shipped_by_its_name():
    files = {path.stem for path in (ROOT / "scenarios").glob("*.yaml")}
    assert files == set(SCENARIOS)


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_runs_and_its_trace_can_be_read(name, tmp_path):
    run_and_read(name, tmp_path / "run", "--set", "workload.max_tokens=8")


@pytest.mark.slow
@pytest.mark.parametrize("name", SCENARIOS)
def test_a_whole_request_of_a_scenario_can_be_read(name, tmp_path):
    run_and_read(name, tmp_path / "run")


@pytest.mark.parametrize("name", SCENARIOS)
def test_a_scenario_can_be_checked_and_estimated(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert execute(["check", name, "-q"]) == 0
    assert execute(["estimate", name, "-q", "--set", "workload.max_tokens=8"]) == 0
    assert list(tmp_path.iterdir()) == []
