# SPDX-License-Identifier: Apache-2.0
"""Networks of many kinds, fitted for seconds on invented data, as .keras and int8 .tflite files.

`zoo_networks` defines and makes them, in a process of its own: TensorFlow is large.
"""

from __future__ import annotations

import fcntl
import hashlib
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from support.kept import TESTS

Floats = npt.NDArray[np.float32]
SOURCES = (Path(__file__), Path(__file__).with_name("zoo_networks.py"))


@dataclass(frozen=True)
class Entry:
    """What a network reads, and its classes: none if it reconstructs its input."""

    shape: tuple[int, ...]
    classes: int

    @property
    def loss(self) -> str:
        """As `FloatModel.loss`."""
        return "classify" if self.classes else "reconstruct"


ZOO = {
    "ds_cnn": Entry((25, 10, 1), 6),
    "tc_resnet8": Entry((49, 10), 6),
    "mobilenet_v2": Entry((16, 16, 3), 5),
    "autoencoder": Entry((320,), 0),
    "resnet8": Entry((16, 16, 3), 5),
    "motion": Entry((128, 3), 5),
    "pools": Entry((15, 13, 2), 4),
}


def samples(entry: Entry, count: int, seed: int) -> tuple[Floats, npt.NDArray[np.int64]]:
    """Examples [count, *shape] and their classes: smooth patterns, each class with its own, noisy.

    What an autoencoder gets lies near a plane of few dimensions.
    """
    kinds = entry.classes or 6
    patterns = np.random.default_rng(7).normal(size=(kinds, *entry.shape))
    for axis in range(1, patterns.ndim):
        if patterns.shape[axis] > 4:
            patterns += np.roll(patterns, 1, axis) + np.roll(patterns, 2, axis)
    patterns /= patterns.std()
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, kinds, count)
    size = (count, *(1 for _ in entry.shape))
    x = patterns[labels] * rng.uniform(0.5, 1.5, size)
    if not entry.classes:
        x += patterns[rng.integers(0, kinds, count)] * rng.normal(0, 0.7, size)
    x += rng.normal(0, 0.4, x.shape)
    return x.astype(np.float32), labels


@cache
def folder(name: str) -> Path:
    """A folder with the network `name`: `model.keras`, `model.tflite` and arrays.

    `examples.npz` is for calibration: `features` [n, *shape] and `labels` [n]. `samples.npz` holds
    `inputs` [n, *shape] that no training saw, and Keras's `outputs` [n, outputs].
    """
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in SOURCES)).hexdigest()[:12]
    made = TESTS / f"zoo-{digest}"
    TESTS.mkdir(parents=True, exist_ok=True)
    with (TESTS / "zoo.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another process may be at it; what it made is kept
        if not made.exists():
            _make(made)
    return made / name


def _make(into: Path) -> None:
    """All networks at once: to start TensorFlow takes as long as to fit one of them."""
    draft = Path(tempfile.mkdtemp(dir=TESTS))
    command = [sys.executable, "-m", "support.zoo_networks", str(draft)]
    subprocess.run(command, cwd=SOURCES[0].parents[1], check=True, capture_output=True)
    draft.rename(into)
