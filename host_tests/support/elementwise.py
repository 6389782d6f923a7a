# SPDX-License-Identifier: Apache-2.0
"""Random graphs of elementwise ops, many of which may work in place."""

from __future__ import annotations

from hypothesis import strategies as st
from myna.ir import Builder, Graph, Kind, Tensor
from myna.names import LOSS
from myna.ops.base import pair_tensor
from myna.ops.gradient import ClampGrad, GradAdd


@st.composite
def graphs(draw: st.DrawFn, sizes: tuple[int, ...], most: int, *, backward: bool) -> Graph:
    """Chains and sums of values of some sizes.

    Args:
        draw: given by Hypothesis.
        sizes: of the inputs, one of each; values of one size meet each other.
        most: nodes beside the loss.
        backward: whether these nodes follow the loss, or come before it.
    """
    build = Builder(Graph("random", {}, (), ()))
    scale = build.const("scale", pair_tensor(1.0))
    names = {n: [build.tensor(Tensor(f"input{n}", (n,), "int8", Kind.INPUT))] for n in sizes}

    def pick() -> tuple[str, str, int]:
        size = draw(st.sampled_from(sizes))
        first, second = (draw(st.sampled_from(names[size])) for _ in range(2))
        return first, second, size

    def lose() -> None:
        build.node(LOSS, ClampGrad(0, 5), pick()[:2], (LOSS,))

    if backward:
        lose()
    for i in range(draw(st.integers(1, most))):
        a, b, size = pick()
        if draw(st.booleans()):
            build.node(f"n{i}", ClampGrad(0, 5), (a, b), (f"v{i}",))
        else:
            op = GradAdd(((0, 0), (0, 0)))
            build.node(f"n{i}", op, (a, b, scale, scale, scale), (f"v{i}", f"p{i}"))
        names[size].append(f"v{i}")
    if not backward:
        lose()
    values = [n for n, tensor in build.tensors.items() if tensor.kind is Kind.VALUE and n != LOSS]
    build.outputs = [*draw(st.lists(st.sampled_from(values), max_size=2, unique=True)), LOSS]
    return build.build()
