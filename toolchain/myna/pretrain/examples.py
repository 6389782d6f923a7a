# SPDX-License-Identifier: Apache-2.0
"""Sounds to training examples: many augmented variants of each, as the chip's features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import partial
from multiprocessing import get_context

import numpy as np
import numpy.typing as npt

from myna.audio import features, native
from myna.audio.config import RATE, SILENCE, AudioConfig
from myna.audio.features import Pcm
from myna.pretrain import augment
from myna.pretrain.corpus import NO_LABEL, Source
from myna.pretrain.warp import Warp

MOST_VARIANTS = 200  # of one sound
SYNTHETIC_SHARE = 0.2  # of a class that has synthetic voices
PER_WORD = {False: 800, True: 40}  # examples of a word without a label: recorded, synthetic
SYNTHETIC_WORDS = 0.6  # of what is drawn by word


@dataclass(frozen=True)
class Bank:
    """Training examples.

    Attributes:
        features: int8 [n, frames, features].
        label, word: indices into the model's labels (or NO_LABEL) and into `words`, [n].
        synthetic: whether a synthetic voice spoke, bool [n].
        recordings: number of recordings behind the examples of each label.
    """

    features: npt.NDArray[np.int8]
    label: npt.NDArray[np.int64]
    word: npt.NDArray[np.int64]
    synthetic: npt.NDArray[np.bool_]
    words: tuple[str, ...]
    recordings: Mapping[int, int]

    def labelled_rows(self, batch: int) -> int:
        """How many of a batch are drawn by label; the rest is drawn by word.

        Half of them, if there are examples that have a word only.
        """
        return batch // 2 if (self.label == NO_LABEL).any() else batch


def make_bank(
    config: AudioConfig, sources: Sequence[Source], noises: list[Pcm], per_class: int, seed: int
) -> Bank:
    """Augment until every class has about `per_class` recorded examples, and half that synthetic.

    Words without a label get as many as PER_WORD says.
    Every source draws from its own generator, (seed, index), so the result does not depend on
    how many processes share the work.
    """
    groups = Counter(map(_group, sources))
    wanted = {
        group: per_class // (1 + group[2]) if group[0] != NO_LABEL else PER_WORD[group[2]]
        for group in groups
    }
    variants = [min(max(wanted[g] // groups[g], 1), MOST_VARIANTS) for g in map(_group, sources)]
    jobs = zip(range(len(sources)), sources, variants, strict=True)
    # "spawn": a fork would inherit the threads of TensorFlow.
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as pool:
        work = partial(_variants, config, noises, seed)
        maps = list(pool.map(work, jobs, chunksize=32))
    words = tuple(sorted({source.word for source in sources}))
    return Bank(
        np.concatenate(maps),
        np.repeat([source.label for source in sources], variants),
        np.repeat([words.index(source.word) for source in sources], variants),
        np.repeat([source.synthetic for source in sources], variants),
        words,
        {label: groups[label, "", False] for label, _, _ in groups if label != NO_LABEL},
    )


def _group(source: Source) -> tuple[int, str, bool]:
    """Sources that share their number of examples: a label's, or else a word's."""
    return source.label, source.word if source.label == NO_LABEL else "", source.synthetic


def _variants(
    config: AudioConfig, noises: list[Pcm], seed: int, job: tuple[int, Source, int]
) -> npt.NDArray[np.int8]:
    index, source, count = job
    random = np.random.default_rng((seed, index))
    return native.extract(config, np.array([_sound(source, noises, random) for _ in range(count)]))


def _sound(source: Source, noises: list[Pcm], random: augment.Random) -> Pcm:
    if source.word == SILENCE:
        return augment.silence(RATE, noises, random)
    pcm = augment.place(source.pcm, RATE, random) if source.synthetic else source.pcm
    return augment.augment(pcm, noises, random)


def balanced(bank: Bank, per_class: int, random: augment.Random) -> npt.NDArray[np.int64]:
    """Indices of one epoch in random order: `per_class` examples of every class.

    The share of synthetic voices is the same in every class, so that it tells nothing about it.
    """
    chosen = []
    for label in bank.recordings:
        of_class = bank.label == label
        spoken = np.flatnonzero(of_class & bank.synthetic)
        recorded = np.flatnonzero(of_class & ~bank.synthetic)
        synthetic = round(per_class * SYNTHETIC_SHARE) if len(spoken) else 0
        chosen += [random.choice(spoken, synthetic)] if synthetic else []
        chosen += [random.choice(recorded, per_class - synthetic)]
    return random.permutation(np.concatenate(chosen))


def by_word(bank: Bank, count: int, random: augment.Random) -> npt.NDArray[np.int64]:
    """Indices of `count` examples: all recorded words are as likely, and all synthetic ones."""
    weight = np.zeros(len(bank.word))
    for synthetic, share in ((False, 1 - SYNTHETIC_WORDS), (True, SYNTHETIC_WORDS)):
        members = bank.synthetic == synthetic
        examples = np.bincount(bank.word[members], minlength=len(bank.words))
        said = max(int(np.count_nonzero(examples)), 1)
        weight[members] = share / said / examples[bank.word[members]]
    return random.choice(len(weight), count, p=weight / weight.sum())


def fit_normalisation(
    config: AudioConfig, sources: Sequence[Source], noises: list[Pcm], seed: int
) -> AudioConfig:
    """The configuration whose features have mean 0 and spread 1 over augmented sounds.

    Log-mel features share one multiplier, so that their levels can be added (audio/augment.py);
    the spread is 1 on average over the bands then.
    """
    random = np.random.default_rng(seed)
    labelled = [source for source in sources if source.label != NO_LABEL]
    picked = random.choice(len(labelled), 800)
    sounds = np.array([_sound(labelled[i], noises, random) for i in picked])
    raw = features.raw_coefficients(config, sounds).reshape(-1, config.features)
    mean, spread = raw.mean(0), raw.std(0)
    if config.coefficients == 0:
        spread = np.full_like(spread, spread.mean())
    return replace(
        config,
        offset=tuple(int(v) for v in np.rint(mean)),
        multiplier=tuple(int(v) for v in np.rint(2**36 / (spread * config.scale))),
    )


def batches(
    bank: Bank, config: AudioConfig, per_class: int, size: int, random: augment.Random
) -> Iterator[tuple[npt.NDArray[np.float32], npt.NDArray[np.int64]]]:
    """One epoch of (float features [size, frames, features, 1], indices into the bank [size]).

    The first `bank.labelled_rows(size)` rows of each batch are drawn by label, the others by word.
    """
    change = Warp(config)
    order = balanced(bank, per_class, random)
    rows = bank.labelled_rows(size)
    count = len(order) // rows
    others = by_word(bank, count * (size - rows), random).reshape(count, -1)
    for labelled, other in zip(order[: count * rows].reshape(count, rows), others, strict=True):
        index = np.concatenate([labelled, other])
        maps = bank.features[index].astype(np.float32) * np.float32(config.scale)
        yield change(maps, random)[..., None], index
