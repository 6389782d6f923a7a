# SPDX-License-Identifier: Apache-2.0
"""Trained weights of one byte: the residuals of some layers give way to one plane for all."""

from __future__ import annotations

import zlib
from collections.abc import Sequence

import numpy as np

from myna.errors import MynaError
from myna.ir import Builder, Graph
from myna.names import RESIDUAL, SEED, STEP
from myna.ops.rounding import RoundWeight


def share_residual(graph: Graph, layers: Sequence[str]) -> Graph:
    """The same training step, in which the weights of `layers` keep no residual.

    Raises:
        MynaError: a layer's weights are not trained, or keep none already.
    """
    if not layers:
        return graph
    own = {f"{layer}.w.residual": f"{layer}.w" for layer in layers}
    if missing := [name for name in own if name not in graph.tensors]:
        where = f"layer {missing[0].removesuffix('.w.residual')}"
        raise MynaError("its weights are not trained", where=where)
    build = Builder(graph)
    build.nodes = []
    build.state(RESIDUAL, np.zeros(max(graph.tensors[w].size for w in own.values()), np.int8))
    for node in graph.nodes:
        residual = own.keys() & set(node.outputs)
        if not residual:
            build.nodes.append(node)
            continue
        weight = own[residual.pop()]
        inputs = (*node.inputs[:-1], RESIDUAL)
        build.node(node.name, node.op, inputs, (weight, RESIDUAL))
        tag = zlib.crc32(f"{weight}.round".encode()) & 0x7FFFFFFF
        op = RoundWeight(tag)
        build.node(f"{weight}.round", op, (SEED, STEP, weight, RESIDUAL), (weight, RESIDUAL))
    for name in own:
        del build.tensors[name]
    return build.build()
