"""The frame of a page: head, style, table of contents, sections."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files

from simcore.report.html.markup import Content, Markup, element, joined


@dataclass(frozen=True)
class Section:
    """A part of the page with a heading of its own.

    Attributes
    ----------
    title : str
        Heading; unique on the page.
    content : Content
        What is in it.
    """

    title: str
    content: Content

    @property
    def name(self) -> str:
        """Where links go."""
        return re.sub(r"[^a-z0-9]+", "-", self.title.lower()).strip("-")


def page(title: str, header: Content, sections: Sequence[Section]) -> str:
    """A whole page.

    Parameters
    ----------
    title : str
        Of the window.
    header : Content
        Above everything.
    sections : sequence of Section
        In order; those without content are left out.

    Returns
    -------
    str
        HTML that refers to nothing outside of itself.
    """
    shown = [section for section in sections if joined(section.content)]
    contents = element(
        "nav",
        element(
            "ul",
            (
                element("li", element("a", section.title, href=f"#{section.name}"))
                for section in shown
            ),
        ),
        aria_label="Contents",
    )
    style = files("simcore.report.html").joinpath("style.css").read_text("utf-8")
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("style", Markup(f"\n{style}")),
    )
    body = element(
        "body",
        element("header", header, "\n"),
        contents,
        "\n",
        element("main", (_section(section) for section in shown)),
    )
    return f"<!DOCTYPE html>\n{element('html', head, body, lang='en')}\n"


def _section(section: Section) -> Markup:
    return element(
        "section",
        element("h2", section.title, id=section.name),
        "\n",
        joined(section.content, "\n"),
        "\n",
    )


def paragraph(*content: Content, class_: str | None = None) -> Markup:
    """One paragraph."""
    return element("p", *content, class_=class_)


def bullets(items: Sequence[Content]) -> Markup:
    """A list, empty when it has no items."""
    if not items:
        return Markup("")
    return element("ul", (element("li", item) for item in items), class_="plain")


def cards(entries: Sequence[tuple[str, Content, Content]]) -> Markup:
    """Key figures: name, value, and a word about it."""
    return element(
        "dl",
        (
            element(
                "div",
                element("dt", name),
                element("dd", value, class_="value"),
                element("dd", note, class_="note") if joined(note) else None,
            )
            for name, value, note in entries
        ),
        class_="cards",
    )


def details(summary: str, *content: Content, is_open: bool = False) -> Markup:
    """Something long that a reader opens, or may close."""
    shown = "" if is_open else None
    return element("details", element("summary", summary), *content, open=shown)


def code_block(text: str) -> Markup:
    """Lines to copy."""
    return element("pre", element("code", text), tabindex="0")
