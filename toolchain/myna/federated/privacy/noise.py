# SPDX-License-Identifier: Apache-2.0
"""Discrete Gaussian noise, exact, and the same again for the same key.

Canonne, Kamath, Steinke, "The Discrete Gaussian for Differential Privacy", 2020, algorithms 1 to 3:
rational arithmetic alone, on random bits of ChaCha20. OpenDP samples the same distribution, but
from the operating system's randomness only, so nobody could replay it.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from myna.federated.crypto import KeyStream

BLOCK = 1 << 14  # bytes of the stream that are made at a time


def gaussian(key: bytes, deviation: int, count: int) -> npt.NDArray[np.int64]:
    """Independent integers x with probabilities proportional to exp(-x² / 2·deviation²).

    Args:
        key: [32], which serves nothing else.
        deviation: at least 1.
        count: how many.

    Returns:
        int64 [count].
    """
    sampler = Sampler(key)
    return np.array([sampler.gaussian(deviation) for _ in range(count)], np.int64)


class Sampler:
    """Draws from a stream of random bytes, exactly."""

    def __init__(self, key: bytes) -> None:
        self._stream = KeyStream(key)
        self._bytes, self._at = b"", 0

    def below(self, bound: int) -> int:
        """A uniform integer in [0, bound)."""
        bits = (bound - 1).bit_length()
        size = (bits + 7) // 8
        while True:
            if self._at + size > len(self._bytes):
                self._bytes, self._at = self._stream.read(BLOCK), 0
            word = int.from_bytes(self._bytes[self._at : self._at + size], "little")
            self._at += size
            if (found := word & ((1 << bits) - 1)) < bound:
                return found

    def survives(self, p: int, q: int) -> bool:
        """Whether an event of probability exp(-p/q) happens."""
        while p > q:
            if not self._survives_part(1, 1):
                return False
            p -= q
        return self._survives_part(p, q)

    def _survives_part(self, p: int, q: int) -> bool:
        """For p ≤ q: of the series of exp, terms are drawn until one fails."""
        k = 1
        while self.below(q * k) < p:
            k += 1
        return k % 2 == 1

    def laplace(self, scale: int) -> int:
        """An integer x with a probability proportional to exp(-|x| / scale)."""
        while True:
            part = self.below(scale)
            if not self.survives(part, scale):
                continue
            whole = 0
            while self.survives(1, 1):
                whole += 1
            found = part + scale * whole
            if self.below(2) == 0:
                return found
            if found:  # there is one zero only
                return -found

    def gaussian(self, deviation: int) -> int:
        """An integer x with a probability proportional to exp(-x² / 2·deviation²)."""
        scale, square = deviation + 1, deviation**2
        while True:
            found = self.laplace(scale)
            p = (abs(found) * scale - square) ** 2
            if self.survives(p, 2 * square * scale**2):
                return found
