"""The JSON envelope."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from simcore.config.accounting import AccountingConfig
from simcore.errors import Problem
from simcore.report.json_report import error_document, plain, result_document


def test_a_result_is_wrapped_with_its_version_and_command():
    assert json.loads(result_document("run", {"b": 1, "a": 0.1})) == {
        "schema_version": "1.0",
        "command": "run",
        "result": {"a": 0.1, "b": 1},
    }


def test_an_error_carries_its_problems():
    problem = Problem(path="a.b", file="f.yaml", line=3, got="1", allowed="must be 2")
    document = json.loads(error_document("check", "config", "text", [problem]))
    assert document["error"]["kind"] == "config"
    assert document["error"]["message"] == "text"
    (found,) = document["error"]["problems"]
    assert found["path"] == "a.b"
    assert found["text"] == "f.yaml:3: a.b: got 1; must be 2."


def test_numbers_keep_all_their_digits_and_nan_becomes_null():
    values = {"a": 0.1 + 0.2, "b": math.nan, "c": math.inf, "d": 2**62}
    assert json.loads(result_document("run", values))["result"] == {
        "a": 0.30000000000000004,
        "b": None,
        "c": None,
        "d": 2**62,
    }


def test_what_reports_hold_becomes_plain_data():
    assert plain({1: (Path("a") / "b", np.float64(0.5), np.arange(2))}) == {
        "1": ["a/b", 0.5, [0, 1]]
    }
    assert plain(AccountingConfig())["offset_row"] == "on"


def test_anything_else_is_refused_rather_than_guessed():
    with pytest.raises(TypeError, match="object cannot be written as JSON"):
        plain(object())
