"""How the kernel is compiled: numba when it is there, plain Python when it is not."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar, cast

_F = TypeVar("_F", bound=Callable[..., Any])


#: The kernel allocates nothing: without numba's counting of references, which would
#: cost more than all else, its arrays are plain pointers.
_OPTIONS: dict[str, Any] = {"error_model": "numpy", "_nrt": False}

#: What is only called from compiled code needs no way in from Python.
_NO_WAY_IN: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def inlined(function: _F) -> _F:
    """Compile as a part of its callers: no call, and no cache of its own."""
    try:
        from numba import njit
    except ImportError:  # pragma: no cover - numba is an ordinary dependency
        return function
    return cast(_F, njit(forceinline=True, **_NO_WAY_IN, **_OPTIONS)(function))


def compiled(function: _F) -> _F:
    """Compile, and keep the machine code on disk for the next process."""
    try:
        from numba import njit
    except ImportError:  # pragma: no cover - numba is an ordinary dependency
        return function
    return cast(_F, njit(cache=True, nogil=True, **_OPTIONS)(function))


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
