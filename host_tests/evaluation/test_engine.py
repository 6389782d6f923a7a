# SPDX-License-Identifier: Apache-2.0
"""An engine that is examined as it listens learns like any other."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from myna.errors import MynaError
from myna.evaluation.engine import HOST, STREAM, EngineSpec
from myna.learn.examples import Examples
from myna.learn.recipe import Recipe
from myna.passes.pipeline import Options
from myna.project import open_project
from support import silent_model, tiny, tiny_model

OPTIONS = Options(train="head")


def test_it_learns_the_same_and_answers_as_it_listens() -> None:
    model, features = tiny_model.folder("plain"), np.array(tiny.features(6))[..., 0]
    lesson = Examples(features[:2], np.array([4, 4], np.int64))
    states, logits = [], []
    for name in (HOST, STREAM):
        with EngineSpec(name, model, OPTIONS).open() as engine:
            engine.learn(lesson, Recipe(epochs=2))
            states.append(engine.read_state())
            logits.append(engine.infer(features))
            core = engine.core
    assert states[0] == states[1]
    assert logits[0].shape == logits[1].shape == (6, 5)
    assert not np.array_equal(*logits)
    streaming = open_project(model, replace(OPTIONS, streaming=True)).streaming
    assert streaming is not None
    running = core.stream(streaming)
    np.testing.assert_array_equal(logits[1], [running.window(x)[:5] for x in features])


def test_a_network_that_cannot_stream_is_refused() -> None:
    spec = EngineSpec(STREAM, silent_model.folder("signals"), OPTIONS)
    with pytest.raises(MynaError, match="along time"), spec.open():
        pass
