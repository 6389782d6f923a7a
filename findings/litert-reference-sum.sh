#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: LiteRT's BUILTIN_REF resolver runs the slow reference kernels: the answer to trust
#   when the fast kernels and a port of them disagree.
# Happens: the int8 SUM of the reference kernels is wrong: for many inputs it returns -1, for
#   some the right number. The default kernels and TFLite-Micro are right on the same file.
# Software: ai-edge-litert 2.3.0 (tensorflow 2.21.0's tf.lite does the same), against
#   tflite-micro 0.dev20261023182759. Not found documented.
# Why it matters: who tests a kernel for a chip takes the reference resolver as the golden
#   answer; for this operator (and what Keras builds on it, such as UnitNormalization) the golden
#   answer is the wrong one.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'numpy==2.4.6' 'ai-edge-litert==2.3.0' \
    'tflite-micro==0.dev20261023182759' 'pyyaml==6.0.4' 'flatbuffers==25.12.19'
"$work/venv/bin/python" - 2>"$work/log" <<'PY' ||
import sys
from importlib.metadata import version

import flatbuffers
import numpy as np
from ai_edge_litert.interpreter import Interpreter, OpResolverType
from tflite_micro.python.tflite_micro import runtime
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as fb


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


def one_op(op, n):
    """A model of one reduction of (1, n, 1, 3) over the axes 1 and 2; scale 0.05, zero 3."""
    net, graph = fb.ModelT(), fb.SubGraphT()
    net.version, net.buffers, graph.tensors = 3, [fb.BufferT(), fb.BufferT()], []
    net.buffers[1].data = np.frombuffer(np.array([1, 2], np.int32).tobytes(), np.uint8)
    for shape, kind, buffer in (([1, n, 1, 3], 9, 0), ([2], 2, 1), ([1, 3], 9, 0)):
        tensor, q = fb.TensorT(), fb.QuantizationParametersT()
        tensor.shape, tensor.type, tensor.buffer, tensor.name = shape, kind, buffer, b"t"
        q.scale, q.zeroPoint = ([0.05], [3]) if kind == 9 else (None, None)
        tensor.quantization = q
        graph.tensors.append(tensor)
    code, node = fb.OperatorCodeT(), fb.OperatorT()
    code.builtinCode = code.deprecatedBuiltinCode = getattr(fb.BuiltinOperator, op)
    node.inputs, node.outputs = [0, 1], [2]
    node.builtinOptionsType, node.builtinOptions = fb.BuiltinOptions.ReducerOptions, fb.ReducerOptionsT()
    graph.inputs, graph.outputs, graph.operators = [0], [2], [node]
    net.operatorCodes, net.subgraphs = [code], [graph]
    builder = flatbuffers.Builder(0)
    builder.Finish(net.Pack(builder), file_identifier=b"TFL3")
    return bytes(builder.Output())


def lite(model, x, kind):
    it = Interpreter(model_content=model, experimental_op_resolver_type=kind)
    it.allocate_tensors()
    it.set_tensor(it.get_input_details()[0]["index"], x)
    it.invoke()
    return it.get_tensor(it.get_output_details()[0]["index"])[0].tolist()


print("ai-edge-litert", version("ai-edge-litert"), "| tflite-micro", version("tflite-micro"))
x = np.array([[[[21, -12, 5]], [[8, -28, 5]], [[1, -26, 5]], [[-14, -29, 5]]]], np.int8)
sums = ((x.astype(int) - 3).sum((1, 2))[0] + 3).tolist()
for op in "REDUCE_MAX", "SUM":
    model = one_op(op, 4)
    ref, fast = lite(model, x, OpResolverType.BUILTIN_REF), lite(model, x, OpResolverType.AUTO)
    micro = runtime.Interpreter.from_bytes(model, arena_size=1 << 16)
    micro.set_input(x, 0)
    micro.invoke()
    print(f"{op:10} reference {ref}  default {fast}  TFLite-Micro {micro.get_output(0)[0].tolist()}")
    check(op == "SUM" or ref == fast == x.max((1, 2))[0].tolist(), "REDUCE_MAX is no longer right")
print(f"right sum: {sums}")
check(fast == micro.get_output(0)[0].tolist() == sums, "the default kernels no longer give the right sum")
check(ref != sums, "the reference kernel of SUM is now right")
PY
    { grep "^changed" "$work/log" >&2 || tail -n 3 "$work/log" >&2; exit 1; }
