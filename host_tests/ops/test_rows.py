# SPDX-License-Identifier: Apache-2.0
"""How many rows of its input a layer waits for when it is computed row by row."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import pytest
from myna.ir import Array, Node, Tensor
from myna.ops.pool import AveragePool
from myna.ops.rows import Rows, kind_of


def layers() -> Iterator[tuple[Node, list[Tensor]]]:
    """Every layer of the cases that makes rows, and what it reads."""
    for case in Rows.cases():
        assert isinstance(case.op, Rows)
        tensors = {tensor.name: tensor for tensor in (*case.op.maps, *case.op.constants)}
        for node in case.op.layers:
            if not isinstance(node.op, AveragePool):
                yield node, [tensors.get(n, Tensor(n, (1,), "int32")) for n in node.inputs]


def drawn(rng: np.random.Generator, tensor: Tensor) -> Array:
    """Values that few results saturate with."""
    if tensor.dtype == "int32":
        return np.full(tensor.shape, 30 if "shift" in tensor.name else 1 << 24, np.int32)
    return rng.integers(-99, 100, tensor.shape).astype(tensor.dtype)


@pytest.mark.parametrize(
    ("node", "inputs"), [pytest.param(*pair, id=f"{i}") for i, pair in enumerate(layers())]
)
def test_a_row_waits_for_the_last_row_that_it_depends_on(node: Node, inputs: list[Tensor]) -> None:
    rng = np.random.default_rng(1)
    values = [drawn(rng, tensor) for tensor in inputs]
    before, height = node.op.reference(*values)[0], inputs[0].shape[0]
    last = np.zeros(before.shape[0], int)
    for row in range(height):
        changed = values[0].copy()
        changed[row] += 20
        after = node.op.reference(changed, *values[1:])[0]
        last[(after != before).any((1, 2))] = row
    _, stride, reach = kind_of(node)
    waits = np.minimum(np.arange(len(last)) * stride + reach, height - 1)
    assert last.tolist() == waits.tolist()
