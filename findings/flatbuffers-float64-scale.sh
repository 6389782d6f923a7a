#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: the Python object API of a .tflite stores tensor.shape = np.array([1, 49, 10, 1]) and
#   scale = np.array([0.5, 0.25]) as they are, or refuses a wrong type. It takes lists of numbers.
# Happens: a NumPy array is copied byte by byte with its own item size, but the length counts
#   items. NumPy's default int64 and float64 go into vectors of int32 and float32: the shape reads
#   back as [1, 0, 49, 0] and the scales as [0.0, 1.75]. int32 zero points, in a vector of int64,
#   read back as two numbers glued together. Nothing is raised; the file is a valid flatbuffer.
# Software: flatbuffers 25.12.19 with the generated classes of tflite-micro
#   0.dev20261023182759 and of tflite 2.18.0 (the reader here). Not found documented.
# Why it matters: models are patched or written this way to get them onto a chip; a list and an
#   array of the same numbers give different networks.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'numpy==2.4.6' 'flatbuffers==25.12.19' \
    'tflite==2.18.0' 'tflite-micro==0.dev20261023182759' 'pyyaml==6.0.4'
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import flatbuffers
import numpy as np
import tflite
from tflite_micro.tensorflow.lite.micro.python import schema_py_generated as fb


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


def round_trip(shape, scale, zero):
    """Writes one tensor with the object API and reads it with another package."""
    tensor, model, graph = fb.TensorT(), fb.ModelT(), fb.SubGraphT()
    tensor.quantization = fb.QuantizationParametersT()
    tensor.shape, tensor.quantization.scale, tensor.quantization.zeroPoint = shape, scale, zero
    graph.tensors, model.subgraphs, model.version = [tensor], [graph], 3
    builder = flatbuffers.Builder(0)
    builder.Finish(model.Pack(builder), file_identifier=b"TFL3")
    read = tflite.Model.GetRootAs(bytes(builder.Output()), 0).Subgraphs(0).Tensors(0)
    q = read.Quantization()
    return (read.ShapeAsNumpy().tolist(), q.ScaleAsNumpy().tolist(), q.ZeroPointAsNumpy().tolist())


shape, scale, zero = [1, 49, 10, 1], [0.5, 0.25], [3, 4]
print("flatbuffers", version("flatbuffers"), "| tflite", version("tflite"), "| numpy", np.__version__)
lists = round_trip(shape, scale, zero)
exact = round_trip(np.array(shape, np.int32), np.array(scale, np.float32), np.array(zero, np.int64))
plain = round_trip(np.array(shape), np.array(scale), np.array(zero, np.int64))
short = round_trip(shape, scale, np.array(zero, np.int32))
print("lists                     ", *lists)
print("arrays of the schema's type", *exact)
print("np.array(...) as it comes ", *plain)
print("zero points as int32      ", *short)
check(lists == exact == (shape, scale, zero), "lists or exactly typed arrays are no longer stored right")
check(plain[:2] == ([1, 0, 49, 0], [0.0, 1.75]), "int64 shapes and float64 scales are stored differently")
check(short[2][0] == 3 + (4 << 32), "int32 zero points are stored differently")
PY
