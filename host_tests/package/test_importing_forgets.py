# SPDX-License-Identifier: Apache-2.0
"""What an imported network knows, it still knows after it has learned a class."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from support import forgetting
from support.pairs import some_by_day

SEEDS = (2000, 2001, 2002)
MOST = {True: 1.0, False: 2.0}  # points lost, with examples for calibration and without


@pytest.mark.parametrize("calibrated", [True, False])
@pytest.mark.parametrize("name", some_by_day(tuple(forgetting.CLASSIFIERS), ("tc_resnet8",)))
def test_known_classes_stay(name: str, calibrated: bool, tmp_path: Path) -> None:
    project = forgetting.imported(name, tmp_path / name, calibrated=calibrated)
    core = project.library()
    outcomes = [forgetting.teach(project, core, seed) for seed in SEEDS]
    lost = np.mean([one.before - one.after for one in outcomes])
    assert lost <= MOST[calibrated]
    assert np.mean([one.new for one in outcomes if not one.undone]) > 25
