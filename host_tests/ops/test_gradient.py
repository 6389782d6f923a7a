# SPDX-License-Identifier: Apache-2.0
"""Gradients are adjoints to the last bit; loss and update are what float says, rounded."""

from __future__ import annotations

import math
from contextlib import nullcontext
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from myna import fixed
from myna.errors import MynaError
from myna.fixed import IntArray
from myna.ir import Array, Quant, Tensor
from myna.ops.base import pair, pair_tensor
from myna.ops.codeword import CodewordLoss
from myna.ops.conv2d import Conv2DGradInput, Conv2DUpdate
from myna.ops.dense import DenseGradInput, DenseUpdate
from myna.ops.depthwise import DepthwiseGradInput, DepthwiseUpdate
from myna.ops.gradient import GradAdd
from myna.ops.layer import channel_weights
from myna.ops.loss import SoftmaxCrossEntropy, exp_table
from myna.ops.max_pool import MaxPool, MaxPoolGrad, routed
from myna.ops.pool import AveragePool, AveragePoolGrad, AveragePoolGradSum
from myna.ops.sgd import BIAS_MAX, MASTER_MAX, MASTER_MIN, BiasUpdate, UpdateInputs, update_weight
from myna.ops.squared_error import SquaredError
from myna.ops.window import Window

# -- exact adjoints on unrounded accumulators ------------------------------------------------------


@st.composite
def geometries(draw: st.DrawFn) -> tuple[tuple[int, int, int], Window, int, int]:
    """An input map, a window on it, a number of output channels, a seed."""
    h, w = draw(st.integers(1, 9)), draw(st.integers(1, 9))
    c, cout = draw(st.integers(1, 5)), draw(st.integers(1, 5))
    padding = draw(st.sampled_from(["same", "valid"]))
    limit = (h, w) if padding == "valid" else (5, 5)
    kernel = tuple(draw(st.integers(1, min(5, n))) for n in limit)
    strides = (draw(st.integers(1, 3)), draw(st.integers(1, 3)))
    window = Window.of((h, w), (kernel[0], kernel[1]), strides, padding)
    return (h, w, c), window, cout, draw(st.integers(0, 2**32 - 1))


def int8(rng: np.random.Generator, *shape: int) -> Array:
    return rng.integers(-127, 128, shape).astype(np.int8)


def dot(a: Array, b: Array) -> int:
    return int((a.astype(np.int64) * b.astype(np.int64)).sum())


def convolve(x: IntArray, w: Array, window: Window) -> IntArray:
    """A convolution from its definition, weights [cout, kh, kw, cin], no bias."""
    top, bottom, left, right = window.padding
    padded = np.pad(x, ((top, bottom), (left, right), (0, 0)))
    out_h, out_w = window.output(x.shape[0], x.shape[1])
    y = np.zeros((out_h, out_w, w.shape[0]), np.int64)
    for i in range(out_h):
        for j in range(out_w):
            row, column = i * window.strides[0], j * window.strides[1]
            patch = padded[row : row + window.kernel[0], column : column + window.kernel[1]]
            y[i, j] = (patch[None] * w.astype(np.int64)).sum(axis=(1, 2, 3))
    return y


@given(geometry=geometries(), zero=st.integers(-128, 127))
def test_conv2d_gradients_are_adjoints(geometry: Any, zero: int) -> None:
    shape, window, cout, seed = geometry
    rng = np.random.default_rng(seed)
    x, w = int8(rng, *shape), int8(rng, cout, *window.kernel, shape[2])
    channel = rng.integers(1, 257, cout).astype(np.int16)
    centred = x.astype(np.int64) - zero
    y = convolve(centred, w, window)
    dy = int8(rng, *y.shape)
    dx = Conv2DGradInput(((0, 0),), window, shape).accumulate(dy, w, channel)
    assert dot(y * channel, dy) == dot(centred, dx)
    dw = Conv2DUpdate(window, zero, 0).accumulate(x, dy)
    assert dot(y, dy) == dot(w, dw)


@given(geometry=geometries(), zero=st.integers(-128, 127))
def test_depthwise_gradients_are_adjoints(geometry: Any, zero: int) -> None:
    shape, window, _, seed = geometry
    rng = np.random.default_rng(seed)
    x, w = int8(rng, *shape), int8(rng, *window.kernel, shape[2])
    channel = rng.integers(1, 257, shape[2]).astype(np.int16)
    centred = x.astype(np.int64) - zero
    alone = [convolve(centred[..., [c]], w[None, :, :, [c]], window) for c in range(shape[2])]
    y = np.concatenate(alone, axis=2)
    dy = int8(rng, *y.shape)
    dx = DepthwiseGradInput(((0, 0),), window, shape).accumulate(dy, w, channel)
    assert dot(y * channel, dy) == dot(centred, dx)
    dw = DepthwiseUpdate(window, zero, 0).accumulate(x, dy)
    assert dot(y, dy) == dot(w, dw)


@given(inputs=st.integers(1, 70), units=st.integers(1, 20), seed=st.integers(0, 2**32 - 1))
def test_dense_gradients_are_adjoints(inputs: int, units: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    x, w, dy = int8(rng, inputs), int8(rng, units, inputs), int8(rng, units)
    channel, zero = rng.integers(1, 257, units).astype(np.int16), -128
    centred = x.astype(np.int64) - zero
    y = w.astype(np.int64) @ centred
    dx = DenseGradInput(((0, 0),), (inputs,)).accumulate(dy, w, channel)
    assert dot(y * channel, dy) == dot(centred, dx)
    assert dot(y, dy) == dot(w, DenseUpdate(zero, 0).accumulate(x, dy))


@given(
    pool=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    tiles=st.tuples(st.integers(1, 3), st.integers(1, 3), st.integers(1, 4)),
    seed=st.integers(0, 2**32 - 1),
)
def test_pool_gradient_is_the_adjoint_of_the_sum(pool: Any, tiles: Any, seed: int) -> None:
    rng = np.random.default_rng(seed)
    shape = (pool[0] * tiles[0], pool[1] * tiles[1], tiles[2])
    x, dy = int8(rng, *shape), int8(rng, *tiles)
    sums = x.astype(np.int64).reshape(tiles[0], pool[0], tiles[1], pool[1], tiles[2])
    (dx,) = AveragePoolGrad(pool, shape).reference(dy)
    assert dot(sums.sum(axis=(1, 3)), dy) == dot(x, dx)
    (mean,) = AveragePool(Window(pool, pool)).reference(x)
    assert np.abs(mean - sums.mean(axis=(1, 3))).max() <= 0.5


def seen_by(x: Array, window: Window, i: int, j: int) -> Array:
    """What the window at (i, j) sees of a map [h, w, c], from the definition."""
    row = i * window.strides[0] - window.padding[0]
    column = j * window.strides[1] - window.padding[2]
    rows = slice(max(row, 0), row + window.kernel[0])
    return x[rows, max(column, 0) : column + window.kernel[1]]


@given(geometry=geometries())
def test_means_of_windows_and_their_gradients(geometry: Any) -> None:
    shape, window, _, seed = geometry
    rng = np.random.default_rng(seed)
    x = int8(rng, *shape)
    (y,) = AveragePool(window).reference(x)
    dy = int8(rng, *y.shape)
    op = AveragePoolGradSum.of(1.0, window, shape)
    dx, expected = op.accumulate(dy), np.zeros(shape)
    for i, j in np.ndindex(y.shape[:2]):
        part = seen_by(x, window, i, j)
        count = part.shape[0] * part.shape[1]
        assert np.abs(y[i, j] - part.mean(axis=(0, 1))).max() <= 0.5
        seen_by(expected, window, i, j)[...] += dy[i, j] / count  # a view
    assert np.abs(dx / op.unit - expected).max() <= 127 * window.overlap / op.unit
    assert 128 * window.overlap * op.unit <= 2**31 - 1


def test_a_pool_whose_gradient_could_overflow_is_refused() -> None:
    for side, refused in ((63, False), (64, True)):
        window = Window((side, side))
        with nullcontext() if not refused else pytest.raises(MynaError, match="int32"):
            AveragePoolGradSum.of(1.0, window, (100, 100, 1))
    last = Window((221, 241), (15, 12))  # 15 * 21 windows see an element: 53,261 units remain
    assert AveragePoolGradSum.of(1.0, last, (442, 482, 1)).unit == 221 * 241


@given(geometry=geometries(), equal=st.booleans())
def test_maxima_of_windows_and_their_gradients(geometry: Any, equal: bool) -> None:
    shape, window, _, seed = geometry
    rng = np.random.default_rng(seed)
    x = rng.integers(-128, -126 if equal else 128, shape).astype(np.int8)
    (y,) = MaxPool(window).reference(x)
    dy, expected = int8(rng, *y.shape), np.zeros(shape, np.int64)
    for i, j, c in np.ndindex(y.shape):
        part = seen_by(x, window, i, j)[..., c]
        assert y[i, j, c] == part.max()
        row, column = np.unravel_index(part.argmax(), part.shape)
        seen_by(expected, window, i, j)[row, column, c] += dy[i, j, c]
    assert np.array_equal(routed(window, dy, x), expected)
    if window.overlap == 1:
        assert np.array_equal(MaxPoolGrad(window).reference(dy, x, y)[0], expected)


@given(scales=st.lists(st.floats(1e-6, 1.0), min_size=1, max_size=8), terms=st.integers(1, 133000))
def test_channel_weights_cannot_overflow(scales: list[float], terms: int) -> None:
    channel, unit = channel_weights(tuple(scales), terms)
    assert terms * 127 * 127 * int(channel.max()) <= 2**31 - 1
    assert np.abs(channel * unit - np.array(scales)).max() <= 0.5 * unit * 1.001


def test_an_input_gradient_that_could_overflow_is_refused() -> None:
    with pytest.raises(MynaError, match="int32"):
        channel_weights((1.0,), 2**31 // 127**2 + 1)


# -- requantization of gradients -------------------------------------------------------------------


@given(
    values=st.lists(st.integers(-(2**31), 2**31 - 1), min_size=1, max_size=20),
    scale=st.floats(1e-6, 10),
    out=st.floats(1e-6, 10),
)
def test_gradients_are_quantized_to_their_scale(
    values: list[int], scale: float, out: float
) -> None:
    op = DenseGradInput((fixed.pair_from_float(0.3),), (len(values),))
    accumulator = np.array(values, np.int64)
    quantized, peak = op.requantized(accumulator, pair_tensor(scale), pair_tensor(out))
    real = accumulator * (0.3 * scale / out)
    tolerance = 0.5001 + np.abs(real) * 2**-28
    assert (np.abs(quantized - np.clip(real, -127, 127)) <= tolerance).all()
    expected = min(np.abs(real).max(), 2**31 - 1)
    assert abs(int(peak[0]) - expected) <= 0.5001 + expected * 2**-28
    assert quantized.min() >= -127


def test_a_zero_scale_gives_a_zero_gradient() -> None:
    op = DenseGradInput((fixed.pair_from_float(1.0),), (2,))
    for scale, out in ((0.0, 1.0), (1.0, 0.0), (0.0, 0.0)):
        result = op.requantized(np.array([5, -(2**31)]), pair_tensor(scale), pair_tensor(out))
        assert not np.concatenate(result).any()


@given(a=st.integers(-127, 127), b=st.integers(-127, 127), s=st.floats(1e-3, 1e3))
def test_sum_of_gradients_is_rounded_once(a: int, b: int, s: float) -> None:
    op = GradAdd((fixed.pair_from_float(0.7), fixed.pair_from_float(1.3)))
    arrays = (np.array([v], np.int8) for v in (a, b))
    total, peak = op.reference(*arrays, pair_tensor(2.0), pair_tensor(0.5), pair_tensor(s))
    real = (a * 1.4 + b * 0.65) / s
    assert abs(int(total[0]) - np.clip(real, -127, 127)) <= 0.5 + 2 / 256
    assert abs(int(peak[0]) - abs(real)) <= 0.5 + 2 / 256


# -- the loss --------------------------------------------------------------------------------------


def float_loss(logits: Any, label: int) -> float:
    shifted = logits - logits.max()
    return float(np.log(np.exp(shifted).sum()) - shifted[label])


@settings(max_examples=200)
@given(
    logits=st.lists(st.integers(-128, 127), min_size=2, max_size=20),
    scale=st.floats(0.02, 0.3),
    data=st.data(),
)
def test_loss_and_its_gradient_are_those_of_float(
    logits: list[int], scale: float, data: st.DataObject
) -> None:
    active = data.draw(st.integers(1, len(logits)))
    label = data.draw(st.integers(0, active - 1))
    scalars = (np.array([v], np.int32) for v in (label, active))
    target, classes = scalars
    gradient, unit, loss = SoftmaxCrossEntropy().reference(
        np.array(logits, np.int8), target, exp_table(scale), classes
    )
    real = scale * np.array(logits[:active], float)
    # exponentials are integers in Q24: the last few are coarse, those below one count as one
    gap = min(float(real.max() - real[label]), 24 * math.log(2))
    expected = gap + math.log(np.exp(real - real.max()).sum())
    assert abs(int(loss[0]) / 65536 - expected) <= 0.001 + math.exp(gap) / 2**24
    step = 1e-5
    slope = [
        (float_loss(real + step * e, label) - float_loss(real - step * e, label)) / (2 * step)
        for e in np.eye(active)
    ]
    found = gradient[:active] * fixed.pair_to_float(pair(unit))
    top = max(np.abs(slope))
    assert np.abs(found - slope).max() <= top * 0.5 / 127 + 1e-6
    assert not gradient[active:].any()


@given(
    scales=st.tuples(st.floats(1e-3, 10), st.floats(1e-3, 10)),
    zeros=st.tuples(st.integers(-128, 127), st.integers(-128, 127)),
    count=st.integers(1, 30),
    seed=st.integers(0, 2**32 - 1),
)
def test_squared_error_and_its_gradient_are_those_of_float(
    scales: tuple[float, float], zeros: tuple[int, int], count: int, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    arrays = [rng.integers(-128, 128, count).astype(np.int8) for _ in range(2)]
    tensors = [
        Tensor("", (count,), "int8", quant=Quant((scale,), zero))
        for scale, zero in zip(scales, zeros, strict=True)
    ]
    gradient, unit, loss = SquaredError.of(tensors[0], tensors[1]).reference(*arrays)
    y, x = (
        scale * (array.astype(float) - zero)
        for scale, zero, array in zip(scales, zeros, arrays, strict=True)
    )
    slope, coarse = 2 * (y - x) / count, max(scales)
    rounded = 255 * coarse / 2**16  # a scale counts whole 1/65536 of the larger one
    top = np.abs(slope).max()
    found = gradient * fixed.pair_to_float(pair(unit))
    assert np.abs(found - slope).max() <= top * 0.5 / 127 + 4 * rounded / count
    assert np.abs(gradient).max() == 127 or not top
    real = float(((y - x) ** 2).mean())
    allowed = coarse**2 / 2**13 + 2 * rounded * (math.sqrt(real) + rounded) + 2**-16
    assert abs(int(loss[0]) / 65536 - min(real, 2**15)) <= allowed


@given(
    step=st.floats(0.01, 1),
    zero=st.integers(-27, 26),
    length=st.integers(1, 255),
    towards=st.floats(0, 1),
    seed=st.integers(0, 2**32 - 1),
)
def test_codeword_loss_and_its_gradient_are_those_of_float(
    step: float, zero: int, length: int, towards: float, seed: int
) -> None:
    rng = np.random.default_rng(seed)
    codeword = rng.choice(np.array([-1, 1], np.int8), length)
    real = rng.normal(2 * towards, 1, length) * codeword  # some users are recognized, some are not
    z = np.clip(np.rint(real / step) + zero, -128, 127).astype(np.int8)
    op = CodewordLoss.of(Tensor("", (length,), "int8", quant=Quant((step,), zero)))
    gradient, unit, loss = op.reference(z, codeword)
    along = codeword * (z.astype(float) - zero) * step
    expected = np.maximum(1 - along, 0).mean()
    # the target is a whole number of steps: it is off by a half at most, and so is every hinge
    off = abs(op.target * step - 1)
    assert off <= step / 2 + 1e-9
    assert abs(int(loss[0]) / 65536 - expected) <= (2 + expected) * off + 2**-16
    found = gradient * fixed.pair_to_float(pair(unit))
    clear = np.abs(along - 1) > off
    slope = np.where(along < 1, -codeword / length, 0)
    assert np.abs(found - slope)[clear].max(initial=0) <= 1e-6 / length


@pytest.mark.parametrize(("step", "zero"), [(1 / 128, 0), (1 / 32, 100), (1 / 32, -100), (1.5, 0)])
def test_outputs_that_cannot_show_a_codeword_are_refused(step: float, zero: int) -> None:
    with pytest.raises(MynaError, match="cannot show a codeword"):
        CodewordLoss.of(Tensor("z", (63,), "int8", quant=Quant((step,), zero)))


# -- the update ------------------------------------------------------------------------------------


def shared(step: int, rate: float, channels: int = 1) -> UpdateInputs:
    steps = np.array([fixed.pair_from_float(1.0)] * channels, np.int32)
    seed, count = np.array([3], np.int32), np.array([step], np.int32)
    return UpdateInputs(pair_tensor(1.0), steps, pair_tensor(rate), seed, count)


@pytest.mark.parametrize("delta", [0.25, -0.4, 3.7, -12.1])
def test_stochastic_rounding_is_unbiased(delta: float) -> None:
    accumulator = np.ones((1, 20000), np.int64)
    found = np.stack(
        [shared(step, abs(delta)).deltas(accumulator * int(np.sign(delta)), 9) for step in range(5)]
    )
    assert set(np.unique(found)) <= {math.floor(delta), math.ceil(delta)}
    assert abs(found.mean() - delta) < 0.005  # a standard error is 0.0016
    assert not np.array_equal(found[0], found[1])


def test_whole_steps_are_not_dithered() -> None:
    deltas = shared(0, 1.0).deltas(np.array([[5, -3, 0]]), 1)
    assert deltas.tolist() == [[5, -3, 0]]


def test_each_output_channel_has_its_own_step() -> None:
    inputs = shared(0, 1.0, 3)
    inputs.steps[1] = fixed.pair_from_float(2.0)
    inputs.steps[2] = (0, 0)
    accumulator = np.full((3, 2), 4)
    assert inputs.deltas(accumulator, 1).tolist() == [[4, 4], [8, 8], [0, 0]]
    assert inputs.deltas(accumulator.T, 1, axis=1).tolist() == [[4, 8, 0], [4, 8, 0]]


@given(w=st.integers(-127, 127), r=st.integers(-128, 127), delta=st.integers(-(2**15), 2**15))
def test_master_saturates_and_splits_into_planes(w: int, r: int, delta: int) -> None:
    high, low = update_weight(np.array([w], np.int8), np.array([r], np.int8), np.array([delta]))
    master = 256 * int(high[0]) + int(low[0])
    assert master == min(max(256 * w + r - delta, MASTER_MIN), MASTER_MAX)
    assert -127 <= high[0] <= 127
    assert abs(int(high[0]) - master / 256) <= 0.5


def test_bias_update_adds_up_positions_and_saturates() -> None:
    dy = np.array([[1, 2], [3, 100]], np.int8)  # pushes the second bias over its limit
    bias = np.array([10, -BIAS_MAX], np.int32)
    scalars = (np.array([v], np.int32) for v in (1, 1))
    steps = np.array([fixed.pair_from_float(1.0)] * 2, np.int32)
    inputs = (dy, pair_tensor(1.0), steps, pair_tensor(1.0), *scalars, bias)
    (updated,) = BiasUpdate(0).reference(*inputs)
    assert updated.tolist() == [6, -BIAS_MAX]
