"""`simcore resume` and `simcore rerun`, workers and silence, as a user sees them."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from simcore.cli import execution
from simcore.config.load import load_scenario
from simcore.experiments.how_to_run import HowToRun
from simcore.experiments.plan import plan_of
from simcore.experiments.run import execute

CHANGES = ("workload.requests=4", "workload.max_tokens=4", "shard_replications=1")
RUN = ("run", "tiny", *(w for change in CHANGES for w in ("--set", change)))


def hashes(folder: str) -> dict[str, str]:
    run = Path(folder)
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(run.rglob("*"))
        if path.is_file() and path.name != "run.json"
    }


def interrupt(folder: str, after: int) -> None:
    def stop(done: int, total: int, unit: str, note: str = "") -> None:
        if done >= after:
            raise KeyboardInterrupt

    plan = plan_of(load_scenario("tiny", CHANGES))
    with pytest.raises(KeyboardInterrupt):
        execute(plan, HowToRun(progress=stop), Path(folder))


def test_an_interrupted_run_is_completed(cli):
    whole = cli(*RUN, "--out", "whole")
    interrupt("part", after=3)
    # Who forgets is told.
    again = cli(*RUN, "--out", "part")
    assert again.code == 2
    assert again.err.splitlines()[0] == (
        "part: the folder already holds an unfinished run. `simcore resume 'part'` "
        "completes it. Use --force to replace it, or choose another folder."
    )
    result = cli("resume", "part")
    assert result.code == 0
    assert "3 of 4 shards were there, 1 simulated" in result.err.splitlines()
    assert result.out == whole.out.replace("trace: whole", "trace: part")
    assert hashes("part") == hashes("whole")


def test_a_whole_run_is_left_alone(cli):
    cli(*RUN, "--out", "whole")
    before = Path("whole/run.json").read_bytes()
    result = cli("resume", "whole")
    assert (result.code, result.out) == (
        0,
        "whole: complete and whole; nothing to do\n",
    )
    document = json.loads(cli("resume", "whole", "--json").out)
    assert document["result"] == {"path": "whole", "resumed": False}
    assert Path("whole/run.json").read_bytes() == before


def test_a_damaged_run_is_mended(cli):
    cli(*RUN, "--out", "whole")
    before = hashes("whole")
    path = Path("whole/requests.parquet")
    path.write_bytes(path.read_bytes()[:-1])
    result = cli("resume", "whole", "--json")
    assert result.code == 0
    assert "damaged and written again: requests.parquet" in result.err.splitlines()
    found = json.loads(result.out)["result"]
    assert found["mended"] == ["requests.parquet"]
    assert found["path"] == "whole"
    assert hashes("whole") == before


def test_a_run_is_repeated_from_its_folder_alone(cli, tmp_path):
    cli(*RUN, "--out", "first", "--seed", "5")
    result = cli("rerun", "first", "--engine", "simpy")
    assert result.code == 0
    assert result.out.splitlines()[-1] == "trace: first-again"
    assert hashes("first-again") == hashes("first")
    refused = cli("rerun", "first", "--out", "first", "--force")
    assert refused.code == 2
    assert refused.err.splitlines()[0] == (
        "first: the repetition would replace the run that it repeats. Choose another "
        "folder."
    )


@pytest.mark.parametrize("command", ["resume", "rerun"])
def test_where_there_is_no_run_nothing_is_done(cli, command):
    result = cli(command, "nowhere")
    assert result.code in (2, 4)
    assert len(result.err.splitlines()) <= 2
    assert "nowhere" in result.err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    ("options", "text"),
    [
        (
            ("--executor", "dask"),
            "scheduler: missing; required with executor 'dask'. for example "
            "tcp://127.0.0.1:8786",
        ),
        (
            ("--scheduler", "tcp://127.0.0.1:8786"),
            "scheduler: got 'tcp://127.0.0.1:8786'; must be absent with executor "
            "'local'.",
        ),
        (
            ("--executor", "dask", "--scheduler", "h:1", "--workers", "2"),
            "workers: got 2; must be absent with executor 'dask'. The cluster has its "
            "own.",
        ),
    ],
)
def test_options_that_do_not_fit_together_are_refused(cli, options, text):
    result = cli(*RUN, "--out", "kept", *options)
    assert result.code == 2
    assert result.err.splitlines() == [text, "1 problem. Nothing was run."]
    assert not Path("kept").exists()


def test_quiet_says_nothing_even_with_workers(cli):
    result = cli(*RUN, "--out", "kept", "--workers", "2", "--chunk", "2", "--quiet")
    assert result.code == 0
    assert result.err == ""
    assert result.out.splitlines()[-1] == "trace: kept"


def test_quiet_says_nothing_of_a_resumption(cli):
    interrupt("part", after=2)
    assert cli("resume", "part", "--quiet").err == ""


def test_a_worker_that_died_is_told_unless_quiet(cli, monkeypatch):
    """And on stderr: the result stays what it is."""

    class Losing:
        def run(self, jobs, report):
            report("a worker process died; jobs tried again: 1")
            for job in jobs:
                yield from job.run()

    chosen = "simcore.experiments.executors.choice.executor_of"
    monkeypatch.setattr(chosen, lambda *_, **__: Losing())
    told = cli(*RUN, "--out", "told")
    line = "a worker process died; jobs tried again: 1"
    assert line in told.err.splitlines()
    assert line not in told.out
    assert cli(*RUN, "--out", "quiet", "--quiet").err == ""


def test_progress_is_counted_in_requests_that_are_simulated(cli, monkeypatch):
    calls = []

    class Bar:
        def __init__(self, quiet):
            self.quiet = quiet

        def __enter__(self):
            return lambda *call: calls.append(call)

        def __exit__(self, *_):
            return None

    monkeypatch.setattr(execution, "progress_on_stderr", Bar)
    interrupt("part", after=2)
    cli("resume", "part")
    # What an earlier process has done counts from the beginning.
    assert [call[:3] for call in calls] == [(done, 4, "requests") for done in (2, 3, 4)]
