# SPDX-License-Identifier: Apache-2.0
"""Pretraining from a folder of recordings to a model's folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.audio import dataset
from myna.audio.config import SILENCE, UNKNOWN, AudioConfig
from myna.errors import MynaError
from myna.files import write_arrays
from myna.frontend.model import FloatModel, check_model, load_architecture, load_model, save_model
from myna.pretrain import corpus, examples, head, testset, training
from myna.pretrain.recipe import load_recipe

CALIBRATION_PER_CLASS = 22
HEAD_EXAMPLES = 1500  # of each class, to train a head on


@dataclass(frozen=True)
class Result:
    """What training gave. `accuracy` in percent on `tested` clips of held-out speakers."""

    model: FloatModel
    accuracy: float | None
    tested: int


@dataclass(frozen=True)
class Further:
    """Recordings of another folder that teach the embedding only; None takes everything."""

    folder: Path
    words: tuple[str, ...] | None = None
    speakers: tuple[str, ...] | None = None

    def clips(self) -> tuple[dataset.Clip, ...]:
        """The recordings."""
        return dataset.select(dataset.scan(self.folder), words=self.words, speakers=self.speakers)


def train(
    architecture: Path,
    data: Path,
    words: Sequence[str] | None,
    out: Path,
    *,
    seed: int = 0,
    epochs: int | None = None,
    teacher: Path | None = None,
    further: Further | None = None,
    speakers: Sequence[str] | None = None,
    progress: Callable[[str], None] = print,
) -> Result:
    """Train a network on recordings and write architecture, weights and calibration features.

    The data's speakers are split by `dataset.split_of`: those of the test split are only used to
    measure accuracy. When a word would be left without training speakers, all are trained on and
    no accuracy is given. The recipe's synthetic voices speak only the architecture's own words. An
    architecture whose audio offsets are all zero gets its normalisation from the training data.

    Args:
        architecture: a model's folder; its recipe.json, if any, sets the hyperparameters.
        data: folder <word>/<file>.{wav,flac,opus}.
        words: the words to tell apart, which replace the architecture's labels: "silence" comes
            first, then "unknown" if the data has other words; None keeps the labels.
        out: folder to write; may be the architecture's.
        seed: of everything random. The same seed gives the same model on the same kind of
            machine; the order of floating-point sums on another may make a small difference.
        epochs: instead of the recipe's.
        teacher: folder of a trained model with the same labels and features to distil from.
        further: more recordings for the embedding.
        speakers: learn from all that these say and from nobody else, and give no accuracy.
        progress: called with one line of text at a time.

    Raises:
        MynaError: files are unusable, a word has no recording, or the teacher does not fit.
    """
    recipe = load_recipe(architecture)
    recipe = replace(recipe, epochs=epochs or recipe.epochs)
    clips = dataset.select(dataset.scan(data), speakers=speakers)
    model = replace(with_words(load_architecture(architecture), clips, words), name=out.name)
    check_model(model, out)
    master = load_teacher(teacher, model) if teacher else None
    training_clips, held_out = split_speakers(clips, model.labels, speakers)
    sources = corpus.recorded(training_clips, model.labels)
    progress(f"{len(sources)} recordings of {len({c.speaker for c in training_clips})} speakers")
    sources += corpus.unlabelled(further.clips()) if further else []
    voices = 0 if words else recipe.synthetic_voices  # the user's own may be of any language
    sources += synthetic_sources(clips, model.labels, voices)
    sources += corpus.invented(recipe.invented_words, recipe.invented_takes, seed)
    sources += corpus.silences(model.labels)
    noises = corpus.training_noises(data)
    config = AudioConfig.from_json(model.audio)
    if not any(config.offset):
        config = examples.fit_normalisation(config, sources, noises, seed)
        model = replace(model, audio=config.to_json())
    bank = examples.make_bank(config, sources, noises, recipe.prepared, seed)
    progress(f"{len(bank.label)} training examples")
    model = training.fit(model, bank, recipe, seed, progress, master)
    heard = dataset.Heard.of((*(further.clips() if further else ()), *(clips if speakers else ())))
    return _finish(model, bank, data, out, seed, heard, held_out)


def retrain_head(
    body: Path,
    data: Path,
    words: Sequence[str] | None,
    out: Path,
    *,
    seed: int = 0,
    speakers: Sequence[str] | None = None,
) -> Result:
    """Give a trained network other words: all layers but the last stay as they are.

    Takes a minute where `train` takes most of an hour, and serves for words that the body can tell
    apart.

    Args:
        body: folder of the trained model.
        data, words, out, seed, speakers: see `train`.

    Raises:
        MynaError: files are unusable, or a word has no recording.
    """
    clips = dataset.select(dataset.scan(data), speakers=speakers)
    model = replace(with_words(load_model(body), clips, words), name=out.name)
    training_clips, held_out = split_speakers(clips, model.labels, speakers)
    sources = corpus.recorded(training_clips, model.labels) + corpus.silences(model.labels)
    config, noises = AudioConfig.from_json(model.audio), corpus.training_noises(data)
    bank = examples.make_bank(config, sources, noises, HEAD_EXAMPLES, seed)
    model = head.fit(model, bank, seed)
    heard = dataset.Heard.load(body).join(dataset.Heard.of(clips if speakers else ()))
    return _finish(model, bank, data, out, seed, heard, held_out)


def _finish(
    model: FloatModel,
    bank: examples.Bank,
    data: Path,
    out: Path,
    seed: int,
    heard: dataset.Heard,
    held_out: bool,
) -> Result:
    """Write a trained model and measure it on the held-out speakers, if there are any."""
    save_model(model, out)
    save_calibration(bank, out, seed)
    heard.save(out)
    if not held_out:
        return Result(model, None, 0)
    maps, labels = testset.load_test(data, model)
    accuracy = 100 * float(np.mean(training.predict(model, maps).argmax(1) == labels))
    return Result(model, accuracy, len(labels))


def with_words(
    architecture: FloatModel, clips: Sequence[dataset.Clip], words: Sequence[str] | None
) -> FloatModel:
    """The architecture for these words, after checking that each has recordings."""
    special = (SILENCE, UNKNOWN)
    present = {clip.word for clip in clips}
    if words is None:
        labels = architecture.labels
    else:
        other = (UNKNOWN,) if present - set(words) else ()
        labels = (SILENCE, *other, *words)
    dataset.select(clips, words=[label for label in labels if label not in special])
    if len(labels) != len(set(labels)) or len(labels) < 2:
        raise MynaError(
            f"{', '.join(labels)} are not two or more different labels",
            where="words",
            fix="name each word once",
        )
    layers = tuple(
        replace(layer, attrs={**layer.attrs, "units": len(labels)})
        if layer.name == architecture.output
        else layer
        for layer in architecture.layers
    )
    return replace(architecture, labels=labels, layers=layers)


def load_teacher(folder: Path, pupil: FloatModel) -> FloatModel:
    """The teacher's model, which must have the pupil's labels and audio configuration."""
    teacher = load_model(folder)
    if (teacher.labels, teacher.audio) != (pupil.labels, pupil.audio):
        raise MynaError(
            "the teacher has other labels or another audio configuration",
            where=str(folder),
            fix="train the teacher on the same words, with the same `audio` in its architecture",
        )
    return teacher


def split_speakers(
    clips: Sequence[dataset.Clip], labels: Sequence[str], named: Sequence[str] | None = None
) -> tuple[tuple[dataset.Clip, ...], bool]:
    """The clips to train on, and whether test speakers were held out: not where they were named."""
    if named:
        return tuple(clips), False
    kept = tuple(clip for clip in clips if dataset.split_of(clip.speaker) != "test")
    wanted = {clip.word for clip in clips} & set(labels)
    complete = wanted <= {clip.word for clip in kept} and len(kept) < len(clips)
    return (kept, True) if complete else (tuple(clips), False)


def synthetic_sources(
    clips: Sequence[dataset.Clip], labels: Sequence[str], voices: int
) -> list[corpus.Source]:
    """All words of the data and OTHER_WORDS by synthetic voices; nothing for 0 voices."""
    words = sorted({clip.word for clip in clips} | set(corpus.OTHER_WORDS)) if voices else []
    return corpus.synthetic(words, labels, voices)


def save_calibration(bank: examples.Bank, out: Path, seed: int) -> None:
    """Write calibration.npz: int8 feature maps of recorded training clips and their labels."""
    random = np.random.default_rng(seed)
    chosen: list[npt.NDArray[np.int64]] = []
    for label in np.unique(bank.label):
        members = np.flatnonzero((bank.label == label) & ~bank.synthetic)
        chosen.append(random.permutation(members)[:CALIBRATION_PER_CLASS])
    index = np.concatenate(chosen)
    index = index[bank.label[index] != corpus.NO_LABEL]  # of no class
    labels = bank.label[index].astype(np.int16)
    write_arrays(out / "calibration.npz", features=bank.features[index], labels=labels)
