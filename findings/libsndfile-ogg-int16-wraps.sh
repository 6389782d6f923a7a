#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: a loud sound read as int16 is at worst clipped to -32768 ... 32767, in every format,
#   as it is from MP3.
# Happens: from Ogg Vorbis and Ogg Opus what lies beyond full scale wraps round, so that peaks
#   change their sign. A plain sine of 0.99, written and read back, has hundreds of samples of the
#   wrong sign; of a square wave of 0.99 over 40 % have, as a lossy code overshoots. The same
#   file read as float is right, and the same sound as MP3 overshoots as far and is clipped.
# Software: soundfile 0.14.0 with its libsndfile 1.2.2, numpy 2.4.6.
# Why it matters: sets of speech are published as Ogg, and a fixed-point front end wants int16, so
#   it is asked for where the file is read. Loud takes then hold clicks of full scale, which no
#   listener of the file hears. Read floats, clip, then round.
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

RATE = 48000
FORMATS = {
    "Ogg Vorbis": ("OGG", "VORBIS"),
    "Ogg Opus": ("OGG", "OPUS"),
    "MP3": ("MP3", "MPEG_LAYER_III"),
}
phase = 2 * np.pi * 220 * np.arange(RATE) / RATE
SOUNDS = {"sine": 0.99 * np.sin(phase), "square": 0.99 * np.where(np.sin(phase) >= 0, 1, -1)}


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


print("soundfile", sf.__version__, sf.__libsndfile_version__)
for name, sound in SOUNDS.items():
    for title, (container, code) in FORMATS.items():
        file = io.BytesIO()
        sf.write(file, sound, RATE, format=container, subtype=code)
        exact, _ = sf.read(io.BytesIO(file.getvalue()), dtype="float64")
        narrow, _ = sf.read(io.BytesIO(file.getvalue()), dtype="int16")
        flipped = int((np.abs(exact * 32768 - narrow) > 40000).sum())
        print(f"{name:6} {title:10} peak {np.abs(exact).max():.2f}: "
              f"{flipped} of {len(narrow)} samples have the wrong sign as int16")
        ogg = container == "OGG"
        check(ogg == (flipped > 0), f"{title} of a {name} {'clips' if ogg else 'wraps'}")
        check(name == "sine" or not ogg or flipped > 0.3 * RATE, f"{title} wraps less")
PY
