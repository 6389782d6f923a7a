# SPDX-License-Identifier: Apache-2.0
"""Every tensor of a state is bounded, or may hold anything; training stays within the bounds."""

from __future__ import annotations

import numpy as np
import pytest
from myna.engines.library import HostLibrary
from myna.names import RESIDUAL
from myna.passes.bounds import UNBOUNDED, bounds, check_values
from myna.passes.pipeline import Options
from myna.project import open_project
from support import tiny, tiny_model

PLANS = {
    "all": Options(train="all"),
    "fast": Options(train="all", rate=30.0, body_rate=30.0),
    "head": Options(train="head"),
}


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("name", ["plain", "reversible"])
def test_no_tensor_of_a_state_is_forgotten(name: str, plan: str) -> None:
    program = open_project(tiny_model.folder(name), PLANS[plan]).program
    bounded = {bound.tensor for bound in bounds(program)}
    planes = {tensor for tensor in program.state if tensor.endswith(RESIDUAL)}
    assert bounded | planes | (UNBOUNDED & set(program.state)) == set(program.state)
    assert not bounded & (planes | UNBOUNDED)


@pytest.mark.parametrize("plan", PLANS)
def test_training_stays_within_the_bounds(plan: str) -> None:
    """Even if it diverges: what a board saves it must take back."""
    project = open_project(tiny_model.folder("plain"), PLANS[plan])
    core: HostLibrary = project.library()
    before = core.read_state()
    for i, x in enumerate(tiny.features(40)):
        core.train_step(x, i % len(tiny.LABELS))
    assert core.read_state() != before
    check_values(project.program, project.program.unpack(core.read_state()))
    assert np.frombuffer(core.read_state(), np.uint8).any()
