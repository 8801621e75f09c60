"""Random words by name: what is drawn depends on its key and on nothing else.

Every draw has a key, such as (request, stream) of a seed. Adding a stream, a request or
a burst shifts no other. Words are raw 64-bit integers: how a library turns them into
floats or normals may change between its versions, the words do not.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

#: Bits of a word that fill a double's mantissa.
_MANTISSA_BITS = 53


def random_words(seed: int, key: tuple[int, ...], count: int) -> npt.NDArray[np.uint64]:
    """Words 0..`count` - 1 of a key; asking for more does not change the first ones."""
    sequence = np.random.SeedSequence(seed, spawn_key=key)
    words: npt.NDArray[np.uint64] = np.random.Philox(sequence).random_raw(count)
    return words


def uniform(words: npt.NDArray[np.uint64]) -> npt.NDArray[np.float64]:
    """Middles of 2^53 equal cells of (0, 1): never 0 or 1."""
    cells = (words >> np.uint64(64 - _MANTISSA_BITS)).astype(np.float64)
    return (cells + 0.5) * 2.0**-_MANTISSA_BITS
