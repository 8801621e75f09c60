"""What can go wrong, as one tree of exceptions.

::

    SimcoreError
    ├── ConfigError        the user's file or option is wrong (all problems at once)
    ├── ProgramError       the scenario cannot run on this hardware
    ├── SimulationError    the simulation failed: deadlock, event budget, bad delay
    ├── TraceError         a run folder is unreadable, incomplete or damaged
    ├── OutputError        the operating system refused to write
    └── CheckFailed        a cross-check or an invariant does not hold

The library raises these and never prints; only the command line turns them into text
and an exit code.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

_MAX_ECHO_CHARACTERS = 80


def printable(value: object, limit: int = _MAX_ECHO_CHARACTERS) -> str:
    """Bounded, single-line representation of user input, without control characters.

    Parameters
    ----------
    value : object
        Anything that came from the user.
    limit : int
        Longest text returned, in characters.
    """
    if isinstance(value, str):
        # Cut before repr: the input may be megabytes long.
        text = repr(value[: limit + 1])
    elif isinstance(value, bool | int | float | type(None)):
        text = _number_text(value)
    elif isinstance(value, dict):
        text = f"a mapping with {len(value)} keys"
    elif isinstance(value, list | tuple):
        text = f"a list of {len(value)} items"
    else:
        text = type(value).__name__
    text = "".join(c if c.isprintable() else "?" for c in text)
    return text if len(text) <= limit else text[: limit - 3] + "..."


def _number_text(value: float | None) -> str:
    # repr of an integer beyond 4300 digits raises.
    if isinstance(value, int) and value.bit_length() > 100:
        return f"an integer of {value.bit_length()} bits"
    return repr(value)


@dataclass(frozen=True)
class Problem:
    """One thing wrong in what the user gave.

    Attributes
    ----------
    path : str
        Field, as dots and brackets from the top of the file; may be empty.
    file : str or None
        File as the user named it.
    line : int or None
        1-based line of the field.
    message : str or None
        What is wrong when `got`/`allowed` do not say it.
    got : str or None
        What was found, already made printable.
    allowed : str or None
        What would be right, for example "must be >= 0".
    hint : str or None
        What to do next.
    """

    path: str
    file: str | None = None
    line: int | None = None
    message: str | None = None
    got: str | None = None
    allowed: str | None = None
    hint: str | None = None

    def __str__(self) -> str:
        """`file:line: path: got X; must be Y. Hint`."""
        where = ""
        if self.file is not None:
            where = self.file if self.line is None else f"{self.file}:{self.line}"
        parts = []
        if self.message is not None:
            parts.append(self.message)
        if self.got is not None:
            parts.append(f"got {self.got}")
        if self.allowed is not None:
            parts.append(self.allowed)
        text = "; ".join(parts).rstrip(".") + "."
        if self.hint:
            text = f"{text} {self.hint}"
        return ": ".join(part for part in (where, self.path, text) if part)


class SimcoreError(Exception):
    """Base of every error that simcore raises on purpose."""


class ConfigError(SimcoreError):
    """The user's input is wrong; carries every problem found.

    Parameters
    ----------
    problems : sequence of Problem
        At least one.
    """

    def __init__(self, problems: Sequence[Problem]) -> None:
        self.problems = tuple(
            sorted(problems, key=lambda p: (p.file or "", p.line or 0))
        )
        super().__init__(self.problems)

    def __str__(self) -> str:
        """All problems, one a line, then their count."""
        count = len(self.problems)
        noun = "problem" if count == 1 else "problems"
        lines = [str(problem) for problem in self.problems]
        return "\n".join([*lines, f"{count} {noun}. Nothing was run."])


class ProgramError(SimcoreError):
    """The scenario is well formed but cannot run on this hardware."""


class SimulationError(SimcoreError):
    """The event simulation failed: deadlock, event budget, impossible delay."""


class TraceError(SimcoreError):
    """A run folder is unreadable, incomplete, damaged or of another version."""


class OutputError(SimcoreError):
    """The operating system refused to write where the user asked."""


class CheckFailed(SimcoreError):
    """A cross-check or an invariant does not hold."""
