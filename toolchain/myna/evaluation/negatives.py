# SPDX-License-Identifier: Apache-2.0
"""How stored negatives are made of what a model makes of speech in which no word is."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from myna import fixed
from myna.learn.detect import STRIDE, UNIT, Embeddings, directions
from myna.package.negatives import StoredNegatives

FOILS = 32
ROUNDS = 10  # of k-means
EVERY = 5  # decisions: those in between are nearly the same
LEVELS = 10  # of stored embeddings: an hour takes 220 KB, and thresholds are hardly other ones


def stored_negatives(
    running: Sequence[Embeddings],
    alone: Sequence[Embeddings],
    center: npt.NDArray[np.int16],
    seed: int,
    body: int,
) -> StoredNegatives:
    """Foils of running speech, and words alone to set thresholds by.

    Words alone, as most false accepts are: a template learns, too, that silence is around a word.
    They are other ones than foils are made of, from which scores are kept away.

    Foils are the centres of a spherical k-means. Source: Dhillon and Modha, "Concept Decompositions
    for Large Sparse Text Data Using Clustering" (Machine Learning, 2001).

    Args:
        running: what a model makes of each sound, [n, inputs], a decision after the other.
        alone: likewise.
        center: [inputs], Q4.
        seed: of the first centres.
        body: `QuantizedModel.body_digest` of the model.
    """
    points = directions(np.concatenate(running)[::EVERY], center) / 2**15
    rng = np.random.default_rng(seed)
    centers = points[rng.choice(len(points), FOILS, replace=False)]
    for _ in range(ROUNDS):
        nearest = (points @ centers.T).argmax(1)
        for number in np.unique(nearest):
            total = points[nearest == number].sum(0)
            centers[number] = total / max(float(np.linalg.norm(total)), 1e-9)
    stream = np.concatenate([one[::STRIDE] for one in alone])
    step = max(int(np.abs(stream).max()) // LEVELS, 1)
    levels = fixed.divide(stream.astype(np.int64), step).astype(np.int8)
    return StoredNegatives(np.rint(UNIT * centers).astype(np.int8), levels, step, body)
