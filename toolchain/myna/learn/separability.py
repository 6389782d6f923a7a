# SPDX-License-Identifier: Apache-2.0
"""Which words will be taken for each other, told from their takes before anything is trained."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import permutations

from myna.learn.detect import Embeddings, Space, scores, template

NEAR = 9  # tenths of the score of the least of a word's takes


@dataclass(frozen=True)
class Take:
    """A take of a word.

    Attributes:
        around: what a template is made of, see `detect.template`.
        stream: embeddings of decisions while the whole recording is heard, [n, inputs].
    """

    around: Embeddings
    stream: Embeddings


@dataclass(frozen=True)
class Confusable:
    """A word, another one that resembles it, and how much: 1 is as much as a take of its own."""

    word: str
    other: str
    resemblance: float


def confusable(takes: Mapping[str, Sequence[Take]], space: Space) -> Iterator[Confusable]:
    """The words of which another one's best take scores nearly as high as the least of their own.

    A take's own score is by the template of the word's other takes; a single one has its own.
    """
    for word, other in permutations(takes, 2):
        own = [_best(take, _others(takes[word], take), space) for take in takes[word]]
        foreign = max(_best(take, takes[word], space) for take in takes[other])
        if 10 * foreign >= NEAR * min(own):
            yield Confusable(word, other, foreign / max([*own, 1]))


def _others(takes: Sequence[Take], take: Take) -> Sequence[Take]:
    return [one for one in takes if one is not take] or takes


def _best(take: Take, teachers: Sequence[Take], space: Space) -> int:
    own = template([one.around for one in teachers], space.center)
    return int(scores(take.stream, space, own).max())
