# SPDX-License-Identifier: Apache-2.0
"""The protocol *owner*: is the person who says a word the one who enrolled it?

Each speaker in turn owns each word of which he has more than K takes: K are enrolled, the others
are genuine, and everybody else who says the same word is an impostor. Every owner weighs alike,
however much he says. One threshold holds for all, as on a device. Intervals are bootstraps over
owners. Scores are those of `learn.owner`, in the integers of a board.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.audio import mixing, native
from myna.audio.config import AudioConfig
from myna.audio.dataset import Clip, select
from myna.audio.files import read_clip
from myna.errors import MynaError
from myna.evaluation import split
from myna.evaluation.noise import rooms
from myna.evaluation.protocol import Request
from myna.evaluation.roc import Curve, Trials, interval
from myna.evaluation.sources import are_examples, scan
from myna.ir import Array
from myna.learn.owner import template
from myna.ops.similarity import Similarity
from myna.package.voice import speakers_of, statistics
from myna.passes.training.owner import PROJECT, Projection

REFUSED_OWNERS = 0.05  # of his takes, at the operating point
SNR = 20  # dB
BOOTSTRAPS = 500

SHOWN = {
    "eer": "equal error rate",
    "impostors_refused": "impostors refused, where the threshold",
    "owners_refused": "  refuses this much of the owners' takes",
    "impostors_refused_by_device": "impostors refused at the device's threshold",
    "owners_refused_by_device": "  owners' takes refused there",
}

Shares = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Scored:
    """Scores of every owner, Q15.

    Attributes:
        genuine: by owner, int64 [his other takes].
        impostors: by owner, int64 [takes of others who say his words].
    """

    genuine: Mapping[str, Array]
    impostors: Mapping[str, Array]

    def refused(self, threshold: int) -> tuple[Shares, Shares]:
        """Shares of each owner's takes, and of his impostors, that a threshold refuses."""
        own = [float(np.mean(scores < threshold)) for scores in self.genuine.values()]
        others = [float(np.mean(scores < threshold)) for scores in self.impostors.values()]
        return np.array(own), np.array(others)


def voices(projection: Projection, features: Array) -> Array:
    """The voices of feature maps, int8 [n, frames, bands] -> int8 [n, values]."""
    parts = (projection.w, projection.bias, projection.mantissa, projection.shift)
    return np.array([PROJECT.reference(one, *parts)[0] for one in statistics(features)])


def score(clips: Sequence[Clip], found: Array, owners: Sequence[str], shots: int) -> Scored:
    """The scores of everybody who has enough takes of a word.

    Args:
        clips: who says what, sorted.
        found: their voices, int8 [n, values].
        owners: who enrolls.
        shots: takes of each word that are enrolled.

    Raises:
        MynaError: nobody has more takes of a word than that, or nobody else says one.
    """
    center, op = np.zeros(found.shape[1], np.int16), Similarity(0)
    by_word: defaultdict[str, list[int]] = defaultdict(list)
    for index, clip in enumerate(clips):
        by_word[clip.word].append(index)
    genuine: defaultdict[str, list[int]] = defaultdict(list)
    impostors: defaultdict[str, list[int]] = defaultdict(list)
    for owner in owners:
        for said in by_word.values():
            own = [i for i in said if clips[i].speaker == owner]
            others = [i for i in said if clips[i].speaker != owner]
            if len(own) <= shots or not others:
                continue
            row = template([found[i] for i in own[:shots]])[None]
            for group, chosen in ((genuine, own[shots:]), (impostors, others)):
                group[owner] += [int(op.reference(found[i], center, row)[0][0]) for i in chosen]
    if not genuine:
        raise MynaError(
            f"no owner has more than {shots} takes of a word that another says, too",
            where="recordings of owners",
            fix="lower --shots, or record more takes",
        )
    return Scored(*({o: np.array(s) for o, s in group.items()} for group in (genuine, impostors)))


def threshold_of(scored: Scored, share: float = REFUSED_OWNERS) -> int:
    """The largest threshold that refuses no more than this share of the owners' takes."""
    return int(_curve(scored).keeping(100 * share)[0])


def _curve(scored: Scored) -> Curve:
    return Curve([Trials(own, scored.impostors[who]) for who, own in scored.genuine.items()])


def summarize(scored: Scored, threshold: int, seed: int) -> dict[str, Any]:
    """Percentages with 95 % intervals: at 5 % refusals of owners, and at the model's threshold."""
    rng, names = np.random.default_rng(seed), list(scored.genuine)
    rows = [_figures(scored, threshold)]
    for _ in range(BOOTSTRAPS):
        drawn = rng.integers(len(names), size=len(names))
        parts = [
            {str(i): group[names[k]] for i, k in enumerate(drawn)}
            for group in (scored.genuine, scored.impostors)
        ]
        rows.append(_figures(Scored(*parts), threshold))
    figures = {name: [row[name] for row in rows] for name in rows[0]}
    return {name: {"mean": v[0], "ci95": interval(v[1:])} for name, v in figures.items()}


def _figures(scored: Scored, threshold: int) -> dict[str, float]:
    curve = _curve(scored)
    _, missed, caught = curve.keeping(100 * REFUSED_OWNERS)
    own, others = scored.refused(threshold)
    return {
        "eer": curve.equal_error_rate(),
        "impostors_refused": caught,
        "owners_refused": missed,
        "impostors_refused_by_device": 100 * float(others.mean()),
        "owners_refused_by_device": 100 * float(own.mean()),
    }


def examine(request: Request, folder: Path) -> dict[str, Any]:
    """Examine owners in quiet and in noise: the measured fields of ``evaluate --json``.

    Args:
        request: whose data, speakers, shots and seed count.
        folder: the model's.

    Raises:
        MynaError: the model cannot tell voices, or nobody says enough.
    """
    parted, projection = speakers_of(folder), request.package.projection
    assert projection is not None
    clips = scan(request.data)
    words = request.words or sorted({clip.word for clip in clips})
    own = select(clips, words=words)
    kept, examples = request.read(own, dict.fromkeys(words, 0), f"read {request.data.name}")
    owners = request.speakers
    if owners is None:
        unheard = [clip for clip in kept if clip.speaker not in parted]
        owners = split.choose_speakers(unheard, words, request.shots, request.most, held_out=False)
    owners = owners or tuple(sorted({clip.speaker for clip in kept}))
    maps = {"quiet": examples.features}
    if not are_examples(request.data):
        maps[f"{SNR} dB"] = in_noise(request.package.front_end, kept, request.data)
    result: dict[str, Any] = {"shots": request.shots, "seed": request.seed}
    for place, features in maps.items():
        scored = score(kept, voices(projection, features), owners, request.shots)
        result[place] = summarize(scored, projection.threshold, request.seed)
    return result | {"owners": list(scored.genuine), "heard": sorted({*owners} & parted)}


def in_noise(audio: AudioConfig, clips: Sequence[Clip], data: Path) -> Array:
    """Feature maps of recordings in rooms that take turns, SNR dB above their noise."""
    places = [mixing.stretches(room.heard, len(clips)) for room in rooms(data)]
    sounds = (
        mixing.mix(read_clip(clip.path), places[i % len(places)][i], SNR)
        for i, clip in enumerate(clips)
    )
    return np.array([native.extract(audio, sound) for sound in sounds])
