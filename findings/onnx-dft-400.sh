#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: the DFT (and STFT) operator of onnxruntime is as exact for 400 samples, the 25 ms
#   frame of speech features at 16 kHz, as for 512.
# Happens: for lengths that are no power of two the error is several hundred times that of a
#   float32 FFT and grows with the length: 1e-3 of the peak at 16,000 points, where a pure tone
#   leaves a floor only 74 dB below itself (143 dB at 16,384). float32 throughout, no warning.
# Software: onnxruntime 1.32.0 (CPU), onnx 1.23.2, numpy 2.4.6. Not found documented.
# Why it matters: a front end exported to ONNX becomes the reference for the chip's fixed-point
#   one. Above some length the reference is worse than 16-bit arithmetic.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'onnxruntime==1.32.0' 'onnx==1.23.2' 'numpy==2.4.6'
"$work/venv/bin/python" - <<'PY'
import sys

import numpy as np
import onnx
import onnxruntime as ort
from onnx import TensorProto as T
from onnx import helper


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


def dft(x):
    """onnxruntime's DFT of a float32 vector."""
    x = x.reshape(1, -1, 1)
    graph = helper.make_graph(
        [helper.make_node("DFT", ["x", "", "axis"], ["y"], onesided=1)], "g",
        [helper.make_tensor_value_info("x", T.FLOAT, x.shape)],
        [helper.make_tensor_value_info("y", T.FLOAT, None)],
        [helper.make_tensor("axis", T.INT64, [], [1])])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    y = session.run(None, {"x": x})[0][0]
    return y[:, 0] + 1j * y[:, 1]


print("onnxruntime", ort.__version__, "onnx", onnx.__version__, "numpy", np.__version__)
print("points   error of onnxruntime / of numpy's float32 FFT   floor below a tone")
rng, ratio, floor = np.random.default_rng(0), {}, {}
for n in 256, 400, 512, 1024, 1200, 16000, 16384:
    x = rng.normal(size=n).astype(np.float32)
    want = np.fft.rfft(x.astype(float))
    ours, numpy32 = np.abs(dft(x) - want).max(), np.abs(np.fft.rfft(x) - want).max()
    tone = np.abs(dft(np.sin(2 * np.pi * 8 * np.arange(n) / n).astype(np.float32))) / (n / 2)
    tone[8] = 0
    ratio[n], floor[n] = ours / numpy32, 20 * np.log10(tone.max())
    print("%6d   %.1e / %.1e (%5.0f times)                  %4.0f dB" % (n, ours, numpy32, ratio[n], floor[n]))
check(max(ratio[n] for n in (256, 512, 1024, 16384)) < 100, "powers of two are no longer exact")
check(min(ratio[n] for n in (400, 1200, 16000)) > 200, "other lengths are now exact")
check(floor[16000] > -85 and floor[16384] < -125, "the floor below a tone changed")
PY
