"""Random durations: a factor of mean 1 on every hold, drawn by name and not by order.

The factor of a hold depends on (seed, request, burst, op_id) only: a run with another
schedule, or with other streams, meets the same luck on the same operation.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from zlib import crc32

import numpy as np
from scipy.special import ndtri

from simcore.program.random_words import random_words, uniform
from simcore.program.table import FloatArray

_STREAM = crc32(b"jitter")


@dataclass(frozen=True)
class Jitter:
    """Lognormal factors of mean 1.

    Attributes
    ----------
    seed : int
        Seed of the scenario.
    cv : float
        Coefficient of variation, > 0.
    """

    seed: int
    cv: float

    def factors(self, request: int, burst: int, n_operations: int) -> FloatArray:
        """Factors of the holds of one burst, by op_id.

        With sigma^2 = ln(1 + cv^2) the factor exp(sigma z - sigma^2 / 2), z standard
        normal, has mean 1 and coefficient of variation cv. z is the inverse normal
        distribution of a raw 64-bit word, so that it does not depend on how a library
        draws normals.

        Returns
        -------
        ndarray of float64, shape (n_operations,)
            All > 0.
        """
        words = random_words(self.seed, (request, burst, _STREAM), n_operations)
        variance = math.log1p(self.cv**2)
        factors: FloatArray = np.exp(
            math.sqrt(variance) * ndtri(uniform(words)) - variance / 2
        )
        return factors
