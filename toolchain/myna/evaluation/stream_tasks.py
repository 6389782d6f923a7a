# SPDX-License-Identifier: Apache-2.0
"""Who enrolls which takes for the protocol *stream*, and what is listened to."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np

from myna.audio import endpoint, mixing
from myna.audio.config import HOP, RATE
from myna.audio.dataset import Clip, read_each
from myna.audio.endpoint import Verdict
from myna.audio.features import Pcm
from myna.audio.files import read_pcm
from myna.errors import MynaError
from myna.evaluation.sound import Clock, Sound, SoundExam
from myna.evaluation.stream import Positive, Task

DRAWS = 5  # of takes to enroll, where other people are examined
AFTER = 2 * RATE  # samples behind a recording, in which it is heard to its end

Hear = Callable[[Sequence[SoundExam]], Sequence[Sound]]


@dataclass(frozen=True)
class Noise:
    """What recordings are mixed with.

    Attributes:
        sound: int16 [samples].
        snr: dB.
    """

    sound: Pcm
    snr: float

    def mix(self, speech: Sequence[Pcm]) -> list[Pcm]:
        """Recordings in parts of the noise that are spread all over it; it repeats if it must."""
        longest = max(map(len, speech))
        sound = np.resize(self.sound, max(len(self.sound), longest))
        parts = mixing.stretches(sound, len(speech), longest)
        pairs = zip(speech, parts, strict=True)
        return [mixing.mix(pcm, part[: len(pcm)], self.snr) for pcm, part in pairs]


def read_positives(
    clips: Sequence[Clip], clock: Clock, noise: Noise | None, hear: Hear, *, windows: bool = True
) -> tuple[list[Positive], list[Positive], tuple[MynaError, ...]]:
    """Recordings in silence, the same in noise if there is any, and why others were left out.

    Args:
        clips: the recordings.
        clock: when decisions are made.
        noise: what they are mixed with.
        hear: what hears them.
        windows: whether single windows are heard, too.

    Raises:
        MynaError: none is usable.
    """
    kept, sounds, problems = read_each(clips, read_pcm)
    padded = [np.pad(pcm, (clock.warm_up, AFTER)) for pcm in sounds]
    words = [_word(pcm, clock.warm_up) for pcm in sounds]

    def positives(heard: Sequence[Pcm]) -> list[Positive]:
        made = hear([SoundExam(pcm, windows) for pcm in heard])
        return [Positive(*parts) for parts in zip(kept, sounds, made, words, strict=True)]

    clean = positives(padded)
    return clean, clean if noise is None else positives(noise.mix(padded)), problems


def _word(pcm: Pcm, before: int) -> tuple[int, int] | None:
    """Where the word is, behind so many samples more."""
    found = endpoint.listen(pcm)
    if found.verdict is not Verdict.OK:
        return None
    start = before + HOP * found.start
    return start, start + HOP * found.length


def by_user(
    clean: Sequence[Positive],
    examined: Sequence[Positive],
    words: Sequence[str],
    shots: int,
    most: int,
) -> list[Task]:
    """Each user enrolls his lowest takes of each word and is examined on his others.

    Users are those with most takes of all words, at most so many.

    Raises:
        MynaError: nobody has enough.
    """
    count = Counter((p.clip.speaker, p.clip.word) for p in clean)
    usable = Counter((p.clip.speaker, p.clip.word) for p in clean if p.word is not None)
    speakers = {p.clip.speaker for p in clean}
    least = {s: min(count[s, word] for word in words) for s in speakers}
    able = [s for s in speakers if least[s] > shots <= min(usable[s, word] for word in words)]
    if not able:
        raise MynaError(
            f"nobody has more than {shots} clear takes of every word",
            where="data folder",
            fix="lower --shots, or let others enroll: --across-speakers",
        )
    chosen = sorted(able, key=lambda speaker: (-least[speaker], speaker))[:most]
    return [_task(s, clean, examined, words, _lowest(clean, s, words, shots)) for s in chosen]


def _lowest(clean: Sequence[Positive], speaker: str, words: Sequence[str], shots: int) -> list[int]:
    found = []
    for word in words:
        own = [
            i
            for i, p in enumerate(clean)
            if (p.clip.speaker, p.clip.word) == (speaker, word) and p.word is not None
        ]
        found += own[:shots]
    return found


def across_speakers(
    clean: Sequence[Positive],
    examined: Sequence[Positive],
    words: Sequence[str],
    shots: int,
    seed: int,
) -> list[Task]:
    """Takes drawn at random are enrolled, each by somebody else, and all others are examined.

    Where names hold no speaker, as the part before the first ``_`` is the same or always another
    one, every recording is somebody's own.

    Raises:
        MynaError: too few people say a word.
    """
    return [
        _drawn(draw, clean, examined, words, shots, np.random.default_rng((seed, draw)))
        for draw in range(DRAWS)
    ]


def _drawn(
    draw: int,
    clean: Sequence[Positive],
    examined: Sequence[Positive],
    words: Sequence[str],
    shots: int,
    rng: np.random.Generator,
) -> Task:
    chosen: list[int] = []
    who = {word: _people(clean, word) for word in words}
    for word in words:
        clear = [i for i, p in enumerate(clean) if p.clip.word == word and p.word is not None]
        order = rng.permutation(clear).tolist()
        first = {who[word][clean[i].clip]: i for i in reversed(order)}  # of each person one
        if len({*who[word].values()}) <= shots or len(first) < shots:
            raise MynaError(
                f"{len(first)} people have a clear take of {word}, {shots} are to enroll one and "
                "others to be examined",
                where="data folder",
                fix="lower --shots",
            )
        chosen += [i for i in order if first[who[word][clean[i].clip]] == i][:shots]
    teachers = {(clean[i].clip.word, who[clean[i].clip.word][clean[i].clip]) for i in chosen}

    def is_other(clip: Clip) -> bool:
        return (clip.word, who[clip.word][clip]) not in teachers

    return Task(
        f"draw {draw + 1}",
        {w: [clean[i] for i in chosen if clean[i].clip.word == w] for w in words},
        {w: [p for p in examined if p.clip.word == w and is_other(p.clip)] for w in words},
    )


def _people(clean: Sequence[Positive], word: str) -> dict[Clip, str]:
    """Who says each recording of a word."""
    clips = [p.clip for p in clean if p.clip.word == word]
    if len({clip.speaker for clip in clips}) == 1:
        return {clip: clip.path.name for clip in clips}
    return {clip: clip.speaker for clip in clips}


def _task(
    name: str,
    clean: Sequence[Positive],
    examined: Sequence[Positive],
    words: Sequence[str],
    chosen: Sequence[int],
) -> Task:
    """A user's task: his takes in these positions are enrolled, his others examined."""
    taken = {clean[i].clip for i in chosen}
    return Task(
        name,
        {w: [clean[i] for i in chosen if clean[i].clip.word == w] for w in words},
        {
            w: [
                p
                for p in examined
                if (p.clip.speaker, p.clip.word) == (name, w) and p.clip not in taken
            ]
            for w in words
        },
    )
