# SPDX-License-Identifier: Apache-2.0
"""Without calibration, a network makes its own examples; rehearsed, they keep what it knows."""

from __future__ import annotations

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from myna.engines.reference import Reference
from myna.formats.tflite_import import convert
from myna.package.channels import rescale_channels
from myna.package.inversion import EXAMPLES, invert
from myna.tflite.read import read_file
from support import forgetting, zoo

pytestmark = pytest.mark.train  # the zoo is made by TensorFlow


@pytest.mark.parametrize("name", forgetting.CLASSIFIERS)
def test_each_class_has_memories_that_the_network_is_sure_about(name: str, tmp_path: Path) -> None:
    project = forgetting.imported(name, tmp_path / name, calibrated=False)
    classes, replay = zoo.ZOO[name].classes, project.program.replay
    each = EXAMPLES // classes
    assert Counter(replay.labels.tolist()) == dict.fromkeys(range(classes), each)
    assert len(np.unique(replay.latents, axis=0)) > 0.9 * len(replay.latents)
    core = Reference(project.program)
    assert all(core.recall(i)[:classes].argmax() == label for i, label in enumerate(replay.labels))


def test_inversion_is_deterministic() -> None:
    file = read_file(zoo.folder("motion") / "model.tflite")
    found = [
        invert(rescale_channels(convert(file, "motion", None, {}, "classify")).model)
        for _ in range(2)
    ]
    assert np.array_equal(found[0][0], found[1][0])
    assert np.array_equal(found[0][1], found[1][1])
