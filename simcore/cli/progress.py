"""Progress of long work on stderr: a bar in a terminal, else a line now and then."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from simcore.cli.output import write_note

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

#: (done, total, unit, note)
ProgressCallback = Callable[..., None]

_LINE_SECONDS = 10.0
_BAR_SECONDS = 0.1


@contextmanager
def progress_on_stderr(quiet: bool) -> Iterator[ProgressCallback | None]:
    """Show how far the work is while the block runs.

    Parameters
    ----------
    quiet : bool
        Show nothing; the block gets None.

    Yields
    ------
    callable or None
        To be called with done, total and the unit that is counted.
    """
    if quiet:
        yield None
    elif sys.stderr.isatty() and os.environ.get("TERM", "dumb") != "dumb":
        with _bar() as callback:
            yield callback
    else:
        yield PlainLines()


class PlainLines:
    """One line every ten seconds; quiet work that ends sooner prints nothing.

    Parameters
    ----------
    every_s : float
        Seconds between two lines.
    clock : callable
        Monotonic seconds.
    """

    def __init__(
        self,
        every_s: float = _LINE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._every_s = every_s
        self._clock = clock
        self._last = self._start = clock()
        self._unit: str | None = None

    def __call__(self, done: int, total: int, unit: str, note: str = "") -> None:
        """Print a line if the last one is old enough."""
        now = self._clock()
        if unit != self._unit:
            self._unit, self._start = unit, now
        if now - self._last < self._every_s:
            return
        self._last = now
        write_note(progress_line(done, total, unit, now - self._start, note))


def progress_line(
    done: int, total: int, unit: str, elapsed_s: float, note: str = ""
) -> str:
    """`1,200 of 4,800 bursts, 120 bursts/s, about 30 s left`, and the note."""
    text = f"{done:,} of {total:,} {unit}"
    if done > 0 and elapsed_s > 0:
        rate = done / elapsed_s
        left = max(total - done, 0) / rate
        text += f", {rate:,.3g} {unit}/s, about {left:,.0f} s left"
    return f"{text}, {note}" if note else text


@contextmanager
def _bar() -> Iterator[ProgressCallback]:
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        Progress,
        TextColumn,
        TimeRemainingColumn,
    )

    bar = Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[rate]}"),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=True,
    )
    with bar:
        yield _Tasks(bar)


class _Tasks:
    """A bar for each unit, the one before removed when a new one begins."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._unit: str | None = None
        self._task: TaskID | None = None
        self._start = self._last = 0.0

    def __call__(self, done: int, total: int, unit: str, note: str = "") -> None:
        now = time.monotonic()
        if unit != self._unit or self._task is None:
            if self._task is not None:
                self._bar.remove_task(self._task)
            self._unit, self._start, self._last = unit, now, 0.0
            self._task = self._bar.add_task(unit, total=total, rate="")
        # Drawing costs more than a burst.
        if now - self._last < _BAR_SECONDS and done < total:
            return
        self._last = now
        elapsed = now - self._start
        rate = f"{done / elapsed:,.3g}/s" if done and elapsed > 0.5 else ""
        words = "  ".join(part for part in (rate, note) if part)
        self._bar.update(self._task, completed=done, total=total, rate=words)
