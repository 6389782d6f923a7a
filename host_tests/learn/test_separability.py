# SPDX-License-Identifier: Apache-2.0
"""Words that sound alike are named before they are trained."""

from __future__ import annotations

import numpy as np
from myna.learn.detect import SPAN, Embeddings, Space
from myna.learn.separability import Take, confusable

INPUTS = 16
SPACE = Space(np.zeros(INPUTS, np.int16), np.zeros((0, INPUTS), np.int8))


def embeddings(seed: int, count: int = SPAN + 1) -> Embeddings:
    return np.random.default_rng(seed).integers(-100, 101, (count, INPUTS)).astype(np.int16)


def takes(word: Embeddings, seed: int, spread: int, count: int = 3) -> list[Take]:
    """Takes of a word, each a little different, in sound that is none."""
    found = []
    for take in range(count):
        rng = np.random.default_rng((seed, take))
        around = (word + rng.integers(-spread, spread + 1, word.shape)).astype(np.int16)
        rest = embeddings(1000 * seed + take, 40)
        found.append(Take(around, np.concatenate([rest[:20], around, rest[20:]])))
    return found


def test_words_that_differ_are_not_confusable() -> None:
    words = {name: takes(embeddings(seed), seed, 40) for seed, name in enumerate(("lamp", "sun"))}
    assert list(confusable(words, SPACE)) == []


def test_a_word_that_is_nearly_another_is_named_both_ways() -> None:
    lamp = embeddings(1)
    lamb = lamp.copy()
    lamb[-2:] = embeddings(2)[-2:]
    words = {
        "lamp": takes(lamp, 1, 60),
        "lamb": takes(lamb, 2, 60),
        "sun": takes(embeddings(3), 3, 60),
    }
    found = {(one.word, one.other): one.resemblance for one in confusable(words, SPACE)}
    assert set(found) == {("lamp", "lamb"), ("lamb", "lamp")}
    assert all(0.7 < value < 1.3 for value in found.values())


def test_a_single_take_is_compared_with_itself() -> None:
    words = {"a": takes(embeddings(1), 1, 0, 1), "b": takes(embeddings(1), 2, 0, 1)}
    assert [one.resemblance for one in confusable(words, SPACE)] == [1.0, 1.0]
    words["b"] = takes(embeddings(5), 2, 0, 1)
    assert not list(confusable(words, SPACE))
