# SPDX-License-Identifier: Apache-2.0
"""Whole networks: gradients point where float autodiff points, and training lowers the loss."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from myna.engines.reference import Reference
from myna.passes.lowering.calibrate import forward
from myna.passes.lowering.quantize import QuantizedModel
from myna.passes.pipeline import Options, compile_model
from myna.passes.training.hindsight import RangeMode
from support import tiny
from support.gradients import float_gradients, rounding_network, weight_gradients

# -- whole networks --------------------------------------------------------------------------------


def trained(name: str, options: Options) -> tuple[Reference, QuantizedModel]:
    model = tiny.quantized(name)
    return Reference(
        compile_model(model, tiny.gradient_ranges(model, options.ranges), options)
    ), model


@pytest.mark.parametrize("mode", list(RangeMode))
@pytest.mark.parametrize("name", tiny.LAYERS)
def test_training_lowers_the_loss(name: str, mode: RangeMode) -> None:
    device, _ = trained(name, Options(ranges=mode, rate=0.1))
    clips = tiny.features(4, seed=5)

    def epoch() -> float:
        return sum(device.train_step(x, label) for label, x in enumerate(clips)) / 65536 / 4

    first = epoch()
    for _ in range(12):
        last = epoch()
    assert last < 0.7 * first
    assert [device.predict(x) for x in clips] == [0, 1, 2, 3]


@pytest.mark.parametrize("plan", ["head", "bias", "pw.w"])
def test_training_a_part_changes_that_part_alone(plan: str) -> None:
    device, _ = trained("plain", Options(train=plan, rate=0.05))
    before = dict(device.values)
    clips = tiny.features(4, seed=5)
    first = [device.train_step(x, label) for label, x in enumerate(clips)]
    for _ in range(12):
        last = [device.train_step(x, label) for label, x in enumerate(clips)]
    assert sum(last) < sum(first)
    weights = [name for name in before if name.endswith((".w", ".b"))]
    changed = {n for n in weights if not np.array_equal(before[n], device.values[n])}
    expected = {
        "head": {"logits.w", "logits.b"},
        "bias": {name for name in weights if name.endswith(".b")},
        "pw.w": {"pw.w"},
    }
    assert changed == expected[plan]


@pytest.mark.train
@pytest.mark.parametrize("name", tiny.LAYERS)
def test_calibration_runs_the_network_that_keras_runs(name: str) -> None:
    from myna.formats.keras import to_keras  # noqa: PLC0415

    model, x = tiny.float_model(name), tiny.features(6) * tiny.SCALE
    expected = to_keras(model).predict(x, verbose=0)
    found = np.stack([forward(model, sample)["logits"] for sample in x])
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


@pytest.mark.train
@pytest.mark.parametrize("name", tiny.LAYERS)
def test_gradients_point_where_float_autodiff_points(name: str) -> None:
    model = tiny.quantized(name, classes=len(tiny.LABELS))
    network = rounding_network(model)
    options = Options(ranges=RangeMode.DYNAMIC, store_all=True, rate=0.0)
    device = Reference(compile_model(model, {}, options))
    pairs: dict[str, list[tuple[Any, Any]]] = {}
    for label, x in enumerate(tiny.features(4, seed=10)):
        found = weight_gradients(device, model, x, label)
        expected = float_gradients(network, model, x[None], [label])
        assert found.keys() == expected.keys()
        for key, value in found.items():
            pairs.setdefault(key, []).append((value, expected[key]))
    for key, both in pairs.items():
        ours, theirs = (np.stack(part).reshape(-1) for part in zip(*both, strict=True))
        cosine = ours @ theirs / (np.linalg.norm(ours) * np.linalg.norm(theirs))
        length = np.linalg.norm(ours) / np.linalg.norm(theirs)
        assert cosine >= 0.995, f"{key}: cosine {cosine:.4f}"
        assert 0.97 < length < 1.03, f"{key}: {length:.3f} times as long"
