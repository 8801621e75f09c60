from __future__ import annotations

from pathlib import Path
from types import MappingProxyType
from typing import Any

import numpy as np
import pytest

from simcore.config.accounting import AccountingConfig
from simcore.config.mapping_reader import read_mapping
from simcore.errors import ConfigError


def test_python_data_reads_like_a_file() -> None:
    accounting = AccountingConfig()
    document = read_mapping(
        MappingProxyType(
            {
                "layers": {0: (1, 2), "1": [3]},
                "n": np.int64(5),
                "x": np.float64(0.5),
                "y": np.float32(0.25),
                "file": Path("a/b"),
                "on": True,
                "none": None,
                "object": accounting,
            }
        )
    )
    assert document.data == {
        "layers": {"0": [1, 2], "1": [3]},
        "n": 5,
        "x": 0.5,
        "y": 0.25,
        "file": str(Path("a/b")),
        "on": True,
        "none": None,
        "object": accounting,
    }
    assert type(document.data["n"]) is int
    assert document.problems == []


def test_the_mapping_given_is_not_changed() -> None:
    source = {"a": {"b": [1]}}
    read_mapping(source).data["a"]["b"].append(2)
    assert source == {"a": {"b": [1]}}


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ({"a": float("nan")}, "a: got nan; must be a finite number."),
        ({"a": np.float64("-inf")}, "a: got -inf; must be a finite number."),
        ({"a": {1, 2}}, "a: got set; must be plain data."),
        ({"a": b"x"}, "a: got bytes; must be plain data."),
        ({"a": 1j}, "a: got complex; must be plain data."),
        ({"a": {None: 1}}, "a: key None; must be text."),
        ({True: 1}, "key True; must be text."),
        ({1.5: 1}, "key 1.5; must be text."),
        ({"a": {0: 1, "0": 2}}, "a.0: key given twice."),
    ],
)
def test_what_no_file_could_say_is_a_problem(
    source: dict[Any, Any], message: str
) -> None:
    (problem,) = read_mapping(source).problems
    assert str(problem) == message


def test_a_mapping_that_contains_itself_is_refused() -> None:
    loop: dict[str, Any] = {}
    loop["a"] = loop
    with pytest.raises(ConfigError, match="too deep: more than 50 levels"):
        read_mapping(loop)


def test_a_huge_mapping_is_refused() -> None:
    with pytest.raises(ConfigError, match="too many values: more than 100000"):
        read_mapping({"a": [0] * 100_001})
