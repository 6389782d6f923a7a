# SPDX-License-Identifier: Apache-2.0
"""The protocol *scene*: twenty minutes of sound in which a word is said fifty times.

The layout is that of the streaming wakeword benchmark of MLPerf Tiny (mlcommons/tiny,
benchmark/training/streaming_wakeword, build_long_wav.py and long_wav_spec.json): silence, many
voices, and music, in which the word is said, then as long a time in which it is not. Other people
than those who are heard enroll the word, and its threshold is set by stored negatives; the scene is
heard once, from its beginning to its end.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.audio.config import RATE
from myna.audio.features import Pcm
from myna.errors import MynaError
from myna.evaluation.evaluate import mean_with_ci

SECONDS = 1200
WORDS = 50
LAST = 570.0  # second in which the last word begins
GAP, LEAST_GAP = 7.0, 3.0  # seconds from word to word: mean of an exponential distribution, least
LEVELS = (0.5, 0.75)  # of a word: root mean square, drawn between them
QUIET = 0.05  # of its peak: softer samples in front of a word and behind it are not part of it
# Seconds behind a word's end in which it may be heard: the benchmark's runner adds its one second
# twice (benchmark/runner/runner_utils.py, calc_detection_stats).
LATE = 2.0
REFRACTORY = 2 * RATE  # samples: as long as a word may be heard late, it is heard once
LIMIT = 8  # false accepts, and misses, that the benchmark allows

Floats = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Part:
    """What sounds for a while beside words.

    Attributes:
        start, end: seconds.
        music: whether it is music, or somebody speaks.
        voices: how many at once.
        level: root mean square of each.
    """

    start: int
    end: int
    music: bool
    voices: int
    level: float


PARTS = (
    Part(100, 300, music=False, voices=8, level=0.05),
    Part(300, 450, music=True, voices=1, level=0.5),
    Part(450, 600, music=True, voices=1, level=0.5),
    Part(600, 900, music=False, voices=1, level=0.5),
    Part(750, 900, music=True, voices=1, level=0.5),
    Part(900, 1200, music=False, voices=7, level=0.1),
)


@dataclass(frozen=True)
class Recording:
    """A scene as it sounds.

    Attributes:
        pcm: int16 [samples].
        words: of each word, its first sample and one behind its last.
    """

    pcm: Pcm
    words: tuple[tuple[int, int], ...]


def build(words: Sequence[Pcm], speech: Pcm, music: Pcm, seed: int) -> Recording:
    """A scene in which recordings take turns; which follows which, when and how loud is drawn.

    Args:
        words: recordings of the word, int16 [samples] each.
        speech: that holds no such word, int16 [samples]; repeated if it is too short, as is
        music: int16 [samples].
        seed: of all that is drawn.
    """
    rng = np.random.default_rng(seed)
    mixed = np.zeros(SECONDS * RATE)
    for part in PARTS:
        samples = (part.end - part.start) * RATE
        for _ in range(part.voices):
            sound = music if part.music else speech
            found = _at(np.take(sound, _somewhere(rng, len(sound), samples), mode="wrap"))
            mixed[part.start * RATE : part.end * RATE] += part.level * found
    order = np.concatenate([rng.permutation(len(words)) for _ in range(-(-WORDS // len(words)))])
    places = []
    levels = rng.uniform(*LEVELS, WORDS)
    for i, start, level in zip(order[:WORDS].tolist(), _starts(rng), levels, strict=True):
        word = _at(_trim(words[i]))
        mixed[start : start + len(word)] += level * word
        places.append((start, start + len(word)))
    loudest = np.abs(mixed).max()
    return Recording(np.rint(mixed / loudest * 32767).astype(np.int16), tuple(places))


def _somewhere(rng: np.random.Generator, length: int, samples: int) -> npt.NDArray[np.int64]:
    """Positions of so many samples in a row, of a sound that repeats."""
    return np.arange(samples) + int(rng.integers(length))


def _starts(rng: np.random.Generator) -> list[int]:
    """Samples at which the words begin."""
    gaps = np.zeros(0)
    while len(gaps) < WORDS:
        drawn = rng.exponential(GAP, WORDS)
        gaps = np.concatenate([gaps, drawn[drawn > LEAST_GAP]])
    seconds = np.cumsum(gaps[:WORDS])
    return [int(at) for at in seconds * (LAST / seconds[-1]) * RATE]


def _trim(pcm: Pcm) -> Pcm:
    loud = np.flatnonzero(pcm > QUIET * pcm.max())
    return pcm[loud[0] : loud[-1] + 1] if len(loud) else pcm


def _at(pcm: Pcm) -> Floats:
    """The sound at a root mean square of one."""
    deviation = float(pcm.std())
    if not deviation:
        raise MynaError("is nothing but silence", where="scene", fix="take other recordings")
    return np.asarray(pcm / deviation)


@dataclass(frozen=True)
class Score:
    """What was heard in a scene.

    Attributes:
        false_accepts: events beside words.
        misses: words that were not heard.
        latencies_ms: from the end of each word that was heard to the first event.
    """

    false_accepts: int
    misses: int
    latencies_ms: tuple[float, ...]

    @property
    def passes(self) -> bool:
        """Whether the benchmark allows it."""
        return self.false_accepts <= LIMIT and self.misses <= LIMIT


def score(words: Sequence[tuple[int, int]], events: Sequence[int]) -> Score:
    """Which events are words: those from a word's beginning to `LATE` behind its end.

    Args:
        words: of each, its first sample and one behind its last.
        events: samples, ascending.
    """
    times = np.array(events, np.int64)
    right = np.zeros(len(times), bool)
    latencies = []
    for start, end in words:
        own = (times >= start) & (times <= end + LATE * RATE)
        if own.any():
            latencies.append(1000 * float(times[own][0] - end) / RATE)
        right |= own
    return Score(int((~right).sum()), len(words) - len(latencies), tuple(latencies))


def summarize(scores: Sequence[Score]) -> dict[str, Any]:
    """The figures of ``evaluate --json``: means over scenes with their intervals, and each."""
    heard = [latency for one in scores for latency in one.latencies_ms]
    middle, late = np.percentile(heard, (50, 95)) if heard else (None, None)
    return {
        "words_per_scene": WORDS,
        "minutes_per_scene": SECONDS // 60,
        "limit": LIMIT,
        "false_accepts": mean_with_ci([one.false_accepts for one in scores]),
        "misses": mean_with_ci([one.misses for one in scores]),
        "within_limit": sum(one.passes for one in scores),
        "latency_ms": {"median": middle, "p95": late},
        "per_scene": [_entry(one) for one in scores],
    }


def _entry(one: Score) -> Mapping[str, int]:
    return {"false_accepts": one.false_accepts, "misses": one.misses}
