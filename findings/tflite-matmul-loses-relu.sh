#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: relu(a @ b) keeps its ReLU when Keras converts it to TensorFlow Lite.
# Happens: if a and b are both computed (no constant) and have two dimensions, the ReLU is gone and
#   the result is negative. It looks fused into a FULLY_CONNECTED that is then rewritten to
#   BATCH_MATMUL, which has no activation. No message. With three dimensions it stays.
#   Dense(64, activation="relu") quantized by Keras to int4 falls into the same hole, because its
#   weights are unpacked in the graph; besides, that file is half as large again as the float one.
# Software: tensorflow 2.21.0, keras 3.15.1, run on tf.lite's reference kernels. Not found documented.
# Why it matters: int4 is asked for where flash is short; the chip then runs a network without its
#   non-linearity, in a larger file, while Keras itself still shows the good accuracy.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'tensorflow==2.21.0' 'keras==3.15.1' 'numpy==2.4.6'
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES='' "$work/venv/bin/python" - 2>"$work/log" <<'PY' ||
import contextlib
import io
import sys

import keras
import numpy as np
import tensorflow as tf
from keras import ops


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


def convert(net):
    with contextlib.redirect_stdout(io.StringIO()):
        return tf.lite.TFLiteConverter.from_keras_model(net).convert()


def compare(name, net):
    """Whether the converted network agrees with Keras; prints both ranges."""
    model = convert(net)
    x = np.random.default_rng(0).normal(0, 1, net.inputs[0].shape).astype(np.float32)
    lite = tf.lite.Interpreter(
        model_content=model,
        experimental_op_resolver_type=tf.lite.experimental.OpResolverType.BUILTIN_REF)
    lite.allocate_tensors()
    lite.set_tensor(lite.get_input_details()[0]["index"], x)
    lite.invoke()
    y = lite.get_tensor(lite.get_output_details()[0]["index"])
    k = net.predict(x, verbose=0)
    print(f"{name:24} Keras {k.min():6.2f} .. {k.max():5.2f}   TFLite {y.min():6.2f} .. {y.max():5.2f}   "
          + " ".join(op["op_name"] for op in lite._get_ops_details()))
    check(k.min() == 0, "Keras no longer applies the ReLU")
    return bool(np.abs(k - y).max() < 1e-3), y.min() < -1


print("keras", keras.__version__, "tensorflow", tf.__version__)
cases = {}
for rank, shape in (2, (16, 16)), (3, (1, 16, 16)):
    x = keras.Input((256,), batch_size=1)
    a = ops.reshape(x, shape)
    cases[rank] = compare(f"relu(a @ b), {rank} dimensions", keras.Model(x, ops.relu(ops.matmul(a, a))))

keras.utils.set_random_seed(0)
net = keras.Sequential([keras.Input((64,), batch_size=1), keras.layers.Dense(64, activation="relu")])
cases["float"] = compare("Dense(64, relu), float", net)
before = len(convert(net))
net.quantize("int4")
cases["int4"] = compare("Dense(64, relu), int4", net)
print("file of the dense layer: float", before, "bytes, int4", len(convert(net)))
check(cases[3][0] and cases["float"][0], "the cases with ReLU no longer agree")
check(cases[2][1], "the ReLU after a two-dimensional product is no longer lost")
check(cases["int4"][1], "the ReLU of the int4 layer is no longer lost")
check(len(convert(net)) > 1.3 * before, "the int4 file is no longer the larger one")
PY
    { grep "^changed" "$work/log" >&2 || tail -n 3 "$work/log" >&2; exit 1; }
