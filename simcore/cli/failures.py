"""What went wrong, as an exit code, a kind for machines and a text for people.

======  ==============================================================
code    meaning
======  ==============================================================
0       done
1       a bug in simcore; the traceback is in a file
2       something the user named is wrong: usage, config, missing input
3       a check did not hold, or the simulation failed
4       the system refused, or a trace is damaged
130     interrupted
======  ==============================================================
"""

from __future__ import annotations

import os
import tempfile
import traceback
from collections.abc import Sequence
from dataclasses import dataclass

import typer

from simcore.errors import (
    CheckFailed,
    ConfigError,
    OutputError,
    Problem,
    ProgramError,
    SimcoreError,
    SimulationError,
    TraceError,
)

DONE, BUG, WRONG_INPUT, CHECK_FAILED, SYSTEM, INTERRUPTED = 0, 1, 2, 3, 4, 130

#: typer brings its own copy of click, or uses the installed one, by version.
UsageError = next(c for c in typer.BadParameter.__mro__ if c.__name__ == "UsageError")

_EXIT_CODES: tuple[tuple[type[BaseException], int, str], ...] = (
    (ConfigError, WRONG_INPUT, "config"),
    (ProgramError, WRONG_INPUT, "program"),
    (SimulationError, CHECK_FAILED, "simulation"),
    (CheckFailed, CHECK_FAILED, "check"),
    (TraceError, SYSTEM, "trace"),
    (OutputError, SYSTEM, "output"),
)

_MAX_TEXT = 20_000


@dataclass(frozen=True)
class Failure:
    """One way a command ended badly.

    Attributes
    ----------
    exit_code : int
        As in the table above.
    kind : str
        Word for the JSON document.
    text : str
        For people; several lines when there are several problems.
    problems : tuple of Problem
        The same for machines, where they are known.
    """

    exit_code: int
    kind: str
    text: str
    problems: tuple[Problem, ...] = ()


def failure_of(error: BaseException) -> Failure:
    """What to tell the user about an exception.

    Writes the traceback of an unexpected one to a file in the temporary folder.

    Parameters
    ----------
    error : BaseException
        Whatever ended a command.
    """
    if was_interrupted(error):
        text = "Interrupted. Nothing that is unfinished counts as a run."
        return Failure(INTERRUPTED, "interrupted", text)
    if isinstance(error, ConfigError):
        return Failure(WRONG_INPUT, "config", _clean(str(error)), error.problems)
    for kind_of_error, code, kind in _EXIT_CODES:
        if isinstance(error, kind_of_error):
            text = _clean(f"{type(error).__name__}: {error}")
            return Failure(code, kind, text)
    if isinstance(error, UsageError):
        return _usage(error)
    if isinstance(error, OSError) and not isinstance(error, SimcoreError):
        where = f" {error.filename}" if error.filename is not None else ""
        reason = error.strerror or str(error)
        return Failure(SYSTEM, "system", _clean(f"Error: cannot use{where}: {reason}"))
    if isinstance(error, MemoryError):
        return Failure(SYSTEM, "system", "Error: not enough memory.")
    return _bug(error)


def was_interrupted(error: BaseException) -> bool:
    """Whether Ctrl-C is behind an error: some libraries wrap it in one of their own."""
    cause: BaseException | None = error
    while cause is not None:
        if isinstance(cause, KeyboardInterrupt | typer.Abort):
            return True
        cause = cause.__cause__
    return False


def problem(path: str, message: str, hint: str | None = None) -> ConfigError:
    """A ConfigError with one problem of an option or argument."""
    return ConfigError([Problem(path=path, message=message, hint=hint)])


def _usage(error: BaseException) -> Failure:
    # Typed loosely: the class comes from typer's own click or from the real one.
    context = getattr(error, "ctx", None)
    message = str(error.format_message())  # type: ignore[attr-defined]
    lines = [f"Error: {message}"]
    if context is not None:
        lines.append(f"Try '{context.command_path} --help'.")
    problems = (Problem(path="", message=_clean(message)),)
    return Failure(WRONG_INPUT, "usage", _clean("\n".join(lines)), problems)


def _bug(error: BaseException) -> Failure:
    what = _clean(f"{type(error).__name__}: {error}").splitlines()[0][:200]
    lines = [
        f"Internal error: {what}",
        "This is a bug in simcore, not in your files.",
    ]
    details = "".join(traceback.format_exception(error))
    try:
        descriptor, path = tempfile.mkstemp(prefix="simcore-bug-", suffix=".txt")
        with os.fdopen(descriptor, "w", encoding="utf-8", errors="replace") as file:
            file.write(details)
    except OSError as refused:
        lines.append(f"The traceback could not be written: {refused.strerror}.")
    else:
        lines.append(f"The traceback is in {path}; please report it.")
    return Failure(BUG, "bug", "\n".join(lines))


def _clean(text: str) -> str:
    """Without control characters, and bounded: parts of it came from the user."""
    text = text[:_MAX_TEXT]
    return "\n".join(
        "".join(c if c.isprintable() else "?" for c in line)
        for line in text.split("\n")
    )


def exit_code_for(holds: Sequence[bool]) -> int:
    """Exit code of a command that has made checks."""
    return DONE if all(holds) else CHECK_FAILED
