#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: a sound written as Ogg Opus comes back with the length it had and, but for what a lossy
#   code changes, with the same samples from its first to its last.
# Happens: the length is right, but of a file of whole seconds the last 3 to 6 ms are not
#   the sound: a tone of amplitude 0.25 is off by up to 0.5 there and goes beyond the loudest
#   sample that was written. Whether it happens depends on where the end lies in a frame of 20 ms:
#   of a file 5 ms longer the end is right. It is written so: other decoders find the same end, and
#   files of other encoders end well. (The code is late by 6.5 ms, for which no frame may be left.)
# Software: soundfile 0.14.0 with its libsndfile 1.2.2, numpy 2.4.6.
# Why it matters: clips of one second are the unit of keyword data. Converted to Opus, each ends in
#   a click that the original does not have, at the same place in all of them.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'soundfile==0.14.0' 'numpy==2.4.6'
"$work/venv/bin/python" - <<'PY'
import io
import sys

import numpy as np
import soundfile as sf

RATE = 16000
END = RATE // 100


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


def came_back(length):
    """Largest errors before the last 10 ms (but for the first 20 ms), and within them."""
    sound = 0.25 * np.sin(2 * np.pi * 220 * np.arange(length) / RATE)
    file = io.BytesIO()
    sf.write(file, sound, RATE, format="OGG", subtype="OPUS")
    back, _ = sf.read(io.BytesIO(file.getvalue()))
    check(len(back) == length, "the length is no longer kept")
    error = np.abs(back - sound)
    return error[2 * END : -END].max(), error[-END:].max(), np.abs(back).max()


print("soundfile", sf.__version__, sf.__libsndfile_version__)
for seconds, clicks in ((1.0, True), (2.0, True), (3.0, True), (1.005, False), (2.005, False)):
    inside, end, peak = came_back(round(seconds * RATE))
    print(f"{seconds:5.3f} s of a tone of 0.25: off by at most {inside:.3f} inside, "
          f"{end:.3f} in the last 10 ms; peak {peak:.2f}")
    check(inside < 0.05, "the code is worse inside the sound")
    check((end > 0.15) == clicks, f"the end of {seconds} s is {'right' if clicks else 'wrong'}")
PY
