"""The compiled engine: what the SimPy engine gives, bit for bit, in compiled code.

The SimPy engine is the reference: its code is short and says why. This package keeps
the same rules in arrays of numbers, and numba compiles them. Whatever ends in an error
is worded by the reference.
"""

from __future__ import annotations

from importlib.util import find_spec


def available() -> bool:
    """Whether numba is installed; without it the same code runs, slowly."""
    return find_spec("numba") is not None
