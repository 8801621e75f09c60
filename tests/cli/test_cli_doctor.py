"""`simcore doctor`: what it looks at, and what it says when something is wrong."""

from __future__ import annotations

import json
import os
import shutil
from collections import namedtuple
from dataclasses import replace
from pathlib import Path

import pytest

from simcore.cli.doctor import _exit_code
from simcore.experiments import doctor, run

NAMES = [
    "packages",
    "shipped files",
    "compile cache",
    "current folder",
    "temporary folder",
    "terminal",
    "machine",
    "self-check",
]


def found(name: str) -> doctor.SetupCheck:
    return next(check for check in doctor.examine() if check.name == name)


@pytest.fixture
def no_self_check(monkeypatch):
    sound = doctor.SetupCheck("self-check", "ok", "not run", None, "system", {})
    monkeypatch.setattr(doctor, "self_check", lambda: sound)


def test_a_sound_installation_is_said_to_be_so(cli):
    outcome = cli("doctor", "--json")
    assert outcome.code == 0
    document = json.loads(outcome.out)
    assert document["command"] == "doctor"
    result = document["result"]
    assert result["sound"] is True
    checks = {check["name"]: check for check in result["checks"]}
    assert list(checks) == NAMES
    assert checks["self-check"]["values"]["difference"] == "0 ps"
    assert checks["self-check"]["values"]["failed"] == []
    assert checks["packages"]["values"]["numpy"]
    assert checks["machine"]["values"]["cores"] >= 1
    assert checks["current folder"]["values"]["path"] == str(Path.cwd())


def test_the_text_can_be_copied(cli, no_self_check):
    outcome = cli("doctor")
    assert outcome.code == 0
    assert outcome.err == ""
    lines = outcome.out.splitlines()
    for name in NAMES:
        assert any(line[8:].startswith(f"{name} ") for line in lines)
    assert lines[-1].startswith("Sound: 8 checks, none failed")
    assert outcome.out.isascii() or str(Path.cwd()) in outcome.out
    assert list(Path().iterdir()) == []


def test_a_wrong_simulation_is_noticed(cli, monkeypatch):
    real = run.simulate

    def wrong(*arguments, **options):
        result = real(*arguments, **options)
        first, *rest = result.checks
        checks = [replace(first, holds=False, measured="3 ps"), *rest]
        return replace(result, checks=checks)

    monkeypatch.setattr(run, "simulate", wrong)
    outcome = cli("doctor")
    assert outcome.code == 3
    assert "failed  self-check" in outcome.out
    assert "burst_latency_equals_integer_composition" in outcome.out
    assert outcome.out.splitlines()[-1] == "Not sound: self-check."


def test_a_simulation_that_fails_is_a_finding(monkeypatch):
    def refuse(*arguments, **options):
        raise ImportError("no module named 'simpy'")

    monkeypatch.setattr(run, "simulate", refuse)
    check = doctor.self_check()
    assert (check.state, check.cause) == ("failed", "check")
    assert "ImportError: no module named 'simpy'" in check.detail


def test_missing_and_old_packages_are_named(monkeypatch, no_self_check):
    versions = {"numpy": "1.2.3", "simpy": None}
    monkeypatch.setattr(
        doctor, "package_version", lambda name: versions.get(name, "9999.0")
    )
    check = found("packages")
    assert check.state == "failed"
    assert "numpy 1.2.3 (needs 1.26 or newer)" in check.detail
    assert "simpy is missing" in check.detail
    assert _exit_code([check]) == 4


@pytest.mark.parametrize(
    ("found", "least", "older"),
    [
        ("2.4.6", "1.26", False),
        ("1.26", "1.26", False),
        ("1.9", "1.26", True),
        ("1.26rc1", "1.26", False),
        (None, "1", True),
        ("16", "16.0.1", True),
    ],
)
def test_versions_are_compared_as_numbers(found, least, older):
    assert doctor._older(found, least) is older


@pytest.mark.parametrize(
    ("free", "state"), [(10**7, "failed"), (10**9, "note"), (10**12, "ok")]
)
def test_little_disk_is_told(monkeypatch, no_self_check, free, state):
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda folder: usage(0, 0, free))
    assert found("current folder").state == state


def test_a_folder_that_cannot_be_written_is_told(monkeypatch, no_self_check, cli):
    def refuse(*arguments, **options):
        raise PermissionError(13, os.strerror(13))

    monkeypatch.setattr(doctor.tempfile, "TemporaryFile", refuse)
    outcome = cli("doctor")
    assert outcome.code == 4
    assert "Permission denied" in outcome.out
    assert "note    compile cache" in outcome.out
    last = outcome.out.splitlines()[-1]
    assert last == "Not sound: current folder, temporary folder."


def test_a_current_folder_that_is_gone_is_told(tmp_path, monkeypatch, no_self_check):
    gone = tmp_path / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    check = found("current folder")
    assert check.state == "failed"
    assert "No such file" in check.detail
    monkeypatch.chdir(tmp_path)


def test_another_encoding_is_worth_a_note(monkeypatch, no_self_check):
    class Latin:
        encoding = "iso-8859-1"

        def isatty(self) -> bool:
            return False

    monkeypatch.setattr(doctor.sys, "stdout", Latin())
    assert found("terminal").state == "note"


def test_exit_codes_say_whether_system_or_numbers_are_wrong():
    def failed(cause):
        return doctor.SetupCheck("x", "failed", "", None, cause, {})

    assert _exit_code([]) == 0
    assert _exit_code([failed("check")]) == 3
    assert _exit_code([failed("system")]) == 4
    assert _exit_code([failed("check"), failed("system")]) == 4
