"""What the text looks like, and where it goes."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

COMMANDS = {
    "run": ("run", "tiny", "--out", "kept"),
    "validate": ("validate", "tiny"),
    "check": ("check", "tiny"),
    "estimate": ("estimate", "tiny"),
    "sweep": ("estimate", "tiny", "--prompt-lengths", "16:1024:*2"),
    "large": ("estimate", "qwen3-1.7b-k5"),
    "help": ("run", "--help"),
}


@pytest.mark.parametrize("command", COMMANDS)
def test_text_is_plain_ascii_of_at_most_80_columns(cli, command):
    result = cli(*COMMANDS[command])
    assert result.code == 0
    assert result.out.isascii()
    assert "\x1b" not in result.out + result.err
    too_long = [line for line in result.out.splitlines() if len(line) > 80]
    assert too_long == []
    trailing = [line for line in result.out.splitlines() if line != line.rstrip()]
    assert trailing == []


def test_a_name_that_is_long_or_strange_does_not_break_the_layout(cli, tmp_path):
    name = "a/b \u00fc" + "x" * 150
    result = cli("check", "tiny", "--set", f"name='{name}'")
    assert result.code == 0
    assert max(map(len, result.out.splitlines())) <= 80
    out = cli("run", "tiny", "--set", f"name='{name}'", "--requests", "1").out
    (folder,) = Path("traces").iterdir()
    assert re.fullmatch(r"a_b_x{95,96}-1", folder.name)
    assert f"trace: traces/{folder.name}" in out


def test_the_run_report_says_what_a_run_found(cli):
    out = cli(*COMMANDS["run"]).out
    assert "seed 1, 4 requests, " in out
    for label in (
        "tokens per burst",
        "latency per token",
        "throughput",
        "energy per token",
        "  dynamic",
        "  leakage",
        "speed-up",
        "C*",
        "E[a+1]",
        "break-even power",
        "busiest block: ",
        "verify_drafted",
        "kv_cache",
        "Notes",
        "Prefill and time to first token are excluded.",
        "accounting physical: array_energy per_cell",
        "sourced hardware numbers assumed",
        "proxy",
        "excluded",
    ):
        assert label in out
    assert re.search(r"latency per token +[0-9.]+ \+- [0-9.]+ us +[0-9.]+ us ", out)
    assert re.search(r"^checks: ([0-9]+) of \1 hold$", out, re.MULTILINE)


def test_the_same_run_prints_the_same_text(cli):
    first = cli(*COMMANDS["run"]).out
    assert cli(*COMMANDS["run"], "--force").out == first


def test_trace_summary_prints_the_report_of_the_run(cli):
    assert cli("trace", "summary", "kept").code == 2
    report = cli(*COMMANDS["run"]).out
    assert cli("trace", "summary", "kept").out == report


def test_quiet_leaves_stderr_empty(cli):
    assert cli(*COMMANDS["run"], "--quiet").err == ""
    assert cli("check", "tiny", "-q").err == ""
    assert cli("trace", "summary", "kept", "-q").err == ""
    assert cli("trace", "export", "kept", "--out", "x.json", "-q").err == ""
    assert cli("estimate", "tiny", "--output", "y.json", "-q").err == ""


def test_notes_go_to_stderr_and_name_the_next_command(cli):
    result = cli(*COMMANDS["run"])
    size, took, *following = result.err.splitlines()
    assert re.fullmatch(
        r"A run: 4 requests, about [0-9.]+ bursts, [0-9,]+ operations, [0-9,]+ event "
        r"rows \(trace: full\), [0-9.]+ kB on disk, 300 MB of memory",
        size,
    )
    assert re.fullmatch(
        r"took [0-9.]+ s(, [0-9.]+ s of it to load the compiled engine)?", took
    )
    assert following == [
        "next: simcore report kept",
        "      simcore explain run kept",
        "      simcore trace export kept --bursts 0-1 --out perfetto.json",
        "      simcore validate tiny",
    ]
    assert cli("check", "tiny").err == "next: simcore run tiny\n"
    # What kept no events has nothing to export.
    small = cli("run", "tiny", "--set", "trace=bursts", "--out", "small")
    assert small.err.splitlines()[2:] == [
        "next: simcore report small",
        "      simcore validate tiny --set trace=bursts",
    ]


@pytest.mark.parametrize("option", ["-h", "--help"])
@pytest.mark.parametrize("command", ["", "run", "trace", "trace export"])
def test_help_is_there_for_every_command(cli, command, option):
    result = cli(*command.split(), option)
    assert result.code == 0
    assert result.out.startswith(f"Usage: simcore {command}".rstrip())


def test_no_command_prints_the_help(cli):
    assert cli().out == cli("--help").out
    assert "Exit codes: 0 done; 1 bug in simcore;" in cli().out
    assert cli("trace").out == cli("trace", "--help").out


def test_version_names_what_the_bytes_depend_on(cli):
    lines = cli("--version").out.splitlines()
    assert [line.split()[0] for line in lines] == [
        "simcore",
        "python",
        "numpy",
        "pyarrow",
    ]
    assert all(len(line.split()) > 1 for line in lines)


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "simcore", *arguments]


def test_a_reader_that_goes_away_is_no_error(tmp_path):
    line = (
        f"{' '.join(command('estimate', 'tiny'))} | head -n 1; echo ${{PIPESTATUS[0]}}"
    )
    done = subprocess.run(
        ["bash", "-c", line], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout.splitlines()[0].startswith("tiny: ")
    assert done.stdout.splitlines()[1] == "0"
    assert done.stderr == ""


def test_a_pipe_that_is_closed_from_the_start_is_no_error(tmp_path):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        for arguments in (("--help",), ("check", "tiny", "--json")):
            done = subprocess.run(
                command(*arguments),
                stdout=writer,
                stderr=subprocess.PIPE,
                text=True,
                check=False,
                cwd=tmp_path,
            )
            assert (done.returncode, done.stderr) in [
                (0, ""),
                (0, "next: simcore run tiny\n"),
            ]
    finally:
        os.close(writer)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs /dev/full")
def test_a_full_disk_behind_stdout_exits_with_4(tmp_path):
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            command("estimate", "tiny"),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            cwd=tmp_path,
        )
    assert done.returncode == 4
    assert done.stderr == (
        "OutputError: cannot write the result to stdout: No space left on device\n"
    )


def test_nothing_colours_a_file_not_even_force_color(tmp_path):
    done = subprocess.run(
        command("run", "tiny", "--requests", "1"),
        capture_output=True,
        text=True,
        check=True,
        cwd=tmp_path,
        env={**os.environ, "FORCE_COLOR": "1", "TERM": "xterm"},
    )
    assert "\x1b" not in done.stdout + done.stderr


def test_help_is_quick_because_nothing_heavy_is_imported():
    code = (
        "import sys; from simcore.cli.app import execute; execute(['--help']); "
        "heavy = {'numpy', 'pyarrow', 'pandas', 'scipy', 'simpy', 'duckdb', "
        "'pydantic', 'rich'} & set(sys.modules); print(sorted(heavy))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert done.stdout.splitlines()[-1] == "[]"
