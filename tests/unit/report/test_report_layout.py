"""Text that fits 80 columns, whatever it holds."""

from __future__ import annotations

from simcore.report.layout import (
    WIDTH,
    bullets,
    paragraph,
    sections,
    shorten,
    shorten_middle,
    table,
)


def test_paragraphs_wrap_and_fold_white_space():
    text = paragraph("a  b\n" + "word " * 40, indent="    ", first="  - ")
    lines = text.splitlines()
    assert lines[0].startswith("  - a b word")
    assert all(line.startswith("    word") for line in lines[1:])
    assert max(map(len, lines)) <= WIDTH


def test_a_word_that_is_longer_than_a_line_is_broken():
    assert max(map(len, paragraph("x" * 300).splitlines())) == WIDTH


def test_bullets_of_nothing_are_nothing():
    assert bullets([]) == ""
    assert bullets(["one", "two"]) == "  - one\n  - two"


def test_names_are_left_and_numbers_right():
    text = table([["a", "1.00 ns"], ["long name", "12 ns"]], header=["", "time"])
    assert text.splitlines() == [
        "                time",
        "  a          1.00 ns",
        "  long name    12 ns",
    ]


def test_a_table_that_is_too_wide_has_its_names_cut():
    text = table([["n" * 100, "1"], ["short", "2"]])
    first, second = text.splitlines()
    assert len(first) == WIDTH
    assert first.endswith("n...  1")
    assert second.endswith(" 2")


def test_tables_and_sections_of_nothing_are_nothing():
    assert table([]) == ""
    assert sections(["", "a", "", "b"]) == "a\n\nb"


def test_shorten_says_that_something_is_missing():
    assert shorten("abcdef", 6) == "abcdef"
    assert shorten("abcdefg", 6) == "abc..."


def test_shorten_middle_keeps_both_ends():
    assert shorten_middle("abcdef", 6) == "abcdef"
    assert shorten_middle("abcdefgh", 7) == "ab...gh"
    assert shorten_middle("abcdefgh", 6) == "a...gh"
    assert shorten_middle("abcdefgh", 2) == ".."
