# SPDX-License-Identifier: Apache-2.0
"""The kernels that are counted one by one, in the shapes that the literature uses.

Layers are those of the DS-CNN of MLPerf Tiny (Banbury et al. 2021): 25×5 maps of 64 channels.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np

from myna import fixed
from myna.ir import Array
from myna.ops.base import Case, pair_tensor
from myna.ops.conv2d import Conv2D, Conv2DGradInput, Conv2DUpdate
from myna.ops.coupling import Couple, Uncouple
from myna.ops.dense import Dense, DenseGradInput, DenseUpdate
from myna.ops.depthwise import DepthwiseConv2D, DepthwiseGradInput, DepthwiseUpdate
from myna.ops.gradient import ClampGrad, GradAdd
from myna.ops.pool import AveragePool
from myna.ops.requantize import Requantize
from myna.ops.sgd import BiasUpdate, shared_inputs
from myna.ops.window import Window

MAP, CHANNELS, CLASSES = (25, 5), 64, 12
# between rectified activations
LAYER: dict[str, Any] = {"x_zero": -128, "y_zero": -128, "low": -128, "high": 127}
FACTOR = (fixed.pair_from_float(1e-4),)

Shape = tuple[int, ...]


def cases() -> Iterator[Case]:
    """Every case, named ``<layer> <pass>``."""
    rng = np.random.default_rng(0)
    yield from _convolution(rng, "pointwise", (*MAP, CHANNELS), (1, 1), (1, 1))
    yield from _depthwise(rng, "depthwise", (*MAP, CHANNELS), (3, 3))
    yield from _convolution(rng, "stem", (49, 10, 1), (10, 4), (2, 2))
    yield from _convolution(rng, "square", (13, 5, 32), (3, 3), (1, 1))
    yield from _dense(rng, CHANNELS, CLASSES)
    yield from _elementwise(rng, (*MAP, CHANNELS))


def _int8(rng: np.random.Generator, shape: Shape) -> Array:
    return rng.integers(-127, 128, shape).astype(np.int8)


def _scales() -> tuple[Array, Array]:
    """Of the incoming and of the outgoing gradient."""
    return pair_tensor(1e-3), pair_tensor(0.02)


def _gradient_data(
    rng: np.random.Generator, dy: Array, w: Array, channels: int
) -> tuple[Array, ...]:
    channel = rng.integers(8, 257, channels).astype(np.int16)
    return (dy, w, channel, *_scales())


def _update_data(rng: np.random.Generator, x: Array, dy: Array, w: Array) -> tuple[Array, ...]:
    residual = _int8(rng, w.shape)
    return (x, dy, *shared_inputs(rng, dy.shape[-1], 0.1), w, residual)


def _convolution(
    rng: np.random.Generator, name: str, shape: Shape, kernel: Shape, strides: Shape
) -> Iterator[Case]:
    window = Window.of(
        (shape[0], shape[1]), (kernel[0], kernel[1]), (strides[0], strides[1]), "same"
    )
    x, w = _int8(rng, shape), _int8(rng, (CHANNELS, *kernel, shape[2]))
    dy = _int8(rng, (*window.output(*shape[:2]), CHANNELS))
    rest = Conv2D.example_rest(rng, CHANNELS, w.size // CHANNELS)
    yield Case(f"{name} forward", Conv2D(**LAYER, window=window), (x, w, *rest))
    gradient = Conv2DGradInput(FACTOR, window, shape)
    yield Case(f"{name} grad_input", gradient, _gradient_data(rng, dy, w, CHANNELS))
    update = Conv2DUpdate(window, LAYER["x_zero"], 1)
    yield Case(f"{name} update", update, _update_data(rng, x, dy, w), updates=(7, 8))


def _depthwise(rng: np.random.Generator, name: str, shape: Shape, kernel: Shape) -> Iterator[Case]:
    window = Window.of((shape[0], shape[1]), (kernel[0], kernel[1]), (1, 1), "same")
    x, w, dy = _int8(rng, shape), _int8(rng, (*kernel, shape[2])), _int8(rng, shape)
    rest = DepthwiseConv2D.example_rest(rng, shape[2], kernel[0] * kernel[1])
    yield Case(f"{name} forward", DepthwiseConv2D(**LAYER, window=window), (x, w, *rest))
    gradient = DepthwiseGradInput(FACTOR, window, shape)
    yield Case(f"{name} grad_input", gradient, _gradient_data(rng, dy, w, shape[2]))
    update = DepthwiseUpdate(window, LAYER["x_zero"], 2)
    yield Case(f"{name} update", update, _update_data(rng, x, dy, w), updates=(7, 8))


def _dense(rng: np.random.Generator, inputs: int, units: int) -> Iterator[Case]:
    x, w, dy = _int8(rng, (inputs,)), _int8(rng, (units, inputs)), _int8(rng, (units,))
    rest = Dense.example_rest(rng, units, inputs)
    yield Case("head forward", Dense(**LAYER), (x, w, *rest))
    gradient = DenseGradInput(FACTOR, (inputs,))
    yield Case("head grad_input", gradient, _gradient_data(rng, dy, w, units))
    update = DenseUpdate(LAYER["x_zero"], 3)
    yield Case("head update", update, _update_data(rng, x, dy, w), updates=(7, 8))


def _elementwise(rng: np.random.Generator, shape: Shape) -> Iterator[Case]:
    a, b, wide = _int8(rng, shape), _int8(rng, shape), rng.integers(-9999, 9999, shape)
    stream, branch = wide.astype(np.int16), (*fixed.requantize_multiplier(23.7), -128)
    narrow = fixed.requantize_multiplier(0.004)
    limits = (-32768, 32767)
    yield Case("narrow", Requantize("int16", "int8", *narrow, 0, -128, -128, 127), (stream,))
    yield Case("widen", Requantize("int8", "int16", *branch, 0, *limits), (a,))
    wraps = np.zeros(1, np.int32)
    yield Case("couple", Couple(*branch), (stream, a, wraps), updates=(2,))
    yield Case("uncouple", Uncouple(*branch), (stream, a))
    yield Case("average pool", AveragePool(Window(MAP, MAP)), (a,))
    yield Case("clamp grad", ClampGrad(-128, 127), (a, b))
    scales = (pair_tensor(1e-3), pair_tensor(2e-3), pair_tensor(2e-3))
    yield Case("grad add", GradAdd((FACTOR[0], FACTOR[0])), (a, b, *scales))
    bias = rng.integers(-(2**16), 2**16, shape[2]).astype(np.int32)
    inputs = (a, *shared_inputs(rng, shape[2], 1e3), bias)
    yield Case("bias update", BiasUpdate(4), inputs, updates=(6,))
