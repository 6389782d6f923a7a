# SPDX-License-Identifier: Apache-2.0
"""No value reaches a C struct whose field cannot hold it."""

from __future__ import annotations

import numpy as np
import pytest
from myna.codegen.fields import check_fields, limits
from myna.errors import MynaError
from myna.frontend.model import FloatModel
from myna.ir import Graph, Tensor
from myna.layers.base import Layer
from myna.ops.base import Op
from myna.ops.table import OPS
from myna.passes.lowering.lower import lower
from support import tiny

SIDE = 300


@pytest.mark.parametrize("op", OPS, ids=lambda op: op.__name__)
def test_every_parameter_of_every_op_has_a_field(op: type[Op]) -> None:
    for case in op.cases():
        inputs = tuple(
            Tensor(f"i{i}", array.shape, str(array.dtype)) for i, array in enumerate(case.inputs)
        )
        kinds = case.op.infer(*inputs)
        outputs = tuple(Tensor(f"o{i}", *kind) for i, kind in enumerate(kinds))
        check_fields(case.op.struct, case.op.params(inputs, outputs), case.name)


@pytest.mark.parametrize(
    ("kind", "low", "high"),
    [("uint8_t", 0, 255), ("int16_t", -32768, 32767), ("uint32_t", 0, 2**32 - 1)],
)
def test_a_field_holds_its_limits_and_no_more(kind: str, low: int, high: int) -> None:
    assert limits(kind) == (low, high)


@pytest.mark.parametrize("value", [-1, 256])
def test_what_does_not_fit_is_refused_with_field_and_node(value: int) -> None:
    with pytest.raises(MynaError, match=rf"node stem.*kernel_h {value}, its kernel takes 0 to 255"):
        check_fields("conv2d", {"window.kernel_h": value}, "node stem")


def _side_by_side(op: str) -> Graph:
    """A network with windows of SIDE rows, side by side."""
    window = {"strides": [SIDE, 1], "padding": "valid"}
    kernel = {"kernel": [SIDE, 1], "activation": "linear"}
    attrs = {
        "conv2d": {**window, **kernel, "filters": 2},
        "depthwise_conv2d": {**window, **kernel},
        "max_pool": {**window, "pool": [SIDE, 1]},
        "average_pool": {**window, "pool": [SIDE, 1]},
    }[op]
    dense = {"units": len(tiny.LABELS), "activation": "linear"}
    layers = (
        Layer("wide", op, ("features",), attrs),
        Layer("flat", "flatten", ("wide",), {}),
        Layer("logits", "dense", ("flat",), dense),
    )
    shape = (2 * SIDE, 1, 1)
    model = FloatModel("wide", tiny.LABELS, {}, "features", shape, layers, "logits")
    maps = np.random.default_rng(1).integers(-100, 101, (4, *shape)).astype(np.int8)
    return lower(tiny.quantize_over(tiny.with_random_weights(model), maps))


@pytest.mark.parametrize("op", ["conv2d", "depthwise_conv2d", "max_pool"])
def test_windows_beyond_a_byte_are_refused_though_they_lie_side_by_side(op: str) -> None:
    with pytest.raises(MynaError, match=r"wide.*beyond 255"):
        _side_by_side(op)


def test_means_of_windows_side_by_side_may_be_wide() -> None:
    assert _side_by_side("average_pool").nodes
