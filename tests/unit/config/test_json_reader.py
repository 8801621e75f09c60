from __future__ import annotations

import json
import time

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from simcore.config.json_reader import read_json
from simcore.errors import ConfigError


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers(-(10**30), 10**30)
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text(),
        lambda inner: (
            st.lists(inner, max_size=4)
            | st.dictionaries(st.text(max_size=5), inner, max_size=4)
        ),
        max_leaves=20,
    )
)
def test_reads_what_the_standard_parser_reads(value: object) -> None:
    text = json.dumps(value, indent=1)
    document = read_json(text)
    assert document.data == json.loads(text)
    assert document.problems == []


def test_every_value_has_its_line() -> None:
    document = read_json('{\n "a": 1,\n "b":\n  [2,\n   {"c": 3}]\n}')
    lines = {path: place.line for path, place in document.places.items()}
    assert lines == {
        (): 1,
        ("a",): 2,
        ("b",): 3,
        ("b", 0): 4,
        ("b", 1): 5,
        ("b", 1, "c"): 5,
    }


def test_a_duplicate_key_is_told_and_the_first_value_stays() -> None:
    document = read_json('{"a": 1,\n "a": {"b": 2, "b": 3}}', "f.json")
    assert document.data == {"a": 1}
    assert [str(problem) for problem in document.problems] == [
        "f.json:2: a: key given twice; first on line 1."
    ]


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity", "1e999", "-1.5e999"])
def test_a_number_that_is_not_finite_is_refused(text: str) -> None:
    document = read_json(f'{{"a": {text}}}', "f.json")
    assert [str(problem) for problem in document.problems] == [
        f"f.json:1: a: got {text}; must be a finite number."
    ]
    assert document.refused == {("a",)}


def test_a_huge_integer_is_refused_without_converting_it() -> None:
    (problem,) = read_json("[" + "9" * 5000 + "]").problems
    assert problem.allowed == "must have at most 40 digits"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.json: the file is empty."),
        (" \n", "f.json: the file is empty."),
        ('{"a" 1}', "f.json:1: not valid JSON: expected ':', found '1}'."),
        ('{"a": 1,}', "expected a key in double quotes, found '}'."),
        ("{a: 1}", "expected a key in double quotes, found 'a: 1}'."),
        ("[1 2]", "expected ',' or ']', found '2]'."),
        ("[1", "expected ',' or ']', found the end of the file."),
        ("[1,\n\n x]", "f.json:3: not valid JSON: expected a value, found 'x]'."),
        ('{"a": 012}', "expected a number without leading zeros, found '012}'."),
        ("'a'", "expected a value"),
        ("+1", "expected a value"),
        ("nul", "expected a value"),
        ("-", "expected a value"),
        ('"a', "expected text in double quotes"),
        ('"\n"', "expected text in double quotes"),
        ('"\\x"', "expected valid escapes in text"),
        ("{} {}", "f.json:1: text after the end of the document."),
    ],
)
def test_what_is_not_json_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_json(text, "f.json")
    (problem,) = caught.value.problems
    assert message in str(problem)
    assert str(problem).startswith("f.json:")


def test_a_lone_surrogate_becomes_a_printable_character() -> None:
    assert read_json('["\\ud800"]').data == ["?"]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[" * 100_000, "too deep: more than 50 levels"),
        ('{"a":' * 100_000, "too deep: more than 50 levels"),
        ("[" + "1," * 200_000 + "1]", "too many values: more than 100000 values"),
        ('"' + "x" * 900_000, "expected text in double quotes"),
        ('"' + "\\" * 900_001, "expected text in double quotes"),
        (" " * 1_100_000, "too large: more than 1048576 characters"),
    ],
)
def test_hostile_sizes_are_refused_quickly(text: str, message: str) -> None:
    start = time.process_time()
    with pytest.raises(ConfigError, match=message):
        read_json(text)
    assert time.process_time() - start < 5
