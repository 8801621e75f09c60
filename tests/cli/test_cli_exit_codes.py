"""How a command ends: exit code, text, and what is left on the disk."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from interrupts import wrapped_interrupt

import simcore.experiments.run
import simcore.experiments.validate
from simcore.errors import (
    CheckFailed,
    ConfigError,
    OutputError,
    Problem,
    ProgramError,
    SimulationError,
    TraceError,
)

# Most tests here look at files, not at checks.
RUN = ("run", "tiny", "--requests", "1", "--no-check", "--out", "kept")


def raising(error: BaseException):
    def simulate(*_: object, **__: object) -> None:
        raise error

    return simulate


@pytest.mark.parametrize(
    ("error", "code", "kind", "text"),
    [
        (
            ConfigError([Problem(path="out", message="no")]),
            2,
            "config",
            "out: no.\n1 problem. Nothing was run.",
        ),
        (ProgramError("no room"), 2, "program", "ProgramError: no room"),
        (SimulationError("stuck"), 3, "simulation", "SimulationError: stuck"),
        (CheckFailed("differs"), 3, "check", "CheckFailed: differs"),
        (TraceError("damaged"), 4, "trace", "TraceError: damaged"),
        (OutputError("full"), 4, "output", "OutputError: full"),
        (
            PermissionError(13, "Permission denied", "a/b"),
            4,
            "system",
            "Error: cannot use a/b: Permission denied",
        ),
        (MemoryError(), 4, "system", "Error: not enough memory."),
        *(
            (
                error,
                130,
                "interrupted",
                "Interrupted. Nothing that is unfinished counts as a run.",
            )
            for error in (KeyboardInterrupt(), wrapped_interrupt())
        ),
    ],
)
def test_every_kind_of_error_has_its_exit_code(
    cli, monkeypatch, error, code, kind, text
):
    monkeypatch.setattr(simcore.experiments.run, "execute", raising(error))
    result = cli(*RUN, "--json")
    assert result.code == code
    assert result.err.rstrip("\n") == text
    assert json.loads(result.out)["error"]["kind"] == kind
    assert json.loads(result.out)["error"]["message"] == text


@pytest.mark.parametrize("error", [KeyboardInterrupt(), wrapped_interrupt()])
def test_who_interrupts_a_run_is_told_how_to_go_on(cli, monkeypatch, error):
    def begin(plan, how, folder, **_: object) -> None:
        folder.mkdir()
        raise error

    monkeypatch.setattr(simcore.experiments.run, "execute", begin)
    result = cli(*RUN)
    assert result.code == 130
    assert result.err.splitlines() == [
        "Finished shards are kept. Go on with: simcore resume kept",
        "Interrupted. Nothing that is unfinished counts as a run.",
    ]


def test_a_bug_is_told_without_a_traceback_and_kept_in_a_file(
    cli, monkeypatch, tmp_path
):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    broken = raising(KeyError("surprise\nsecond line"))
    monkeypatch.setattr(simcore.experiments.run, "execute", broken)
    result = cli(*RUN)
    assert result.code == 1
    assert result.out == ""
    first, second, third = result.err.splitlines()
    assert first == "Internal error: KeyError: 'surprise\\nsecond line'"
    assert second == "This is a bug in simcore, not in your files."
    (kept,) = tmp_path.glob("simcore-bug-*.txt")
    assert third == f"The traceback is in {kept}; please report it."
    assert "Traceback (most recent call last)" in kept.read_text()


def test_a_bug_is_told_even_where_no_file_can_be_written(cli, monkeypatch, tmp_path):
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path / "missing"))
    monkeypatch.setattr(
        simcore.experiments.run, "execute", raising(RuntimeError("odd"))
    )
    result = cli(*RUN)
    assert result.code == 1
    assert result.err.splitlines()[-1] == (
        "The traceback could not be written: No such file or directory."
    )


def test_a_run_is_written_where_asked_and_exits_with_0(cli):
    result = cli(*RUN)
    assert result.code == 0
    assert result.out.splitlines()[-1] == "trace: kept"
    assert json.loads(Path("kept/run.json").read_text())["state"] == "complete"


def test_a_run_goes_to_traces_by_name_and_seed(cli):
    assert cli("run", "tiny", "--requests", "1", "--seed", "7").code == 0
    assert Path("traces/tiny-7/run.json").is_file()


def test_an_existing_run_is_kept_unless_forced(cli):
    cli(*RUN)
    before = Path("kept/run.json").read_bytes()
    result = cli(*RUN, "--seed", "2")
    assert result.code == 2
    assert result.err.splitlines() == [
        "kept: the folder already holds a run. Use --force to replace it, or choose "
        "another folder.",
        "1 problem. Nothing was run.",
    ]
    assert Path("kept/run.json").read_bytes() == before
    assert cli(*RUN, "--seed", "2", "--force").code == 0
    assert json.loads(Path("kept/run.json").read_text())["seed"] == 2


def test_foreign_files_are_never_removed(cli):
    Path("kept").mkdir()
    Path("kept/thesis.tex").write_text("years of work")
    result = cli(*RUN, "--force")
    assert result.code == 2
    assert "the folder holds 'thesis.tex', which no run wrote" in result.err
    assert Path("kept/thesis.tex").read_text() == "years of work"


def test_a_folder_that_cannot_be_made_exits_with_4(cli):
    Path("file").write_text("")
    result = cli("run", "tiny", "--out", "file/inside")
    assert result.code == 4
    assert result.err == "OutputError: cannot write file/inside: Not a directory\n"


def test_a_check_that_fails_exits_with_3_and_keeps_the_run(cli, monkeypatch):
    real = simcore.experiments.run.execute

    def execute(*args, **kwargs):
        result = real(*args, **kwargs)
        result.summary["cross_check"].append(
            {
                "name": "water_is_dry",
                "holds": False,
                "measured": 1.5,
                "bound": 0,
                "detail": "in ml",
            }
        )
        return result

    monkeypatch.setattr(simcore.experiments.run, "execute", execute)
    result = cli(*RUN)
    assert result.code == 3
    lines = result.out.splitlines()
    assert "  does not hold: water_is_dry: measured 1.50, bound 0 (in ml)" in lines
    assert "checks: 0 of 1 hold" in lines
    assert lines[-1] == "trace: kept"
    assert Path("kept/run.json").is_file()


def test_validate_exits_with_0_when_all_holds(cli):
    result = cli("validate", "tiny")
    assert result.code == 0
    assert result.out.splitlines()[-1].startswith("All ")
    assert result.out.splitlines()[-1].endswith(" checks hold.")


class DifferingReport:
    holds = False

    def to_dict(self):
        row = {
            "context_length": 16,
            "accepted": 0,
            "committed": 1,
            "simulated_ps": 11_302_507,
            "composed_ps": 11_302_500,
            "difference_ps": 7,
            "float_difference_ps": 7.0,
            "float_bound_ps": 199.0,
            "differing_operations": ("kv_read",),
            "holds": False,
        }
        check = {"measured": 0, "bound": 0, "detail": ""}
        return {
            "holds": False,
            "conditional": [row],
            "checks": [
                {**check, "name": "durations", "holds": False},
                {**check, "name": "energy", "holds": True},
            ],
            "skipped": [],
        }


def test_validate_exits_with_3_and_names_what_differs(cli, monkeypatch):
    monkeypatch.setattr(
        simcore.experiments.validate, "validate", lambda *_, **__: DifferingReport()
    )
    result = cli("validate", "tiny")
    assert result.code == 3
    lines = result.out.splitlines()
    assert lines[-1] == "1 burst differs. 1 check does not hold."
    assert "  differing: kv_read" in lines
    assert "  FAIL  16  0    1  11,302,507 ps     7 ps  7.00 ps  199 ps" in lines
    assert "  does not hold: durations: measured 0, bound 0" in lines


def test_without_check_nothing_is_compared(cli):
    assert "checks: none were made" in cli(*RUN).out


@pytest.mark.parametrize("command", ["summary", "export"])
def test_a_run_that_is_not_there_is_wrong_input(cli, command):
    more = ("--out", "x.json") if command == "export" else ()
    result = cli("trace", command, "nowhere", *more)
    assert result.code == 2
    assert result.err.splitlines()[0] == "nowhere: there is no such run folder."


@pytest.mark.parametrize("command", ["summary", "export"])
def test_a_file_in_place_of_a_run_folder_is_wrong_input(cli, command):
    Path("plain").write_text("x")
    more = ("--out", "x.json") if command == "export" else ()
    result = cli("trace", command, "plain", *more)
    assert result.code == 2
    assert result.err.splitlines()[0] == "plain: this is a file, not a run folder."


def test_an_empty_manifest_is_damaged_and_not_of_another_version(cli):
    Path("kept").mkdir()
    Path("kept/run.json").write_text("{}")
    result = cli("trace", "summary", "kept")
    assert result.code == 4
    assert "kept/run.json: damaged: it names no schema version" in result.err
    assert "this simcore reads" not in result.err


def test_a_damaged_trace_exits_with_4_and_names_the_file(cli):
    cli(*RUN)
    path = Path("kept/bursts.parquet")
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    result = cli("trace", "summary", "kept")
    assert result.code == 4
    assert result.err.startswith("TraceError: kept/bursts.parquet: ")
    assert result.out == ""


def test_an_export_does_not_replace_a_file_unless_forced(cli):
    cli(*RUN)
    export = ("trace", "export", "kept", "--out", "t.json", "--bursts", "0")
    assert cli(*export).code == 0
    again = cli(*export)
    assert again.code == 2
    assert again.err.splitlines()[0] == (
        "t.json: the file already exists. Use --force to replace it."
    )
    assert cli(*export, "--force").code == 0
    assert json.loads(Path("t.json").read_text())["traceEvents"]
