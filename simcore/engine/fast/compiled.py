"""How the kernel is compiled: numba when it is there, plain Python when it is not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])


def inlined(function: _F) -> _F:
    """Compile as a part of its callers: no call, and no cache of its own."""
    try:
        from numba import njit
    except ImportError:  # pragma: no cover - numba is an ordinary dependency
        return function
    return cast(
        _F,
        njit(
            forceinline=True,
            _nrt=False,
            no_cpython_wrapper=True,
            no_cfunc_wrapper=True,
            error_model="numpy",
        )(function),
    )


def compiled(function: _F) -> _F:
    """Compile, and keep the machine code on disk for the next process."""
    try:
        from numba import njit
    except ImportError:  # pragma: no cover - numba is an ordinary dependency
        return function
    return cast(
        _F, njit(cache=True, nogil=True, _nrt=False, error_model="numpy")(function)
    )


@inlined
def place(number: int) -> int:
    """The same number, which is not negative, below 2^31, and an int64.

    Said with an operation that the compiler understands, it spares a check for
    negative numbers, which count from the end of an array, at every access.
    """
    return number & 0x7FFFFFFF


def source_digest() -> int:
    """A number that changes with any source file of this package.

    numba's cache looks at the file of the function that it keeps and not at those of
    the functions in it; what it does look at is the values that a function encloses.
    """
    digest = hashlib.sha256()
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.read_bytes())
    return int.from_bytes(digest.digest()[:4], "big")
