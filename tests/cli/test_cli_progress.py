"""Progress is told on stderr: a bar in a terminal, a line now and then elsewhere."""

from __future__ import annotations

import io
import sys

import pytest

from simcore.cli.progress import PlainLines, progress_line, progress_on_stderr


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_a_line_says_rate_and_time_left():
    assert progress_line(1200, 4800, "bursts", 10.0) == (
        "1,200 of 4,800 bursts, 120 bursts/s, about 30 s left"
    )
    assert progress_line(0, 4800, "bursts", 0.0) == "0 of 4,800 bursts"


def test_lines_are_ten_seconds_apart(capsys):
    now = iter([0.0, 1.0, 9.0, 11.0, 12.0, 30.0])
    lines = PlainLines(clock=lambda: next(now))
    for done in range(1, 6):
        lines(done, 10, "requests")
    assert capsys.readouterr().err.splitlines() == [
        "3 of 10 requests, 0.3 requests/s, about 23 s left",
        "5 of 10 requests, 0.172 requests/s, about 29 s left",
    ]


def test_quiet_has_no_progress():
    with progress_on_stderr(quiet=True) as progress:
        assert progress is None


@pytest.mark.parametrize("term", ["dumb", ""])
def test_a_terminal_that_cannot_move_its_cursor_gets_lines(monkeypatch, term):
    monkeypatch.setattr(sys, "stderr", Terminal())
    monkeypatch.setenv("TERM", term or "dumb")
    with progress_on_stderr(quiet=False) as progress:
        assert isinstance(progress, PlainLines)


def test_a_file_gets_lines(monkeypatch):
    monkeypatch.setattr(sys, "stderr", io.StringIO())
    monkeypatch.setenv("TERM", "xterm")
    with progress_on_stderr(quiet=False) as progress:
        assert isinstance(progress, PlainLines)


def test_a_terminal_gets_a_bar_that_goes_away(monkeypatch):
    screen = Terminal()
    monkeypatch.setattr(sys, "stderr", screen)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "80")
    with progress_on_stderr(quiet=False) as progress:
        assert progress is not None
        progress(0, 3, "requests")
        progress(3, 3, "requests")
        progress(1, 2, "checks")
        progress(2, 2, "checks")
    text = screen.getvalue()
    assert "requests" in text
    assert "2/2" in text
    # No colour, and the last thing done is to erase the line.
    assert "\x1b[3" not in text
    assert text.endswith("\x1b[2K")
