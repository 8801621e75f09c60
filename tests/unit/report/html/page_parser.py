"""Reads a page as a browser does, but refuses what a browser would only mend."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import html5lib

Element = Any


def parsed(text: str) -> Element:
    """The tree of a page; raises at the first error of its HTML."""
    parser = html5lib.HTMLParser(strict=True, namespaceHTMLElements=False)
    return parser.parse(text)


def name_of(found: Element) -> str:
    return str(found.tag).rpartition("}")[2]


def all_of(root: Element, name: str) -> Iterator[Element]:
    return (e for e in root.iter() if isinstance(e.tag, str) and name_of(e) == name)


def words(found: Element) -> str:
    return " ".join("".join(found.itertext()).split())


def section(root: Element, title: str) -> Element:
    for found in all_of(root, "section"):
        if words(next(all_of(found, "h2"))) == title:
            return found
    raise AssertionError(f"no section {title}")


def table_of(root: Element, caption: str) -> list[list[str]]:
    """Cells of the table with this caption, head and foot included."""
    for found in all_of(root, "table"):
        if caption in words(next(all_of(found, "caption"))):
            return [
                [words(cell) for cell in row if name_of(cell) in ("th", "td")]
                for row in all_of(found, "tr")
            ]
    raise AssertionError(f"no table {caption}")


def assert_sound(text: str) -> Element:
    """Valid, closed in itself, and usable without seeing it.

    Returns
    -------
    object
        The tree.
    """
    root = parsed(text)
    names = [found.get("id") for found in root.iter() if found.get("id")]
    assert len(names) == len(set(names))
    for found in root.iter():
        for key, value in found.items():
            name = str(key).rpartition("}")[2]
            assert name not in ("src", "srcset", "data", "xlink:href", "style"), value
            assert not name.startswith("on"), name
            if name == "href" and not value.startswith("data:text/csv;"):
                assert value.startswith("#")
                assert value[1:] in names
            if name in ("aria-labelledby", "aria-describedby"):
                assert value in names
    for forbidden in ("script", "link", "iframe", "img", "object", "embed", "base"):
        assert not list(all_of(root, forbidden))
    for style in all_of(root, "style"):
        assert "url(" not in (style.text or "")
        assert "@import" not in (style.text or "")
    for picture in all_of(root, "svg"):
        if picture.get("role") == "img":
            assert words(next(all_of(picture, "title")))
            assert words(next(all_of(picture, "desc")))
        else:
            assert picture.get("aria-hidden") == "true"
    for head in all_of(root, "th"):
        assert head.get("scope") in ("row", "col")
    for table in all_of(root, "table"):
        assert words(next(all_of(table, "caption")))
    assert "nan" not in _coordinates(root)
    assert "inf" not in _coordinates(root)
    return root


def _coordinates(root: Element) -> set[str]:
    keys = ("x", "y", "width", "height", "x1", "x2", "y1", "y2", "d", "cx", "cy")
    drawn = [e for p in all_of(root, "svg") for e in p.iter()]
    return {str(e.get(key, "")).lower() for e in drawn for key in keys}
