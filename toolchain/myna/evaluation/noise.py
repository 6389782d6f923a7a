# SPDX-License-Identifier: Apache-2.0
"""The protocol *noise*: a device adapts to the noise of the room it stands in.

A room is a background recording that no model was trained on. The device records some seconds of
its first third, stores them as clips without speech, and learns: what it rehearses, and the user's
words if there are any, are then mixed with them. The examination mixes speech with the rest of the
same recording, and with other rooms, which it never hears.

Without named words the device has heard no speech of its user: the examination is on words that the
model knows, and every room is one "speaker". With named words each user enrolls them without noise
first, and then adapts to one of the rooms.

Noise is mixed into memories that are feature maps, so that a room is learned by the plans room,
bias and all; the plan head rehearses embeddings, and can only learn that the noise is silence.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, median
from typing import Any

import numpy as np

from myna.audio import mixing, native
from myna.audio.config import RATE, SILENCE, AudioConfig, silence_of
from myna.audio.dataset import Clip, read_noises, scan
from myna.audio.features import Pcm
from myna.audio.files import read_clip
from myna.errors import MynaError
from myna.evaluation import split
from myna.evaluation.engine import Engine, Labels, predict
from myna.evaluation.evaluate import percent_right
from myna.evaluation.personalization import begin
from myna.evaluation.protocol import EvaluationProtocol, Known, Request
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.pretrain.corpus import HELD_OUT_NOISE, HELD_OUT_SAMPLES

SNRS = (0, 5, 10, 20)  # dB
RECORDED_SNR = 10  # dB between the median speech and the noise that the device records
COLOURS = (0.0, 1.0, 2.0)  # of rooms where there are no recordings
REHEARSALS = 16  # steps on memories after each on a clip: without words, all that tells speech
PLACES = ("", "other_")  # the room that was recorded, and others
MOMENTS = ("before", "after")


@dataclass(frozen=True)
class Room:
    """A background noise that no model was trained on.

    Attributes:
        name: of the recording.
        recorded: what the device may record, int16 [samples].
        heard: what it is examined in; no sample of it is in `recorded`.
    """

    name: str
    recorded: Pcm
    heard: Pcm

    @classmethod
    def of(cls, name: str, pcm: Pcm) -> Room:
        """A room from int16 [samples], two seconds at least: a third is recorded."""
        end = max(len(pcm) // 3, RATE)
        return cls(name, pcm[:end], pcm[end:])

    def at_power(self, wanted: float) -> Room:
        """The same noise, louder or softer: each part has this mean square."""
        parts = (mixing.at_power(part, wanted) for part in (self.recorded, self.heard))
        return Room(self.name, *parts)


def rooms(data: Path) -> tuple[Room, ...]:
    """The held-out parts of the background recordings; coloured noise where there are none."""
    recordings = read_noises(data)
    if not recordings:
        return tuple(
            Room.of(f"colour_{colour:g}", mixing.coloured(colour, 15, seed))
            for seed, colour in enumerate(COLOURS)
        )
    return tuple(
        Room.of(name, pcm if name == HELD_OUT_NOISE else pcm[-HELD_OUT_SAMPLES:])
        for name, pcm in recordings.items()
    )


@dataclass(frozen=True)
class Resident:
    """Who lives in a room.

    Attributes:
        speaker: a name; the room's where several people speak.
        enrolled: words that the device learns before it hears the room; None if nothing.
        speech: clean questions, int16 [n, 16000], and
        labels: their classes, int64 [n].
    """

    speaker: str
    enrolled: Examples | None
    speech: Pcm
    labels: Labels


@dataclass(frozen=True)
class NoiseExam:
    """A device adapts to a room, and is examined there and elsewhere, before and after.

    Attributes:
        resident: who speaks.
        room: where, as loud as it was recorded.
        others: noises of rooms that it never hears, int16 [samples] each.
        noises: what the device records, as clips without speech.
        known: what must not be forgotten.
        audio: the front end.
        recipe: how words are learned.
        seed: of everything random.
    """

    resident: Resident
    room: Room
    others: tuple[Pcm, ...]
    noises: Examples
    known: Examples | None
    audio: AudioConfig
    recipe: Recipe
    seed: int

    def __call__(self, engine: Engine) -> dict[str, Any]:
        """See `protocol.Exam`."""
        questions, clips = dict(self._questions()), self.noises
        begin(engine, self.seed)
        if self.resident.enrolled is not None:
            engine.learn(self.resident.enrolled, self.recipe)
            clips = self.resident.enrolled.join(clips)
        result: dict[str, Any] = {"speaker": self.resident.speaker, "room": self.room.name}
        result |= {"seconds": len(self.noises), "tested": len(self.resident.labels)}
        for moment in MOMENTS:
            if moment == "after":
                engine.learn(clips, adaptation(self.recipe))
            for name, examples in questions.items():
                found = percent_right(predict(engine, examples.features), examples.labels)
                result[name.format(moment)] = found
            for place in PLACES:
                each = [result[field(place, moment, snr)] for snr in SNRS]
                result[f"{place}{moment}"] = fmean(each)
        return result

    def _questions(self) -> Iterator[tuple[str, Examples]]:
        """Names of figures, with {} for the moment, and what is asked."""
        speech, labels = self.resident.speech, self.resident.labels
        yield "clean_{}", Examples(native.extract(self.audio, speech), labels)
        for place, noises in zip(PLACES, ((self.room.heard,), self.others), strict=True):
            pieces = [mixing.stretches(noise, len(speech)) for noise in noises]
            chosen = [pieces[i % len(pieces)][i] for i in range(len(speech))]
            for snr in SNRS:
                pairs = zip(speech, chosen, strict=True)
                mixed = np.array([mixing.mix(clip, noise, snr) for clip, noise in pairs])
                yield field(place, "{}", snr), Examples(native.extract(self.audio, mixed), labels)
        alone = native.extract(self.audio, mixing.stretches(self.room.heard, len(speech)))
        yield "silence_{}", Examples(alone, np.resize(self.noises.labels, len(speech)))
        if self.known is not None:
            yield "known_{}", self.known


def adaptation(recipe: Recipe) -> Recipe:
    """How noise is learned: for all epochs, as its own loss tells nothing about speech in it."""
    return replace(recipe, enough=0.0, rehearsals=REHEARSALS)


def field(place: str, moment: str, snr: int) -> str:
    """The name of a figure."""
    return f"{place}{moment}_{snr}db"


def _exams(request: Request) -> Sequence[NoiseExam]:
    places = rooms(request.data)
    if request.words is None:
        speech, labels = _known_words(request)
        people = [Resident(room.name, None, speech, labels) for room in places]
        known = Known()  # asked in any case
    else:
        people, known = list(_users(request, request.words)), request.known()
    return [
        _exam(request, person, places, number % len(places), known.beside(person.speaker))
        for number, person in enumerate(people)
    ]


def _known_words(request: Request) -> tuple[Pcm, Labels]:
    """Recordings of words that the model knows, by speakers it never heard."""
    labels = enumerate(request.package.labels)
    classes = {label: index for index, label in labels if label != SILENCE}
    clips = split.choose_known(scan(request.data), classes)
    kept, examples = request.read(clips, classes, f"read {request.data.name}")
    return _sound(kept), examples.labels


def _users(request: Request, words: Sequence[str]) -> Iterator[Resident]:
    """Each user enrolls words, and is asked for other takes of them."""
    package = request.package
    classes = split.assign_classes(package.labels, words, package.rows)
    clips = request.users(scan(request.data), words, held_out=False)
    kept, examples = request.read(clips, classes, f"read {request.data.name}")
    for speaker in sorted({clip.speaker for clip in kept}):
        own = [i for i, clip in enumerate(kept) if clip.speaker == speaker]
        takes, mine = [kept[i] for i in own], examples.take(own)
        learned, asked = split.split_takes(takes, request.shots)
        if asked:
            speech = _sound([takes[i] for i in asked])
            yield Resident(speaker, mine.take(learned), speech, mine.labels[asked])


def _exam(
    request: Request,
    person: Resident,
    places: Sequence[Room],
    chosen: int,
    known: Examples | None,
) -> NoiseExam:
    """One person's exam in the chosen one of these places."""
    audio = request.package.front_end
    softer = 10 ** (-RECORDED_SNR / 10)
    room = places[chosen].at_power(softer * median(map(mixing.speech_power, person.speech)))
    recorded = native.extract(audio, mixing.stretches(room.recorded, request.shots))
    silence = np.full(len(recorded), _silence(request.package.labels), np.int64)
    others = tuple(place.heard for number, place in enumerate(places) if number != chosen)
    noises = Examples(recorded, silence)
    return NoiseExam(person, room, others, noises, known, audio, request.recipe, request.seed)


def _silence(labels: Sequence[str]) -> int:
    """The class as which noise is recorded."""
    silence = silence_of(labels)
    if silence is None:
        raise MynaError(
            "has no class for clips without speech, as which noise is recorded",
            where="the model's labels",
            fix=f"train a model with a label {SILENCE!r}",
        )
    return silence


def _sound(clips: Sequence[Clip]) -> Pcm:
    return np.array([read_clip(clip.path) for clip in clips])


FIELDS = tuple(
    f"{place}{moment}{snr}"
    for place in (*PLACES, "clean_", "silence_", "known_")
    for snr in ("", *(f"_{snr}db" for snr in SNRS if place in PLACES))
    for moment in MOMENTS
)
SHOWN = {
    field(place, moment, snr): f"{title}, {snr} dB, {moment}"
    for place, title in zip(PLACES, ("this room", "others"), strict=True)
    for snr in SNRS
    for moment in MOMENTS
} | {f"clean_{moment}": f"no noise, {moment}" for moment in MOMENTS}
NOISE = EvaluationProtocol("noise", FIELDS, SHOWN, _exams)
