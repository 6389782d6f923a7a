#!/bin/sh
# SPDX-License-Identifier: Apache-2.0
#
# Expected: two BCH libraries that agree on length, information bits and errors corrected agree
#   on the code. They do at 31, 63 and 255 bits: the same bits, in the same order.
# Happens: at 127 bits they do not. Over GF(2^7) bchlib (the Linux kernel's code) builds on
#   x^7 + x + 1, galois on x^7 + x^3 + 1, and what one encodes has too many errors for the other.
#   bchlib.BCH(t, prim_poly=137) is the code of galois.
# Software: bchlib 2.1.3, galois 0.4.11, numpy 2.4.6. That galois takes MATLAB's polynomials is
#   documented, that they differ at this length from the kernel's is not. Not found as an issue.
# Why it matters: a protocol that says "BCH (127, 106)" and was tested at 63 or 255 bits looks
#   portable. A board with the one and a server with the other understand nothing at 127.
set -eu
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
python3 -m venv "$work/venv"
"$work/venv/bin/python" -m pip install -qq --disable-pip-version-check 'bchlib==2.1.3' 'galois==0.4.11' 'numpy==2.4.6'
"$work/venv/bin/python" - <<'PY'
import sys
from importlib.metadata import version

import bchlib
import galois
import numpy as np

print(*(f"{name} {version(name)}" for name in ("bchlib", "galois", "numpy")))
ERRORS, agree = 3, {}


def bits(data):
    return np.unpackbits(np.frombuffer(bytes(data), np.uint8))


for m in range(5, 9):
    theirs = bchlib.BCH(ERRORS, m=m)
    ours = galois.BCH(theirs.n, theirs.n - theirs.ecc_bits)
    data = np.random.default_rng(m).integers(0, 256, ours.k // 8, dtype=np.uint8).tobytes()
    word = np.concatenate([bits(data), bits(theirs.encode(data))[: theirs.ecc_bits]])
    _, corrected = ours.decode(galois.GF2(word), errors=True)  # -1: cannot be corrected
    agree[theirs.n] = np.array_equal(word, ours.encode(galois.GF2(bits(data))))
    print("n %4d k %4d t %d: bchlib %s, galois %s; galois finds %d errors in bchlib's word" %
          (ours.n, ours.k, ours.t, hex(theirs.prim_poly), hex(int(ours.extension_field.irreducible_poly)), corrected))
    if ours.t != ERRORS or corrected != (0 if agree[theirs.n] else -1):
        sys.exit("changed: a word is decoded otherwise")
    if not agree[theirs.n]:
        same = bchlib.BCH(ERRORS, prim_poly=int(ours.extension_field.irreducible_poly))
        again = np.concatenate([bits(data), bits(same.encode(data))[: same.ecc_bits]])
        if not np.array_equal(again, ours.encode(galois.GF2(bits(data)))):
            sys.exit("changed: the polynomial alone does not make them agree")
if [n for n in agree if not agree[n]] != [127]:
    sys.exit(f"changed: the libraries agree at {[n for n in agree if agree[n]]}")
PY
