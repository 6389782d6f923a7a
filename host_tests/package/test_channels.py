# SPDX-License-Identifier: Apache-2.0
"""Channels of files that came from elsewhere: within Myna's bounds, with the same results."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from myna import fixed
from myna.errors import MynaError
from myna.ir import Array
from myna.ops.conv2d import Conv2D
from myna.ops.depthwise import DepthwiseConv2D
from myna.package.channels import rescale_channels
from myna.passes.lowering.lower import lower
from myna.passes.lowering.quantize import QuantizedModel
from support import tiny

CHANNEL = 3


def with_channel(name: str, w: int | None, bias: int, factor: float) -> QuantizedModel:
    """A layer with one channel changed: its weights all alike, its scale times a factor."""
    model = tiny.quantized("plain")
    weights, scales, biases = (
        part[name].copy() for part in (model.weights, model.scales, model.biases)
    )
    if w is not None:
        weights[(..., CHANNEL) if name == "dw" else CHANNEL] = w
    biases[CHANNEL] = bias
    scales[CHANNEL] *= np.float32(factor)
    return replace(
        model,
        weights={**model.weights, name: weights},
        scales={**model.scales, name: scales},
        biases={**model.biases, name: biases},
    )


def results(model: QuantizedModel, name: str, original: QuantizedModel) -> tuple[Array, Array]:
    """The channel's outputs for random inputs, as fitted, and by TensorFlow Lite's formula."""
    graph = lower(model)
    node = next(node for node in graph.nodes if node.name == name)
    op = node.op
    assert isinstance(op, Conv2D | DepthwiseConv2D)
    x_tensor, y_tensor = graph.tensors[node.inputs[0]], graph.tensors[name]
    constants = [c for n in node.inputs[1:] if (c := graph.tensors[n].data) is not None]
    factors = x_tensor.scale * original.scales[name].astype(float) / y_tensor.scale
    pairs = np.array([fixed.requantize_multiplier(f) for f in factors])
    given = (original.weights[name], original.biases[name].astype(np.int64), *pairs.T)
    rng = np.random.default_rng(1)
    maps = rng.integers(-128, 128, (40, *x_tensor.shape)).astype(np.int8)
    found, expected = (
        np.stack([op.reference(x, *rest)[0][..., CHANNEL] for x in maps])
        for rest in (constants, given)
    )
    return found, expected


@pytest.mark.parametrize("name", ["pw", "dw"])
@pytest.mark.parametrize(
    ("w", "bias", "factor"),
    [(0, 2**30, 3e-7), (0, -(2**30), 1e-6), (1, -(2**30), 1e-5), (0, -(2**31), 1e-9)],
)
def test_a_channel_that_is_constant_gets_a_bias_that_fits(
    name: str, w: int, bias: int, factor: float
) -> None:
    original = with_channel(name, w, bias, factor)
    with pytest.raises(MynaError, match="sums can overflow"):
        lower(original)
    fitted = rescale_channels(original)
    assert not fitted.rounded
    found, expected = results(fitted.model, name, original)
    assert np.array_equal(found, expected)
    assert len(np.unique(found)) == 1
    assert fitted.model.scales[name][CHANNEL] == pytest.approx(
        np.delete(original.scales[name], CHANNEL).max() / 64
    )


def test_a_channel_that_hardly_depends_on_its_input_is_rounded_and_named() -> None:
    bias = 2**29 + 2**27
    original = with_channel("pw", None, bias, 1.0)
    unit = original.quants["pw"].scale[0] / original.quants["dw"].scale[0]
    original.scales["pw"][CHANNEL] = np.float32(50.5 * unit / bias)  # between two results
    fitted = rescale_channels(original)
    assert fitted.rounded == (f"pw[{CHANNEL}]",)
    assert fitted.model.biases["pw"][CHANNEL] == 5 * 2**26
    found, expected = results(fitted.model, "pw", original)
    assert np.abs(found.astype(int) - expected).max() <= 1
    assert len(np.unique(expected)) == 2


def test_a_channel_that_is_scaled_up_gets_a_finer_scale() -> None:
    original = with_channel("pw", 0, -200, 1.0)
    original.weights["pw"][CHANNEL, ..., :2] = 2
    own = original.quants["pw"].scale[0] / original.quants["dw"].scale[0]
    original.scales["pw"][CHANNEL] = np.float32(3.1 * own)  # a shift of 2
    with pytest.raises(MynaError, match="scales its accumulator up"):
        lower(original)
    fitted = rescale_channels(original)
    assert (fitted.model.weights["pw"][CHANNEL, ..., :2] == 8).all()
    assert fitted.model.biases["pw"][CHANNEL] == -800
    found, expected = results(fitted.model, "pw", original)
    assert np.array_equal(found, expected)
    assert len(np.unique(found)) > 5


def test_a_channel_without_weights_can_be_trained() -> None:
    fitted = rescale_channels(with_channel("pw", 0, 12, 1e-7))
    scales = fitted.model.scales["pw"]
    assert scales[CHANNEL] == pytest.approx(np.delete(scales, CHANNEL).max() / 64)


def test_what_fits_stays_as_it_is() -> None:
    for name in tiny.LAYERS:
        model = tiny.quantized(name, classes=len(tiny.LABELS))
        fitted = rescale_channels(model)
        assert not fitted.rounded
        for before, after in (
            (model.weights, fitted.model.weights),
            (model.scales, fitted.model.scales),
            (model.biases, fitted.model.biases),
        ):
            for key, array in before.items():
                assert after[key].dtype == array.dtype
                assert np.array_equal(after[key], array)


@pytest.mark.parametrize("factor", [1e4, 1e30])
def test_what_cannot_fit_is_left_to_lowering(factor: float) -> None:
    original = with_channel("pw", None, 0, factor)
    with pytest.raises(MynaError, match="scales its accumulator up"):
        lower(rescale_channels(original).model)
