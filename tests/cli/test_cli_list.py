"""`simcore list`: names that a scenario may use."""

from __future__ import annotations

import json

import pytest

from simcore.cli.app import execute


def test_policies_are_listed_with_what_they_do(capsys) -> None:
    assert execute(["list", "policies"]) == 0
    out = capsys.readouterr().out
    for name in ("serialized", "layer-pipelined", "prefetch", "overlap"):
        assert f"\n  {name} " in out
    assert "stop_at_mismatch  holds of steps behind the first rejected draft" in out
    assert max(map(len, out.splitlines())) <= 80


@pytest.mark.parametrize(
    ("kind", "name"),
    [
        ("scenarios", "tiny"),
        ("models", "qwen3-1.7b"),
        ("hardware", "toy-ideal"),
        ("acceptance", "alpha-0.85"),
    ],
)
def test_shipped_files_are_listed(capsys, kind: str, name: str) -> None:
    assert execute(["list", kind, "--json"]) == 0
    listing = json.loads(capsys.readouterr().out)["result"]["listing"]
    assert name in listing[kind]


def test_an_unknown_kind_is_refused(capsys) -> None:
    assert execute(["list", "gadgets"]) == 2
    assert "'gadgets' is not one of policies, scenarios" in capsys.readouterr().err
