"""Where text goes: results to stdout, everything else to stderr.

A reader that has gone away (`| head`) is no error; a full disk is.
"""

from __future__ import annotations

import contextlib
import os
import sys
from typing import TextIO

from simcore.errors import OutputError


def write_result(text: str) -> None:
    """Print a result to stdout.

    Parameters
    ----------
    text : str
        Without the last newline.

    Raises
    ------
    OutputError
        If the system refuses, unless the reader has closed the pipe.
    """
    try:
        sys.stdout.write(f"{text}\n")
        sys.stdout.flush()
    except BrokenPipeError:
        mute(sys.stdout)
    except OSError as error:
        # The buffered text would be tried again, and fail again, at exit.
        mute(sys.stdout)
        reason = error.strerror or str(error)
        raise OutputError(f"cannot write the result to stdout: {reason}") from error


def write_note(text: str) -> None:
    """Print something beside the result to stderr; never an error."""
    try:
        sys.stderr.write(f"{text}\n")
        sys.stderr.flush()
    except OSError:
        mute(sys.stderr)


def mute(stream: TextIO) -> None:
    """Send what is left in a broken stream's buffer to nowhere."""
    with contextlib.suppress(OSError, ValueError):
        null = os.open(os.devnull, os.O_WRONLY)
        os.dup2(null, stream.fileno())
        os.close(null)
