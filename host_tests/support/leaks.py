# SPDX-License-Identifier: Apache-2.0
"""Whether bytes that were sent hold values that must not leave, in whatever plain form."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Iterator, Mapping

import numpy as np
import numpy.typing as npt

Values = npt.NDArray[np.integer]

RUN = 12  # values in a row that chance does not bring
DISTINCT = 3  # of them, so that silence and zeros are no secret
TYPES = ("i1", "<i2", ">i2", "<i4", ">i4", "<i8", ">i8", "<f4", ">f4", "<f8", ">f8")


def leaks(sent: bytes, secrets: Mapping[str, Iterable[Values]]) -> set[str]:
    """The names of those secrets of which a run of values was sent.

    Values are looked for as integers and floats of all sizes and byte orders, negated, without
    sign, reversed, as nibbles, in hexadecimal and in base64; at any bit of the stream, and with
    up to three bytes of something else between two. What is encrypted or computed of them is
    not found.
    """
    streams = [*_streams(sent)]
    return {
        name
        for name, arrays in secrets.items()
        if any(needle in stream for needle in _needles(arrays) for stream in streams)
    }


def _streams(sent: bytes) -> Iterator[bytes]:
    whole = int.from_bytes(sent, "big")
    yield sent
    for shift in range(1, 8):
        yield (whole << shift).to_bytes(len(sent) + 1, "big")
    for stride in (2, 3, 4):
        for phase in range(stride):
            yield sent[phase::stride]


def _needles(arrays: Iterable[Values]) -> Iterator[bytes]:
    for array in arrays:
        flat = array.reshape(-1)
        for at in range(0, flat.size - RUN + 1, RUN):
            run = flat[at : at + RUN]
            if len(np.unique(run)) >= DISTINCT:
                yield from _forms(run)


def _forms(run: Values) -> Iterator[bytes]:
    narrow = run.min() >= -128 and run.max() < 128
    for values in (run, -run, run[::-1]):
        for kind in TYPES:
            if narrow or kind != "i1":
                yield values.astype(kind).tobytes()
    plain = run.astype("i1" if narrow else "<i2")
    yield (plain.view("u1") ^ 0x80).tobytes()
    yield plain.tobytes().hex().encode()
    for skipped in range(3):  # where a group of base64 begins
        whole = plain.tobytes()[skipped:]
        yield base64.b64encode(whole[: len(whole) // 3 * 3])
    if narrow:
        low = run.astype("i1").view("u1") & 15
        yield (low[::2] << 4 | low[1::2]).tobytes()
        yield (low[1::2] << 4 | low[::2]).tobytes()
