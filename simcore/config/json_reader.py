"""Strict, bounded reading of JSON: plain data and the line of every value.

The standard parser keeps the last of two equal keys, accepts NaN and Infinity, and
forgets lines; this one reads the same grammar with the checks of `yaml_reader`.
"""

from __future__ import annotations

import json
import re
from typing import Any

from simcore.config.document import Document, Path, Place, path_text
from simcore.config.yaml_reader import (
    MAX_BYTES,
    MAX_DEPTH,
    MAX_DIGITS,
    MAX_NODES,
    BadScalarError,
    as_written,
    finite,
)
from simcore.errors import ConfigError, Problem, printable

_SPACE = re.compile(r"[ \t\n\r]*")
# Possessive: an unclosed string of a megabyte fails in one pass.
_STRING = re.compile(r'"(?:[^"\\\x00-\x1f]++|\\.)*+"')
_NUMBER = re.compile(r"-?(0|[1-9][0-9]*)(\.[0-9]+)?([eE][-+]?[0-9]+)?")
_WORD = re.compile(r"[-+]?[A-Za-z_][A-Za-z0-9_]*")
_LITERALS: dict[str, bool | None] = {"true": True, "false": False, "null": None}


def read_json(text: str, file: str | None = None) -> Document:
    """Read one JSON document.

    Parameters
    ----------
    text : str
        Content of the file.
    file : str, optional
        File as the user named it, for problems.

    Raises
    ------
    ConfigError
        If the text is not JSON, is empty or too large.
    """
    if len(text) > MAX_BYTES:
        message = f"too large: more than {MAX_BYTES} characters"
        raise ConfigError([Problem("", file, message=message)])
    if not text.strip(" \t\r\n"):
        raise ConfigError([Problem("", file, message="the file is empty")])
    return _Parser(text, file).parse()


class _Parser:
    """Recursive descent over the text; recursion is bounded by `MAX_DEPTH`."""

    def __init__(self, text: str, file: str | None) -> None:
        self.text = text
        self.at = 0
        self.line = 1
        self.counted = 0
        self.nodes = 0
        self.document = Document(data=None, file=file)

    def parse(self) -> Document:
        self.document.data = self.value(())
        self.skip()
        if self.at < len(self.text):
            raise self.fail("text after the end of the document")
        return self.document

    def here(self) -> int:
        # Lines are counted once, moving forward only.
        self.line += self.text.count("\n", self.counted, self.at)
        self.counted = self.at
        return self.line

    def fail(self, message: str) -> ConfigError:
        return ConfigError(
            [Problem("", self.document.file, self.here(), message=message)]
        )

    def expected(self, what: str) -> ConfigError:
        rest = self.text[self.at : self.at + 20]
        found = printable(rest, 30) if rest else "the end of the file"
        return self.fail(f"not valid JSON: expected {what}, found {found}")

    def skip(self) -> str:
        match = _SPACE.match(self.text, self.at)
        self.at = match.end() if match else self.at
        return self.text[self.at : self.at + 1]

    def value(self, path: Path) -> Any:
        start = self.skip()
        self.nodes += 1
        if self.nodes > MAX_NODES:
            raise self.fail(f"too many values: more than {MAX_NODES} values")
        if len(path) > MAX_DEPTH:
            raise self.fail(f"too deep: more than {MAX_DEPTH} levels")
        self.document.places[path] = Place(self.document.file, self.here())
        if start == "{":
            return self.mapping(path)
        if start == "[":
            return self.sequence(path)
        if start == '"':
            return self.string()
        return self.scalar(path)

    def string(self) -> str:
        match = _STRING.match(self.text, self.at)
        if match is None:
            raise self.expected("text in double quotes")
        try:
            value = json.loads(match.group())
        except ValueError:
            raise self.expected("valid escapes in text") from None
        self.at = match.end()
        # A lone surrogate escape is no character and cannot be printed.
        return str(value).encode("utf-8", "replace").decode("utf-8")

    def scalar(self, path: Path) -> Any:
        number = _NUMBER.match(self.text, self.at)
        if number is not None:
            self.at = number.end()
            if self.text[self.at : self.at + 1].isalnum():
                self.at = number.start()
                raise self.expected("a number without leading zeros")
            return self.guard(path, number.group(), number)
        word = _WORD.match(self.text, self.at)
        if word is None:
            raise self.expected("a value")
        if word.group() in _LITERALS:
            self.at = word.end()
            return _LITERALS[word.group()]
        if word.group().lstrip("+-") in {"NaN", "Infinity"}:
            self.at = word.end()
            return self.guard(path, word.group(), None)
        raise self.expected("a value")

    def guard(self, path: Path, text: str, number: re.Match[str] | None) -> Any:
        try:
            if number is None:
                return finite(float("nan"), text)
            if number.group(2) or number.group(3):
                return finite(float(text), text)
            if len(text) > MAX_DIGITS:
                raise BadScalarError(text, f"must have at most {MAX_DIGITS} digits")
            return int(text)
        except BadScalarError as error:
            self.document.refused.add(path)
            self.document.problems.append(
                Problem(
                    path_text(path),
                    self.document.file,
                    self.here(),
                    got=as_written(text),
                    allowed=error.allowed,
                )
            )
            return None

    def sequence(self, path: Path) -> list[Any]:
        self.at += 1
        items: list[Any] = []
        if self.skip() == "]":
            self.at += 1
            return items
        while True:
            items.append(self.value((*path, len(items))))
            if self.end("]"):
                return items

    def mapping(self, path: Path) -> dict[str, Any]:
        self.at += 1
        result: dict[str, Any] = {}
        if self.skip() == "}":
            self.at += 1
            return result
        while True:
            if self.skip() != '"':
                raise self.expected("a key in double quotes")
            line = self.here()
            key = self.string()
            if self.skip() != ":":
                raise self.expected("':'")
            self.at += 1
            self.item(result, path, key, line)
            if self.end("}"):
                return result

    def item(self, result: dict[str, Any], path: Path, key: str, line: int) -> None:
        place = (*path, key)
        if key not in result:
            result[key] = self.value(place)
            self.document.places[place] = Place(self.document.file, line)
            return
        first = self.document.place(place).line
        kept, self.document = self.document, Document(None, file=self.document.file)
        self.value(place)  # read past the second value; the first one stays
        self.document = kept
        self.document.problems.append(
            Problem(
                path_text(place),
                self.document.file,
                line,
                message=f"key given twice; first on line {first}",
            )
        )

    def end(self, closing: str) -> bool:
        """Step over a comma, or over the closing bracket and say so."""
        found = self.skip()
        if found not in {",", closing} or not found:
            raise self.expected(f"',' or '{closing}'")
        self.at += 1
        return found == closing
