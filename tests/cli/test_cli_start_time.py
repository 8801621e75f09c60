"""What is slow to import is not imported by commands that do not need it.

Times depend on the machine; what is loaded does not.
"""

from __future__ import annotations

import subprocess
import sys

import pytest

HEAVY = {"pandas", "pyarrow", "duckdb", "numba", "scipy", "simpy", "matplotlib"}
#: The smaller ones, which a command without a file has no need of either.
MIDDLE = {"numpy", "pydantic", "yaml", "rich"}

_PROGRAM = """
import sys
from simcore.cli.app import execute
code = execute(sys.argv[1:])
print(" ".join(sorted(sys.modules)), file=sys.stderr)
sys.exit(code)
"""


def loaded_by(*arguments: str) -> set[str]:
    result = subprocess.run(
        [sys.executable, "-c", _PROGRAM, *arguments],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    return set(result.stderr.splitlines()[-1].split())


@pytest.mark.parametrize("arguments", [("--help",), ("--version",)])
def test_help_and_version_load_little(arguments):
    assert loaded_by(*arguments) & (HEAVY | MIDDLE) == set()


@pytest.mark.parametrize(
    "arguments",
    [
        # Typer itself reads options with pydantic.
        ("run", "--help"),
        ("check", "tiny", "-q"),
        ("explain", "workload.draft_length"),
        ("list", "policies"),
        ("show", "tiny"),
    ],
)
def test_commands_that_only_read_files_load_nothing_heavy(arguments):
    assert loaded_by(*arguments) & HEAVY == set()


def test_a_run_loads_what_the_others_must_not(tmp_path):
    # Else the names above could be wrong, and the tests would prove nothing.
    out = str(tmp_path / "run")
    loaded = loaded_by("run", "tiny", "--requests", "1", "-q", "--out", out)
    assert {"numpy", "pydantic", "yaml", "pyarrow", "simpy"} <= loaded
