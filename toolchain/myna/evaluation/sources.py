# SPDX-License-Identifier: Apache-2.0
"""Where the clips of users come from: a folder of recordings, or a file of examples.

A file of examples is FILE.npz with ``features`` [n, …] as `package.example_file` reads them,
``words`` and ``speakers`` (text, [n] each). Takes are in the order of the file.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from myna.audio import dataset
from myna.audio.dataset import Clip
from myna.errors import MynaError
from myna.files import read_arrays
from myna.frontend.model import load_architecture
from myna.learn.examples import Examples
from myna.package.calibration import audio_of
from myna.package.example_file import SUFFIX, open_examples

FIX = "save arrays `features` [n, …], `words` [n] and `speakers` [n] with numpy.savez"


def are_examples(data: Path) -> bool:
    """Whether data are examples, of which pretraining has heard none, and not recordings."""
    return data.suffix == SUFFIX


def scan(data: Path) -> tuple[Clip, ...]:
    """All clips of a folder or file, sorted by word, speaker and take.

    Raises:
        MynaError: it is missing, damaged, or holds none.
    """
    if not are_examples(data):
        return dataset.scan(data)
    arrays = read_arrays(data, fix=FIX)
    if not (count := arrays.get("features", np.zeros(0)).shape[:1]) or not count[0]:
        raise MynaError("holds no features", where=str(data), fix=FIX)
    for name in ("words", "speakers"):
        text = arrays.get(name, np.zeros(0))
        if text.shape != count or text.dtype.kind != "U" or "" in np.char.strip(text):
            raise MynaError(
                f"`{name}` is not text for each of {count[0]} examples", where=str(data), fix=FIX
            )
    pairs = zip(arrays["words"].tolist(), arrays["speakers"].tolist(), strict=True)
    return tuple(sorted(Clip(word, who, take, data) for take, (word, who) in enumerate(pairs)))


def read_features(clips: Sequence[Clip], classes: Mapping[str, int], folder: Path) -> Examples:
    """The examples of clips from one file.

    Args:
        clips: what to read, not empty.
        classes: the class of each clip's word.
        folder: the model's.

    Raises:
        MynaError: the file is damaged, or does not fit the model.
    """
    found, quant = open_examples(clips[0].path, folder)
    labels = np.array([classes[clip.word] for clip in clips], np.int64)
    features = found.inputs(quant)[[clip.take for clip in clips]]
    if audio := audio_of(load_architecture(folder)):
        features = features.reshape(-1, audio.frames, audio.features)  # what can be varied
    return Examples(features, labels)
