from __future__ import annotations

import time

import pytest

from simcore.config import yaml_reader
from simcore.config.yaml_reader import read_yaml
from simcore.errors import ConfigError


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("1e6", 1e6),
        ("1.0e+3", 1000.0),
        (".5", 0.5),
        ("5.", 5.0),
        ("-3", -3),
        ("+5", 5),
        ("0", 0),
        ("-0", 0),
        ("0.5", 0.5),
        ("true", True),
        ("False", False),
        ("null", None),
        ("~", None),
        ("", None),
        ("on", "on"),
        ("off", "off"),
        ("yes", "yes"),
        ("No", "No"),
        ("1:30", "1:30"),
        ("2024-01-01", "2024-01-01"),
        ("1_000", "1_000"),
        ("0x1F", "0x1F"),
        ("0o17", "0o17"),
        ("1e", "1e"),
        ('"12"', "12"),
        ("'on'", "on"),
        ("|\n  two\n  lines", "two\nlines"),
    ],
)
def test_scalars_are_those_of_yaml_1_2(text: str, value: object) -> None:
    document = read_yaml(f"a: {text}")
    assert document.data == {"a": value}
    assert type(document.data["a"]) is type(value)
    assert document.problems == []


def test_negative_zero_is_zero() -> None:
    assert str(read_yaml("a: -0.0").data["a"]) == "0.0"


@pytest.mark.parametrize("text", ["012", "00", "-07", "08.5"])
def test_a_leading_zero_is_refused(text: str) -> None:
    (problem,) = read_yaml(f"a: {text}", "f.yaml").problems
    assert str(problem) == (
        f"f.yaml:1: a: got {text}; must not start with 0. "
        "Drop the zeros for a number; quote it for text."
    )


@pytest.mark.parametrize("text", [".inf", "-.Inf", ".nan", "1e400", "-1e400"])
def test_a_number_that_is_not_finite_is_refused(text: str) -> None:
    (problem,) = read_yaml(f"a: {text}", "f.yaml").problems
    assert str(problem) == f"f.yaml:1: a: got {text}; must be a finite number."


def test_a_huge_integer_is_refused_without_converting_it() -> None:
    (problem,) = read_yaml("a: " + "9" * 5000, "f.yaml").problems
    assert str(problem).endswith("must have at most 40 digits.")
    assert len(str(problem)) < 150


def test_every_value_has_its_line() -> None:
    document = read_yaml("# top\na:\n  b: 1\n  c: [2,\n   3]\nd:\n  - e: 4\n")
    lines = {path: place.line for path, place in document.places.items()}
    assert lines == {
        (): 2,
        ("a",): 2,
        ("a", "b"): 3,
        ("a", "c"): 4,
        ("a", "c", 0): 4,
        ("a", "c", 1): 5,
        ("d",): 6,
        ("d", 0): 7,
        ("d", 0, "e"): 7,
    }


def test_keys_are_text() -> None:
    assert read_yaml("0: a\ntrue: b\n~: c\n1e6: d").data == {
        "0": "a",
        "true": "b",
        "~": "c",
        "1e6": "d",
    }


def test_a_duplicate_key_is_told_and_the_first_value_stays() -> None:
    document = read_yaml('a: 1\nb: 2\na:\n  c: 3\n"b": 4\n', "f.yaml")
    assert document.data == {"a": 1, "b": 2}
    assert [str(problem) for problem in document.problems] == [
        "f.yaml:3: a: key given twice; first on line 1.",
        "f.yaml:5: b: key given twice; first on line 2.",
    ]


def test_0_and_quoted_0_are_the_same_key() -> None:
    assert len(read_yaml('0: a\n"0": b').problems) == 1


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "f.yaml: the file is empty."),
        ("# only a comment\n", "f.yaml: the file is empty."),
        ("a: &x 1", "f.yaml:1: anchors and aliases (& and *) are refused."),
        ("a: 1\nb: *x", "f.yaml:2: anchors and aliases (& and *) are refused."),
        ("&k a: 1", "f.yaml:1: anchors and tags are refused."),
        ("a: !!int '1'", "f.yaml:1: tags are refused; got 'tag:yaml.org,2002:int'."),
        ("a: !!python/object:os.system x", "f.yaml:1: tags are refused; got"),
        ("a: 1\n---\nb: 2", "f.yaml:2: a second YAML document ('---')."),
        ("? [a]\n: b", "f.yaml:1: a key must be plain text."),
        ("a: 1\nb: [1, 2", "f.yaml:2: not valid YAML:"),
        ("a: b: c", "f.yaml:1: not valid YAML:"),
        ("a:\n\t- 1", "f.yaml:2: not valid YAML:"),
        ("a: \x00", "f.yaml: not valid YAML:"),
        ('a: "\x1b[31m"', "f.yaml: not valid YAML:"),
    ],
)
def test_what_is_not_plain_yaml_is_refused(text: str, message: str) -> None:
    with pytest.raises(ConfigError) as caught:
        read_yaml(text, "f.yaml")
    (problem,) = caught.value.problems
    assert str(problem).startswith(message)
    assert str(problem).isprintable()
    assert len(str(problem)) < 200


BOMB = "a: &a [x, x]\n" + "".join(
    f"{chr(98 + n)}: &{chr(98 + n)} [*{chr(97 + n)}, *{chr(97 + n)}]\n"
    for n in range(9)
)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (BOMB, "anchors and aliases"),
        ("[" * 100_000, "too deep: more than 50 levels"),
        ("{a: " * 100_000, "too deep: more than 50 levels"),
        ("\n".join(" " * n + "a:" for n in range(400)), "too deep: more than 50"),
        ("[" + "1," * 200_000 + "1]", "too many values: more than 100000 values"),
        ("#" * 1_100_000, "too large: more than 1048576 characters"),
    ],
)
def test_hostile_sizes_are_refused_quickly(text: str, message: str) -> None:
    start = time.process_time()
    with pytest.raises(ConfigError, match=message):
        read_yaml(text)
    assert time.process_time() - start < 5


def test_the_second_value_of_a_duplicate_key_counts_as_well() -> None:
    text = "a: 1\n" + "a: [" + "1," * 60_000 + "]\n" + "b: [" + "1," * 60_000 + "]"
    with pytest.raises(ConfigError, match="too many values"):
        read_yaml(text)


def test_depth_50_is_read() -> None:
    data = read_yaml("[" * 50 + "]" * 50).data
    for _ in range(49):
        (data,) = data
    assert data == []


def test_the_slow_parser_reads_the_same(monkeypatch: pytest.MonkeyPatch) -> None:
    text = "a:\n  b: [1e6, on, '2']\n0: ~\n"
    fast = read_yaml(text)
    monkeypatch.setattr(yaml_reader, "_LOADER", yaml_reader.yaml.SafeLoader)
    slow = read_yaml(text)
    assert slow.data == fast.data
    assert slow.places == fast.places
    with pytest.raises(ConfigError, match=r"f\.yaml:1: not valid YAML"):
        read_yaml("a: [1", "f.yaml")
