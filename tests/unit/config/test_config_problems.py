from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

import pytest
from pydantic import Field, model_validator

from simcore.config.base import AS_TUPLE, FieldIssue, FrozenConfig, raise_issues
from simcore.config.problems import (
    choices_text,
    did_you_mean,
    issue_problem,
    shown,
    validate,
)
from simcore.config.yaml_reader import read_yaml


class Sram(FrozenConfig):
    kind: Literal["sram"]
    size: Annotated[int, Field(ge=1, le=9)]


class Hbm(FrozenConfig):
    kind: Literal["hbm"]
    stacks: Annotated[int, Field(ge=1, le=9)]


class Chip(FrozenConfig):
    memories: Annotated[
        tuple[Annotated[Sram | Hbm, Field(discriminator="kind")], ...], AS_TUPLE
    ] = ()
    width: Literal["all"] | Annotated[int, Field(ge=1, le=8)] = "all"
    built: date | None = None
    at_least: Annotated[int, Field(ge=3)] = 3
    free: float = 0.0
    names: Annotated[tuple[str, ...], AS_TUPLE, Field(max_length=2)] = ()
    few: Annotated[tuple[str, ...], AS_TUPLE, Field(min_length=1)] = ("x",)

    @model_validator(mode="after")
    def _check(self) -> Chip:
        if self.free == 7:
            raise_issues([FieldIssue(("memories", 0, "size"), message="no sevens")])
        return self


def lines(text: str) -> list[str]:
    chip, problems = validate(Chip, read_yaml(text, "c.yaml"))
    assert (chip is None) == bool(problems)
    return [str(problem) for problem in problems]


def test_a_valid_document_has_no_problems() -> None:
    assert lines("memories:\n- {kind: sram, size: 3}\nwidth: 4\n") == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        # The discriminator's tag is no part of the path.
        (
            "memories:\n- kind: sram\n  size: 99\n",
            ["c.yaml:3: memories[0].size: got 99; must be an integer between 1 and 9."],
        ),
        (
            "memories:\n- kind: hbm\n",
            [
                "c.yaml:2: memories[0].stacks: missing; must be an integer between "
                "1 and 9."
            ],
        ),
        (
            "memories:\n- kind: hbm\n  stack: 1\n",
            [
                "c.yaml:2: memories[0].stacks: missing; must be an integer between "
                "1 and 9.",
                "c.yaml:3: memories[0].stack: unknown field. Known: kind, size.",
            ],
        ),
        # A union is one problem, not one per member.
        (
            "width: 9",
            [
                "c.yaml:1: width: got 9; must be one of all or an integer between 1 "
                "and 8."
            ],
        ),
        ("built: 5", ["c.yaml:1: built: got 5; must be null."]),
        ("at_least: 2", ["c.yaml:1: at_least: got 2; must be an integer >= 3."]),
        ("free: x", ["c.yaml:1: free: got 'x'; must be a number."]),
        (
            "names: [a, b, c]",
            [
                "c.yaml:1: names: got a list of 3 items; must be a list of at most 2 "
                "entries."
            ],
        ),
        (
            "few: []",
            [
                "c.yaml:1: few: got a list of 0 items; must be a list of at least 1 "
                "entries."
            ],
        ),
        (
            "few: [a, 5]",
            ["c.yaml:1: few[1]: got 5; must be text."],
        ),
        (
            "memories:\n- {kind: sram, size: 3}\nfree: 7\n",
            ["c.yaml:2: memories[0].size: no sevens."],
        ),
        (
            "width: 'all '",
            [
                "c.yaml:1: width: got 'all '; must be one of all or an "
                "integer between 1 and 8. Did you mean 'all'?"
            ],
        ),
    ],
)
def test_each_problem_says_where_what_and_what_is_allowed(
    text: str, expected: list[str]
) -> None:
    assert lines(text) == expected


def test_the_text_of_pydantic_is_the_last_resort() -> None:
    class Dated(FrozenConfig):
        built: date

    _, (problem,) = validate(Dated, read_yaml("built: x"))
    assert str(problem) == "built: got 'x'; Input should be a valid date."


def test_a_value_the_reader_refused_is_told_once() -> None:
    document = read_yaml("at_least: 012", "c.yaml")
    _, problems = validate(Chip, document)
    assert problems == []
    assert len(document.problems) == 1


def test_an_issue_about_a_field_that_was_not_written() -> None:
    document = read_yaml("a:\n  b: 1", "c.yaml")
    issue = FieldIssue(("a", "c", 3), message="wrong")
    assert str(issue_problem(issue, document, ("top",))) == (
        "c.yaml:1: top.a.c.3: wrong."
    )


def test_suggestions_are_close_and_printable() -> None:
    assert did_you_mean("qvk", ["qkv", "wo"]) == "Did you mean 'qkv'?"
    assert did_you_mean("colour", ["energy"]) is None
    assert did_you_mean("x" * 10**6, ["x" * 81]) is not None


def test_choices_are_bounded() -> None:
    assert choices_text([]) == "there is none"
    assert choices_text(["a", "b"]) == "allowed: a, b"
    assert choices_text([str(n) for n in range(99)]).endswith("39, ...")


def test_yaml_words_are_shown_as_yaml() -> None:
    assert [shown(value) for value in (True, False, None, 1.5)] == [
        "true",
        "false",
        "null",
        "1.5",
    ]
