#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: "16x8" conversion (int16 activations) is the exact, wide variant: a sum over 64
#   positions is at least as good as with int8.
# Happens: with int16 the converter gives SUM the scale of its *input*; the result saturates at
#   the largest input value. With int8 it calibrates the output and is right. Conversion and
#   execution succeed without a word; small sums look perfect, large ones are cut.
# Software: tensorflow 2.21.0 (Keras 3.15.1), on its own interpreter. Not found documented.
# Why it matters: sums over time or space (attention, energy, pooled counts) are where someone
#   goes from int8 to int16 for more range, and gets less.
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


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


data = np.random.default_rng(0).normal(0, 2, (12, 1, 64, 8)).astype(np.float32)
x = keras.Input((64, 8), batch_size=1)
net = keras.Model(x, keras.ops.sum(x, axis=1))
want = net(data[0]).numpy()[0]


def run(ops):
    conv = tf.lite.TFLiteConverter.from_keras_model(net)
    conv.optimizations = [tf.lite.Optimize.DEFAULT]
    conv.representative_dataset = lambda: ([d] for d in data)
    conv.target_spec.supported_ops = [ops]
    with contextlib.redirect_stdout(io.StringIO()):
        model = conv.convert()
    lite = tf.lite.Interpreter(model_content=model)
    lite.allocate_tensors()
    lite.set_tensor(lite.get_input_details()[0]["index"], data[0])
    lite.invoke()
    return lite.get_tensor(lite.get_output_details()[0]["index"])[0]


print("tensorflow", tf.__version__, "keras", keras.__version__)
int8 = run(tf.lite.OpsSet.TFLITE_BUILTINS_INT8)
int16 = run(tf.lite.OpsSet.EXPERIMENTAL_TFLITE_BUILTINS_ACTIVATIONS_INT16_WEIGHTS_INT8)
peak = np.abs(data).max()
for name, row in ("float", want), ("int8", int8), ("int16", int16):
    print("%-6s" % name, " ".join("%7.2f" % v for v in row))
print("largest input value: %.2f" % peak)
small = np.abs(want) < 0.9 * peak
check(np.abs(int8 - want).max() < 1.0, "the int8 sum is no longer right")
check(small.any() and np.abs(int16 - want)[small].max() < 0.05, "small int16 sums are no longer exact")
check(np.abs(want).max() > 2 * peak and np.abs(int16).max() <= 1.01 * peak,
      "the int16 sum no longer saturates at the input's range")
PY
    { grep "^changed" "$work/log" >&2 || tail -n 3 "$work/log" >&2; exit 1; }
