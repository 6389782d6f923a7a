# SPDX-License-Identifier: Apache-2.0
"""How stored negatives are made of what a model makes of running speech."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from myna.learn.detect import UNIT, Embeddings, directions
from myna.package.negatives import StoredNegatives

FOILS = 32
ROUNDS = 10  # of k-means
EVERY = 5  # decisions: those in between are nearly the same
STORED = 7500  # decisions: five minutes


def stored_negatives(
    streams: Sequence[Embeddings], center: npt.NDArray[np.int16], seed: int
) -> StoredNegatives:
    """The foils of some streams, and the beginning of them.

    Foils are the centres of a spherical k-means. Source: Dhillon and Modha, "Concept Decompositions
    for Large Sparse Text Data Using Clustering" (Machine Learning, 2001).
    """
    whole = np.concatenate(streams)
    points = directions(whole[::EVERY], center) / 2**15
    rng = np.random.default_rng(seed)
    centers = points[rng.choice(len(points), FOILS, replace=False)]
    for _ in range(ROUNDS):
        nearest = (points @ centers.T).argmax(1)
        for number in np.unique(nearest):
            total = points[nearest == number].sum(0)
            centers[number] = total / max(float(np.linalg.norm(total)), 1e-9)
    return StoredNegatives(np.rint(UNIT * centers).astype(np.int8), whole[:STORED])
