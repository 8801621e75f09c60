"""HTML and SVG as text: everything that is not markup already is escaped."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

#: Elements without content; written as `<x/>`.
_EMPTY = frozenset({"meta", "br", "col", "rect", "path", "line", "circle"})
_ILLEGAL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\ufdd0-\ufdef\ufffe\uffff]"
)


class Markup(str):
    """Text that is HTML already."""

    __slots__ = ()


#: What an element may contain; None is nothing.
Content = str | Iterable["Content"] | None
Attribute = str | int | float | None


def escaped(text: str) -> Markup:
    """Any text as HTML; what is HTML already is left as it is.

    Parameters
    ----------
    text : str
        May hold any character; those that HTML forbids become question marks.
    """
    if isinstance(text, Markup):
        return text
    return Markup(html.escape(_ILLEGAL.sub("?", text)))


def joined(content: Content, between: str = "") -> Markup:
    """Content as one text, nested or not."""
    if content is None:
        return Markup("")
    if isinstance(content, str):
        return escaped(content)
    parts = (joined(part, between) for part in content)
    return Markup(between.join(part for part in parts if part))


def element(name: str, /, *content: Content, **attributes: Attribute) -> Markup:
    """One element.

    Parameters
    ----------
    name : str
        Of the element.
    *content : Content
        Text, markup, or sequences of them.
    **attributes : str, int, float or None
        None leaves an attribute out; `class_` is `class`, and other underscores
        become hyphens. Numbers are rounded to a hundredth.
    """
    shown = "".join(
        f' {key.rstrip("_").replace("_", "-")}="{_value(value)}"'
        for key, value in attributes.items()
        if value is not None
    )
    if name in _EMPTY:
        return Markup(f"<{name}{shown}/>")
    return Markup(f"<{name}{shown}>{joined(content)}</{name}>")


def number(value: float) -> str:
    """A coordinate, as short as a hundredth of a pixel allows."""
    text = f"{value:.2f}".rstrip("0").rstrip(".")
    return "0" if text in ("-0", "") else text


def _value(value: str | float) -> str:
    return number(value) if isinstance(value, int | float) else escaped(value)
