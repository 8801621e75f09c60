from __future__ import annotations

import pytest

from simcore.config.document import (
    MAX_PROBLEMS,
    Document,
    Place,
    bounded,
    path_text,
    raise_problems,
)
from simcore.config.yaml_reader import read_yaml
from simcore.errors import ConfigError, Problem


def test_a_value_without_a_place_is_where_its_parent_is() -> None:
    document = read_yaml("a:\n  b: 1", "f.yaml")
    assert document.place(("a", "x", "y")) == Place("f.yaml", 1)
    assert document.place(("a", "b")) == Place("f.yaml", 2)
    assert Document(None, file="g").place(("x",)) == Place("g", None)


def test_a_section_keeps_its_places_and_is_a_copy() -> None:
    document = read_yaml("a:\n  b:\n    c: 1\nd: 2", "f.yaml")
    section = document.section("a", "b")
    assert section.data == {"c": 1}
    assert section.place(("c",)) == Place("f.yaml", 3)
    assert section.place(()) == Place("f.yaml", 2)
    section.data["c"] = 9
    assert document.get("a", "b", "c") == 1


def test_overlay_merges_mappings_and_replaces_the_rest() -> None:
    base = read_yaml("a: {x: 1, y: {z: 1}}\nl: [1, 2]\nkeep: 1", "base")
    top = read_yaml("a: {x: 5, y: 7}\nl: [3]\nnew: {q: 1}", "top")
    base.overlay((), top)
    assert base.data == {
        "a": {"x": 5, "y": 7},
        "l": [3],
        "keep": 1,
        "new": {"q": 1},
    }
    assert base.place(("a", "x")).file == "top"
    assert base.place(("a", "y", "z")).file == "top"
    assert base.place(("keep",)).file == "base"


def test_put_makes_the_mappings_on_the_way_where_the_value_is() -> None:
    document = read_yaml("a: 1", "f.yaml")
    document.put(("b", "c"), Document(5, {(): Place("override")}))
    assert document.data == {"a": 1, "b": {"c": 5}}
    assert document.place(("b",)) == Place("override")
    with pytest.raises(TypeError):
        document.put(("a", "x"), Document(1))
    with pytest.raises(TypeError):
        document.put(("a", "x", "y"), Document(1))


def test_remove_forgets_value_and_places() -> None:
    document = read_yaml("a:\n  b: 1\nc: 2")
    document.remove(("a",))
    document.remove(("nothing", "there"))
    assert document.data == {"c": 2}
    assert set(document.places) == {(), ("c",)}


def test_get_is_none_where_there_is_nothing() -> None:
    document = read_yaml("a: [1, {b: 2}]")
    assert document.get("a", 1, "b") == 2
    assert document.get("a", 7) is None
    assert document.get("a", "b") is None
    assert document.get("x") is None


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("a", "b", 3, "c"), "a.b[3].c"),
        (("a", ""), "a.''"),
        (("\x1b[31m",), "'\\x1b[31m'"),
        (("x" * 100,), "'" + "x" * 56 + "..."),
    ],
)
def test_paths_are_printable(path: tuple[str | int, ...], text: str) -> None:
    assert path_text(path) == text


def test_a_long_path_is_cut() -> None:
    assert len(path_text(("abcdefghij",) * 50)) == 203


def test_only_so_many_problems_are_listed() -> None:
    problems = [Problem(f"p{n}", "f", n + 1, message="x") for n in range(120)]
    shown = bounded(problems)
    assert len(shown) == MAX_PROBLEMS + 1
    assert str(shown[-1]) == "f:50: ... and 70 more problems."
    with pytest.raises(ConfigError, match="70 more problems"):
        raise_problems(problems)


def test_no_problem_raises_nothing_and_twins_are_told_once() -> None:
    raise_problems([])
    twin = Problem("a", "f", 1, message="x")
    with pytest.raises(ConfigError) as caught:
        raise_problems([twin, twin])
    assert caught.value.problems == (twin,)
