#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: int8 conversion of y = x - minimum(x, 1) is off by a few steps of its scale.
# Happens: y is 0 for every input. MINIMUM and MAXIMUM must have one scale on both sides, and
#   the converter forces the range of the *result* back onto the operand, even onto the input
#   of the model. Whatever else reads that operand gets it already clipped. The same makes
#   maximum(x, 0.1 x), a leaky ReLU by hand, ten times too small for negative x, while the
#   LeakyReLU layer is right. The converter says nothing.
# Software: tensorflow 2.21.0 (Keras 3.15.1), run on its own interpreter. That some operators
#   keep one scale is documented; that the operand is cut to the result's range is not.
# Why it matters: shrinkage, dead zones, maxout and hand-made activations pass every float test
#   and are constant on the chip.
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


data = np.random.default_rng(0).normal(0, 2, (12, 1, 256)).astype(np.float32)


def both(function):
    """The float result and the int8 result (dequantized) for the first sample."""
    x = keras.Input((256,), batch_size=1)
    net = keras.Model(x, function(x))
    conv = tf.lite.TFLiteConverter.from_keras_model(net)
    conv.optimizations = [tf.lite.Optimize.DEFAULT]
    conv.representative_dataset = lambda: ([d] for d in data)
    conv.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    with contextlib.redirect_stdout(io.StringIO()):
        model = conv.convert()
    lite = tf.lite.Interpreter(model_content=model)
    lite.allocate_tensors()
    lite.set_tensor(lite.get_input_details()[0]["index"], data[0])
    lite.invoke()
    return net(data[0]).numpy(), lite.get_tensor(lite.get_output_details()[0]["index"])


print("tensorflow", tf.__version__, "keras", keras.__version__)
alone = both(lambda x: ops.minimum(x, 1.0))
shrink = both(lambda x: x - ops.minimum(x, 1.0))
layer = both(keras.layers.LeakyReLU(negative_slope=0.1))
leaky = both(lambda x: ops.maximum(x, 0.1 * x))
print("                     float range        int8 range")
for name, (f, q) in {"minimum(x,1)": alone, "x - minimum(x,1)": shrink,
                     "LeakyReLU(0.1)": layer, "maximum(x,0.1x)": leaky}.items():
    print("%-18s %6.2f .. %5.2f   %6.2f .. %5.2f" % (name, f.min(), f.max(), q.min(), q.max()))
check(np.abs(alone[0] - alone[1]).max() < 0.1, "minimum(x, 1) alone is no longer right")
check(np.abs(layer[0] - layer[1]).max() < 0.1, "the LeakyReLU layer is no longer right")
check(shrink[0].max() > 3 and not shrink[1].any(), "x - minimum(x, 1) is no longer all zero")
check(leaky[0].min() < -0.4 and leaky[1].min() > -0.15, "maximum(x, 0.1 x) is no longer cut")
PY
    { grep "^changed" "$work/log" >&2 || tail -n 3 "$work/log" >&2; exit 1; }
