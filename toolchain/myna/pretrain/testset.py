# SPDX-License-Identifier: Apache-2.0
"""The features of held-out speakers, computed once and kept under build/."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import numpy as np
import numpy.typing as npt

from myna.audio import dataset, native
from myna.audio.config import AudioConfig
from myna.files import read_arrays, write_arrays
from myna.frontend.model import FloatModel
from myna.pretrain import corpus

CACHE = native.ROOT / "build" / "testset"


def load_test(
    data: Path, model: FloatModel, cache: Path = CACHE
) -> tuple[npt.NDArray[np.int8], npt.NDArray[np.int64]]:
    """The test set of `corpus.test_clips` as the model's features.

    Returns:
        features int8 [clips, frames, features], labels int64 [clips] (indices into model.labels).

    Raises:
        MynaError: the folder holds no recordings, or none of a test speaker.
    """
    chosen = dataset.select(dataset.scan(data), split="test")
    clips = [(str(clip.path), clip.path.stat().st_size) for clip in chosen]
    key = json.dumps([dict(model.audio), list(model.labels), clips], sort_keys=True)
    path = cache / f"{hashlib.sha256(key.encode()).hexdigest()[:16]}.npz"
    if path.exists():
        arrays = read_arrays(path)
        return arrays["features"], arrays["labels"]
    pcm, labels = corpus.test_clips(data, model.labels)
    maps = native.extract(AudioConfig.from_json(model.audio), pcm)
    write_arrays(path, features=maps, labels=labels)
    return maps, labels
