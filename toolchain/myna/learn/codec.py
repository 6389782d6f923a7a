# SPDX-License-Identifier: Apache-2.0
"""The difference of two states in few bytes; twin of firmware/runtime/codec.c; SPEC.md, 19.

Both sides know a state, the base. What another state has beyond it is quantized tensor by tensor:
each gets its share of a budget of bits and the finest step that fits it, zeros in a row and
magnitudes become Rice codes. What was not sent remains with the sender, who sends it later ("error
feedback": Seide et al., "1-Bit Stochastic Gradient Descent", 2014; Karimireddy et al., "Error
Feedback Fixes SignSGD", 2019).
"""

from __future__ import annotations

import struct
import zlib
from collections.abc import Container
from dataclasses import dataclass

import numpy as np

from myna.errors import MynaError
from myna.ir import Array
from myna.learn import rice
from myna.learn.rice import Bits
from myna.learn.vector import Form, Part, Vector, averaged, from_vector, to_vector, trained_weights
from myna.passes.memory.plan import Program

VERSION = 2
HEADER = struct.Struct("<BI")  # version, CRC-32 of base and codes
STEPS = 27 << rice.WIDTH  # 27 shifts; the leading one and 5 bits are shifted
EMPTY = 31  # in place of a shift: the tensor is as in the base
SMALL_SHARE = 4  # an element that is no weight counts as so many: few are left out for long
LEAST = 64  # bytes of a budget
INT32_MAX = 2**31 - 1


def encode(
    program: Program, base: bytes, state: bytes, budget: int, private: Container[str] = ()
) -> tuple[bytes, bytes]:
    """What a state has beyond a base, and what is left of it.

    Args:
        program: of both.
        base: what the receiver knows.
        state: to be told of.
        budget: bytes that it may take.
        private: tensors of which nothing is told.

    Returns:
        the encoded difference, and the state block that is the base and what was not sent.

    Raises:
        MynaError: the budget does not even hold the difference of equal states.
    """
    kept = averaged(program)
    left = 8 * (budget - HEADER.size) - rice.WIDTH * len(kept)
    if left < 0:
        raise MynaError(
            f"{budget} bytes hold no update",
            where=f"model {program.graph.name}",
            fix="allow more bits with --bits-up and --bits-down",
        )
    difference = _difference(program, base, state)
    sent, codes, at = np.zeros(len(difference), np.int64), [], 0
    weights = [0 if part.tensor in private else _weight(part) for part in kept]
    elements = sum(weights)
    for part, weight in zip(kept, weights, strict=True):
        here = slice(at, at + part.size)
        wanted, step = difference[here], _Step(STEPS)
        if weight:
            step = _finest(wanted, rice.WIDTH + left * weight // elements)
        codes.append(step.bits(wanted))
        sent[here] = step.quantize(wanted) * step.size
        left -= len(codes[-1]) - rice.WIDTH
        elements -= weight
        at += part.size
    packed = np.packbits(np.concatenate(codes), bitorder="little").tobytes()
    rest = to_vector(program, base) + difference - sent
    return seal(base, packed), from_vector(program, base, rest)


def decode(program: Program, base: bytes, data: bytes) -> Vector:
    """The difference that was encoded, int32 [parameters].

    Raises:
        MynaError: it is none, or of another base.
    """
    packed = data[HEADER.size :]
    if data != seal(base, packed):
        raise MynaError(
            "an encoded difference is damaged, or of another state",
            where=f"model {program.graph.name}",
            fix="send the whole state again",
        )
    reader = rice.Reader(packed)
    found = [_read(reader, part) for part in averaged(program)]
    if not reader.is_at_end():
        raise rice.damaged()
    return np.concatenate(found).astype(np.int32)


def budget(program: Program, bits: float, private: Container[str] = ()) -> int:
    """Bytes for so many bits a trained weight that is told; of few more, to say anything."""
    return max(round(trained_weights(program, private) * bits / 8), LEAST)


def seal(base: bytes, packed: bytes) -> bytes:
    """Codes behind their header, which says to which base they belong."""
    return HEADER.pack(VERSION, zlib.crc32(packed, zlib.crc32(base))) + packed


def apply(program: Program, state: bytes, difference: Vector) -> bytes:
    """The state block with a difference added."""
    return from_vector(program, state, to_vector(program, state).astype(np.int64) + difference)


def _difference(program: Program, base: bytes, state: bytes) -> Array:
    return to_vector(program, state).astype(np.int64) - to_vector(program, base)


def _weight(part: Part) -> int:
    return part.size if part.form is Form.MASTER else SMALL_SHARE * part.size


@dataclass(frozen=True)
class _Step:
    """How a tensor is quantized: step `index` of `STEPS`, from fine to coarse; beyond is nothing.

    A magnitude is divided by the step's size and rounded up from two thirds: more become zero than
    with halves, and what is not sent costs least.
    """

    index: int

    @property
    def size(self) -> int:
        """32 sizes between two powers of two: with 8, much of a budget is left."""
        shift, mantissa = divmod(self.index, 1 << rice.WIDTH)
        return (((1 << rice.WIDTH) + mantissa) << shift) >> rice.WIDTH

    def quantize(self, values: Array) -> Array:
        """Multiples of the size, int64."""
        if self.index == STEPS:
            return np.zeros_like(values)
        return np.asarray(np.sign(values) * ((np.abs(values) + self.size // 3) // self.size))

    def _codes(self, values: Array) -> tuple[Array, Array]:
        """Zeros before each value that is none, and behind the last; these values."""
        found = self.quantize(values)
        places = np.flatnonzero(found)
        zeros = np.diff(places, prepend=-1, append=len(found)) - 1
        return zeros if zeros[-1] else zeros[:-1], found[places]

    def cost(self, values: Array) -> int:
        """Bits of the code."""
        zeros, found = self._codes(values)
        if not len(found):
            return rice.WIDTH
        magnitudes = np.abs(found) - 1
        return 4 * rice.WIDTH + len(found) + rice.best(zeros)[1] + rice.best(magnitudes)[1]

    def bits(self, values: Array) -> Bits:
        """The code: step, parameters of zeros and magnitudes; zeros, sign, magnitude in turn."""
        zeros, found = self._codes(values)
        if not len(found):
            return rice.number(EMPTY, rice.WIDTH)
        magnitudes = np.abs(found) - 1
        k_zeros, k_magnitudes = rice.best(zeros)[0], rice.best(magnitudes)[0]
        shift, mantissa = divmod(self.index, 1 << rice.WIDTH)
        head = [rice.number(n, rice.WIDTH) for n in (shift, mantissa, k_zeros, k_magnitudes)]
        sizes = rice.lengths(zeros, k_zeros)
        sizes[: len(found)] += 1 + rice.lengths(magnitudes, k_magnitudes)
        starts = np.cumsum(sizes) - sizes
        bits = np.zeros(sizes.sum(), np.uint8)
        rice.put(bits, starts, zeros, k_zeros)
        signs = (starts + rice.lengths(zeros, k_zeros))[: len(found)]
        bits[signs] = found < 0
        rice.put(bits, signs + 1, magnitudes, k_magnitudes)
        return np.concatenate([*head, bits])


def _finest(values: Array, bits: int) -> _Step:
    """The step at which a bisection for one that fits ends."""
    low, high = 0, STEPS
    while low < high:
        middle = (low + high) // 2
        if _Step(middle).cost(values) <= bits:
            high = middle
        else:
            low = middle + 1
    return _Step(high)


def _read(reader: rice.Reader, part: Part) -> Array:
    found = np.zeros(part.size, np.int64)
    shift = reader.number(rice.WIDTH)
    if shift == EMPTY:
        return found
    step = _Step((shift << rice.WIDTH) + reader.number(rice.WIDTH))
    k_zeros, k_magnitudes = reader.number(rice.WIDTH), reader.number(rice.WIDTH)
    if step.index >= STEPS or max(k_zeros, k_magnitudes) > rice.MOST:
        raise rice.damaged()
    at = reader.rice(k_zeros)
    while at < part.size:
        is_negative, magnitude = reader.number(1), reader.rice(k_magnitudes) + 1
        if magnitude > INT32_MAX // step.size:
            raise rice.damaged()
        found[at] = (-magnitude if is_negative else magnitude) * step.size
        at += 1
        if at < part.size:
            at += reader.rice(k_zeros)
    if at > part.size:
        raise rice.damaged()
    return found
