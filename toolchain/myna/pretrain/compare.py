# SPDX-License-Identifier: Apache-2.0
"""What the integer front end costs: its error and the accuracy lost against float features.

python -m myna.pretrain.compare MODEL DATA
"""

from __future__ import annotations

import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from myna.audio import features, float_features
from myna.audio.config import AudioConfig
from myna.formats.keras import to_keras
from myna.frontend.model import load_model
from myna.pretrain.corpus import test_clips


def compare(folder: Path, data: Path) -> dict[str, float]:
    """Errors in int8 steps over the test set, and the float model's accuracies in percent.

    Raises:
        MynaError: the model or the data cannot be read.
    """
    model = load_model(folder)
    config = AudioConfig.from_json(model.audio)
    pcm, labels = test_clips(data, model.labels)
    network = to_keras(model)
    figures = asdict(float_features.measure(config, pcm))
    kinds: dict[str, npt.NDArray[Any]] = {
        "accuracy_integer": features.extract(config, pcm),
        "accuracy_float": float_features.extract(config, pcm),
    }
    for name, maps in kinds.items():
        x = (maps * config.scale).astype(np.float32)[..., None]
        right = network.predict(x, batch_size=256, verbose=0).argmax(1) == labels
        figures[name] = 100 * float(right.mean())
    return figures


if __name__ == "__main__":
    for name, value in compare(Path(sys.argv[1]), Path(sys.argv[2])).items():
        print(f"{name}: {value:.4g}")
