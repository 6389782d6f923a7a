#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: a ReLU6 that the TensorFlow Lite converter leaves as an operator of its own (here
#   after a Concatenate) means the same to LiteRT and to TensorFlow Lite Micro.
# Happens: the converter gives RELU6 an input scale and another output scale. LiteRT changes
#   the scale; TFLite-Micro only clamps, and hands the input's integers on under the output's
#   scale. No error, no log line. RELU does it right in both, so a network with ReLU is fine.
# Software: tflite-micro 0.dev20261023182759 against ai-edge-litert 2.3.0; model written by
#   tensorflow 2.21.0 (Keras 3.15.1). Not found documented.
# Why it matters: activations of up to 6 come out wrong by about 3 on the chip only; the same
#   file is right on the desk. Fused into a convolution ReLU6 is fine; it stands alone after a
#   Concatenate, on an input, or where the convolution's result has a second reader.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'tensorflow==2.21.0' 'keras==3.15.1' \
    'numpy==2.4.6' 'ai-edge-litert==2.3.0' 'tflite-micro==0.dev20261023182759' 'pyyaml==6.0.4'
TF_CPP_MIN_LOG_LEVEL=3 CUDA_VISIBLE_DEVICES='' "$work/venv/bin/python" - 2>"$work/log" <<'PY' ||
import contextlib
import io
import sys
from importlib.metadata import version

import keras
import numpy as np
import tensorflow as tf
from ai_edge_litert.interpreter import Interpreter
from tflite_micro.python.tflite_micro import runtime


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


def errors(activation):
    """Largest error of both runtimes against Keras, and the scales around the activation."""
    keras.utils.set_random_seed(1)
    x = keras.Input((8, 8, 4), batch_size=1)
    branches = [keras.layers.Conv2D(4, 3, padding="same")(x) for _ in range(2)]
    net = keras.Model(x, activation(keras.layers.Concatenate()(branches)))
    data = np.random.default_rng(0).normal(0, 3, (20, 1, 8, 8, 4)).astype(np.float32)
    conv = tf.lite.TFLiteConverter.from_keras_model(net)
    conv.optimizations = [tf.lite.Optimize.DEFAULT]
    conv.representative_dataset = lambda: ([d] for d in data)
    conv.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
    conv.inference_input_type = conv.inference_output_type = tf.int8
    with contextlib.redirect_stdout(io.StringIO()):
        model = conv.convert()
    lite = Interpreter(model_content=model)
    lite.allocate_tensors()
    into, out = lite.get_input_details()[0], lite.get_output_details()[0]
    scale, zero = into["quantization"]
    q = np.clip(np.rint(data[0] / scale) + zero, -128, 127).astype(np.int8)
    lite.set_tensor(into["index"], q)
    lite.invoke()
    micro = runtime.Interpreter.from_bytes(model, arena_size=1 << 18)
    micro.set_input(q, 0)
    micro.invoke()
    out_scale, out_zero = out["quantization"]
    want = net(data[0]).numpy()
    got = (lite.get_tensor(out["index"]), micro.get_output(0))
    return [float(np.abs((g.astype(float) - out_zero) * out_scale - want).max()) for g in got]


print("tensorflow", tf.__version__, "| ai-edge-litert", version("ai-edge-litert"),
      "| tflite-micro", version("tflite-micro"))
plain = errors(keras.layers.ReLU())
six = errors(keras.layers.ReLU(6.0))
print("largest error against float Keras, LiteRT and TFLite-Micro:")
print("  Concatenate -> ReLU   %.2f  %.2f" % tuple(plain))
print("  Concatenate -> ReLU6  %.2f  %.2f   (values lie between 0 and 6)" % tuple(six))
check(max(plain) < 0.3, "ReLU is no longer right in both runtimes")
check(six[0] < 0.3, "LiteRT no longer gets ReLU6 right")
check(six[1] > 2.0, "TFLite-Micro no longer gets the ReLU6 with two scales wrong")
PY
    { grep "^changed" "$work/log" >&2 || tail -n 3 "$work/log" >&2; exit 1; }
