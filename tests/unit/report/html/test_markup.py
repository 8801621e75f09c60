"""Text becomes HTML without becoming markup, and pages are valid."""

from __future__ import annotations

import html5lib
import pytest
from page_parser import assert_sound, parsed, words

from simcore.report.html.markup import Markup, element, escaped, joined, number
from simcore.report.html.page import (
    Section,
    bullets,
    cards,
    code_block,
    details,
    page,
    paragraph,
)
from simcore.report.html.tables import Bar, pretty, shown_unit, table, with_note


def test_text_is_escaped_and_markup_is_left_as_it_is():
    assert escaped("<b> & \"'") == "&lt;b&gt; &amp; &quot;&#x27;"
    assert escaped(Markup("<b>")) == "<b>"
    assert joined(["a<", None, [Markup("<br/>"), "b"]]) == "a&lt;<br/>b"
    assert element("p", "x<y", title='"') == '<p title="&quot;">x&lt;y</p>'


def test_characters_that_html_forbids_become_question_marks():
    assert escaped("a\x00b\x1fc\x85d￾e\n") == "a?b?c?d?e\n"


def test_attributes_have_the_names_and_numbers_of_html():
    shown = element(
        "rect", class_="f0", x=1.0, width=2.3456, aria_hidden="true", y=None
    )
    assert shown == '<rect class="f0" x="1" width="2.35" aria-hidden="true"/>'


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.0, "0"), (-0.001, "0"), (10.0, "10"), (1.5, "1.5"), (100.004, "100")],
)
def test_coordinates_are_short(value, text):
    assert number(value) == text


def test_a_page_of_hostile_text_is_valid_and_holds_the_text():
    evil = '</style></p><script>alert("x")</script>&amp; \x00 ]]> <!--'
    text = page(
        evil,
        element("h1", evil),
        [
            Section(
                "One & two",
                [
                    paragraph(evil),
                    bullets([evil, with_note(evil, evil)]),
                    cards([(evil, evil, evil), ("a", "b", None)]),
                    table(["", evil], [[evil, evil]], caption=evil),
                    details(evil, code_block(evil)),
                ],
            ),
            Section("Nothing", [None, ""]),
        ],
    )
    root = assert_sound(text)
    assert words(root.find("head/title")) == " ".join(evil.replace("\x00", "?").split())
    assert "Nothing" not in text
    assert '<h2 id="one-two">One &amp; two</h2>' in text


def test_the_parser_of_these_tests_refuses_broken_html():
    good = page("t", element("h1", "t"), [Section("a", paragraph("b"))])
    parsed(good)
    for broken in (
        good.replace("</p>", "</b>"),
        good.replace("<h2", "<h2 <"),
        good.replace("<!DOCTYPE html>", ""),
    ):
        with pytest.raises(html5lib.html5parser.ParseError):
            parsed(broken)
    for reason in (
        '<a href="https://example.org">x</a>',
        '<a href="#nowhere">x</a>',
        '<svg role="img"><desc>no title</desc></svg>',
        "<script></script>",
    ):
        with pytest.raises((AssertionError, StopIteration)):
            assert_sound(good.replace("<p>b</p>", reason))


def test_bars_are_pictures_of_their_share_and_hidden_from_readers_of_numbers():
    text = table(
        ["name", "share", ""],
        [["a", "25 %", Bar(0.25, 3)], ["b", "75 %", Bar(7.0)]],
        caption="c",
        footer=["sum", "100 %", ""],
    )
    assert '<rect width="25" height="10" class="f3"/>' in text
    assert '<rect width="100" height="10" class="f0"/>' in text
    assert '<th scope="col" class="bar"></th>' in text
    assert '<tfoot><tr><th scope="row">sum</th>' in text
    assert table(["name"], [], caption="c") == ""


def test_ascii_becomes_the_signs_of_print():
    assert pretty("114 +- 67 us") == "114 ± 67 µs"
    assert pretty("3 uJ and 2 uW, 4 us, used") == "3 µJ and 2 µW, 4 µs, used"
    assert (shown_unit("us"), shown_unit("ms"), shown_unit("tokens/s")) == (
        "µs",
        "ms",
        "tokens/s",
    )
