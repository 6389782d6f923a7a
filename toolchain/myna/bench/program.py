# SPDX-License-Identifier: Apache-2.0
"""Test cases of ops as nodes of a program, so that any firmware can run them."""

from __future__ import annotations

from collections.abc import Iterable

from myna.ir import Builder, Graph, Node
from myna.ops.base import Case

PREFIX = "case "  # of the nodes


def with_cases(step: Graph, cases: Iterable[Case]) -> Graph:
    """The cases in front of a training step; constants as inputs, state where they update."""
    build = Builder(Graph("cases", step.tensors, (), step.outputs))
    for case in cases:
        add_case(build, case)
    build.nodes += step.nodes
    return build.build()


def add_case(build: Builder, case: Case) -> Node:
    """A node that runs one case."""
    inputs = []
    for i, array in enumerate(case.inputs):
        declare = build.state if i in case.updates else build.const
        inputs.append(declare(f"{case.name}.{i}", array))
    count = len(case.op.infer(*(build.tensors[name] for name in inputs)))
    values = [f"{case.name}.out{i}" for i in range(count - len(case.updates))]
    outputs = [*values, *(inputs[i] for i in case.updates)]
    node = Node(f"{PREFIX}{case.name}", case.op, tuple(inputs), tuple(outputs))
    build.node(node.name, node.op, node.inputs, node.outputs)
    return node
