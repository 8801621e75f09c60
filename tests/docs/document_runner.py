"""Runs the code blocks of a Markdown page in order and renders what they print.

Fences, and what is done with them:

* ``console``: lines that start with ``$ `` are run, the rest is the quoted output
  (stdout, or stderr when the command fails);
* ``python``: run in one namespace for the page; a ``text`` fence right after it is
  what it prints;
* ``yaml``, ``json``: written to the file that the first line (``# name.yaml``) or a
  comment before the fence (``<!-- file name.json -->``) names;
* ``bash``: for people only, such as installing; tests compare its text;
* no kind: a drawing.

A comment ``<!-- quote "start" "other/3" -->`` before a fence quotes only the
paragraphs that begin so, of the second one the first 3 lines; ``...`` stands for the
rest. ``<!-- slow: quick command -->`` names what stands in for the command unless
slow blocks are wanted. Between ``<!-- generated: name -->`` and ``<!-- end -->`` is
a table that `generated_tables` makes.
"""

from __future__ import annotations

import contextlib
import io
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from simcore.cli.app import execute

ROOT = Path(__file__).resolve().parents[2]
PAGES = (
    "README.md",
    "CONTRIBUTING.md",
    "docs/accounting.md",
    "docs/assumptions.md",
    "docs/distributed.md",
    "docs/import.md",
    "docs/report.md",
    "docs/sweeps.md",
    "docs/statistics.md",
    "docs/trace.md",
    "hardware/README.md",
    "traces/README.md",
)

#: Scripts that are run as they stand; beside each is a file of what it prints.
SCRIPTS = ("docs/first_study.py", "docs/own_policy.py")

_FENCE = re.compile(r"```(\w*)$")
_COMMENT = re.compile(r"<!-- (quote|slow:|file) ?(.*?) ?-->$")
_GENERATED = re.compile(r"<!-- generated: (\w+) -->$")


@dataclass
class Block:
    """One fence, or one generated table; `first` and `last` bound its content."""

    kind: str
    first: int
    last: int
    lines: list[str]
    notes: dict[str, str] = field(default_factory=dict)

    @property
    def commands(self) -> list[str]:
        """Commands of a console block."""
        return [line[2:] for line in self.lines if line.startswith("$ ")]

    @property
    def file_name(self) -> str | None:
        """File that a yaml or json block is written to."""
        if "file" in self.notes:
            return self.notes["file"]
        match = re.fullmatch(r"# (\S+\.ya?ml)", self.lines[0]) if self.lines else None
        return match[1] if match else None


def blocks_of(text: str) -> list[Block]:
    """Fences and generated tables of a page, in order."""
    found: list[Block] = []
    notes: dict[str, str] = {}
    opened: tuple[str, int] | None = None
    lines = text.splitlines()
    for number, line in enumerate(lines):
        if opened is not None:
            kind, first = opened
            if line == ("<!-- end -->" if kind.startswith("generated") else "```"):
                found.append(Block(kind, first, number, lines[first:number], notes))
                opened, notes = None, {}
        elif match := _COMMENT.fullmatch(line):
            notes[match[1].rstrip(":")] = match[2]
        elif match := _GENERATED.fullmatch(line):
            opened = (f"generated {match[1]}", number + 1)
        elif match := _FENCE.fullmatch(line):
            opened = (match[1], number + 1)
    if opened is not None:
        raise ValueError(f"block {opened[0]!r} at line {opened[1]} is never closed")
    return found


def quoted(output: str, patterns: list[str]) -> list[str]:
    """Paragraphs of an output that begin with the patterns, `...` for the rest."""
    paragraphs = [p.splitlines() for p in output.strip("\n").split("\n\n")]
    if not patterns:
        return "\n\n".join("\n".join(p) for p in paragraphs).splitlines()
    result: list[str] = []
    following = 0
    for pattern in patterns:
        start, _, most = pattern.partition("/")
        index = next(
            (i for i, p in enumerate(paragraphs) if p[0].strip().startswith(start)),
            None,
        )
        if index is None:
            raise ValueError(f"no paragraph begins with {start!r}")
        if index != following:
            result += ["", "..."] if result else ["..."]
        if result:
            result.append("")
        keep = int(most) if most else len(paragraphs[index])
        result += paragraphs[index][:keep]
        following = index + 1
        if keep < len(paragraphs[index]):
            following = -1
    if following != len(paragraphs):
        result += ["..."] if following == -1 else ["", "..."]
    return result


class Session:
    """Runs blocks one after another in a folder of their own."""

    def __init__(self, parent: Path, *, slow: bool) -> None:
        # Some reports name the folder.
        self.folder = parent / "study"
        self.folder.mkdir()
        self.slow = slow
        self.namespace: dict[str, Any] = {"__name__": "__page__"}
        self.printed = ""

    def run(self, block: Block, tables: Mapping[str, Callable[[], str]]) -> list[str]:
        """Run one block; returns the lines it should have."""
        with contextlib.chdir(self.folder):
            if block.kind == "console":
                return list(self._console(block))
            if block.kind == "python":
                self.printed = self._python(block)
            elif block.kind == "text":
                return self.printed.splitlines()
            elif block.kind in ("yaml", "json"):
                name = block.file_name
                if name is None:
                    raise ValueError(f"line {block.first}: the block names no file")
                Path(name).write_text("\n".join(block.lines) + "\n", encoding="utf-8")
            elif block.kind.startswith("generated"):
                name = block.kind.split()[1]
                if name in tables:
                    return tables[name]().splitlines()
            elif block.kind not in ("bash", ""):
                raise ValueError(f"line {block.first}: unknown kind {block.kind!r}")
        return block.lines

    def _console(self, block: Block) -> Iterator[str]:
        patterns = shlex.split(block.notes.get("quote", ""))
        for command in block.commands:
            yield f"$ {command}"
            wanted = command
            if "slow" in block.notes and not self.slow:
                wanted = block.notes["slow"]
            output = run_command(wanted)
            if wanted != command:
                # A smaller run prints other numbers; only that it runs is known.
                yield from block.lines[1:]
            elif output.strip():
                yield from quoted(output, patterns)

    def _python(self, block: Block) -> str:
        stdout = io.StringIO()
        source = "\n".join(block.lines)
        with contextlib.redirect_stdout(stdout):
            # The page is ours; running it is the point.
            exec(compile(source, "page", "exec"), self.namespace)
        return stdout.getvalue()


def run_command(command: str) -> str:
    """Run one command line; stdout, or stderr when it fails."""
    words = shlex.split(command)
    if words[0] == "simcore":
        stdout, stderr = io.StringIO(), io.StringIO()
        with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
            code = execute(words[1:])
        return stdout.getvalue() if code == 0 else stderr.getvalue()
    done = subprocess.run(
        ["bash", "-c", command],
        capture_output=True,
        text=True,
        check=True,
        env={**os.environ, "LC_ALL": "C"},
    )
    return done.stdout


def run_script(script: str, folder: Path) -> str:
    """What a script prints, run in a folder by an interpreter of its own.

    Raises
    ------
    CalledProcessError
        If it fails or warns.
    """
    done = subprocess.run(
        [sys.executable, "-W", "error", str(ROOT / script)],
        cwd=folder,
        capture_output=True,
        text=True,
        check=True,
    )
    return done.stdout


def printed_by(script: str) -> Path:
    """The file of what a script prints."""
    return (ROOT / script).with_suffix(".out")


def run_page(
    text: str, parent: Path, tables: Mapping[str, Callable[[], str]], *, slow: bool
) -> dict[int, list[str]]:
    """Run every block of a page; by first line, the content each should have.

    Parameters
    ----------
    text : str
        The page.
    parent : Path
        An empty folder.
    tables : mapping
        Tables to make; a generated block of another name is left as it is.
    slow : bool
        Run what takes minutes too.
    """
    session = Session(parent, slow=slow)
    return {block.first: session.run(block, tables) for block in blocks_of(text)}


def render(text: str, contents: Mapping[int, list[str]]) -> str:
    """Page with the content of the blocks that start at the given lines replaced."""
    lines = text.splitlines()
    for block in reversed(blocks_of(text)):
        if block.first in contents:
            lines[block.first : block.last] = contents[block.first]
    return "\n".join(lines) + "\n"
