# SPDX-License-Identifier: Apache-2.0
"""A word's threshold for a wanted rate of false accepts, from an hour in which nobody says it.

Rates of interest are rarer than any event of so little sound. So the tail is continued: what
exceeds a high level does so by an amount of a generalized Pareto distribution. Scores cannot grow
without bound, so its shape matters: an exponential tail asks for scores that no word reaches.

Sources: Pickands, "Statistical Inference Using Extreme Order Statistics" (Annals of Statistics,
1975); Hosking and Wallis, "Parameter and Quantile Estimation for the Generalized Pareto
Distribution" (Technometrics, 1987), of which the estimate by probability-weighted moments is.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from myna.audio.config import RATE
from myna.errors import MynaError
from myna.learn.detect import STRIDE, Embeddings, Space, Template, scores
from myna.learn.templates import SILENT

TAIL = 20  # of so many blocks one counts as the tail, and
LEAST = 8  # blocks at least
HOUR = 3600
PLOT = 0.35  # of Hosking and Wallis: the i-th of n stands for the quantile (i - 0.35) / n


def calibrate(
    negatives: Embeddings, space: Space, template: Template, period: int, rate: float
) -> int:
    """A word's threshold by stored negatives; see `threshold`.

    Args:
        negatives: what a stream makes of sound without words, of which every `STRIDE`-th decision
            is stored, [n, inputs].
        space: what scores depend on.
        template: of the word.
        period: samples from one decision of the stream to the next.
        rate: wanted false accepts per hour, more than 0.

    Raises:
        MynaError: there are too few negatives.
    """
    foreign = scores(negatives, space, template, stride=1)
    return threshold(foreign, HOUR * RATE // (STRIDE * period), rate)


def threshold(scores: npt.NDArray[np.int32], per_hour: int, rate: float) -> int:
    """The least score that is an event, int32; of what is never heard the largest.

    Only a host computes it, so it may do so in floats.

    Args:
        scores: of decisions in a row, int32 [n].
        per_hour: decisions.
        rate: wanted false accepts per hour, more than 0.

    Raises:
        MynaError: there are too few scores.
    """
    second = max(per_hour // HOUR, 1)  # of blocks
    blocks = scores[: len(scores) // second * second].reshape(-1, second).max(1)
    count = max(len(blocks) // TAIL, LEAST)
    if len(blocks) <= count:
        raise MynaError(
            f"{len(blocks)} seconds of stored negatives are too few to set a threshold by",
            where="negatives.npz",
            fix="make it with `myna negatives`",
        )
    highest = np.sort(blocks.astype(np.int64))[len(blocks) - count - 1 :]
    level = int(highest[0])
    tail_per_hour = count / len(blocks) * per_hour / second
    return min(level + _exceeded(highest[1:] - level, math.log(tail_per_hour / rate)), SILENT)


def _exceeded(amounts: npt.NDArray[np.int64], log: float) -> int:
    """What one amount of e^log exceeds, where these, ascending, are a sample."""
    mean = float(amounts.mean())
    if mean == 0:
        return 0
    above = 1 - (np.arange(1, len(amounts) + 1) - PLOT) / len(amounts)
    rest = mean - 2 * float((above * amounts).mean())
    shape, scale = 2 - mean / rest, mean * (mean - rest) / rest
    return round(scale * (math.expm1(shape * log) / shape if shape else log))
