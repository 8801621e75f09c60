"""The scripts of docs/ run as they stand and print what stands beside them."""

from __future__ import annotations

import subprocess

import pytest
from document_runner import ROOT, SCRIPTS, printed_by, run_script

REFRESH = "run `python tests/docs/refresh_readme.py NAME` if the change is meant"


@pytest.mark.parametrize("script", SCRIPTS)
def test_a_script_prints_what_stands_beside_it(script, tmp_path):
    printed = run_script(script, tmp_path)
    assert printed == printed_by(script).read_text(encoding="utf-8"), REFRESH


def test_every_script_of_the_docs_is_run():
    assert sorted(SCRIPTS) == [f"docs/{p.name}" for p in sorted(ROOT.glob("docs/*.py"))]


def test_a_script_that_fails_is_found(tmp_path):
    script = tmp_path / "wrong.py"
    script.write_text("raise SystemExit(1)\n")
    with pytest.raises(subprocess.CalledProcessError):
        run_script(str(script), tmp_path)
