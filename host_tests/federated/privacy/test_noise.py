# SPDX-License-Identifier: Apache-2.0
"""The discrete Gaussian: its probabilities, the same again by its key."""

from __future__ import annotations

from fractions import Fraction
from math import exp

import numpy as np
import pytest
from myna.federated.privacy.noise import BLOCK, Sampler, gaussian

KEY = bytes(range(32))


def chi_square(
    found: np.ndarray[tuple[int], np.dtype[np.int64]], chances: dict[int, float]
) -> float:
    """Of counts against chances, over the degrees of freedom."""
    counts = [int((found == value).sum()) for value in chances]
    wanted = [chance * len(found) for chance in chances.values()]
    rest, other = len(found) - sum(counts), len(found) - sum(wanted)
    pairs = [*zip(counts, wanted, strict=True), (rest, max(other, 1e-9))]
    return sum((count - want) ** 2 / want for count, want in pairs if want > 5) / len(chances)


@pytest.mark.parametrize("deviation", [1, 2, 5])
def test_values_come_as_often_as_they_must(deviation: int) -> None:
    found = gaussian(KEY, deviation, 20_000)
    weights = {x: exp(-(x**2) / (2 * deviation**2)) for x in range(-40, 41)}
    total = sum(weights.values())
    chances = {x: w / total for x, w in weights.items() if w / total > 1e-3}
    assert chi_square(found, chances) < 2.5


def test_large_deviations_are_kept() -> None:
    found = gaussian(KEY, 2**20, 4000).astype(float)
    assert abs(found.mean()) < 4 * 2**20 / 4000**0.5
    assert abs(found.std() / 2**20 - 1) < 4 / 8000**0.5
    assert abs((np.abs(found) < 2**20).mean() - 0.6827) < 0.03


def test_events_are_as_likely_as_they_must_be() -> None:
    sampler = Sampler(KEY)
    for p, q in ((0, 1), (1, 3), (1, 1), (5, 2)):
        rate = sum(sampler.survives(p, q) for _ in range(8000)) / 8000
        assert abs(rate - exp(-Fraction(p, q))) < 0.025
    assert {sampler.below(1) for _ in range(3)} == {0}
    assert sorted({sampler.below(5) for _ in range(200)}) == list(range(5))
    assert max(sampler.below(2**100) for _ in range(50)).bit_length() > 95


def test_a_key_gives_the_same_noise_and_another_gives_other() -> None:
    assert np.array_equal(gaussian(KEY, 1000, 3000), gaussian(KEY, 1000, 3000))
    assert not np.array_equal(gaussian(KEY, 1000, 50), gaussian(KEY[::-1], 1000, 50))
    long = gaussian(KEY, 1000, 3000)  # more than one block of the stream
    assert BLOCK < 3000 * 4 * 2
    assert len(np.unique(long)) > 1000
