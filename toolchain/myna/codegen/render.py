# SPDX-License-Identifier: Apache-2.0
"""Tensors and nodes as C."""

from __future__ import annotations

from collections.abc import Callable
from textwrap import fill

from myna.codegen.fields import check_fields
from myna.codegen.text import identifier, remark
from myna.ir import Array, Graph, Node, Tensor

LINE = 100  # characters
CONST = "const_"  # in front of a constant's name
C_TYPES = {"int8": "int8_t", "int16": "int16_t", "int32": "int32_t"}

Address = Callable[[str], str]  # of a tensor, in C


def call(graph: Graph, node: Node, address: Address, prefix: str) -> dict[str, object]:
    """The call of a node's kernel and the definition of its parameters.

    Args:
        graph: that the node is of.
        node: what to call.
        address: where its tensors are.
        prefix: of the name of its parameters, which keeps them apart from those of other graphs.

    Raises:
        MynaError: a parameter does not fit its field.
    """
    inputs = tuple(graph.tensors[name] for name in node.inputs)
    outputs = tuple(graph.tensors[name] for name in node.outputs)
    name, op = identifier(node.name, prefix), node.op
    arguments = [f"&{name}"] if op.struct else []
    arguments += [address(i) for i in node.inputs]
    arguments += [address(o) for o in node.outputs if o not in node.inputs]
    params = op.params(inputs, outputs)
    check_fields(op.struct, params, f"model {graph.name}, node {node.name}")
    fields = ", ".join(f".{key} = {value}" for key, value in params.items())
    parameters = f"static const struct {op.struct} {name} = {{{fields}}};" if op.struct else ""
    return {
        "name": remark(node.name),
        "parameters": fill(parameters, LINE, subsequent_indent="    "),
        "call": fill(
            f"{op.kernel}({', '.join(arguments)});",
            LINE,
            initial_indent="    ",
            subsequent_indent="        ",
            break_long_words=False,
        ),
    }


def header(node: Node) -> str:
    """The header that declares a node's kernel, without its folder and ending."""
    return type(node.op).__module__.rpartition(".")[2]


def declare(tensor: Tensor) -> str:
    """A flat array; the comment in the template gives its shape."""
    shape = "×".join(map(str, tensor.shape))
    return f"{C_TYPES[tensor.dtype]} {identifier(tensor.name)}[{tensor.size}]; /* {shape} */"


def define(tensor: Tensor, how: str, place: str) -> str:
    """A flat array with its values, called as the tensor is behind `place`."""
    shape = "×".join(map(str, tensor.shape))
    head = f"{how} {C_TYPES[tensor.dtype]} {place}{identifier(tensor.name)}[{tensor.size}]"
    return f"/* {shape} */\n{head} = {{\n{numbers(data_of(tensor))}}};"


def data_of(tensor: Tensor) -> Array:
    """What a constant is, or a state at first."""
    assert tensor.data is not None
    return tensor.data


def numbers(data: Array) -> str:
    """The values of an array, in lines."""
    if not data.any():
        return "0"
    words = ", ".join(_literal(v) for v in data.reshape(-1).tolist()).split(" ")
    lines = [words[0]]
    for word in words[1:]:  # textwrap takes half a second for a model
        if len(lines[-1]) + 1 + len(word) > LINE:
            lines.append(word)
        else:
            lines[-1] += f" {word}"
    return "\n".join(lines)


def _literal(value: int) -> str:
    return "INT32_MIN" if value == -(2**31) else str(value)
