#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: soundfile.read(f, start=n) gives the samples from n on, for MP3 as for Ogg and FLAC.
# Happens: in an MP3 of a clean sound (tones, beeps, speech with digital silence in between) the
#   first samples after the seek are wrong: up to a quarter of a second at 16 kHz, with errors as
#   large as the signal. The bits of a frame may lie many frames earlier (the bit reservoir), and
#   the seek does not go back far enough to collect them. Length and position are right and
#   nothing is raised; the decoder may write a line to standard error. With noise 60 dB below the
#   tone every frame is full, and all is right. The file is written with soundfile's defaults.
# Software: soundfile 0.14.0 (libsndfile 1.2.2 in its wheel), numpy 2.4.6. Not found documented.
# Why it matters: windows of one second are cut out of long recordings by start=. Noisy recordings
#   pass every test; synthetic or gated speech and alarm sounds lose a quarter of a window.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'soundfile==0.14.0' 'numpy==2.4.6'
"$work/venv/bin/python" - 2>"$work/log" <<'PY' ||
import io
import sys

import numpy as np
import soundfile as sf


def check(ok, what):
    if not ok:
        sys.exit(f"changed: {what}")


RATE, STARTS = 16000, (4000, 8000, 16000, 30000)
t = np.arange(3 * RATE) / RATE
tone = 0.4 * np.sin(2 * np.pi * 440 * t)
noise = np.random.default_rng(0).normal(0, 4e-4, len(t))
print("soundfile", sf.__version__, sf.__libsndfile_version__, "numpy", np.__version__)
print("a 440 Hz tone of amplitude 0.4; read(start=n) against read()[n:] for n in", STARTS)
worst = {}
for name, sound in ("FLAC", tone), ("OGG", tone), ("MP3 with noise", tone + noise), ("MP3", tone):
    file = io.BytesIO()
    sf.write(file, sound.astype(np.float32), RATE, format=name[:4].strip())
    whole, _ = sf.read(io.BytesIO(file.getvalue()), dtype="float32")
    worst[name] = []
    for start in STARTS:
        part, _ = sf.read(io.BytesIO(file.getvalue()), start=start, dtype="float32")
        wrong = np.nonzero(np.abs(part - whole[start:]) > 0.01)[0]
        worst[name].append(int(wrong[-1]) + 1 if len(wrong) else 0)
        check(len(part) == len(whole) - start, "the length is no longer right")
    print("%-15s wrong until sample" % name, worst[name])
check(not any(worst["FLAC"] + worst["OGG"]), "FLAC or Ogg is no longer exact")
check(not any(worst["MP3 with noise"]), "the noisy MP3 is no longer exact")
check(min(worst["MP3"]) > 1000, "windows of an MP3 are no longer wrong after the seek")
PY
    { grep "^changed" "$work/log" >&2 || tail -n 3 "$work/log" >&2; exit 1; }
