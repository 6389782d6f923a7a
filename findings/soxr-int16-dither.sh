#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: resampling int16 silence gives silence, and resampling int16 gives the float64 result
#   rounded to integers.
# Happens: for int16 (only) soxr adds dither: 23 % of the samples of digital silence become +-1,
#   a constant 5 becomes 4, 5 and 6, and a third of a sine's samples are not the rounded value.
#   The dither repeats from run to run, so it looks like a property of the signal. int32 and
#   float inputs are not dithered. (The resampler's sources call it; its Python page does not.)
# Software: soxr 1.1.0, numpy 2.4.6.
# Why it matters: test vectors and silence for a fixed-point front end are made this way. A log
#   mel filter turns +-1 into a floor that no microphone has, and integer equality fails.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'soxr==1.1.0' 'numpy==2.4.6'
"$work/venv/bin/python" - <<'PY'
import sys

import numpy as np
import soxr


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


def down(x):
    return soxr.resample(x, 48000, 16000)


print("soxr", soxr.__version__, "numpy", np.__version__)
silence = down(np.zeros(48000, np.int16))
wide = down(np.zeros(48000, np.int32))
five = down(np.full(48000, 5, np.int16))
sine = (3000 * np.sin(np.arange(48000) * 2 * np.pi * 440 / 48000)).round()
narrow, exact = down(sine.astype(np.int16)), down(sine)
off = float((narrow != np.rint(exact)).mean())
print("silence, int16: %.1f %% of the samples are not 0, values %s" %
      (100 * (silence != 0).mean(), np.unique(silence).tolist()))
print("silence, int32: values", np.unique(wide).tolist())
print("constant 5, int16: values", np.unique(five[100:-100]).tolist())
print("sine, int16: %.1f %% differ from the rounded float64 result; error %.2f LSB rms instead of 0.29" %
      (100 * off, (narrow - exact).std()))
check(not wide.any(), "int32 silence is no longer silent")
check(0.15 < (silence != 0).mean() < 0.35 and np.abs(silence).max() == 1, "int16 silence is dithered differently")
check(len(np.unique(five[100:-100])) == 3, "a constant is no longer dithered")
check(0.2 < off < 0.45, "the int16 sine is dithered differently")
check(np.array_equal(silence, down(np.zeros(48000, np.int16))), "the dither no longer repeats")
PY
